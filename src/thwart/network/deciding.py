"""How rules of all tiers decide: one fold over sets, in the order of evaluation, in three values.

Sources: k8s.io/api networking/v1 types.go; network-policy-api v1alpha2 clusternetworkpolicy_types.go (tiers, priority,
Accept, Deny, Pass). Admin first, then NetworkPolicy, which has the last word on pods that it isolates, then Baseline.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from thwart.network.model import ADMIN, ALLOW, BASELINE, DENY, NETWORK, PASS


class Entry(NamedTuple):
    """One rule at one destination: who it is about there (`perhaps`: may be about), and on which ports.

    `rank` orders entries: priority, then the policy's number, then the rule's.
    """

    tier: int
    rank: tuple[int, int, int]
    action: str
    mask: int
    sure: int
    perhaps: int


class Side(NamedTuple):
    """One direction at one destination: the rules, and who is denied what no NetworkPolicy allows.

    `near` are sources on the destination's own node, `perhaps_near` those that may be; NetworkPolicy never stops them.
    """

    entries: tuple[Entry, ...]
    isolated: int
    near: int
    perhaps_near: int


class Decision(NamedTuple):
    """Sources that are allowed and denied; the rest is unknown."""

    allow: int
    deny: int


def decide(side: Side, port: int, everyone: int) -> Decision:
    """Decide for all sources at once, on ports that no entry tells apart (`port` is any one of them, as a mask).

    Followed are the sources that can be allowed, denied and still undecided: with doubt one can be several of these.
    """
    if all(entry.tier == NETWORK for entry in side.entries):
        return _added(side, port, everyone)
    entries = [entry for entry in side.entries if entry.mask & port]
    allow, deny, undecided = 0, 0, everyone
    for tier in (ADMIN, NETWORK, BASELINE):
        if tier == NETWORK:
            granted = side.near
            for entry in entries:
                if entry.tier == NETWORK:
                    granted |= entry.sure
            here = undecided & side.isolated
            allow |= here & (granted | side.perhaps_near)
            deny |= here & ~granted
            undecided &= ~side.isolated
        else:
            ranked = [entry for entry in entries if entry.tier == tier]
            if ranked:
                more_allow, more_deny, undecided = _tier(ranked, undecided)
                allow |= more_allow
                deny |= more_deny
    allow |= undecided
    return Decision(allow & ~deny, deny & ~allow)


def _added(side: Side, port: int, everyone: int) -> Decision:
    """The same where there is NetworkPolicy only, which most worlds are: its rules add up."""
    granted = side.near
    for entry in side.entries:
        if entry.mask & port:
            granted |= entry.sure
    stopped = side.isolated & ~granted
    return Decision(everyone ^ stopped, stopped & ~side.perhaps_near)


def _tier(entries: list[Entry], undecided: int) -> tuple[int, int, int]:
    """Sources that can be allowed, denied and left for the next tier."""
    totals = {ALLOW: 0, DENY: 0, PASS: 0}
    for _, group in groupby(sorted(entries, key=attrgetter("rank")), key=lambda entry: entry.rank[0]):
        undecided = _priority(group, undecided, totals)
    return totals[ALLOW], totals[DENY], undecided | totals[PASS]


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
