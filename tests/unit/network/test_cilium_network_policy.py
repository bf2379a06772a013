"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, one rule of Cilium's documentation or source a test."""

from __future__ import annotations

import pytest

from tests.unit.network.helpers import PODS, Asked, asked, policy

NODES = """
---
{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {rack: one}}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n2, labels: {rack: two}}, status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}}
"""


def cilium(spec: str, name: str = "c", namespace: str = "a") -> str:
    return (
        f"---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )


def wide(spec: str, name: str = "w") -> str:
    return f"---\napiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def into(rules: str, more: str = "") -> Asked:
    """A policy of namespace a with these ingress rules for its pods."""
    return asked(cilium(f"{{endpointSelector: {{}}, ingress: {rules}{more}}}"))


def out(rules: str, *more: str) -> Asked:
    return asked(cilium(f"{{endpointSelector: {{}}, egress: {rules}}}"), *more)


def three(world: Asked) -> tuple[bool | None, ...]:
    """From the same namespace, from another, from outside, into a/db."""
    return tuple(world.allowed(end, "a/db") for end in ("a/web", "b/web", "8.8.8.8"))


# --- what an empty list, an absent one and `{}` mean (parserules.go, policyentry.go, rule.go) ---------------------------


@pytest.mark.parametrize(
    ("rules", "same", "other", "outside"),
    [
        ("[{}]", False, False, False),  # neither peers nor ports: nobody
        ("[{fromEndpoints: [{}]}]", True, False, False),  # its own namespace
        ("[{fromEndpoints: []}]", False, False, False),
        ("[{fromEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}]", False, False, False),
        ("[{fromEndpoints: null, toPorts: [{ports: [{port: '80'}]}]}]", True, True, True),  # null is absent
        ("[{fromEndpoints: [], fromEntities: [all]}]", False, False, False),
        ("[{fromEntities: []}]", False, False, False),
        ("[{fromCIDR: []}]", False, False, False),
        ("[{fromCIDRSet: []}]", False, False, False),
        ("[{fromNodes: []}]", False, False, False),
        ("[{fromEntities: [all]}]", True, True, True),
        ("[{fromEntities: [all], toPorts: []}]", True, True, True),
        ("[{fromEntities: [all], toPorts: [{}]}]", False, False, False),  # an entry without ports matches none
        ("[{fromEntities: [all], toPorts: [{ports: []}]}]", False, False, False),
        ("[{toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]", True, True, True),
        ("[{toPorts: [{ports: [{port: '81', protocol: TCP}]}]}]", False, False, False),
        ("[{fromEntities: [all], icmps: [{fields: [{type: 8}]}]}]", False, False, False),
        ("[{fromEntities: [all], icmps: []}]", True, True, True),
        ("[{fromGroups: [], toPorts: [{ports: [{port: '80'}]}]}]", True, True, True),  # only five lists do so
    ],
)
def test_empty_and_absent(rules: str, same: bool, other: bool, outside: bool) -> None:
    assert three(into(rules)) == (same, other, outside)


def test_a_section_isolates_and_an_empty_one_does_not() -> None:
    only_egress = asked(cilium("{endpointSelector: {}, ingress: [], egress: [{}]}"))
    assert three(only_egress) == (False, True, True)  # a/web's own egress is closed
    denied = into("[]", ", ingressDeny: [{}]")
    assert three(denied) == (False, False, False)  # denying rules isolate too


@pytest.mark.parametrize(
    ("default", "found"),
    [("{ingress: false}", True), ("{ingress: true}", False), ("{}", False), ("{egress: false}", False)],
)
def test_enable_default_deny(default: str, found: bool) -> None:
    world = into("[{fromEntities: [none]}]", f", enableDefaultDeny: {default}")
    assert world.allowed("b/web", "a/db") is found


def test_asking_for_default_deny_without_a_section_is_in_vain() -> None:
    world = asked(cilium("{endpointSelector: {}, egress: [{toEntities: [all]}], enableDefaultDeny: {ingress: true}}"))
    assert world.allowed("b/web", "a/db") is True


def test_without_default_deny_what_is_denied_stays_denied() -> None:
    world = into(
        "[]", ", ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}], enableDefaultDeny: {ingress: false}"
    )
    assert three(world) == (False, True, True)


# --- rules add up, denying ones win -----------------------------------------------------------------------------------


def test_rules_of_all_kinds_add_up_and_denials_win() -> None:
    opened = cilium("{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}", "one")
    world = asked(opened, policy("{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"))
    assert three(world) == (True, True, False)
    shut = wide(
        "{endpointSelector: {matchLabels: {app: db}}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}]}"
    )
    world = asked(opened, policy("{podSelector: {}, ingress: [{}]}"), shut)
    assert three(world) == (False, False, True)
    (reason,) = world.answer("b/web", "a/db").because
    assert (reason.effect, reason.kind, reason.rule) == ("denies", "CiliumClusterwideNetworkPolicy", 0)


def test_denials_have_ports() -> None:
    world = into(
        "[{fromEntities: [all]}]", ", ingressDeny: [{fromEntities: [world], toPorts: [{ports: [{port: '80'}]}]}]"
    )
    assert world.allowed("8.8.8.8", "a/db", 80) is False
    assert world.allowed("8.8.8.8", "a/db", 81) is True
    assert world.allowed("b/web", "a/db", 80) is True


# --- selectors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "same", "other"),
    [
        ("{matchLabels: {app: web}}", True, False),
        ("{matchLabels: {'k8s:app': web}}", True, False),
        ("{matchLabels: {'any:app': web}}", True, False),
        ("{matchLabels: {'reserved:app': web}}", False, False),
        ("{matchLabels: {'cidr:app': web}}", False, False),
        ("{matchLabels: {io.kubernetes.pod.namespace: b}}", False, True),
        ("{matchLabels: {'k8s:io.kubernetes.pod.namespace': b, app: web}}", False, True),
        ("{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}", True, True),
        ("{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: In, values: [a, b]}]}", True, True),
        ("{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [a]}]}", False, True),
        ("{matchLabels: {io.cilium.k8s.namespace.labels.team: blue}}", False, True),
        ("{matchLabels: {io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name: a}}", True, False),
        ("{matchLabels: {io.cilium.k8s.policy.serviceaccount: default}}", True, False),
        ("{matchLabels: {io.cilium.k8s.policy.serviceaccount: robot}}", False, False),
        (
            "{matchExpressions: [{key: io.cilium.k8s.policy.serviceaccount, operator: NotIn, values: [robot]}]}",
            True,
            False,
        ),
        ("{matchExpressions: [{key: io.cilium.k8s.policy.cluster, operator: Exists}]}", True, False),
        ("{matchLabels: {io.cilium.k8s.policy.cluster: east}}", None, False),
        ("{matchLabels: {io.cilium.k8s.other: x}}", False, False),  # pods may not claim such labels
        ("{matchLabels: {'gen:app': web}}", None, False),
    ],
)
def test_selectors_of_peers(selector: str, same: bool | None, other: bool | None) -> None:
    world = into(f"[{{fromEndpoints: [{selector}]}}]")
    assert three(world)[:2] == (same, other)


