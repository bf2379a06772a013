"""Entries of the record: what was decided, by what, on what, and why."""

from __future__ import annotations

from msgspec import Struct

KINDS = ("scan", "gate", "admission", "signature", "exemption", "policy")
MAX_ENTRY = 65_535  # bytes of an entry as it is written (C2SP tlog-tiles, entry bundles)


class Entry(Struct, frozen=True, kw_only=True):
    """One decision.

    `kind` is one of `KINDS`; `time` is RFC 3339 in UTC; `subject` is what it is about, with `digest` where it has one;
    `decision` is the verdict's word; `reasons` are sentences; `actor` is who asked; `details` are names and texts.
    """

    kind: str
    time: str
    subject: str
    decision: str
    digest: str = ""
    actor: str = ""
    reasons: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
