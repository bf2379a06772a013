"""Upgrades as fixes: what a scan of the folders finds, closed in the manifests that people write."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.api._fix_round import Step
from thwart.core.errors import ThwartError
from thwart.core.finding import Diagnostic, Finding
from thwart.core.upgrades import risk
from thwart.fixes.versions import Upgrade, compatible
from thwart.fixes.versions.kinds import kind_of, speaks

if TYPE_CHECKING:
    from thwart.advisories.database import Database
    from thwart.api._fix import FixOptions
    from thwart.api._fix_manifests import Manifests, Outcome
    from thwart.core.package import Package
    from thwart.core.report import Report
    from thwart.fixes.versions.choice import Choice

RULE = "vulnerable-package"
_ADVISORY = re.compile(r"[A-Z][A-Za-z]*-[A-Za-z0-9][A-Za-z0-9:.-]*")
_TYPES = frozenset({"golang", "maven", "npm", "pypi"})
_TOLD = frozenset({"stale-database", "partial-advisories"})
_Key = tuple[str, str, str]  # type, name and version of a package


class Advice(NamedTuple):
    """An upgrade that only a human can make, what it closes, where, and what to do."""

    title: str
    path: str
    reason: str
    findings: tuple[Finding, ...]


class PackageFixes(Struct, kw_only=True):
    """What the upgrades came to; `files` are contents after them, by path."""

    steps: list[Step] = field(default_factory=list)
    unsafe: list[Finding] = field(default_factory=list)
    refused: list[tuple[Finding, str]] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def is_advisory(name: str) -> bool:
    """Whether a name that is no rule's is that of an advisory, as in `CVE-2024-1` and `GHSA-…`."""
    return _ADVISORY.fullmatch(name) is not None


def package_fixes(
    named: Sequence[str], noted: Sequence[str], files: dict[str, bytes], options: FixOptions, today: date
) -> PackageFixes:
    """Upgrade what is vulnerable.

    Args:
        named: files and folders.
        noted: the files among and below them that speak of packages.
        files: contents as other fixes leave them; those of manifests are changed.
        options: as for all fixes.
        today: for exceptions that end.
    """
    made = PackageFixes()
    noted = [*noted, *_beside(noted, named)]
    asked = [one for one in options.rules if one == RULE or is_advisory(one)]
    if not noted or (options.rules and not asked):
        return made
    try:
        reports = list(_reports(named, noted, options, today))
        if any(report.findings for _, report in reports):
            from thwart.api._fix_manifests import Manifests
            from thwart.api.database import Places, open_database

            with open_database(
                Places(data_dir=options.data, cache_dir=_cache(options), database=options.database)
            ) as database:
                work = _Work(Manifests(files, noted, options.limits), _judge(database, today), options, made)
                for case in _cases(reports, noted, options, today):
                    work.close(case)
                work.finish()
    except ThwartError as error:
        message = f"no package was upgraded: {error.sentence}"
        made.diagnostics.append(Diagnostic(slug="no-package-fix", message=message, hint=next(iter(error.hints), "")))
        return made
    for root, report in reports:
        made.diagnostics += _gaps(root, report, noted)
    return made


def _beside(noted: Sequence[str], named: Sequence[str]) -> list[str]:
    """The lock files of manifests that were named themselves, and the manifests of lock files."""
    found: list[str] = []
    for path in {os.path.normpath(one) for one in named} & {*noted}:
        folder = Path(path).parent
        own = kind_of(path)
        manifests = own.manifests if own else (os.path.basename(path),)  # noqa: PTH119
        for one in sorted(folder.iterdir()):
            kind = kind_of(one.name)
            if one.name in manifests or (kind is not None and {*manifests} & {*kind.manifests}):
                found.append(os.path.normpath(one))
    return [one for one in dict.fromkeys(found) if one not in noted]


def _cache(options: FixOptions) -> Path | None:
    return options.cache / "db" if options.cache else None


def _reports(
    named: Sequence[str], noted: Sequence[str], options: FixOptions, today: date
) -> Iterator[tuple[str, Report]]:
    """What a scan finds in each folder that was named, and in the folder itself of each file."""
    from thwart.api._scan import ScanOptions, scan

    done: list[str] = []
    scanning = ScanOptions(
        database=options.database,
        data=options.data,
        cache=options.cache,
        limits=options.limits,
        now=datetime.combine(today, time(), UTC),
    )
    flat = replace(scanning, limits=replace(options.limits, path_parts=0))  # nothing below the folder
    for name in sorted(named, key=lambda one: not Path(one).is_dir()):
        whole = Path(name).is_dir()
        root = os.path.normpath(name if whole else os.path.dirname(name) or os.curdir)  # noqa: PTH120
        inside = [one for one in noted if _within(one, root)]
        if (whole and not inside) or (not whole and not speaks(os.path.normpath(name))):
            continue
        if any(_within(root, other) for other in done):
            continue
        done.append(root)
        yield root, scan(f"dir:{root}", scanning if whole else flat)


