"""The types of Thwart's own JSON, version 1.

These types are frozen: a field that is added, renamed or dropped makes `json_v2.py`. The JSON Schema in
`docs/reference/schema/` is generated from them. Every string is valid Unicode: a byte of a name that is not UTF-8
is written as the private-use character U+EF00 + byte, and read back as that byte.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

import msgspec

SCHEMA_ID: Final = "urn:thwart:schema:report:v1"

SeverityWord = Literal["critical", "high", "medium", "low", "negligible", "unknown"]
WORDS: tuple[SeverityWord, ...] = get_args(SeverityWord)
Count = Annotated[int, msgspec.Meta(ge=0)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the types below: fields at their default are not written; unknown fields are refused."""


class WireSchema(Wire, frozen=True, omit_defaults=False):
    """Which document this is."""

    name: Literal["thwart-report"] = "thwart-report"
    version: Literal[1] = 1


class WireTool(Wire, frozen=True, omit_defaults=False):
    """What wrote the report."""

    version: str
    name: Literal["thwart"] = "thwart"


class WireFeed(Wire, frozen=True):
    """A source of advisories."""

    name: str
    licence: str
    attribution: str
    date: str
    records: int
    url: str = ""


class WireDatabase(Wire, frozen=True):
    """The advisory database that was asked."""

    built: str
    origin: str
    age_days: int
    schema: int
    feeds: tuple[WireFeed, ...] = ()


class WireAsset(Wire, frozen=True):
    """What was judged."""

    kind: str
    name: str
    digest: str = ""
    image_id: str = ""
    platform: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    created: str = ""
    reference: str = ""


class WireRelease(Wire, frozen=True):
    """The operating system's release."""

    id: str
    version: str = ""
    codename: str = ""
    name: str = ""
    variant: str = ""
    id_like: tuple[str, ...] = ()
    ecosystem: str = ""


class WireLayer(Wire, frozen=True):
    """A layer, lowest first."""

    index: int
    diff_id: str
    digest: str = ""
    size: int = 0
    media_type: str = ""
    created_by: str = ""
    created: str = ""


class WireLocation(Wire, frozen=True):
    """A place in the asset; line 0 is the whole file, column 0 the whole line; `layer` is a diffID."""

    path: str
    line: int = 0
    layer: str = ""
    column: int = 0


class WireEvidence(Wire, frozen=True):
    """What in a document shows a finding; `pointer` is RFC 6901's, `source` the line of text there."""

    phrase: str
    location: WireLocation
    pointer: str = ""
    source: str = ""


class WirePackage(Wire, frozen=True):
    """A package; `key` is what findings of the same report call it."""

    key: str
    name: str
    version: str
    type: str
    ecosystem: str
    purl: str
    namespace: str = ""
    arch: str = ""
    source: str = ""
    source_version: str = ""
    licences: tuple[str, ...] = ()
    vendor: str = ""
    module: str = ""
    scope: str = ""
    owner: str = ""
    cataloger: str = ""
    confidence: str = "high"
    locations: tuple[WireLocation, ...] = ()
    layer: str = ""


class WireScore(Wire, frozen=True):
    """One severity statement; `score` is -1 for a word."""

    source: str
    system: str
    vector: str
    score: float
    severity: SeverityWord


class WireExploited(Wire, frozen=True):
    """The entry in CISA's catalogue of vulnerabilities that are known to be exploited."""

    added: str
    due: str = ""
    ransomware: bool = False


class WireRange(Wire, frozen=True):
    """A half-open interval of versions; `last`, where given, is inclusive."""

    introduced: str
    fixed: str = ""
    last: str = ""


class WireFix(Wire, frozen=True):
    """What closes the finding."""

    title: str
    kind: str = "upgrade"
    package: str = ""
    version: str = ""
    safe: bool = True
    again: tuple[WireRange, ...] = ()
    paid: bool = False


class WireFinding(Wire, frozen=True):
    """A finding; `package` is a package's `key`, and the name and version beside it are for the reader only."""

    id: str
    fingerprint: str
    message: str
    severity: SeverityWord
    package: str | None = None
    package_name: str = ""
    package_version: str = ""
    aliases: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()
    confidence: str = "high"
    score: WireScore | None = None
    scores: tuple[WireScore, ...] = ()
    epss: float | None = None
    percentile: float | None = None
    kev: WireExploited | None = None
    state: str = "fixed"
    status: str = ""
    fix: WireFix | None = None
    priority: float = 0.0
    because: tuple[str, ...] = ()
    locations: tuple[WireLocation, ...] = ()
    published: str = ""
    cwes: tuple[str, ...] = ()
    kind: str = "vulnerability"
    subject: str = ""
    evidence: tuple[WireEvidence, ...] = ()
    references: tuple[str, ...] = ()


