"""Policies as packet filters: what the table says, run by a small interpreter, against the oracle and the engine."""

from __future__ import annotations

import json
import re
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tools.prove_campaign import boxes, placed, places

from tests.unit.network.helpers import PODS, cluster_policy, policy, world_of
from tests.unit.network.oracle import Oracle
from tests.unit.network.worlds import PORTS, PROTOCOLS, Maker
from thwart.lib.intervals import Address, parse_address, parse_block
from thwart.network.enforcement import Options, Table, compile_world, is_identifier, write_json, write_text
from thwart.network.enforcement.names import identifier, quoted
from thwart.network.enforcement.ruleset import (
    Addresses,
    Chain,
    Doors,
    Elements,
    Family,
    In,
    Known,
    Line,
    Logged,
    Looked,
    Neighbours,
    Refused,
    Services,
    Tcp,
    Verdict,
)
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.model import (
    ALLOW,
    BASELINE,
    DENY,
    EGRESS,
    IN_THE_MESH,
    INGRESS,
    NETWORK,
    PASS,
    AccountPeer,
    AllOf,
    AnyOf,
    BlockPeer,
    Endpoint,
    Maybe,
    NodePeer,
    Not,
    OutsidePeer,
    Peer,
    PodPeer,
    Policy,
    PortMatch,
    Priority,
    Rule,
    Tier,
    World,
)
from thwart.network.selectors import Requirement
from thwart.network.world import read_world

# -- an interpreter --------------------------------------------------------------------------------------------------------


