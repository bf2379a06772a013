"""Names that nftables can read, made of names that strangers chose.

Source: nftables(8), "lexical conventions"; a name has at most 255 characters, a comment and a log prefix 127.
"""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_HARMLESS = re.compile(r"[^A-Za-z0-9 ./_\[\]-]")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_SHOWN, _TEXT = 48, 120


def digest(*parts: object) -> str:
    """Twelve digits that stand for the parts: equal parts, equal digits, on every machine."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def identifier(prefix: str, shown: str, *key: str) -> str:
    """A name for a set or chain: `prefix`, what can be shown of a text, and digits that stand for text and key."""
    readable = _UNSAFE.sub("_", shown)[:_SHOWN].strip("_")
    return "_".join(part for part in (prefix, readable, digest(prefix, shown, *key)) if part)


def quoted(text: str) -> str:
    """Text for a comment or a log prefix: it cannot end its quotes, and is not too long."""
    return _HARMLESS.sub("?", text)[:_TEXT]


def is_identifier(text: str) -> bool:
    """Whether text may be the name of a table as it stands."""
    return _IDENTIFIER.fullmatch(text) is not None
