"""A stranger's document: look-ups that answer whatever is there, and never fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from thwart.core.edit import Edit, Mend
from thwart.core.package import Location

if TYPE_CHECKING:
    from thwart.rules._source import Source

Pointer = tuple[str | int, ...]


class Hit(NamedTuple):
    """What a rule found: where, in words that follow the subject's name, and which part of the subject has it.

    Where the line may hold a secret, `hidden` keeps it out of every report. `place`, a line and a column from 1, says where
    in a document that pointers do not lead into. `mend` is what closes it, where a rule knows that; pointers in it lead
    from the document's root, as `pointer` does. `file` and `document` are those where it stands, if that is not the file
    or the document that the subject was read from. `at` is a place that the document only tells of: a file of an image.
    """

    pointer: Pointer
    phrase: str
    part: str = ""
    hidden: bool = False
    place: tuple[int, int] | None = None
    mend: Mend | None = None
    file: Source | None = None
    document: int | None = None
    at: Location | None = None

    def mended(self, *edits: Edit, safe: bool = False) -> Hit:
        """The same with edits that close it; `safe` where they cannot change what a sound program does."""
        return self._replace(mend=Mend(edits=edits, safe=safe))


class View:
    """A value in a document, and the pointer that leads to it.

    Every look-up takes the steps from here. One that leads nowhere, through a null or through a value of another type,
    gives None or nothing at all.
    """

    __slots__ = ("node", "pointer")

    def __init__(self, node: object, pointer: Pointer = ()) -> None:
        self.node = node
        self.pointer = pointer

    @property
    def part(self) -> str:
        """What a reader calls this part of the subject; empty for the subject itself."""
        return ""

    def at(self, *steps: str) -> object:
        """The value there, or None."""
        node = self.node
        for step in steps:
            if not isinstance(node, dict):
                return None
            node = node.get(step)
        return node

    def has(self, *steps: str) -> bool:
        """Whether something other than null is there."""
        return self.at(*steps) is not None

    def text(self, *steps: str) -> str:
        """The text there; empty for anything else."""
        found = self.at(*steps)
        return found if isinstance(found, str) else ""

    def flag(self, *steps: str) -> bool | None:
        """True or false; None for anything else."""
        found = self.at(*steps)
        return found if isinstance(found, bool) else None

    def number(self, *steps: str) -> int | float | None:
        """The number there; None for anything else."""
        found = self.at(*steps)
        return found if isinstance(found, int | float) and not isinstance(found, bool) else None

    def mapping(self, *steps: str) -> dict[str, object]:
        """The mapping there; empty for anything else. Keys that are no text are left out."""
        found = self.at(*steps)
        if not isinstance(found, dict):
            return {}
        return found if all(type(key) is str for key in found) else {k: v for k, v in found.items() if type(k) is str}

    def values(self, *steps: str) -> list[object]:
        """The entries of the list there; none for anything else."""
        found = self.at(*steps)
        return found if isinstance(found, list) else []

    def words(self, *steps: str) -> list[str]:
        """The entries of a list of texts; whatever is no text is an empty one, as Go decodes a null."""
        return [one if isinstance(one, str) else "" for one in self.values(*steps)]

    def under(self, *steps: str) -> View:
        """The value there as a view of its own."""
        return View(self.at(*steps), (*self.pointer, *steps))

    def entries(self, *steps: str) -> list[View]:
        """The entries of the list there, each a view."""
        return [View(one, (*self.pointer, *steps, index)) for index, one in enumerate(self.values(*steps))]

    def hit(self, phrase: str, *steps: str | int, part: str | None = None) -> Hit:
        """A finding at these steps."""
        return Hit((*self.pointer, *steps), phrase, self.part if part is None else part)


def listed(words: list[str], most: int = 5) -> str:
    """Words for a phrase: `A, B and C`; many are cut short."""
    shown = [word[:80] or '""' for word in dict.fromkeys(words)]
    if not shown:
        return ""
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
