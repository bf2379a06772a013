"""Who takes part in a proof, what is tried, and what the commands say; without a kernel."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.unit.network.helpers import PODS, policy, world_of
from thwart.api.net import load_network
from thwart.api.net._lab_cast import choose, make_concrete, selects_hosts
from thwart.api.net._lab_probes import crc32c, init_packet
from thwart.api.net.prove import compile_network, services_in_use
from thwart.cli import main
from thwart.core.errors import UsageError
from thwart.lib.intervals import parse_address
from thwart.network.classes import HOST, OUTSIDE, POD
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.model import World

WORKLOADS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: a}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: a}
spec: {template: {spec: {hostNetwork: true, containers: [{}]}}}
"""
BLOCKS = policy(
    "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}, "
    "{ipBlock: {cidr: 'fd00::/8'}}, {ipBlock: {cidr: 127.0.0.0/8}}], ports: [{port: 80, endPort: 90}, {port: http}]}]}"
)


def concrete(text: str) -> World:
    world, _ = make_concrete(world_of(text))
    return world


def test_a_workload_becomes_two_pods_with_addresses_of_both_families() -> None:
    world = concrete(WORKLOADS + BLOCKS)
    pods = [one for one in world.endpoints if not one.host_network]
    assert [one.name for one in pods] == ["api-1", "api-2"]
    assert all(one.single and one.kind == "Pod" and one.workload == "Deployment/api" for one in pods)
    assert [[a.version for a in one.addresses] for one in pods] == [[4, 6], [4, 6]]
    assert len({address for one in pods for address in one.addresses}) == 4
    block = next(iter(world.policies)).ingress[0].peers
    assert block
    assert not any(str(address).startswith(("10.", "fd")) for one in pods for address in one.addresses)


def test_a_host_network_daemon_is_on_every_node_and_pods_are_beside_and_away_from_it() -> None:
    world = concrete(WORKLOADS)
    hosts = [one.node for one in world.endpoints if one.host_network]
    pods = [one.node for one in world.endpoints if not one.host_network]
    assert sorted(hosts) == sorted(pods) == sorted(node.name for node in world.nodes)
    assert len(set(hosts)) == 2
    assert all(node.addresses for node in world.nodes)


def test_what_is_known_stays_as_it_is() -> None:
    world, notes = make_concrete(world_of(PODS))
    assert notes == []
    assert [str(one.addresses[0]) for one in world.endpoints] == ["10.0.1.1", "10.0.0.1", "10.1.0.1"]


def test_every_class_has_a_place_before_any_has_two() -> None:
    many = "".join(
        f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{n}, namespace: a, labels: {{app: x{n % 3}}}}}, "
        f"spec: {{containers: [{{}}]}}, status: {{podIPs: [{{ip: 10.5.0.{n + 1}}}]}}}}\n"
        for n in range(30)
    )
    rules = "".join(policy(f"{{podSelector: {{matchLabels: {{app: x{n}}}}}}}", f"q{n}") for n in range(3))
    model = Model(concrete(many + rules))
    for size, missing in ((2, 1), (3, 0), (7, 0), (30, 0)):
        cast = choose(model, Directory(model), size, Random(1))
        classes = [actor.party.number for actor in cast.actors if actor.what == POD]
        assert (len(classes), cast.pods, cast.missing) == (size, size, missing)
        assert len(set(classes)) == min(size, 3)


def test_an_address_outside_is_one_that_its_class_has_and_a_link_can_carry() -> None:
    model = Model(concrete(PODS + BLOCKS))
    directory = Directory(model)
    for seed in range(20):
        cast = choose(model, directory, 48, Random(seed))
        found = [actor.end.address for actor in cast.actors if actor.what == OUTSIDE]
        assert len({model.partition.outside(address) for address in found}) == len(found)
        assert not any(str(address).startswith(("127.", "0.", "224.", "fe80", "ff")) for address in found)
        assert {address.version for address in found} == {4, 6}
        assert len(found) == 4  # in 10/8, elsewhere (its exception too); in fd00::/8, elsewhere


