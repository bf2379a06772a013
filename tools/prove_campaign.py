"""Random worlds, three ways: the engine, the slow oracles of the tests, and packet filters in the real kernel.

    python -m tools.prove_campaign --worlds 1500 --seed 0 --jobs 2 --kinds kubernetes,calico,cilium

Every world is compiled to nftables from its policies and loaded; connections between its pods, hosts and addresses outside
are made for real. The lab is built once: its boxes have every address that a random pod can have. Needs root and nft.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tests.unit.network import oracle
from tests.unit.network.test_calico_oracle import CalicoMaker, CalicoOracle
from tests.unit.network.test_cilium_oracle import CiliumOracle
from tests.unit.network.test_cilium_worlds import CiliumMaker
from tests.unit.network.worlds import OUTSIDE, Maker, Object

from thwart.api.net._lab import Lab, LabError
from thwart.api.net._lab_probes import SILENT, YES, End, Knock, Prober
from thwart.api.net.prove import services_in_use
from thwart.lib.intervals import Address, parse_address
from thwart.network.enforcement import Options, compile_world, write_text
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.model import Answer
from thwart.network.world import read_world

MOST_PODS = 8
KINDS = ("kubernetes", "calico", "cilium")
EACH = 6  # connections tried between two ends
FOUR = ("10.1.2.{}", "10.1.9.{}", "10.9.9.{}")
SIX = ("2001:db8:1::{:x}", "2001:db8:2::{:x}", "fd00::{:x}")
NODES = {"n1": "192.168.0.1", "n2": "192.168.0.2"}
LONELY = "192.168.0.{}"  # hosts of which nobody says which node they are


@dataclass
class Tally:
    """What a campaign found. `answers` counts what the engine says; `wrong` are sentences."""

    worlds: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    kernel: Counter[str] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.worlds += other.worlds
        self.answers += other.answers
        self.kernel += other.kernel
        self.protocols += other.protocols
        self.wrong += other.wrong


class Place(NamedTuple):
    """One end of connections: in the lab, and as the oracle knows it."""

    end: End
    known: oracle.End
    pod: bool


def own(number: int) -> list[Address]:
    return [parse_address(form.format(number + 3)) for form in (*FOUR, *SIX)]


def boxes() -> list[list[Address]]:
    """One for each pod, one for all hosts, one for everything outside."""
    hosts = [*NODES.values(), *(LONELY.format(100 + number) for number in range(MOST_PODS))]
    return [*map(own, range(MOST_PODS)), list(map(parse_address, hosts)), list(map(parse_address, OUTSIDE))]


def placed(objects: list[Object], random: Random) -> list[Object]:
    """The same world with an address for every pod."""
    dual = random.random() < 0.5
    pods = (one for one in objects if one["kind"] == "Pod")
    for number, pod in enumerate(pods):
        status = pod.setdefault("status", {})
        if pod["spec"].get("hostNetwork"):
            ip = NODES.get(pod["spec"].get("nodeName", ""), LONELY.format(100 + number))
            status["podIPs"] = [{"ip": ip}]
        elif not status.get("podIPs"):
            forms = (random.choice(FOUR), *((random.choice(SIX),) if dual else ()))
            status["podIPs"] = [{"ip": form.format(number + 3)} for form in forms]
    return objects


def as_pod(node: Object) -> Object:
    """A node as a pod in its network: the oracle of Calico knows hosts as such only."""
    name = node["metadata"]["name"]
    spec = {"hostNetwork": True, "nodeName": name, "containers": []}
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "nodes"}, "spec": spec, "status": {}}


def places(objects: list[Object], *, hosts: bool = False) -> Iterator[Place]:
    """Everybody; with `hosts`, nodes are pods to the oracle."""
    pods = [one for one in objects if one["kind"] == "Pod"]
    met = set()
    for number, pod in enumerate(pods):
        inside = not oracle.host(pod)
        for entry in pod["status"]["podIPs"]:
            if entry["ip"] not in met:
                met.add(entry["ip"])
                box = number if inside else MOST_PODS
                yield Place(End(box, parse_address(entry["ip"])), oracle.End(pod, entry["ip"]), inside)
    for node in (one for one in objects if one["kind"] == "Node"):
        for ip in (address["address"] for address in node["status"]["addresses"]):
            if ip not in met:
                yield Place(End(MOST_PODS, parse_address(ip)), oracle.End(as_pod(node) if hosts else None, ip), False)
    for ip in OUTSIDE:
        yield Place(End(MOST_PODS + 1, parse_address(ip)), oracle.End(None, ip), False)


def made(kind: str, random: Random) -> tuple[list[Object], oracle.Oracle]:
    """A world with an address for every pod, and who knows what is allowed in it."""
    if kind == "calico":
        objects = placed(CalicoMaker(random).calico_world(), random)
        return objects, CalicoOracle(objects)
    if kind == "cilium":
        objects = placed(CiliumMaker(random).world(), random)
        return objects, CiliumOracle(objects)
    objects = placed(Maker(random).world(), random)
    return objects, oracle.Oracle(objects)


def run_world(lab: Lab, prober: Prober, kind: str, seed: int) -> Tally:
    """One world."""
    random = Random(seed)
    objects, slow = made(kind, random)
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode()
    world = read_world([("world.json", document)])
    assert world.refused == (), world.refused
    model = Model(world)
    directory = Directory(model)
    lab.load(write_text(compile_world(world, Options(hooks=("forward",)))))
    lab.forget_connections()
    services = services_in_use(world, random)
    found = Tally(worlds=1)
    every = list(places(objects, hosts=kind == "calico"))
    answers: dict[tuple[int, int, int, int], Answer] = {}
    for there in every:
        expected: dict[Knock, tuple[str, bool | None]] = {}
        party = directory.ip(str(there.end.address))
        for here in every:
            if here.end.box == there.end.box or here.end.address.version != there.end.address.version:
                continue
            if not (here.pod or there.pod):
                continue
            source = directory.ip(str(here.end.address))
            for protocol, port in random.sample(services, min(EACH, len(services))):
                bit = model.ports.bit(protocol, port)
                key = (source.number, party.number, bit, there.end.address.version)
                if key not in answers:
                    answers[key] = judge(model, source, party, bit)
                said = answers[key].allowed
                may = slow.in_family(here.known, there.known, protocol, port)
                wanted = None if len(may) > 1 else may == {True}
                found.answers[str(said)] += 1
                name = f"{kind} {seed}: {here.end.address} -> {there.end.address} {protocol} {port}"
                if said is not wanted:
                    found.wrong.append(f"{name}: engine {said}, oracle {wanted}")
                expected[Knock(here.end, protocol, port)] = name, wanted
        ask_kernel(prober, there.end, expected, found)
    return found


def ask_kernel(prober: Prober, there: End, expected: dict[Knock, tuple[str, bool | None]], found: Tally) -> None:
    """Make the connections to one end; what is not as it should be is tried again."""
    heard = prober.knock(there, expected, 1.0)
    again = [one for one, (_, wanted) in expected.items() if differs(heard[one], wanted)]
    if again:
        heard.update(prober.knock(there, again, 3.0))
    for one, (name, wanted) in expected.items():
        found.kernel[heard[one]] += 1
        found.protocols[one.protocol] += 1
        if differs(heard[one], wanted):
            found.wrong.append(f"{name}: oracle {wanted}, kernel {heard[one]}")


def differs(heard: str, wanted: bool | None) -> bool:
    return heard == SILENT or (wanted is not None and wanted is not (heard == YES))


def settle(lab: Lab, prober: Prober) -> None:
    """Wait until every box reaches the others; links take a moment."""
    for number, addresses in enumerate(lab.boxes):
        other = (number + 1) % len(lab.boxes)
        for address in addresses:
            sources = [End(other, one) for one in lab.boxes[other] if one.version == address.version]
            knocks = [Knock(source, "UDP", 7) for source in sources]
            for _ in range(20):
                heard = prober.knock(End(number, address), knocks, 0.25)
                knocks = [one for one in knocks if heard[one] != YES]
                if not knocks:
                    break
            assert not knocks, f"{knocks[0].source.address} does not reach {address} without rules"


def campaign(seeds: range, kinds: Sequence[str] = KINDS, *, most_wrong: int = 20) -> Tally:
    """Worlds of these seeds, one after the other in one lab; the seed says of which kind."""
    total = Tally()
    with Lab(boxes()) as lab:
        prober = Prober(lab)
        settle(lab, prober)
        for seed in seeds:
            total.add(run_world(lab, prober, kinds[seed % len(kinds)], seed))
            if len(total.wrong) > most_wrong:
                break
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worlds", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kinds", default=",".join(KINDS))
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    begun = time.monotonic()
    first, last = arguments.seed, arguments.seed + arguments.worlds
    parts = [range(first + part, last, arguments.jobs) for part in range(arguments.jobs)]
    total = Tally()
    try:
        with multiprocessing.Pool(arguments.jobs) as pool:
            for one in pool.imap_unordered(functools.partial(campaign, kinds=kinds), parts):
                total.add(one)
    except LabError as error:
        print(f"{error.sentence}", *error.hints, sep="\nhint: ", file=sys.stderr)
        return error.exit_code
    for sentence in total.wrong:
        print(sentence)
    tried = sum(total.kernel.values())
    print(
        f"{total.worlds} worlds, {tried:,} connections ({words(total.protocols)}) in {time.monotonic() - begun:.0f} s"
    )
    print(
        f"engine and oracle: {words(total.answers)}; kernel: {words(total.kernel)}; disagreements: {len(total.wrong)}"
    )
    return 1 if total.wrong else 0


def words(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counted.items()))


if __name__ == "__main__":
    sys.exit(main())
