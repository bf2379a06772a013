"""Entries as bytes: JSON with sorted keys, one line, never longer than a tile's entry may be."""

from __future__ import annotations

import json
from typing import Any

from thwart.core.errors import ParseError
from thwart.core.record import KINDS, MAX_ENTRY, Entry

SCHEMA = "thwart-record-v1"
_MEMBERS = frozenset({"schema", "kind", "time", "subject", "decision", "digest", "actor", "reasons", "details"})
_TEXTS = ("time", "subject", "decision", "digest", "actor")
_ALWAYS = frozenset({"time", "subject", "decision"})
_LONGEST = 2_000  # characters of one reason or detail
_MOST = 12  # reasons or details


def encode(entry: Entry) -> bytes:
    """The bytes that are hashed and kept; reasons beyond what an entry can hold are counted instead."""
    if entry.kind not in KINDS:
        raise ValueError(f"{entry.kind!r} is no kind of entry")
    most, longest = len(entry.reasons), max(map(len, entry.reasons), default=0)
    details = {key[:_LONGEST]: value[:_LONGEST] for key, value in entry.details[:_MOST]}
    while True:
        data = _written(entry, _shortened(entry.reasons, most, longest), details)
        if len(data) <= MAX_ENTRY:
            return data
        most, longest = min(most, _MOST), min(longest, _LONGEST) // 2


def _shortened(reasons: tuple[str, ...], most: int, longest: int) -> list[str]:
    shown = [reason if len(reason) <= longest else f"{reason[:longest]}…" for reason in reasons[:most]]
    return [*shown, f"and {len(reasons) - most} more"] if len(reasons) > most else shown


def _written(entry: Entry, reasons: list[str], details: dict[str, str]) -> bytes:
    body: dict[str, Any] = {"schema": SCHEMA, "kind": entry.kind}
    body |= {name: getattr(entry, name)[:_LONGEST] for name in _TEXTS if getattr(entry, name) or name in _ALWAYS}
    body |= {"reasons": reasons} if reasons else {}
    body |= {"details": details} if details else {}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def decode(data: bytes) -> Entry:
    """The entry that these bytes are.

    Raises:
        ParseError: they are none of `thwart-record-v1`.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError("the entry is not JSON") from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA or body.get("kind") not in KINDS:
        raise ParseError(f"the entry is not of {SCHEMA}")
    if odd := sorted(set(body) - _MEMBERS):  # a reader that shows them beside its own would be lied to
        raise ParseError(f"the entry has a member {odd[0][:40]!r}, which {SCHEMA} does not know")
    reasons, details = body.get("reasons", []), body.get("details", {})
    texts: dict[str, Any] = {name: body.get(name, None if name in _ALWAYS else "") for name in _TEXTS}
    words = [*texts.values(), *(reasons if isinstance(reasons, list) else [None])]
    words += [*details.values()] if isinstance(details, dict) else [None]
    if not all(isinstance(one, str) for one in words):
        raise ParseError(f"the entry is not of {SCHEMA}")
    return Entry(kind=body["kind"], reasons=tuple(reasons), details=tuple(details.items()), **texts)
