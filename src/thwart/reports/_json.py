"""JSON documents that are safe to print, and identifiers that follow from content."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from thwart.reports._plain import scalar

NAMESPACE = uuid.UUID("8a5b6c1e-2f0d-5b7a-9c43-6d1f0e7a2b95")

# Outside strings JSON is ASCII, so replacing characters in the encoded text only ever touches strings.
_UNSAFE = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def safe(encoded: str) -> bytes:
    """Encoded JSON as UTF-8, in which no character can steer a terminal or hide: those are `\\uXXXX`."""
    return (encoded if encoded.isascii() else _UNSAFE.sub(_escape, encoded)).encode()


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def dump(document: dict[str, Any]) -> bytes:
    """A document as indented JSON with a final newline; surrogates become visible escapes."""
    import msgspec

    # The standard library indents in Python, ten times slower than it encodes; msgspec only moves white space here.
    encoded = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return safe(msgspec.json.format(_SURROGATE.sub(_visible, encoded), indent=1)) + b"\n"


_SURROGATE = re.compile("[\ud800-\udfff]")


def _visible(match: re.Match[str]) -> str:
    return scalar(match[0]).replace("\\", "\\\\")


def content_uuid(document: dict[str, Any]) -> uuid.UUID:
    """A UUID (RFC 9562, version 5) of the document's content: equal for equal documents."""
    return uuid.uuid5(NAMESPACE, json.dumps(document, sort_keys=True, separators=(",", ":")))
