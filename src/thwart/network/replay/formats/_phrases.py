"""What the formats share: times, counts, reasons in words."""

from __future__ import annotations

from datetime import UTC, datetime

from thwart.network.replay import CUT, KEPT, OPENED, STILL, UNKNOWN, UNMATCHED, Replayed

TITLES = {
    CUT: "would be cut",
    UNKNOWN: "unknown",
    UNMATCHED: "unmatched",
    OPENED: "would be opened",
    STILL: "denied before and after",
    KEPT: "kept",
}


def moment(time: float | None) -> str:
    """A time in UTC, to the second; empty where there is none."""
    if time is None:
        return ""
    return datetime.fromtimestamp(int(time), tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def period(one: Replayed) -> str:
    """First and last, in words."""
    if one.first is None:
        return "no time recorded"
    first, last = moment(one.first), moment(one.last)
    return f"at {first}" if first == last else f"first {first}, last {last}"


def often(one: Replayed) -> str:
    """How often, in words: records where the log does not tell connections."""
    count, word = (one.times, "connection") if one.times else (one.records, "record")
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def ends(one: Replayed) -> str:
    """`source -> destination, TCP 80`."""
    return f"{one.source} -> {one.destination}, {one.protocol} {one.port}"


def addresses(one: Replayed) -> str:
    """Some of the addresses outside."""
    shown = ", ".join(one.addresses)
    return f"{shown} and {one.distinct - len(one.addresses)} more" if one.distinct > len(one.addresses) else shown
