"""Terminals: colour, width, progress; and text of strangers made harmless."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TextIO

AFTER = 0.3  # seconds before progress is shown
EVERY = 0.1


def plain(text: str) -> str:
    """Text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text.replace("\n", " "))


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: the flag, then NO_COLOR and FORCE_COLOR, then whether the stream is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Columns of a terminal; 120 for anything else."""
    if not stream.isatty():
        return 120
    try:
        return max(40, os.get_terminal_size(stream.fileno()).columns)
    except OSError:
        return 80


class Progress:
    """One line on stderr that tells how much has been read; nothing unless stderr is a terminal."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label = plain(label)
        self._active = not quiet and sys.stderr.isatty() and not os.environ.get("CI")
        self._lock = threading.Lock()
        self._begun = self._shown = time.monotonic()
        self._bytes = 0
        self._drawn = False

    def __call__(self, received: int) -> None:
        """Count bytes; draws now and then. Safe from any thread."""
        if not self._active:
            return
        with self._lock:
            self._bytes += received
            now = time.monotonic()
            if now - self._begun > AFTER and now - self._shown > EVERY:
                self._shown, self._drawn = now, True
                sys.stderr.write(f"\r\x1b[K{self._label}: {self._bytes / 1e6:,.0f} MB read")
                sys.stderr.flush()

    def close(self) -> None:
        """Take the line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
