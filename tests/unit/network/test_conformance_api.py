"""What the conformance suite of network-policy-api asks for, in our own words: ClusterNetworkPolicy (v1alpha2) and its
predecessors (v1alpha1). Worlds and tables are those of `test_conformance_e2e`.
"""

from __future__ import annotations

import pytest

from tests.unit.network.helpers import cluster_policy
from tests.unit.network.test_conformance_e2e import EVERY, IN, check, in_x, named, world

PORT_OF = {"TCP": 80, "UDP": 53, "SCTP": 9003}
ACTIONS = {"Accept": True, "Deny": False, "Pass": True}


def whole(name: str) -> str:
    return f"{{namespaces: {{matchLabels: {{ns: {name}}}}}}}"


def tier(name: str, priority: int, rules: str, subject: str = whole("x")) -> str:
    """A ClusterNetworkPolicy of a tier."""
    return cluster_policy(
        f"{{tier: {name}, priority: {priority}, subject: {subject}, {rules}}}",
        f"{name.lower()}-{priority}-{len(rules)}",
    )


def entry(action: str, field: str, peer: str, protocols: str = "") -> str:
    return f"{{action: {action}, {field}: [{peer}]" + (f", protocols: [{protocols}]" if protocols else "") + "}"


def legacy(kind: str, name: str, rules: str, priority: str = "", subject: str = whole("x")) -> str:
    """The kinds of v1alpha1."""
    return (
        f"---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
        f"spec: {{{priority}subject: {subject}, {rules}}}\n"
    )


@pytest.mark.parametrize("protocol", PORT_OF)
@pytest.mark.parametrize("stage", ["Admin", "Baseline"])
@pytest.mark.parametrize(("direction", "field"), [("ingress", "from"), ("egress", "to")])
@pytest.mark.parametrize(("first", "second"), [("Accept", "Deny"), ("Deny", "Accept"), ("Pass", "Deny")])
def test_the_first_rule_that_matches_decides(
    protocol: str, stage: str, direction: str, field: str, first: str, second: str
) -> None:
    if stage == "Baseline" and first == "Pass":
        second = "Accept"  # nothing comes after the baseline, so that passing on means what is left: allowed
    exact = f"{{{protocol.lower()}: {{destinationPort: {{number: {PORT_OF[protocol]}}}}}}}"
    rules = f"{direction}: [{entry(first, field, whole('v'), exact)}, {entry(second, field, whole('v'))}]"
    asked = world(tier(stage, 10, rules))
    sides = ("v/a", "x/a") if direction == "ingress" else ("x/a", "v/a")
    assert asked.allowed(*sides, PORT_OF[protocol], protocol) is ACTIONS[first]
    assert asked.allowed(*sides, PORT_OF[protocol] + 1, protocol) is ACTIONS[second]
    assert asked.allowed(sides[1], sides[0], PORT_OF[protocol], protocol) is True  # the other direction is not touched
    assert asked.allowed("z/a", "x/a", PORT_OF[protocol], protocol) is True


