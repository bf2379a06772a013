"""Sorting more lines than memory should hold: sorted runs on disk, merged on the way out."""

from __future__ import annotations

import heapq
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RUN_BYTES = 96 << 20  # characters held in memory before a run is written


class Sorter:
    """Takes lines (without line ends) in any order and gives them back sorted, equal ones once.

    What does not fit in memory goes to files in `folder`, which the caller removes with everything in it.
    """

    def __init__(self, folder: Path, name: str, run_bytes: int = _RUN_BYTES) -> None:
        self._folder = folder
        self._name = name
        self._bound = run_bytes
        self._held = 0
        self._lines: list[str] = []
        self._files: list[Path] = []

    def add(self, line: str) -> None:
        """Take one line."""
        self._lines.append(line)
        self._held += len(line) + 60  # what a str object costs beside its characters
        if self._held >= self._bound:
            self._spill()

    def _spill(self) -> None:
        path = self._folder / f"{self._name}-{len(self._files)}"
        self._lines.sort()
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{line}\n" for line in self._lines)
        self._files.append(path)
        self._lines, self._held = [], 0

    def sorted(self) -> Iterator[str]:
        """All lines in order of their code points; to be called once, after the last `add`."""
        self._lines.sort()
        streams: list[IO[str]] = []
        try:
            # Closed below: a merge needs all of them open at the same time.
            streams.extend(path.open(encoding="utf-8", newline="\n") for path in self._files)
            runs = [(line.removesuffix("\n") for line in stream) for stream in streams]
            last = None
            for line in heapq.merge(*runs, self._lines) if runs else self._lines:
                if line != last:
                    yield line
                last = line
        finally:
            for stream in streams:
                stream.close()
            self._lines = []
