"""Severity statements at build time: vectors are scored once, here, and never at scan time."""

from __future__ import annotations

import re
from functools import lru_cache

from thwart.advisories.vectors import severity_of
from thwart.core.advisory import Score

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})", re.ASCII)
_LONGEST = 300  # a v4 vector with every optional metric has some 200 characters
_DECIMALS = 2
_NOT_DEFINED = re.compile(r"/[A-Z]{1,3}:X(?=/|$)")


def day(moment: str | None) -> str:
    """The ISO date of an RFC 3339 moment; empty for none, for nonsense, and for the year-1 dates that stand for none."""
    found = _DAY.match(moment or "")
    return found[1] if found and found[1] >= "1980" else ""


def word_score(source: str, word: str) -> Score:
    """A vendor's word."""
    text = word[:_LONGEST].strip()
    return Score(source, "word", text, -1.0, severity_of("word", text, -1.0))


@lru_cache(maxsize=65536)
def cvss_score(source: str, system: str, vector: str) -> Score:
    """A vector with its base score; a malformed one keeps its text, with score -1 and unknown severity.

    Metrics that are `X`, not defined, are left out, which says the same (CVSS v3.1 section 6, v4.0 section 7). The
    system is the vector's own: `CVSS:4.0/…` under a label of version 3 is version 4.
    """
    text = vector.strip()[:_LONGEST]
    short = _NOT_DEFINED.sub("", text)
    own, value = _base(short)
    name = own or system
    return Score(source, name, short if own else text, value, severity_of(name, text, value))


def number_score(source: str, system: str, value: float) -> Score:
    """A base score without a vector."""
    score = round(min(max(value, 0.0), 10.0), _DECIMALS)
    return Score(source, system, "", score, severity_of(system, "", score))


@lru_cache(maxsize=65536)
def _base(vector: str) -> tuple[str, float]:
    """System and base score of a vector: CVSS v2 guide, v3.0, v3.1 and v4.0 specifications, by the cvss library."""
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    try:
        if vector.startswith("CVSS:4."):
            return "CVSS_V4", float(CVSS4(vector).base_score)
        if vector.startswith("CVSS:3."):
            return "CVSS_V3", float(CVSS3(vector).scores()[0])
        if vector.startswith("AV:"):
            return "CVSS_V2", float(CVSS2(vector).scores()[0])
    except (CVSSError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError):
        pass
    return "", -1.0
