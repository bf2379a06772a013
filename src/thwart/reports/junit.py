"""JUnit XML for pipelines that show tests: a finding fails, a suppressed one is skipped, an unread part is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.reports import Judged, RenderOptions, output
from thwart.reports._identity import instant
from thwart.reports._plain import clip
from thwart.reports._view import View, marks, name_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from thwart.core.finding import Finding

LONGEST = 1000


@output("application/xml", ".xml")
def junit(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """A suite per report. What counts is a failure whatever the gate says: the gate's word is a property."""
    from xml.etree.ElementTree import Element, indent, tostring

    root = Element("testsuites", {"name": "thwart"})
    root.extend(_suite(View(*judged), options) for judged in reports)
    indent(root, " ")
    declared = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    return declared + tostring(root, encoding="unicode").encode() + b"\n"


def _suite(view: View, options: RenderOptions) -> Element:
    cases = [*_errors(view), *([] if options.packages_only else _findings(view))]
    if not cases:
        cases = [_element("testcase", {"name": "no findings", "classname": view.report.asset.name or "unnamed"})]
    counts = {tag: sum(case.find(tag) is not None for case in cases) for tag in ("failure", "error", "skipped")}
    suite = _element(
        "testsuite",
        {
            "name": view.report.asset.name or "unnamed",
            "tests": str(len(cases)),
            "failures": str(counts["failure"]),
            "errors": str(counts["error"]),
            "skipped": str(counts["skipped"]),
            "time": "0",
            "timestamp": instant(view.report.created)[:19],
        },
    )
    properties = _element("properties", {})
    facts = {"verdict": view.verdict.decision, "summary": view.summary(), "digest": view.report.asset.digest}
    if options.packages_only:
        facts = {"packages": str(len(view.report.packages))}
    properties.extend(_element("property", {"name": name, "value": value}) for name, value in facts.items() if value)
    suite.append(properties)
    suite.extend(cases)
    return suite


def _errors(view: View) -> Iterator[Element]:
    for item in view.report.diagnostics:
        case = _element("testcase", {"name": f"{item.slug}: {item.path}", "classname": "reading"})
        if item.incomplete:
            case.append(_element("error", {"type": "incomplete", "message": item.message}, item.hint))
        else:
            case.append(_element("system-out", {}, item.message))
        yield case


def _findings(view: View) -> Iterator[Element]:
    for finding in view.report.findings:
        case = _case(finding)
        title = finding.fix.title if finding.fix else state_of(finding)
        said = [title, *marks(finding), *finding.because]
        said += [f"{one.location.path}:{one.location.line}: {one.phrase}" for one in finding.evidence]
        if finding.package is not None and view.layer_of(finding.package.layer):
            said.append(f"{view.layer_of(finding.package.layer)}: {view.history_of(finding.package.layer)}")
        message = f"{finding.severity.word}: {finding.message}"
        case.append(_element("failure", {"type": finding.severity.word, "message": message}, "; ".join(said)))
        yield case
    for item in view.report.suppressed:
        case = _case(item.finding)
        case.append(_element("skipped", {"message": f"suppressed by {item.by}: {item.reason}"}))
        yield case


def _case(finding: Finding) -> Element:
    version = finding.package.version if finding.package else ""
    name = f"{finding.id} {name_of(finding) or finding.subject} {version}".rstrip()
    place = finding.locations[0] if finding.locations else None
    return _element(
        "testcase",
        {
            "name": name or "unnamed",
            "classname": finding.package.type if finding.package else finding.kind,
            "file": place.path if place else "",
            "line": str(place.line) if place and place.line and finding.evidence else "",
        },
    )


def _element(tag: str, attributes: dict[str, str], text: str = "") -> Element:
    """An element whose strings hold only what XML 1.0 (2.2) can: unprintable characters are visible escapes."""
    from xml.etree.ElementTree import Element

    element = Element(tag, {name: clip(value, LONGEST) for name, value in attributes.items() if value})
    element.text = clip(text, LONGEST) or None
    return element
