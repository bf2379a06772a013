"""What could not be read, told once and not a million times."""

from __future__ import annotations

Problem = tuple[str, str]
SHOWN = 50
HOPELESS = 10_000


class Problems:
    """Collects (slug, sentence) pairs; beyond the first `SHOWN` they are only counted.

    A reader stops at a file that is `hopeless`: reading on costs time and tells nothing.
    """

    __slots__ = ("_count", "_kept")

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._count = 0

    def add(self, slug: str, sentence: str) -> None:
        """Note one problem."""
        self._count += 1
        if self._count <= SHOWN:
            self._kept.append((slug, sentence))

    @property
    def hopeless(self) -> bool:
        """Whether the file has so many problems that it is none of its kind."""
        return self._count >= HOPELESS

    def all(self) -> tuple[Problem, ...]:
        """The problems, with one at the end that tells how many more there were."""
        if self._count <= SHOWN:
            return tuple(self._kept)
        rest = ", and the rest of it is not read" if self.hopeless else ""
        return (
            *self._kept,
            ("more-problems", f"{self._count - SHOWN} more problems of this file are not listed{rest}"),
        )
