"""Calico's policies, one rule of their meaning a test (projectcalico/calico: api/pkg/apis/projectcalico/v3, felix)."""

from __future__ import annotations

import json

import pytest

from tests.unit.network.helpers import PODS, Asked, asked, policy, world_of
from thwart.network.model import AnyOf, BlockPeer, PodPeer
from thwart.network.selectors import Requirement
from thwart.network.world import read_world

WEB = "app == 'web'"


def calico(kind: str, spec: str, meta: str, api: str = "projectcalico.org/v3") -> str:
    return f"---\n{{apiVersion: {api}, kind: {kind}, metadata: {{{meta}}}, spec: {spec}}}\n"


def everywhere(spec: str, name: str = "g", api: str = "projectcalico.org/v3") -> str:
    return calico("GlobalNetworkPolicy", spec, f"name: {name}", api)


def inside(spec: str, name: str = "p", namespace: str = "a", api: str = "projectcalico.org/v3") -> str:
    return calico("NetworkPolicy", spec, f"name: {name}, namespace: {namespace}", api)


def tier(name: str, spec: str) -> str:
    return calico("Tier", spec, f"name: {name}")


def ingress(*rules: str, more: str = "") -> str:
    return f"{{selector: all(), types: [Ingress], ingress: [{', '.join(rules)}]{more}}}"


def egress(*rules: str, more: str = "") -> str:
    return f"{{selector: all(), types: [Egress], egress: [{', '.join(rules)}]{more}}}"


def source(what: str, action: str = "Allow") -> str:
    return f"{{action: {action}, source: {what}}}"


def destination(what: str, action: str = "Allow") -> str:
    return f"{{action: {action}, destination: {what}}}"


def reached(world: Asked, to: str = "a/web", port: int = 80, protocol: str = "TCP") -> set[str]:
    ends = ("a/web", "a/db", "b/web", "8.8.8.8")
    return {end for end in ends if end != to and world.allowed(end, to, port, protocol) is True}


# --- what applies, and in which direction -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "stopped"),
    [
        ("{}", "ingress"),
        ("{ingress: []}", "ingress"),
        ("{ingress: [], egress: []}", "ingress"),
        ("{ingress: [{action: Deny}]}", "ingress"),
        ("{egress: [{action: Deny}]}", "egress"),
        ("{ingress: [{action: Deny}], egress: [{action: Deny}]}", "both"),
        ("{types: [], egress: [{action: Deny}]}", "egress"),
        ("{types: [Egress], ingress: [{action: Allow}]}", "egress"),
        ("{types: [Ingress, Egress]}", "both"),
        ("{types: [Ingress], egress: [{action: Deny}]}", "ingress"),
    ],
)
def test_types_and_their_defaults(spec: str, stopped: str) -> None:
    world = asked(inside(spec))  # the pods of a; b has no policy
    into, out_of = world.allowed("b/web", "a/web"), world.allowed("a/web", "b/web")
    assert (into, out_of) == {"ingress": (False, True), "egress": (True, False), "both": (False, False)}[stopped]


def test_stored_objects_without_types_are_about_both_directions() -> None:  # felix/calc/policy_sorter.go
    world = asked(inside("{ingress: [{action: Allow}]}", "default.p", api="crd.projectcalico.org/v1"))
    assert (world.allowed("b/web", "a/web"), world.allowed("a/web", "b/web")) == (True, False)


def test_what_a_policy_selects() -> None:
    def closed(document: str) -> set[str]:
        world = asked(document)
        return {to for to in ("a/web", "a/db", "b/web") if world.allowed("8.8.8.8", to) is False}

    assert closed(everywhere(f'{{selector: "{WEB}"}}')) == {"a/web", "b/web"}
    assert closed(inside(f'{{selector: "{WEB}"}}')) == {"a/web"}
    assert closed(everywhere("{}")) == {"a/web", "a/db", "b/web"}
    assert closed(everywhere("{namespaceSelector: \"team == 'blue'\"}")) == {"b/web"}
    assert closed(everywhere("{namespaceSelector: \"kubernetes.io/metadata.name == 'a'\"}")) == {"a/web", "a/db"}
    assert closed(everywhere("{namespaceSelector: \"projectcalico.org/name not in {'a'}\"}")) == {"b/web"}
    assert closed(everywhere(f'{{selector: "{WEB}", namespaceSelector: all()}}')) == {"a/web", "b/web"}
    assert closed(everywhere("{selector: \"projectcalico.org/namespace == 'b'\"}")) == {"b/web"}
    assert closed(everywhere("{selector: \"pcns.team == 'red' && app ends with 'b'\"}")) == {"a/web", "a/db"}
    assert closed(everywhere("{selector: \"pcns.team == 'red' && app starts with 'd'\"}")) == {"a/db"}
    assert closed(everywhere("{selector: \"projectcalico.org/orchestrator == 'k8s'\"}")) == {"a/web", "a/db", "b/web"}
    assert closed(everywhere("{selector: \"projectcalico.org/orchestrator == 'kubernetes'\"}")) == set()
    assert closed(everywhere("{selector: '!has(app)'}")) == set()
    assert closed(everywhere("{selector: \"app contains 'nothing'\"}")) == set()
    assert closed(everywhere("{selector: \"!(app contains 'nothing')\"}")) == {"a/web", "a/db", "b/web"}


ACCOUNTS = """---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot, namespace: a, labels: {role: ops}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: bot, namespace: a}, spec: {serviceAccountName: robot}}
---
{apiVersion: v1, kind: Pod, metadata: {name: odd, namespace: a}, spec: {serviceAccountName: unread}}
"""


def test_service_accounts() -> None:
    def closed(spec: str) -> list[bool | None]:
        world = asked(ACCOUNTS, everywhere(spec))
        return [world.allowed("b/web", to) for to in ("a/bot", "a/odd", "a/web")]

    assert closed("{serviceAccountSelector: \"projectcalico.org/name == 'robot'\"}") == [False, True, True]
    assert closed("{selector: \"projectcalico.org/serviceaccount == 'default'\"}") == [True, True, False]
    # the labels of an account whose document is not read are not known; the one called default has none
    assert closed("{serviceAccountSelector: \"role == 'ops'\"}") == [False, None, True]
    assert closed("{serviceAccountSelector: '!has(role)'}") == [True, None, False]
    peers = "{serviceAccounts: {names: [robot], selector: \"role == 'ops'\"}}"
    world = asked(ACCOUNTS, inside(ingress(source(peers))))
    assert [world.allowed(f"a/{name}", "a/web") for name in ("bot", "odd", "db")] == [True, False, False]
    named = asked(ACCOUNTS, inside(ingress(source("{serviceAccounts: {names: [default]}}"))))
    assert [named.allowed(one, "a/web") for one in ("a/db", "b/web", "a/bot")] == [True, False, False]  # own namespace


