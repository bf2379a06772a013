"""A request in, policies with their proof out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from thwart.core.errors import UsageError
from thwart.lib.bitsets import members
from thwart.network.engine import Model
from thwart.network.model import EGRESS, INGRESS, Policy, World
from thwart.network.synthesis import yaml
from thwart.network.synthesis.asking import Options, Pods, Ports, Request, matches_of
from thwart.network.synthesis.dialects import MEMBERS, Object
from thwart.network.synthesis.drafting import Draft, Drafter
from thwart.network.synthesis.planning import Land, Plan, Side, generalised, plan_of
from thwart.network.synthesis.proving import Proof, Prover, read_back

_DNS_PORTS = (53, 5353)  # OpenShift's resolvers listen on the second


class Synthesis(Struct, frozen=True, kw_only=True):
    """Policies and their proof. `documents` are the objects, `text` the same as YAML.

    `together` are pods of different workloads that no stable label tells apart: what is allowed to one is allowed to
    all. `left` are existing policies that the new ones do not take into account. `nameless` are workloads that may
    connect to something, but not to any port on which names are resolved.
    """

    drafts: tuple[Draft, ...]
    documents: tuple[Object, ...]
    text: str
    proof: Proof
    request: Request
    together: tuple[tuple[str, tuple[str, ...]], ...]
    left: tuple[str, ...]
    nameless: tuple[str, ...]


def dialects() -> list[str]:
    """The names of all dialects."""
    return MEMBERS.names()


def synthesise(world: World, request: Request, options: Options) -> Synthesis:
    """The least policies that allow what is asked for.

    Args:
        world: what was read; its policies count when existing ones are kept.
        request: what is asked for.
        options: how.

    Raises:
        UsageError: there is no such dialect.
        Unreadable: the policies do not read back: a name that no API server takes, or a kind that is not modelled.
    """
    write = MEMBERS.get(options.dialect)
    if write is None:
        raise UsageError(f"there is no dialect {options.dialect}", f"one of {', '.join(dialects())}")
    land = Land(world, request, options)
    exact = plan_of(request.edges, land, options)
    taken = [*land.known(), *(address for node in world.nodes for address in node.addresses)]
    wide = generalised(exact, land, options, taken)
    needed = _needed(wide, world, land, options) if options.keep_existing else wide
    existing = {(policy.namespace, policy.name) for policy in world.policies} if options.keep_existing else set()
    drafts = Drafter(land, options, existing).draft(needed)
    documents = [write(draft) for draft in drafts]
    text = "---\n".join(f"# {_safe(d.about)}\n{yaml.document(o)}" for d, o in zip(drafts, documents, strict=True))
    policies = read_back(text, land, world)
    proof = Prover(world, land, (exact, wide), policies, options).prove(policies, exact, wide)
    return Synthesis(
        drafts=tuple(drafts),
        documents=tuple(documents),
        text=text,
        proof=proof,
        request=request,
        together=_together(land, exact),
        nameless=_nameless(land, exact),
        left=() if options.keep_existing else _left(world.policies, drafts),
    )


def _needed(plan: Plan, world: World, land: Land, options: Options) -> Plan:
    """Without what the existing policies allow already, side by side."""
    found = {}
    for direction, field in ((INGRESS, "ingress"), (EGRESS, "egress")):
        other = EGRESS if direction == INGRESS else INGRESS
        alone = replace(world, policies=tuple(_only(policy, other) for policy in world.policies))
        prover = Prover(alone, land, (plan,), (), replace(options, directions=options.directions - {other}))
        found[field] = _not_allowed(plan.side(direction), prover, direction)
    return Plan(**found)


def _only(policy: Policy, without: str) -> Policy:
    """A policy without a direction."""
    empty: dict[str, tuple[()]] = {without: ()}
    return replace(policy, isolates=policy.isolates - {without}, **empty)


def _not_allowed(side: Side, prover: Prover, direction: str) -> Side:
    model = prover.floor
    rows: dict[int, list[tuple[int, int]]] = {}
    found: Side = {}
    for pods, peers in side.items():
        own = prover.bits(pods)
        for peer, ports in peers.items():
            sources, destinations = (prover.bits(peer), own) if direction == INGRESS else (own, prover.bits(peer))
            left = {one for one in ports if not _allowed(model, rows, sources, destinations, one)}
            if left:
                found.setdefault(pods, {})[peer] = left
    return found


def _allowed(
    model: Model, rows: dict[int, list[tuple[int, int]]], sources: int, destinations: int, ports: Ports
) -> bool:
    mask = model.ports.mask(matches_of((ports,)), model.classes[0])
    for destination in members(destinations):
        row = rows.get(destination)
        if row is None:
            row = rows[destination] = [(cell.ports, cell.allow) for cell in model.row(destination)]
        if any(cell & mask and sources & ~allow for cell, allow in row):
            return False
    return bool(destinations)


def _together(land: Land, plan: Plan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    asked: set[Pods] = set()
    for side in (plan.ingress, plan.egress):
        for pods, peers in side.items():
            asked.add(pods)
            asked.update(peer for peer in peers if isinstance(peer, Pods))
    found = []
    for pods in sorted(asked):
        unit = land.units.get(pods)
        if unit is not None and len(unit.workloads) > 1:
            found.append((pods.namespace, unit.workloads))
    return tuple(found)


def _nameless(land: Land, plan: Plan) -> tuple[str, ...]:
    found = []
    for pods, peers in sorted(plan.egress.items()):
        asked = [one for ports in peers.values() for one in ports]
        if not any(one.first <= number <= one.last for one in asked for number in _DNS_PORTS):
            found += [f"{pods.namespace}/{workload}" for workload in land.units[pods].workloads]
    return tuple(found)


def _left(policies: Sequence[Policy], drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Existing policies that stay when the new ones are applied, and are not replaced by one of the same name."""
    replaced = {(draft.namespace, draft.name) for draft in drafts}
    return tuple(
        f"{policy.kind} {policy.namespace + '/' if policy.namespace else ''}{policy.name}"
        for policy in policies
        if (policy.namespace, policy.name) not in replaced
    )


def _safe(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:300]
