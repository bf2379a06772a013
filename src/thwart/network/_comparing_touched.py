"""Where an edit of policies can be seen: with the same pods and nodes on both sides, most rows need no look."""

from __future__ import annotations

from typing import NamedTuple

from thwart.network.engine import Model
from thwart.network.model import EGRESS, INGRESS, Peer, Policy, Priority, Rule, Tier, World


class _Content(NamedTuple):
    """What a policy says, without where it stands."""

    tier: Tier
    priority: Priority
    layer: int
    subject: Peer
    isolates: frozenset[str]
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]


def touched(old: Model, new: Model) -> int | None:
    """The classes whose rows can differ, if both models have the same classes; None where every row must be looked at."""
    if not _same_surroundings(old.world, new.world) or len(old.classes) != len(new.classes):
        return None
    before, after = _contents(old.world), _contents(new.world)
    if before is None or after is None:
        return None
    names = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    found = 0
    for name in names:
        here, there = before.get(name), after.get(name)
        if _stops(here) != _stops(there):
            return None  # who may send at all has changed, wherever it goes
    for model in (old, new):
        for number, policy in enumerate(model.world.policies):
            if _name(policy) in names:
                found |= _reach(model, number, policy)
    return found


def _same_surroundings(old: World, new: World) -> bool:
    return (
        not (old.unmodelled or new.unmodelled)
        and old.namespaces == new.namespaces
        and old.nodes == new.nodes
        and old.endpoints == new.endpoints
    )


def _name(policy: Policy) -> tuple[str, str, str]:
    return policy.kind, policy.namespace, policy.name


def _contents(world: World) -> dict[tuple[str, str, str], list[_Content]] | None:
    """What each policy says; one object may be several policies. None where something in one is not modelled."""
    found: dict[tuple[str, str, str], list[_Content]] = {}
    for policy in world.policies:
        if policy.doubts:
            return None
        if policy.kind:  # the policy that only cuts classes says nothing
            content = _Content(
                policy.tier,
                policy.priority,
                policy.layer,
                policy.subject,
                policy.isolates,
                policy.ingress,
                policy.egress,
            )
            found.setdefault(_name(policy), []).append(content)
    return found


def _stops(contents: list[_Content] | None) -> list[tuple[Tier, int, Peer]]:
    """Whom policies keep from sending."""
    return [(one.tier, one.layer, one.subject) for one in contents or () if EGRESS in one.isolates]


def _reach(model: Model, number: int, policy: Policy) -> int:
    """The destinations that a policy has a say about: whom it selects, and whom its egress rules are about."""
    found = 0
    for plane in model.planes.values():
        if policy.ingress or INGRESS in policy.isolates:
            found |= plane.subjects[number] | plane.perhaps_subjects[number]
        for applied in plane.egress[number]:
            found |= applied.sure | applied.perhaps
    return found