# --- tiers and order ----------------------------------------------------------------------------------------------------


def test_lower_orders_come_first_and_none_is_last() -> None:
    deny, allow = ingress("{action: Deny}", more=", order: 5"), ingress("{action: Allow}")
    assert asked(everywhere(deny, "b"), everywhere(allow, "a")).allowed("b/web", "a/web") is False
    first = ingress("{action: Allow}", more=", order: 4.5")
    assert asked(everywhere(deny, "b"), everywhere(first, "z")).allowed("b/web", "a/web") is True


def test_names_break_ties() -> None:
    deny, allow = ingress("{action: Deny}", more=", order: 5"), ingress("{action: Allow}", more=", order: 5")
    assert asked(everywhere(deny, "b"), everywhere(allow, "a")).allowed("b/web", "a/web") is True
    assert asked(everywhere(deny, "b"), everywhere(allow, "c")).allowed("b/web", "a/web") is False
    # a tier before the name is not part of it
    assert asked(everywhere(deny, "default.b"), everywhere(allow, "c")).allowed("b/web", "a/web") is False


def test_rules_in_order_and_log_decides_nothing() -> None:
    blue = "{namespaceSelector: \"team == 'blue'\"}"
    world = asked(everywhere(ingress("{action: Log}", source(blue, "Deny"), "{action: Allow}")))
    assert world.allowed("b/web", "a/web") is False
    assert world.allowed("a/db", "a/web") is True
    answer = world.answer("b/web", "a/web")
    assert [reason.rule for reason in answer.because if reason.effect == "denies"] == [1]


def test_tiers_in_order_pass_and_the_end_of_a_tier() -> None:
    late = everywhere(ingress("{action: Allow}"))
    front = tier("front", "{order: 10}")
    denied = everywhere("{tier: front, selector: \"app == 'db'\"}", "front.d")
    world = asked(front, late, denied)
    assert world.allowed("b/web", "a/db") is False  # selected there, and nothing decided
    assert world.allowed("b/web", "a/web") is True  # not selected there: the tier is skipped
    passed = everywhere(ingress("{action: Pass}", "{action: Deny}", more=", tier: front"), "front.p")
    assert asked(front, passed).allowed("b/web", "a/web") is True  # no tier decides: the profile allows
    assert asked(front, passed, everywhere(ingress("{action: Deny}"))).allowed("b/web", "a/web") is False
    lenient = tier("front", "{order: 10, defaultAction: Pass}")
    assert asked(lenient, late, denied).allowed("b/web", "a/db") is True


def test_tiers_of_one_order_go_by_name_and_one_without_comes_last() -> None:
    def outcome(first: str, second: str) -> bool | None:
        opened = everywhere(ingress("{action: Allow}", more=", tier: one"), "o")
        closed = everywhere(ingress("{action: Deny}", more=", tier: two"), "c")
        return asked(tier("one", first), tier("two", second), opened, closed).allowed("b/web", "a/web")

    assert outcome("{order: 7}", "{order: 7}") is True
    assert outcome("{order: 8}", "{order: 7}") is False
    assert outcome("{}", "{order: 5000000}") is False


def test_a_tier_only_counts_in_the_directions_of_its_policies() -> None:
    front = everywhere(egress("{action: Allow}", more=", tier: front"), "front.e")
    world = asked(tier("front", "{order: 1}"), front)
    assert world.allowed("b/web", "a/web") is True


def test_network_policy_stands_at_order_1000_of_the_default_tier() -> None:
    opened = policy("{podSelector: {}, ingress: [{}]}")
    early, late = (everywhere(ingress("{action: Deny}", more=f", order: {n}")) for n in (999.5, 1000.5))
    assert asked(opened, early).allowed("b/web", "a/web") is False
    assert asked(opened, late).allowed("b/web", "a/web") is True
    assert asked(opened, everywhere(ingress("{action: Deny}"))).allowed("b/web", "a/web") is True
    closed = policy("{podSelector: {}}")
    assert asked(closed, everywhere(ingress("{action: Allow}"))).allowed("b/web", "a/web") is True  # one tier


def test_denying_at_the_order_of_network_policy_is_unknown() -> None:
    """Names decide, and what they are differs between releases: only what both orders make is certain."""
    peers = "{namespaceSelector: \"team == 'blue'\"}"
    deny = everywhere(ingress(source(peers, "Deny"), "{action: Allow}", more=", order: 1000"))
    opened = policy("{podSelector: {}, ingress: [{}]}")
    both = asked(opened, deny)
    assert both.allowed("b/web", "a/web") is None
    assert both.allowed("a/db", "a/web") is True
    alone = asked(deny)
    assert (alone.allowed("b/web", "a/web"), alone.allowed("a/db", "a/web")) == (False, True)
    last = asked(everywhere(ingress(source(peers), "{action: Deny}", more=", order: 1000")))
    assert (last.allowed("b/web", "a/web"), last.allowed("a/db", "a/web")) == (True, False)


def test_admin_and_baseline_tiers_are_calicos_too() -> None:
    admin = """---
{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: c}, spec:
  {tier: Admin, priority: 10, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}}
"""
    first = everywhere(ingress("{action: Allow}", more=", tier: kube-admin, order: 9"), "first")
    later = everywhere(ingress("{action: Allow}", more=", tier: kube-admin, order: 11"), "later")
    assert asked(admin, first).allowed("b/web", "a/web") is True
    assert asked(admin, later).allowed("b/web", "a/web") is False
    # the end of these tiers passes
    empty = everywhere("{tier: kube-baseline, selector: all(), types: [Ingress]}", "empty")
    assert asked(empty).allowed("b/web", "a/web") is True


