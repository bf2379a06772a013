"""Java property files, as `java.util.Properties.load` reads them."""

from __future__ import annotations

import re

_END = re.compile(r"[\r\n]|\Z")
_LOGICAL = re.compile(r"(?:[^\\\r\n]|\\(?:\r\n|[\s\S]))+")
_SPLIT = re.compile(r"((?:[^\\=: \t\f]|\\[\s\S])*)[ \t\f]*[=:]?[ \t\f]*([\s\S]*)")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(\r\n|\r|\n)[ \t\f]*|([\s\S]))")
_NAMED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def properties(data: bytes) -> dict[str, str]:
    """Keys and values; the last of equal keys counts. The text is Latin-1 with `\\uXXXX` escapes."""
    text = data.decode("latin-1")
    out: dict[str, str] = {}
    for line in _logical(text):
        known = _SPLIT.fullmatch(line)
        if known and line[0] not in "#!":
            out[_plain(known[1])] = _plain(known[2])
    return out


def _logical(text: str) -> list[str]:
    """Lines with their continuations; a comment is never continued."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t\f\r\n":
            at += 1
            continue
        if text[at] in "#!":
            end = _END.search(text, at)
            at = end.end() if end else len(text)
            continue
        known = _LOGICAL.match(text, at)
        if known is None:
            break  # a lone backslash at the end
        out.append(known[0])
        at = known.end()
    return out


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    joined = _ESCAPE.sub(_one, text).encode("utf-16-le", "surrogatepass")  # escapes are UTF-16 code units
    return joined.decode("utf-16-le", "replace")


def _one(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    if escape[2]:
        return ""
    return _NAMED.get(escape[3], escape[3])
