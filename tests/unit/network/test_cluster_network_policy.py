"""ClusterNetworkPolicy v1alpha2, one rule of its types file a test (sigs.k8s.io/network-policy-api, apis/v1alpha2)."""

from __future__ import annotations

import pytest

from tests.unit.network.helpers import asked, cluster_policy, policy, world_of

ALL = "{namespaces: {}}"


def rules(tier: str, priority: int, *ingress: str, subject: str = ALL) -> str:
    return f"{{tier: {tier}, priority: {priority}, subject: {subject}, ingress: [{', '.join(ingress)}]}}"


def rule(action: str, peer: str = ALL, more: str = "") -> str:
    return f"{{action: {action}, from: [{peer}]{more}}}"


def test_admin_outranks_network_policy() -> None:
    opened = asked(cluster_policy(rules("Admin", 1, rule("Accept"))), policy("{podSelector: {}}"))
    assert opened.allowed("b/web", "a/web") is True
    assert opened.allowed("8.8.8.8", "a/web") is False  # pod peers are no addresses outside
    closed = asked(cluster_policy(rules("Admin", 1, rule("Deny"))), policy("{podSelector: {}, ingress: [{}]}"))
    assert closed.allowed("b/web", "a/web") is False


def test_the_lower_priority_number_and_the_earlier_rule_come_first() -> None:
    world = asked(
        cluster_policy(rules("Admin", 2, rule("Accept")), "late"),
        cluster_policy(rules("Admin", 1, rule("Deny")), "early"),
    )
    assert world.allowed("b/web", "a/web") is False
    inside = asked(cluster_policy(rules("Admin", 2, rule("Accept"), rule("Deny"))))
    assert inside.allowed("b/web", "a/web") is True


def test_pass_goes_to_the_next_tier() -> None:
    admin = cluster_policy(rules("Admin", 1, rule("Pass"), rule("Deny")))
    assert asked(admin).allowed("b/web", "a/web") is True  # nothing else decides: the default
    assert asked(admin, policy("{podSelector: {}}")).allowed("b/web", "a/web") is False
    baseline = cluster_policy(rules("Baseline", 1, rule("Deny")), "base")
    assert asked(admin, baseline).allowed("b/web", "a/web") is False


def test_network_policy_decides_before_baseline_for_the_pods_it_isolates() -> None:
    baseline = cluster_policy(rules("Baseline", 0, rule("Deny")))
    world = asked(baseline, policy("{podSelector: {matchLabels: {app: web}}, ingress: [{}]}"))
    assert world.allowed("b/web", "a/web") is True
    assert world.allowed("b/web", "a/db") is False
    denied = asked(cluster_policy(rules("Baseline", 0, rule("Accept"))), policy("{podSelector: {}}"))
    assert denied.allowed("b/web", "a/web") is False


def test_one_priority_with_different_actions_is_unknown() -> None:  # "no way for the user to reliably determine which"
    world = asked(
        cluster_policy(rules("Admin", 1, rule("Accept")), "one"), cluster_policy(rules("Admin", 1, rule("Deny")), "two")
    )
    answer = world.answer("b/web", "a/web")
    assert answer.allowed is None
    assert {reason.policy for reason in answer.because} == {"one", "two"}
    same = asked(
        cluster_policy(rules("Admin", 1, rule("Deny")), "one"), cluster_policy(rules("Admin", 1, rule("Deny")), "two")
    )
    assert same.allowed("b/web", "a/web") is False


def test_protocols_and_named_ports() -> None:
    tcp = asked(
        cluster_policy(rules("Admin", 1, rule("Deny", more=", protocols: [{tcp: {destinationPort: {number: 80}}}]")))
    )
    assert [tcp.allowed("b/web", "a/web", 80, p) for p in ("TCP", "UDP")] == [False, True]
    span = ", protocols: [{udp: {destinationPort: {range: {start: 10, end: 20}}}}]"
    udp = asked(cluster_policy(rules("Admin", 1, rule("Deny", more=span))))
    assert [udp.allowed("b/web", "a/web", port, "UDP") for port in (9, 10, 20, 21)] == [True, False, False, True]
    named = asked(cluster_policy(rules("Admin", 1, rule("Deny", more=", protocols: [{destinationNamedPort: dns}]"))))
    assert named.allowed("b/web", "a/web", 53, "UDP") is False
    assert named.allowed("b/web", "a/web", 53, "TCP") is True