def test_a_policy_in_a_tier_that_is_not_read_could_do_anything() -> None:
    world = asked(inside(ingress("{action: Allow}", more=", tier: front"), "front.x"))
    assert world.allowed("b/web", "a/web") is None
    assert world.allowed("a/web", "b/web") is None
    (other,) = world.world.unmodelled
    assert "'front'" in other.kind
    assert other.namespace == "a"


def test_the_pods_own_node_always_reaches_it() -> None:  # felix/rules/static.go: "host -> endpoint"
    host = (
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: a}, spec: {hostNetwork: true, nodeName: n1}}\n"
    )
    world = asked(host, tier("front", "{order: 1}"), everywhere(ingress("{action: Deny}", more=", tier: front")))
    assert world.allowed("a/h", "a/web") is True
    assert world.allowed("a/db", "a/web") is False


# --- the other end ------------------------------------------------------------------------------------------------------


SETS = (
    calico("GlobalNetworkSet", "{nets: [8.8.8.0/24, 10.1.0.0/16]}", "name: g, labels: {kind: dns}")
    + calico("NetworkSet", "{nets: [8.8.4.4]}", "name: s, namespace: a, labels: {kind: dns}")
    + calico("NetworkSet", "{nets: [9.9.9.9/32]}", "name: s, namespace: b, labels: {kind: other}")
)


def outside(world: Asked) -> list[bool | None]:
    return [world.allowed("a/web", ip) for ip in ("8.8.8.8", "8.8.4.4", "9.9.9.9", "1.1.1.1")]


@pytest.mark.parametrize(
    ("peer", "wanted"),
    [
        ("{selector: \"kind == 'dns'\"}", [True, True, False, False]),
        ("{selector: 'has(kind)'}", [True, True, True, False]),
        ("{selector: \"kind != 'dns'\"}", [False, False, True, False]),
        ("{selector: all()}", [True, True, True, False]),
        ("{selector: 'has(kind)', namespaceSelector: all()}", [False, True, True, False]),
        ("{selector: 'has(kind)', namespaceSelector: \"team == 'red'\"}", [False, True, False, False]),
        ("{selector: 'has(kind)', namespaceSelector: global()}", [True, False, False, False]),
        ("{namespaceSelector: global()}", [True, False, False, False]),
        ("{notSelector: \"kind == 'dns'\"}", [False, False, True, True]),
        ("{selector: 'has(kind)', notSelector: \"kind == 'dns'\"}", [False, False, True, False]),
        ("{notSelector: 'has(kind)', namespaceSelector: all()}", [False, False, False, False]),
        ("{nets: [8.8.0.0/16], selector: 'has(kind)'}", [True, True, False, False]),
        ("{nets: [8.8.0.0/16, 1.1.1.1/32]}", [True, True, False, True]),
        ("{nets: [8.8.0.0/16], notNets: [8.8.4.0/24]}", [True, False, False, False]),
        ("{notNets: [8.8.4.0/24]}", [True, False, True, True]),
        ("{nets: [8.8.0.0/16], notSelector: \"kind == 'dns'\"}", [False, False, False, False]),
    ],
)
def test_network_sets_and_networks_of_a_global_policy(peer: str, wanted: list[bool]) -> None:
    assert outside(asked(SETS, everywhere(egress(destination(peer))))) == wanted


def test_a_namespaced_policy_keeps_to_its_namespace() -> None:
    assert outside(asked(SETS, inside(egress(destination("{selector: 'has(kind)'}"))))) == [False, True, False, False]
    # the negated selector too: "as soon as any of the selector fields are used"
    world = asked(inside(ingress(source("{notSelector: \"app == 'db'\"}"))))
    assert reached(world) == set()
    assert reached(asked(everywhere(ingress(source("{notSelector: \"app == 'db'\"}"))))) == {"b/web", "8.8.8.8"}
    assert reached(asked(inside(ingress(source("{selector: all()}"))))) == {"a/db"}
    assert reached(asked(inside(ingress(source("{nets: [10.0.0.0/8]}"))))) == {"a/db", "b/web"}
    assert reached(asked(inside(ingress(source("{namespaceSelector: \"team == 'blue'\"}"))))) == {"b/web"}
    assert reached(asked(inside(ingress(source("{}"))))) == {"a/db", "b/web", "8.8.8.8"}


def test_negation_inside_a_selector_is_about_endpoints_only() -> None:
    within = asked(everywhere(ingress(source("{selector: \"!(app == 'db')\"}"))))
    assert reached(within) == {"b/web"}
    around = asked(everywhere(ingress(source("{notSelector: \"app == 'db'\"}"))))
    assert reached(around) == {"b/web", "8.8.8.8"}


def test_a_pod_in_a_network_of_a_set_is_in_the_set() -> None:
    world = asked(SETS, everywhere(egress(destination("{selector: \"kind == 'dns'\"}"))))
    assert world.allowed("a/web", "b/web") is True  # 10.1.0.1
    assert world.allowed("a/web", "a/db") is False
    taken_off = asked(
        SETS, everywhere(egress(destination('{selector: "has(kind) || has(app)", notSelector: has(app)}')))
    )
    assert taken_off.allowed("a/web", "b/web") is True  # the set has no label app, and holds its address
    assert taken_off.allowed("a/web", "a/db") is False


def test_not_nets_match_pods_and_keep_to_their_family() -> None:
    world = asked(everywhere(ingress(source("{notNets: [10.1.0.0/16]}"))))
    assert reached(world) == {"a/db", "8.8.8.8"}
    assert world.allowed("2001:db8::1", "a/web") is False  # not rendered for IPv6
    six = "---\n{apiVersion: v1, kind: Pod, metadata: {name: s, namespace: b}, status: {podIPs: [{ip: 'fd00::1'}]}}\n"
    dual = asked(six, everywhere(ingress(source("{notNets: ['fd00::/16']}"))))
    assert dual.allowed("2001:db8::1", "b/s") is True
    assert dual.allowed("8.8.8.8", "a/web") is False


def test_ip_version() -> None:
    four = asked(everywhere(egress("{action: Allow, ipVersion: 4}")))
    assert [four.allowed("a/web", to) for to in ("8.8.8.8", "2001:db8::1", "b/web")] == [True, False, True]
    six = asked(everywhere(egress("{action: Allow, ipVersion: 6}")))
    assert [six.allowed("a/web", to) for to in ("8.8.8.8", "2001:db8::1", "b/web")] == [False, True, False]
    unplaced = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: b}}\n"
    assert asked(unplaced, everywhere(egress("{action: Deny, ipVersion: 4}"))).allowed("a/web", "b/x") is False


