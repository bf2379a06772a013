"""The report: the only thing that reports, gate, server and fleet exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from thwart.core.advisory import Feed
    from thwart.core.finding import Diagnostic, Finding, Ignore, Suppressed
    from thwart.core.package import Layer, Package, Release
    from thwart.core.policy import Clause
    from thwart.core.rule import Control, Rule
    from thwart.core.vex import Document


class Asset(Struct, frozen=True, kw_only=True):
    """A thing that can be judged. `kind` is `image`, `rootfs`, `directory`, `sbom` or `documents`.

    `name` is what the user called it; `digest` the manifest's or the tree's, `image_id` the digest of the configuration.
    `reference` is the full name in the registry that an image was pulled from.
    """

    kind: str
    name: str
    digest: str = ""
    image_id: str = ""
    platform: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    created: str = ""
    reference: str = ""


class DatabaseInfo(Struct, frozen=True, kw_only=True):
    """The advisory database behind a report: the day its data is from, and its feeds."""

    built: str
    origin: str  # `embedded` or a path
    age_days: int
    schema: int
    feeds: tuple[Feed, ...] = ()


class Voucher(Struct, frozen=True, kw_only=True):
    """One signature or attestation that counted. `who` is an identity, checked by `issuer`, or a key's fingerprint."""

    format: str
    who: str
    issuer: str = ""
    predicate_type: str = ""


class Vouched(Struct, frozen=True, kw_only=True):
    """The trust policy's word on an asset: `verified`, `denied` or `unknown`, by the rule of a scope, and why."""

    decision: str
    rule: str = ""
    reasons: tuple[str, ...] = ()
    by: tuple[Voucher, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """Everything that was learnt of one asset. Incomplete reports say so in `diagnostics`.

    `documents` counts what rules judged (None where no rule was to judge anything); `rules` describes those that found
    something; `controls` are the answers to a framework that was asked for. `images` are what documents run, `bases` what
    they build on.
    """

    asset: Asset
    tool_version: str
    created: str  # RFC 3339
    release: Release | None = None
    layers: tuple[Layer, ...] = ()
    packages: tuple[Package, ...] = ()
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    database: DatabaseInfo | None = None
    timings: tuple[tuple[str, float], ...] = ()
    documents: int | None = None
    rules: tuple[Rule, ...] = ()
    controls: tuple[Control, ...] = ()
    images: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    vouched: Vouched | None = None

    @property
    def incomplete(self) -> bool:
        """Whether findings may be missing."""
        return any(d.incomplete for d in self.diagnostics)


class Exception_(Struct, frozen=True, kw_only=True):  # noqa: N801 - the design's name; `Exception` is taken
    """An accepted risk: rule or advisory, on which asset, package or path, why, whose, until when (ISO date).

    `approver` is who agreed to it, `ticket` where that can be read.
    """

    id: str
    reason: str
    owner: str
    expires: str
    asset: str = ""
    package: str = ""
    path: str = ""
    approver: str = ""
    ticket: str = ""


class Baselined(Struct, frozen=True, kw_only=True):
    """A finding that was there before: its fingerprint, the asset that had it, and in how many places."""

    fingerprint: str
    id: str
    asset: str
    places: int = 1


class Policy(Struct, frozen=True, kw_only=True):
    """What the gate asks for. `fail_on` is a severity word or `none`; `on_incomplete` is `fail` or `warn`.

    `mode` is `enforce`, `warn` (what would be denied is a warning) or `dry-run` (the same, told as what would have been).
    `baseline` is what was there before and does not count; None without one. `vex` are documents that the user trusts.
    """

    fail_on: str = "high"
    on_incomplete: str = "fail"
    exceptions: tuple[Exception_, ...] = ()
    only_fixed: bool = False
    baseline: tuple[Baselined, ...] | None = None
    vex: tuple[Document, ...] = ()
    clauses: tuple[Clause, ...] = ()
    mode: str = "enforce"


class Verdict(Struct, frozen=True, kw_only=True):
    """The gate's decision: `allow < warn < unknown < deny`; unknown is never green. All else is sentences.

    `reasons` made the decision. With `deny`, `doubts` are what would have made it `unknown`. `notes` change nothing.
    """

    decision: str
    reasons: tuple[str, ...] = ()
    exit_code: int = 0
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
