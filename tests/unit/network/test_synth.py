"""Synthesis over random worlds: exactly the flows that were given, proved twice, and nothing that could go."""

from __future__ import annotations

import copy
import json
from itertools import product
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.worlds import NAMESPACES, OUTSIDE, PORTS, PROTOCOLS, Maker, Object
from thwart.lib.intervals import Block
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.flowlogs import End, FlowRecord
from thwart.network.model import EGRESS, INGRESS, World
from thwart.network.synthesis.asking import Options, Ports, Request, minus, port_set
from thwart.network.synthesis.ends import Gazetteer
from thwart.network.synthesis.labels import VOLATILE
from thwart.network.synthesis.learning import Learner
from thwart.network.synthesis.making import Synthesis, dialects, synthesise
from thwart.network.synthesis.planning import blocks_of_spans, widen
from thwart.network.synthesis.services import Backends
from thwart.network.world import read_world

ELSEWHERE = list(product(PROTOCOLS, (*PORTS, 54, 8082)))
Flow = tuple[Object | str, Object | str, str, int]


def listed(objects: list[Object]) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode()


def things(random: Random) -> list[Object]:
    """Namespaces, nodes and pods of a random world, without its policies."""
    return [one for one in Maker(random).world() if one["kind"] in ("Namespace", "Node", "Pod")]


def on_host(pod: Object) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def key(end: Object | str) -> object:
    """What policies can tell of an end."""
    if isinstance(end, str):
        return end
    labels = {k: v for k, v in end["metadata"]["labels"].items() if k not in VOLATILE}
    return end["metadata"]["namespace"], frozenset(labels.items())


def recorded(end: Object | str, salt: int) -> End:
    """An end as some recorder knows it: by address, by name, or by labels only where these tell it apart."""
    if isinstance(end, str):
        return End(ip=end)
    meta, addresses = end["metadata"], end["status"]["podIPs"]
    way = Random(f"{salt} {meta['name']}").randrange(4)
    if way == 0 and addresses and not on_host(end):
        return End(ip=addresses[-1]["ip"])
    if way == 1 and meta["labels"] and not on_host(end):
        return End(namespace=meta["namespace"], labels=tuple(meta["labels"].items()))
    return End(namespace=meta["namespace"], pod=meta["name"])


def every_end(pods: list[Object]) -> list[Object | str]:
    return [*pods, *OUTSIDE]


def some_flows(objects: list[Object], random: Random) -> list[Flow]:
    pods = [one for one in objects if one["kind"] == "Pod" and not on_host(one)]
    flows: list[Flow] = []
    for _ in range(random.randrange(1, 9)):
        ends = [random.choice(every_end(pods)[: len(pods)]), random.choice([*pods, *every_end(pods)])]
        random.shuffle(ends)
        flows.append((ends[0], ends[1], random.choice(PROTOCOLS), random.choice(PORTS)))
    return flows


def learnt(world: World, flows: list[Flow], salt: int) -> Request:
    request = Request()
    backends = Backends(world)
    records = [
        FlowRecord(source=recorded(a, salt), destination=recorded(b, salt), protocol=protocol, port=port)
        for a, b, protocol, port in flows
    ]
    Learner(Gazetteer(world), backends, request).learn(records)
    return request


def made(objects: list[Object], flows: list[Flow], salt: int, **options: Any) -> Synthesis:
    world = read_world([("w.json", listed(objects))])
    return synthesise(world, learnt(world, flows, salt), Options(**options))


def asked_again(objects: list[Object], documents: list[Object]) -> tuple[Model, Directory]:
    """A fresh model of the world with the policies, by way of their text."""
    text = yaml.safe_dump_all(documents)
    world = read_world([("w.json", listed(objects)), ("p.yaml", text.encode())])
    assert world.refused == ()
    model = Model(world)
    return model, Directory(model)


def party(directory: Directory, end: Object | str) -> Any:
    if isinstance(end, str):
        return directory.ip(end)
    return directory.pod(end["metadata"]["namespace"], end["metadata"]["name"])


def allowed(model: Model, directory: Directory, flow: Flow) -> bool | None:
    source, destination, protocol, port = flow
    bit = model.ports.bit(protocol, port)
    return judge(model, party(directory, source), party(directory, destination), bit).allowed


