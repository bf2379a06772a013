"""Names that strangers chose, for places of a fixed width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of a title


def clean(text: str) -> str:
    r"""The text with what cannot be seen, reorders a line or piles up on other characters as an escape (`\u202e`)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and not unicodedata.category(c).startswith("M") else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """The width in characters of a fixed-width font; those of East Asia take two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0xFFFF else 1 for c in text)


def short(text: str, most: int) -> str:
    """A name in at most so many columns: where it is cut, its beginning and its end remain."""
    text = clean(text[: 4 * most]) if len(text) > 4 * most else clean(text)
    if columns(text) <= most:
        return text
    tail = _fitting(reversed(text), most // 3)[::-1]
    return _fitting(text, most - 1 - columns(tail)) + "…" + tail


def _fitting(characters: Iterable[str], most: int) -> str:
    kept, used = "", 0
    for character in characters:
        used += columns(character)
        if used > most:
            break
        kept += character
    return kept


def told(text: str) -> str:
    """A text for a title."""
    return short(text, LONGEST)


def several(names: Sequence[str], most: int, more: int = 0) -> str:
    """As many names as fit, and the number of the others; `more` are not among the names."""
    shown: list[str] = []
    for at, name in enumerate(names):
        left = len(names) - at - 1 + more
        rest = f" +{left}" if left else ""
        if not shown:
            shown.append(short(name, most - len(rest)))
        elif columns(", ".join([*shown, short(name, most)]) + rest) > most:
            break
        else:
            shown.append(short(name, most))
    left = len(names) - len(shown) + more
    return ", ".join(shown) + (f" +{left}" if left else "")


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def anchors(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """An anchor for each name or pair of names, `from--to`; no two are equal, whatever the names hold."""
    found: dict[tuple[str, ...], str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for parts in names:
        plain = chosen = "--".join(map(_plain, parts))
        while chosen in taken:
            counts[plain] = counts.get(plain, 1) + 1
            chosen = f"{plain}.{counts[plain]}"
        taken.add(chosen)
        found[parts] = chosen
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", name[:100]).strip("-") or "-"