def _within(path: str, root: str) -> bool:
    here, home = os.path.realpath(path), os.path.realpath(root)
    return here == home or here.startswith(home.rstrip(os.sep) + os.sep)


def _judge(database: Database, today: date) -> Callable[[Package, str], Sequence[Finding]]:
    """What is known of another version of a package."""
    from thwart import matching

    known: dict[tuple[str, str, str], Sequence[Finding]] = {}

    def judge(package: Package, version: str) -> Sequence[Finding]:
        key = (package.type, package.full_name, version)
        if key not in known:
            other = replace(package, version=version, purl="")
            known[key] = matching.match([other], None, database, today=today).findings
        return known[key]

    return judge


class _Case(NamedTuple):
    """A package of one version in one file: findings to close, ids of all that it has, and how many versions are there."""

    path: str
    package: Package
    wanted: list[Finding]
    known: frozenset[str]
    alone: bool


def _cases(
    reports: Iterable[tuple[str, Report]], noted: Sequence[str], options: FixOptions, today: date
) -> Iterator[_Case]:
    """What is to be closed: the upgrades that remove the most risk first, those of one package together."""
    found: dict[_Key, list[_Case]] = defaultdict(list)
    for root, report in reports:
        for case in _cases_of(root, report, noted, options, today):
            found[_key(case.package)].append(case)
    for _, cases in sorted(found.items(), key=lambda item: (-risk(one for c in item[1] for one in c.wanted), item[0])):
        yield from sorted(cases, key=lambda case: case.path)


def _cases_of(root: str, report: Report, noted: Sequence[str], options: FixOptions, today: date) -> Iterator[_Case]:
    from thwart.api import decide

    open_ = decide(report, options.policy, today)[0].findings
    here = {os.path.realpath(one) for one in noted}
    names: dict[_Key, set[str]] = defaultdict(set)
    wanted: dict[tuple[_Key, str], list[Finding]] = defaultdict(list)
    for one in report.findings:
        names[_key(one.package)] |= {one.id, *one.aliases}
    for one in open_:
        for place in one.locations if _closable(one, options.rules) else ():
            path = os.path.normpath(os.path.join(root, place.path))  # noqa: PTH118
            if kind_of(path) is not None and os.path.realpath(path) in here:
                wanted[_key(one.package), path].append(replace(one, locations=(replace(place, path=path),)))
    versions: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for package in report.packages:
        for place in package.locations:
            path = os.path.normpath(os.path.join(root, place.path))  # noqa: PTH118
            versions[path, package.type, package.full_name].add(package.version)
    for (key, path), findings in wanted.items():
        own = findings[0].package
        if own is not None:
            alone = len(versions[path, own.type, own.full_name]) == 1
            yield _Case(path, own, findings, frozenset(names[key]), alone)


def _key(package: Package | None) -> _Key:
    return (package.type, package.full_name, package.version) if package is not None else ("", "", "")


def _closable(finding: Finding, rules: frozenset[str]) -> bool:
    package, fix = finding.package, finding.fix
    if package is None or fix is None or package.type not in _TYPES or finding.kind != "vulnerability":
        return False
    asked = not rules or RULE in rules or bool(rules & {finding.id, *finding.aliases})
    return asked and fix.kind == "upgrade" and bool(fix.version) and not fix.paid


