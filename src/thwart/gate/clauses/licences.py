"""Packages under acceptable licences only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import accumulate
from typing import Any

from thwart.core.package import Package
from thwart.gate.clauses import Case, Objection, clause, named, texts

_WORDS = re.compile(r"[^\s()]+|[()]")
_SYNTAX = frozenset({"and", "or", "with", "(", ")"})
_DEEPEST = 32


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
    return all(_holds(_WORDS.findall(text.lower()), value) for text in package.licences)


def _holds(words: list[str], value: dict[str, list[str]]) -> bool:
    """One expression; where its parentheses cannot be followed, every licence in it has to be acceptable."""
    depths = list(accumulate((word == "(") - (word == ")") for word in words))
    ids = [word for word in words if word not in _SYNTAX]
    if not ids:
        return "allow" not in value
    if min(depths) < 0 or depths[-1] or max(depths) > _DEEPEST:
        return all(_fine(one, value) for one in ids)
    return _either(words[::-1], value)


def _either(words: list[str], value: dict[str, list[str]]) -> bool:
    """Alternatives (SPDX 3, annex B: `OR` binds least), taken from the end of the list up to a closing parenthesis."""
    found = _both(words, value)
    while words and words[-1] == "or":
        words.pop()
        found = _both(words, value) or found
    return found


def _both(words: list[str], value: dict[str, list[str]]) -> bool:
    """Licences that hold together: with `AND`, with `WITH`, or side by side, as those write who do not know SPDX."""
    found, empty = True, True
    while words and words[-1] not in ("or", ")"):
        word = words.pop()
        if word == "(":
            found = _either(words, value) and found
            words.pop()  # the closing parenthesis
        elif word not in _SYNTAX:
            found = _fine(word, value) and found
        empty = empty and word in ("and", "with")
    return found and not empty


def _fine(word: str, value: dict[str, list[str]]) -> bool:
    if any(fnmatchcase(word, glob.lower()) for glob in value.get("deny", ())):
        return False
    return "allow" not in value or any(fnmatchcase(word, glob.lower()) for glob in value["allow"])
