"""One self-contained page: verdict, what to upgrade, which layer brought it, and every table behind the pictures.

The page loads nothing and runs nothing: its policy forbids scripts, images, fonts and connections.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from thwart.core.upgrades import distinct
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._links import advisory_address
from thwart.reports._picture import Staircase, slices, staircase, strata
from thwart.reports._plain import clean
from thwart.reports._view import View, counted, many, name_of, only, place_of, state_of, tally, urgent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template
    from markupsafe import Markup

    from thwart.core.finding import Finding

LONGEST = 400  # characters of one value on the page; the JSON document has the rest

_DECISIONS = {
    "deny": "Deny",
    "unknown": "Unknown",
    "warn": "Warn",
    "allow": "Allow",
}


@output("text/html; charset=utf-8", ".html")
def html(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """The page; several reports follow each other, with an overview before them."""
    sheets = [Sheet(View(*judged), f"r{number}") for number, judged in enumerate(reports, 1)]
    return _template().render(sheets=sheets, packages_only=options.packages_only).encode() + b"\n"


class Sheet:
    """One report as the template sees it; `key` begins its anchors."""

    def __init__(self, view: View, key: str) -> None:
        self.view = view
        self.report = view.report
        self.key = key
        self.stairs: Staircase = staircase(view)
        self.strata = strata(view)
        self.strip = slices(view.report.findings, len(view.report.findings))
        self.decision = _DECISIONS.get(view.verdict.decision, "Unknown")

    @property
    def of_packages(self) -> list[Finding]:
        """Findings in packages that no upgrade closes."""
        return [finding for finding in self.view.unfixed if not finding.evidence]

    @property
    def of_documents(self) -> list[Finding]:
        """Findings of rules, which have a place and a line to show."""
        return [finding for finding in self.view.unfixed if finding.evidence]

    @property
    def headline(self) -> str:
        """The answer in one sentence: how much the upgrades change."""
        report, stairs = self.report, self.stairs
        if report.documents is not None and not report.packages:
            judged = many(report.documents, "document")
            found = many(len(report.findings), "finding") if report.findings else "No findings that count"
            return f"{found} in {judged}." if report.documents else "No document that a rule knows was found."
        if not report.packages and not report.findings:
            return "No packages were found, so there is nothing to judge."
        if not report.findings:
            return f"No findings that count in {many(len(report.packages), 'package')}."
        if not self.view.groups:
            return f"No upgrade closes any of the {many(len(report.findings), 'finding')} yet."
        one = len(self.view.groups) == 1
        whole = "the known risk" if report.incomplete else "the risk"
        return (
            f"{many(len(self.view.groups), 'upgrade')} {'closes' if one else 'close'} {stairs.closed:,} of"
            f" {many(len(report.findings), 'finding')} and {'removes' if one else 'remove'}"
            f" {_share(stairs.removed)} of {whole}."
        )


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (-f.priority, -f.severity, f.id, name_of(f)))


def _shown(value: object) -> object:
    """What reaches the page from a variable: harmless, and no longer than a reader can use."""
    if type(value) is not str:
        return value
    shown = clean(value[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"


def _breakable(text: str) -> Markup:
    """A name that a line may end in after its own dividers, and nowhere else while there is room."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(map(escape, re.split(r"(?<=[/:@])(?=[^/:@])", str(_shown(text)))))


def _share(percent: float) -> str:
    """A share without decimals; little is not nothing, and nearly all is not all."""
    return "<1%" if 0 < percent < 1 else ">99%" if 99 < percent < 100 else f"{percent:.0f}%"


def _size(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _moment(created: str) -> str:
    return created.replace("T", " ")[:16] + (" UTC" if created.endswith("Z") else "")


def _web(address: str) -> str:
    return address if address.startswith(("https://", "http://")) and clean(address) == address else ""


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("thwart.reports", "templates"),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "address": advisory_address,
        "breakable": _breakable,
        "counted": counted,
        "distinct": distinct,
        "many": many,
        "moment": _moment,
        "name_of": name_of,
        "only": only,
        "place_of": place_of,
        "share": _share,
        "size": _size,
        "state_of": state_of,
        "tally": tally,
        "urgent": urgent,
        "web": _web,
        "worst_first": _worst_first,
    }
    return environment.get_template("report.html.j2")
