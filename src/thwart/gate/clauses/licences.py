"""Packages under acceptable licences only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from thwart.core.package import Package
from thwart.gate.clauses import Case, Objection, clause, named, texts

_WORDS = re.compile(r"[^\s()]+")
_SAID = frozenset({"and", "or", "with"})


def _table(value: object) -> str:
    if not isinstance(value, dict) or not value or set(value) - {"deny", "allow", "unknown"}:
        return "must be a table with deny, allow or both, and unknown"
    if value.get("unknown", "allow") not in ("allow", "deny"):
        return "unknown must be allow or deny"
    return next(
        (f"{name} {texts(value[name])}" for name in ("deny", "allow") if name in value and texts(value[name])), ""
    )


@clause(
    "no package under a denied licence, or, with `allow`, under any other; SPDX ids, `*` stands for anything", _table
)
def licences(case: Case, value: dict[str, Any]) -> Iterator[Objection]:
    """What packages state. Of alternatives (`MIT OR GPL-2.0`), one that is acceptable is enough."""
    bad = {one.full_name: one for one in case.report.packages if one.licences and not _acceptable(one, value)}
    if bad:
        told = (f"{name} ({' '.join(one.licences)[:60]})" for name, one in sorted(bad.items()))
        yield Objection(f"the licence of {named(told)} is not allowed")
    silent = sorted({one.full_name for one in case.report.packages if not one.licences})
    if silent and value.get("unknown", "allow") == "deny":
        yield Objection(f"{named(silent)} {'states' if len(silent) == 1 else 'state'} no licence")


def _acceptable(package: Package, value: dict[str, list[str]]) -> bool:
    """All of the stated expressions must be, each in one of its alternatives."""
    return all(
        any(_fine(part, value) for part in re.split(r"\s+or\s+", text.strip(" ()"), flags=re.IGNORECASE))
        for text in package.licences
    )


def _fine(part: str, value: dict[str, list[str]]) -> bool:
    ids = [word for word in _WORDS.findall(part) if word.lower() not in _SAID]
    denied = any(fnmatchcase(one.lower(), glob.lower()) for one in ids for glob in value.get("deny", ()))
    if denied or "allow" not in value:
        return not denied
    return all(any(fnmatchcase(one.lower(), glob.lower()) for glob in value["allow"]) for one in ids)