def test_selectors_that_only_exclude_namespaces_let_nodes_and_the_world_in() -> None:
    """getEndpointSelector adds no namespace to a selector that speaks of one, whatever it says of it."""
    for key in ("io.kubernetes.pod.namespace", "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name"):
        world = into(f"[{{fromEndpoints: [{{matchExpressions: [{{key: {key}, operator: NotIn, values: [b]}}]}}]}}]")
        assert three(world) == (True, False, True)
    limited = into("[{fromEndpoints: [{matchExpressions: [{key: team, operator: DoesNotExist}]}]}]")
    assert three(limited) == (True, False, False)


def test_clusterwide_selectors_are_of_pods_in_any_namespace() -> None:
    world = asked(wide("{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}"))
    assert three(world) == (True, True, False)
    world = asked(wide("{endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: b}}, ingress: [{}]}"))
    assert (world.allowed("a/web", "b/web"), world.allowed("b/web", "a/db")) == (False, True)


def test_the_subject_is_of_the_policys_namespace() -> None:
    replaced = cilium("{endpointSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': b}}, ingress: [{}]}")
    assert three(asked(replaced)) == (False, False, False)
    kept = cilium("{endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: b}}, ingress: [{}]}")
    assert three(asked(kept)) == (True, True, True)  # any:, so that it contradicts
    assert (
        three(asked(cilium("{endpointSelector: {matchLabels: {'reserved:ingress': ''}}, ingress: [{}]}")))
        == (True,) * 3
    )


def test_labels_that_are_left_out_of_identities() -> None:
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: a, labels: {pod-template-hash: one}}}\n"
    rule = "{fromEndpoints: [{matchLabels: {pod-template-hash: one}}]}"
    world = asked(pod, cilium(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, ingress: [{rule}]}}"))
    assert world.allowed("a/x", "a/db") is None
    assert world.allowed("a/web", "a/db") is False
    assert any("leaves out of identities" in one.message for one in world.world.diagnostics)
    kept = into("[{fromEndpoints: [{matchLabels: {app.kubernetes.io/name: web}}]}]")
    assert not kept.world.diagnostics


