"""Intents against a model: every row that is needed is worked out once, and all claims look at it as sets of sources.

A claim is asked class by class: all members of a class meet the same policies, so that who is meant matters only for
counting, and where a class meets itself (a pod has no flow to itself).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from thwart.core.finding import Diagnostic
from thwart.lib.bitsets import members
from thwart.network.engine import Model
from thwart.network.intents._judges import Table, judge_for
from thwart.network.intents._rows import Row
from thwart.network.intents._witness import breach
from thwart.network.intents.ends import Ends
from thwart.network.intents.form import Intent
from thwart.network.intents.meaning import Claim, Meaning, mean, parties, port_names, wants_dns
from thwart.network.intents.outcome import BROKEN, EMPTY, HELD, UNKNOWN, Outcome, Tally, Verdict
from thwart.network.model import NAME_LABEL, Endpoint, Namespace, World

DNS_NAMESPACE, DNS_LABELS = "kube-system", {"k8s-app": "kube-dns"}
_ASSUMED = "no pod of kube-system is labelled k8s-app=kube-dns: one is assumed, with no policy but those that were read"


def verify(model: Model, intents: Sequence[Intent], unread: Iterable[Diagnostic] = ()) -> Verdict:
    """What becomes of each intent.

    Intents about the cluster's DNS, where nothing that answers was read, are checked with a DNS pod added.
    """
    aside = [intent for intent in intents if wants_dns(intent)] if not _has_dns(model.world) else []
    known: dict[str, Outcome] = {}
    if aside:
        for outcome in _check(Model(_with_dns(model.world)), aside):
            known[outcome.intent.name] = msgspec.structs.replace(outcome, notes=(*outcome.notes, _ASSUMED))
    for outcome in _check(model, [intent for intent in intents if intent.name not in known]):
        known[outcome.intent.name] = outcome
    return Verdict(outcomes=tuple(known[intent.name] for intent in intents), unread=tuple(unread))


def _has_dns(world: World) -> bool:
    return any(e.namespace == DNS_NAMESPACE and e.labels.get("k8s-app") == "kube-dns" for e in world.endpoints)


def _with_dns(world: World) -> World:
    pod = Endpoint(
        namespace=DNS_NAMESPACE, kind="Deployment", name="kube-dns", workload="Deployment/kube-dns", labels=DNS_LABELS
    )
    namespaces = dict(world.namespaces)
    here = {NAME_LABEL: DNS_NAMESPACE}
    namespaces.setdefault(DNS_NAMESPACE, Namespace(name=DNS_NAMESPACE, labels=here, stated=False))
    endpoints = sorted([*world.endpoints, pod], key=lambda e: (e.namespace, e.workload, e.name))
    return msgspec.structs.replace(world, namespaces=namespaces, endpoints=tuple(endpoints))


def _check(model: Model, intents: Sequence[Intent]) -> list[Outcome]:
    if not intents:
        return []
    spoken = [party for intent in intents for party in parties(intent)]
    ends = Ends(model, spoken, {name for intent in intents for name in port_names(intent)})
    meanings = [mean(intent, ends) for intent in intents]
    tallies = iter(tally_all(ends, [claim for meaning in meanings for claim in meaning.claims]))
    return [_outcome(ends, meaning, [next(tallies) for _ in meaning.claims]) for meaning in meanings]


def tally_all(ends: Ends, claims: Iterable[Claim]) -> list[Tally]:
    """How each claim fares."""
    model, table = ends.model, Table(ends)
    judges = [judge_for(claim, table) for claim in claims]
    at: list[list[int]] = [[] for _ in model.classes]
    for number, judge in enumerate(judges):
        for one in members(ends.lift(judge.claim.destinations)):
            at[one].append(number)
    everyone = (1 << len(model.classes)) - 1
    for destination, asking in enumerate(at):
        if asking:
            row = Row(model.row(destination), everyone)
            for number in asking:
                judges[number].look(destination, row)
    return [judge.tally() for judge in judges]


def _outcome(ends: Ends, meaning: Meaning, tallies: list[Tally]) -> Outcome:
    intent = meaning.intent
    empty = [sentence for _, sentence in meaning.empty]
    if not empty and not any(_asks(ends, tally.claim) for tally in tallies):
        empty = ["there is no connection that it could be about"]
    for status, bad in ((BROKEN, [t for t in tallies if t.broken]), (UNKNOWN, [t for t in tallies if t.doubtful])):
        if bad and not (empty and not intent.may_be_empty):
            first = bad[0]
            alike = [tally for tally in bad if tally.unit == first.unit]
            count = sum(tally.broken if status == BROKEN else tally.doubtful for tally in alike)
            found = breach(ends, first)
            return Outcome(intent=intent, status=status, count=count, unit=first.unit, breach=found, notes=tuple(empty))
    return Outcome(intent=intent, status=EMPTY if empty and not intent.may_be_empty else HELD, notes=tuple(empty))


def _asks(ends: Ends, claim: Claim) -> bool:
    """Whether there is any flow that a claim is about."""
    sources, destinations = claim.sources, claim.destinations
    inside_from, inside_to = sources & ~ends.outside, destinations & ~ends.outside
    if (sources & ends.outside and inside_to) or (destinations & ends.outside and inside_from):
        return True
    if not (inside_from and inside_to):
        return False
    if inside_from != inside_to or inside_from & (inside_from - 1):
        return True
    end = ends.ends[inside_from.bit_length() - 1]
    return end.size > 1 or not end.singles
