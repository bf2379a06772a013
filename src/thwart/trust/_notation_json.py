"""JSON of signatures and policies, where a member given twice would mean different things to different readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from thwart.core.trust import Bounds
from thwart.trust._case import RefusedError
from thwart.trust._values import document


def strict(data: bytes, bounds: Bounds, what: str) -> Mapping[str, Any]:
    """A JSON object in UTF-8 without a byte order mark, no member of which is given twice (RFC 7515 section 5.2).

    Raises:
        RefusedError: it is none, or beyond the bounds.
    """
    document(data, bounds, what)
    try:
        value: Mapping[str, Any] = json.loads(data.decode(), object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise RefusedError("malformed", f"{what} is not strict JSON") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise RefusedError("malformed", "a member is given twice")
    return members
