"""NetworkPolicy, one trap a test. T: k8s.io/api networking/v1 types.go; D: kubernetes.io "Network Policies"; E: upstream e2e."""

from __future__ import annotations

import pytest

from tests.unit.network.helpers import PODS, Asked, asked, policy, world_of


def test_no_policy_allows_everything() -> None:
    world = asked()
    assert world.allowed("b/web", "a/web") is True
    assert world.allowed("8.8.8.8", "a/web", 1, "SCTP") is True
    assert world.allowed("a/web", "2001:db8::1") is True


@pytest.mark.parametrize("selector", ["podSelector: {}", "podSelector: null", "policyTypes: []"])
def test_empty_or_missing_pod_selector_is_all_pods_of_the_namespace(selector: str) -> None:  # T podSelector
    world = asked(policy(f"{{{selector}}}"))
    assert world.allowed("b/web", "a/web") is False
    assert world.allowed("b/web", "a/db") is False
    assert world.allowed("a/web", "b/web") is True


def test_a_policy_without_a_namespace_is_of_default() -> None:
    text = (
        "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {podSelector: {}}}\n"
    )
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x}}\n"
    world = Asked(PODS + text + pod)
    assert world.allowed("a/web", "default/x") is False
    assert world.allowed("default/x", "a/web") is True


@pytest.mark.parametrize("rules", ["null", "[]"])
def test_no_ingress_rules_deny_all(rules: str) -> None:  # T ingress; E "deny-ingress"
    world = asked(policy(f"{{podSelector: {{}}, ingress: {rules}, policyTypes: [Ingress]}}"))
    assert world.allowed("a/db", "a/web") is False


@pytest.mark.parametrize("rule", ["{}", "null", "{from: []}", "{from: null, ports: []}", "{ports: null}"])
def test_an_empty_rule_allows_everyone_on_everything(rule: str) -> None:  # T from, ports: "empty or missing"
    world = asked(policy(f"{{podSelector: {{}}, ingress: [{rule}]}}"))
    assert world.allowed("b/web", "a/web", 7, "SCTP") is True
    assert world.allowed("8.8.8.8", "a/web", 7, "UDP") is True


def test_an_empty_port_is_all_of_tcp_only() -> None:  # T protocol: "defaults to TCP"; kubernetes#22469
    world = asked(policy("{podSelector: {}, ingress: [{ports: [{}]}]}"))
    assert world.allowed("b/web", "a/web", 65535) is True
    assert world.allowed("b/web", "a/web", 53, "UDP") is False


@pytest.mark.parametrize(("protocol", "other"), [("UDP", "TCP"), ("SCTP", "TCP"), ("TCP", "UDP")])
def test_protocols_do_not_open_each_other(protocol: str, other: str) -> None:  # E 38-40
    world = asked(policy(f"{{podSelector: {{}}, ingress: [{{ports: [{{protocol: {protocol}, port: 80}}]}}]}}"))
    assert world.allowed("b/web", "a/web", 80, protocol) is True
    assert world.allowed("b/web", "a/web", 80, other) is False


def test_peers_own_namespace_other_namespaces_and_both() -> None:  # T NetworkPolicyPeer; E 9, 10
    own = asked(policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}"))
    assert own.allowed("a/web", "a/db") is True
    assert own.allowed("b/web", "a/db") is False
    other = asked(policy("{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}"))
    assert other.allowed("a/web", "a/db") is False
    assert other.allowed("b/web", "a/db") is True
    both = "{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: db}}}"
    assert asked(policy(f"{{podSelector: {{}}, ingress: [{{from: [{both}]}}]}}")).allowed("b/web", "a/db") is False
    either = "{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: web}}}"
    world = asked(policy(f"{{podSelector: {{}}, ingress: [{{from: [{either}]}}]}}"))
    assert world.allowed("b/web", "a/db") is True
    assert world.allowed("a/web", "a/db") is True


def test_an_empty_namespace_selector_is_all_pods_and_no_address_outside() -> None:  # T namespaceSelector
    world = asked(policy("{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"))
    assert world.allowed("b/web", "a/db") is True
    assert world.allowed("10.9.9.9", "a/db") is False