def test_networks_of_one_end_keep_the_other_to_their_family() -> None:
    world = asked(everywhere(ingress("{action: Allow, destination: {notNets: [10.1.0.0/16]}}")))
    assert [world.allowed(one, "a/web") for one in ("8.8.8.8", "2001:db8::1", "a/db")] == [True, False, True]


def test_stored_rules_with_networks_of_both_families_count_in_each() -> None:
    spec = "{selector: all(), types: [Egress], egress: [{action: Allow, destination: {nets: [8.8.8.8/32, '2001:db8::/32']}}]}"
    world = asked(everywhere(spec, "default.x", api="crd.projectcalico.org/v1"))
    assert [world.allowed("a/web", to) for to in ("8.8.8.8", "2001:db8::1", "9.9.9.9")] == [True, True, False]


def test_the_labels_of_a_stored_set_may_be_kept_elsewhere() -> None:
    def answers(labels: str) -> list[bool | None]:
        stored = calico("GlobalNetworkSet", "{nets: [8.8.8.8/32]}", f"name: g{labels}", "crd.projectcalico.org/v1")
        world = asked(stored, everywhere(egress(destination("{selector: \"kind == 'dns'\"}"))))
        return [world.allowed("a/web", "8.8.8.8"), world.allowed("a/web", "9.9.9.9")]

    assert answers("") == [None, False]
    assert answers(", labels: {kind: dns}") == [True, False]
    assert answers(", labels: {kind: other}") == [False, False]
    own = calico("GlobalNetworkSet", "{nets: [8.8.8.8/32]}", "name: g", "crd.projectcalico.org/v1")
    world = asked(own, everywhere(egress(destination("{selector: all()}"))))
    assert world.allowed("a/web", "8.8.8.8") is True  # whatever its labels
    both = calico("GlobalNetworkSet", "{nets: [8.8.8.8/32]}", "name: g, labels: {kind: dns}")
    assert (
        asked(own, both, everywhere(egress(destination("{selector: \"kind == 'x'\"}")))).allowed("a/web", "8.8.8.8")
        is False
    )


def test_domains_are_not_known_addresses() -> None:
    world = asked(everywhere(egress(destination("{domains: ['*.example.test']}"))))
    assert [world.allowed("a/web", to) for to in ("8.8.8.8", "b/web")] == [None, False]
    names = calico("GlobalNetworkSet", "{allowedEgressDomains: [example.test]}", "name: g, labels: {kind: web}")
    through = asked(names, everywhere(egress(destination("{selector: \"kind == 'web'\"}"))))
    assert [through.allowed("a/web", to) for to in ("8.8.8.8", "b/web")] == [None, False]
    back = asked(names, everywhere(ingress(source("{selector: \"kind == 'web'\"}"))))
    assert back.allowed("8.8.8.8", "a/web") is False  # names count for destinations only


# --- the protected end --------------------------------------------------------------------------------------------------


def test_what_an_ingress_rule_asks_of_its_destination_is_asked_of_the_pod() -> None:
    world = asked(everywhere(ingress(f'{{action: Allow, destination: {{selector: "{WEB}"}}}}')))
    assert [world.allowed("8.8.8.8", to) for to in ("a/web", "a/db", "b/web")] == [True, False, True]
    nets = asked(everywhere(ingress("{action: Allow, destination: {nets: [10.0.1.0/24]}}")))
    assert [nets.allowed("8.8.8.8", to) for to in ("a/web", "a/db", "b/web")] == [False, True, False]
    unplaced = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: b}}\n"
    assert (
        asked(unplaced, everywhere(ingress("{action: Allow, destination: {nets: [10.0.1.0/24]}}"))).allowed(
            "8.8.8.8", "b/x"
        )
        is None
    )


def test_what_an_egress_rule_asks_of_its_source_is_asked_of_the_pod() -> None:
    rules = ("{action: Deny, source: {notSelector: \"app == 'db'\"}}", "{action: Allow}")
    world = asked(everywhere(egress(*rules)))
    assert [world.allowed(one, "8.8.8.8") for one in ("a/web", "a/db", "b/web")] == [False, True, False]


def test_rules_keep_their_order_around_those_that_ask_something_of_the_pod() -> None:
    first = f'{{action: Deny, source: {{nets: [10.1.0.0/16]}}, destination: {{selector: "{WEB}"}}}}'
    world = asked(everywhere(ingress("{action: Deny, protocol: UDP}", first, "{action: Allow}")))
    assert reached(world) == {"a/db", "8.8.8.8"}
    assert reached(world, "a/db") == {"a/web", "b/web", "8.8.8.8"}
    assert reached(world, "a/db", 80, "UDP") == set()
    other = asked(everywhere(ingress("{action: Allow}", first)))
    assert reached(other) == {"a/db", "b/web", "8.8.8.8"}
    # nothing of the rule is lost between two policies of one order
    split = asked(
        everywhere(ingress(first, more=", order: 5"), "b"),
        everywhere(ingress("{action: Allow}", more=", order: 5"), "c"),
    )
    assert reached(split) == {"a/db", "8.8.8.8"}


# --- ports and protocols ------------------------------------------------------------------------------------------------


def ports(rule: str, tries: tuple[tuple[str, int], ...]) -> list[bool | None]:
    world = asked(everywhere(ingress(f"{{action: Allow, {rule}}}")))
    return [world.allowed("b/web", "a/web", port, protocol) for protocol, port in tries]


