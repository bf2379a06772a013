"""Differences of two worlds against asking both for every flow."""

from __future__ import annotations

import copy
import json
from itertools import product
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.test_intents_against_naive import addresses, unmodelled
from tests.unit.network.worlds import NAMESPACES, Maker
from thwart.lib.intervals import Address
from thwart.network._comparing_rows import State
from thwart.network._comparing_units import ADDED, BOTH, NODE, OUT, REMOVED, WORKLOAD, Unit
from thwart.network._comparing_witness import Witnesses
from thwart.network.comparing import Comparison, compare
from thwart.network.engine import Model
from thwart.network.explain import Party, judge
from thwart.network.model import World
from thwart.network.world import read_world

Object = dict[str, Any]


def world(objects: list[Object]) -> World:
    found = read_world([("w.json", json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}).encode())])
    assert found.refused == ()
    return found


def objects(random: Random) -> list[Object]:
    found = [unmodelled(one) for one in Maker(random).world()]
    for one in found:
        if one["kind"] == "Pod" and random.randrange(2):
            one["metadata"]["ownerReferences"] = [
                {"kind": "StatefulSet", "name": random.choice("st"), "controller": True}
            ]
    return found


def edited(found: list[Object], random: Random) -> list[Object]:
    """The same with a few changes: policies and pods that come, go or differ."""
    made = copy.deepcopy(found)
    maker = Maker(random)
    for _ in range(random.randrange(1, 4)):
        policies = [
            one for one in made if one["kind"] == "NetworkPolicy" and one["apiVersion"].startswith("networking")
        ]
        pods = [one for one in made if one["kind"] == "Pod"]
        kind = random.randrange(6)
        if kind == 0 and policies:
            made.remove(random.choice(policies))
        elif kind == 1:
            one = maker.network_policy(90)
            one["metadata"]["name"] = f"more{random.randrange(10**6)}"
            made.append(one)
        elif kind == 2 and policies:
            random.choice(policies)["spec"] = maker.network_policy(0)["spec"]
        elif kind == 3 and len(pods) > 1:
            made.remove(random.choice(pods))
        elif kind == 4:
            one = maker.pod(random.randrange(10, 14), 1)
            if not any(p["metadata"]["name"] == one["metadata"]["name"] for p in pods):
                made.append(one)
        elif pods:
            one = random.choice(pods)
            one["metadata"]["labels"] = maker.labels()
    random.shuffle(made)
    return made


class Both:
    """Two worlds that are asked flow by flow; joint classes are looked up, never trusted."""

    def __init__(self, old: World, new: World) -> None:
        self.found: Comparison = compare(old, new)
        self.models = Model(old), Model(new)
        self.ends: list[tuple[int, Unit | Address | str]] = []
        known = {a for w in (old, new) for e in w.endpoints for a in e.addresses}
        known |= {a for w in (old, new) for n in w.nodes for a in n.addresses}
        for number, joint in enumerate(self.found.joints):
            if joint.what == WORKLOAD:
                self.ends += [(number, unit) for unit in joint.units]
            elif joint.what == NODE:
                self.ends += [(number, unit.name.partition("/")[2]) for unit in joint.units]
            else:
                inside = [
                    a
                    for a in sorted(addresses() - known)
                    if any(v == a.version and first <= a.value <= last for v, (first, last) in joint.spans)
                ]
                self.ends += [(number, address) for address in inside[:2]]
        self.bits = [1 << number for number in range(self.found.ports.size)]

    def parties(self, end: Unit | Address | str, side: int) -> list[Party]:
        model = self.models[side]
        if isinstance(end, Unit):
            return [Party(model.partition.of_endpoint[id(one)], one) for one in (end.old, end.new)[side]]
        if isinstance(end, str):
            return [Party(model.partition.of_node[end])] if end in model.partition.of_node else []
        return [Party(model.partition.outside(end), None, end)]

    def state(self, source: Unit | Address | str, destination: Unit | Address | str, side: int) -> State | None:
        """The state of a pair of units in one world; None where there is no flow."""
        masks = {True: 0, False: 0, None: 0}
        for here, there in product(self.parties(source, side), self.parties(destination, side)):
            if source is destination and (
                here.endpoint is None or (here.endpoint is there.endpoint and here.endpoint.single)
            ):
                continue
            for bit in self.bits:
                protocol, span = self.found.ports.spans(bit)[0]
                answer = judge(self.models[side], here, there, self.models[side].ports.bit(protocol, span.first))
                masks[answer.allowed] |= bit
        return State(masks[True], masks[False], masks[None]) if any(masks.values()) else None

    def check(self) -> int:
        """Compare every pair; the number of those that changed."""
        changed = 0
        told: dict[tuple[int, int], list[Any]] = {}
        for change in self.found.changes:
            for pair in product(_members(change.sources), _members(change.destinations)):
                told.setdefault(pair, []).append(change)
        for (i, source), (j, destination) in product(self.ends, self.ends):
            if isinstance(source, Address) and isinstance(destination, Address):
                continue
            before, after = (self.state(source, destination, side) for side in (0, 1))
            stands = self.stands(source), self.stands(destination)
            changes = [one for one in told.get((i, j), []) if not (source is destination and None in (before, after))]
            if any(
                word != BOTH and isinstance(end, str) for word, end in zip(stands, (source, destination), strict=True)
            ):
                assert changes == []
            elif stands == (BOTH, BOTH):
                if before is None or after is None or before == after:
                    assert changes == [], (source, destination, before, after)
                else:
                    (one,) = changes
                    assert (one.before, one.after, one.stands) == (before, after, BOTH)
                    changed += 1
            elif source is not destination:  # flows within what came or went say nothing
                self.coming(changes, before, after)
        return changed

    @staticmethod
    def coming(changes: list[Any], before: State | None, after: State | None) -> None:
        """A pair of which one end is in one world only."""
        for state, word in ((before, REMOVED), (after, ADDED)):
            here = [one for one in changes if one.stands == word]
            assert len(here) == bool(state and (state.allow or state.unknown))
            assert [(one.before if word == REMOVED else one.after) for one in here] == [state] * len(here)

    def stands(self, end: Unit | Address | str) -> str:
        if isinstance(end, Address):
            return BOTH
        there = [bool(self.parties(end, side)) for side in (0, 1)]
        return BOTH if all(there) else REMOVED if there[0] else ADDED


