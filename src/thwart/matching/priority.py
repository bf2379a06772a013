"""Which defect first: a number from 0 to 100, and in words what it is made of.

Known exploitation decides (90 and above). Below it counts severity times the likelihood of exploitation: EPSS is a
probability with most of its mass near zero, so its square root is taken, and a quarter stands for what EPSS cannot
know. A fix at hand adds a little; what does not run, what is doubtful and what is only a notice weighs less.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from thwart.core.advisory import Exploited, Score, Severity

if TYPE_CHECKING:
    from thwart.core.package import Package
    from thwart.matching.model import Defect

_SEVERITY = {
    Severity.CRITICAL: 9.5,
    Severity.HIGH: 8.0,
    Severity.MEDIUM: 5.5,
    Severity.LOW: 2.5,
    Severity.NEGLIGIBLE: 0.5,
    Severity.UNKNOWN: 5.0,  # the middle: neither hidden nor shouted
}
_NO_EPSS = 0.01  # roughly the upper third of all CVEs: new and foreign ids are not harmless
_SYSTEMS = {"CVSS_V2": "CVSS 2", "CVSS_V3": "CVSS 3", "CVSS_V4": "CVSS 4"}
_SPEAKERS = (
    ("nvd", "NVD"),
    ("cna", "its CNA"),
    ("adp", "CISA"),
    ("cisa", "CISA"),
    ("ghsa", "GitHub"),
    ("github", "GitHub"),
    ("osv", "its advisory"),
)
_NOT_RUN = {"dev": "development", "test": "test", "optional": "optional"}
_STATES = {
    "unfixed": "there is no fix yet",
    "will-not-fix": "the vendor will not fix it",
    "end-of-life": "the vendor no longer supports it",
    "fixed-pro": "the fix needs a subscription",
    "unknown": "the vendor has not decided whether it is affected",
}


def weigh(defect: Defect, package: Package) -> float:
    """Priority of a defect in a package, one decimal."""
    severity = _magnitude(defect) / 10
    fixed = defect.state == "fixed"
    if defect.kev is not None:
        return round(90 + 4 * defect.kev.ransomware + 4 * severity + 2 * fixed, 1)
    likelihood = math.sqrt(defect.epss if defect.epss is not None else _NO_EPSS)
    points = 85 * severity * (0.25 + 0.75 * likelihood) + 4 * fixed
    if package.scope in _NOT_RUN:
        points /= 2
    if defect.confidence == "low":
        points *= 0.6
    if defect.kind == "notice" or defect.severity is Severity.NEGLIGIBLE:
        points /= 10
    return round(min(points, 89.9), 1)


def explain(defect: Defect, package: Package) -> tuple[str, ...]:
    """What the priority is made of, the weightiest first."""
    return tuple(
        sentence
        for sentence in (
            _exploited(defect.kev),
            _likelihood(defect),
            _harm(defect),
            f"fixed in {defect.fixed}" if defect.state == "fixed" else _STATES.get(defect.state, ""),
            f"the vendor says: {defect.status}" if defect.status else "",
            f"{_NOT_RUN[package.scope]} dependency" if package.scope in _NOT_RUN else "",
            f"confidence is {defect.confidence}" if defect.confidence != "high" else "",
        )
        if sentence
    )


def _magnitude(defect: Defect) -> float:
    """The chosen base score, or what its word usually means; the word decides when the score's meaning is not it."""
    if defect.score is not None and defect.score.score >= 0 and defect.score.severity is defect.severity:
        return defect.score.score
    return _SEVERITY[defect.severity]


def _exploited(kev: Exploited | None) -> str:
    if kev is None:
        return ""
    ransomware = ", by ransomware too" if kev.ransomware else ""
    return f"exploited in the wild (CISA KEV since {kev.added}{ransomware})"


def _likelihood(defect: Defect) -> str:
    if defect.epss is None:
        return ""
    start = f"EPSS {defect.epss:.2f}" if defect.epss >= 0.01 else f"EPSS {defect.epss:.4f}"
    if defect.percentile is None:
        return start
    return f"{start}: more likely exploited than {min(int(defect.percentile * 100), 99)} % of CVEs"


def _harm(defect: Defect) -> str:
    if defect.kind == "notice":
        return "a notice, not a vulnerability"
    score = defect.score
    if score is None:
        return "nobody has rated its severity"
    return f"{defect.severity.word} by {speaker(score)}{_value(score)}"


def _value(score: Score) -> str:
    if score.score < 0:
        return ""
    return f": {_SYSTEMS.get(score.system, score.system)} base score {score.score:.1f}"


def speaker(score: Score) -> str:
    """Who rated it, as a reader knows them."""
    lowered = score.source.lower()
    for start, name in _SPEAKERS:
        if lowered.startswith(start):
            return name
    return score.source.capitalize() if score.source.islower() else score.source
