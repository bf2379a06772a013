"""The `os-release` file format: shell-compatible variable assignments, as `os-release(5)` describes them."""

from __future__ import annotations

import re

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_IN_DOUBLE_QUOTES = frozenset('"$`\\')  # POSIX shell, 2.2.3: the only characters a backslash escapes there


def parse(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read assignments; the last one of a name wins, as in a shell.

    Lines that are no assignment are passed over, as every reader of such files does.

    Returns:
        values by name, and the names whose value has a quote without an end: it is kept as far as its line goes.
    """
    values: dict[str, str] = {}
    broken: dict[str, None] = {}
    for line in text.removeprefix("\ufeff").split("\n"):
        key, equals, raw = line.strip().partition("=")
        key = key.removeprefix("export ").strip()
        if not equals or not _KEY.match(key):
            continue
        values[key], whole = unquote(raw.lstrip())
        broken.pop(key, None)
        if not whole:
            broken[key] = None
    return values, tuple(broken)


def unquote(raw: str) -> tuple[str, bool]:
    """Value of the right side of an assignment by shell quoting, and whether every quote was closed.

    Without quotes a value ends at the first space; what follows is a comment or junk and does not count.
    """
    out: list[str] = []
    quote = ""
    position = 0
    while position < len(raw):
        char = raw[position]
        following = raw[position + 1 : position + 2]
        if char == "\\" and quote != "'" and following and (not quote or following in _IN_DOUBLE_QUOTES):
            out.append(following)
            position += 1
        elif quote:
            if char == quote:
                quote = ""
            else:
                out.append(char)
        elif char in "\"'":
            quote = char
        elif char.isspace():
            break
        else:
            out.append(char)
        position += 1
    return "".join(out), not quote
