"""Which of several severity statements decides.

The order: the distribution's own word, the numbering authority (CNA), NVD, CISA's enrichment (ADP), then the record
that led here (GHSA's word, an ecosystem's own database), then anybody else. Of one speaker the newer system counts
(CVSS 4 before 3 before 2 before a word), and of equal ones the worse. A distribution's word comes before the vectors in
its record: the word rates the defect in its package, the vectors are mostly quoted from NVD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from thwart.core.advisory import Score, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

_SYSTEMS = {"CVSS_V4": 0, "CVSS_V3": 1, "CVSS_V2": 3}
_WORD = 4
_PUBLISHED = (  # beginnings of a source's name, and their rank
    ("cna", 1),
    ("nvd", 2),
    ("cisa", 3),
    ("adp", 3),
    ("vulnrichment", 3),
)
_VENDOR, _RECORD, _OTHER = 0, 4, 5


class Said(NamedTuple):
    """A severity statement and where it was found: `vendor` (a distribution's record), `record` or `cve`."""

    score: Score
    where: str


def choose(said: Iterable[Said], vendor: str) -> tuple[Score | None, tuple[Score, ...]]:
    """The deciding statement (None when none has a severity), and all of them, each once, best first."""
    ranked = sorted({(_rank(one, vendor), one.score) for one in said})
    scores = tuple(dict.fromkeys(score for _, score in ranked))
    return next((score for score in scores if score.severity is not Severity.UNKNOWN), None), scores


def from_statement(text: str, source: str) -> Score | None:
    """A statement's own severity, a vector or a word; None when there is none, or one that says nothing."""
    text = text.strip()
    if not text:
        return None
    if "/" in text and ":" in text:
        return _from_vector(text, source)
    severity = Severity.of(text.rstrip("*"))
    return None if severity is Severity.UNKNOWN else Score(source, "word", text, -1.0, severity)


def _rank(one: Said, vendor: str) -> tuple[int, int, int]:
    score, where = one
    source = score.source.lower()
    rank = next((rank for start, rank in _PUBLISHED if source.startswith(start)), -1)
    if rank < 0:
        if where == "vendor" or (vendor and source.startswith(vendor.lower())):
            rank = _VENDOR
        else:
            rank = _RECORD if where == "record" or source.startswith(("ghsa", "github")) else _OTHER
    system = _SYSTEMS.get(score.system, _WORD)
    return rank, -1 if rank == _VENDOR and system == _WORD else system, -int(score.severity)


def _from_vector(vector: str, source: str) -> Score | None:
    import cvss

    kinds = {"CVSS:4": (cvss.CVSS4, "CVSS_V4"), "CVSS:3": (cvss.CVSS3, "CVSS_V3")}
    kind, system = kinds.get(vector[:6], (cvss.CVSS2, "CVSS_V2"))
    try:
        base = float(kind(vector).base_score)
    except cvss.CVSSError:
        return None
    return Score(source, system, vector, base, _word(base))


def _word(base: float) -> Severity:
    """The rating of a base score: FIRST, CVSS v3.1 specification, section 5."""
    bounds = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
    return next((severity for bound, severity in bounds if base >= bound), Severity.NEGLIGIBLE)
