"""Changes of Calico's and Cilium's policies: applied to the documents, and the documents read again."""

from __future__ import annotations

import copy
import json
from collections import Counter
from random import Random
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.oracle import Object
from tests.unit.network.test_calico_oracle import CalicoMaker
from tests.unit.network.test_cilium_worlds import CiliumMaker
from thwart.network.changes import Finder, Shown
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.model import World
from thwart.network.world import read_world

_CALICO = {"CalicoNetworkPolicy": "NetworkPolicy"}


def read(objects: list[Object]) -> World:
    world = read_world([("world.json", json.dumps({"kind": "List", "items": objects}).encode())])
    assert world.refused == (), world.refused
    return world


def target(objects: list[Object], edit: Shown) -> Object:
    """The object that an edit is about."""
    for one in objects:
        meta = one["metadata"]
        calico = "projectcalico" in one["apiVersion"]
        kind = f"Calico{one['kind']}" if calico and one["kind"] == "NetworkPolicy" else one["kind"]
        namespace = "" if one["kind"].startswith(("Global", "Cluster", "CiliumCluster")) else meta.get("namespace", "")
        if (kind, namespace, meta["name"]) == (edit.kind, edit.namespace, edit.name):
            return one
    assert edit.kind == "Namespace", edit
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": edit.name}})
    return objects[-1]


def at(one: Any, pointer: tuple[str | int, ...]) -> Any:
    for step in pointer:
        one = one[step]
    return one


def applied(objects: list[Object], edits: list[Shown]) -> list[Object]:
    """The documents with the edits made: what is last in its list first, so that places stay what they were."""
    made = copy.deepcopy(objects)
    order = {"add-policy": 0, "add-rule": 1, "insert-rule": 2, "remove-rule": 2, "lift-isolation": 4}
    for edit in sorted(edits, key=lambda e: (order.get(e.action, 3), -e.rule)):
        written = yaml.safe_load(edit.snippet) if edit.snippet else {}
        if edit.action == "add-policy":
            made.append(written)
            continue
        one = target(made, edit)
        if edit.action in ("set-label", "drop-label"):
            labels = one["metadata"].setdefault("labels", {})
            labels.pop(edit.key, None)
            labels.update({edit.key: edit.value} if edit.value is not None else {})
        elif edit.action == "add-rule":
            where = at(one, edit.pointer[:-1])
            where[edit.direction] = [*(where.get(edit.direction) or []), *written["spec"][edit.direction]]
        elif edit.action == "lift-isolation":
            lift(made, one, edit)
        else:
            rules = at(one, edit.pointer[:-1])
            place = int(edit.pointer[-1])
            rules[place : place + (edit.action == "remove-rule")] = written.get("spec", {}).get(edit.direction, [])
            if edit.action == "remove-rule":
                at(one, edit.pointer[:-2]).update(written.get("spec", {}))
    return made


def lift(objects: list[Object], one: Object, edit: Shown) -> None:
    spec = one["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    spec["policyTypes"] = [name for name in types if name.lower() != edit.direction]
    if edit.kind != "NetworkPolicy" or not spec["policyTypes"]:
        objects.remove(one)


def check(objects: list[Object], random: Random) -> Counter[str]:
    model = Model(read(objects))
    directory, finder = Directory(model), Finder(model)
    names = [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects if o["kind"] == "Pod"]
    counted: Counter[str] = Counter()
    for _ in range(2):
        source, destination = random.choice(names), random.choice(names)
        port = random.choice(("TCP", "UDP")), random.choice((53, 80, 443, 8080))
        found = finder.find(directory.pod(*source), directory.pod(*destination), *port)
        before = judge(model, directory.pod(*source), directory.pod(*destination), model.ports.bit(*port))
        assert found.wanted is (None if before.allowed is None else not before.allowed)
        for one in found.sets[:12]:
            edits = [found.edits[number] for number in one]
            after = Model(read(applied(objects, edits)))
            ends = [Directory(after).pod(*end) for end in (source, destination)]
            answer = judge(after, ends[0], ends[1], after.ports.bit(*port))
            assert answer.allowed is found.wanted, (source, destination, port, edits, answer)
            counted.update(f"{edit.action} {edit.kind}" for edit in edits)
    return counted


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 48))
def test_calico(seed: int) -> None:
    random = Random(seed)
    check(CalicoMaker(random).calico_world(), random)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 48))
def test_cilium(seed: int) -> None:
    random = Random(seed)
    check(CiliumMaker(random).world(), random)


def test_rules_are_written_for_every_kind() -> None:
    counted: Counter[str] = Counter()
    for seed in range(60):
        random = Random(seed)
        counted += check(CalicoMaker(random).calico_world() if seed % 2 else CiliumMaker(random).world(), random)
    for kind in ("CalicoNetworkPolicy", "GlobalNetworkPolicy", "CiliumNetworkPolicy"):
        assert counted[f"add-rule {kind}"], counted
