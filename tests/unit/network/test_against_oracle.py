"""The engine and a slow oracle, written apart from each other, over random worlds: every flow must agree."""

from __future__ import annotations

import json
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.oracle import Object, Oracle, host
from tests.unit.network.worlds import OUTSIDE, PORTS, PROTOCOLS, Maker
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, judge
from thwart.network.mapping import build_map
from thwart.network.world import read_world


def check(objects: list[Object], sample: Random) -> int:
    """Compare a sample of flows three ways: oracle, point query, rows and map; the number compared."""
    document = {"apiVersion": "v1", "kind": "List", "items": objects}
    world = read_world([("world.json", json.dumps(document).encode())])
    assert world.refused == ()
    model, oracle = Model(world), Oracle(objects)
    directory = Directory(model)
    found = build_map(model)
    ends: list[tuple[Object | str, Party]] = [
        (pod, directory.pod(pod["metadata"]["namespace"], pod["metadata"]["name"])) for pod in oracle.pods
    ]
    nodes = [node["status"]["addresses"][0]["address"] for node in oracle.nodes]
    ends += [(ip, directory.ip(ip)) for ip in (*OUTSIDE, *nodes)]
    compared = 0
    for (here, source), (there, destination) in product(ends, ends):
        if isinstance(here, str) and isinstance(there, str):
            continue
        if isinstance(there, str) and there in nodes:
            continue  # nodes as destinations: only node peers speak of them
        for protocol in PROTOCOLS:
            port = sample.choice([*PORTS, sample.randrange(1, 65536)])
            expected = oracle.flow(here, there, protocol, port)
            bit = model.ports.bit(protocol, port)
            wanted = None if len(expected) > 1 else expected == {True}
            answer = judge(model, source, destination, bit)
            assert answer.allowed is wanted, (here, there, protocol, port, answer)
            if isinstance(here, str) or isinstance(there, str) or here is not there:
                compare_rows(model, source, destination, bit, wanted, oracle, here, there)
            compared += 1
    assert all(connection.ports for connection in found.connections)
    return compared


def compare_rows(
    model: Model,
    source: Party,
    destination: Party,
    bit: int,
    wanted: bool | None,
    oracle: Oracle,
    here: Object | str,
    there: Object | str,
) -> None:
    if any(isinstance(end, str) and oracle.node_of(end) for end in (here, there)):
        return
    (cell,) = (cell for cell in model.row(destination.number) if cell.ports & bit)
    allow, deny = cell.allow >> source.number & 1, cell.deny >> source.number & 1
    assert (allow, deny) == (wanted is True, wanted is False), (here, there, bit, cell)


@settings(max_examples=120)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_flow_agrees_with_the_oracle(seed: int) -> None:
    random = Random(seed)
    assert check(Maker(random).world(), random) > 0


def test_the_worlds_are_worth_asking() -> None:
    """Random worlds that allow everything or nothing would prove little."""
    seen = {True: 0, False: 0, None: 0}
    hosts = 0
    for seed in range(40):
        random = Random(seed)
        objects = Maker(random).world()
        oracle = Oracle(objects)
        hosts += sum(map(host, oracle.pods))
        for here, there in product(oracle.pods, oracle.pods):
            outcome = oracle.flow(here, there, "TCP", 80)
            seen[None if len(outcome) > 1 else outcome == {True}] += 1
    assert min(seen.values()) > 20
    assert hosts > 5
