"""A page of fixed-width text: what a string takes in columns, where to cut it, how to colour it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.reports._plain import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INKS = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "negligible": "2",
    "unknown": "35",
    "strong": "1",
    "faint": "2",
    "deny": "1;31",
    "warn": "1;33",
    "allow": "1;32",
}


class Ink:
    """Colours as escape sequences, or nothing at all when they are off."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, style: str, text: str) -> str:
        """The text in a style of `_INKS`; a style that is not known leaves it as it is."""
        code = _INKS.get(style) if self._color else None
        return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def hyperlink(address: str, text: str) -> str:
    """The text as a terminal's hyperlink (OSC 8) to an address that is safe to embed; plain without an address."""
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\" if address else text


def columns(text: str) -> int:
    """How many columns a cleaned string takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def fit(text: str, width: int) -> str:
    """The text made harmless and cut to a width, with an ellipsis where something is missing."""
    if text.isascii() and text.isprintable():
        return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
    whole = len(text) <= 8 * width  # no reason to clean what will not be seen
    shown = clean(text if whole else text[: 8 * width])
    if whole and columns(shown) <= width:
        return shown
    used = kept = 0
    for char in shown:
        used += columns(char)
        if used >= width:
            break
        kept += 1
    return shown[:kept] + "…"


def pad(text: str, width: int) -> str:
    """The text with spaces after it, to a width."""
    return text + " " * max(0, width - columns(text))


def flow(items: Iterable[str], width: int, separator: str = ", ") -> Iterator[list[str]]:
    """Items in rows no wider than `width`; an item that is wider has a row of its own."""
    row: list[str] = []
    used = 0
    for item in items:
        taken = columns(item) + len(separator)
        if row and used + taken > width + len(separator):
            yield row
            row, used = [], 0
        row.append(item)
        used += taken
    if row:
        yield row


def wrap(text: str, width: int, most: int) -> list[str]:
    """The text made harmless, in rows that break between words; what goes beyond `most` rows is an ellipsis."""
    words = fit(text, 2 * width * most).split(" ")
    rows = [piece for row in flow(words, width, " ") for piece in _pieces(" ".join(row), width)]
    return rows if len(rows) <= most else [*rows[: most - 1], fit(f"{rows[most - 1]} …", width)]


def _pieces(row: str, width: int) -> Iterator[str]:
    """A row, or a word that is too wide for one, in as many as it needs."""
    start = used = 0
    for index, char in enumerate(row if columns(row) > width else ""):
        used += columns(char)
        if used > width and index > start:
            yield row[start:index]
            start, used = index, columns(char)
    yield row[start:]
