"""What the formats share: protocols, ports, verdicts, times and labels, as recorders write them."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime

from thwart.network.flowlogs import End, Problem

_PROTOCOLS: dict[str | int, str] = {"tcp": "TCP", "6": "TCP", "udp": "UDP", "17": "UDP", "sctp": "SCTP", "132": "SCTP"}
_LET = frozenset(
    (
        "allow",
        "allowed",
        "accept",
        "accepted",
        "forward",
        "forwarded",
        "pass",
        "passed",
        "permit",
        "permitted",
        "ok",
        "true",
        "yes",
        "1",
    )
)
_CUT = frozenset(
    (
        "deny",
        "denied",
        "drop",
        "dropped",
        "reject",
        "rejected",
        "block",
        "blocked",
        "refuse",
        "refused",
        "discard",
        "discarded",
        "false",
        "no",
        "0",
    )
)
_SAID_LET = frozenset(("allow", "allowed", "accept", "accepted", "permit", "permitted"))
_SAID_CUT = frozenset(
    (
        "deny",
        "denied",
        "drop",
        "dropped",
        "reject",
        "rejected",
        "block",
        "blocked",
        "refuse",
        "refused",
        "discard",
        "discarded",
    )
)
_UNTOLD = frozenset(("", "-", "none", "null", "unknown", "n/a"))
_WORD = re.compile(r"[A-Za-z]+")
_LAST = 253402300800.0  # the year 10000
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(\.\d{1,9})?")
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_MOST_ENDS = 1 << 18
_MOST_NAME = 512  # characters; Kubernetes allows 253 (RFC 1123) and a kind before it
_MOST_LABELS = 512
_MOST_COUNT = 1 << 40
MOST_NOTE = 256
_SHOWN = 160


class Odd(ValueError):  # noqa: N818 - says what it is
    """A field that cannot be what it says."""


def protocol_of(value: str | int) -> str:
    """TCP, UDP or SCTP; empty for every other protocol, of which policies do not speak."""
    known = _PROTOCOLS.get(value)
    return known if known is not None else _PROTOCOLS.get(str(value).strip().lower(), "")


def port_of(value: str | float | None) -> int:
    """A port between 1 and 65535.

    Raises:
        Odd: it is none.
    """
    if type(value) is int:
        number = value
    elif isinstance(value, str):
        text = value.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    else:
        number = int(value) if isinstance(value, int) or (isinstance(value, float) and value.is_integer()) else 0
    if not 1 <= number <= 65535:
        raise Odd(f"{cut(value)} is not a port between 1 and 65535")
    return number


def verdict_of(value: object) -> bool | None:
    """True for what was let through, False for what was cut, None where nothing is said.

    Raises:
        Odd: a word that is neither.
    """
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _LET:
        return True
    if word in _CUT:
        return False
    if word in _UNTOLD:
        return None
    raise Odd(f"the verdict {cut(value)} is neither allowed nor denied")


def verdict_in(text: str) -> bool | None:
    """The verdict that a log prefix names by a word in it; None when none does, or when several contradict."""
    words = {word.lower() for word in _WORD.findall(text)}
    let, dropped = bool(words & _SAID_LET), bool(words & _SAID_CUT)
    return None if let == dropped else let


def time_of(value: str | float | None) -> float | None:
    """Seconds since 1970 from RFC 3339 or from a number of seconds, milli-, micro- or nanoseconds.

    A time without a zone is UTC. Go's zero time means that none was recorded.

    Raises:
        Odd: it is no time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _of_number(value)
        if moment.year == 1 and moment.timetuple()[1:6] == (1, 1, 0, 0, 0):
            return None
        return _within((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), value)
    return _of_number(value)


def _of_number(value: str | float) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise Odd(f"{cut(value)} is not a time") from None
    for size, factor in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if number >= size:
            return _within(number / factor, value)
    return _within(number, value)


def _within(seconds: float, value: object) -> float:
    if math.isfinite(seconds) and 0 <= seconds < _LAST:
        return seconds
    raise Odd(f"{cut(value)} is not a time")


