"""Tiers that speak against each other: Admin over NetworkPolicy, and policies of one priority."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members
from thwart.network.deciding import Isolated
from thwart.network.lint import Finding, check
from thwart.network.lint._fold import Fold
from thwart.network.lint._look import Look, name_of
from thwart.network.lint._sides import Key, RuleSide
from thwart.network.model import INGRESS, NETWORK


@check("equal-priority", Severity.HIGH)
def equal_priority(look: Look) -> Iterator[Finding]:
    """Two policies of one tier have the same priority and decide a flow differently: which of them wins is not defined.

    The specification leaves it to the implementation (network-policy-api, ClusterNetworkPolicySpec.priority), so that
    answers for those flows are unknown here. Reported only where no earlier rule decides those flows.
    """
    seen: dict[tuple[Key, Key], str] = {}
    for side, fold in look.folds:
        for one, other, bits in fold.clashes:
            if (one, other) not in seen:
                seen[one, other] = _example(look, side, fold, bits)
    for (one, other), example in seen.items():
        _, first, mine = look.removal.written[one]
        _, second, theirs = look.removal.written[other]
        yield Finding(
            check="equal-priority",
            severity=Severity.HIGH,
            sentence=f"its {other.direction} rule {theirs.index + 1} ({theirs.action}) and rule {mine.index + 1} "
            f"({mine.action}) of {name_of(first)} are about the same flows at one priority: which wins is not defined",
            fix="give one of them another priority",
            place=look.place(second, theirs.pointer),
            others=(look.place(first, mine.pointer),),
            example=example,
        )


@check("overruled-policy", Severity.MEDIUM)
def overruled_policy(look: Look) -> Iterator[Finding]:
    """A rule of a NetworkPolicy allows what a rule of an earlier tier denies: it never comes to the NetworkPolicy.

    `medium` where all that the rule allows is denied before, so that it is dead; `low` where some of it is.
    """
    denied: dict[Key, tuple[Key, str]] = {}
    for side, fold in look.folds:
        for key, grants in side.added.items():
            granted = _bits(grants, fold.piece)
            for by, bits in fold.denied:
                if granted & bits and key not in denied:
                    denied[key] = by, _example(look, side, fold, granted & bits)
    alive = _alive(look, denied) if denied else set()
    for key, (by, example) in denied.items():
        _, policy, rule = look.removal.written[key]
        _, admin, denying = look.removal.written[by]
        part = key in alive
        yield Finding(
            check="overruled-policy",
            severity=Severity.LOW if part else Severity.MEDIUM,
            sentence=f"{key.direction} rule {rule.index + 1} allows what {name_of(admin)} denies before"
            + (", in part" if part else ": nothing of it is left"),
            fix="make the rule narrower, so that it says what holds" if part else "take the rule out",
            place=look.place(policy, rule.pointer),
            others=(look.place(admin, denying.pointer),),
            example=example,
        )


def _alive(look: Look, rules: dict[Key, tuple[Key, str]]) -> set[Key]:
    """Those rules of which something is not denied before."""
    found: set[Key] = set()
    for side in look.sides:
        pieces = look.folded.get(id(side), [])
        for key in side.added.keys() & rules.keys():
            for mask, who in side.added[key]:
                left = mask
                for fold in pieces:
                    denied = 0
                    for _, bits in fold.denied:
                        denied |= bits
                    if fold.piece & mask and not who & ~denied:
                        left &= ~fold.piece
                if left and who:
                    found.add(key)
    return found


@check("overruled-isolation", Severity.LOW)
def overruled_isolation(look: Look) -> Iterator[Finding]:
    """A rule of an earlier tier accepts flows into or out of pods that NetworkPolicies isolate, and none of them allows.

    That is what the Admin tier is for; the owner of the namespace should know that their isolation does not hold there.
    """
    seen: dict[Key, tuple[int, str]] = {}
    for side, fold in look.folds:
        if not side.isolated.get(NETWORK, Isolated(0, 0)).sure:
            continue
        granted = 0
        for grants in side.added.values():
            granted |= _bits(grants, fold.piece)
        for key, bits in fold.accepted:
            if bits & ~granted and key not in seen:
                seen[key] = _isolating(look, side), _example(look, side, fold, bits & ~granted)
    for key, (number, example) in seen.items():
        _, policy, rule = look.removal.written[key]
        victim = look.policies[number]
        yield Finding(
            check="overruled-isolation",
            severity=Severity.LOW,
            sentence=f"{key.direction} rule {rule.index + 1} accepts what {name_of(victim)} isolates against",
            fix="pass instead of accepting, if the namespace's own policies should decide",
            place=look.place(policy, rule.pointer),
            others=(look.place(victim),),
            example=example,
        )


def _isolating(look: Look, side: RuleSide) -> int:
    selecting = side.plane.selecting(side.classes[0])
    return next(
        n for n in selecting if look.policies[n].tier == NETWORK and side.direction in look.policies[n].isolates
    )


def _bits(grants: tuple[tuple[int, int], ...], piece: int) -> int:
    bits = 0
    for mask, who in grants:
        if mask & piece:
            bits |= who
    return bits


def _example(look: Look, side: RuleSide, fold: Fold, bits: int) -> str:
    own, other = side.classes[0], next(members(bits))
    ends = (other, own) if side.direction == INGRESS else (own, other)
    return f"{look.class_names(ends[0])[0]} -> {look.class_names(ends[1])[0]}, {look.port(fold.piece)}"