TRIES = (("TCP", 80), ("TCP", 8080), ("UDP", 53), ("SCTP", 80))


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("protocol: TCP", [True, True, False, False]),
        ("protocol: 6", [True, True, False, False]),
        ("protocol: '17'", [False, False, True, False]),
        ("protocol: SCTP", [False, False, False, True]),
        ("protocol: ICMP", [False, False, False, False]),
        ("protocol: UDPLite", [False, False, False, False]),
        ("protocol: 200", [False, False, False, False]),
        ("notProtocol: TCP", [False, False, True, True]),
        ("notProtocol: ICMP", [True, True, True, True]),
        ("protocol: TCP, notProtocol: 6", [False, False, False, False]),
        ("protocol: TCP, destination: {ports: [80]}", [True, False, False, False]),
        ("protocol: TCP, destination: {ports: ['80:8000', '8080']}", [True, True, False, False]),
        ("protocol: TCP, destination: {ports: [http]}", [False, True, False, False]),
        ("protocol: UDP, destination: {ports: [dns]}", [False, False, True, False]),
        ("protocol: TCP, destination: {ports: [dns]}", [False, False, False, False]),
        ("protocol: TCP, destination: {ports: [80, http]}", [True, True, False, False]),
        ("destination: {ports: [http]}", [False, True, False, False]),
        ("destination: {ports: [dns]}", [False, False, False, False]),  # a name without a protocol is one of TCP
        ("protocol: TCP, destination: {notPorts: [80]}", [False, True, False, False]),
        ("protocol: TCP, destination: {notPorts: ['8000:9000']}", [True, False, False, False]),
        ("protocol: TCP, destination: {ports: ['1:9000'], notPorts: [80]}", [False, True, False, False]),
        ("protocol: ICMP, icmp: {type: 8, code: 0}", [False, False, False, False]),
        ("notICMP: {type: 8}", [True, True, True, True]),
    ],
)
def test_protocols_and_ports(rule: str, wanted: list[bool]) -> None:
    assert ports(rule, TRIES) == wanted


def test_a_name_in_not_ports_leaves_its_numbers_open() -> None:
    tries = (("TCP", 80), ("TCP", 8080), ("TCP", 9090), ("UDP", 53))  # http is 8080 at a/web and 9090 at a/db
    assert ports("protocol: TCP, destination: {notPorts: [http]}", tries) == [True, None, None, False]
    assert ports("protocol: TCP, destination: {ports: [http], notPorts: [9090]}", tries) == [False, None, False, False]
    assert ports("protocol: TCP, destination: {notPorts: [nobody]}", tries) == [True, True, True, False]


def test_names_are_of_endpoints_and_not_of_networks() -> None:
    rule = (
        "{action: Allow, protocol: TCP, destination: {selector: \"kind == 'dns' || app == 'db'\", ports: [80, http]}}"
    )
    world = asked(SETS, everywhere(egress(rule)))
    assert world.allowed("a/web", "a/db", 9090) is True
    assert world.allowed("a/web", "8.8.8.8", 80) is True
    assert world.allowed("b/web", "a/web", 8080) is False
    # 10.0.0.0/16 of the set holds a/web, which the selector does not select: its names do not count, its numbers do
    wide = calico("GlobalNetworkSet", "{nets: [10.0.0.0/16]}", "name: w, labels: {kind: dns}")
    through = asked(wide, everywhere(egress(rule)))
    assert [through.allowed("b/web", "a/web", port) for port in (80, 8080)] == [True, False]


def test_source_ports_leave_a_rule_open() -> None:
    rule = "{action: Allow, protocol: UDP, source: {ports: [53]}}"
    world = asked(everywhere(ingress(rule)))
    assert world.allowed("b/web", "a/web", 80, "UDP") is None
    assert world.allowed("b/web", "a/web", 80, "TCP") is False
    (diagnostic,) = (d for d in world.world.diagnostics if d.slug == "unmodelled-policy")
    assert "source ports" in diagnostic.message
    assert diagnostic.incomplete
    answer = world.answer("b/web", "a/web", 80, "UDP")
    assert any("source ports" in reason.text for reason in answer.because)


def test_http_is_noted_and_the_connection_is_allowed() -> None:
    world = asked(
        everywhere(ingress("{action: Allow, http: {methods: [GET, PUT], paths: [{exact: /a}, {prefix: /b}]}}"))
    )
    answer = world.answer("b/web", "a/web")
    assert answer.allowed is True
    assert "HTTP methods GET, PUT; paths /a, /b*" in {reason.text for reason in answer.because}


# --- services -----------------------------------------------------------------------------------------------------------


def service(spec: str, name: str = "shop", namespace: str = "a") -> str:
    return f"---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {namespace}}}, spec: {spec}}}\n"


def test_egress_to_a_service_is_to_its_endpoints_on_its_target_ports() -> None:
    ports = "[{name: x, port: 80, targetPort: http}, {name: z, port: 99, targetPort: 7000}, {name: w, port: 53, protocol: UDP}]"
    backend = service(f"{{selector: {{app: db}}, ports: {ports}}}")
    world = asked(backend, inside(egress(destination("{services: {name: shop}}"))))
    tried = [("TCP", 80), ("TCP", 9090), ("TCP", 7000), ("TCP", 53), ("UDP", 53)]
    assert [world.allowed("a/web", "a/db", n, p) for p, n in tried] == [False, True, True, False, True]
    assert world.allowed("a/db", "a/web", 7000) is False
    from_b = asked(backend, inside(egress(destination("{services: {name: shop, namespace: a}}")), namespace="b"))
    assert from_b.allowed("b/web", "a/db", 7000) is True
    only = asked(backend, inside(egress("{action: Allow, protocol: UDP, destination: {services: {name: shop}}}")))
    assert [only.allowed("a/web", "a/db", n, p) for p, n in (("TCP", 7000), ("UDP", 53))] == [False, True]


def test_ingress_from_a_service_is_from_its_endpoints() -> None:
    front = service("{selector: {app: web}, ports: [{port: 80}]}", namespace="b")
    rule = (
        "{action: Allow, protocol: TCP, source: {services: {name: shop, namespace: b}}, destination: {ports: [5432]}}"
    )
    world = asked(front, inside(ingress(rule)))
    assert [world.allowed(one, "a/db", 5432) for one in ("b/web", "a/web", "8.8.8.8")] == [True, False, False]
    assert world.allowed("b/web", "a/db", 80) is False


@pytest.mark.parametrize("given", ["", service("{ports: [{port: 443}]}")])
def test_a_service_whose_endpoints_are_not_known_leaves_a_rule_open(given: str) -> None:
    world = asked(given, inside(egress(destination("{services: {name: shop}}"))))
    assert world.allowed("a/web", "8.8.8.8", 443) is None
    incoming = asked(given, inside(ingress(source("{services: {name: shop}}"))))
    assert incoming.allowed("b/web", "a/web") is None