class _Work:
    """Closes one case after the other."""

    def __init__(
        self,
        manifests: Manifests,
        judge: Callable[[Package, str], Sequence[Finding]],
        options: FixOptions,
        made: PackageFixes,
    ) -> None:
        self._manifests = manifests
        self._judge = judge
        self._unsafe = options.unsafe
        self._made = made
        self._later: list[_Case] = []  # those that others ask for: the upgrades of others come first
        self._direct: set[str] = set()  # manifests in which the packages that they ask for are upgraded
        self._behind: set[str] = set()  # lock files that are not what their manifests ask for any more
        # by path, name and version: to what it goes, in which step
        self._moved: dict[tuple[str, str, str], tuple[str, int]] = {}

    def finish(self) -> None:
        """Override what others ask for, where none of those is upgraded."""
        for case in self._later:
            self.close(case, last=True)

    def close(self, case: _Case, *, last: bool = False) -> None:
        """Make the upgrade, or say why not. What overrides others waits for the `last` round."""
        left = self._beyond(case)
        if left is None:
            return
        everything = self._choose(left, lambda _: True)
        if not everything.version:
            reason = everything.reason or "no version is known that closes it"
            self._made.refused += [(one, f"no upgrade is any better: {reason}") for one in left.wanted]
            return
        safe = self._choose(left, lambda version: compatible(_upgrade(left, version)))
        chosen = everything if self._unsafe or not safe.version else safe
        outcome = self._manifests.make(left.path, _upgrade(left, chosen.version), alone=left.alone)
        if outcome.override and outcome.after:
            if not last:
                self._later.append(case)
                return
            if self._direct & outcome.after.keys() or left.path in self._behind:
                reason = "what brings it may change with the manifest: make the lock file follow, then look again"
                outcome = replace(outcome, after={}, reason=reason)
        worse = self._worse(left.package, outcome)
        if worse:
            self._made.refused += [(one, worse) for one in left.wanted]
        elif not outcome.after:
            if outcome.behind:
                self._behind.add(left.path)
            title = _title(left, everything.version)
            self._made.advice.append(Advice(title, left.path, outcome.reason, everything.closed))
        elif not self._unsafe and (outcome.bold or not safe.version):
            self._made.unsafe += everything.closed
        else:
            self._take(left, chosen, outcome)
            self._made.unsafe += [one for one in chosen.left if one in everything.closed]

    def _choose(self, case: _Case, allowed: Callable[[str], bool]) -> Choice:
        from thwart.fixes.versions.choice import choose

        return choose(case.wanted, case.known, lambda version: self._judge(case.package, version), allowed)

    def _beyond(self, case: _Case) -> _Case | None:
        """The case as it is after the steps before it; None where they closed it."""
        folder, kind = os.path.dirname(case.path), kind_of(case.path)  # noqa: PTH120
        places = [case.path, *(os.path.normpath(os.path.join(folder, one)) for one in kind.manifests)] if kind else []  # noqa: PTH118
        identity = (case.package.full_name, case.package.version)
        moved = next((self._moved[(one, *identity)] for one in places if (one, *identity) in self._moved), None)
        if moved is None:
            return case
        version, number = moved
        still = {name for one in self._judge(case.package, version) for name in (one.id, *one.aliases)}
        closed = [one for one in case.wanted if one.id not in still]
        step = self._made.steps[number]
        self._made.steps[number] = step.then(replace(step, findings=closed, changes={}, follow=_follow(case.path)))
        left = [replace(one, package=replace(case.package, version=version)) for one in case.wanted if one.id in still]
        return case._replace(package=replace(case.package, version=version), wanted=left) if left else None

    def _worse(self, package: Package, outcome: Outcome) -> str:
        """What a package that the edit takes along would get; empty where none gets anything."""
        for (name, old), new in outcome.moved.items():
            namespace, _, short = name.rpartition(":" if package.type == "maven" else "/")
            other = replace(package, name=short, namespace=namespace)
            before = {one.id for one in self._judge(other, old)}
            brought = [one for one in self._judge(other, new) if one.id not in before]
            if brought:
                return f"it would take {name} to {new}, which has {brought[0].id}"
        return ""

    def _take(self, case: _Case, choice: Choice, outcome: Outcome) -> None:
        files = self._manifests.files
        changes: dict[str, tuple[bytes | None, bytes]] = {
            path: (files[path], after) for path, after in outcome.after.items()
        }
        files |= outcome.after
        if not outcome.override:
            self._direct |= outcome.after.keys()
        title = _title(case, choice.version)
        step = Step(rule=RULE, title=title, findings=list(choice.closed), changes=changes, follow=_follow(case.path))
        steps = self._made.steps
        if steps and steps[-1].title == title:
            steps[-1] = steps[-1].then(step)
        else:
            steps.append(step)
        moved = {(case.package.full_name, case.package.version): choice.version, **outcome.moved}
        for (name, old), new in moved.items():
            for path in {case.path, *outcome.after}:
                self._moved[path, name, old] = (new, len(steps) - 1)


def _follow(path: str) -> tuple[str, ...]:
    """What to run afterwards, so that the lock file follows its manifest."""
    kind = kind_of(path)
    return (f"{kind.then}, in {os.path.dirname(path) or os.curdir}",) if kind is not None and kind.then else ()  # noqa: PTH120


def _upgrade(case: _Case, version: str) -> Upgrade:
    package = case.package
    return Upgrade(type=package.type, name=package.full_name, installed=package.version, target=version)


def _title(case: _Case, version: str) -> str:
    return f"upgrade {case.package.full_name} {case.package.version} to {version}"


def _gaps(root: str, report: Report, noted: Sequence[str]) -> Iterator[Diagnostic]:
    """What the scan could not read of that which speaks of packages, and what is to be known of its data."""
    here = {os.path.realpath(one) for one in noted}
    for one in report.diagnostics:
        path = os.path.normpath(os.path.join(root, one.path)) if one.path else ""  # noqa: PTH118
        if one.slug in _TOLD or (one.incomplete and path and os.path.realpath(path) in here):
            yield replace(one, path=path)