def egress(*found: str) -> str:
    return cluster_policy(f"{{tier: Admin, priority: 1, subject: {ALL}, egress: [{', '.join(found)}]}}")


def test_networks_match_pods_too() -> None:  # "cluster-internal traffic will be checked against the rule as well"
    world = asked(egress("{action: Deny, to: [{networks: [10.1.0.0/16]}]}"))
    assert world.allowed("a/web", "b/web") is False
    assert world.allowed("a/web", "a/db") is True
    assert world.allowed("a/web", "10.1.77.1") is False


def test_a_denied_network_and_a_pod_without_an_address_is_unknown() -> None:
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: b}}\n"
    world = asked(pod, egress("{action: Deny, to: [{networks: [10.1.0.0/16]}]}"))
    assert world.allowed("a/web", "b/x") is None


def test_domain_names_leave_addresses_outside_unknown() -> None:
    accept = "{action: Accept, to: [{domainNames: ['*.example.test']}]}"
    world = asked(egress(accept, "{action: Deny, to: [{networks: [0.0.0.0/0]}]}"))
    assert world.allowed("a/web", "8.8.8.8") is None
    assert world.allowed("a/web", "b/web") is False
    assert asked(egress(accept)).allowed("a/web", "8.8.8.8") is True  # either way


def test_nodes_are_matched_by_their_labels() -> None:
    node = (
        "---\n{apiVersion: v1, kind: Node, metadata: {name: n9, labels: {role: edge}},"
        " status: {addresses: [{type: InternalIP, address: 192.168.9.9}]}}\n"
    )
    world = asked(node, egress("{action: Deny, to: [{nodes: {matchLabels: {role: edge}}}]}"))
    assert world.allowed("a/web", "192.168.9.9") is False
    assert world.allowed("a/web", "192.168.9.8") is True
    assert (
        asked(egress("{action: Deny, to: [{nodes: {matchLabels: {role: edge}}}]}")).allowed("a/web", "8.8.8.8") is None
    )


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("{tier: Top, priority: 1, subject: {namespaces: {}}}", "not Admin or Baseline"),
        ("{tier: Admin, subject: {namespaces: {}}}", "priority must be given"),
        ("{tier: Admin, priority: 1001, subject: {namespaces: {}}}", "from 0 to 1000"),
        ("{tier: Admin, priority: 1, subject: {}}", "exactly one of namespaces and pods"),
        (rules("Admin", 1, "{action: Allow, from: [{namespaces: {}}]}"), "not Accept, Deny or Pass"),
        (rules("Admin", 1, "{action: Deny, from: []}"), "at least one peer"),
        (rules("Admin", 1, "{action: Deny, from: [{}]}"), "exactly one of"),
        (rules("Admin", 1, "{action: Deny, from: [{networks: [10.0.0.0/8]}]}"), "exactly one of namespaces and pods"),
        (rules("Admin", 1, rule("Deny", more=", protocols: []")), "1 to 25 protocols"),
        (
            rules(
                "Admin", 1, rule("Deny", more=", protocols: [{tcp: {destinationPort: {range: {start: 5, end: 5}}}}]")
            ),
            "less than end",
        ),
        (rules("Admin", 1, *[rule("Deny")] * 26), "0 to 25 rules"),
        (
            "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{domainNames: [a.test]}]}]}",
            "only for rules that Accept",
        ),
    ],
)
def test_what_the_api_server_refuses(spec: str, why: str) -> None:
    (refusal,) = world_of(cluster_policy(spec)).refused
    assert why in refusal.why
    assert refusal.line > 0