@pytest.mark.parametrize(
    ("expression", "web", "db"),
    [
        ("{key: app, operator: In, values: [web, x]}", True, False),
        ("{key: app, operator: NotIn, values: [web]}", False, True),
        ("{key: app, operator: Exists}", True, True),
        ("{key: app, operator: DoesNotExist}", False, False),
        ("{key: absent, operator: NotIn, values: [web]}", True, True),  # an absent key is in no list
        ("{key: absent, operator: DoesNotExist}", True, True),
        ("{key: absent, operator: In, values: ['']}", False, False),
        ("{key: absent, operator: Exists}", False, False),
    ],
)
def test_match_expressions(expression: str, web: bool, db: bool) -> None:  # apimachinery labels.Requirement.Matches
    world = asked(
        policy(f"{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {{matchExpressions: [{expression}]}}}}]}}]}}")
    )
    assert world.allowed("a/web", "a/db") is web
    assert world.allowed("a/db", "a/web") is db


def test_the_label_that_every_namespace_has() -> None:  # E 41, 42: set by the API server
    peer = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: c}}}"
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: c}}\n"
    world = asked(pod, policy(f"{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}"))
    assert world.allowed("c/x", "a/db") is True  # the namespace appears only by use
    assert world.allowed("b/web", "a/db") is False
    assert world.world.namespaces["c"].stated is False


def test_blocks_match_pods_by_their_address_and_exceptions_take_away() -> None:  # E 34-36
    block = "{ipBlock: {cidr: 10.0.0.0/15, except: [10.0.1.0/24]}}"
    world = asked(policy(f"{{podSelector: {{}}, ingress: [{{from: [{block}]}}]}}"))
    assert world.allowed("b/web", "a/web") is True
    assert world.allowed("a/db", "a/web") is False
    assert world.allowed("10.0.1.77", "a/web") is False
    assert world.allowed("10.0.2.77", "a/web") is True
    assert world.allowed("10.2.0.0", "a/web") is False
    again = asked(
        policy(f"{{podSelector: {{}}, ingress: [{{from: [{block}]}}]}}"),
        policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.1.1/32}}]}]}", "q"),
    )
    assert again.allowed("a/db", "a/web") is True


def test_families_do_not_cross() -> None:
    world = asked(policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"))
    assert world.allowed("8.8.8.8", "a/web") is True
    assert world.allowed("2001:db8::1", "a/web") is False


def test_a_dual_stack_pod_is_reached_if_one_family_allows() -> None:
    pod = """---
{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: c, labels: {app: x}}, status: {podIPs: [{ip: 10.7.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: z, namespace: c, labels: {app: z}}, status: {podIPs: [{ip: 10.7.0.2}, {ip: 'fd00::2'}]}}
"""
    world = asked(
        pod,
        policy(
            "{podSelector: {matchLabels: {app: z}}, ingress: [{from: [{ipBlock: {cidr: 'fd00::/8'}}]}]}", namespace="c"
        ),
    )
    assert world.allowed("c/x", "c/z") is True
    assert world.allowed("10.7.0.1", "c/z") is False
    assert world.allowed("fd00::1", "c/z") is True
    assert world.allowed("a/web", "c/z") is False


def test_port_ranges_hold_both_ends() -> None:  # KEP-2079
    world = asked(policy("{podSelector: {}, ingress: [{ports: [{port: 100, endPort: 200}]}]}"))
    answers = [world.allowed("b/web", "a/web", port) for port in (99, 100, 200, 201)]
    assert answers == [False, True, True, False]


def test_named_ports_are_the_destinations() -> None:  # kubernetes#99256; E 17-19
    world = asked(policy("{podSelector: {}, ingress: [{ports: [{port: http}]}]}"))
    assert world.allowed("b/web", "a/web", 8080) is True
    assert world.allowed("b/web", "a/web", 9090) is False
    assert world.allowed("b/web", "a/db", 9090) is True
    egress = asked(policy("{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}"))
    assert egress.allowed("a/web", "a/db", 9090) is True
    assert egress.allowed("a/web", "b/web", 8080) is False  # has no port of that name
    assert egress.allowed("a/web", "8.8.8.8", 8080) is False


def test_a_named_port_is_of_its_protocol() -> None:
    world = asked(policy("{podSelector: {}, ingress: [{ports: [{port: dns}]}]}"))  # TCP by default, the pod's is UDP
    assert world.allowed("b/web", "a/web", 53, "UDP") is False
    assert world.allowed("b/web", "a/web", 53) is False
    right = asked(policy("{podSelector: {}, ingress: [{ports: [{port: dns, protocol: UDP}]}]}"))
    assert right.allowed("b/web", "a/web", 53, "UDP") is True


@pytest.mark.parametrize(
    ("types", "egress", "ingress_cut", "egress_cut"),
    [
        ("null", "[]", True, False),  # no rule, no isolation: D "policyTypes"
        ("[]", "[]", True, False),
        ("null", "[{to: [{podSelector: {}}]}]", True, True),
        ("[Ingress]", "[{to: [{podSelector: {}}]}]", True, False),
        ("[Egress]", "[]", False, True),
        ("[Ingress, Egress]", "null", True, True),
    ],
)
def test_policy_types(types: str, egress: str, ingress_cut: bool, egress_cut: bool) -> None:  # defaults.go
    world = asked(policy(f"{{podSelector: {{}}, policyTypes: {types}, egress: {egress}}}"))
    assert world.allowed("b/web", "a/web") is not ingress_cut
    assert world.allowed("a/web", "b/web") is not egress_cut


def test_both_sides_must_allow() -> None:  # D "two sorts of isolation"; E 28
    egress = policy(
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}", "e"
    )
    world = asked(egress)
    assert world.allowed("a/web", "a/db") is True
    closed = asked(egress, policy("{podSelector: {matchLabels: {app: db}}}", "i"))
    assert closed.allowed("a/web", "a/db") is False
    assert closed.allowed("a/db", "a/web") is True


