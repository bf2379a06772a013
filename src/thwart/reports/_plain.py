"""Strings that others chose, made harmless: for terminals, for documents that must be Unicode, for addresses."""

from __future__ import annotations

import re

# Unicode's characters of no width or of right-to-left control, unassigned and private ones, surrogates and
# every control character are what str.isprintable() refuses: exactly what may move a cursor or reorder a line.


def clean(text: str) -> str:
    r"""The text with every unprintable character as a visible escape (`\x1b`, `\u202e`, `\udcff`)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clip(text: str, length: int) -> str:
    """The cleaned text, cut to that many characters with an ellipsis."""
    kept = clean(text[: length + 1])
    return kept if len(kept) <= length else kept[: max(length - 1, 0)] + "…"


_SURROGATE = re.compile("[\ud800-\udfff]")


def scalar(text: str) -> str:
    r"""The text as Unicode scalar values: a byte that was not UTF-8 (surrogateescape) becomes `\xNN`."""
    if text.isascii():
        return text
    return _SURROGATE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def uri_path(path: str) -> str:
    """A path as a relative URI reference (RFC 3986, section 3.3): its own bytes, percent-encoded.

    Leading slashes go, so that it is relative; a first segment with a colon gets `./` before it (section 4.2).
    """
    from urllib.parse import quote

    raw = path.lstrip("/").encode("utf-8", "surrogateescape" if _escapes_only(path) else "surrogatepass")
    encoded = quote(raw, safe="/-._~!$&'()*+,;=:@")
    return f"./{encoded}" if ":" in encoded.partition("/")[0] else encoded


def _escapes_only(text: str) -> bool:
    return all("\udc80" <= char <= "\udcff" for char in _SURROGATE.findall(text))
