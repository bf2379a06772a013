"""An exposure as text, JSON, CSV and Markdown."""

from __future__ import annotations

import csv as library
import io
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from thwart._version import __version__
from thwart.core.finding import Diagnostic
from thwart.network._services_doors import Door, DoorPort
from thwart.network.exposure import Exposure, Opening, Stranger, Workload, words

_STATES = {True: "open", False: "closed", None: "unknown"}
_LINES = 400  # of text; every other format has all
_SHOWN = 8  # ports or workloads of a line
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Fact = tuple[str, str, str]  # way or direction, what it says, state


def ports_in_words(ports: Sequence[DoorPort], most: int = _SHOWN) -> str:
    """`TCP 80 -> 8080, UDP 53`."""
    said = []
    for outer, protocol, inner in ports[:most]:
        there = "" if inner == outer else f" -> {inner}"
        said.append(f"{protocol} {outer or '(allocated)'}{there}")
    more = f" and {len(ports) - most} more" if len(ports) > most else ""
    return ", ".join(said) + more


def openings_in_words(opening: Opening) -> str:
    """`10.0.0.0/8 on TCP 443`."""
    where = ", ".join(opening.addresses)
    return f"{where} on {'every port' if opening.ports == 'any' else opening.ports}"


def strangers_in_words(stranger: Stranger) -> str:
    """`any other pod in namespace a on TCP 80, if its labels are right`."""
    on = "every port" if stranger.ports == "any" else stranger.ports
    return f"{stranger.who} on {on}{', depending on labels' if stranger.by_labels else ''}"


def _addresses(door: Door) -> str:
    verdict = door.verdict
    sure, perhaps = ", ".join(words(verdict.sure)), ", ".join(words(verdict.perhaps))
    return "; ".join(part for part in (sure, f"unknown for {perhaps}" if perhaps else "") if part) or "no address"


def _name(door: Door) -> str:
    if door.kind in ("HostNetwork", "HostPort"):
        return door.kind
    if door.through:
        return f"{door.opens} ({', '.join(door.at[:3])}{', …' if len(door.at) > 3 else ''})"
    return f"{door.kind} of {door.opens}"


def _place(door: Door) -> str:
    return f" ({door.path}:{door.line})" if door.line else f" ({door.path})" if door.path else ""


def text(found: Exposure) -> str:
    """For people: doors of each workload, then what policies leave open."""
    states = [one.open for one in found.workloads]
    summary = (
        f"{len(states)} workloads: {states.count(True)} with an open door to the outside, "
        f"{states.count(None)} of which it is unknown, {states.count(False)} without one"
    )
    lines = [summary, *_door_lines(found)]
    for head, said in _facts(found):
        lines += ["", head, *(f"  {line}" for line in said or ["none"])]
    lines += _problem_lines(found.problems)
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"… and {len(lines) - _LINES} more lines: -o json writes everything"]
    return "\n".join(lines) + "\n"


def _door_lines(found: Exposure) -> Iterator[str]:
    order = {True: 0, None: 1, False: 2}
    shut = []
    for one in sorted(found.workloads, key=lambda one: order[one.open]):
        if not one.doors:
            shut.append(one.label)
            continue
        yield ""
        yield f"{_STATES[one.open]}: {one.label}"
        for number in one.doors:
            door = found.doors[number]
            ports = f", {ports_in_words(door.ports)}" if door.ports else ""
            yield f"  {_STATES[door.verdict.open]}: {_name(door)}{ports}: {_addresses(door)}{_place(door)}"
            yield f"    {f'through {door.through}; ' if door.through else ''}{door.verdict.why}"
    if shut:
        yield ""
        yield f"no door: {_listed(shut)}"


def _facts(found: Exposure) -> Iterator[tuple[str, list[str]]]:
    pods = [one for one in found.workloads if one.what == "pod"]
    yield (
        "Pod addresses that policies leave open to the outside (if they can be routed to):",
        _grouped(pods, lambda one: [_doubted(openings_in_words(o), o.unknown) for o in one.direct]),
    )
    yield (
        "Reached by pods that were not read:",
        _grouped(pods, lambda one: [strangers_in_words(stranger) for stranger in one.strangers]),
    )
    yield (
        "May connect to the outside:",
        _grouped(found.workloads, lambda one: [_doubted(openings_in_words(o), o.unknown) for o in one.internet]),
    )


def _doubted(said: str, doubt: bool) -> str:
    return f"? {said}" if doubt else said


