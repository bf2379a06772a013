"""Findings grouped by what closes them: the unit of work is an upgrade, not a finding."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from thwart.core.advisory import Severity
from thwart.lib import versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from thwart.core.finding import Finding, Fix
    from thwart.core.package import Package

# Which ordering (of lib.versions) the versions of a purl type follow.
SCHEMES = {
    "apk": "apk",
    "bitnami": "npm",
    "cargo": "cargo",
    "composer": "composer",
    "deb": "dpkg",
    "gem": "gem",
    "githubactions": "npm",
    "golang": "go",
    "hex": "npm",
    "maven": "maven",
    "npm": "npm",
    "nuget": "nuget",
    "pub": "npm",
    "pypi": "pep440",
    "rpm": "rpm",
}


class FixGroup(Struct, frozen=True, kw_only=True):
    """One upgrade and what it closes.

    `package` is what to upgrade (the source package where the distribution ships sources), `packages` the installed
    packages that it replaces, in any of `layers` (diffIDs, lowest first), `version` the smallest stated version that
    closes as much risk as one upgrade can. `findings` are closed by it; `defects` holds one of them for each id, the
    most urgent first, and is what counts: ten binary packages of one source are not ten defects. `left` are findings
    with a fix of their own that this version does not close. `risk` is `risk(findings)`.
    """

    type: str
    ecosystem: str
    package: str
    version: str
    title: str
    layers: tuple[str, ...]
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    defects: tuple[Finding, ...]
    left: tuple[Finding, ...]
    risk: float
    severity: Severity
    paid: bool = False

    @property
    def installed(self) -> tuple[str, ...]:
        """The versions that are there now."""
        return tuple(sorted({package.version for package in self.packages}))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the packages that it replaces."""
        return tuple(sorted({package.full_name for package in self.packages}))


class _Subject(NamedTuple):
    type: str
    ecosystem: str
    package: str
    paid: bool


class _Member(NamedTuple):
    finding: Finding
    package: Package
    fix: Fix


def group_by_fix(findings: Iterable[Finding], layers: Iterable[str] = ()) -> list[FixGroup]:
    """Group findings that an upgrade closes, most risk removed first; findings without an upgrade are left out.

    `layers` are the asset's diffIDs, lowest first: they order `FixGroup.layers`.
    """
    rank = {diff_id: index for index, diff_id in enumerate(layers)}
    subjects: dict[_Subject, list[_Member]] = defaultdict(list)
    for finding in findings:
        package, fix = finding.package, finding.fix
        if package is not None and fix is not None and fix.kind == "upgrade" and fix.version:
            key = _Subject(package.type, package.ecosystem, fix.package or package.full_name, fix.paid)
            subjects[key].append(_Member(finding, package, fix))
    groups = [
        _group(subject, part, rank)
        for subject, members in subjects.items()
        for part in (_numbered_alike(members) if subject.type == "rpm" else [members])
    ]
    return sorted(groups, key=lambda group: (-group.risk, -group.severity, group.type, group.package, group.version))


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for each id, the most urgent of its kind, the most urgent first."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        known = worst.get(finding.id)
        if known is None or _urgency(finding) > _urgency(known):
            worst[finding.id] = finding
    return tuple(sorted(worst.values(), key=lambda one: (-one.priority, -one.severity, one.id)))


def risk(findings: Iterable[Finding]) -> float:
    """What would be gone with these findings: the cubes of their priorities, each id once, 100 for one of priority 100.

    The cube, because priorities rank and do not add up: a dozen findings that nobody exploits (priority 25) are not
    worth one that everybody does (95). See docs/concepts/priority.md.
    """
    worst: dict[str, float] = {}
    for finding in findings:
        worst[finding.id] = max(worst.get(finding.id, 0.0), finding.priority)
    return round(sum(100 * (priority / 100) ** 3 for priority in worst.values()), 3)


def _urgency(finding: Finding) -> tuple[float, Severity]:
    return finding.priority, finding.severity


def _numbered_alike(members: Sequence[_Member]) -> list[list[_Member]]:
    """Binary packages of one source rpm, apart where they carry version numbers of their own.

    Most are numbered like their source; `perl-Errno 1.30` of `perl 5.32` is not, and one version mends not both.
    Packages with a version in common, installed or fixed, are numbered alike.
    """
    by_name: dict[str, list[_Member]] = defaultdict(list)
    for member in members:
        by_name[member.package.full_name].append(member)
    parts: list[tuple[set[str], list[_Member]]] = []
    for part in by_name.values():
        numbers = {number for _, package, fix in part for number in (package.version, fix.version)}
        alike = [(several, others) for several, others in parts if several & numbers]
        parts = [(several, others) for several, others in parts if not several & numbers]
        parts.append(
            (numbers.union(*(several for several, _ in alike)), [*chain(*(others for _, others in alike)), *part])
        )
    return [part for _, part in parts]


def _group(subject: _Subject, members: Sequence[_Member], rank: Mapping[str, int]) -> FixGroup:
    target = _target(subject.type, members)
    closed: list[_Member] = []
    left: list[Finding] = []
    for member in members:
        if _closes(subject.type, target, member.fix):
            closed.append(member)
        else:
            left.append(member.finding)
    packages = {(one.full_name, one.version, one.purl): one for _, one, _ in closed}
    layers = dict.fromkeys(member.package.layer for member in closed if member.package.layer)
    findings = tuple(member.finding for member in closed)
    return FixGroup(
        type=subject.type,
        ecosystem=subject.ecosystem,
        package=subject.package,
        version=target,
        title=next(fix.title for _, _, fix in members if fix.version == target),
        layers=tuple(sorted(layers, key=lambda layer: rank.get(layer, len(rank)))),
        packages=tuple(packages[key] for key in sorted(packages)),
        findings=findings,
        defects=distinct(findings),
        left=tuple(left),
        risk=risk(findings),
        severity=max((finding.severity for finding in findings), default=Severity.UNKNOWN),
        paid=subject.paid,
    )


def _target(purl_type: str, members: Sequence[_Member]) -> str:
    """Of the versions that the findings name, the smallest among those that close the most risk.

    Usually the highest; not when a later release line has a defect that an earlier one no longer has.
    """
    ordered = _ascending(purl_type, {fix.version for _, _, fix in members})
    if len(ordered) == 1 or not any(fix.again for _, _, fix in members):
        return ordered[-1]
    fixes = {(finding.id, fix.version, fix.again): (finding, fix) for finding, _, fix in members}
    removed = [risk(f for f, fix in fixes.values() if _closes(purl_type, version, fix)) for version in ordered]
    return ordered[removed.index(max(removed))]


def _closes(purl_type: str, target: str, fix: Fix) -> bool:
    try:
        scheme = SCHEMES.get(purl_type, "")
        if versions.compare(scheme, target, fix.version) < 0:
            return False
        return not any(_inside(scheme, target, *stretch) for stretch in fix.again)
    except versions.VersionError:
        return target == fix.version


def _inside(scheme: str, version: str, introduced: str, fixed: str, last: str) -> bool:
    if introduced not in ("", "0") and versions.compare(scheme, version, introduced) < 0:
        return False
    if fixed:
        return versions.compare(scheme, version, fixed) < 0
    return not last or versions.compare(scheme, version, last) <= 0


def _ascending(purl_type: str, stated: set[str]) -> list[str]:
    plain = sorted(stated)
    try:
        return sorted(plain, key=lambda version: versions.key(SCHEMES.get(purl_type, ""), version))
    except versions.VersionError:
        return plain
