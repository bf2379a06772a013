"""Annotations of a GitHub Actions job: workflow commands that mark files and list upgrades.

Source: GitHub documentation, "Workflow commands": values escape `%`, line ends and, in properties, `:` and `,`.
A step shows ten annotations of a kind, so there is one per upgrade and not one per finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.core.advisory import Severity
from thwart.reports import Judged, RenderOptions, output
from thwart.reports._plain import clip
from thwart.reports._view import View, bundles, counted, many, only, state_of, urgent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thwart.core.finding import Finding
    from thwart.core.package import Location

LONGEST = 1000
IDS_SHOWN = 3  # urgent findings named per annotation


@output("text/plain; charset=utf-8", ".txt")
def github(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """One command a line: upgrades, findings without one, what could not be read, and the verdict."""
    lines: list[str] = []
    for judged in reports:
        view = View(*judged)
        if not options.packages_only:
            lines += _upgrades(view)
            lines += _unfixed(view)
            lines += _suppressed(view)
        lines += _diagnostics(view)
        lines.append(_last(view, options))
    return "".join(f"{line}\n" for line in lines).encode()


def _upgrades(view: View) -> Iterator[str]:
    for group in view.groups:
        inside = f" in {many(len(group.names), 'package')}" if len(group.names) > 1 else ""
        told = [f"closes {many(len(group.defects), 'defect')}{inside}: {counted(group.defects)}"]
        said = f"{', '.join([*told, *_aside(group.findings)])}; {'; '.join(view.origins_of(group))}"
        place = _place(group.findings[0] if group.findings else None)
        yield _command(_level(group.severity), group.title, said, place)


def _aside(findings: Sequence[Finding]) -> list[str]:
    """Whether only development needs it, and the ids that are urgent."""
    scope = only(findings)
    return [*([scope] if scope else []), *(f"{one.finding.id}{one.aside}" for one in urgent(findings)[:IDS_SHOWN])]


def _unfixed(view: View) -> Iterator[str]:
    for bundle in bundles(view.unfixed):
        worst = bundle.findings[0]
        if worst.package is None:
            for finding in bundle.findings:
                yield _command(_level(finding.severity), finding.id, finding.message, _place(finding))
            continue
        told = [f"{counted(bundle.defects)}: {state_of(worst)}", *_aside(bundle.findings), f"worst is {worst.id}"]
        yield _command("notice", f"no upgrade for {bundle.name}", ", ".join(told), _place(worst))


def _suppressed(view: View) -> Iterator[str]:
    for item in view.report.suppressed:
        yield f"::debug::{_value(f'suppressed {item.finding.id} by {item.by}: {item.reason}')}"


def _diagnostics(view: View) -> Iterator[str]:
    for item in view.report.diagnostics:
        word = "incomplete" if item.incomplete else "note"
        said = f"{item.message} ({item.path})" if item.path else item.message
        yield _command("error" if item.incomplete else "notice", f"{word}: {item.slug}", said)


def _last(view: View, options: RenderOptions) -> str:
    if options.packages_only:
        return _command("notice", view.report.asset.name, many(len(view.report.packages), "package"))
    level = {"deny": "error", "allow": "notice"}.get(view.verdict.decision, "warning")
    told = (said if word == view.verdict.decision else f"{word}: {said}" for word, said in view.sentences[:8])
    said = "; ".join([view.summary(), *told])
    return _command(level, f"{view.verdict.decision}: {view.report.asset.name}", said)


def _level(severity: Severity) -> str:
    return "error" if severity >= Severity.HIGH else "warning" if severity >= Severity.MEDIUM else "notice"


def _place(finding: Finding | None) -> Location | None:
    return finding.locations[0] if finding is not None and finding.locations else None


def _command(level: str, title: str, message: str, place: Location | None = None) -> str:
    facts = {"file": place.path if place else "", "line": str(place.line) if place and place.line else ""}
    facts |= {"col": str(place.column)} if place and place.line and place.column else {}
    told = ",".join(f"{name}={_property(value)}" for name, value in (facts | {"title": title}).items() if value)
    return f"::{level} {told}::{_value(message)}"


def _value(text: str) -> str:
    return clip(text, LONGEST).replace("%", "%25")


def _property(text: str) -> str:
    return _value(text).replace(":", "%3A").replace(",", "%2C")