def test_services_without_endpoints_and_with_hosts() -> None:
    alias = service("{type: ExternalName, externalName: example.test}")
    assert asked(alias, inside(egress(destination("{services: {name: shop}}")))).allowed("a/web", "8.8.8.8") is False
    host = "---\n{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: a, labels: {app: dns}}, spec: {hostNetwork: true, nodeName: n9}}\n"
    dns = service("{selector: {app: dns}, ports: [{port: 53}]}")
    world = asked(host, dns, inside(egress(destination("{services: {name: shop}}"))))
    assert world.allowed("a/web", "a/h", 53) is None
    assert world.allowed("a/web", "a/db", 53) is False
    named = service("{selector: {app: dns}, ports: [{port: 53, targetPort: metrics}]}")
    host = host.replace("nodeName: n9", "nodeName: n9, containers: [{ports: [{name: metrics, containerPort: 9153}]}]")
    by_name = asked(NODE, host, named, inside(egress(destination("{services: {name: shop}}"))))
    assert [by_name.allowed("a/web", "192.168.9.9", port) for port in (53, 9153)] == [False, True]
    placed = asked(NODE, host, dns, inside(egress(destination("{services: {name: shop}}"))))
    assert [placed.allowed("a/web", "192.168.9.9", port) for port in (53, 54)] == [True, False]


# --- hosts --------------------------------------------------------------------------------------------------------------


NODE = """---
{apiVersion: v1, kind: Node, metadata: {name: n9}, status: {addresses: [{type: InternalIP, address: 192.168.9.9}]}}
"""
HOST = "node: n9, interfaceName: eth0, expectedIPs: [192.168.9.9]"
ENDPOINT = calico(
    "HostEndpoint", f"{{{HOST}, profiles: [projectcalico-default-allow]}}", "name: h9, labels: {role: host}"
)


def test_a_host_endpoint_without_a_profile_leaves_its_host_open() -> None:
    world = asked(NODE, calico("HostEndpoint", f"{{{HOST}}}", "name: h9"))
    assert world.allowed("a/web", "192.168.9.9") is None
    assert world.allowed("192.168.9.9", "a/web") is None
    assert world.allowed("a/web", "a/db") is True
    assert any("HostEndpoint h9" in one.message for one in world.world.diagnostics)


def test_host_endpoints_are_matched_by_their_addresses() -> None:
    world = asked(
        NODE, ENDPOINT, inside(egress(destination("{selector: \"role == 'host'\", namespaceSelector: global()}")))
    )
    assert [world.allowed("a/web", to) for to in ("192.168.9.9", "192.168.9.8", "a/db")] == [True, False, False]


def test_policies_that_apply_to_host_endpoints_leave_their_hosts_open() -> None:
    spec = "{selector: has(role), types: [Ingress], ingress: [{action: Deny}]}"
    world = asked(NODE, ENDPOINT, everywhere(spec))
    assert world.allowed("a/web", "192.168.9.9") is None
    assert world.allowed("192.168.9.9", "a/web") is True
    assert world.allowed("a/web", "b/web") is True
    assert any("host endpoints (h9)" in d.message for d in world.world.diagnostics)
    beside = asked(NODE, ENDPOINT, everywhere("{selector: \"app == 'web'\", ingress: [{action: Deny}]}"))
    assert beside.allowed("a/web", "192.168.9.9") is True
    unread = asked(
        ENDPOINT,
        everywhere(spec),
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: a}, spec: {hostNetwork: true}}\n",
    )
    assert unread.allowed("a/web", "a/h") is None  # it may be the host


def test_policies_for_forwarded_traffic_leave_pods_open_too() -> None:
    spec = "{selector: has(role), applyOnForward: true, types: [Ingress], ingress: [{action: Allow}]}"
    assert asked(NODE, ENDPOINT, everywhere(spec)).allowed("8.8.8.8", "a/web") is None
    assert asked(everywhere(spec)).allowed("8.8.8.8", "a/web") is True  # no host endpoint is known


@pytest.mark.parametrize("flag", ["preDNAT", "doNotTrack"])
def test_untracked_and_pre_dnat_policies_never_apply_to_pods(flag: str) -> None:
    spec = f"{{selector: all(), {flag}: true, applyOnForward: true, ingress: [{{action: Deny}}]}}"
    assert asked(everywhere(spec)).allowed("b/web", "a/web") is True
    assert asked(NODE, ENDPOINT, everywhere(spec)).allowed("b/web", "a/web") is None


# --- forms --------------------------------------------------------------------------------------------------------------


def test_staged_policies_enforce_nothing() -> None:
    for kind in ("StagedNetworkPolicy", "StagedGlobalNetworkPolicy", "StagedKubernetesNetworkPolicy"):
        staged = calico(
            kind, "{selector: all(), stagedAction: Set, ingress: [{action: Deny}]}", "name: s, namespace: a"
        )
        world = asked(staged)
        assert world.allowed("b/web", "a/web") is True
        assert world.world.unmodelled == ()


def test_the_stored_form_means_the_same() -> None:
    spec = f'{{order: 5, selector: "{WEB}", types: [Ingress], ingress: [{{action: Allow, protocol: tcp}}]}}'
    (made,) = world_of(PODS + everywhere(spec, "default.g", api="crd.projectcalico.org/v1")).policies
    (other,) = world_of(PODS + everywhere(spec.replace("tcp", "TCP"), "g")).policies
    assert (made.subject, made.ingress, made.priority, made.tier) == (
        other.subject,
        other.ingress,
        other.priority,
        other.tier,
    )
    assert (made.kind, made.name) == ("GlobalNetworkPolicy", "default.g")


def test_simple_selectors_become_simple_peers() -> None:
    (made,) = world_of(
        PODS + inside(ingress(source("{selector: \"app == 'db' && has(x)\", namespaceSelector: all()}")))
    ).policies
    assert made.kind == "CalicoNetworkPolicy"
    assert made.subject == PodPeer((), "a")
    (rule,) = made.ingress
    wanted = (Requirement("app", "In", ("db",)), Requirement("x", "Exists"))
    assert rule.peers == (PodPeer(wanted, None, (Requirement("kubernetes.io/metadata.name", "Exists"),)),)
    (nets,) = world_of(PODS + inside(ingress(source("{nets: [10.0.0.0/8, 9.0.0.0/8]}")))).policies
    assert nets.ingress[0].peers is not None
    assert [type(peer) for peer in nets.ingress[0].peers] == [BlockPeer, BlockPeer]
    (nothing,) = world_of(PODS + everywhere("{selector: \"app contains 'zzz'\"}")).policies
    assert nothing.subject == AnyOf(())