def test_pairs_have_a_pod_and_one_family_and_two_boxes() -> None:
    model = Model(
        concrete(PODS + WORKLOADS.replace("apiVersion: apps/v1\nkind: Dep", "---\napiVersion: apps/v1\nkind: Dep", 1))
    )
    cast = choose(model, Directory(model), 48, Random(0))
    pairs = [(here, there) for there, sources in cast.pairs(hosts=False) for here in sources]
    assert pairs
    assert all(POD in (here.what, there.what) for here, there in pairs)
    assert all(here.end.box != there.end.box for here, there in pairs)
    assert {HOST, OUTSIDE} <= {here.what for here, _ in pairs} & {there.what for _, there in pairs}
    with_hosts = [(here, there) for there, sources in cast.pairs(hosts=True) for here in sources]
    assert len(with_hosts) > len(pairs)
    assert not selects_hosts(model.world)


def test_an_address_of_two_takes_no_part() -> None:
    model = Model(concrete(PODS.replace("10.1.0.1", "10.0.0.1")))
    cast = choose(model, Directory(model), 48, Random(0))
    assert [str(actor.end.address) for actor in cast.actors if actor.what == POD] == ["10.0.1.1"]
    assert (cast.pods, cast.missing) == (1, 2)


def test_ports_are_tried_on_both_sides_of_every_bound() -> None:
    found = services_in_use(world_of(PODS + BLOCKS), Random(0))
    tcp = {number for protocol, number in found if protocol == "TCP"}
    assert {79, 80, 90, 91, 8079, 8080, 8081, 9089, 9090, 9091} <= tcp
    assert len(tcp) == 11  # and one that no policy speaks of
    assert [protocol for protocol, _ in found].count("UDP") == 1


def test_an_init_packet_is_what_the_standard_says() -> None:
    packet = init_packet(1024, 80, 0x01020304)
    assert len(packet) == 32
    assert packet[:8] == bytes((4, 0, 0, 80, 0, 0, 0, 0))  # ports, and no tag yet
    assert packet[12:16] == bytes((1, 0, 0, 20))
    assert int.from_bytes(packet[8:12], "little") == crc32c(packet[:8] + bytes(4) + packet[12:])
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "bare.yaml"
    path.write_text(PODS.replace("status: {podIPs: [{ip: 10.0.1.1}]}\n", "") + policy("{podSelector: {}}"))
    return path


def test_addresses_can_be_given(bare: Path) -> None:
    network = load_network([str(bare)])
    table = compile_network(network, None, {"a/Pod/db": ["10.0.1.7", "fd00::7"]})
    assert table.diagnostics == ()
    assert parse_address("10.0.1.7").value in table.maps["ingress_4"][1]
    assert parse_address("fd00::7").value in table.maps["ingress_6"][1]
    for addresses in ({"a/none": ["10.0.0.9"]}, {"a/db": ["10.0.0"]}):
        with pytest.raises(UsageError):
            compile_network(network, None, addresses)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--table", "a b"],
        ["--log-group", "70000"],
        ["--log-allowed"],
        ["--address", "db=10.0.0.1"],
        ["--address", "a/db"],
        ["-o", "xml"],
        ["--strict"],
    ],
)
def test_what_cannot_be_done_is_refused(bare: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net", "nft", *arguments, str(bare)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(("error[", "hint:", "  hint:"))


def test_the_rules_go_to_a_file(bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net", "nft", "-o", f"json={tmp_path / 'r.json'}", str(bare)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "warning[pod-not-enforced]" in err
    assert '"nftables"' in (tmp_path / "r.json").read_text()


@pytest.mark.parametrize("arguments", [["--sample", "0"], ["--probes", "0"], ["--ports", "x"], ["-o", "dot"]])
def test_a_proof_needs_numbers(bare: Path, arguments: list[str]) -> None:
    assert main(["net", "prove", *arguments, str(bare)]) == 2