def test_policies_only_add() -> None:  # D; E 31
    world = asked(policy("{podSelector: {}}", "deny"), policy("{podSelector: {}, ingress: [{}]}", "open"))
    assert world.allowed("b/web", "a/web") is True


def test_a_pod_always_reaches_itself() -> None:  # D "cannot block localhost access"
    world = asked(policy("{podSelector: {}, policyTypes: [Ingress, Egress]}"))
    answer = world.answer("a/web", "a/web")
    assert answer.allowed is True
    assert answer.because[0].effect == "self"


def host_pod(node: str) -> str:
    where = f"nodeName: {node}, " if node else ""
    return (
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: a, labels: {app: h}},"
        f" spec: {{{where}hostNetwork: true}}, status: {{podIPs: [{{ip: 192.168.0.1}}]}}}}\n"
    )


@pytest.mark.parametrize(("node", "expected"), [("n1", True), ("n2", False), ("", None)])
def test_a_node_reaches_its_own_pods(node: str, expected: bool | None) -> None:  # T "the pod's local node"; D
    world = asked(host_pod(node), policy("{podSelector: {}}"))
    assert world.allowed("a/h", "a/web") is expected


def test_policies_do_not_select_pods_in_the_hosts_network() -> None:  # D "hostNetwork pods"
    world = asked(
        host_pod("n2"),
        policy("{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}]}"),
    )
    assert world.allowed("b/web", "a/h") is True  # not isolated
    assert world.allowed("a/h", "b/web") is True
    assert world.allowed("a/h", "a/web") is False  # not a peer of a podSelector
    block = policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.168.0.1/32}}]}]}", "q")
    assert asked(host_pod("n2"), block).allowed("a/h", "a/web") is True  # but of an ipBlock


def test_a_daemon_on_every_node_is_on_the_pods_own() -> None:
    daemon = """---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: b}
spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true}}}
"""
    assert asked(daemon, policy("{podSelector: {}}")).allowed("b/agent", "a/web") is True


def test_a_finished_pod_is_gone_and_its_address_another_s() -> None:  # antrea#6507, kube-router#1056
    done = "---\n{apiVersion: v1, kind: Pod, metadata: {name: job, namespace: a, labels: {app: job}}, status: {phase: Succeeded, podIP: 10.1.0.1}}\n"
    world = asked(done, policy("{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: job}}}]}]}"))
    assert world.allowed("10.1.0.1", "a/web") is False  # it is b/web's now
    found = world.line({"src": {"namespace": "a", "pod": "job"}, "dst": {"namespace": "a", "pod": "web"}, "port": 80})
    assert found["allowed"] == "unknown"
    assert "finished" in found["error"]


