"""How rules of all tiers decide: one fold over sets, in the order of evaluation, in three values.

Sources: k8s.io/api networking/v1 types.go; network-policy-api v1alpha2 clusternetworkpolicy_types.go (tiers, priority,
Accept, Deny, Pass); Calico's "tiered policy" (the end of a tier denies what its policies select and did not decide).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from thwart.network.model import ADMIN, ALLOW, BASELINE, DENIALS, DENY, NETWORK, PASS, Priority, Tier

Rank = tuple[Priority, int, int]  # the policy's priority and number, the rule's index


class Entry(NamedTuple):
    """One rule at one destination: who it is about there (`perhaps`: may be about), and on which ports."""

    tier: Tier
    rank: Rank
    action: str
    mask: int
    sure: int
    perhaps: int


class Isolated(NamedTuple):
    """Sources that are denied at the end of a tier what nothing in it decided, and those that may be."""

    sure: int
    perhaps: int


class Side(NamedTuple):
    """One direction at one destination: the rules, and what happens at the end of each tier.

    `near` are sources on the destination's own node, `perhaps_near` those that may be; only the tiers in `STOPPING`
    ever stop them; in any other they are let in where a policy speaks of the destination (`speaking`, those of whom one
    does). `plain` says that only NetworkPolicy speaks.
    """

    entries: tuple[Entry, ...]
    isolated: Mapping[Tier, Isolated]
    near: int
    perhaps_near: int
    plain: bool
    speaking: Mapping[Tier, int]


class Decision(NamedTuple):
    """Sources that are allowed and denied; the rest is unknown."""

    allow: int
    deny: int


STOPPING = (ADMIN, DENIALS, BASELINE)  # tiers that bind a pod's own node
_NOBODY = Isolated(0, 0)


def decide(side: Side, port: int, everyone: int) -> Decision:
    """Decide for all sources at once, on ports that no entry tells apart (`port` is any one of them, as a mask).

    Followed are the sources that can be allowed, denied and still undecided: with doubt one can be several of these.
    """
    if side.plain:
        return _added(side, port, everyone)
    totals = {ALLOW: 0, DENY: 0, PASS: 0}
    tiers: dict[Tier, list[Entry]] = {tier: [] for tier in (*side.isolated, *side.speaking)}
    for entry in side.entries:
        if entry.mask & port:
            tiers.setdefault(entry.tier, []).append(entry)
    undecided = everyone
    for tier in sorted(tiers):
        if not undecided:
            break
        stopped = side.isolated.get(tier, _NOBODY)
        if tier not in STOPPING and (side.near | side.perhaps_near):
            at = undecided & side.speaking.get(tier, 0)
            totals[ALLOW] |= at & (side.near | side.perhaps_near)
            undecided &= ~(at & side.near)
        undecided = _tier(tiers[tier], undecided, stopped, totals)
    allow, deny = totals[ALLOW] | undecided, totals[DENY]
    return Decision(allow & ~deny, deny & ~allow)


def _added(side: Side, port: int, everyone: int) -> Decision:
    """The same where there is NetworkPolicy only, which most worlds are: its rules add up."""
    granted = side.near
    for entry in side.entries:
        if entry.mask & port:
            granted |= entry.sure
    stopped = side.isolated.get(NETWORK, _NOBODY).sure & ~granted
    return Decision(everyone ^ stopped, stopped & ~side.perhaps_near)


def _tier(entries: list[Entry], undecided: int, stopped: Isolated, totals: dict[str, int]) -> int:
    """Add what one tier can allow and deny; the sources that can be left for the next one."""
    totals[PASS] = 0
    for _, group in groupby(sorted(entries, key=attrgetter("rank")), key=lambda entry: entry.rank[0]):
        undecided = _priority(group, undecided, totals)
    totals[DENY] |= undecided & (stopped.sure | stopped.perhaps)
    return undecided & ~stopped.sure | totals[PASS]


def _priority(group: Iterable[Entry], undecided: int, totals: dict[str, int]) -> int:
    """Policies of one priority: any that matches may win, as which of them does is not defined; what none need match is left."""
    left = undecided
    for _, entries in groupby(group, key=lambda entry: entry.rank[1]):
        at = undecided
        for entry in entries:
            totals[entry.action] |= at & (entry.sure | entry.perhaps)
            at &= ~entry.sure
        left &= at
    return left


def cells(masks: Iterable[int], whole: int) -> list[int]:
    """`whole` cut by masks: disjoint pieces, each inside or outside every mask."""
    pieces = [whole]
    for mask in masks:
        pieces = [part for piece in pieces for part in (piece & mask, piece & ~mask) if part]
    return pieces
