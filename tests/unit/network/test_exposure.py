"""Exposure: which doors lead where, what policies see behind them, who else could come, and what is wrong."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, Asked, left_out, policy, world_of
from tests.unit.network.oracle import Oracle
from tests.unit.network.test_services import pod, service
from tests.unit.network.worlds import KEYS, PROTOCOLS, Maker
from thwart.api.net import load_network
from thwart.api.net.exposure import EXPOSURE_FORMATS, expose, write_exposure
from thwart.cli import main
from thwart.lib.intervals import Span, parse_block
from thwart.network._services_access import Access
from thwart.network._services_addresses import EVERY, joined, of_blocks, whole, within, without, words
from thwart.network._services_strangers import with_strangers
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.exposure import Door, Exposure, Workload, build_exposure
from thwart.network.services import Services
from thwart.network.world import read_world

NODE = "---\n{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}\n"
ISOLATED = policy("{podSelector: {matchLabels: {app: web}}}", "deny")
FROM_BLOCK = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: %s}}]}]}"


def exposed(*texts: str) -> Exposure:
    asked = Asked(PODS + "".join(texts))
    return build_exposure(asked.model, Services(asked.model, asked.directory))


def of(found: Exposure, label: str) -> Workload:
    (one,) = (one for one in found.workloads if one.label == label)
    return one


def doors(found: Exposure, label: str, kind: str = "") -> list[Door]:
    return [found.doors[n] for n in of(found, label).doors if kind in ("", found.doors[n].kind)]


def slugs(found: Exposure) -> list[str]:
    return [one.slug for one in found.problems]


# --- services -------------------------------------------------------------------------------------------------------


def test_without_policies_a_node_port_is_open_to_everyone() -> None:
    found = exposed(
        service("{type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30080}]}")
    )
    (door,) = doors(found, "a/Pod/web")
    assert (door.kind, door.verdict.open, words(door.verdict.sure)) == ("NodePort", True, ("any IPv4 address",))
    assert door.ports == ((30080, "TCP", 8080),)
    assert of(found, "a/Pod/web").open is True
    assert of(found, "a/Pod/db").open is False


def test_a_cluster_ip_is_no_door() -> None:
    assert exposed(service("{selector: {app: web}, ports: [{port: 80}]}")).doors == ()


def test_source_ranges_bound_the_load_balancer_but_not_the_node_port() -> None:
    spec = "{type: LoadBalancer, loadBalancerSourceRanges: [203.0.113.0/24], selector: {app: web}, ports: [{port: 80}]}"
    found = exposed(service(spec))
    assert {door.kind: words(door.verdict.sure) for door in found.doors} == {
        "LoadBalancer": ("203.0.113.0/24",),
        "NodePort": ("any IPv4 address",),
    }
    without_nodes = exposed(service(spec.replace("{type", "{allocateLoadBalancerNodePorts: false, type")))
    assert [door.kind for door in without_nodes.doors] == ["LoadBalancer"]


def test_where_addresses_are_kept_policies_decide_alone() -> None:
    spec = "{type: NodePort, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80}]}"
    closed = exposed(ISOLATED, service(spec))
    assert [door.verdict.open for door in closed.doors] == [False]
    partly = exposed(policy(FROM_BLOCK % "203.0.113.0/24"), service(spec))
    (door,) = partly.doors
    assert (door.verdict.open, words(door.verdict.sure), door.verdict.perhaps) == (True, ("203.0.113.0/24",), ())


def test_where_nodes_stand_in_for_clients_both_are_said() -> None:
    spec = "{type: NodePort, selector: {app: web}, ports: [{port: 80}]}"
    (door,) = exposed(ISOLATED, service(spec)).doors
    assert door.verdict.open is None  # the pod's own node is never stopped
    assert "clients are denied, whether nodes are is not known" in door.verdict.why
    # with the nodes' documents: a/web runs on n1, which reaches it; but a client that is seen as itself does not
    (door,) = exposed(NODE, ISOLATED, service(spec)).doors
    assert (door.verdict.open, door.verdict.sure, words(door.verdict.perhaps)) == (None, (), ("any IPv4 address",))
    assert "clients are denied, nodes are let in" in door.verdict.why
    both = policy(FROM_BLOCK % "203.0.113.0/24")
    (door,) = exposed(NODE, both, service(spec)).doors
    assert words(door.verdict.sure) == ("203.0.113.0/24",)
    assert door.verdict.perhaps == without(whole(4), of_blocks([parse_block("203.0.113.0/24")]))


def test_every_ipv4_address_is_also_every_node() -> None:
    (door,) = exposed(
        policy(FROM_BLOCK % "0.0.0.0/0"), service("{type: NodePort, selector: {app: web}, ports: [{port: 80}]}")
    ).doors
    assert (door.verdict.open, words(door.verdict.sure)) == (True, ("any IPv4 address",))


def test_external_addresses_are_a_door() -> None:
    (door,) = exposed(service("{externalIPs: [198.51.100.7], selector: {app: web}, ports: [{port: 80}]}")).doors
    assert (door.kind, door.at, door.verdict.open) == ("ExternalIP", ("198.51.100.7",), True)


def test_what_a_load_balancer_announced_and_that_it_is_internal_is_said() -> None:
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "s",
                "namespace": "a",
                "annotations": {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"},
            },
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "10.9.9.9"}]}},
        }
    )
    found = exposed(f"---\n{text}\n")
    assert found.doors[0].at == ("10.9.9.9", "internal to the cloud's network")


def test_pods_that_differ_are_different_places_behind_one_door() -> None:
    text = pod("p1", "{n: s, open: 'yes'}") + pod("p2", "{n: s}")
    rules = policy("{podSelector: {matchLabels: {n: s}, matchExpressions: [{key: open, operator: DoesNotExist}]}}")
    found = exposed(
        text, rules, service("{type: NodePort, externalTrafficPolicy: Local, selector: {n: s}, ports: [{port: 80}]}")
    )
    assert {door.verdict.open: len(door.workloads) for door in found.doors} == {True: 1, False: 1}
    assert (of(found, "a/Pod/p1").open, of(found, "a/Pod/p2").open) == (True, False)


# --- hosts ----------------------------------------------------------------------------------------------------------


def test_no_policy_holds_in_the_network_of_the_node() -> None:
    text = pod("h", "{app: web}", more=", hostNetwork: true")
    (door,) = doors(exposed(text, ISOLATED), "a/Pod/h")
    assert (door.kind, door.verdict.open) == ("HostNetwork", True)


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_host_ports_are_doors_that_policies_guard(form: str) -> None:
    made: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "d", "namespace": "a"},
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"ports": [{"containerPort": 80, "hostPort": 8080}]}],
                    "initContainers": [
                        {"ports": [{"containerPort": 1, "hostPort": 1}]},
                        {
                            "restartPolicy": "Always",
                            "ports": [{"containerPort": 90, "hostPort": 9090, "hostIP": "127.0.0.1"}],
                        },
                    ],
                },
            }
        },
    }
    for rules, expected in (("", True), (ISOLATED, False)):
        world = read_world([("w.yaml", (PODS + rules).encode()), (f"d.{form}", json.dumps(made).encode())])
        model = Model(world)
        found = build_exposure(model, Services(model, Directory(model)))
        (door,) = doors(found, "a/DaemonSet/d")  # the other is for the node alone; init containers are over
        assert (door.kind, door.ports, door.verdict.open) == ("HostPort", ((8080, "TCP", 80),), expected)


# --- routes ---------------------------------------------------------------------------------------------------------

SERVICE = service("{selector: {app: web}, ports: [{port: 80, name: http, targetPort: 8080}]}")
CONTROLLER = pod("ctl", "{app.kubernetes.io/name: ingress-nginx}", namespace="b")


def ingress(backend: str = "{service: {name: s, port: {number: 80}}}", name: str = "i", more: str = "") -> str:
    return (
        f"---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}, namespace: a}}\n"
        f"spec: {{ingressClassName: nginx, rules: [{{host: x.example.test, http: {{paths: "
        f"[{{path: /, pathType: Prefix, backend: {backend}}}]}}}}]{more}}}\n"
    )


def test_an_ingress_is_as_open_as_its_controller_may_go() -> None:
    open_ = exposed(SERVICE, CONTROLLER, ingress())
    (door,) = doors(open_, "a/Pod/web")
    assert (door.kind, door.verdict.open, door.through, door.at) == ("Ingress", True, "b/Pod/ctl", ("x.example.test",))
    closed = exposed(SERVICE, CONTROLLER, ingress(), ISOLATED)
    assert [door.verdict.open for door in closed.doors] == [False]
    assert slugs(closed) == ["controller-cut-off"]
    let_in = policy(
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}"
    )
    again = exposed(SERVICE, CONTROLLER, ingress(), let_in)
    assert (again.doors[0].verdict.open, slugs(again)) == (True, [])


def test_without_its_controller_an_ingress_is_open_only_to_what_anyone_may() -> None:
    assert exposed(SERVICE, ingress()).doors[0].verdict.open is True
    assert exposed(SERVICE, ingress(), ISOLATED).doors[0].verdict.open is None
    any_pod = policy("{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}")
    assert exposed(SERVICE, ingress(), any_pod).doors[0].verdict.open is True
    labelled = policy(
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {x: z}}}]}]}"
    )
    assert exposed(SERVICE, ingress(), labelled).doors[0].verdict.open is None


@pytest.mark.parametrize(
    ("classes", "known"),
    [
        ("{controller: k8s.io/ingress-nginx}", True),
        ("{controller: traefik.io/ingress-controller}", False),
        ("{controller: example.test/own}", False),
    ],
)
def test_an_ingress_class_says_who_carries_it(classes: str, known: bool) -> None:
    text = (
        f"---\n{{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {{name: nginx}}, spec: {classes}}}\n"
    )
    (door,) = exposed(SERVICE, CONTROLLER, ingress(), text).doors
    assert (door.through == "b/Pod/ctl") is known


def test_backends_are_found_by_name_number_and_default() -> None:
    by_name = exposed(SERVICE, ingress("{service: {name: s, port: {name: http}}}"))
    default = exposed(SERVICE, ingress(more=", defaultBackend: {service: {name: s, port: {number: 80}}}"))
    assert by_name.doors[0].ports == default.doors[0].ports == ((80, "TCP", 8080),)
    assert len(default.doors) == 2


GATEWAY = """---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: b}
spec:
  gatewayClassName: c
  listeners: [{name: web, port: 80, protocol: HTTP, allowedRoutes: {namespaces: %s}}, {name: raw, port: 5432, protocol: TCP}]
