"""Images that somebody trusted vouches for."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.gate.clauses import Case, Objection, clause, named, yes


@clause("the trust policy verifies the image", yes)
def signatures(case: Case, value: bool) -> Iterator[Objection]:
    """What `thwart scan --trust-policy` and admission were told; nobody asked means that nobody knows."""
    vouched = case.report.vouched
    if not value or case.report.asset.kind != "image":
        return
    if vouched is None:
        yield Objection("whether anybody vouches for the image was not asked (--trust-policy)", unknown=True)
    elif vouched.decision != "verified":
        why = named(vouched.reasons) or "no reason was given"
        yield Objection(f"nobody trusted vouches for the image: {why}", unknown=vouched.decision == "unknown")