def test_json_lists_are_read_with_lines() -> None:
    objects = [{
        "apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": {"name": "g"},
        "spec": {"selector": "all()", "ingress": [{"action": "Allow"}, {"action": "Nope"}]},
    }]  # fmt: skip
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=1)
    (refusal,) = read_world([("w.json", text.encode())]).refused
    assert "'Nope'" in refusal.why
    assert "Nope" in text.splitlines()[refusal.line - 1]


@pytest.mark.parametrize("field", ["ruleSelector: x", "egressGateway: {selector: x}"])
def test_a_field_that_is_not_read_leaves_everything_open(field: str) -> None:
    world = asked(inside(f"{{selector: all(), types: [Ingress], {field}}}"))
    assert world.allowed("b/web", "a/web") is None
    (other,) = world.world.unmodelled
    assert field.partition(":")[0] in other.kind


def test_a_field_of_a_rule_that_is_not_read_leaves_the_rule_open() -> None:
    rule = "{action: Allow, protocol: TCP, source: {selector: \"app == 'db'\", threatfeed: x}}"
    world = asked(everywhere(ingress(rule)))
    assert world.allowed("a/db", "a/web") is None
    assert world.allowed("b/web", "a/web") is False
    assert any("source.threatfeed" in d.message for d in world.world.diagnostics)


# --- what is refused ----------------------------------------------------------------------------------------------------


def rule_of(more: str, direction: str = "ingress", action: str = "Allow") -> str:
    return f"{{{direction}: [{{action: {action}, {more}}}]}}"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("{selector: 'app = x'}", "the selector 'app = x' is wrong at character 5"),
        ("{selector: global()}", "global() can only be used"),
        ("{serviceAccountSelector: global()}", "global() can only be used"),
        ("{namespaceSelector: '!global()'}", "global() can only be used"),
        ("{types: [Ingress, Ingress]}", "given more than once"),
        ("{types: [ingress]}", "not Ingress or Egress"),
        ("{order: .inf}", "order must be a number"),
        ("{order: '10'}", "expected float"),
        ("{preDNAT: true, applyOnForward: true, egress: [{action: Allow}]}", "cannot have egress rules"),
        ("{preDNAT: true, applyOnForward: true, types: [Egress]}", "cannot have the type Egress"),
        ("{preDNAT: true, doNotTrack: true, applyOnForward: true}", "cannot both be true"),
        ("{doNotTrack: true}", "applyOnForward must be true"),
        ("{ingress: [{}]}", "the action 'None' is not"),
        ("{ingress: [{action: allow}]}", "the action 'allow' is not"),
        (rule_of("protocol: tcp"), "the protocol 'tcp' is not one of"),
        (rule_of("protocol: 0"), "not between 1 and 255"),
        (rule_of("notProtocol: 256"), "not between 1 and 255"),
        (rule_of("ipVersion: 5"), "not 4 or 6"),
        (rule_of("destination: {ports: [80]}"), "must have the protocol TCP, UDP or SCTP"),
        (rule_of("protocol: ICMP, destination: {ports: [http]}"), "must have the protocol TCP, UDP or SCTP"),
        (rule_of("destination: {notPorts: ['1:2']}"), "must have the protocol"),
        (rule_of("protocol: TCP, destination: {ports: [0]}"), "not a port between"),
        (rule_of("protocol: TCP, destination: {ports: [65536]}"), "not a port between"),
        (rule_of("protocol: TCP, destination: {ports: ['20:10']}"), "ends before it begins"),
        (rule_of("protocol: TCP, destination: {ports: ['1:99999']}"), "not a port between"),
        (rule_of("protocol: TCP, destination: {ports: ['a b']}"), "not a port name"),
        (rule_of("protocol: TCP, destination: {ports: ['1:2:3']}"), "not a port name"),
        (rule_of("protocol: TCP, icmp: {type: 8}"), "must have the protocol ICMP"),
        (rule_of("protocol: ICMP, icmp: {code: 8}"), "code needs a type"),
        (rule_of("protocol: ICMP, icmp: {type: 255}"), "from 0 to 254"),
        (rule_of("protocol: ICMP, ipVersion: 6"), "must be 4 with the protocol ICMP"),
        (rule_of("notProtocol: ICMPv6, ipVersion: 4"), "must be 6 with the protocol ICMPv6"),
        (rule_of("source: {nets: [10.0.0.1]}"), "not a CIDR block"),
        (rule_of("source: {nets: [10.0.0.1/8]}"), "bits beyond its prefix"),
        (rule_of("source: {nets: [10.0.0.0/33]}"), "not a CIDR block"),
        (rule_of("source: {nets: [010.0.0.0/8]}"), "not a CIDR block"),
        (rule_of("source: {nets: [10.0.0.0/8, 'fd00::/8']}"), "both IPv4 and IPv6"),
        (rule_of("source: {nets: [10.0.0.0/8]}, destination: {notNets: ['fd00::/8']}"), "both IPv4 and IPv6"),
        (rule_of("ipVersion: 6, source: {nets: [10.0.0.0/8]}"), "another family"),
        (rule_of("source: {notNets: [0.0.0.0/0]}"), "never match"),
        (rule_of("source: {selector: global()}"), "global() can only be used in a namespaceSelector"),
        (rule_of("source: {namespaceSelector: 'has(x) || global()'}"), "cannot stand beside"),
        (rule_of("source: {namespaceSelector: '(x'}"), "wrong at character"),
        (rule_of("source: {notSelector: 'x =='}"), "a quoted value is missing"),
        (rule_of("source: {serviceAccounts: {selector: '&&'}}"), "an expression is missing"),
        (rule_of("source: {services: {namespace: a}}"), "must name a service"),
        (rule_of("source: {services: {name: x}}"), "must have a namespace"),
        (rule_of("destination: {services: {name: x, namespace: a}}"), "not for the destination of ingress"),
        (rule_of("source: {services: {name: x, namespace: a}}", "egress"), "not for the source of egress"),
        (rule_of("source: {services: {name: x, namespace: a}, selector: all()}"), "cannot stand beside selector"),
        (rule_of("source: {services: {name: x, namespace: a}, nets: [10.0.0.0/8]}"), "cannot stand beside nets"),
        (
            rule_of("protocol: TCP, destination: {services: {name: x, namespace: a}, ports: [1]}", "egress"),
            "cannot stand beside ports",
        ),
        (rule_of("source: {domains: [a.test]}"), "domains are only for"),
        (rule_of("destination: {domains: [a.test]}", "egress", "Deny"), "domains are only for"),
        (rule_of("http: {methods: [GET]}", "egress"), "http is not for egress"),
        (rule_of("http: {methods: [GET]}", action="Deny"), "only for rules that Allow"),
        (rule_of("protocol: UDP, http: {methods: [GET]}"), "must have the protocol TCP or none"),
        (rule_of("http: {methods: [GET, GET]}"), "given more than once"),
        (rule_of("http: {paths: [{exact: /a, prefix: /b}]}"), "exactly one of exact and prefix"),
        (rule_of("http: {paths: [{exact: a}]}"), "must begin with /"),
        (rule_of("http: {paths: [{prefix: '/a?b'}]}"), "must begin with /"),
    ],
)
def test_what_calico_refuses(spec: str, why: str) -> None:
    (refusal,) = world_of(PODS + everywhere(spec)).refused
    assert why in refusal.why
    assert refusal.line > 0


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (everywhere("{}", "a.b.c"), "not a DNS label"),
        (everywhere("{}", "UPPER"), "not a DNS subdomain"),
        (inside("{namespaceSelector: all()}"), "only a GlobalNetworkPolicy has namespaceSelector"),
        (inside("{applyOnForward: true}"), "only a GlobalNetworkPolicy has applyOnForward"),
        (tier("a.b", "{}"), "not a DNS label"),
        (tier("front", "{defaultAction: Allow}"), "not Deny or Pass"),
        (tier("default", "{order: 5}"), "must be 1e+06"),
        (tier("kube-admin", "{order: 1000, defaultAction: Deny}"), "must be Pass"),
        (calico("GlobalNetworkSet", "{nets: [10.0.0.0/99]}", "name: x"), "not a CIDR block"),
        (calico("NetworkSet", "{nets: []}", "name: x, labels: {projectcalico.org/namespace: a}"), "not for labels"),
        (calico("HostEndpoint", "{interfaceName: eth0}", "name: x"), "node must be given"),
        (calico("HostEndpoint", "{node: node}", "name: x"), "interfaceName or expectedIPs"),
        (calico("HostEndpoint", "{node: node, expectedIPs: [10.0.0.0/8]}", "name: x"), "not an IP address"),
    ],
)
def test_what_calico_refuses_of_other_objects(document: str, why: str) -> None:
    world = world_of(PODS + document)
    (refusal,) = world.refused
    assert why in refusal.why


