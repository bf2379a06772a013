"""Findings: what is wrong, where, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from thwart.core.advisory import Exploited, Range, Score, Severity
    from thwart.core.edit import Edit
    from thwart.core.package import Location, Package


class Fix(Struct, frozen=True, kw_only=True):
    """What closes a finding. `kind` is `upgrade`, `edit` or `add`.

    For an upgrade, `package` is the thing to upgrade (a source package where the distribution ships sources)
    and `version` the first version without the defect. `again` are later stretches of versions that have it once more
    (the next release line, fixed at its own time). `paid` says that the version needs a subscription (Ubuntu Pro).
    For an edit, `edits` are in the document of the finding; none where only a human can write them.
    """

    title: str
    kind: str = "upgrade"
    package: str = ""
    version: str = ""
    safe: bool = True
    again: tuple[Range, ...] = ()
    paid: bool = False
    edits: tuple[Edit, ...] = ()


class Evidence(Struct, frozen=True, kw_only=True):
    """What in a document shows a defect: where it is said, or, when something is missing, what lacks it.

    `pointer` is an RFC 6901 pointer into the document; `source` is the line of text there, for a reader.
    """

    phrase: str
    location: Location
    pointer: str = ""
    source: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """One defect in one package (or, for a rule, in one document) of an asset.

    `id` is the CVE where there is one, else the advisory; `advisories` are the records that led here.
    `state` is `fixed` (an upgrade exists), `unfixed`, `will-not-fix`, `end-of-life`, `fixed-pro`, `unknown`.
    `priority` is 0 to 100 and `because` says in words what it is made of.
    """

    id: str
    message: str
    severity: Severity
    package: Package | None = None
    aliases: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()
    confidence: str = "high"
    score: Score | None = None
    scores: tuple[Score, ...] = ()
    epss: float | None = None
    percentile: float | None = None
    kev: Exploited | None = None
    state: str = "fixed"
    status: str = ""  # the vendor's own word, when it has one
    fix: Fix | None = None
    priority: float = 0.0
    because: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    published: str = ""
    cwes: tuple[str, ...] = ()
    kind: str = "vulnerability"  # or `notice` (unmaintained, unsound), `rule`
    subject: str = ""  # what in a document has it: `container web of Deployment shop/web`
    evidence: tuple[Evidence, ...] = ()
    references: tuple[str, ...] = ()  # clauses of standards: `pss:runAsNonRoot`, `cis-kubernetes:5.2.7`

    @property
    def fingerprint(self) -> str:
        """Stable across rescans: of id, package or subject, and path; never of lines, versions or layers."""
        import hashlib

        subject = f"{self.package.type}/{self.package.full_name}" if self.package else self.subject
        paths = sorted({place.path for place in self.locations})
        return hashlib.sha256("\0".join((self.id, subject, *paths)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Ignore(Struct, frozen=True, kw_only=True):
    """A comment in a document that accepts findings on one of its lines, by id; `reason` may be missing."""

    path: str
    line: int
    ids: tuple[str, ...]
    reason: str


class Suppressed(Struct, frozen=True, kw_only=True):
    """A finding that does not count, who says so and why.

    `by` is `inline`, `exception`, `vex`, `baseline`, `distribution` or `vendor`. `status` is VEX's word for it
    (`not_affected`, `fixed`, …), empty where nobody said that much; `justification` is VEX's label, and `document` the
    VEX document that says so.
    """

    finding: Finding
    by: str
    reason: str
    owner: str = ""
    expires: str = ""
    status: str = ""
    justification: str = ""
    document: str = ""


class Diagnostic(Struct, frozen=True, kw_only=True):
    """Something that could not be done, or that the reader must know to judge the report.

    `incomplete` is true when findings may be missing because of it (exit 3).
    """

    slug: str
    message: str
    path: str = ""
    incomplete: bool = True
    hint: str = ""
