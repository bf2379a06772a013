"""Changes of files as a unified diff that `git apply` and `patch -p1` take."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_CONTEXT = 3
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


class Change(NamedTuple):
    """A file before and after; `before` None where it is new. The path has slashes and is relative."""

    path: str
    before: bytes | None
    after: bytes


def unified(changes: Iterable[Change]) -> bytes:
    """The diff of files, with three lines of context; empty where nothing changed."""
    return b"".join(piece for change in changes if change.before != change.after for piece in _file(change))


def _file(change: Change) -> Iterator[bytes]:
    old, new = _lines(change.before or b""), _lines(change.after)
    yield b"--- " + (b"/dev/null" if change.before is None else _name("a/" + change.path)) + b"\n"
    yield b"+++ " + _name("b/" + change.path) + b"\n"
    # equal lines at both ends are cut off: what is left is small, and difflib is not linear
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    first, last = max(head - _CONTEXT, 0), max(tail - _CONTEXT, 0)
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=len(before) > 10_000)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield _head(group, first)
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (_line(b" ", line) for line in before[a:b])
            else:
                yield from (_line(b"-", line) for line in before[a:b])
                yield from (_line(b"+", line) for line in after[c:d])


def _head(group: list[tuple[str, int, int, int, int]], offset: int) -> bytes:
    (_, a, _, c, _), (_, _, b, _, d) = group[0], group[-1]
    spans = (_span(a + offset, b + offset), _span(c + offset, d + offset))
    return f"@@ -{spans[0]} +{spans[1]} @@\n".encode()


def _span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"  # an empty range is named by the line before it


def _lines(data: bytes) -> list[bytes]:
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _line(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _common(one: list[bytes], other: list[bytes]) -> int:
    count = 0
    for here, there in zip(one, other, strict=False):
        if here != there:
            break
        count += 1
    return count


def _name(path: str) -> bytes:
    """As git quotes names; one with a space ends with a tab, so that `patch` knows where it ends."""
    raw = path.encode("utf-8", "surrogateescape")
    if all(0x20 <= byte < 0x7F for byte in raw) and '"' not in path and "\\" not in path:
        return raw + b"\t" if b" " in raw else raw
    quoted = "".join(_ESCAPES.get(chr(b)) or (chr(b) if 0x20 <= b < 0x7F else f"\\{b:03o}") for b in raw)
    return f'"{quoted}"'.encode()
