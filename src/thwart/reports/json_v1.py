"""Thwart's own JSON, version 1: everything a report holds, and the way back. The types are in `_json_v1_types`."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from thwart.core.advisory import Exploited, Feed, Range, Score, Severity
from thwart.core.errors import ParseError
from thwart.core.finding import Diagnostic, Evidence, Finding, Fix, Ignore, Suppressed
from thwart.core.limits import DEFAULT, Limits
from thwart.core.package import Layer, Location, Package, Release
from thwart.core.report import Asset, DatabaseInfo, Report, Verdict, Vouched, Voucher
from thwart.core.rule import Control, Rule
from thwart.reports import Judged, RenderOptions, output
from thwart.reports import _json_v1_types as wire
from thwart.reports._identity import Keys
from thwart.reports._json import safe

if TYPE_CHECKING:
    from collections.abc import Sequence


@output("application/json", ".json")
def json_v1(reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """The reports as `wire.Document`, indented by one space."""
    encoded = msgspec.json.encode(document(reports, options))
    return safe(msgspec.json.format(encoded, indent=1).decode()) + b"\n"


def document(reports: Sequence[Judged], options: RenderOptions) -> wire.Document:
    """The reports in wire types, with what they have in common in the header."""
    tools = {report.tool_version for report, _ in reports}
    databases = {report.database for report, _ in reports}
    return wire.Document(
        schema_id=wire.SCHEMA_ID,
        schema=wire.WireSchema(),
        tool=wire.WireTool(version=text(reports[0][0].tool_version)),
        database=_lower(databases.copy().pop()) if len(databases) == 1 else None,
        reports=tuple(
            _report(report, verdict, options, own_tool=len(tools) > 1, own_database=len(databases) > 1)
            for report, verdict in reports
        ),
    )


def read_json(data: bytes, limits: Limits = DEFAULT) -> Judged:
    """The one report of a document.

    Raises:
        ParseError: it is not such a document, or holds several reports.
    """
    judged = read_all(data, limits)
    if len(judged) != 1:
        raise ParseError(f"the document holds {len(judged)} reports where one is expected")
    return judged[0]


def read_all(data: bytes, limits: Limits = DEFAULT) -> list[Judged]:
    """Every report of a document, as it was written.

    Raises:
        ParseError: it is not such a document.
    """
    if len(data) > limits.file_bytes:
        raise ParseError(f"the report is larger than {limits.file_bytes} bytes")
    try:
        found = msgspec.json.decode(data, type=wire.Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError(f"not a Thwart report of version 1: {error}") from error
    return [(_read_report(entry, found), _lift(entry.verdict, Verdict)) for entry in found.reports]


_ODD = re.compile("[\ud800-\udfff\uef80-\uefff]")
_OCTETS = re.compile("[\uef80-\uefff]+")


def text(value: str) -> str:
    """The string with every byte that is no UTF-8 as U+EF00 + byte (MirBSD's OPTU mapping), which `untext` undoes."""
    return value if value.isascii() else _ODD.sub(_to_octets, value)


def _to_octets(match: re.Match[str]) -> str:
    code = ord(match[0])
    raw = bytes((code - 0xDC00,)) if 0xDC80 <= code <= 0xDCFF else match[0].encode("utf-8", "surrogatepass")
    return "".join(chr(0xEF00 + byte) for byte in raw)


def untext(value: str) -> str:
    """The string that `text` was given."""
    return value if value.isascii() else _OCTETS.sub(_from_octets, value)


def _from_octets(match: re.Match[str]) -> str:
    return bytes(ord(char) - 0xEF00 for char in match[0]).decode("utf-8", "surrogateescape")


_WIRES: dict[type, type[wire.Wire]] = {
    Asset: wire.WireAsset,
    Control: wire.WireControl,
    DatabaseInfo: wire.WireDatabase,
    Diagnostic: wire.WireDiagnostic,
    Evidence: wire.WireEvidence,
    Exploited: wire.WireExploited,
    Feed: wire.WireFeed,
    Fix: wire.WireFix,
    Ignore: wire.WireIgnore,
    Layer: wire.WireLayer,
    Location: wire.WireLocation,
    Range: wire.WireRange,
    Release: wire.WireRelease,
    Rule: wire.WireRule,
    Score: wire.WireScore,
    Verdict: wire.WireVerdict,
    Vouched: wire.WireVouched,
    Voucher: wire.WireVoucher,
}
_NOUNS = {wire_type: noun for noun, wire_type in _WIRES.items()}


def _lower(value: Any) -> Any:  # noqa: ANN401 - as many types as nouns
    """A noun, or a tuple of them, in wire types."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else text(value)
    if kind is tuple:
        return tuple([_lower(item) for item in value]) if value else value
    if kind is Severity:
        return value.word
    target = _WIRES.get(kind)
    return value if target is None else target(**_fields(value, target))


def _fields(value: object, target: type[wire.Wire], *but: str) -> dict[str, Any]:
    return {name: _lower(getattr(value, name)) for name in _named(target, but)}


@cache
def _named(target: type[wire.Wire], but: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in target.__struct_fields__ if name not in but)


def _lift(value: wire.Wire, noun: type[Any], **given: object) -> Any:  # noqa: ANN401
    """The noun that a wire value stands for; `given` are the fields that need more than a look at the value."""
    names = value.__struct_fields__
    return noun(**{name: _raise(getattr(value, name)) for name in names if name in noun.__annotations__} | given)


def _raise(value: Any) -> Any:  # noqa: ANN401
    kind = type(value)
    if kind is str:
        return untext(value)
    if kind is tuple:
        return tuple([_raise(item) for item in value])
    noun = _NOUNS.get(kind)
    if noun is None:
        return value
    graded = noun is Score or noun is Rule
    return _lift(value, noun, severity=Severity[value.severity.upper()]) if graded else _lift(value, noun)


def _report(
    report: Report, verdict: Verdict, options: RenderOptions, *, own_tool: bool, own_database: bool
) -> wire.WireReport:
    keys = Keys(report.packages, text)
    findings = () if options.packages_only else report.findings
    suppressed = () if options.packages_only else report.suppressed
    lowered = tuple([_finding(finding, keys) for finding in findings])
    hidden = tuple([_suppressed(item, keys) for item in suppressed])
    return wire.WireReport(
        created=text(report.created),
        asset=_lower(report.asset),
        verdict=_lower(verdict),
        summary=_summary(report, len(findings), len(suppressed), lowered),
        tool=wire.WireTool(version=text(report.tool_version)) if own_tool else None,
        database=_lower(report.database) if own_database else None,
        release=_lower(report.release),
        layers=_lower(report.layers),
        packages=tuple([_package(package, key) for package, key in zip(report.packages, keys.listed, strict=True)]),
        other_packages=tuple([_package(package, key) for key, package in keys.others.items()]),
        findings=lowered,
        suppressed=hidden,
        diagnostics=_lower(report.diagnostics),
        timings=report.timings,
        documents=report.documents,
        rules=_lower(report.rules),
        controls=_lower(report.controls),
        images=_lower(report.images),
        bases=_lower(report.bases),
        vouched=_lower(report.vouched),
    )


def _package(package: Package, key: str) -> wire.WirePackage:
    return wire.WirePackage(key=key, **_fields(package, wire.WirePackage, "key"))


_READER_ONLY = ("fingerprint", "package", "package_name", "package_version")


def _finding(finding: Finding, keys: Keys) -> wire.WireFinding:
    package = finding.package
    return wire.WireFinding(
        fingerprint=finding.fingerprint,
        package=keys.of(package) if package else None,
        package_name=text(package.full_name) if package else "",
        package_version=text(package.version) if package else "",
        **_fields(finding, wire.WireFinding, *_READER_ONLY),
    )


def _suppressed(item: Suppressed, keys: Keys) -> wire.WireSuppressed:
    return wire.WireSuppressed(finding=_finding(item.finding, keys), **_fields(item, wire.WireSuppressed, "finding"))


def _summary(report: Report, findings: int, suppressed: int, lowered: Sequence[wire.WireFinding]) -> wire.WireSummary:
    counts = Counter(finding.severity for finding in lowered)
    return wire.WireSummary(
        packages=len(report.packages),
        findings=findings,
        by_severity={word: counts[word] for word in wire.WORDS if counts[word]},
        fixable=sum(finding.fix is not None for finding in lowered),
        suppressed=suppressed,
        incomplete=report.incomplete,
    )


def _read_report(entry: wire.WireReport, found: wire.Document) -> Report:
    packages = tuple([_lift(package, Package) for package in entry.packages])
    every = [*entry.packages, *entry.other_packages]
    nouns = [*packages, *(_lift(package, Package) for package in entry.other_packages)]
    by_key = {item.key: noun for item, noun in zip(every, nouns, strict=True)}
    if len(by_key) != len(every):
        raise ParseError("two packages of one report have the same key")
    return Report(
        asset=_raise(entry.asset),
        tool_version=untext((entry.tool or found.tool).version),
        created=untext(entry.created),
        release=_raise(entry.release),
        layers=_raise(entry.layers),
        packages=packages,
        findings=tuple([_read_finding(finding, by_key) for finding in entry.findings]),
        suppressed=tuple(
            [_lift(item, Suppressed, finding=_read_finding(item.finding, by_key)) for item in entry.suppressed]
        ),
        diagnostics=_raise(entry.diagnostics),
        database=_raise(entry.database or found.database),
        timings=entry.timings,
        documents=entry.documents,
        rules=_raise(entry.rules),
        controls=_raise(entry.controls),
        images=_raise(entry.images),
        bases=_raise(entry.bases),
        vouched=_raise(entry.vouched),
    )


def _read_finding(finding: wire.WireFinding, packages: dict[str, Package]) -> Finding:
    if finding.package is not None and finding.package not in packages:
        raise ParseError(f"a finding names the package {finding.package!r}, which the report does not list")
    package = packages[finding.package] if finding.package is not None else None
    found: Finding = _lift(finding, Finding, package=package, severity=Severity[finding.severity.upper()])
    return found
