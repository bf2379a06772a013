"""Outcomes in words, for all formats that people read."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.intents.outcome import (
    ANY_PAIR,
    BROKEN,
    DESTINATIONS,
    EMPTY,
    HELD,
    SOURCES,
    UNKNOWN,
    Breach,
    Outcome,
    Spot,
    Verdict,
)
from thwart.network.model import EGRESS, INGRESS, Answer
from thwart.network.words import sentence

STATUSES = (HELD, BROKEN, EMPTY, UNKNOWN)
_ALLOWED = {True: "allowed", False: "denied", None: "unknown"}


def summary(verdict: Verdict) -> str:
    """`12 intents: 9 hold, 2 are broken, 1 is unknown`."""
    total = len(verdict.outcomes)
    parts = []
    for status, one, many in (
        (HELD, "holds", "hold"),
        (BROKEN, "is broken", "are broken"),
        (EMPTY, "selects nothing", "select nothing"),
        (UNKNOWN, "is unknown", "are unknown"),
    ):
        count = verdict.count(status)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return f"{total} intent{'' if total == 1 else 's'}: {', '.join(parts)}"


def headline(outcome: Outcome) -> str:
    """What happened, in one line."""
    if outcome.status == HELD:
        return "holds"
    if outcome.status == EMPTY:
        return f"cannot fail, so that it proves nothing: {'; '.join(outcome.notes)}"
    if outcome.breach is None:
        return outcome.status
    wanted = "but must be allowed" if outcome.breach.must else "but must be denied"
    found = f"{flow(outcome.breach)} is {_ALLOWED[outcome.breach.answer.allowed]} {wanted}"
    return found + _others(outcome)


def flow(breach: Breach) -> str:
    """The flow as source, destination and port."""
    return f"{breach.source.text} -> {breach.destination.text}, {breach.protocol} {breach.port}"


def _others(outcome: Outcome) -> str:
    """How many are concerned, and what would have been enough."""
    count, none = (
        f"{outcome.count:,}",
        "may lack one" if outcome.status == UNKNOWN else "lack one" if outcome.count > 1 else "lacks one",
    )
    if outcome.unit == ANY_PAIR:
        return f", or another pair {'for certain' if outcome.status == UNKNOWN else 'of these'}"
    if outcome.unit == SOURCES:
        return f", or one to another destination ({count} {_plural(outcome.count, 'source')} {none})"
    if outcome.unit == DESTINATIONS:
        return f", or one from another source ({count} {_plural(outcome.count, 'destination')} {none})"
    return f" (one of {count} pairs)" if outcome.count > 1 else ""


def _plural(count: int, word: str) -> str:
    return word if count == 1 else word + "s"


def because(source: Spot, destination: Spot, answer: Answer) -> Iterator[str]:
    """What decides a flow, a line for each reason."""
    for direction, owner in ((EGRESS, source), (INGRESS, destination)):
        reasons = [reason for reason in answer.because if reason.direction == direction]
        for reason in reasons:
            yield f"{direction} of {owner.text}: {sentence(reason)}"
        if not reasons and answer.allowed:
            why = "it is in its node's network, where no policy holds" if owner.host else "no policy restricts it"
            yield f"{direction} of {owner.text}: {why}"
    yield from (reason.text for reason in answer.because if not reason.direction)


def reasons(outcome: Outcome) -> list[str]:
    """What decides the flow that an outcome shows."""
    breach = outcome.breach
    return [] if breach is None else list(because(breach.source, breach.destination, breach.answer))