def _members(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def explore(seed: int) -> int:
    random = Random(seed)
    before = objects(random)
    both = Both(world(before), world(edited(before, random)))
    witnesses = Witnesses(both.found)
    for change in both.found.changes:
        if change.stands != REMOVED:
            witness = witnesses.find(change)
            assert witness is not None
            wanted = {"opened": (True,), "closed": (False, None), "unknown": (None,)}.get(
                change.kind, (True, False, None)
            )
            assert witness.answer.allowed in wanted
    return both.check()


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_differences_are_those_of_every_flow(seed: int) -> None:
    explore(seed)


def test_random_edits_change_something() -> None:
    assert sum(explore(seed) > 0 for seed in range(30)) > 6


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_the_same_in_other_words_is_no_difference(seed: int) -> None:
    random = Random(seed)
    before = objects(random)
    after = copy.deepcopy(before)
    for one in after:
        if one["kind"] == "NetworkPolicy" and one["apiVersion"].startswith("networking"):
            reword(one["spec"], random)
            one["metadata"]["name"] += "-renamed"
    random.shuffle(after)
    assert compare(world(before), world(after)).same


def reword(spec: Object, random: Random) -> None:
    """The same policy in other words: labels as expressions, ports and blocks cut in two, rules and peers repeated."""
    chosen = spec.get("podSelector", {})
    for key, value in chosen.pop("matchLabels", {}).items():
        chosen.setdefault("matchExpressions", []).append({"key": key, "operator": "In", "values": [value]})
    for field, peers in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(field) or []:
            for port in list(rule.get("ports") or []):
                if isinstance(port.get("port"), int) and port.get("endPort", 0) > port["port"]:
                    middle = random.randrange(port["port"], port["endPort"])
                    rule["ports"].append({**port, "port": middle + 1})
                    port["endPort"] = middle
            if rule.get(peers):
                rule[peers].append(random.choice(rule[peers]))
        if spec.get(field):
            spec[field].append(copy.deepcopy(random.choice(spec[field])))


def test_a_world_is_as_it_is() -> None:
    found = world([one for one in Maker(Random(7)).world() if one["kind"] != "AuthorizationPolicy"])
    assert compare(found, found).same
    assert NAMESPACES
    assert OUT


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_rows_that_an_edit_cannot_touch_are_not_needed(seed: int) -> None:
    """Edits of policies alone, which are looked at only where they reach."""
    random = Random(seed)
    maker = Maker(random)
    kept = [one for one in objects(random) if not one["apiVersion"].startswith("crd")]
    before = [*kept, *(maker.network_policy(50 + number) for number in range(2))]
    after = copy.deepcopy(before)
    one = random.choice([one for one in after if one["kind"] == "NetworkPolicy"])
    spec = maker.network_policy(0)["spec"]
    keep = random.choice([("podSelector", "policyTypes"), ("podSelector", "policyTypes", "ingress"), ()])
    one["spec"] = {**spec, **{key: one["spec"][key] for key in keep if key in one["spec"]}}
    Both(world(before), world(after)).check()