def syslog_time(month: str, day: str, clock: str, year: int) -> float:
    """RFC 3164's time, whose year must be known from elsewhere; taken as UTC.

    Raises:
        Odd: there is no such moment.
    """
    found = _CLOCK.fullmatch(clock)
    try:
        if found is None:
            raise Odd(f"{cut(clock)} is not a time")
        hour, minute, second = (int(found[at]) for at in (1, 2, 3))
        whole = datetime(year, _MONTHS[month], int(day), hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except (KeyError, ValueError, OverflowError):
        raise Odd(f"{cut(f'{month} {day} {clock}')} is not a time") from None
    return _within(whole + float(found[4] or 0), clock)


def labels_of(pairs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Labels from `key=value` texts; a key without a value has an empty one."""
    found = set()
    for pair in pairs:
        key, _, value = pair.strip().partition("=")
        if key:
            found.add((key, value))
    return tuple(sorted(found))


def cut(value: object) -> str:
    """A value quoted, and cut when it is long."""
    text = (
        value
        if isinstance(value, str)
        else str(value)
        if not isinstance(value, bytes)
        else value.decode("utf-8", "replace")
    )
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def count_of(value: int) -> int:
    """How many connections a record stands for.

    Raises:
        Odd: it cannot be.
    """
    if not 0 <= value <= _MOST_COUNT:
        raise Odd(f"{cut(value)} is not a count")
    return value


def sane(end: End) -> End:
    """An end whose names have a length that names can have.

    Raises:
        Odd: one is longer, or there are more labels than a pod can have.
    """
    names = (end.namespace, end.pod, end.workload, end.ip)
    if max(map(len, names)) > _MOST_NAME or len(end.labels) > _MOST_LABELS:
        raise Odd("an end has a name that is longer, or more labels, than Kubernetes allows")
    if any(len(key) > _MOST_NAME or len(value) > _MOST_NAME for key, value in end.labels):
        raise Odd("a label is longer than Kubernetes allows")
    return end


class Ends:
    """Ends that were met, each made once: equal ones are the same object, so that they can be told by identity."""

    def __init__(self) -> None:
        self._known: dict[Hashable, End] = {}

    def get(self, key: Hashable, make: Callable[[], End]) -> End:
        """The end of a key; `make` makes it the first time."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_ENDS:
                self._known.clear()
            found = self._known[key] = sane(make())
        return found

    def ip(self, address: str, what: str = "") -> End:
        """An end of which only the address is known."""
        return self.get((address, what), lambda: End(ip=address, what=what))


def malformed(line: int, why: str) -> Problem:
    """A line that should have been a flow and cannot be read."""
    return Problem(line=line, slug="flow-malformed", message=why)


def bad_time(line: int, why: object) -> Problem:
    """A flow without a time that can be read: it counts, but nobody knows when."""
    return Problem(line=line, slug="flow-bad-time", message=str(why), incomplete=False)


def other_protocol(line: int, what: object) -> Problem:
    """Traffic of a protocol that network policies do not define."""
    return Problem(
        line=line,
        slug="flow-other-protocol",
        message=f"{cut(what)} is not TCP, UDP or SCTP: network policies do not define what happens to it",
        incomplete=False,
    )


def no_flow(line: int, what: str) -> Problem:
    """A line of the log that tells of something else."""
    return Problem(line=line, slug="flow-not-a-connection", message=what, incomplete=False)


def snake(value: object, names: dict[str, str] | None = None) -> object:
    """JSON of protobuf with field names in camel case, as it looks with the names of the schema; `names` are others."""
    if isinstance(value, dict):
        found: dict[str, object] = {}
        for key, one in value.items():
            camel = key[:1].islower() and key.isalnum() and not key.islower()
            name = _CAMEL.sub(r"_\1", key).lower() if camel else key
            found[(names or {}).get(name, name)] = snake(one, names)
        return found
    return [snake(one, names) for one in value] if isinstance(value, list) else value
