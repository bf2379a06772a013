"""AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1, from its types.go."""

from __future__ import annotations

import pytest

from tests.unit.network.helpers import PODS, Asked, asked, cluster_policy, policy, world_of

_ALL = "subject: {namespaces: {}}"


def admin(spec: str, kind: str = "AdminNetworkPolicy", name: str = "a") -> str:
    return (
        f"---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )


def baseline(spec: str) -> str:
    return admin(spec, "BaselineAdminNetworkPolicy", "default")


def test_the_first_rule_that_matches_decides_and_lower_priorities_come_first() -> None:
    here = asked(
        admin(f"{{priority: 5, {_ALL}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"),
        admin(
            f"{{priority: 4, {_ALL}, ingress: [{{action: Allow, from: [{{pods: {{namespaceSelector: "
            "{matchLabels: {team: blue}}, podSelector: {}}}], ports: [{portNumber: {protocol: TCP, port: 80}}]}]}",
            name="b",
        ),
    )
    assert here.allowed("b/web", "a/db") is True
    assert here.allowed("b/web", "a/db", 81) is False
    assert here.allowed("a/web", "a/db") is False
    assert here.allowed("8.8.8.8", "a/db") is True  # namespaces hold no address outside


def test_ranges_protocols_and_names_of_ports() -> None:
    ports = "[{portRange: {protocol: UDP, start: 50, end: 60}}, {namedPort: http}]"
    here = asked(
        admin(f"{{priority: 1, {_ALL}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}], ports: {ports}}}]}}")
    )
    assert here.allowed("b/web", "a/web", 53, "UDP") is False
    assert here.allowed("b/web", "a/web", 61, "UDP") is True
    assert here.allowed("b/web", "a/web", 8080) is False  # what http means there
    assert here.allowed("b/web", "a/db", 8080) is True
    assert here.allowed("b/web", "a/db", 9090) is False


def test_pass_leaves_it_to_network_policy_and_baseline_comes_last() -> None:
    rule = "ingress: [{action: %s, from: [{namespaces: {}}]}]"
    isolated = policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}")
    here = asked(admin(f"{{priority: 1, {_ALL}, {rule % 'Pass'}}}"), isolated, baseline(f"{{{_ALL}, {rule % 'Deny'}}}"))
    assert here.allowed("a/web", "a/db") is True  # NetworkPolicy has the last word on pods that it isolates
    assert here.allowed("b/web", "a/db") is False
    assert here.allowed("a/db", "a/web") is False  # baseline
    because = here.answer("a/db", "a/web").because
    assert [(reason.kind, reason.effect) for reason in because] == [
        ("AdminNetworkPolicy", "passes"),
        ("BaselineAdminNetworkPolicy", "denies"),
    ]


def test_equal_priorities_that_disagree_are_unknown() -> None:
    rules = [
        f"{{priority: 7, {_ALL}, ingress: [{{action: {a}, from: [{{namespaces: {{}}}}]}}]}}" for a in ("Deny", "Allow")
    ]
    assert asked(admin(rules[0]), admin(rules[1], name="b")).allowed("b/web", "a/db") is None
    newer = cluster_policy(f"{{tier: Admin, {rules[1][1:]}".replace("Allow", "Accept"))
    assert asked(admin(rules[0]), newer).allowed("b/web", "a/db") is None


def test_networks_nodes_and_names_are_peers_of_egress() -> None:
    to = "[{networks: [203.0.113.0/24]}, {nodes: {}}]"
    here = asked(admin(f"{{priority: 0, {_ALL}, egress: [{{action: Deny, to: {to}}}]}}"))
    assert here.allowed("a/web", "203.0.113.9") is False
    assert here.allowed("a/web", "8.8.8.8") is None  # it may be a node: no node was read
    names = asked(
        admin(
            f"{{priority: 0, {_ALL}, egress: [{{action: Allow, to: [{{domainNames: ['*.example.test']}}]}}, "
            "{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}"
        )
    )
    assert names.allowed("a/web", "8.8.8.8") is None
    assert names.allowed("a/web", "a/db") is False  # its address lies in the network


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (admin(f"{{{_ALL}}}"), "priority must be given"),
        (admin(f"{{priority: 1001, {_ALL}}}"), "from 0 to 1000"),
        (admin("{priority: 1}"), "exactly one of namespaces and pods"),
        (admin(f"{{priority: 1, {_ALL}, ingress: [{{action: Accept, from: [{{namespaces: {{}}}}]}}]}}"), "'Accept'"),
        (baseline(f"{{{_ALL}, ingress: [{{action: Pass, from: [{{namespaces: {{}}}}]}}]}}"), "Allow or Deny"),
        (admin(f"{{{_ALL}}}", "BaselineAdminNetworkPolicy", "other"), "called default"),
        (admin(f"{{priority: 1, {_ALL}, ingress: [{{action: Deny, from: []}}]}}"), "1 to 100 peers"),
        (admin(f"{{priority: 1, {_ALL}, ingress: [{{action: Deny, from: [{{nodes: {{}}}}]}}]}}"), "exactly one of"),
        (
            admin(
                f"{{priority: 1, {_ALL}, egress: [{{action: Deny, to: [{{networks: [10.0.0.0/8]}}], "
                "ports: [{namedPort: http}]}]}"
            ),
            "no named ports",
        ),
        (
            admin(
                f"{{priority: 1, {_ALL}, egress: [{{action: Deny, to: [{{namespaces: {{}}}}], "
                "ports: [{portRange: {start: 9, end: 9}}]}]}"
            ),
            "less than end",
        ),
    ],
)
def test_what_the_api_refuses_is_refused(document: str, why: str) -> None:
    (refusal,) = world_of(PODS + document).refused
    assert why in refusal.why
    assert refusal.line > 20


def test_fields_that_a_kind_does_not_know_are_told() -> None:
    world = world_of(
        PODS
        + policy("{podSelector: {}, podselector: {}, ingress: [{form: []}, {from: [{podSelector: {matchLabel: {}}}]}]}")
    )
    told = [diagnostic.message for diagnostic in world.diagnostics if diagnostic.slug == "unknown-field"]
    assert [message.partition("field ")[2].partition(" ")[0] for message in told] == [
        "'podselector'",
        "'form'",
        "'matchLabel'",
    ]
    assert Asked(PODS + policy("{podSelector: {}, podselector: {}}")).allowed("b/web", "a/db") is False


def test_keys_that_are_given_twice_are_told() -> None:
    world = world_of(PODS + policy("{podSelector: {}, ingress: [], ingress: [{}]}"))
    (told,) = [diagnostic for diagnostic in world.diagnostics if diagnostic.slug == "repeated-key"]
    assert "'ingress'" in told.message
