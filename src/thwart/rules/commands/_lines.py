"""Command lines that make containers, wherever files have them, with the place of every word."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from thwart.lib.run_arguments import RunLine, run_line

if TYPE_CHECKING:
    from thwart.lib.dockerfile import Text

Place = tuple[int, int]


class Unread(NamedTuple):
    """What cannot be read, from a line on, and why."""

    line: int
    reason: str


class Line(Struct, frozen=True, kw_only=True):
    """A command line; `places` has the line and the column of each of its words.

    `example` says that it stands in documentation: somebody may run it, or something like it. `unit` says that it is a
    Quadlet unit, whose keys come to options; its last place is the image's.
    """

    run: RunLine
    places: Sequence[Place]
    example: bool = False
    unit: bool = False

    @property
    def place(self) -> Place:
        """Where the command begins; of a unit, where it names its image."""
        return self.places[-1 if self.unit else 0]


def line_of(
    words: Sequence[str], places: Sequence[Place], several: Container[int] = (), *, example: bool = False
) -> Line | None:
    """The line, wrappers such as `sudo` taken off; None for a command that makes no container."""
    from thwart.rules._programs import unwrapped

    bare, _ = unwrapped(tuple(words))
    skipped = len(words) - len(bare)
    run = run_line(bare, {at - skipped for at in range(len(words)) if at in several})
    if run is None or run.helps or (not run.image and not run.more):
        return None
    return Line(run=run, places=places[skipped:], example=example)


Reader = Callable[[str], Iterator[Line | Unread]]


def whole(text: str, first: int = 1) -> Text:
    """A text that begins at the first column of a line of the file."""
    from thwart.lib.dockerfile import Text

    starts, places, at = [0], [(first, 1)], text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        places.append((first + len(starts) - 1, 1))
        at = text.find("\n", at + 1)
    return Text(text, tuple(starts), tuple(places))