class Packets:
    """Runs a table as the kernel does: base chains of a hook by priority, `accept` ends one of them, a refusal all."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.chains = {chain.name: chain for chain in table.chains}

    def passes(self, source: Address, destination: Address, protocol: str, port: int, hook: str = "forward") -> bool:
        bases = sorted((c for c in self.table.chains if c.hook == hook), key=lambda chain: chain.priority)
        return all(self.run(chain, (source, destination, protocol, port)) != "refused" for chain in bases)

    def run(self, chain: Chain, packet: tuple[Address, Address, str, int]) -> str:
        """`accept`, `refused`, or `` where the chain comes to its end."""
        for line in chain.lines:
            outcome = self.line(line, packet)
            if outcome == "return":
                return ""
            if outcome.startswith("jump "):
                outcome = self.run(self.chains[outcome[5:]], packet)
            elif outcome.startswith("goto "):
                return self.run(self.chains[outcome[5:]], packet)
            if outcome:
                return outcome
        return ""

    def line(self, line: Line, packet: tuple[Address, Address, str, int]) -> str:
        source, destination, protocol, _ = packet
        for one in line.statements:
            if isinstance(one, Known | Neighbours):
                return ""  # the packets here are the first of a connection
            if isinstance(one, Family) and one.version != source.version:
                return ""
            if isinstance(one, Tcp) and protocol != "TCP":
                return ""
            if isinstance(one, In) and not self.holds(self.table.sets[one.set], one, packet):
                return ""
            if isinstance(one, Looked):
                version, targets = self.table.maps[one.map]
                end = source if one.what == "source" else destination
                assert version == one.version
                if end.version == version and end.value in targets:
                    return f"goto {targets[end.value]}"
            if isinstance(one, Refused):
                return "refused"
            if isinstance(one, Verdict):
                return "refused" if one.what == "drop" else f"{one.what} {one.target}".strip()
        return ""

    def holds(self, elements: Elements, match: In, packet: tuple[Address, Address, str, int]) -> bool:
        source, destination, protocol, port = packet
        if isinstance(elements, Services):
            assert match.what == "service"
            return any(protocol == name and span.first <= port <= span.last for name, span in elements.spans)
        if source.version != elements.version:
            return False
        if isinstance(elements, Addresses):
            end = {"source": source, "destination": destination}[match.what]
            return any(span.first <= end.value <= span.last for span in elements.spans)
        if isinstance(elements, Doors):
            assert match.what == "door"
            return (destination.value, protocol, port) in elements.doors
        assert match.what == "way"
        return (source.value, destination.value) in elements.ways


def filtered(*policies: str, **options: object) -> Packets:
    return Packets(compile_world(world_of(PODS + "".join(policies)), replace(Options(), **options)))


WEB, DB, OTHER, FAR = map(parse_address, ("10.0.0.1", "10.0.1.1", "10.1.0.1", "203.0.113.9"))


# -- against the oracle and the engine -------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_packet_fares_as_the_oracle_says(seed: int) -> None:
    random = Random(seed)
    objects = placed(Maker(random).world(), random)
    world = read_world([("w.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode())])
    packets, oracle = Packets(compile_world(world)), Oracle(objects)
    ends = list(places(objects))
    for here, there in product(ends, ends):
        alike = here.end.box == there.end.box or here.end.address.version != there.end.address.version
        if alike or not (here.pod or there.pod):
            continue
        for protocol in PROTOCOLS:
            port = random.choice([*PORTS, random.randrange(1, 65536)])
            expected = oracle.in_family(here.known, there.known, protocol, port)
            assert packets.passes(here.end.address, there.end.address, protocol, port) in expected, (here, there, port)


class General:
    """Random policies in common terms: what no single API of today can say together."""

    def __init__(self, random: Random) -> None:
        self.r = random

    def world(self) -> World:
        objects = placed(Maker(self.r).world(), self.r)
        kept = [one for one in objects if one["kind"] in ("Namespace", "Node")]
        for pod in objects:
            if pod["kind"] == "Pod" and not pod["spec"].get("hostNetwork"):
                pod["spec"]["serviceAccountName"] = self.r.choice(("ann", "bob"))
                kept.append(pod)
        world = read_world([("w.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": kept}).encode())])
        policies = tuple(self.policy(number) for number in range(self.r.randrange(1, 6)))
        return replace(world, policies=policies)

    def policy(self, number: int) -> Policy:
        r = self.r
        tier = r.choice((Tier(100.0, "early"), NETWORK, NETWORK, Tier(NETWORK.order, "other"), BASELINE))
        return Policy(
            kind="Test",
            name=f"p{number // 2}",  # one document may be several policies
            namespace="alpha",
            tier=tier,
            subject=self.subject(),
            origin=NOWHERE,
            priority=Priority(float(number), r.choice(("", "x"))),
            isolates=frozenset(d for d in (INGRESS, EGRESS) if r.randrange(2)),
            ingress=self.rules(INGRESS),
            egress=self.rules(EGRESS),
        )

    def subject(self) -> Peer:
        here = BlockPeer(parse_block(self.r.choice(("10.1.0.0/16", "2001:db8::/32"))))
        return self.r.choice(
            (
                PodPeer(()),
                self.pods(),
                AnyOf((self.pods(), self.pods())),
                AllOf((PodPeer(()), Not(self.pods()))),
                AllOf((PodPeer(()), AnyOf((self.pods(), here)))),
            )
        )

    def pods(self) -> PodPeer:
        key, value = self.r.choice((("app", "web"), ("app", "db"), ("tier", "front"), ("team", "red")))
        return PodPeer((Requirement(key, self.r.choice(("In", "NotIn")), (value,)),))

    def rules(self, direction: str) -> tuple[Rule, ...]:
        return tuple(
            Rule(
                index=index,
                action=self.r.choice((ALLOW, ALLOW, DENY, PASS)),
                peers=self.r.choice((None, (self.peer(2),), (self.peer(1), self.peer(0)))),
                ports=self.r.choice((None, None, (PortMatch("TCP", 80, 443), PortMatch("UDP", name="dns")))),
                pointer=(direction, index),
            )
            for index in range(self.r.randrange(0, 4))
        )

    def peer(self, depth: int) -> Peer:
        r = self.r
        if depth and r.randrange(2):
            parts = (self.peer(depth - 1), self.peer(depth - 1))
            return r.choice((AnyOf(parts), AllOf(parts), Not(parts[0])))
        block = parse_block(r.choice(("10.1.0.0/16", "10.0.0.0/8", "fd00::/8", "203.0.113.0/24")))
        return r.choice(
            (
                self.pods(),
                BlockPeer(block),
                OutsidePeer(),
                NodePeer(()),
                AccountPeer(frozenset({(name, "ann") for name in ("alpha", "beta")})),
            )
        )


class _Nowhere:
    path = "test"

    def line(self, pointer: tuple[str | int, ...]) -> int:
        return 0


NOWHERE = _Nowhere()


@settings(max_examples=150)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_packet_fares_as_the_engine_says_of_any_policy(seed: int) -> None:
    random = Random(seed)
    world = General(random).world()
    model = Model(world)
    directory = Directory(model)
    packets = Packets(compile_world(world))
    addresses = [address for endpoint in world.endpoints for address in endpoint.addresses]
    addresses += [address for node in world.nodes for address in node.addresses]
    addresses += boxes()[-1]
    for here, there in product(addresses, addresses):
        parties = directory.ip(str(here)), directory.ip(str(there))
        same = parties[0].endpoint is not None and parties[0].endpoint is parties[1].endpoint
        if same or here.version != there.version or not any(party.endpoint for party in parties):
            continue
        protocol, port = random.choice((("TCP", 80), ("TCP", 443), ("UDP", 53), ("SCTP", 9)))
        said = judge(model, *parties, model.ports.bit(protocol, port)).allowed
        assert said is None or said is packets.passes(here, there, protocol, port), (here, there, protocol, port)


# -- by hand ---------------------------------------------------------------------------------------------------------------


def test_both_sides_must_agree_and_replies_are_not_asked() -> None:
    rules = filtered(
        policy(
            "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 5432}]}]}"
        ),
        policy(
            "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 443}]}]}", "q"
        ),
    )
    assert not rules.passes(WEB, DB, "TCP", 5432)  # web may not send it
    assert not rules.passes(WEB, DB, "TCP", 443)  # db does not take it
    assert rules.passes(DB, WEB, "TCP", 5432)
    assert not rules.passes(OTHER, DB, "TCP", 5432)
    assert rules.passes(WEB, FAR, "TCP", 443)
    text = write_text(rules.table)
    assert text.count("ct state established,related accept") == 3  # forward both ways, and what pods send to this host


def test_a_named_port_is_that_of_each_destination() -> None:
    rules = filtered(
        policy("{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}", namespace="b"),
    )
    assert rules.passes(OTHER, WEB, "TCP", 8080)
    assert not rules.passes(OTHER, WEB, "TCP", 9090)
    assert rules.passes(OTHER, DB, "TCP", 9090)
    assert not rules.passes(OTHER, DB, "UDP", 9090)
    assert not rules.passes(OTHER, FAR, "TCP", 8080)


def test_tiers_and_pass() -> None:
    everyone = "{namespaces: {}}"
    rules = filtered(
        cluster_policy(
            f"{{tier: Admin, priority: 1, subject: {everyone}, ingress: ["
            "{action: Pass, from: [{namespaces: {matchLabels: {team: red}}}]}, "
            f"{{action: Deny, from: [{everyone}]}}]}}"
        ),
        cluster_policy(
            f"{{tier: Baseline, priority: 1, subject: {everyone}, ingress: [{{action: Deny, from: [{everyone}]}}]}}",
            "d",
        ),
        policy("{podSelector: {matchLabels: {app: db}}, ingress: [{}]}"),
    )
    assert rules.passes(WEB, DB, "TCP", 1)  # passed on, and NetworkPolicy allows
    assert not rules.passes(OTHER, DB, "TCP", 1)  # denied by Admin
    assert not rules.passes(DB, WEB, "TCP", 1)  # passed on, NetworkPolicy has no say, denied by Baseline
    assert rules.passes(FAR, WEB, "TCP", 1)  # pods alone are meant


def test_what_is_denied_is_told_or_not() -> None:
    deny = policy("{podSelector: {}}")
    assert "reject with tcp reset" in write_text(filtered(deny).table)
    dropped = write_text(filtered(deny, deny="drop").table)
    assert "reject" not in dropped
    assert "    drop\n" in dropped


def test_logs_and_counters_are_asked_for() -> None:
    both = policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}")
    silent = write_text(filtered(both).table)
    assert " log " not in silent
    assert "counter" not in silent
    denied = write_text(filtered(both, log_group=7, counters=True).table)
    assert 'counter log prefix "thwart deny ingress NetworkPolicy a/p ingress isolates " group 7 goto refuse' in denied
    assert "thwart allow" not in denied
    allowed = filtered(both, log_group=7, log_allowed=True).table
    logged = [
        one.prefix for c in allowed.chains for line in c.lines for one in line.statements if isinstance(one, Logged)
    ]
    assert logged == [
        "thwart allow ingress NetworkPolicy a/p ingress[0] ",
        "thwart deny ingress NetworkPolicy a/p ingress isolates ",
    ]


def test_one_policy_is_one_chain_for_all_that_it_selects() -> None:
    shared = policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")
    more = policy("{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 1}]}]}", "q")
    table = filtered(shared, more).table
    (name,) = (chain.name for chain in table.chains if chain.name.startswith("policy_in_a_p_"))
    jumps = [s.target for c in table.chains for line in c.lines for s in line.statements if isinstance(s, Verdict)]
    assert jumps.count(name) == 2
    silent = policy("{podSelector: {matchLabels: {app: db}}}", "q")  # adds nothing
    assert len({chain for _, found in filtered(shared, silent).table.maps.values() for chain in found.values()}) == 1


def test_pods_without_addresses_are_told() -> None:
    bare = PODS.replace("status: {podIPs: [{ip: 10.0.1.1}]}\n", "")
    table = compile_world(world_of(bare + policy("{podSelector: {}}")))
    (told,) = table.diagnostics
    assert told.slug == "pod-not-enforced"
    assert "a/Pod/db" in told.message
    assert table.pods == 1


def test_an_address_of_two_pods_is_cut_off_and_told() -> None:
    twice = PODS.replace("10.1.0.1", "10.0.0.1")
    table = compile_world(world_of(twice + policy("{podSelector: {}, ingress: [{}]}")))
    assert [one.slug for one in table.diagnostics] == ["shared-address"]
    assert not Packets(table).passes(DB, WEB, "TCP", 80)


def test_doubt_denies_more_and_allows_less() -> None:
    names = cluster_policy(
        "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Accept, to: [{domainNames: [example.test]}]}]}"
    )
    table = compile_world(world_of(PODS + names + policy("{podSelector: {}, policyTypes: [Egress]}")))
    assert [one.slug for one in table.diagnostics] == ["policy-not-enforced"]
    assert not Packets(table).passes(WEB, FAR, "TCP", 443)


@pytest.mark.parametrize(("action", "passes"), [(ALLOW, False), (DENY, False), (PASS, False)])
def test_a_rule_in_doubt(action: str, passes: bool) -> None:
    world = world_of(PODS + policy("{podSelector: {}}"))
    (isolating,) = world.policies
    rule = Rule(index=0, action=action, peers=None, ports=None, pointer=(), doubt="it asks for a header")
    early = replace(isolating, tier=Tier(1.0, "early"), isolates=frozenset(), ingress=(rule,), name="early")
    table = compile_world(replace(world, policies=(early, isolating)))
    assert Packets(table).passes(WEB, DB, "TCP", 80) is passes
    assert any("header" in one.message for one in table.diagnostics)


def test_a_subject_in_doubt_is_isolated_but_not_allowed() -> None:
    world = world_of(PODS + policy("{podSelector: {}, ingress: [{}]}"))
    (only,) = world.policies
    table = compile_world(replace(world, policies=(replace(only, subject=Maybe(only.subject)),)))
    assert not Packets(table).passes(WEB, DB, "TCP", 80)
    assert [one.slug for one in table.diagnostics] == ["policy-not-enforced"]


def test_policies_of_a_mesh_are_left_out_and_told() -> None:
    world = world_of(PODS + policy("{podSelector: {}}"))
    table = compile_world(replace(world, policies=(replace(world.policies[0], layer=IN_THE_MESH),)))
    assert Packets(table).passes(WEB, DB, "TCP", 80)
    assert [one.slug for one in table.diagnostics] == ["policy-not-enforced"]


# -- names of strangers ----------------------------------------------------------------------------------------------------


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_name_is_an_identifier_whatever_it_is_made_of(parts: list[str]) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,100}", identifier("policy_in", *parts))


@given(st.text(), st.text())
def test_different_names_are_different_identifiers(one: str, other: str) -> None:
    assert (identifier("t", one) == identifier("t", other)) is (one == other)
    assert identifier("t", one, "x") != identifier("t", one, "y")


@given(st.text())
def test_a_comment_cannot_end_itself(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9 ./_\[\]?-]{0,120}", quoted(text))


def test_names_in_policies_cannot_write_rules() -> None:
    world = world_of(PODS + policy("{podSelector: {}, ingress: [{}]}"))
    evil = 'p" accept } } add table ip evil; #\n$(reboot)\\'
    named = replace(world.policies[0], name=evil, namespace=evil, kind=evil)
    pods = tuple(replace(endpoint, name=evil, workload=evil) for endpoint in world.endpoints)
    table = compile_world(replace(world, policies=(named,), endpoints=pods), Options(log_group=1, log_allowed=True))
    for written in (write_text(table), write_json(table)):
        outside = re.sub(r'"[^"\n]*"', "", written)
        assert "evil" in written
        assert not re.search(r"[\s\"]evil|\$|\\|reboot\b", outside)
    assert json.loads(write_json(table))["nftables"][1] == {"add": {"table": {"family": "inet", "name": "thwart"}}}


def test_names_of_tables() -> None:
    assert is_identifier("thwart_2")
    for bad in ("", "2", "a-b", "a b", "a\n", "é", "x" * 33, "a;"):
        assert not is_identifier(bad)


def test_the_same_world_makes_the_same_bytes() -> None:
    def written(seed: int, order: int) -> tuple[str, str]:
        objects = placed(Maker(Random(seed)).world(), Random(seed))
        if order < 0:
            policies = [one for one in objects if "Policy" not in one["kind"]]
            objects = [*reversed(policies), *(one for one in objects if "Policy" in one["kind"])]
        world = read_world([("w.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode())])
        table = compile_world(world)
        return write_text(table), write_json(table)

    for seed in range(20):
        assert written(seed, 1) == written(seed, 1) == written(seed, -1)


def test_a_workload_may_have_several_addresses() -> None:
    world = world_of(PODS + policy("{podSelector: {matchLabels: {app: db}}}"))
    more = parse_address("10.0.1.2"), parse_address("fd00::2")

    def grown(endpoint: Endpoint) -> Endpoint:
        return replace(endpoint, addresses=(*endpoint.addresses, *more)) if endpoint.name == "db" else endpoint

    packets = Packets(compile_world(replace(world, endpoints=tuple(map(grown, world.endpoints)))))
    assert not packets.passes(WEB, more[0], "TCP", 80)
    assert not packets.passes(parse_address("fd00::9"), more[1], "TCP", 80)
    assert packets.passes(more[0], WEB, "TCP", 80)


def test_one_address_of_a_pod_may_be_selected_and_another_not() -> None:
    world = world_of(PODS.replace("{ip: 10.0.1.1}", "{ip: 10.0.1.1}, {ip: 'fd00::1'}") + policy("{podSelector: {}}"))
    (only,) = world.policies
    subject = AllOf((PodPeer(()), BlockPeer(parse_block("10.0.1.0/24"))))
    packets = Packets(compile_world(replace(world, policies=(replace(only, subject=subject),))))
    assert not packets.passes(WEB, DB, "TCP", 80)
    assert packets.passes(DB, WEB, "TCP", 80)
    assert packets.passes(parse_address("fd00::9"), parse_address("fd00::1"), "TCP", 80)
