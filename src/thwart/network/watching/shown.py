"""Reports as lines: JSON for programs, sentences for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from thwart.network.flowlogs.saying import fields, sentence
from thwart.network.watching.events import Event
from thwart.network.watching.metrics import Metrics

SCHEMA = "thwart-net-watch-v1"


def json_line(event: Event) -> str:
    """An event as one JSON object; what does not apply is left out."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": event.kind,
        "time": _moment(event.time),
        "until": _moment(event.until),
        "message": event.message,
        "source": event.source,
        "destination": event.destination,
        "protocol": event.protocol,
        "port": event.port,
        "count": event.count,
        "log_line": event.line,
        "note": event.note,
        "examples": list(event.examples),
        "because": [fields(reason) for reason in event.because],
    }
    if event.score is not None:
        found["score"] = msgspec.to_builtins(event.score)
    return msgspec.json.encode({key: value for key, value in found.items() if value not in ("", 0, None, [])}).decode()


def text_line(event: Event) -> str:
    """An event as one line."""
    when = _moment(event.time) or "no time"
    port = f", {event.protocol} {event.port}" if event.protocol else ""
    arrow = f" -> {event.destination}" if event.destination else ""
    parts = [f"{when} {event.kind}: {event.source}{arrow}{port}: {event.message}"]
    if event.score is not None:
        parts.append(f"score: {event.score.arithmetic} (learned: {event.score.learned})")
        parts.append(f"among them {', '.join(event.examples)}")
    parts += [sentence(reason) for reason in event.because]
    if event.count > 1 and event.score is None:
        parts.append(f"{event.count} connections")
    if event.note:
        parts.append(event.note)
    return "; ".join(parts)


def summary(metrics: Metrics, *, full: bool) -> dict[str, Any]:
    """What a watch came to, as the last line of its JSON; `full` says that a baseline could not take everything."""
    problems = [
        {
            "slug": slug,
            "count": count,
            "first": metrics.first_problem[slug].line,
            "message": metrics.first_problem[slug].message,
        }
        for slug, count in sorted(metrics.problems.items())
    ]
    unplaced = {
        "late": metrics.late,
        "ahead": metrics.ahead,
        "crowded": metrics.crowded,
        "forgotten": metrics.forgotten,
    }
    return {
        "schema": SCHEMA,
        "kind": "summary",
        "records": metrics.records,
        "last": _moment(metrics.last),
        "reports": metrics.kinds,
        "matched": metrics.met_kinds,
        "problems": problems,
        "not_remembered": {key: value for key, value in unplaced.items() if value},
        "baseline_full": full,
    }


def summary_text(metrics: Metrics, *, full: bool) -> list[str]:
    """The same as lines of text."""
    made = ", ".join(f"{count} {kind}" for kind, count in metrics.kinds.items()) or "nothing to report"
    lines = [f"{metrics.records} record{'' if metrics.records == 1 else 's'}: {made}"]
    for slug, count in sorted(metrics.problems.items()):
        first = metrics.first_problem[slug]
        lines.append(f"{count} line{'' if count == 1 else 's'} [{slug}], first line {first.line}: {first.message}")
    if metrics.late:
        lines.append(f"{metrics.late} records came too late for their window")
    if metrics.ahead:
        lines.append(f"{metrics.ahead} records were more than a day ahead of all others: no window took them")
    if metrics.crowded:
        lines.append(f"{metrics.crowded} records were of more sources than a window holds")
    if metrics.forgotten:
        lines.append(f"{metrics.forgotten} flows were forgotten for want of room: they may be told again")
    if full:
        lines.append("the baseline is full: some of what was seen is not in it")
    return lines


def _moment(time: float | None) -> str | None:
    if time is None:
        return None
    moment = datetime.fromtimestamp(time, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond:06}" if moment.microsecond else "") + "Z"
