"""Comma-separated values (RFC 4180) for spreadsheets: one row per finding, suppressed finding, diagnostic or package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.reports import Judged, RenderOptions, output
from thwart.reports._plain import clean
from thwart.reports._view import View, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thwart.core.finding import Finding
    from thwart.core.package import Package

COLUMNS = (
    "asset",
    "row",  # finding, suppressed, diagnostic, package
    "id",
    "severity",
    "priority",
    "package",
    "version",
    "type",
    "scope",
    "fixed_version",
    "state",
    "cvss",
    "epss",
    "known_exploited",
    "layer",
    "dockerfile_line",
    "path",
    "purl",
    "fingerprint",
    "message",
    "by",
    "reason",
    "owner",
    "expires",
)
Row = dict[str, str]


@output("text/csv; charset=utf-8", ".csv")
def csv(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """A header and the rows of every report. Cells that a spreadsheet would calculate begin with an apostrophe."""
    from csv import DictWriter
    from io import StringIO

    page = StringIO()
    writer = DictWriter(page, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for judged in reports:
        view = View(*judged)
        rows = _packages(view) if options.packages_only else _findings(view)
        for row in (*rows, *_diagnostics(view)):
            named = {"asset": view.report.asset.name} | row
            writer.writerow({name: _cell(value) for name, value in named.items()})
    return page.getvalue().encode()


def _findings(view: View) -> Iterator[Row]:
    for finding in view.report.findings:
        yield _finding(finding, view) | {"row": "finding"}
    for item in view.report.suppressed:
        said = {"row": "suppressed", "by": item.by, "reason": item.reason, "owner": item.owner, "expires": item.expires}
        yield _finding(item.finding, view) | said


def _finding(finding: Finding, view: View) -> Row:
    score = finding.score
    return _package(finding.package, view) | {
        "id": finding.id,
        "severity": finding.severity.word,
        "priority": f"{finding.priority:.1f}",
        "package": name_of(finding),
        "fixed_version": finding.fix.version if finding.fix else "",
        "state": finding.state,
        "cvss": f"{score.score:.1f}" if score is not None and score.score >= 0 else "",
        "epss": "" if finding.epss is None else f"{finding.epss:.5f}",
        "known_exploited": finding.kev.added if finding.kev else "",
        "path": finding.locations[0].path if finding.locations else "",
        "fingerprint": finding.fingerprint,
        "message": finding.message,
    }


def _packages(view: View) -> Iterator[Row]:
    for package in view.report.packages:
        yield _package(package, view) | {"row": "package"}


def _package(package: Package | None, view: View) -> Row:
    if package is None:
        return {}
    layer = view.layers.get(package.layer)
    return {
        "package": package.full_name,
        "version": package.version,
        "type": package.type,
        "scope": package.scope,
        "layer": str(layer.index + 1) if layer else "",
        "dockerfile_line": view.history_of(package.layer),
        "path": package.locations[0].path if package.locations else "",
        "purl": package.purl,
    }


def _diagnostics(view: View) -> Iterator[Row]:
    for item in view.report.diagnostics:
        state = "incomplete" if item.incomplete else "note"
        yield {"row": "diagnostic", "id": item.slug, "state": state, "path": item.path, "message": item.message}


_FORMULA = ("=", "+", "-", "@")


def _cell(value: str) -> str:
    shown = clean(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
