"""Go templates that are to become YAML, read without being run: what stands there whatever the values are."""

from __future__ import annotations

import re

_KEY = re.compile(rb"^(\s*(?:- +)*(?:[\w./-]+|\"[^\"{]*\"|'[^'{]*'):)(?=\s)")
_MARK = b"\x1a"  # stands for an action; no YAML may hold it


def literal(text: bytes) -> bytes:
    """The text with every value that an action decides left out, on the same lines.

    A value with an action in it becomes null and a line with nothing else an empty one, so that what is left is stated
    literally, though perhaps in one branch only. What cannot be told apart so is no YAML afterwards.
    """
    first, *others = text.split(b"{{")
    marked = [first]
    for part in others:
        action, end, rest = part.partition(b"}}")
        marked.append(_MARK + (b"\n" + _MARK) * action.count(b"\n") + rest if end else b"{{" + part)
    return b"\n".join(_plain(line) if _MARK in line else line for line in b"".join(marked).split(b"\n"))


def _plain(line: bytes) -> bytes:
    key = _KEY.match(line)
    return key[1] if key is not None and _MARK not in key[1] else b""