"""
CARRIER = pod("gw", "{gateway.networking.k8s.io/gateway-name: g}", namespace="b")


def route(spec: str, kind: str = "HTTPRoute", version: str = "v1", namespace: str = "a") -> str:
    return (
        f"---\napiVersion: gateway.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: r, namespace: {namespace}}}\n"
        f"spec: {spec}\n"
    )


TO_S = "rules: [{backendRefs: [{name: s, port: 80}]}]"


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_route_is_carried_by_the_pods_of_its_gateway(kind: str) -> None:
    text = route(f"{{parentRefs: [{{name: g, namespace: b}}], hostnames: [x.example.test], {TO_S}}}", kind)
    found = exposed(SERVICE, GATEWAY % "{from: All}", CARRIER, text)
    (door,) = doors(found, "a/Pod/web")
    assert (door.kind, door.through, door.verdict.open) == (kind, "b/Pod/gw", True)
    closed = exposed(SERVICE, GATEWAY % "{from: All}", CARRIER, text, ISOLATED)
    assert slugs(closed) == ["controller-cut-off"]


@pytest.mark.parametrize(
    ("allowed", "parent", "kind", "why"),
    [
        ("{from: Same}", "{name: g, namespace: b}", "HTTPRoute", "no routes of namespace a"),
        ("{from: None}", "{name: g, namespace: b}", "HTTPRoute", "no routes of namespace a"),
        (
            "{from: Selector, selector: {matchLabels: {team: blue}}}",
            "{name: g, namespace: b}",
            "HTTPRoute",
            "no routes",
        ),
        ("{from: All}", "{name: g, namespace: b, sectionName: none}", "HTTPRoute", "no such listener"),
        ("{from: All}", "{name: g, namespace: b, port: 81}", "HTTPRoute", "no such listener"),
        ("{from: All}", "{name: g, namespace: b, sectionName: web}", "TCPRoute", "does not carry"),
        ("{from: All}", "{name: g, namespace: b}", "UDPRoute", "does not carry"),
    ],
)
def test_a_route_that_no_listener_takes_is_no_door(allowed: str, parent: str, kind: str, why: str) -> None:
    found = exposed(SERVICE, GATEWAY % allowed, route(f"{{parentRefs: [{parent}], {TO_S}}}", kind, "v1alpha2"))
    assert (found.doors, slugs(found)) == ((), ["route-not-attached"])
    assert why in found.problems[0].message


def test_a_selector_lets_routes_in_by_the_labels_of_their_namespace() -> None:
    text = route(f"{{parentRefs: [{{name: g, namespace: b}}], {TO_S}}}")
    allowed = "{from: Selector, selector: {matchLabels: {team: red}}}"
    assert len(exposed(SERVICE, GATEWAY % allowed, text).doors) == 1


def test_a_gateway_that_was_not_read_is_an_unknown_controller() -> None:
    text = route(f"{{parentRefs: [{{name: elsewhere}}], {TO_S}}}")
    (door,) = exposed(SERVICE, ISOLATED, text).doors
    assert (door.verdict.open, door.through) == (None, "Gateway a/elsewhere, which was not read")


def test_a_route_of_a_mesh_is_no_door() -> None:
    found = exposed(SERVICE, route(f"{{parentRefs: [{{kind: Service, group: '', name: s}}], {TO_S}}}"))
    assert (found.doors, found.problems) == ((), ())


GRANT = """---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: a}
spec: {from: [{group: gateway.networking.k8s.io, kind: %s, namespace: %s}], to: [{group: '', kind: Service%s}]}
"""


@pytest.mark.parametrize(
    ("grant", "granted"),
    [
        ("", False),
        (GRANT % ("HTTPRoute", "b", ""), True),
        (GRANT % ("HTTPRoute", "b", ", name: s"), True),
        (GRANT % ("HTTPRoute", "b", ", name: other"), False),
        (GRANT % ("HTTPRoute", "c", ""), False),
        (GRANT % ("GRPCRoute", "b", ""), False),
    ],
)
def test_another_namespace_must_grant_a_reference(grant: str, granted: bool) -> None:
    text = route(
        "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, namespace: a, port: 80}]}]}", namespace="b"
    )
    found = exposed(SERVICE, GATEWAY % "{from: Same}", text, grant)
    assert (len(found.doors), slugs(found)) == ((1, []) if granted else (0, ["grant-missing"]))


def test_mirrors_get_traffic_and_a_weight_of_nothing_does_not() -> None:
    other = service("{selector: {app: db}, ports: [{port: 80}]}", "d")
    rules = "[{backendRefs: [{name: s, port: 80, weight: 0}], filters: [{requestMirror: {backendRef: {name: d, port: 80}}}]}]"
    found = exposed(SERVICE, other, route(f"{{parentRefs: [{{name: elsewhere}}], rules: {rules}}}"))
    assert [door.service for door in found.doors] == ["Service a/d"]


@pytest.mark.parametrize(("port", "inner"), [("http", 8080), ("8080", 8080), ("80", 0)])
def test_a_route_of_openshift_means_the_port_of_the_pods(port: str, inner: int) -> None:
    router = pod(
        "router", "{ingresscontroller.operator.openshift.io/deployment-ingresscontroller: default}", namespace="b"
    )
    text = (
        "---\napiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: o, namespace: a}\n"
        f"spec: {{host: x.example.test, to: {{kind: Service, name: s}}, port: {{targetPort: {port}}}}}\n"
    )
    found = exposed(SERVICE, router, text)
    if not inner:
        assert slugs(found) == ["backend-port-missing"]
        return
    (door,) = found.doors
    assert (door.ports[0].inner, door.through, door.verdict.open) == (inner, "b/Pod/router", True)


# --- problems -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        (service("{selector: {app: nobody}, ports: [{port: 80}]}"), "service-selects-nothing"),
        (service("{selector: {app: web}, ports: [{port: 80, targetPort: nobody}]}"), "target-port-missing"),
        (service("{ports: [{port: 80}]}"), "endpoints-unknown"),
        (
            service("{clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 81}]}"),
            "headless-target-port",
        ),
        (ingress(), "backend-missing"),
        (SERVICE + ingress("{service: {name: s, port: {number: 81}}}"), "backend-port-missing"),
        (ingress("{resource: {kind: Bucket, name: x, apiGroup: example.test}}"), "backend-not-modelled"),
        (route("{rules: []}"), "route-not-attached"),
        (
            "---\n{apiVersion: networking.k8s.io/v1beta1, kind: Ingress, metadata: {name: old, namespace: a}}\n",
            "door-not-modelled",
        ),
        (
            "---\n{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: t, namespace: a}}\n",
            "door-not-modelled",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, slug: str) -> None:
    found = exposed(text)
    assert slugs(found) == [slug]
    assert found.problems[0].path.startswith("w.yaml:")


def test_an_empty_world_has_no_doors() -> None:
    world = world_of("{apiVersion: v1, kind: Namespace, metadata: {name: a}}\n" + NODE)
    model = Model(world)
    found = build_exposure(model, Services(model, Directory(model)))
    assert (found.workloads, found.doors, found.problems) == ((), (), ())


def test_a_route_to_a_name_outside_is_told() -> None:
    found = exposed(service("{type: ExternalName, externalName: x.example.test, ports: [{port: 80}]}"), ingress())
    assert (found.doors, slugs(found)) == ((), ["endpoints-unknown"])


def test_some_pods_without_the_port_are_counted() -> None:
    text = pod("p1", "{n: s}", "{name: p, containerPort: 1}") + pod("p2", "{n: s}")
    found = exposed(text, service("{selector: {n: s}, ports: [{port: 80, targetPort: p}]}"))
    assert "1 of 2 pods" in found.problems[0].message


BAD_ROUTES = {
    ingress("{}"): "service or a resource",
    ingress("{service: {name: s}}"): "a name or a number",
    ingress("{service: {name: s, port: {name: http, number: 80}}}"): "both",
    ingress("{service: {port: {number: 80}}}"): "name of the service",
    ingress().replace("pathType: Prefix", "pathType: Glob"): "pathType",
    ingress().replace("path: /,", "path: x,"): "begin with /",
    ingress().replace("host: x.example.test", "host: 192.0.2.1"): "IP address",
    ingress().replace("host: x.example.test", "host: 'a_b'"): "DNS name",
    "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: {}\n": "either rules",
    GATEWAY % "{from: Some}": "Some",
    GATEWAY % "{from: Selector}": "needs a selector",
    route("{rules: [{backendRefs: [{name: s}]}]}"): "needs a port",
    route("{rules: [{backendRefs: [{port: 80}]}]}"): "name of the backend",
    route("{rules: [{backendRefs: [{name: s, port: 80, weight: -1}]}]}"): "weight",
    route("{parentRefs: [{}]}"): "name of the parent",
    GRANT.replace("kind: %s, namespace: %s", "kind: HTTPRoute") % "": "must be given",
}


@pytest.mark.parametrize("text", BAD_ROUTES, ids=list(BAD_ROUTES.values()))
def test_what_the_api_server_would_refuse_is_refused(text: str) -> None:
    ((why, line),) = left_out(PODS + text)
    assert BAD_ROUTES[text] in why
    assert line > 0


# --- addresses, the internet, strangers ------------------------------------------------------------------------------


def test_what_policies_leave_open_to_the_outside() -> None:
    found = exposed(
        policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 80}]}]}")
    )
    assert [(o.addresses, o.ports) for o in of(found, "a/Pod/web").direct] == [(("203.0.113.0/24",), "TCP 80")]
    assert [(o.addresses, o.ports) for o in of(found, "b/Pod/web").direct] == [(("any IPv4 address",), "any")]


def test_who_may_connect_to_the_internet() -> None:
    rules = (
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, "
        "except: [10.0.0.0/8]}}], ports: [{port: 443}]}, {to: [{ipBlock: {cidr: 198.51.100.0/24}}]}]}"
    )
    found = exposed(policy(rules), policy("{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}", "q"))
    said = {o.ports: o.addresses for o in of(found, "a/Pod/web").internet}
    assert said["any"] == ("198.51.100.0/24",)
    assert "198.51.100.0/24" not in said["TCP 443"]
    assert of(found, "a/Pod/db").internet == ()
    assert [(o.addresses, o.ports) for o in of(found, "b/Pod/web").internet] == [(("any IPv4 address",), "any")]


def said(found: Exposure, label: str) -> dict[str, tuple[str, bool]]:
    return {one.who: (one.ports, one.by_labels) for one in of(found, label).strangers}


def test_strangers_in_general() -> None:
    assert said(exposed(), "a/Pod/web") == {"any pod in any namespace": ("any", False)}
    assert said(exposed(ISOLATED), "a/Pod/web") == {}
    own = policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")
    assert said(exposed(own), "a/Pod/web") == {"any other pod in namespace a": ("any", False)}
    labelled = policy("{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}")
    assert said(exposed(labelled), "a/Pod/db") == {"any other pod in namespace a": ("any", True)}
    negative = labelled.replace(
        "matchLabels: {app: web}", "matchExpressions: [{key: app, operator: NotIn, values: [web]}]"
    )
    assert said(exposed(negative), "a/Pod/db") == {"any other pod in namespace a": ("any", True)}


def test_strangers_in_namespaces_that_were_not_read() -> None:
    by_name = (
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}]}]}"
    )
    read = said(exposed(policy(by_name % "b")), "a/Pod/web")
    assert read == {"any other pod in namespace b": ("any", False)}  # a name is no one else's
    unread = said(exposed(policy(by_name % "c")), "a/Pod/web")
    assert unread["any pod in a namespace that was not read"] == ("any", True)
    assert unread["any pod in namespaces kubernetes.io/metadata.name=c"] == ("any", False)
    negative = (
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: "
        "[{key: kubernetes.io/metadata.name, operator: NotIn, values: [b]}]}}]}]}"
    )
    away = said(exposed(policy(negative)), "a/Pod/web")
    assert away["any pod in a namespace that was not read"] == ("any", False)
    assert "any other pod in namespace b" not in away


def test_a_selector_that_matches_nothing_is_named_with_what_it_asks_for() -> None:
    rules = "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: none}}}], ports: [{port: 1}]}]}"
    found = said(exposed(policy(rules)), "a/Pod/web")
    assert found["pods role=none in namespace a"] == ("TCP 1", False)


@given(st.integers(0, 1 << 30))
@settings(max_examples=120, deadline=None)
def test_what_is_said_of_strangers_holds_for_every_pod_that_comes(seed: int) -> None:
    """Add a pod with any labels anywhere: yes was yes for it, no was no. The oracle shares nothing with the engine."""
    maker = Maker(Random(seed))
    objects = maker.world()
    world = read_world([("w.json", json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}).encode())])
    assert world.refused == ()
    model = Model(world)
    strangers = with_strangers(model)
    assert strangers.model.ports.size == model.ports.size
    access = Access(model, strangers)
    names = sorted(world.namespaces)
    where = maker.r.choice([*names, "omega", "omega"])
    labels = {key: maker.r.choice([*values, "new"]) for key, values in KEYS.items() if maker.chance(60)}
    comer: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "comer", "namespace": where, "labels": labels},
        "spec": {"containers": [{}]},
        "status": {},
    }
    more: list[dict[str, Any]] = [comer]
    if where == "omega":
        more.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": where, "labels": maker.labels()}})
    oracle = Oracle([*objects, *more])
    source = strangers.anyone if where == "omega" else strangers.mates[where]
    directory = Directory(model)
    for there in oracle.pods:
        if (
            there is comer
            or there.get("status", {}).get("phase") in ("Succeeded", "Failed")
            or there["spec"].get("hostNetwork")
        ):
            continue
        party = directory.pod(there["metadata"].get("namespace") or "default", f"Pod/{there['metadata']['name']}")
        for protocol in PROTOCOLS:
            for port in (1, 80, 8080, 9000):
                allow, deny = access.strange(strangers.numbers[party.number], model.ports.bit(protocol, port))
                expected = oracle.flow(comer, there, protocol, port)
                if allow >> source & 1:
                    assert expected == {True}
                elif deny >> source & 1:
                    assert expected == {False}


def test_sets_of_addresses_are_exact() -> None:
    part = of_blocks([parse_block("10.0.0.0/8"), parse_block("2001:db8::/32")])
    assert within(EVERY, part) == part
    assert joined([*without(EVERY, part), *part]) == EVERY
    assert within(without(EVERY, part), part) == ()
    assert words(part) == ("10.0.0.0/8", "2001:db8::/32")
    assert words(without(whole(4), of_blocks([parse_block("10.0.0.0/8")])))[0] == "any IPv4 address"
    assert words(((4, Span(5, 5)),)) == ("0.0.0.5/32",)
    assert words(EVERY) == ("any address",)


# --- from the outside -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "w.yaml").write_text(PODS + SERVICE + CONTROLLER + ingress() + ISOLATED)
    return tmp_path


@pytest.mark.parametrize("name", EXPOSURE_FORMATS)
def test_every_format_has_the_door_and_is_the_same_every_time(folder: Path, name: str) -> None:
    network = load_network([str(folder)])
    written = write_exposure(network, expose(network), name)
    for part in ("x.example.test", "a/s", "controller-cut-off"):
        assert part in written or name == "csv"
    assert "Pod/web" in written
    again = load_network([str(folder)])
    assert write_exposure(again, expose(again), name) == written


def test_json_and_csv_can_be_read_back(folder: Path) -> None:
    network = load_network([str(folder)])
    found = expose(network)
    document = json.loads(write_exposure(network, found, "json"))
    assert document["schema"] == "thwart-net-exposure-v1"
    (door,) = document["doors"]
    assert document["workloads"][door["workloads"][0]]["workload"] == "Pod/web"
    lines = (folder / "w.yaml").read_text().splitlines()
    assert (door["open"], "ingressClassName" in lines[door["line"] - 1]) == (False, True)
    rows = list(csv.DictReader(io.StringIO(write_exposure(network, found, "csv"))))
    assert [row["state"] for row in rows if row["way"] == "Ingress"] == ["closed"]


def test_exit_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net", "exposure", str(folder)]) == 0
    assert "no door" in capsys.readouterr().out
    (folder / "n.yaml").write_text(service("{type: NodePort, selector: {app: web}, ports: [{port: 80}]}", "np"))
    assert main(["net", "exposure", str(folder)]) == 3  # nodes stand in for clients, and may be let in
    assert main(["net", "exposure", "-o", "picture", str(folder)]) == 2
    assert main(["net", "exposure", "--service", "a/none", str(folder)]) == 2
    assert main(["net", "exposure", str(folder / "none")]) == 4


def test_names_of_strangers_do_no_harm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thwart.network.world.check_names", lambda _: None)  # refused, and written safely all the same
    file = tmp_path / "x.yaml"
    file.write_text(
        '{apiVersion: v1, kind: Pod, metadata: {name: "|x\\n\\e[31m<b>", namespace: "=a"}, spec: {hostNetwork: true}}'
    )
    network = load_network([str(file)])
    found = expose(network)
    assert "<b>" not in write_exposure(network, found, "markdown").replace("\\<b\\>", "")
    assert "'=a" in write_exposure(network, found, "csv")
    assert main(["net", "exposure", str(file)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_many_routes_to_one_service_are_worked_out_once() -> None:
    texts = [ingress(name=f"i{number}") for number in range(300)]
    pods = "".join(pod(f"m{i}", f"{{app: web, i: '{i}'}}") for i in range(300))
    found = exposed(SERVICE, CONTROLLER, pods, *texts)
    routes = [door for door in found.doors if door.kind == "Ingress"]
    assert len(routes) == 300
    assert len({id(door.workloads) for door in routes}) == 1
    assert len({id(door.verdict) for door in routes}) == 1
