"""Look-ups into parsed JSON of strangers: the wanted type or a refusal, never a KeyError."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from thwart.core.trust import Bounds
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.trust._case import RefusedError

_BLANKS = re.compile(r"\s+")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,19}")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?(?:[Zz]|([+-]\d\d:\d\d))")


def document(data: bytes, bounds: Bounds, what: str) -> Mapping[str, Any]:
    """A JSON object. Keys given twice are refused by nobody: the last counts, for signer and verifier alike.

    Raises:
        RefusedError: it is no object, or beyond the bounds.
    """
    try:
        value = json_bounded.load(data, max_bytes=bounds.piece_bytes, max_depth=bounds.depth, max_items=bounds.values)
    except DocumentError as error:
        raise RefusedError("malformed", f"{what} cannot be read: {error.reason}") from None
    if not isinstance(value, dict):
        raise RefusedError("malformed", f"{what} is not a JSON object")
    return value


def table(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A mapping, empty when it is missing."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError("malformed", f"{key} is not an object")
    return value


def tables(parent: Mapping[str, Any], key: str, most: int) -> list[Mapping[str, Any]]:
    """A list of mappings, empty when it is missing; refused when there are more than `most`."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RefusedError("malformed", f"{key} is not a list of objects")
    if len(value) > most:
        raise RefusedError("too-many", f"{key} has {len(value)} entries, more than the {most} that are read")
    return value


def text(parent: Mapping[str, Any], key: str) -> str:
    """A string, empty when it is missing."""
    value = parent.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RefusedError("malformed", f"{key} is not a string")
    return value


def binary(parent: Mapping[str, Any], key: str) -> bytes:
    """Bytes that JSON holds as base64, empty when missing."""
    return from_base64(text(parent, key), key)


def number(parent: Mapping[str, Any], key: str) -> int | None:
    """A 64-bit number, as a number or (protobuf's JSON mapping) as a string; None when it is missing."""
    value = parent.get(key)
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise RefusedError("malformed", f"{key} is not a number")
    return value


def from_base64(value: str, what: str) -> bytes:
    """Base64 in its standard or its URL-safe alphabet (DSSE envelope, "must accept either"), padded or not."""
    bare = _BLANKS.sub("", value).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError("malformed", f"{what} is not base64") from None


def instant(value: str) -> datetime | None:
    """A moment as RFC 3339 writes it, to the microsecond; None when it is none."""
    match = _INSTANT.fullmatch(value)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7]}{offset or '+00:00'}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def since_epoch(seconds: int) -> datetime:
    """A moment in seconds since 1970.

    Raises:
        RefusedError: it is beyond the year 9999.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise RefusedError("malformed", f"{seconds} is not a time") from None