# --- entities, nodes, host policies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "pod", "own", "remote", "outside"),
    [
        ("all", True, True, True, True),
        ("world", False, True, False, True),
        ("cluster", True, True, True, False),
        ("cluster-mesh", True, True, True, False),
        ("host", False, True, False, False),
        ("remote-node", False, True, True, False),
        ("kube-apiserver", False, True, None, None),
        ("none", False, True, False, False),
        ("ingress", False, True, False, False),
        ("health", False, True, False, False),
        ("init", False, True, False, False),
        ("unmanaged", False, True, False, False),
    ],
)
def test_entities_into_a_pod(entity: str, pod: bool, own: bool, remote: bool | None, outside: bool | None) -> None:
    """A pod's own node always reaches it (layer3.rst: "Kubernetes will automatically allow")."""
    world = asked(NODES, cilium(f"{{endpointSelector: {{}}, ingress: [{{fromEntities: [{entity}]}}]}}"))
    ends = ("b/web", "192.168.0.1", "192.168.0.2", "8.8.8.8")
    assert tuple(world.allowed(end, "a/web") for end in ends) == (pod, own, remote, outside)


@pytest.mark.parametrize(
    ("entities", "pod", "node", "outside"),
    [
        ("[host]", False, None, False),  # whether it is the pod's own node is not asked
        ("[remote-node]", False, None, False),
        ("[host, remote-node]", False, True, False),
        ("[cluster]", True, True, False),
        ("[world]", False, False, True),
        ("[world, cluster]", True, True, True),
    ],
)
def test_entities_out_of_a_pod(entities: str, pod: bool, node: bool | None, outside: bool) -> None:
    world = out(f"[{{toEntities: {entities}}}]", NODES)
    assert tuple(world.allowed("a/web", end) for end in ("b/web", "192.168.0.2", "8.8.8.8")) == (pod, node, outside)


def test_reserved_labels_in_selectors() -> None:
    world = asked(
        NODES, cilium("{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {'reserved:world': ''}}]}]}")
    )
    assert three(world) == (False, False, True)
    absent = "{matchExpressions: [{key: 'reserved:world', operator: DoesNotExist}]}"
    world = asked(NODES, cilium(f"{{endpointSelector: {{}}, ingress: [{{fromEndpoints: [{absent}]}}]}}"))
    assert three(world) == (True, True, False)
    assert world.allowed("192.168.0.2", "a/web") is True
    valued = into("[{fromEndpoints: [{matchLabels: {'reserved:world': x}}]}]")
    assert three(valued) == (False, False, False)


def test_nodes_by_their_labels() -> None:
    world = asked(NODES, cilium("{endpointSelector: {}, ingress: [{fromNodes: [{matchLabels: {rack: two}}]}]}"))
    assert (world.allowed("192.168.0.2", "a/web"), world.allowed("8.8.8.8", "a/web")) == (True, False)
    world = asked(NODES, cilium("{endpointSelector: {}, ingress: [{fromNodes: [{matchLabels: {rack: one}}]}]}"))
    assert world.allowed("192.168.0.2", "a/web") is False
    out_of = out("[{toNodes: [{matchLabels: {rack: two}}]}]", NODES)
    assert (out_of.allowed("a/web", "192.168.0.2"), out_of.allowed("a/web", "192.168.0.1")) == (None, False)


def test_host_policies() -> None:
    rules = "ingress: [{fromEntities: [cluster]}, {toPorts: [{ports: [{port: '22', protocol: TCP}]}]}]"
    world = asked(NODES, wide(f"{{nodeSelector: {{matchLabels: {{rack: one}}}}, {rules}}}"))
    assert world.allowed("8.8.8.8", "192.168.0.1", 22) is True
    assert world.allowed("8.8.8.8", "192.168.0.1", 23) is False
    assert world.allowed("a/db", "192.168.0.1", 23) is True
    assert world.allowed("8.8.8.8", "192.168.0.2", 23) is True
    assert world.allowed("8.8.8.8", "a/web", 23) is True  # not about pods


def test_a_denial_binds_the_own_node_too() -> None:
    world = asked(NODES, cilium("{endpointSelector: {}, ingressDeny: [{fromEntities: [all]}]}"))
    assert world.allowed("192.168.0.1", "a/web") is False
    assert world.answer("192.168.0.1", "a/web").because[0].effect == "denies"
    world = asked(NODES, cilium("{endpointSelector: {}, ingressDeny: [{fromEntities: [host]}]}"))
    assert world.allowed("192.168.0.1", "a/web") is None  # which node is a pod's own cannot be said of all at once


# --- addresses -------------------------------------------------------------------------------------------------------------