class WireRule(Wire, frozen=True):
    """A rule that found something; `why`, `fix`, `bad` and `good` are Markdown."""

    id: str
    title: str
    family: str
    severity: SeverityWord
    confidence: str = "high"
    why: str = ""
    fix: str = ""
    bad: str = ""
    good: str = ""
    language: str = ""
    references: tuple[str, ...] = ()


class WireControl(Wire, frozen=True, omit_defaults=False):
    """A control of a framework that was asked for, and its answer."""

    framework: str
    id: str
    title: str
    status: str
    findings: int = 0
    rules: tuple[str, ...] = ()


class WireSuppressed(Wire, frozen=True):
    """A finding that does not count, with who says so and why."""

    finding: WireFinding
    by: str
    reason: str
    owner: str = ""
    expires: str = ""
    status: str = ""  # VEX's word for it, where somebody said that much
    justification: str = ""
    document: str = ""


class WireDiagnostic(Wire, frozen=True, omit_defaults=False):
    """What could not be done; `incomplete` means that findings may be missing."""

    slug: str
    message: str
    path: str = ""
    incomplete: bool = True
    hint: str = ""


class WireIgnore(Wire, frozen=True):
    """A comment in a document that accepts findings on one of its lines, by id."""

    path: str
    line: Count
    ids: tuple[str, ...]
    reason: str


class WireVoucher(Wire, frozen=True):
    """A signature or attestation that counted: its format, and an identity with who checked it, or a key's fingerprint."""

    format: str
    who: str
    issuer: str = ""
    predicate_type: str = ""


class WireVouched(Wire, frozen=True):
    """The trust policy's word on the asset, by the rule of a scope."""

    decision: Literal["verified", "denied", "unknown"]
    rule: str = ""
    reasons: tuple[str, ...] = ()
    by: tuple[WireVoucher, ...] = ()


class WireVerdict(Wire, frozen=True, omit_defaults=False):
    """The gate's decision. `reasons` made it; `doubts` alone would have made it `unknown`; `notes` change nothing."""

    decision: Literal["allow", "warn", "unknown", "deny"]
    reasons: tuple[str, ...] = ()
    exit_code: int = 0
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class WireSummary(Wire, frozen=True, omit_defaults=False):
    """Counts, for those who read no further."""

    packages: Count
    findings: Count
    by_severity: dict[SeverityWord, Count]
    fixable: Count
    suppressed: Count
    incomplete: bool


class WireReport(Wire, frozen=True):
    """One asset's report. `tool` and `database` are absent where the document's header speaks for all reports."""

    created: str
    asset: WireAsset
    verdict: WireVerdict
    summary: WireSummary
    packages: tuple[WirePackage, ...]
    findings: tuple[WireFinding, ...]
    suppressed: tuple[WireSuppressed, ...]
    diagnostics: tuple[WireDiagnostic, ...]
    tool: WireTool | None = None
    database: WireDatabase | None = None
    release: WireRelease | None = None
    layers: tuple[WireLayer, ...] = ()
    other_packages: tuple[WirePackage, ...] = ()  # named by a finding, but not in the asset's list
    ignores: tuple[WireIgnore, ...] = ()
    timings: tuple[tuple[str, float], ...] = ()
    documents: int | None = None  # that rules judged; absent where no rule was to judge anything
    rules: tuple[WireRule, ...] = ()
    controls: tuple[WireControl, ...] = ()
    images: tuple[str, ...] = ()  # that documents run
    bases: tuple[str, ...] = ()  # that documents build on
    vouched: WireVouched | None = None  # absent where no trust policy was asked


class Document(Wire, frozen=True):
    """The whole document. `database` is null when the reports were made without one, or with different ones."""

    schema_id: Literal["urn:thwart:schema:report:v1"] = msgspec.field(name="$schema")
    schema: WireSchema
    tool: WireTool
    database: WireDatabase | None
    reports: Annotated[tuple[WireReport, ...], msgspec.Meta(min_length=1)]


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `Document`; the types go by their names in the documentation, without `Wire`."""
    encoded = msgspec.json.encode(msgspec.json.schema(Document))
    schema = msgspec.json.decode(encoded.replace(b"/Wire", b"/").replace(b'"Wire', b'"'))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Thwart report",
        **schema,
    }