@pytest.mark.parametrize(
    ("spec", "line", "why"),
    [
        ("\n  podSelector:\n    matchLabels: {'-bad': x}", 7, "label key"),
        ("\n  podSelector:\n    matchLabels: {app: 'not valid'}", 7, "label value"),
        ("\n  podSelector:\n    matchLabels: {'UPPER.example/x': z}", 7, "DNS subdomain"),
        ("\n  podSelector:\n    matchLabels: {app: 1}", 7, "expected str"),
        ("\n  podSelector: {matchExpressions: [{key: a, operator: In}]}", 6, "values must be given"),
        ("\n  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [x]}]}", 6, "may not be given"),
        (
            "\n  podSelector: {matchExpressions: [{key: a, operator: in, values: [x]}]}",
            6,
            "not a valid selector operator",
        ),
        ("\n  ingress:\n  - from:\n    - {}", 8, "a peer must be given"),
        ("\n  ingress:\n  - from:\n    - {podSelector: null}", 8, "a peer must be given"),
        ("\n  ingress:\n  - from:\n    - {podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}", 8, "beside another peer"),
        ("\n  ingress:\n  - ports:\n    - {port: 0}", 8, "not a port"),
        ("\n  ingress:\n  - ports:\n    - {port: 65536}", 8, "not a port"),
        ("\n  ingress:\n  - ports:\n    - {port: '80'}", 8, "not a port name"),
        ("\n  ingress:\n  - ports:\n    - {port: Http}", 8, "not a port name"),
        ("\n  ingress:\n  - ports:\n    - {port: a--b}", 8, "not a port name"),
        ("\n  ingress:\n  - ports:\n    - {port: a-name-of-16-chars}", 8, "not a port name"),
        ("\n  ingress:\n  - ports:\n    - {endPort: 90}", 8, "without port"),
        ("\n  ingress:\n  - ports:\n    - {port: http, endPort: 90}", 8, "when port is a name"),
        ("\n  ingress:\n  - ports:\n    - {port: 91, endPort: 90}", 8, "greater than or equal"),
        ("\n  ingress:\n  - ports:\n    - {port: 91, endPort: 70000}", 8, "not a port"),
        ("\n  ingress:\n  - ports:\n    - {protocol: ICMP}", 8, "not TCP, UDP or SCTP"),
        ("\n  ingress:\n  - ports:\n    - {protocol: tcp}", 8, "not TCP, UDP or SCTP"),
        ("\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0}", 8, "not a CIDR"),
        ("\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/33}", 8, "not a CIDR"),
        ("\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0/8}", 8, "not a CIDR"),
        ("\n  ingress:\n  - from:\n    - ipBlock: {}", 8, "cidr must be given"),
        (
            "\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: 10.0.0.0/8\n        except:\n        - 11.0.0.0/16",
            11,
            "strict subset",
        ),
        ("\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}", 8, "strict subset"),
        ("\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/8, except: ['fd00::/9']}", 8, "strict subset"),
        ("\n  policyTypes: [ingress]", 6, "not Ingress or Egress"),
        ("\n  policyTypes: [Ingress, Egress, Ingress]", 6, "more than two"),
        ("\n  ingress: {from: []}", 6, "expected array"),
        ("\n  ingress: [{ports: [{port: 1.5}]}]", 6, "expected int | str"),
    ],
)
def test_what_the_api_server_refuses(spec: str, line: int, why: str) -> None:  # pkg/apis/networking/validation
    (refusal,) = world_of(policy(spec)).refused
    assert why in refusal.why
    assert (refusal.path, refusal.line) == ("w.yaml", line)
    assert "NetworkPolicy a/p" in refusal.what


def test_the_same_object_twice_is_one_and_another_of_its_name_is_refused() -> None:
    same = policy("{podSelector: {}}")
    assert len(world_of(same + same).policies) == 1
    (refusal,) = world_of(same + policy("{podSelector: {}, ingress: [{}]}")).refused
    assert "another NetworkPolicy" in refusal.why


def test_lax_blocks_are_read_as_the_api_server_reads_them() -> None:  # ParseCIDRSloppy
    world = asked(policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 010.1.2.3/016}}]}]}"))
    assert world.allowed("10.1.255.255", "a/web") is True
    assert world.allowed("10.2.0.0", "a/web") is False