def test_blocks_are_neither_pods_nor_nodes() -> None:
    world = asked(NODES, cilium("{endpointSelector: {}, ingress: [{fromCIDR: [0.0.0.0/0]}]}"))
    assert three(world) == (False, False, True)
    assert world.allowed("192.168.0.2", "a/web") is False
    rules = "[{fromCIDRSet: [{cidr: 10.0.0.0/8, except: [10.96.0.0/12]}]}]"
    assert [into(rules).allowed(ip, "a/db") for ip in ("10.1.0.1", "10.200.0.1", "10.97.0.1")] == [False, True, False]


GROUPS = """---
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: near, labels: {zone: one}}, spec: {externalCIDRs: [203.0.113.0/24]}}
---
{apiVersion: cilium.io/v2alpha1, kind: CiliumCIDRGroup, metadata: {name: far, labels: {zone: two}}, spec: {externalCIDRs: [198.51.100.0/24]}}
"""


@pytest.mark.parametrize(
    ("rule", "near", "far", "else_"),
    [
        ("{cidrGroupRef: near}", True, False, False),
        ("{cidrGroupRef: near, except: [203.0.113.0/28]}", False, False, False),
        ("{cidrGroupRef: missing}", None, None, None),
        ("{cidrGroupSelector: {matchLabels: {zone: two}}}", False, True, False),
        ("{cidrGroupSelector: {matchExpressions: [{key: zone, operator: Exists}]}}", True, True, False),
        ("{cidrGroupSelector: {matchExpressions: [{key: zone, operator: NotIn, values: [one]}]}}", False, True, True),
    ],
)
def test_groups_of_blocks(rule: str, near: bool | None, far: bool | None, else_: bool | None) -> None:
    world = asked(GROUPS, cilium(f"{{endpointSelector: {{}}, ingress: [{{fromCIDRSet: [{rule}]}}]}}"))
    assert [world.allowed(ip, "a/db") for ip in ("203.0.113.5", "198.51.100.5", "8.8.8.8")] == [near, far, else_]


def test_what_documents_do_not_tell_is_unknown() -> None:
    for rule in ("{toFQDNs: [{matchName: example.test}]}", "{toGroups: [{aws: {securityGroupsIds: [sg-1]}}]}"):
        world = out(f"[{rule}]")
        assert (world.allowed("a/web", "8.8.8.8"), world.allowed("a/web", "b/web")) == (None, False)


def test_names_have_ports() -> None:
    world = out("[{toFQDNs: [{matchPattern: '*.example.test'}], toPorts: [{ports: [{port: '443', protocol: TCP}]}]}]")
    assert (world.allowed("a/web", "8.8.8.8", 443), world.allowed("a/web", "8.8.8.8", 80)) == (None, False)


SERVICES = """---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a, labels: {tier: data}}, spec: {selector: {app: db}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: b, labels: {tier: front}}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: old, namespace: b, labels: {tier: old}}, spec: {ports: [{port: 80}]}}
"""


@pytest.mark.parametrize(
    ("service", "same", "other", "outside"),
    [
        ("{k8sService: {serviceName: db, namespace: a}}", True, False, False),
        ("{k8sService: {serviceName: web}}", False, True, False),
        ("{k8sServiceSelector: {selector: {matchLabels: {tier: front}}}}", False, True, False),
        ("{k8sServiceSelector: {selector: {}, namespace: a}}", True, False, False),
        ("{k8sService: {serviceName: old, namespace: b}}", False, False, None),
        ("{k8sService: {serviceName: gone, namespace: b}}", False, None, None),
        ("{k8sService: {serviceName: gone}}", None, None, None),
    ],
)
def test_services(service: str, same: bool | None, other: bool | None, outside: bool | None) -> None:
    world = out(f"[{{toServices: [{service}]}}]", SERVICES)
    assert [world.allowed("a/web", end) for end in ("a/db", "b/web", "8.8.8.8")] == [same, other, outside]


def test_services_that_are_not_found_open_the_ports_of_their_rule() -> None:
    rule = "{toServices: [{k8sService: {serviceName: gone, namespace: b}}], toPorts: [{ports: [{port: '80'}]}]}"
    world = out(f"[{rule}]", SERVICES)
    assert (world.allowed("a/web", "a/db", 80), world.allowed("a/web", "a/db", 81)) == (None, False)


# --- objects -------------------------------------------------------------------------------------------------------------------


def test_several_specs() -> None:
    text = PODS + (
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: s, namespace: a}\nspecs:\n"
        "- {endpointSelector: {matchLabels: {app: db}}, ingress: [{}]}\n"
        "- endpointSelector: {matchLabels: {app: db}}\n  ingress:\n  - fromEndpoints: [{matchLabels: {app: web}}]\n"
    )
    world = Asked(text)
    assert three(world) == (True, False, False)
    lines = [one.line for one in world.answer("a/web", "a/db").because if one.policy == "s"]
    assert lines == [text[: text.index("  - fromEndpoints")].count("\n") + 1]
