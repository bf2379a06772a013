"""A log that is still being written: its lines as they come, over rotation and truncation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from thwart.core.errors import SourceError

_PAUSE = 0.2  # seconds between looks


def follow(name: str, most: int, on_idle: Callable[[], None], idle: float | None = None) -> Iterator[bytes]:
    """The lines of a file from its beginning, then those that are added.

    Args:
        name: the file.
        most: bytes of a line; of a longer one only the beginning is given, one byte more than that.
        on_idle: called whenever there is nothing new.
        idle: seconds without news after which the log is taken to have ended; None waits for ever.

    Raises:
        SourceError: it cannot be read.
    """
    stream = _open(name)
    part, skipping, quiet = b"", False, 0.0
    try:
        while True:
            piece = stream.readline(most + 1)
            if not piece:
                on_idle()
                if idle is not None and quiet >= idle:
                    break
                time.sleep(_PAUSE)
                quiet += _PAUSE
                stream = _renewed(name, stream)
                continue
            quiet = 0.0
            ended = piece[-1:] == b"\n"
            if not skipping:
                part = (part + piece)[: most + 1]
                if ended or len(part) > most:
                    yield part
                    part = b""
            skipping = not ended and (skipping or part == b"")
        if part:
            yield part
    finally:
        stream.close()


def _open(name: str) -> BinaryIO:
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from None


def _renewed(name: str, stream: BinaryIO) -> BinaryIO:
    """The file of that name, opened again when it is another one by now, or was emptied."""
    try:
        there, here = Path(name).stat(), os.fstat(stream.fileno())
    except OSError:
        return stream  # between the old file and the new one
    if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
        if there.st_size < stream.tell():
            stream.seek(0)
        return stream
    fresh = _open(name)
    stream.close()
    return fresh