def _grouped(workloads: Iterable[Workload], say: Callable[[Workload], list[str]]) -> list[str]:
    """Workloads of which the same is said, together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for one in workloads:
        said = tuple(say(one))
        if said:
            groups.setdefault(said, []).append(one.label + (" (not all of its pods)" if one.uneven else ""))
    lines = []
    for said, labels in groups.items():
        lines.append(_listed(labels))
        lines += [f"  {line}" for line in said]
    return lines


def _listed(labels: list[str]) -> str:
    return ", ".join(labels[:_SHOWN]) + (f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else "")


def _problem_lines(problems: Sequence[Diagnostic]) -> list[str]:
    if not problems:
        return []
    lines = ["", "Problems:"]
    for one in problems:
        lines.append(f"  {one.slug}: {one.message}{f' ({one.path})' if one.path else ''}")
        if one.hint:
            lines.append(f"    {one.hint}")
    return lines


def json(found: Exposure, diagnostics: Iterable[Diagnostic] = ()) -> str:
    """For programs: `thwart-net-exposure-v1`. `doors` of a workload are places in the list of doors."""
    document = {
        "schema": "thwart-net-exposure-v1",
        "tool": {"name": "thwart", "version": __version__},
        "workloads": [_workload(one) for one in found.workloads],
        "doors": [_door(one) for one in found.doors],
        "problems": [_diagnostic(one) for one in found.problems],
        "diagnostics": [_diagnostic(one) for one in diagnostics],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def _state(value: bool | None) -> bool | str:
    return "unknown" if value is None else value


def _workload(one: Workload) -> dict[str, object]:
    return {
        "namespace": one.namespace,
        "workload": one.name,
        "what": one.what,
        "pods": one.pods,
        "open": _state(one.open),
        "doors": one.doors,
        "direct": [_opening(opening) for opening in one.direct],
        "internet": [_opening(opening) for opening in one.internet],
        "strangers": [{"who": s.who, "ports": s.ports, "depends_on_labels": s.by_labels} for s in one.strangers],
        "uneven": one.uneven,
    }


def _opening(one: Opening) -> dict[str, object]:
    return {"addresses": one.addresses, "ports": one.ports, "allowed": "unknown" if one.unknown else True}


def _door(one: Door) -> dict[str, object]:
    return {
        "kind": one.kind,
        "opens": one.opens,
        "service": one.service,
        "at": one.at,
        "ports": [{"outer": o or None, "protocol": p, "inner": i} for o, p, i in one.ports],
        "open": _state(one.verdict.open),
        "sources": words(one.verdict.sure),
        "unknown_sources": words(one.verdict.perhaps),
        "because": one.verdict.why,
        "through": one.through,
        "workloads": one.workloads,
        "file": one.path,
        "line": one.line or None,
    }


def _diagnostic(one: Diagnostic) -> dict[str, object]:
    found = {"slug": one.slug, "message": one.message, "path": one.path, "incomplete": one.incomplete}
    return {**found, "hint": one.hint} if one.hint else found


_HEAD = ("namespace", "workload", "way", "opened_by", "ports", "who", "state", "because", "file", "line")


def csv(found: Exposure) -> str:
    """A table, RFC 4180: one line for each workload and way in or out."""
    buffer = io.StringIO()
    rows = library.writer(buffer)
    rows.writerow(_HEAD)
    for one in found.workloads:
        for row in _rows(found, one):
            rows.writerow([f"'{cell}" if str(cell).startswith(_FORMULA) else cell for cell in row])
    return buffer.getvalue()


def _rows(found: Exposure, one: Workload) -> Iterator[tuple[object, ...]]:
    head = (one.namespace, one.name)
    for number in one.doors:
        door = found.doors[number]
        ports = ports_in_words(door.ports, len(door.ports))
        state, why = _STATES[door.verdict.open], door.verdict.why
        yield (*head, door.kind, door.opens, ports, _addresses(door), state, why, door.path, door.line or "")
    for way, openings in (("direct", one.direct), ("internet", one.internet)):
        for opening in openings:
            state = "unknown" if opening.unknown else "open"
            yield (*head, way, "", opening.ports, " ".join(opening.addresses), state, "", "", "")
    for stranger in one.strangers:
        state = "by labels" if stranger.by_labels else "open"
        yield (*head, "strangers", "", stranger.ports, stranger.who, state, "", "", "")


def markdown(found: Exposure) -> str:
    """For a pull request: GitHub-flavoured Markdown."""
    rows = []
    for one in found.workloads:
        for number in one.doors:
            door = found.doors[number]
            through = f" through {door.through}" if door.through else ""
            said = [one.label, f"{_name(door)}{through}", ports_in_words(door.ports), _addresses(door)]
            rows.append([*said, _STATES[door.verdict.open]])
    lines = ["### Doors from outside", "", *_table(("workload", "door", "ports", "from", ""), rows)]
    for head, said in _facts(found):
        lines += ["", f"### {head.rstrip(':')}", "", *(f"{_indent(line)}- {_plain(line.strip())}" for line in said)]
    if found.problems:
        lines += ["", "### Problems", ""]
        lines += [f"- `{one.slug}` {_plain(one.message)} {_plain(one.path)}".rstrip() for one in found.problems]
    return "\n".join(lines) + "\n"


def _indent(line: str) -> str:
    return "  " if line.startswith(" ") else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    marks = "| " + " | ".join("---" for _ in head) + " |"
    return ["| " + " | ".join(head) + " |", marks, *("| " + " | ".join(map(_plain, row)) + " |" for row in rows)]


def _plain(said: str) -> str:
    for mark in "\\|`*_<>[]":
        said = said.replace(mark, "\\" + mark)
    return said.replace("\n", " ")
