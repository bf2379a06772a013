"""What every human-readable format says of a report: counts, groups, layers, marks and the next command."""

from __future__ import annotations

import shlex
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.advisory import Severity
from thwart.core.ecosystems import SYSTEM_TYPES
from thwart.core.upgrades import FixGroup, distinct, group_by_fix
from thwart.reports._plain import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from thwart.core.finding import Finding
    from thwart.core.package import Layer, Package
    from thwart.core.report import Report, Verdict

DESCENDING = tuple(sorted(Severity, reverse=True))
WORDS = tuple(severity.word for severity in Severity)  # by value
STALE_DAYS = 30  # older advisory data is to be renewed
EPSS_WORTH_SAYING = 0.1  # probability of exploitation within 30 days

_PLACES = 2  # files that are named
_SCOPES = ("dev", "test", "optional")
_STATES = {
    "unfixed": "no fix yet",
    "will-not-fix": "will not be fixed",
    "end-of-life": "release is out of support",
    "fixed-pro": "fixed for subscribers only",
    "unknown": "fix not known",
}


class View:
    """One report with its verdict, and what can be derived from them. Strings are as the target wrote them."""

    def __init__(self, report: Report, verdict: Verdict) -> None:
        self.report = report
        self.verdict = verdict

    @cached_property
    def groups(self) -> list[FixGroup]:
        """What to upgrade, most risk removed first."""
        return group_by_fix(self.report.findings, self.layers)

    @cached_property
    def unfixed(self) -> list[Finding]:
        """Findings that no upgrade of `groups` closes, the worst first."""
        closed = {id(finding) for group in self.groups for finding in group.findings}
        rest = [finding for finding in self.report.findings if id(finding) not in closed]
        return sorted(rest, key=lambda f: (-f.severity, -f.priority, name_of(f), f.id))

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Layers by diffID."""
        return {layer.diff_id: layer for layer in self.report.layers}

    def layer_of(self, diff_id: str) -> str:
        """A layer in words: `layer 2 of 6`; empty when it is none of the asset's."""
        layer = self.layers.get(diff_id)
        return f"layer {layer.index + 1} of {len(self.layers)}" if layer else ""

    def history_of(self, diff_id: str) -> str:
        """The Dockerfile line that made a layer."""
        return self._lines.get(diff_id, "")

    @cached_property
    def _lines(self) -> dict[str, str]:
        return {layer.diff_id: history(layer.created_by) for layer in self.report.layers}

    def origins_of(self, group: FixGroup) -> list[str]:
        """Where a group's packages come from: layers with their Dockerfile lines, and the files that are the packages.

        The file of a system package is the package database, which says nothing where there is a layer.
        """
        told = [self._origin(diff_id) for diff_id in group.layers if diff_id in self.layers]
        packages = {id(finding.package): finding.package for finding in group.findings if finding.package}
        loose = (one for one in packages.values() if one.layer not in self.layers or one.type not in SYSTEM_TYPES)
        places = sorted({place.path for package in loose for place in package.locations})
        more = [f"{len(places) - _PLACES:,} more"] if len(places) > _PLACES else []
        return [*told, *([", ".join([*places[:_PLACES], *more])] if places else [])] or ["place not known"]

    def _origin(self, diff_id: str) -> str:
        line = self.history_of(diff_id)
        return f"{self.layer_of(diff_id)}: {line}" if line else self.layer_of(diff_id)

    @cached_property
    def sentences(self) -> list[tuple[str, str]]:
        """What the gate says: what each sentence is (the decision, `unknown`, `note`), and the sentence."""
        verdict = self.verdict
        return [
            *((verdict.decision, reason) for reason in verdict.reasons),
            *(("unknown", doubt) for doubt in verdict.doubts),
            *(("note", note) for note in verdict.notes),
        ]

    @cached_property
    def ecosystems(self) -> list[tuple[str, int]]:
        """Package types and how many packages each has, the most first."""
        counts = Counter(package.type or "other" for package in self.report.packages)
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    @cached_property
    def incomplete(self) -> int:
        """How many diagnostics say that findings may be missing."""
        return sum(diagnostic.incomplete for diagnostic in self.report.diagnostics)

    @cached_property
    def suppressed_by(self) -> list[tuple[str, int]]:
        """Who suppressed, and how many, the most first."""
        return sorted(Counter(item.by for item in self.report.suppressed).items(), key=lambda item: (-item[1], item[0]))

    @property
    def database_age(self) -> str:
        """The age of the advisory data in words."""
        database = self.report.database
        if database is None:
            return "no database"
        if database.age_days <= 0:
            return "database of today"
        return f"database {many(database.age_days, 'day')} old"

    @property
    def next_command(self) -> str:
        """What to type now: every line of it is a command that exists, quoted for a shell."""
        report = self.report
        if report.findings and self.verdict.decision == "deny":
            return self._explain()
        if self.incomplete:
            hints = (item.hint for item in report.diagnostics if item.incomplete)
            return next((clean(hint) for hint in hints if hint.startswith("thwart ")), "thwart help exit-codes")
        if report.findings:
            return self._explain()
        if report.documents is not None:
            return "thwart rules"
        if report.database is not None and report.database.age_days > STALE_DAYS:
            return "thwart db update"
        return f"thwart sbom {shlex.quote(clean(report.asset.name))}"

    def _explain(self) -> str:
        urgent = max(self.report.findings, key=lambda finding: (finding.priority, finding.severity))
        return f"thwart explain {shlex.quote(clean(urgent.id))}"

    def summary(self) -> str:
        """Counts, suppressed, completeness, age of the database and the verdict, on one line."""
        parts = [
            self._found(),
            f"{len(self.report.suppressed)} suppressed",
            f"incomplete ({self.incomplete})" if self.incomplete else "complete",
            *([self.database_age] if self.report.documents is None or self.report.database else []),
            f"verdict {self.verdict.decision}",
        ]
        return ", ".join(parts)

    def _found(self) -> str:
        """How many findings, and in how much of what was judged."""
        report = self.report
        findings = report.findings
        if report.documents is not None and not report.packages:
            total = many(report.documents, "document")
            return f"{total_of(findings)} in {total}" if findings else f"no findings in {total}"
        total = many(len(report.packages), "package")
        if findings:
            touched = len({id(finding.package) for finding in findings if finding.package})
            return f"{total_of(findings)} in {touched} of {total}"
        return f"no findings in {total}" if report.packages else "no packages found, so no findings"


