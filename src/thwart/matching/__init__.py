"""Which advisories apply to which packages. One entry function, `match`; one file per family in `ecosystems/`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.ecosystems import ECOSYSTEMS, SYSTEM_TYPES
from thwart.core.finding import Diagnostic, Finding, Fix, Suppressed
from thwart.core.upgrades import SCHEMES
from thwart.core.vex import NOT_AFFECTED
from thwart.matching import coverage
from thwart.matching.distribution import Installed, kernel_text
from thwart.matching.judge import Desk
from thwart.matching.model import Defect, Key, Subject, weaker
from thwart.matching.priority import explain, weigh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from thwart.core.advisory import Knowledge
    from thwart.core.package import Package, Release
    from thwart.matching.ecosystems import Family

_HEADERS = "headers, sources or documentation of the kernel: nothing of them runs"


class Matches(NamedTuple):
    """What matching found: findings (most urgent first), findings set aside with the reason, and what was not judged."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    diagnostics: tuple[Diagnostic, ...]


class _Case(NamedTuple):
    package: Package
    family: Family
    subject: Subject


def match(packages: Sequence[Package], release: Release | None, knowledge: Knowledge, *, today: date) -> Matches:
    """Hold packages against what is known of defects.

    Args:
        packages: as the catalogers found them, with owners and layers.
        release: the system's release; its ecosystem serves system packages that state none.
        knowledge: the advisory database.
        today: for the end of a release's support.

    Every package is judged, or named in a diagnostic. Nothing is read but the arguments, and equal arguments give
    equal answers in equal order.
    """
    desk = Desk(knowledge)
    cases, diagnostics = _sort(packages, release, desk)
    diagnostics += coverage.end_of_life(release, knowledge, today)
    diagnostics += _unordered(cases, desk)
    findings: list[Finding] = []
    suppressed: list[Suppressed] = []
    installed = Installed(desk, ((case.package, case.subject) for case in cases))
    for case in cases:
        for finding, aside in _findings(case, desk, installed):
            if aside is None:
                findings.append(finding)
            else:
                suppressed.append(aside)
    diagnostics += coverage.silent(installed.silent)
    return Matches(
        tuple(sorted(findings, key=_urgency)),
        tuple(sorted(suppressed, key=lambda aside: _urgency(aside.finding))),
        tuple(diagnostics),
    )


def _sort(packages: Sequence[Package], release: Release | None, desk: Desk) -> tuple[list[_Case], list[Diagnostic]]:
    """Packages that can be judged, and diagnostics on those that cannot."""
    cases: list[_Case] = []
    unknown: list[Package] = []
    unversioned: list[Package] = []
    known_defects: list[Package] = []
    for package in packages:
        stated = _stated(package, release)
        family, ecosystems = desk.serving(stated)
        if family is None or not ecosystems:
            unknown.append(package)
            continue
        subject = _subject(package, family, stated, ecosystems)
        if subject is not None:
            cases.append(_Case(package, family, subject))
            continue
        unversioned.append(package)
        names = {package.full_name, package.full_name.lower(), package.source or package.name}
        if any(desk.knowledge.affected(ecosystem, name) for ecosystem in ecosystems for name in sorted(names)):
            known_defects.append(package)
    diagnostics = [*coverage.unjudged(unknown, release), *coverage.no_version(unversioned, known_defects)]
    return cases, diagnostics


def _stated(package: Package, release: Release | None) -> str:
    if package.ecosystem:
        return package.ecosystem
    if package.type in SYSTEM_TYPES:
        return release.ecosystem if release is not None else ""
    return ECOSYSTEMS.get(package.type, "")


def _subject(package: Package, family: Family, stated: str, ecosystems: tuple[str, ...]) -> Subject | None:
    keys = tuple(Key(ecosystem, *pair) for ecosystem in ecosystems for pair in family.names(package))
    if not keys:
        return None
    return Subject(
        family=stated.partition(":")[0],
        keys=keys,
        scheme=SCHEMES.get(package.type, ""),
        stream=family.stream(package),
        arch=family.arch(package),
    )


def _unordered(cases: Sequence[_Case], desk: Desk) -> Iterator[Diagnostic]:
    packages: dict[str, list[Package]] = defaultdict(list)
    bounds: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        ecosystem = case.subject.keys[0].ecosystem
        own = {key.version for key in case.subject.keys}
        unreadable = set(desk.judge(case.subject).unordered)
        if unreadable & own:
            packages[ecosystem].append(case.package)
        elif unreadable:
            bounds[ecosystem] |= unreadable
    return coverage.unordered(packages, bounds)


def _findings(case: _Case, desk: Desk, installed: Installed) -> Iterator[tuple[Finding, Suppressed | None]]:
    headers = kernel_text(case.package)
    for defect in desk.judge(case.subject).defects:
        finding = _finding(defect, case.package, case.family)
        if headers:
            yield finding, Suppressed(finding=finding, by="distribution", reason=_HEADERS, status=NOT_AFFECTED)
        elif defect.aside:
            yield finding, Suppressed(finding=finding, by="vendor", reason=defect.aside, status=NOT_AFFECTED)
        else:
            yield finding, installed.outranks(case.package, finding)


def _finding(defect: Defect, package: Package, family: Family) -> Finding:
    fix = None
    if defect.fixed:
        version = family.fix_version(package, defect.fixed)
        fix = Fix(
            title=family.fix_title(package, version),
            package=family.fix_target(package),
            version=version,
            again=defect.again,
            paid=defect.state == "fixed-pro",
        )
    return Finding(
        id=defect.id,
        message=_message(defect, package, fix),
        severity=defect.severity,
        package=package,
        aliases=defect.aliases,
        advisories=defect.advisories,
        confidence=weaker(defect.confidence, package.confidence),
        score=defect.score,
        scores=defect.scores,
        epss=defect.epss,
        percentile=defect.percentile,
        kev=defect.kev,
        state=defect.state,
        status=defect.status,
        fix=fix,
        priority=weigh(defect, package),
        because=explain(defect, package),
        locations=package.locations,
        published=defect.published,
        cwes=defect.cwes,
        kind=defect.kind,
    )


def _message(defect: Defect, package: Package, fix: Fix | None) -> str:
    is_notice = "is the subject of" if defect.kind == "notice" else "has"
    mended = f"; {fix.version} has not" if fix is not None and defect.kind != "notice" else ""
    return f"{package.full_name} {package.version} {is_notice} {defect.id}{mended}"


def _urgency(finding: Finding) -> tuple[float, str, str, str, str, str]:
    package = finding.package
    path = finding.locations[0].path if finding.locations else ""
    if package is None:
        return -finding.priority, finding.id, "", "", path, ""
    return -finding.priority, finding.id, package.full_name, package.version, path, package.purl
