"""An advisory database in memory, and short ways to make packages and records, for the tests of matching and gate."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from thwart.core.advisory import Advisory, Affected, CveFacts, Exploited, Range, Score, Severity
from thwart.core.package import Location, Package, Release
from thwart.matching import Matches, match

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TODAY = date(2026, 11, 23)
BOOKWORM = Release(id="debian", version="12", name="Debian GNU/Linux 12", ecosystem="Debian:12")


class Memory:
    """A `Knowledge` of what it is told. Every ecosystem of a statement is known, and those named besides."""

    def __init__(self, *parts: Affected | Advisory | CveFacts, known: Iterable[str] = ()) -> None:
        self.statements = [part for part in parts if isinstance(part, Affected)]
        self.records = {part.id: part for part in parts if isinstance(part, Advisory)}
        self.facts = {part.id: part for part in parts if isinstance(part, CveFacts)}
        self.known = frozenset(known) | {statement.ecosystem for statement in self.statements}
        self.parts: set[str] = set()
        self.ends: dict[tuple[str, str], date] = {}
        self.asked: list[tuple[str, str]] = []

    def affected(self, ecosystem: str, name: str) -> Sequence[Affected]:
        self.asked.append((ecosystem, name))
        return [one for one in self.statements if (one.ecosystem, one.name) == (ecosystem, name)]

    def advisory(self, advisory_id: str) -> Advisory | None:
        return self.records.get(advisory_id)

    def cve(self, cve_id: str) -> CveFacts | None:
        return self.facts.get(cve_id)

    def ecosystems(self) -> frozenset[str]:
        return self.known

    def partial(self, ecosystem: str) -> bool:
        return ecosystem in self.parts

    def end_of_life(self, release_id: str, version: str) -> date | None:
        return self.ends.get((release_id, version))


def affected(advisory: str, ecosystem: str, name: str, *spans: str, **more: Any) -> Affected:
    """A statement; each span is `introduced..fixed`, `introduced..=last` or `introduced..`."""
    return Affected(advisory, ecosystem, name, tuple(map(_range, spans)), **more)


def _range(span: str) -> Range:
    introduced, _, end = span.partition("..")
    return Range(introduced, "", end[1:]) if end.startswith("=") else Range(introduced, end)


def record(advisory_id: str, **more: Any) -> Advisory:
    return Advisory(id=advisory_id, source=more.pop("source", "test"), **more)


def facts(cve: str, score: float = -1.0, source: str = "nvd", **more: Any) -> CveFacts:
    scores = (cvss(source, score),) if score >= 0 else ()
    return CveFacts(id=cve, scores=scores, **more)


def cvss(source: str, score: float, system: str = "CVSS_V3") -> Score:
    bounds = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
    severity = next((severity for bound, severity in bounds if score >= bound), Severity.NEGLIGIBLE)
    return Score(source, system, "vector", score, severity)


def kev(added: str = "2024-01-02", *, ransomware: bool = False) -> Exploited:
    return Exploited(added=added, ransomware=ransomware)


_ECOSYSTEMS = {
    "deb": "Debian:12",
    "apk": "Alpine:v3.20",
    "rpm": "AlmaLinux:9",
    "pypi": "PyPI",
    "npm": "npm",
    "golang": "Go",
    "maven": "Maven",
    "gem": "RubyGems",
    "cargo": "crates.io",
    "composer": "Packagist",
    "nuget": "NuGet",
    "bitnami": "Bitnami",
}


def package(purl: str, **more: Any) -> Package:
    """A package of `type/name@version`; its ecosystem follows from the type, unless told."""
    kind, _, rest = purl.partition("/")
    name, _, version = rest.rpartition("@")
    whole = Package(
        name=name,
        version=version,
        type=kind,
        ecosystem=_ECOSYSTEMS.get(kind, ""),
        purl=f"pkg:{purl}",
        locations=(Location(path=f"some/{name}"),),
    )
    return replace(whole, **more)


def run(memory: Memory, *packages: Package, release: Release | None = None) -> Matches:
    return match(packages, release, memory, today=TODAY)


def ids(matches: Matches) -> list[str]:
    return sorted({finding.id for finding in matches.findings})


def slugs(matches: Matches) -> list[str]:
    return [diagnostic.slug for diagnostic in matches.diagnostics]
