"""The report for a person at a terminal: what to upgrade, what has no upgrade, what does not count, what to type now."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

from thwart.core.upgrades import distinct
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._links import advisory_address
from thwart.reports._plain import clean
from thwart.reports._screen import Ink, columns, fit, flow, hyperlink, pad, wrap
from thwart.reports._view import (
    WORDS,
    Defect,
    View,
    bundles,
    counted,
    defects,
    many,
    marks,
    name_of,
    only,
    place_of,
    state_of,
    tally,
    total_of,
    urgent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from thwart.core.finding import Diagnostic, Finding, Suppressed
    from thwart.core.package import Package
    from thwart.core.upgrades import FixGroup

NARROW = 40  # no page is drawn narrower
IDS_SHOWN = 5  # findings named per upgrade, unless all are asked for
BUNDLES_SHOWN = 10  # packages without an upgrade, likewise
NAMES_UNCOUNTED = 3  # names of packages that need no number before them
REASON_ROWS = 6  # of one reason for setting findings aside
EVIDENCE_SHOWN = 5  # places of one finding, likewise
INDENT = "    "


@output("text/plain; charset=utf-8", ".txt")
def text(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """One page per report, and a last line for all of them."""
    views = [View(report, verdict) for report, verdict in reports]
    lines: list[str] = []
    for view in views:
        page = _Page(view, options)
        lines += page.packages() if options.packages_only else page.report()
        lines.append("")
    if len(views) > 1:
        lines.append(_total(views, options))
    else:
        lines.pop()
    return "".join(f"{line}\n" for line in lines).encode()


class _Page:
    """One report drawn to a width. Each method yields finished lines."""

    def __init__(self, view: View, options: RenderOptions) -> None:
        self.view = view
        self.verbose = options.verbose
        self.links = options.links
        self.width = max(NARROW, options.width)
        self.ink = Ink(color=options.color)

    def report(self) -> list[str]:
        sections = (
            self.header(),
            self.controls(),
            self.upgrades(),
            self.rules(),
            self.unfixed(),
            self.suppressed(),
            self.diagnostics(),
            self.reasons(),
        )
        lines = [line for section in sections for line in _spaced(section)]
        return [*lines, self.last()]

    def header(self) -> Iterator[str]:
        report = self.view.report
        yield self.ink("strong", fit(report.asset.name, self.width))
        release = report.release
        facts = [report.asset.digest[:19], report.asset.platform, (release.name or release.distro) if release else ""]
        yield from self.facts(fact for fact in facts if fact)
        if report.documents is not None and not report.packages:
            yield from self.facts([many(report.documents, "document")])
            return
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.view.ecosystems)
        found = many(len(report.packages), "package") + (f" ({kinds})" if kinds else "")
        yield from self.facts([found, *([many(len(report.layers), "layer")] if report.layers else [])])

    def facts(self, items: Iterable[str]) -> Iterator[str]:
        for row in flow((fit(item, self.width) for item in items), self.width):
            yield self.ink("faint", ", ".join(row))

    def upgrades(self) -> Iterator[str]:
        groups = self.view.groups
        if not groups:
            return
        closing = [len(group.defects) for group in groups]
        wide = max(len("CLOSES"), len(f"{max(closing):,}"))
        told = max(len("SEVERITY"), *(len(counted(group.defects)) for group in groups))
        room = self.width - wide - told - 4
        stacked = room < 36
        title = (
            max(len("UPGRADE"), *(min(columns(fit(group.title, room)), room) for group in groups)) if not stacked else 0
        )
        if not stacked:
            yield self.ink("faint", f"{pad('UPGRADE', title)}  {'CLOSES':>{wide}}  SEVERITY")
        for group, count in zip(groups, closing, strict=True):
            if stacked:
                yield self.ink("strong", fit(group.title, self.width))
                yield f"{INDENT}closes {count:,}: {self.counts(group.defects)}"
            else:
                head = self.ink("strong", pad(fit(group.title, title), title))
                yield f"{head}  {count:>{wide},}  {self.counts(group.defects)}"
            yield from self.details(group)

    def details(self, group: FixGroup) -> Iterator[str]:
        room = self.width - len(INDENT)
        scope = only(group.findings)
        yield INDENT + fit(f"now {', '.join(group.installed)}{f' ({scope})' if scope else ''}{_inside(group)}", room)
        for origin in self.view.origins_of(group):
            yield INDENT + self.ink("faint", fit(origin, room))
        if group.paid:
            yield INDENT + self.ink("strong", "needs a subscription")
        yield from self.named(group.findings, room)
        left = len({finding.id for finding in group.left})
        if left:
            needs = "needs" if left == 1 else "need"
            yield INDENT + fit(f"{many(left, 'defect')} of it {needs} another version: see below", room)

    def named(self, findings: Sequence[Finding], room: int) -> Iterator[str]:
        """The identifiers with their severities and marks, each once, the most urgent first."""
        found = defects(findings)
        shown = found if self.verbose else found[:IDS_SHOWN]
        heads = [f"{fit(one.finding.id, room - 12)} {WORDS[one.finding.severity]}" for one in shown]
        asides = [fit(one.aside, room - columns(head)) for one, head in zip(shown, heads, strict=True)]
        drawn = iter(map(self.item, shown, heads, asides))
        more = [f"{len(found) - len(shown):,} more"] if len(found) > len(shown) else []
        for row in flow([*map(str.__add__, heads, asides), *more], room):
            yield INDENT + ", ".join(next(drawn, plain) for plain in row)

    def item(self, defect: Defect, head: str, aside: str) -> str:
        word = WORDS[defect.finding.severity]
        linked = self.linked(defect.finding.id, head.removesuffix(word).rstrip())
        return f"{linked} {self.ink(word, word)}{self.ink('strong', aside)}"

    def linked(self, identifier: str, shown: str) -> str:
        return hyperlink(advisory_address(identifier), shown) if self.links else shown

    def counts(self, findings: Iterable[Finding]) -> str:
        return ", ".join(f"{count:,} {self.ink(word, word)}" for word, count in tally(findings))

    def rules(self) -> Iterator[str]:
        """Findings in a document rather than in a package, in the order of the documents."""
        found = [finding for finding in self.view.unfixed if finding.package is None]
        for finding in sorted(found, key=_place):
            where = place_of(finding)
            told = f"{f'{where}: ' if where else ''}{finding.severity.word}[{finding.id}]: {finding.message}"
            yield self.ink(finding.severity.word, fit(told, self.width if not finding.evidence else 3 * self.width))
            yield from self.evidence(finding)
            if finding.fix is not None:
                yield INDENT + fit(f"fix: {finding.fix.title}", self.width - len(INDENT))

    def evidence(self, finding: Finding) -> Iterator[str]:
        """The lines of the document, each place once, with a caret."""
        shown = {one.location: one for one in finding.evidence if one.source and one.location.line}
        number = max((len(str(place.line)) for place in shown), default=0)
        for place, one in list(shown.items())[: None if self.verbose else EVIDENCE_SHOWN]:
            room = self.width - number - len(INDENT) - 1
            yield f"{INDENT}{self.ink('faint', f'{place.line:>{number}}|')}{fit(one.source, room)}"
            at = columns(clean(one.source[: place.column - 1]))
            if place.column and at < room:
                yield f"{INDENT}{' ' * number}{self.ink('faint', '|')}{' ' * at}{self.ink('strong', '^')}"

    def controls(self) -> Iterator[str]:
        """What a framework asks for, and the answers."""
        for name in dict.fromkeys(control.framework for control in self.view.report.controls):
            asked = [control for control in self.view.report.controls if control.framework == name]
            passed = sum(control.status == "pass" for control in asked)
            manual = sum(control.status == "manual" for control in asked)
            left = f", {manual} {'are' if manual != 1 else 'is'} for a person to look at" if manual else ""
            yield self.ink("strong", f"{name}: {passed} of {many(len(asked), 'control')} pass{left}")
            wide = max(columns(control.id) for control in asked)
            for control in asked:
                ink = {"fail": "deny", "pass": "allow"}.get(control.status, "warn")
                count = f", {many(control.findings, 'finding')}" if control.findings else ""
                told = fit(f"{control.title}{count}", max(8, self.width - wide - 18))
                yield f"  {pad(control.id, wide)}  {self.ink(ink, control.status)}{' ' * max(2, 14 - len(control.status))}{told}"

    def unfixed(self) -> Iterator[str]:
        found = [finding for finding in self.view.unfixed if finding.package is not None]
        if not found:
            return
        grouped = bundles(found)
        once = distinct(found)
        yield f"No upgrade closes {many(len(once), 'defect')} in {many(len(grouped), 'package')}: {self.counts(once)}"
        if self.verbose:
            for finding in found:
                yield from self.one_unfixed(finding)
            return
        shown = grouped[:BUNDLES_SHOWN]
        name = min(max(columns(fit(bundle.name, 32)) for bundle in shown), 32)
        for bundle in shown:
            label = pad(fit(bundle.name, name), name)
            scope = only(bundle.findings)
            told = [*([scope] if scope else []), *(f"{one.finding.id}{one.aside}" for one in urgent(bundle.findings))]
            aside = "".join(f", {part}" for part in told)
            room = self.width - name - 4 - len(counted(bundle.defects))
            if room > 0:
                yield f"  {label}  {self.counts(bundle.defects)}{fit(aside, room)}"
            else:
                yield fit(f"  {label}  {counted(bundle.defects)}{aside}", self.width)
        if len(grouped) > len(shown):
            rest = {finding.id for bundle in grouped[len(shown) :] for finding in bundle.findings}
            yield (
                f"  {many(len(grouped) - len(shown), 'more package')} with {many(len(rest), 'defect')}:"
                " --verbose lists all"
            )

    def one_unfixed(self, finding: Finding) -> Iterator[str]:
        version = finding.package.version if finding.package else ""
        told = ", ".join([f"{name_of(finding)} {version}", state_of(finding), *marks(finding), *_scope(finding)])
        wide = min(20, self.width // 3)
        identifier = fit(finding.id, wide)
        linked = self.linked(finding.id, identifier) + " " * (wide - columns(identifier))
        word = WORDS[finding.severity]
        severity = self.ink(word, word) + " " * (10 - len(word))
        yield f"  {linked}  {severity}  {fit(told, self.width - wide - 16)}"

    def suppressed(self) -> Iterator[str]:
        items = self.view.report.suppressed
        if not items:
            return
        by = ", ".join(f"{count:,} by {who}" for who, count in self.view.suppressed_by)
        yield from wrap(f"Suppressed {many(len(items), 'finding')}: {by}", self.width, REASON_ROWS)
        reasons: dict[str, int] = {}
        for item in items:
            told = _reason(item, named=self.verbose)
            reasons[told] = reasons.get(told, 0) + 1
        shown = list(reasons.items()) if self.verbose else list(reasons.items())[:IDS_SHOWN]
        for told, count in shown:
            rows = wrap(told if self.verbose else f"{count:,} {told}", self.width - len(INDENT), REASON_ROWS)
            for indent, row in zip(chain(["  "], repeat(INDENT)), rows, strict=False):
                yield indent + self.ink("faint", row)
        if len(reasons) > len(shown):
            yield f"  {many(len(reasons) - len(shown), 'more reason')}: --verbose lists all"

    def diagnostics(self) -> Iterator[str]:
        for diagnostic in sorted(self.view.report.diagnostics, key=lambda d: not d.incomplete):
            yield from self.one_diagnostic(diagnostic)

    def one_diagnostic(self, diagnostic: Diagnostic) -> Iterator[str]:
        word = "incomplete" if diagnostic.incomplete else "note"
        place = f" ({diagnostic.path})" if diagnostic.path else ""
        slug = fit(diagnostic.slug, 32)
        told = fit(f"{diagnostic.message}{place}", 3 * self.width)
        yield f"{self.ink('warn' if diagnostic.incomplete else 'strong', f'{word}[{slug}]')}: {told}"
        if diagnostic.hint:
            yield INDENT + fit(f"hint: {diagnostic.hint}", 3 * self.width)

    def reasons(self) -> Iterator[str]:
        for word, sentence in self.view.sentences:
            yield f"{self.ink('strong' if word == 'note' else word, word)}: {fit(sentence, 3 * self.width)}"

    def last(self) -> str:
        summary, command = self.view.summary(), self.view.next_command
        decision = self.view.verdict.decision
        return f"{summary.removesuffix(decision)}{self.ink(decision, decision)}; next: {fit(command, 3 * self.width)}"

    def packages(self) -> list[str]:
        lines = [line for section in (self.header(), self.table(), self.diagnostics()) for line in _spaced(section)]
        incomplete = self.view.incomplete
        told = f"incomplete ({incomplete})" if incomplete else "complete"
        return [*lines, f"{many(len(self.view.report.packages), 'package')}, {told}; next: {self.next_scan()}"]

    def next_scan(self) -> str:
        from shlex import quote

        return f"thwart scan {quote(fit(self.view.report.asset.name, 3 * self.width))}"

    def table(self) -> Iterator[str]:
        packages = sorted(self.view.report.packages, key=lambda p: (p.type, p.full_name, p.version))
        if not packages:
            return
        rows = [_row(package, self.view) for package in packages]
        heads = ("PACKAGE", "VERSION", "TYPE", "FROM")
        limits = (self.width * 4 // 10, self.width * 3 // 10, 12)
        widths = [
            min(limit, max(len(head), *(columns(fit(row[index], limit)) for row in rows)))
            for index, (head, limit) in enumerate(zip(heads[:3], limits, strict=True))
        ]
        rest = max(8, self.width - sum(widths) - 6)
        yield self.ink("faint", "  ".join([*map(pad, heads, widths), heads[3]]))
        for row in rows:
            cells = [pad(fit(cell, width), width) for cell, width in zip(row, widths, strict=False)]
            yield "  ".join([*cells, fit(row[3], rest)]).rstrip()


def _place(finding: Finding) -> tuple[str, int, int, int]:
    place = finding.locations[0] if finding.locations else None
    return (place.path, place.line, place.column, -finding.severity) if place else ("", 0, 0, -finding.severity)


def _inside(group: FixGroup) -> str:
    """Which packages, where the name of the upgrade does not say it."""
    if group.names == (group.package,):
        return ""
    number = f"{len(group.names):,} packages: " if len(group.names) > NAMES_UNCOUNTED else ""
    return f" in {number}{', '.join(group.names)}"


def _scope(finding: Finding) -> list[str]:
    return [scope] if (scope := only([finding])) else []


def _row(package: Package, view: View) -> tuple[str, str, str, str]:
    place = package.locations[0].path if package.locations else ""
    came = ", ".join(part for part in (view.layer_of(package.layer), place) if part)
    return package.full_name, package.version, package.type, came


def _reason(item: Suppressed, *, named: bool) -> str:
    subject = f"{item.finding.id} {name_of(item.finding)} " if named else ""
    said = [part for part in (item.owner, f"until {item.expires}" if item.expires else "") if part]
    return f"{subject}by {item.by}: {item.reason}" + (f" ({', '.join(said)})" if said else "")


def _spaced(lines: Iterable[str]) -> list[str]:
    """A section and the empty line after it; nothing for an empty section."""
    found = list(lines)
    return [*found, ""] if found else []


_ORDER = ("allow", "warn", "unknown", "deny")


def _total(views: Sequence[View], options: RenderOptions) -> str:
    ink = Ink(color=options.color)
    findings = [finding for view in views for finding in view.report.findings]
    worst = max(views, key=lambda view: _ORDER.index(view.verdict.decision) if view.verdict.decision in _ORDER else 9)
    incomplete = sum(view.report.incomplete for view in views)
    ages = [view.report.database.age_days for view in views if view.report.database is not None]
    oldest = max(views, key=lambda v: v.report.database.age_days if v.report.database else -1)
    parts = [
        many(len(views), "target"),
        total_of(findings) if findings else "no findings",
        f"{sum(len(view.report.suppressed) for view in views):,} suppressed",
        f"{incomplete} incomplete" if incomplete else "all complete",
        oldest.database_age if ages else "no database",
    ]
    decision = worst.verdict.decision
    return f"{', '.join(parts)}, verdict {ink(decision, decision)}; next: {fit(worst.next_command, 3 * options.width)}"