@pytest.mark.parametrize("protocol", PORT_OF)
@pytest.mark.parametrize("kind", ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"])
@pytest.mark.parametrize(("direction", "field"), [("ingress", "from"), ("egress", "to")])
@pytest.mark.parametrize(("first", "second"), [("Allow", "Deny"), ("Deny", "Allow")])
def test_the_first_rule_that_matches_decided_before(
    protocol: str, kind: str, direction: str, field: str, first: str, second: str
) -> None:
    port = f"ports: [{{portNumber: {{protocol: {protocol}, port: {PORT_OF[protocol]}}}}}]"
    rules = f"{direction}: [{{action: {first}, {field}: [{whole('v')}], {port}}}, {{action: {second}, {field}: [{whole('v')}]}}]"
    admin = kind.startswith("Admin")
    asked = world(legacy(kind, "p" if admin else "default", rules, "priority: 10, " if admin else ""))
    sides = ("v/a", "x/a") if direction == "ingress" else ("x/a", "v/a")
    assert asked.allowed(*sides, PORT_OF[protocol], protocol) is (first == "Allow")
    assert asked.allowed(*sides, PORT_OF[protocol] + 1, protocol) is (second == "Allow")


def test_the_lower_priority_number_wins() -> None:
    allow = f"ingress: [{entry('Accept', 'from', whole('v'))}]"
    deny = f"ingress: [{entry('Deny', 'from', whole('v'))}]"
    check(world(tier("Admin", 40, allow), tier("Admin", 50, deny)), "")
    check(world(tier("Admin", 60, allow), tier("Admin", 50, deny)), "- v/* x/*")
    assert world(tier("Admin", 50, allow), tier("Admin", 50, deny)).allowed("v/a", "x/a") is None


def test_policies_of_one_priority_that_do_not_meet_all_hold() -> None:
    at = "{tcp: {destinationPort: {number: %d}}}"
    policies = [
        tier(
            "Admin",
            15,
            f"ingress: [{entry('Deny', 'from', whole(peer), at % port)}], "
            f"egress: [{entry('Deny', 'to', whole(peer), at % port)}]",
            whole(subject),
        ).replace("admin-15", f"same-{subject}{peer}")
        for subject, peer, port in (("x", "v", 80), ("x", "z", 80), ("z", "v", 81))
    ]
    asked = world(*policies)
    check(asked, "- v/* x/*; - x/* v/*; - z/* x/*; - x/* z/*", 80)
    check(asked, "- v/* z/*; - z/* v/*", 81)


def test_admin_then_network_policy_then_baseline() -> None:
    passing = tier("Admin", 20, f"ingress: [{entry('Pass', 'from', whole('v'))}]")
    baseline = tier("Baseline", 0, f"ingress: [{entry('Deny', 'from', whole('v'))}]")
    allow = tier("Admin", 10, f"ingress: [{entry('Accept', 'from', whole('v'))}]")
    deny = tier("Admin", 10, f"ingress: [{entry('Deny', 'from', whole('v'))}]")
    open_to_y = in_x(f"{EVERY}, ingress: [{{from: [{{{named('v')}}}]}}]")
    check(world(passing, baseline), "- v/* x/*")
    check(world(passing, baseline, open_to_y), "- * x/*; + v/* x/*")
    check(world(passing, in_x(f"{EVERY}, {IN}")), "- * x/*")
    check(world(allow, in_x(f"{EVERY}, {IN}")), "- * x/*; + v/* x/*")
    check(world(deny, in_x(f"{EVERY}, ingress: [{{}}]")), "- v/* x/*")


def test_the_same_of_the_older_kinds() -> None:
    passing = legacy("AdminNetworkPolicy", "p", f"ingress: [{{action: Pass, from: [{whole('v')}]}}]", "priority: 20, ")
    baseline = legacy("BaselineAdminNetworkPolicy", "default", f"ingress: [{{action: Deny, from: [{whole('v')}]}}]")
    check(world(passing, baseline), "- v/* x/*")
    check(world(passing, baseline, in_x(f"{EVERY}, ingress: [{{}}]")), "")


@pytest.mark.parametrize("stage", ["Admin", "Baseline"])
def test_rules_of_one_direction_leave_the_other_alone(stage: str) -> None:
    check(world(tier(stage, 1, f"ingress: [{entry('Deny', 'from', whole('v'))}]")), "- v/* x/*")
    check(world(tier(stage, 1, f"egress: [{entry('Deny', 'to', whole('v'))}]")), "- x/* v/*")


def test_pods_without_a_namespace_selector_are_of_all_namespaces() -> None:
    peer = "{pods: {podSelector: {matchExpressions: [{key: pod, operator: Exists}]}}}"
    check(world(tier("Admin", 3, f"ingress: [{entry('Deny', 'from', peer)}]")), "- * x/*")


def test_pods_as_subject_and_as_peer() -> None:
    subject = "{pods: {namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: a}}}}"
    peer = "{pods: {namespaceSelector: {matchLabels: {ns: v}}, podSelector: {matchLabels: {pod: b}}}}"
    check(world(tier("Admin", 3, f"ingress: [{entry('Deny', 'from', peer)}]", subject)), "- v/b x/a")


def test_ranges_and_names_of_ports() -> None:
    ranged = "{tcp: {destinationPort: {range: {start: 80, end: 81}}}}"
    asked = world(tier("Admin", 3, f"egress: [{entry('Deny', 'to', whole('v'), ranged)}]"))
    assert [asked.allowed("x/a", "v/a", port) for port in (79, 80, 81, 82)] == [True, False, False, True]
    named_port = world(
        tier("Admin", 3, f"egress: [{entry('Deny', 'to', whole('v'), '{destinationNamedPort: serve-80-tcp}')}]")
    )
    assert [named_port.allowed("x/a", "v/a", port) for port in (80, 81)] == [False, True]


def test_networks_hold_pods_and_addresses_outside() -> None:
    peer = "{networks: [10.1.0.0/24, 203.0.113.0/24]}"
    first = entry("Accept", "to", "{networks: [10.1.0.1/32]}")
    asked = world(tier("Admin", 3, f"egress: [{first}, {entry('Deny', 'to', peer)}]"))
    check(asked, "- x/* v/*; + x/* v/a")
    assert asked.allowed("x/a", "203.0.113.7") is False
    assert asked.allowed("x/a", "198.51.100.7") is True


def test_pods_of_the_hosts_network_are_in_no_subject_and_no_pod_peer() -> None:
    host = (
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: v, labels: {pod: h}}, "
        "spec: {hostNetwork: true, nodeName: n1}, status: {podIPs: [{ip: 192.0.2.1}]}}\n"
        "---\n{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {role: worker}}, "
        "status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}}\n"
    )
    asked = world(host, tier("Admin", 3, f"egress: [{entry('Deny', 'to', whole('v'))}]"))
    assert asked.allowed("x/a", "v/a") is False
    assert asked.allowed("x/a", "v/h") is True
    by_node = tier("Admin", 3, f"egress: [{entry('Deny', 'to', '{nodes: {matchLabels: {role: worker}}}')}]")
    assert world(host, by_node).allowed("x/a", "v/h") is False
    assert world(host, tier("Admin", 3, f"ingress: [{entry('Deny', 'from', '{namespaces: {}}')}]", whole("v"))).allowed(
        "x/a", "v/h"
    )


def test_a_pod_that_reaches_itself_through_a_service_is_subject_to_policies() -> None:
    service = (
        "---\n{apiVersion: v1, kind: Service, metadata: {name: s, namespace: x}, "
        "spec: {clusterIP: 10.96.0.1, selector: {pod: a}, ports: [{name: web, port: 80}]}}\n"
    )
    asked = world(service, tier("Admin", 15, f"ingress: [{entry('Deny', 'from', whole('x'))}]"))
    flow = {"src": {"namespace": "x", "pod": "a"}, "port": 80}
    assert asked.line({**flow, "dst": {"namespace": "x", "service": "s"}})["allowed"] is False
    assert asked.line({**flow, "dst": {"namespace": "x", "pod": "a"}})["allowed"] is True