def test_kubernetes_own_policies_may_be_given_as_calico_lists_them() -> None:
    spec = (
        "{order: 1000, selector: \"projectcalico.org/orchestrator == 'k8s' && app == 'web'\", types: [Ingress],"
        " ingress: [{action: Allow, source: {selector: \"projectcalico.org/orchestrator == 'k8s' && app == 'db'\"}}]}"
    )
    world = asked(inside(spec, "knp.default.web"))
    assert reached(world) == {"a/db"}


# --- hostile input ------------------------------------------------------------------------------------------------------

WHOLE = {
    "order": 5.5, "tier": "front", "selector": "app == 'web' || has(x)", "serviceAccountSelector": "all()",
    "namespaceSelector": "team starts with 'r'", "types": ["Ingress", "Egress"], "performanceHints": [],
    "doNotTrack": False, "preDNAT": False, "applyOnForward": False,
    "ingress": [{
        "action": "Allow", "protocol": "TCP", "metadata": {"annotations": {"name": "first"}},
        "http": {"methods": ["GET"], "paths": [{"exact": "/a"}]},
        "source": {
            "nets": ["10.0.0.0/8"], "notNets": ["10.1.0.0/16"], "selector": "all()", "notSelector": "has(y)",
            "namespaceSelector": "all()", "serviceAccounts": {"names": ["x"], "selector": "all()"}, "ports": [1],
        },
        "destination": {"ports": [80, "1:9", "http"], "notPorts": ["metrics", 7], "selector": "has(app)"},
    }],
    "egress": [
        {"action": "Pass", "notProtocol": 17, "ipVersion": 4, "notICMP": {"type": 8, "code": 1}},
        {"action": "Deny", "protocol": "ICMP", "icmp": {"type": 8}},
        {"action": "Allow", "destination": {"services": {"name": "shop", "namespace": "a"}}},
        {"action": "Allow", "destination": {"domains": ["a.test"]}},
    ],
}  # fmt: skip
JUNK: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "(((",
    "1:",
    "::/0",
    [],
    [None],
    [[]],
    {},
    {"x": 1},
    {"": None},
    "é" * 99,
    10**30,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def test_nonsense_anywhere_in_a_policy_is_refused_or_read() -> None:
    spots = places(WHOLE)
    assert len(spots) > 60
    outcomes = set()
    for api in ("projectcalico.org/v3", "crd.projectcalico.org/v1"):
        for spot, junk in ((spot, junk) for spot in spots for junk in JUNK):
            spec = json.loads(json.dumps(WHOLE))
            inside_of = spec
            for step in spot[:-1]:
                inside_of = inside_of[step]
            if spot:
                inside_of[spot[-1]] = junk
            else:
                spec = junk
            policies = [
                {"apiVersion": api, "kind": "Tier", "metadata": {"name": "front"}, "spec": {"order": 3}},
                {"apiVersion": api, "kind": "GlobalNetworkPolicy", "metadata": {"name": "g"}, "spec": spec},
            ]
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
            world = read_world([("w.json", text.encode())])
            outcomes.add((bool(world.refused), bool(world.policies), bool(world.unmodelled)))
            assert world.refused or world.policies or world.unmodelled or world.diagnostics
    assert {(True, False, False), (False, True, False)} <= outcomes
