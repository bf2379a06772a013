"""Formats of flow logs. One file per format; each registers a class that reads the lines of one stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from thwart.core.registry import Registry
from thwart.network.flowlogs import FlowRecord, Problem
from thwart.network.flowlogs._words import Ends

Read = FlowRecord | Problem | Sequence[FlowRecord | Problem] | None


class Stream(NamedTuple):
    """What the lines of one log share: the ends that were met, and the year of times that lack it (0 unknown)."""

    ends: Ends
    year: int = 0


class Sample(NamedTuple):
    """A line, and what it holds as JSON; None when it is not JSON."""

    line: bytes
    value: object


class Format(Protocol):
    """Reads one stream. `json` says that a line is a JSON value, which may also be spread over several lines."""

    json: bool

    def __init__(self, stream: Stream) -> None: ...

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether a line looks like this format."""
        ...

    def read(self, line: bytes, number: int) -> Read:
        """What one line tells; None for nothing (a header).

        Raises:
            Odd: a field cannot be what it says.
        """
        ...


MEMBERS: Registry[type[Format]] = Registry(__name__)


def flow_format(member: type[Format]) -> type[Format]:
    """Register a format under the name of its module."""
    return MEMBERS.add(member.__module__.rpartition(".")[2], member)
