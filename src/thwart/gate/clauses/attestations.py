"""Attestations that an image must have."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.gate.clauses import Case, Objection, clause, named, texts


@clause("an attestation of each of these predicate types, accepted by the trust policy", texts)
def attestations(case: Case, value: list[str]) -> Iterator[Objection]:
    """Only those count that a rule of the trust policy asks for: anybody can attest anything."""
    if case.report.asset.kind != "image":
        return
    vouched = case.report.vouched
    if vouched is None:
        yield Objection("what attests to the image was not asked (--trust-policy)", unknown=True)
        return
    accepted = {one.predicate_type for one in vouched.by} if vouched.decision == "verified" else set()
    lacking = [kind for kind in value if kind not in accepted]
    if lacking:
        unknown = vouched.decision == "unknown"
        yield Objection(f"no attestation of the type {named(lacking)} was accepted", unknown=unknown)