@settings(max_examples=40)
@given(st.integers(min_value=0, max_value=1 << 40), st.sampled_from(["kubernetes", "kubernetes", "cilium", "calico"]))
def test_exactly_the_flows_that_were_given(seed: int, dialect: str) -> None:
    random = Random(seed)
    objects = things(random)
    pods = [one for one in objects if one["kind"] == "Pod" and not on_host(one)]
    if not pods:
        return
    flows = [flow for flow in some_flows(objects, random) if flow[0] is not flow[1]]
    wanted = {(key(a), key(b), protocol, port) for a, b, protocol, port in flows}
    if not wanted:
        return
    found = made(objects, flows, seed, dialect=dialect)
    assert found.proof.holds, found.proof
    assert not found.proof.widened
    model, directory = asked_again(objects, list(yaml.safe_load_all(found.text)))
    for a, b in product(every_end(pods), repeat=2):
        if isinstance(a, str) and isinstance(b, str):
            continue
        for protocol, port in {*(flow[2:] for flow in flows), *random.sample(ELSEWHERE, 5)}:
            answer = allowed(model, directory, (a, b, protocol, port))
            assert answer is (a is b or (key(a), key(b), protocol, port) in wanted), (a, b, protocol, port)


def pruned(documents: list[Object]) -> list[list[Object]]:
    """Every way to take one peer or one port out of one rule, or the rule itself when it has no other."""
    ways = []
    for number, document in enumerate(documents):
        for direction, field in ((INGRESS, "from"), (EGRESS, "to")):
            for index, rule in enumerate(document["spec"].get(direction, [])):
                for part in (field, "ports"):
                    for at in range(len(rule.get(part, []))):
                        changed = copy.deepcopy(documents)
                        rules = changed[number]["spec"][direction]
                        del rules[index][part][at]
                        if not rules[index][part]:
                            del rules[index]
                        ways.append(changed)
    return ways


@settings(max_examples=12)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_nothing_could_go_without_losing_a_flow(seed: int) -> None:
    random = Random(seed)
    objects = things(random)
    if all(one["kind"] != "Pod" or on_host(one) for one in objects):
        return
    flows = [flow for flow in some_flows(objects, random) if flow[0] is not flow[1]]
    if not flows:
        return
    found = made(objects, flows, seed)
    documents = list(yaml.safe_load_all(found.text))
    for fewer in pruned(documents):
        model, directory = asked_again(objects, fewer)
        assert not all(allowed(model, directory, flow) for flow in flows)


@settings(max_examples=25)
@given(st.integers(min_value=0, max_value=1 << 40), st.sampled_from(["labels", "workload", "namespace"]))
def test_generalised_policies_are_proved_and_lose_nothing(seed: int, how: str) -> None:
    random = Random(seed)
    objects = things(random)
    if all(one["kind"] != "Pod" or on_host(one) for one in objects):
        return
    flows = [flow for flow in some_flows(objects, random) if flow[0] is not flow[1]]
    if not flows:
        return
    found = made(objects, flows, seed, generalize=how, prefixes=((4, 16), (6, 32)))
    assert found.proof.holds, found.proof
    model, directory = asked_again(objects, list(yaml.safe_load_all(found.text)))
    assert all(allowed(model, directory, flow) for flow in flows)
    if how != "namespace":
        # pods that stand alone are not widened, addresses may be
        assert all("/Pod/" not in one.source or "/Pod/" not in one.destination for one in found.proof.widened)


@settings(max_examples=20)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_the_same_input_in_any_order_gives_the_same_bytes(seed: int) -> None:
    random = Random(seed)
    objects = things(random)
    if all(one["kind"] != "Pod" or on_host(one) for one in objects):
        return
    flows = [flow for flow in some_flows(objects, random) if flow[0] is not flow[1]]
    if not flows:
        return
    first = made(objects, flows, seed)
    random.shuffle(objects)
    random.shuffle(flows)
    assert made(objects, flows, seed).text == first.text


@settings(max_examples=30)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_existing_policies_are_kept_and_only_what_lacks_is_added(seed: int) -> None:
    """Whatever stands already: flows that it does not forbid for good become possible, and nothing else opens."""
    random = Random(seed)
    apis = ("v1", "networking.k8s.io/v1", "policy.networking.k8s.io/v1alpha2")
    objects = [one for one in Maker(random).world() if one["apiVersion"] in apis]
    pods = [one for one in objects if one["kind"] == "Pod" and not on_host(one)]
    if not pods:
        return
    flows = [flow for flow in some_flows(objects, random) if flow[0] is not flow[1]]
    if not flows:
        return
    found = made(objects, flows, seed, keep_existing=True)
    cluster = any(one["kind"] == "ClusterNetworkPolicy" for one in objects)  # these may forbid a flow for good
    assert found.proof.holds or (cluster and not found.proof.extra), found.proof
    before, there = asked_again(objects, [])
    after, here = asked_again(objects, list(yaml.safe_load_all(found.text)))
    wanted = {(key(a), key(b), protocol, port) for a, b, protocol, port in flows}
    for a, b in product(pods, repeat=2):
        for protocol, port in {*(flow[2:] for flow in flows), *random.sample(ELSEWHERE, 5)}:
            flow = (a, b, protocol, port)
            if allowed(after, here, flow):
                assert a is b or (key(a), key(b), protocol, port) in wanted or allowed(before, there, flow)
    if found.proof.holds:
        assert all(allowed(after, here, flow) for flow in flows)