def place_of(finding: Finding) -> str:
    """`path:line:column` of the first place; empty without one."""
    place = finding.locations[0] if finding.locations else None
    if place is None:
        return ""
    return ":".join([place.path, *(str(number) for number in (place.line, place.line and place.column) if number)])


def many(count: int, noun: str) -> str:
    """A count with its noun: `1 package`, `2 packages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tally(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    """The severity words that occur and how often, the worst first."""
    counts = [0] * len(Severity)  # faster than a Counter of enumeration members
    for finding in findings:
        counts[finding.severity] += 1
    return [(WORDS[value], counts[value]) for value in DESCENDING if counts[value]]


def counted(findings: Iterable[Finding]) -> str:
    """`1 critical, 3 high`."""
    return ", ".join(f"{count:,} {word}" for word, count in tally(findings))


def total_of(findings: Sequence[Finding]) -> str:
    """`11 findings (2 critical, 9 high)`, and `of 10 defects` where one is in several packages."""
    defects = len({finding.id for finding in findings})
    of = f" of {many(defects, 'defect')}" if defects != len(findings) else ""
    return f"{many(len(findings), 'finding')} ({counted(findings)}){of}"


def name_of(finding: Finding) -> str:
    """The package's name as its ecosystem writes it, or nothing."""
    return finding.package.full_name if finding.package else ""


def state_of(finding: Finding) -> str:
    """Why there is no upgrade, in words, with the vendor's own word."""
    if finding.fix is not None and finding.fix.version:
        return f"fixed in {finding.fix.version}" + (" for subscribers" if finding.fix.paid else "")
    words = _STATES.get(finding.state, finding.state.replace("-", " "))
    return f"{words} ({finding.status})" if finding.status and finding.status != finding.state else words


def marks(finding: Finding) -> list[str]:
    """What makes a finding urgent: known exploitation, its use by ransomware, a probability worth saying."""
    said = []
    if finding.kev is not None:
        said += ["known exploited", *(["ransomware"] if finding.kev.ransomware else [])]
    if (finding.epss or 0.0) >= EPSS_WORTH_SAYING:
        said.append(f"EPSS {finding.epss:.0%}")
    return said


def only(findings: Iterable[Finding]) -> str:
    """`dev only`, `dev and test only`: what needs the packages, when nothing that runs does; else empty."""
    scopes = {finding.package.scope if finding.package else "" for finding in findings}
    if not scopes or not scopes <= set(_SCOPES):
        return ""
    return " and ".join(scope for scope in _SCOPES if scope in scopes) + " only"


class Defect(NamedTuple):
    """One id among findings: the most urgent finding of it, and what is to be said beside it."""

    finding: Finding
    marks: tuple[str, ...]

    @property
    def aside(self) -> str:
        """The marks in brackets, after a space; empty without any."""
        return f" ({', '.join(self.marks)})" if self.marks else ""


def defects(findings: Sequence[Finding]) -> list[Defect]:
    """Each id once, the most urgent first. A scope is said only where it is not that of all the findings."""
    by_id: dict[str, list[Finding]] = {}
    for finding in () if only(findings) else findings:
        by_id.setdefault(finding.id, []).append(finding)
    return [
        Defect(one, tuple(part for part in (*marks(one), only(by_id.get(one.id, ()))) if part))
        for one in distinct(findings)
    ]


def urgent(findings: Sequence[Finding]) -> list[Defect]:
    """Those that deserve a word: `CVE-2024-1 (known exploited, EPSS 94%)`."""
    return [one for one in defects(findings) if marks(one.finding)]


def history(created_by: str, limit: int = 4000) -> str:
    """A layer's history as a Dockerfile would say it: what the builder added around it is left out.

    The classic builder writes `/bin/sh -c CMD` and `/bin/sh -c #(nop) COPY …`, with build arguments `|2 A=1 B=2` before
    it; BuildKit writes `RUN /bin/sh -c CMD # buildkit`.
    """
    line = created_by[:limit].rstrip().removesuffix("# buildkit")
    before, shell, command = line.partition("/bin/sh -c ")
    before = before.removeprefix("RUN ").strip()
    if shell and (not before or before.startswith("|")):
        command = command.lstrip()
        line = command.removeprefix("#(nop)") if command.startswith("#(nop)") else f"RUN {command}"
    return " ".join(line.split())


class Bundle(NamedTuple):
    """Findings of one package that have no upgrade."""

    name: str
    package: Package | None
    findings: tuple[Finding, ...]
    defects: tuple[Finding, ...]  # one for each id


def bundles(findings: Sequence[Finding]) -> list[Bundle]:
    """Findings by package, in the order of their first finding."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        package = finding.package
        key = (package.source or package.full_name, package.type) if package else ("", "")
        found.setdefault(key, []).append(finding)
    return [Bundle(key[0], items[0].package, tuple(items), distinct(items)) for key, items in found.items()]
