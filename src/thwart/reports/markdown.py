"""GitHub-flavoured Markdown, for comments on changes and for summaries of jobs: verdict, upgrades, what is left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.core.upgrades import distinct
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._links import advisory_address
from thwart.reports._plain import clip
from thwart.reports._view import View, bundles, counted, defects, many, name_of, only, place_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thwart.core.finding import Finding

LONGEST = 200  # characters of one value
SENTENCE = 1000  # of one that is prose
IDS_SHOWN = 6
ROWS_SHOWN = 200  # a comment has a limit of 65,536 characters; the rest is counted


@output("text/markdown; charset=utf-8", ".md")
def markdown(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """A section per report."""
    lines: list[str] = []
    for judged in reports:
        view = View(*judged)
        lines += _header(view)
        if options.packages_only:
            lines += _packages(view)
        else:
            lines += [*_controls(view), *_rules(view), *_upgrades(view), *_unfixed(view), *_suppressed(view)]
        lines += _diagnostics(view)
        lines += (
            []
            if options.packages_only
            else [*(f"- **{plain(word)}**: {plain(said, SENTENCE)}" for word, said in view.sentences), ""]
        )
        lines += ["" if options.packages_only else f"{plain(view.summary())}. Next: {code(view.next_command)}", ""]
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def _header(view: View) -> Iterator[str]:
    report = view.report
    yield f"## {plain(report.asset.name) or 'unnamed'}"
    yield ""
    release = (report.release.name or report.release.distro) if report.release else ""
    documents = [many(report.documents, "document")] if report.documents is not None else []
    packages = [many(len(report.packages), "package")] if report.packages or not documents else []
    facts = [report.asset.digest, report.asset.platform, release, *documents, *packages]
    yield ", ".join(plain(fact) for fact in facts if fact)
    yield ""


def _controls(view: View) -> Iterator[str]:
    if not view.report.controls:
        return
    yield "| Control | Answer | Findings | About |"
    yield "|---|---|--:|---|"
    for control in view.report.controls:
        cells = (plain(control.id), plain(control.status), f"{control.findings:,}", plain(control.title))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _rules(view: View) -> Iterator[str]:
    """Findings with a place in a document."""
    found = [finding for finding in view.unfixed if finding.evidence]
    if not found:
        return
    yield "| Rule | Severity | Place | Finding | Fix |"
    yield "|---|---|---|---|---|"
    for finding in found[:ROWS_SHOWN]:
        fix = plain(finding.fix.title) if finding.fix else ""
        place = code(place_of(finding)) if finding.locations else ""
        cells = (plain(finding.id), finding.severity.word, place, plain(finding.message), fix)
        yield f"| {' | '.join(cells)} |"
    if len(found) > ROWS_SHOWN:
        yield f"| {many(len(found) - ROWS_SHOWN, 'more finding')} | | | | |"
    yield ""


def _upgrades(view: View) -> Iterator[str]:
    if not view.groups:
        return
    yield "| Upgrade | Closes | Severity | From | Advisories |"
    yield "|---|--:|---|---|---|"
    for group in view.groups[:ROWS_SHOWN]:
        inside = f" in {many(len(group.names), 'package')}" if len(group.names) > 1 else ""
        aside = [
            *([scope] if (scope := only(group.findings)) else []),
            *(["needs a subscription"] if group.paid else []),
        ]
        cells = (
            f"{plain(group.package)} to {code(group.version)}{''.join(f', {one}' for one in aside)}",
            f"{len(group.defects):,}{inside}",
            counted(group.defects),
            "<br>".join(map(plain, view.origins_of(group))),
            _named(group.findings),
        )
        yield f"| {' | '.join(cells)} |"
    if len(view.groups) > ROWS_SHOWN:
        yield f"| {many(len(view.groups) - ROWS_SHOWN, 'more upgrade')} | | | | |"
    yield ""


def _named(findings: Sequence[Finding]) -> str:
    found = defects(findings)
    shown = [_advisory(one.finding.id) + (f" **{plain(one.aside)}**" if one.marks else "") for one in found[:IDS_SHOWN]]
    return ", ".join([*shown, *([f"{len(found) - IDS_SHOWN:,} more"] if len(found) > IDS_SHOWN else [])])


def _advisory(identifier: str) -> str:
    address = advisory_address(identifier)
    return f"[{plain(identifier)}]({address})" if address else plain(identifier)


def _unfixed(view: View) -> Iterator[str]:
    unfixed = [finding for finding in view.unfixed if not finding.evidence]
    if not unfixed:
        return
    grouped = bundles(unfixed)
    once = distinct(unfixed)
    yield f"No upgrade closes {many(len(once), 'defect')} in {many(len(grouped), 'package')}: {counted(once)}"
    yield ""
    for bundle in grouped[:ROWS_SHOWN]:
        why = plain(state_of(bundle.findings[0]))
        scope = f" ({only(bundle.findings)})" if only(bundle.findings) else ""
        told = f"{counted(bundle.defects)}, {why}, {_named(bundle.findings)}"
        yield f"- {plain(bundle.name) or 'documents'}{scope}: {told}"
    if len(grouped) > ROWS_SHOWN:
        yield f"- {many(len(grouped) - ROWS_SHOWN, 'more package')}"
    yield ""


def _suppressed(view: View) -> Iterator[str]:
    items = view.report.suppressed
    if not items:
        return
    yield f"Suppressed {many(len(items), 'finding')}:"
    yield ""
    for item in items[:ROWS_SHOWN]:
        said = [part for part in (item.owner, f"until {item.expires}" if item.expires else "") if part]
        who = f" ({plain(', '.join(said))})" if said else ""
        named = f"{_advisory(item.finding.id)} {plain(name_of(item.finding))}"
        yield f"- {named}, by {plain(item.by)}: {plain(item.reason, SENTENCE)}{who}"
    if len(items) > ROWS_SHOWN:
        yield f"- {many(len(items) - ROWS_SHOWN, 'more finding')}"
    yield ""


def _packages(view: View) -> Iterator[str]:
    yield "| Package | Version | Type | Licence |"
    yield "|---|---|---|---|"
    for package in view.report.packages:
        cells = (package.full_name, package.version, package.type, ", ".join(package.licences))
        yield f"| {' | '.join(map(plain, cells))} |"
    yield ""


def _diagnostics(view: View) -> Iterator[str]:
    for item in view.report.diagnostics:
        word = "Incomplete" if item.incomplete else "Note"
        place = f" ({code(item.path)})" if item.path else ""
        yield f"> **{word}**: {plain(item.message, SENTENCE)}{place}{f'. Hint: {plain(item.hint)}' if item.hint else ''}"
        yield ""


_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&@!{}])")
_START = re.compile(r"^(\s*)([-+=]|\d+[.)])")


def plain(text: str, length: int = LONGEST) -> str:
    """Text that Markdown takes as it stands: no link, no table cell, no mention, no address that becomes a link."""
    escaped = _SPECIAL.sub(r"\\\1", clip(text, length)).strip()
    return _START.sub(r"\1\\\2", escaped).replace("://", ":\\//")


def code(text: str) -> str:
    """Text in a code span, which no back-tick can end."""
    shown = clip(text, LONGEST).translate(_BREAKERS).strip()
    return f"`{shown or ' '}`"


_BREAKERS = {ord("`"): "'", ord("|"): "¦"}
