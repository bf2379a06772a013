"""YAML out of plain values: block style, the same bytes for the same value, and no text that reads back as something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# what YAML 1.1 and 1.2 readers take for a plain string, whatever their schema
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))


def document(value: Mapping[str, object]) -> str:
    """One document, without a separator."""
    return "".join(f"{line}\n" for line in _mapping(value))


def scalar(value: object) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # Python's escapes are among those of YAML (1.2, section 5.7)
    return '"' + text.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'


def _mapping(value: Mapping[str, object]) -> Iterator[str]:
    for key, one in value.items():
        yield from _entry(f"{scalar(key)}:", one)


def _entry(head: str, value: object) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield head
        yield from (f"  {line}" for line in _mapping(value))
    elif isinstance(value, list) and value:
        yield head
        yield from (f"  {line}" for line in _items(value))
    else:
        yield f"{head} {_empty(value)}"


def _items(value: list[object]) -> Iterator[str]:
    for one in value:
        if isinstance(one, Mapping) and one:
            for number, line in enumerate(_mapping(one)):
                yield f"{'- ' if number == 0 else '  '}{line}"
        elif isinstance(one, list) and one:
            for number, line in enumerate(_items(one)):
                yield f"{'- ' if number == 0 else '  '}{line}"
        else:
            yield f"- {_empty(one)}"


def _empty(value: object) -> str:
    return "{}" if isinstance(value, Mapping) else "[]" if isinstance(value, list) else scalar(value)