def test_a_damaged_policy_fails_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof looks at what was written: a dialect that writes something else is found out."""
    from thwart.network.synthesis.dialects import MEMBERS, kubernetes

    random = Random(3)
    objects = things(random)
    pods = [one for one in objects if one["kind"] == "Pod" and not on_host(one)]
    a, b = next((a, b) for a, b in product(pods, pods) if key(a) != key(b))
    good = MEMBERS.load()["kubernetes"]
    assert good is kubernetes.kubernetes

    def wider(draft: Any) -> Object:
        found = good(draft)
        for rule in found["spec"].get("ingress", []):  # type: ignore[attr-defined]
            rule.pop("ports", None)
        for rule in found["spec"].get("egress", []):  # type: ignore[attr-defined]
            rule.pop("ports", None)
        return found

    def narrower(draft: Any) -> Object:
        found = good(draft)
        found["spec"].pop("egress", None)  # type: ignore[attr-defined]
        return found

    monkeypatch.setitem(MEMBERS._members, "kubernetes", wider)
    assert made(objects, [(a, b, "TCP", 80)], 3).proof.extra
    monkeypatch.setitem(MEMBERS._members, "kubernetes", narrower)
    assert made(objects, [(a, b, "TCP", 80)], 3).proof.missing


def test_a_missing_default_deny_fails_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    from thwart.network.synthesis.drafting import Drafter

    random = Random(3)
    objects = things(random)
    pods = [one for one in objects if one["kind"] == "Pod" and not on_host(one)]
    a, b = next((a, b) for a, b in product(pods, pods) if key(a) != key(b))
    real = Drafter.draft
    monkeypatch.setattr(Drafter, "draft", lambda self, plan: [d for d in real(self, plan) if d.ingress or d.egress])
    assert made(objects, [(a, b, "TCP", 80)], 3).proof.extra


@settings(max_examples=25)
@given(st.integers(min_value=0, max_value=1 << 40), st.sampled_from([(INGRESS,), (EGRESS,), (INGRESS, EGRESS)]))
def test_only_what_is_asked_is_isolated(seed: int, directions: tuple[str, ...]) -> None:
    random = Random(seed)
    objects = things(random)
    pods = [one for one in objects if one["kind"] == "Pod" and not on_host(one)]
    flows = [flow for flow in some_flows(objects, random) if flow[0] is not flow[1]] if pods else []
    if not flows:
        return
    options = {"directions": frozenset(directions), "default_deny": random.random() < 0.5}
    found = made(objects, flows, seed, **options, namespaces=frozenset(NAMESPACES[:2]))
    assert found.proof.holds, found.proof
    for document in yaml.safe_load_all(found.text) if found.text else ():
        assert document["metadata"]["namespace"] in NAMESPACES[:2]
        assert {one.lower() for one in document["spec"]["policyTypes"]} <= set(directions)


def test_minus_and_port_sets_are_exact() -> None:
    ports = port_set([Ports("UDP", 53, 53), Ports("TCP", 80, 80), Ports("TCP", 81, 90), Ports("TCP", 85, 100)])
    assert ports == (Ports("TCP", 80, 100), Ports("UDP", 53, 53))
    assert minus(ports, [Ports("TCP", 85, 86), Ports("UDP", 1, 99)]) == (Ports("TCP", 80, 84), Ports("TCP", 87, 100))


def block(first: int, last: int) -> Block:
    return Block(4, first, last)


@given(
    st.lists(st.integers(0, 255), min_size=1, max_size=8), st.lists(st.integers(0, 255), max_size=4), st.integers(0, 6)
)
def test_blocks_hold_what_was_given_and_no_stranger(given_: list[int], avoided: list[int], free: int) -> None:
    found = widen([block(one, one) for one in given_], free, sorted(avoided))
    held = {value for one in found for value in range(one.first, one.last + 1)}
    assert set(given_) <= held
    assert not (set(avoided) - set(given_)) & held
    assert all(any(one >> free == value >> free for one in given_) for value in held)
    assert all(one.first % (one.last - one.first + 1) == 0 for one in found)
    if free == 0:
        assert held == set(given_)


def test_spans_become_the_fewest_blocks() -> None:
    from thwart.lib.intervals import Span

    assert blocks_of_spans(4, [Span(1, 6)]) == [block(1, 1), block(2, 3), block(4, 5), block(6, 6)]
    assert blocks_of_spans(4, [Span(0, (1 << 32) - 1)]) == [block(0, (1 << 32) - 1)]


def test_the_dialects() -> None:
    assert dialects() == ["calico", "cilium", "kubernetes"]
