"""Findings grouped by what closes them: the unit of work is an upgrade, not a finding."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.advisory import Severity
from thwart.lib import versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FixGroup:
    """One upgrade and what it closes.

    `package` is what to upgrade (the source package where the distribution ships sources), `packages` the installed
    packages that it replaces, `version` the smallest stated version that closes as much risk as one upgrade can.
    `left` are findings with a fix of their own that this version does not close. `risk` is the sum of the closed
    findings' priorities, each id counted once however many packages share it.
    """

    type: str
    ecosystem: str
    package: str
    version: str
    title: str
    layer: str
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    left: tuple[Finding, ...]
    risk: float
    severity: Severity
    paid: bool = False

    @property
    def installed(self) -> tuple[str, ...]:
        """The versions that are there now."""
        return tuple(sorted({package.version for package in self.packages}))


class _Subject(NamedTuple):
    type: str
    ecosystem: str
    package: str
    layer: str
    paid: bool


def group_by_fix(findings: Iterable[Finding]) -> list[FixGroup]:
    """Group findings that an upgrade closes, most risk removed first; findings without an upgrade are left out."""
    subjects: dict[_Subject, list[tuple[Finding, Package, Fix]]] = defaultdict(list)
    for finding in findings:
        package, fix = finding.package, finding.fix
        if package is not None and fix is not None and fix.kind == "upgrade" and fix.version:
            key = _Subject(package.type, package.ecosystem, fix.package or package.full_name, package.layer, fix.paid)
            subjects[key].append((finding, package, fix))
    groups = [_group(subject, members) for subject, members in subjects.items()]
    return sorted(groups, key=lambda group: (-group.risk, -group.severity, group.type, group.package, group.layer))


def risk(findings: Iterable[Finding]) -> float:
    """Sum of priorities, each id once: ten binary packages of one source are not ten defects."""
    worst: dict[str, float] = {}
    for finding in findings:
        worst[finding.id] = max(worst.get(finding.id, 0.0), finding.priority)
    return round(sum(worst.values()), 1)


def _group(subject: _Subject, members: Sequence[tuple[Finding, Package, Fix]]) -> FixGroup:
    target = _target(subject.type, members)
    closed, left, packages = [], [], {}
    for finding, package, fix in members:
        if _closes(subject.type, target, fix):
            closed.append(finding)
            packages[package.full_name, package.version, package.purl] = package
        else:
            left.append(finding)
    title = next(fix.title for _, _, fix in members if fix.version == target)
    return FixGroup(
        type=subject.type,
        ecosystem=subject.ecosystem,
        package=subject.package,
        version=target,
        title=title,
        layer=subject.layer,
        packages=tuple(packages[key] for key in sorted(packages)),
        findings=tuple(closed),
        left=tuple(left),
        risk=risk(closed),
        severity=max((finding.severity for finding in closed), default=Severity.UNKNOWN),
        paid=subject.paid,
    )


def _target(purl_type: str, members: Sequence[tuple[Finding, Package, Fix]]) -> str:
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
