"""Flow logs opened: files and standard input, as records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from thwart.core.errors import SourceError, UsageError

if TYPE_CHECKING:
    from thwart.lib.intervals import Block
    from thwart.network.flowlogs import FlowRecord, Problem


@contextmanager
def open_flows(name: str, format: str = "auto", year: int = 0) -> Iterator[Iterator[FlowRecord | Problem]]:  # noqa: A002
    """The records of a log; `-` is standard input.

    Raises:
        SourceError: it cannot be read;
        UsageError: there is no such format.
    """
    from thwart.network.flowlogs.reading import bounded_lines, read_flows

    if name == "-":
        yield read_flows(bounded_lines(sys.stdin.buffer), format, year=year)
        return
    try:
        stream: BinaryIO = Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from None
    with stream:
        try:
            yield read_flows(bounded_lines(stream), format, year=year)
        except OSError as error:
            raise SourceError(f"{name} cannot be read: {error.strerror}") from None


def blocks(texts: tuple[str, ...]) -> tuple[Block, ...]:
    """CIDR blocks as written.

    Raises:
        UsageError: one is none.
    """
    from thwart.lib.intervals import parse_block

    try:
        return tuple(parse_block(text) for text in texts)
    except ValueError as error:
        raise UsageError(str(error), "write 10.0.0.0/8 or fd00::/64") from None
