"""A verdict for people: an intent a line, what is wrong below it."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.intents.formats import verdict_format
from thwart.network.intents.formats._words import headline, reasons, summary
from thwart.network.intents.outcome import EMPTY, HELD, Outcome, Verdict


@verdict_format
def text(verdict: Verdict) -> str:
    """The verdict as text."""
    lines = [line for outcome in verdict.outcomes for line in _outcome(outcome)]
    lines += [f"not read, so that nothing is certain: {_unread(one.path)}{one.message}" for one in verdict.unread]
    return "\n".join([*lines, "", summary(verdict)]) + "\n"


def _unread(path: str) -> str:
    return f"{path}: " if path else ""


def _outcome(outcome: Outcome) -> Iterator[str]:
    intent = outcome.intent
    place = "" if outcome.status == HELD else f" ({intent.path}:{intent.line})"
    yield f"{outcome.status.ljust(7)}  {intent.name}{place}"
    if outcome.status != HELD:
        if intent.why:
            yield f"  why it matters: {' '.join(intent.why.split())}"
        yield f"  {headline(outcome)}"
        yield from (f"    {line}" for line in reasons(outcome))
    if outcome.status != EMPTY:
        yield from (f"  note: {note}" for note in outcome.notes)
