"""Formats of a difference: text for people, JSON for programs, Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from thwart._version import __version__
from thwart.lib.bitsets import members
from thwart.network._comparing_report import KINDS, TITLES, Difference, IntentChange
from thwart.network._comparing_rows import State
from thwart.network._comparing_units import ADDED, BOTH, REMOVED
from thwart.network.comparing import Change, Comparison
from thwart.network.flows import encode
from thwart.network.intents.formats._words import headline
from thwart.network.intents.formats.json import encode_outcome, encode_spot
from thwart.network.intents.formats.markdown import plain

_LINES = 400  # of text
_ROWS = 100  # of changes in Markdown: a comment holds 65,536 characters


def text(difference: Difference) -> str:
    """The difference as text."""
    lines = list(islice(_text(difference), _LINES))
    if len(lines) == _LINES:
        lines.append("… and more: -o json writes everything")
    return "\n".join([*lines, *([""] if lines else []), difference.summary()]) + "\n"


def _text(difference: Difference) -> Iterator[str]:
    for change in _ordered(difference.found):
        yield f"{_title(change)}: {difference.line(change)}"
        if change.stands == BOTH:
            yield from (f"    {line}" for line in difference.reasons(change))
    for stands in (ADDED, REMOVED):
        yield from (f"{stands}: {name}" for name in difference.found.names(stands))
    for one in difference.intents:
        yield f"intent {one.word}: {one.after.intent.name} ({one.after.intent.path}:{one.after.intent.line})"
        if one.word != "repaired":
            yield f"    {headline(one.after)}"
    yield from (f"not read, so that nothing is certain: {_place(one.path)}{one.message}" for one in difference.unread)


def _place(path: str) -> str:
    return f"{path}: " if path else ""


def _title(change: Change) -> str:
    if change.stands != BOTH:
        return f"with what was {change.stands}"
    return TITLES[change.kind]


def _ordered(found: Comparison) -> Iterator[Change]:
    for kind in KINDS:
        yield from found.of(BOTH, kind)
    for stands in (ADDED, REMOVED):
        yield from found.of(stands)


# -- JSON ---------------------------------------------------------------------------------------------------------


def json(difference: Difference) -> str:
    """The difference as `thwart-net-diff-v1`. `from` and `to` are ids of groups of workloads that nothing tells apart."""
    found = difference.found
    met = 0
    for change in found.changes:
        met |= change.sources | change.destinations
    document = {
        "schema": "thwart-net-diff-v1",
        "tool": {"name": "thwart", "version": __version__},
        "summary": {"text": difference.summary(), "pairs": difference.counts()},
        "groups": [_group(difference, number) for number in members(met)],
        "changes": [_change(difference, change) for change in _ordered(found)],
        "added": found.names(ADDED),
        "removed": found.names(REMOVED),
        "intents": [
            {"change": one.word, "before": one.before, **encode_outcome(one.after)} for one in difference.intents
        ],
        "unread": [{"slug": d.slug, "message": d.message, "path": d.path} for d in difference.unread],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def _group(difference: Difference, number: int) -> dict[str, object]:
    joint = difference.found.joints[number]
    names = [unit.label for unit in joint.units] or difference.names.parts(1 << number)
    return {"id": number, "what": joint.what, "in": joint.stands, "names": names}


def _change(difference: Difference, change: Change) -> dict[str, object]:
    witness = difference.witness(change)
    example = None
    if witness is not None:
        ends = {"src": encode_spot(witness.source), "dst": encode_spot(witness.destination)}
        example = {**ends, "protocol": witness.protocol, "port": witness.port, **encode(witness.answer)}
    return {
        "kind": change.kind,
        "workloads": change.stands,
        "from": list(members(change.sources)),
        "to": list(members(change.destinations)),
        "pairs": difference.found.pairs(change),
        "before": _state(difference, change.before),
        "after": _state(difference, change.after),
        "example": example,
    }


def _state(difference: Difference, state: State) -> dict[str, object]:
    spans = difference.found.ports.spans
    masks = {"allowed": state.allow, "unknown": state.unknown, "for_some_pods_only": state.partial}
    return {
        word: [{"protocol": protocol, "first": span.first, "last": span.last} for protocol, span in spans(mask)]
        for word, mask in masks.items()
        if mask or word == "allowed"
    }


# -- Markdown -----------------------------------------------------------------------------------------------------


def markdown(difference: Difference) -> str:
    """The difference as GitHub-flavoured Markdown: the summary, intents, then every change, folded by kind."""
    lines = [f"### {difference.summary()}", *_intents(difference.intents)]
    left = _ROWS
    for title, changes in _sections(difference.found):
        shown = changes[:left]
        left -= len(shown)
        lines += ["", "<details>", f"<summary>{title} ({len(changes)})</summary>", ""]
        for change in shown:
            lines.append(f"- {plain(difference.line(change))}")
            if change.stands == BOTH:
                lines += [f"  - {plain(line)}" for line in difference.reasons(change)]
        if len(shown) < len(changes):
            lines.append(f"- … and {len(changes) - len(shown)} more")
        lines += ["", "</details>"]
    for stands in (ADDED, REMOVED):
        names = difference.found.names(stands)
        if names:
            more = f" and {len(names) - 20} more" if len(names) > 20 else ""
            lines += ["", f"Workloads {stands}: {', '.join(map(plain, names[:20]))}{more}"]
    lines += [
        f"\nNot read, so that nothing is certain: {plain(_place(d.path))}{plain(d.message)}" for d in difference.unread
    ]
    return "\n".join(lines) + "\n"


def _sections(found: Comparison) -> Iterator[tuple[str, list[Change]]]:
    for kind in KINDS:
        changes = found.of(BOTH, kind)
        if changes:
            yield TITLES[kind], changes
    for stands in (ADDED, REMOVED):
        changes = found.of(stands)
        if changes:
            yield f"with workloads that were {stands}", changes


def _intents(intents: tuple[IntentChange, ...]) -> Iterator[str]:
    if intents:
        yield ""
    for one in intents:
        yield f"- intent **{one.word}**: {plain(one.after.intent.name)}"
        if one.word != "repaired":
            yield f"  - {plain(headline(one.after))}"


FORMATS: dict[str, Callable[[Difference], str]] = {"json": json, "markdown": markdown, "text": text}
