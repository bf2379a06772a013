"""Random small worlds, asked of the field's own analyzers too: np-guard's netpol-analyzer, and NCA.

Name the programs in THWART_TEST_NPGUARD and THWART_TEST_NCA. Worlds hold only what both sides model: plain
NetworkPolicy, pods without addresses (both peers keep blocks apart from pods), no pods in a host's network, IPv4, and
names of ports that are everywhere of one protocol (np-guard opens a port of a name under the rule's protocol even where
the container's is another; types.go means "the named port on a pod", which has its own).
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.unit.network.worlds import NAMES, NAMESPACES, OUTSIDE, PORTS, PROTOCOLS, Maker
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.world import read_world

pytestmark = pytest.mark.real
WORLDS = 25
PROTOCOL_OF = dict(zip(NAMES, PROTOCOLS, strict=True))
ADDRESSES = [text for text in OUTSIDE if ":" not in text]
_ENTRY = re.compile(r"^(?P<src>\S+) => (?P<dst>\S+) : (?P<conn>.+)$", re.MULTILINE)
_PIECE = re.compile(r"protocols:(?P<protocols>[A-Z, ]+?)(?:,dst_ports:(?P<ports>[0-9,-]+))?(?=}|;|$)")

Ports = frozenset[tuple[str, int, int]]
EVERYTHING: Ports = frozenset((protocol, 1, 65535) for protocol in PROTOCOLS)


class Line(NamedTuple):
    """Ends as the peers write them, `namespace/pod[Pod]` or a range of addresses, and what is open between them."""

    source: str
    destination: str
    ports: Ports


def peer(variable: str) -> str:
    program = os.environ.get(variable, "")
    if not program or not Path(program).is_file():
        pytest.skip(f"{variable} names no program to compare with")
    return program


def world(seed: int, *, names: bool) -> list[dict[str, Any]]:
    """Four pods, three namespaces, three policies; with `names`, policies name ports too."""
    maker = Maker(Random(seed))
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": maker.labels()}}
        for name in NAMESPACES
    ]
    pods = [maker.pod(number, 0) for number in range(4)]
    for pod in pods:
        pod["spec"].pop("hostNetwork", None)
        pod["status"] = {}
        for port in pod["spec"]["containers"][0]["ports"]:
            port["protocol"] = PROTOCOL_OF[port["name"]]
    policies = [maker.network_policy(number) for number in range(3)]
    for policy in policies:
        spec = policy["spec"]
        spec.setdefault("podSelector", {})
        spec["policyTypes"] = [way.capitalize() for way in ("ingress", "egress") if way in spec] or ["Ingress"]
        _plain(spec, names=names)
    return [*objects, *pods, *policies]


def _plain(node: object, *, names: bool) -> None:
    if isinstance(node, dict):
        if ":" in node.get("ipBlock", {}).get("cidr", ""):
            node["ipBlock"] = {"cidr": "10.1.0.0/16"}
        if isinstance(node.get("port"), str):
            node.update({"protocol": PROTOCOL_OF[node["port"]]} if names else {"port": 8080})
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _plain(child, names=names)


def written(objects: list[dict[str, Any]], folder: Path) -> Path:
    folder.mkdir()
    for number, one in enumerate(objects):
        (folder / f"{number:02}.yaml").write_text(json.dumps(one))
    return folder


def answer(*command: str) -> str | None:
    """What a peer prints; None when it refuses the world."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else None


def of_npguard(text: str) -> Iterator[Line]:
    for entry in json.loads(text):
        yield Line(entry["src"], entry["dst"], _npguard_ports(entry["conn"]))


def _npguard_ports(text: str) -> Ports:
    if text == "All Connections":
        return EVERYTHING
    found, protocol = set(), ""
    for word in text.split(","):
        *name, numbers = word.split()
        protocol = name[0] if name else protocol
        first, _, last = numbers.partition("-")
        found.add((protocol, int(first), int(last or first)))
    return frozenset(found)


def of_nca(text: str) -> Iterator[Line]:
    for entry in _ENTRY.finditer(text):
        yield Line(entry["src"], entry["dst"], _nca_ports(entry["conn"]))


def _nca_ports(text: str) -> Ports:
    if text == "All connections":
        return EVERYTHING
    found = set()
    for piece in _PIECE.finditer(text):
        spans = [span.partition("-") for span in (piece["ports"] or "1-65535").split(",")]
        for protocol, (first, _, last) in product(piece["protocols"].replace(" ", "").split(","), spans):
            found.add((protocol, int(first), int(last or first)))
    assert found, f"not understood: {text}"
    return frozenset(found)


def holds(end: str, one: str) -> bool:
    """Whether a peer's end is this pod or holds this address."""
    if "/" in one or "[" in end:
        return end == f"{one}[Pod]"
    first, _, last = end.partition("-")
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
    return int(low) <= int(ipaddress.ip_address(one)) <= int(high)


def compare(objects: list[dict[str, Any]], lines: list[Line], protocols: tuple[str, ...]) -> int:
    """Every pair, every protocol, all ports in use; the number of flows compared."""
    data = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode()
    read = read_world([("world.json", data)])
    assert read.refused == ()
    model = Model(read)
    directory = Directory(model)
    pods = [f"{one.namespace}/{one.name}" for one in read.endpoints]
    parties = {name: directory.pod(*name.split("/")) for name in pods} | {ip: directory.ip(ip) for ip in ADDRESSES}
    compared = 0
    for source, destination in product(parties, parties):
        if source == destination or (source in ADDRESSES and destination in ADDRESSES):
            continue
        ports = [one.ports for one in lines if holds(one.source, source) and holds(one.destination, destination)]
        opened = frozenset[tuple[str, int, int]]().union(*ports)
        for protocol, port in product(protocols, (*PORTS, 2, 442, 10000)):
            bit = model.ports.bit(protocol, port)
            ours = judge(model, parties[source], parties[destination], bit)
            theirs = any(name == protocol and first <= port <= last for name, first, last in opened)
            assert ours.allowed is theirs, (source, destination, protocol, port, ours)
            compared += 1
    return compared


def campaign(worlds: Iterator[tuple[list[dict[str, Any]], list[Line] | None]], protocols: tuple[str, ...]) -> None:
    counts = [compare(objects, lines, protocols) for objects, lines in worlds if lines is not None]
    assert len(counts) > WORLDS // 2, "the peer refuses most worlds: nothing was compared"


def test_random_worlds_against_np_guard(tmp_path: Path) -> None:
    program = peer("THWART_TEST_NPGUARD")

    def worlds() -> Iterator[tuple[list[dict[str, Any]], list[Line] | None]]:
        for seed in range(WORLDS):
            objects = world(seed, names=True)
            folder = written(objects, tmp_path / str(seed))
            text = answer(program, "list", "-q", "-o", "json", "--dirpath", str(folder))
            yield objects, None if text is None else list(of_npguard(text))

    campaign(worlds(), PROTOCOLS)


def test_random_worlds_against_nca(tmp_path: Path) -> None:
    """NCA leaves pods out whose named ports have another protocol than a policy's, so that names are left out here."""
    program = peer("THWART_TEST_NCA")

    def worlds() -> Iterator[tuple[list[dict[str, Any]], list[Line] | None]]:
        for seed in range(WORLDS):
            objects = world(seed, names=False)
            folder = str(written(objects, tmp_path / str(seed)))
            command = [program, "--connectivity", folder, "-n", folder, "-p", folder]
            text = answer(*command, "--output_format", "txt_no_fw_rules", "--return_0")
            yield objects, None if text is None or " => " not in text else list(of_nca(text))

    campaign(worlds(), ("TCP",))
