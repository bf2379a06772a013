"""Istio's AuthorizationPolicy and PeerAuthentication: each rule of their meaning as a small world."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import Asked, policy, world_of
from thwart.network.engine import Model
from thwart.network.world import read_world

ENABLED, AMBIENT = "istio-injection: enabled", "istio.io/dataplane-mode: ambient"


def pod(name: str, namespace: str = "a", account: str = "default", ip: str = "", more: str = "", spec: str = "") -> str:
    status = f"\nstatus: {{podIPs: [{{ip: {ip}}}]}}" if ip else ""
    return f"""---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}{", " + more if more else ""}}}}}
spec: {{serviceAccountName: {account}, containers: [{{}}]{", " + spec if spec else ""}}}{status}
"""


def namespace(name: str, labels: str = "") -> str:
    return f"---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{{labels}}}}}}}\n"


def authorization(spec: str, where: str = "a", name: str = "p", more: str = "") -> str:
    return (
        f"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        f"metadata: {{name: {name}, namespace: {where}{more}}}\nspec: {spec}\n"
    )


def peer(spec: str, where: str = "a", name: str = "p") -> str:
    return (
        f"---\napiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\n"
        f"metadata: {{name: {name}, namespace: {where}}}\nspec: {spec}\n"
    )


def service(ports: str, app: str = "web", where: str = "a") -> str:
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {app}, namespace: {where}}}\n"
        f"spec: {{selector: {{app: {app}}}, ports: {ports}}}\n"
    )


PODS = (
    pod("web", ip="10.0.0.1")
    + pod("db", account="robot", ip="10.0.0.2")
    + pod("web", "b", ip="10.1.0.1")
    + pod("plain", "c", ip="10.2.0.1")
)


def mesh(*documents: str, label: str = ENABLED) -> Asked:
    """Namespaces a and b in the mesh, and c out of it."""
    return Asked(namespace("a", label) + namespace("b", label) + namespace("c") + PODS + "".join(documents))


def source(text: str) -> str:
    return f"{{rules: [{{from: [{{source: {text}}}]}}]}}"


def operation(text: str, action: str = "ALLOW") -> str:
    return f"{{action: {action}, rules: [{{to: [{{operation: {text}}}]}}]}}"


def condition(text: str, action: str = "ALLOW") -> str:
    return f"{{action: {action}, rules: [{{when: [{text}]}}]}}"


# --- actions and rules ------------------------------------------------------------------------------------------------


def test_an_empty_spec_allows_nothing() -> None:
    for spec in ("{}", "", "{action: ALLOW}", "{rules: []}"):
        world = mesh(authorization(spec))
        assert world.allowed("b/web", "a/web") is False
        assert world.allowed("b/web", "b/web") is True
        assert world.allowed("a/web", "b/web") is True  # only what comes in


def test_an_empty_rule_matches_everyone() -> None:
    for asks in ("b/web", "c/plain", "8.8.8.8"):
        assert mesh(authorization("{rules: [{}]}")).allowed(asks, "a/web") is True
        assert mesh(authorization("{action: DENY, rules: [{}]}")).allowed(asks, "a/web") is False


def test_denials_come_before_allowances() -> None:
    allow, deny = authorization("{rules: [{}]}"), authorization(operation('{ports: ["80"]}', "DENY"), name="q")
    world = mesh(allow, deny)
    assert world.allowed("b/web", "a/web", 80) is False
    assert world.allowed("b/web", "a/web", 81) is True
    (reason,) = world.answer("b/web", "a/web", 80).because
    assert (reason.effect, reason.policy, reason.rule) == ("denies", "q", 0)


def test_denials_alone_close_nothing_else() -> None:
    world = mesh(authorization("{action: DENY, rules: []}"))
    assert world.allowed("b/web", "a/web") is True


def test_allowances_of_several_policies_add_up() -> None:
    world = mesh(authorization(operation('{ports: ["80"]}')), authorization(operation('{ports: ["81"]}'), name="q"))
    assert [world.allowed("c/plain", "a/web", port) for port in (80, 81, 82)] == [True, True, False]


@pytest.mark.parametrize(
    ("spec", "more"), [("{action: AUDIT, rules: [{}]}", ""), ("{}", ', annotations: {istio.io/dry-run: "true"}')]
)
def test_what_only_looks_on_changes_nothing(spec: str, more: str) -> None:
    assert mesh(authorization(spec, more=more)).allowed("8.8.8.8", "a/web") is True


def test_an_external_authorizer_is_unknown_but_denials_stand() -> None:
    custom = authorization('{action: CUSTOM, provider: {name: x}, rules: [{to: [{operation: {ports: ["80", "81"]}}]}]}')
    world = mesh(custom, authorization(operation('{ports: ["81"]}', "DENY"), name="q"))
    assert world.allowed("b/web", "a/web", 80) is None
    assert world.allowed("b/web", "a/web", 81) is False
    assert world.allowed("b/web", "a/web", 82) is True
    assert any(d.slug == "unmodelled-policy" and "authorizer" in d.message for d in world.world.diagnostics)
    assert "authorizer" in world.answer("b/web", "a/web", 80).because[0].text


def test_only_tcp_goes_through_the_mesh() -> None:
    world = mesh(
        authorization("{}"), authorization("{action: DENY, rules: [{}]}", name="q"), peer("{mtls: {mode: STRICT}}")
    )
    assert world.allowed("c/plain", "a/web", 53, "UDP") is True
    assert world.allowed("c/plain", "a/web", 53, "SCTP") is True
    assert world.allowed("c/plain", "a/web", 53) is False


def test_the_mesh_and_the_network_must_both_allow() -> None:
    world = mesh(authorization("{rules: [{}]}"), policy("{podSelector: {matchLabels: {app: db}}}"))
    assert world.allowed("b/web", "a/db") is False
    assert world.allowed("b/web", "a/web") is True


# --- whom a policy is about -------------------------------------------------------------------------------------------


def test_selectors_choose_pods_of_the_namespace() -> None:
    world = mesh(authorization("{selector: {matchLabels: {app: web}}}"))
    assert world.allowed("b/web", "a/web") is False
    assert world.allowed("b/web", "a/db") is True
    assert world.allowed("a/web", "b/web") is True


def test_the_root_namespace_is_about_the_whole_mesh() -> None:
    world = mesh(authorization("{selector: {matchLabels: {app: web}}}", "istio-system"))
    assert world.allowed("a/db", "a/web") is False
    assert world.allowed("a/db", "b/web") is False
    assert world.allowed("a/web", "a/db") is True
    assert world.allowed("a/db", "c/plain") is True


def test_the_root_namespace_can_have_another_name() -> None:
    told = "---\n{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, metadata: {name: x}, spec: {meshConfig: {rootNamespace: b}}}\n"
    world = mesh(told, authorization("{}", "b"))
    assert world.allowed("a/db", "a/web") is False
    untold = mesh(authorization("{}", "istio-config"))
    assert untold.allowed("a/db", "a/web") is None  # the examples' root namespace


def test_what_is_attached_to_waypoints_is_unknown() -> None:
    for kind, group in (("Service", '""'), ("Gateway", "gateway.networking.k8s.io")):
        spec = f"{{targetRefs: [{{kind: {kind}, group: {group}, name: x}}]}}"
        ambient = mesh(authorization(spec), label=AMBIENT)
        assert ambient.allowed("b/web", "a/web") is None
        assert ambient.allowed("a/web", "b/web") is True
        assert ambient.world.diagnostics
        assert mesh(authorization(spec)).allowed("b/web", "a/web") is True  # no waypoint serves sidecars


def test_what_is_attached_to_the_outside_is_unknown() -> None:
    spec = "{targetRefs: [{kind: ServiceEntry, group: networking.istio.io, name: x}]}"
    world = mesh(authorization(spec), label=AMBIENT)
    assert world.allowed("a/web", "8.8.8.8", 443) is None
    assert world.allowed("a/web", "b/web", 443) is True
    assert world.allowed("c/plain", "8.8.8.8", 443) is True
    assert world.world.diagnostics
    assert mesh(authorization(spec)).allowed("a/web", "8.8.8.8", 443) is True


# --- who comes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("{principals: [cluster.local/ns/a/sa/robot]}", "a/db"),
        ("{principals: [spiffe://cluster.local/ns/a/sa/robot]}", ""),
        ("{principals: [cluster.local/ns/a/*]}", "a/db"),
        ("{principals: ['*/sa/robot']}", "a/db"),
        ("{principals: ['*']}", "a/db b/web"),
        ("{principals: [cluster.local/ns/a/sa/robo]}", ""),
        ("{principals: ['cluster.local/ns/*/sa/robot']}", ""),
        ("{notPrincipals: [cluster.local/ns/a/sa/robot]}", "b/web c/plain 8.8.8.8"),
        ("{notPrincipals: ['*']}", "c/plain 8.8.8.8"),
        ("{namespaces: [b]}", "b/web"),
        ("{namespaces: ['*']}", "a/db b/web"),
        ("{namespaces: [c]}", ""),
        ("{notNamespaces: [b]}", "a/db c/plain 8.8.8.8"),
        ("{serviceAccounts: [robot]}", "a/db"),
        ("{serviceAccounts: [b/default, a/none]}", "b/web"),
        ("{notServiceAccounts: [robot]}", "b/web c/plain 8.8.8.8"),
        ("{ipBlocks: [8.8.8.8, 10.2.0.0/16]}", "c/plain 8.8.8.8"),
        ("{notIpBlocks: [8.8.8.8, 10.2.0.0/16]}", "a/db b/web"),
        ("{namespaces: [a, b], notPrincipals: ['*robot']}", "b/web"),
        ("{namespaces: [b]}}, {source: {principals: ['*robot']}", "a/db b/web"),
    ],
)
@pytest.mark.parametrize("label", [ENABLED, AMBIENT])
def test_sources(text: str, who: str, label: str) -> None:
    world = mesh(authorization(source(text)), label=label)
    denied = mesh(authorization(source(text).replace("{rules", "{action: DENY, rules")), label=label)
    for one in ("a/db", "b/web", "c/plain", "8.8.8.8"):
        assert world.allowed(one, "a/web") is (one in who.split()), one
        assert denied.allowed(one, "a/web") is (one not in who.split()), one


def test_another_trust_domain_may_be_the_meshs_own() -> None:
    spec = source("{principals: [td1/ns/a/sa/robot]}")
    assert mesh(authorization(spec)).allowed("a/db", "a/web") is None
    assert mesh(authorization(spec)).allowed("b/web", "a/web") is False
    for domain, wanted in (("td1", True), ("td2", False)):
        told = f"---\n{{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, metadata: {{name: x}}, spec: {{meshConfig: {{trustDomain: {domain}}}}}}}\n"
        assert mesh(told, authorization(spec)).allowed("a/db", "a/web") is wanted


def test_what_a_proxy_reports_is_unknown() -> None:
    spec = source("{remoteIpBlocks: [8.8.8.8], namespaces: [b]}")
    assert mesh(authorization(spec)).allowed("b/web", "a/web") is None
    assert mesh(authorization(spec)).allowed("a/db", "a/web") is False
    assert mesh(authorization(spec), label=AMBIENT).allowed("b/web", "a/web") is False  # ztunnel drops such rules


def test_host_network_pods_have_no_identity() -> None:
    host = pod("host", spec="hostNetwork: true, nodeName: n1", ip="192.168.0.1")
    world = mesh(host, authorization(source("{notPrincipals: ['*']}")), peer("{}"))
    assert world.allowed("a/host", "a/web") is True
    assert world.allowed("a/web", "a/host") is True  # and enforce nothing
    assert mesh(host, authorization(source("{namespaces: [a]}"))).allowed("a/host", "a/web") is False


# --- to and when ------------------------------------------------------------------------------------------------------


def test_ports() -> None:
    world = mesh(authorization(operation('{ports: ["80", "443"]}')))
    assert [world.allowed("b/web", "a/web", port) for port in (79, 80, 443)] == [False, True, True]
    world = mesh(authorization(operation('{notPorts: ["80"]}')))
    assert [world.allowed("b/web", "a/web", port) for port in (1, 80, 65535)] == [True, False, True]
    world = mesh(
        authorization(condition('{key: destination.port, values: ["80"]}, {key: destination.port, notValues: ["80"]}'))
    )
    assert world.allowed("b/web", "a/web", 80) is False


def test_the_address_of_the_destination() -> None:
    world = mesh(authorization(condition("{key: destination.ip, values: [10.0.0.1]}", "DENY")))
    assert world.allowed("b/web", "a/web") is False
    assert world.allowed("b/web", "a/db") is True
    world = mesh(authorization(condition("{key: destination.ip, notValues: [10.0.0.1]}")))
    assert world.allowed("b/web", "a/web") is False
    assert world.allowed("b/web", "a/db") is True
    unplaced = mesh(pod("new"), authorization(condition("{key: destination.ip, notValues: [10.0.0.1]}")))
    assert unplaced.allowed("b/web", "a/new") is None


def test_conditions_of_the_source() -> None:
    text = "{key: source.namespace, values: [a, b]}, {key: source.principal, notValues: ['*robot']}, {key: source.ip, notValues: [10.9.0.0/16]}"
    world = mesh(authorization(condition(text)))
    assert [world.allowed(one, "a/web") for one in ("a/db", "b/web", "c/plain")] == [False, True, False]


@pytest.mark.parametrize("key", ["connection.sni", "experimental.envoy.filters.a.b[c]"])
def test_conditions_that_documents_cannot_tell(key: str) -> None:
    world = mesh(authorization(condition(f'{{key: "{key}", values: [x]}}')))
    assert world.allowed("b/web", "a/web") is None
    assert mesh(authorization(condition(f'{{key: "{key}", values: [x]}}', "DENY"))).allowed("b/web", "a/web") is None


# --- HTTP -------------------------------------------------------------------------------------------------------------


def test_http_that_is_allowed_is_a_connection_with_a_note() -> None:
    world = mesh(authorization(operation('{methods: [GET], ports: ["80"]}')))
    answer = world.answer("b/web", "a/web", 80)
    assert answer.allowed is True
    assert answer.because[0].text == "only HTTP requests by their methods"
    assert world.allowed("b/web", "a/web", 81) is False
    assert mesh(authorization(operation("{methods: [GET]}")), label=AMBIENT).allowed("b/web", "a/web") is False


def test_http_that_is_denied_is_unknown() -> None:
    spec = operation('{paths: [/admin*], ports: ["80"]}', "DENY")
    assert mesh(authorization(spec)).allowed("b/web", "a/web", 80) is None
    assert mesh(authorization(spec)).allowed("b/web", "a/web", 81) is True
    assert mesh(authorization(spec), label=AMBIENT).allowed("b/web", "a/web", 80) is False  # without its paths


def test_tcp_traffic_of_the_documentation() -> None:
    """istio.io, "TCP Traffic": ports that a Service declares as TCP know no HTTP."""
    ports = "[{name: tcp, port: 9000}, {name: tcp-other, port: 9001}]"
    echo = service(ports)
    allow = mesh(echo, authorization(operation('{methods: [GET], ports: ["9000"]}')))
    assert [allow.allowed("a/db", "a/web", port) for port in (9000, 9001)] == [False, False]
    deny = mesh(echo, authorization(operation("{methods: [GET]}", "DENY")))
    assert [deny.allowed("a/db", "a/web", port) for port in (9000, 9001)] == [False, False]
    deny = mesh(echo, authorization(operation('{methods: [GET], ports: ["9000"]}', "DENY")))
    assert [deny.allowed("a/db", "a/web", port) for port in (9000, 9001)] == [False, True]
    other = mesh(echo, authorization(operation("{methods: [GET]}")))
    assert other.allowed("a/web", "a/db", 9000) is True  # the Service does not select it


@pytest.mark.parametrize(
    ("ports", "wanted"),
    [
        ("[{name: http-x, port: 9000}]", True),
        ("[{port: 9000}]", True),
        ("[{name: http, port: 9000, appProtocol: tcp}]", False),
        ("[{port: 3306, targetPort: 9000}]", False),
        ("[{name: mongo-x, port: 1, targetPort: 9000}]", False),
        ("[{name: tcp, port: 9000, protocol: UDP}]", True),
        ("[{name: tcp, port: 9000}, {name: http, port: 80, targetPort: 9000}]", None),
    ],
)
def test_what_services_declare(ports: str, wanted: bool | None) -> None:
    world = mesh(service(ports), authorization(operation("{methods: [GET]}")))
    assert world.allowed("a/db", "a/web", 9000) is wanted


def test_tokens_need_someone_who_believes_them() -> None:
    spec = source("{requestPrincipals: ['*']}")
    assert mesh(authorization(spec)).allowed("b/web", "a/web") is None
    believed = (
        "---\n{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: x, namespace: a}}\n"
    )
    assert mesh(believed, authorization(spec)).allowed("b/web", "a/web") is True


# --- PeerAuthentication -----------------------------------------------------------------------------------------------


def test_strict_takes_no_plaintext() -> None:
    world = mesh(peer("{mtls: {mode: STRICT}}"))
    assert [world.allowed(one, "a/web") for one in ("b/web", "c/plain", "8.8.8.8")] == [True, False, False]
    assert world.allowed("c/plain", "b/web") is True
    reason = world.answer("c/plain", "a/web").because[-1]
    assert (reason.effect, reason.kind, reason.text) == ("denies", "PeerAuthentication", "only with mutual TLS")


@pytest.mark.parametrize(
    ("root", "own", "workload", "wanted"),
    [
        ("STRICT", "", "", False),
        ("STRICT", "UNSET", "", False),
        ("STRICT", "PERMISSIVE", "", True),
        ("STRICT", "DISABLE", "UNSET", True),
        ("STRICT", "PERMISSIVE", "STRICT", False),
        ("PERMISSIVE", "STRICT", "", False),
        ("STRICT", "STRICT", "PERMISSIVE", True),
        ("", "", "UNSET", True),
    ],
)
@pytest.mark.parametrize("label", [ENABLED, AMBIENT])
def test_the_narrowest_scope_holds(root: str, own: str, workload: str, wanted: bool, label: str) -> None:
    peers = peer(f"{{mtls: {{mode: {root}}}}}", "istio-system") if root else ""
    peers += peer(f"{{mtls: {{mode: {own}}}}}") if own else ""
    if workload:
        peers += peer(f"{{selector: {{matchLabels: {{app: web}}}}, mtls: {{mode: {workload}}}}}", name="w")
    assert mesh(peers, label=label).allowed("c/plain", "a/web") is wanted
    assert mesh(peers, label=label).allowed("a/db", "a/web") in (True, None if "DISABLE" in own else True)


def test_ports_have_modes_of_their_own() -> None:
    own = (
        "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: PERMISSIVE}, 81: {}}}"
    )
    world = mesh(peer(own))
    assert [world.allowed("c/plain", "a/web", port) for port in (80, 81, 8080)] == [False, False, True]


def test_without_mutual_tls_identities_are_unknown() -> None:
    allow = authorization(source("{namespaces: [b]}"))
    world = mesh(peer("{mtls: {mode: DISABLE}}"), allow)
    assert world.allowed("b/web", "a/web") is None
    assert world.allowed("c/plain", "a/web") is False
    assert mesh(peer("{mtls: {mode: DISABLE}}"), allow, label=AMBIENT).allowed("b/web", "a/web") is True


def test_gateways_have_listeners_of_their_own() -> None:
    gate = pod("gate", "istio-system", "gate", more="istio: ingressgateway, sidecar.istio.io/inject: 'false'")
    world = mesh(gate, peer("{mtls: {mode: STRICT}}", "istio-system"))
    assert world.allowed("8.8.8.8", "istio-system/gate") is True
    assert world.allowed("istio-system/gate", "a/web") is True
    own = pod("gate", "istio-system", more="edge: x")
    told = "---\n{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: a}, spec: {selector: {edge: x}}}\n"
    assert mesh(own, told, peer("{mtls: {mode: STRICT}}")).allowed("istio-system/gate", "a/web") is True
    assert (
        mesh(own, namespace("istio-system"), peer("{mtls: {mode: STRICT}}")).allowed("istio-system/gate", "a/web")
        is False
    )


# --- who is in the mesh -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "labels", "wanted"),
    [
        ("istio-injection: enabled", "", True),
        ("istio-injection: enabled", "sidecar.istio.io/inject: 'false'", False),
        ("istio-injection: disabled", "sidecar.istio.io/inject: 'true'", False),
        ("istio.io/rev: stable", "", True),
        ("istio.io/rev: stable, istio-injection: disabled", "", False),
        ("", "sidecar.istio.io/inject: 'true'", True),
        ("", "istio.io/rev: stable", True),
        ("", "", False),
        ("", "security.istio.io/tlsMode: istio", True),
        ("istio.io/dataplane-mode: ambient", "", True),
        ("istio.io/dataplane-mode: ambient", "istio.io/dataplane-mode: none", False),
        ("", "istio.io/dataplane-mode: ambient", True),
    ],
)
def test_labels_put_pods_into_the_mesh(place: str, labels: str, wanted: bool) -> None:
    text = namespace("a", place) + namespace("s", ENABLED) + pod("in", more=labels) + pod("s", "s")
    world = Asked(text + authorization("{}") + peer("{mtls: {mode: STRICT}}", "s"))
    assert world.allowed("8.8.8.8", "a/in") is not wanted  # in the mesh its policy is enforced
    assert world.allowed("a/in", "s/s") is wanted  # and it speaks mutual TLS


def test_without_any_sign_the_mesh_is_unknown() -> None:
    text = namespace("a") + pod("web") + pod("db") + authorization(operation('{ports: ["80"]}'))
    world = Asked(text)
    assert world.allowed("a/db", "a/web", 80) is True  # in the mesh and out of it
    assert world.allowed("a/db", "a/web", 81) is None
    assert world.allowed("a/db", "a/web", 81, "UDP") is True
    assert any("which are in it" in d.message for d in world.world.diagnostics)


def test_a_namespace_that_was_not_read_is_unknown() -> None:
    text = namespace("a", ENABLED) + pod("web") + pod("x", "unread") + authorization("{}", "unread")
    world = Asked(text + peer("{mtls: {mode: STRICT}}"))
    assert world.allowed("a/web", "unread/x") is None
    assert world.allowed("unread/x", "a/web") is None


def test_behind_a_waypoint_connections_come_in_its_name() -> None:
    spec = authorization(source("{namespaces: [b]}"))
    assert mesh(spec, label=AMBIENT).allowed("b/web", "a/web") is True
    assert mesh(spec, label=f"{AMBIENT}, istio.io/use-waypoint: w").allowed("b/web", "a/web") is None
    plain_ports = authorization(operation('{ports: ["80"]}'))
    assert mesh(plain_ports, label=f"{AMBIENT}, istio.io/use-waypoint: w").allowed("b/web", "a/web") is True


# --- what is refused, and other forms ---------------------------------------------------------------------------------

REFUSED = [
    ("{action: LOG}", "not ALLOW"),
    ("{action: DENY}", "without rules"),
    ("{action: CUSTOM, provider: {name: x}}", "without rules"),
    ("{action: CUSTOM, rules: [{}]}", "provider.name"),
    ("{provider: {name: x}}", "only the action CUSTOM"),
    ("{action: CUSTOM, provider: {name: x}, rules: [{from: [{source: {namespaces: [a]}}]}]}", "CUSTOM"),
    ("{action: CUSTOM, provider: {name: x}, rules: [{when: [{key: source.principal, values: [a]}]}]}", "CUSTOM"),
    ("{selector: {matchLabels: {'': x}}}", "may not be empty"),
    ("{selector: {matchLabels: {app: 'w*'}}}", "wildcards"),
    ("{selector: {}, targetRef: {kind: Gateway, group: gateway.networking.k8s.io, name: x}}", "only one of"),
    ("{targetRef: {kind: Pod, name: x}}", "must be a Service"),
    ("{targetRef: {kind: Service}}", "no name"),
    ("{targetRefs: [{kind: Service, name: x, namespace: b}]}", "may not name a namespace"),
    ("{rules: [{from: []}]}", "may not be empty"),
    ("{rules: [{to: []}]}", "may not be empty"),
    ("{rules: [{from: [{}]}]}", "source may not be empty"),
    ("{rules: [{from: [{source: {}}]}]}", "source may not be empty"),
    ("{rules: [{to: [{operation: {}}]}]}", "operation may not be empty"),
    ("{rules: [{to: [{}]}]}", "operation may not be empty"),
    ("{rules: [{from: [{source: {principals: ['']}}]}]}", "no empty value"),
    ("{rules: [{from: [{source: {ipBlocks: [10.0.0.0/40]}}]}]}", "neither an address"),
    ("{rules: [{from: [{source: {serviceAccounts: [a/b/c]}}]}]}", "not a service account"),
    ("{rules: [{from: [{source: {serviceAccounts: [x], notNamespaces: [a]}}]}]}", "together"),
    ("{rules: [{to: [{operation: {ports: ['65536']}}]}]}", "not a port"),
    ("{rules: [{to: [{operation: {ports: [http]}}]}]}", "not a port"),
    ("{rules: [{to: [{operation: {ports: [80]}}]}]}", "expected str"),
    ("{rules: [{to: [{operation: {paths: ['/{*}/{x=*}']}}]}]}", "path template"),
    ("{rules: [null]}", "expected object"),
    ("{rules: [{when: [{values: [x]}]}]}", "needs a key"),
    ("{rules: [{when: [{key: source.ip}]}]}", "needs values"),
    ("{rules: [{when: [{key: source.ip, values: [x]}]}]}", "neither an address"),
    ("{rules: [{when: [{key: source.colour, values: [x]}]}]}", "not a condition"),
    ("{rules: [{when: [{key: 'destination.labels[x]', values: [x]}]}]}", "no longer known"),
    ("{rules: [{when: [{key: request.headers, values: [x]}]}]}", "name in brackets"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED)
def test_refused(spec: str, why: str) -> None:
    (refusal,) = world_of(authorization(spec)).refused
    assert why in refusal.why
    assert refusal.line > 0


PEERS_REFUSED = [
    ("{mtls: {mode: BLAH}}", "is not UNSET"),
    ("{portLevelMtls: {80: {mode: STRICT}}}", "needs a selector"),
    ("{selector: {matchLabels: {a: b}}, portLevelMtls: {}}", "may not be empty"),
    ("{selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}", "between 1"),
    ("{selector: {matchLabels: {a: b}}, portLevelMtls: {42949672: {mode: STRICT}}}", "not a port"),
    ("{selector: {matchLabels: {a: b}}, portLevelMtls: {acd: {mode: STRICT}}}", "not a port"),
    ("{selector: {matchLabels: {a: b}}, portLevelMtls: {80: {mode: x}}}", "is not UNSET"),
]


@pytest.mark.parametrize(("spec", "why"), PEERS_REFUSED)
def test_refused_peers(spec: str, why: str) -> None:
    (refusal,) = world_of(peer(spec)).refused
    assert why in refusal.why


def test_unknown_fields_are_told_and_passed_over() -> None:
    world = world_of(authorization("{rules: [{}], colour: red}"))
    assert world.refused == ()
    assert [d.slug for d in world.diagnostics][:1] == ["unknown-field"]


def test_versions_that_are_not_modelled_are_unknown() -> None:
    world = mesh(authorization("{}").replace("security.istio.io/v1", "security.istio.io/v9"))
    assert world.allowed("b/web", "a/web") is None


def test_json_says_the_same() -> None:
    spec = {"rules": [{"from": [{"source": {"namespaces": ["b"]}}]}]}
    peers = {"selector": {"matchLabels": {"app": "web"}}, "portLevelMtls": {"80": {"mode": "STRICT"}}}
    meta = {"name": "p", "namespace": "a"}
    items = [
        {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec},
        {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": meta, "spec": peers},
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
    found = read_world([("x.json", text.encode())])
    assert found.refused == ()
    wanted = world_of(authorization(json.dumps(spec)) + peer(json.dumps(peers)).replace("v1beta1", "v1"))
    assert [p.ingress for p in found.policies] == [p.ingress for p in wanted.policies]
    assert found.policies[0].line(("spec", "rules", 0)) > 1


def test_many_ports_and_patterns_end_soon() -> None:
    ports = json.dumps([str(port) for port in range(1, 30001, 2)])
    when = ", ".join([f"{{key: destination.port, notValues: {ports}}}"] * 3)
    rule = f"{{to: [{{operation: {{ports: {ports}}}}}], when: [{when}], from: [{{source: {{namespaces: ['{'*a' * 3000}']}}}}]}}"
    world = mesh(authorization(f"{{rules: [{rule}]}}"))
    assert world.allowed("b/web", "a/web", 3) is False


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.local/ns/a/sa/robot", True),
        ("*local/ns/a/sa/robo", False),
        ("*domain/ns/a/sa/robot", False),
        ("*ns/a/sa/robot", True),
        ("*bot", True),
        ("*x/sa/robot", False),
        ("cluster.local/ns/a*", True),
        ("cluster.local/ns/a/sa/robot*", True),
        ("cluster.local/ns/aa*", False),
        ("cluster.local/ns/b/sa/*", False),
    ],
)
def test_patterns_of_principals(pattern: str, wanted: bool) -> None:
    assert mesh(authorization(source(f"{{principals: ['{pattern}']}}"))).allowed("a/db", "a/web") is wanted


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_broken_policies_never_crash(data: st.DataObject) -> None:
    spec = "{selector: {matchLabels: {app: web}}, action: DENY, rules: [{from: [{source: {principals: ['*x'], notIpBlocks: [10.0.0.0/8]}}], to: [{operation: {ports: ['80']}}], when: [{key: source.ip, values: [1.2.3.4]}]}]}"
    own = "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"
    cut = bytearray((namespace("a", ENABLED) + pod("web") + authorization(spec) + peer(own)).encode())
    cut = cut[: data.draw(st.integers(0, len(cut)))]
    for _ in range(data.draw(st.integers(0, 3))):
        if cut:
            cut[data.draw(st.integers(0, len(cut) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    Model(read_world([("x", bytes(cut))]))


def test_pods_that_decline_by_annotation_are_not_in_the_mesh() -> None:
    pod = (
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: plain\n  namespace: m\n"
        "  annotations: {sidecar.istio.io/inject: 'false'}\nspec: {containers: []}\n"
    )
    mesh = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: m, labels: {istio-injection: enabled}}}\n"
    closed = "---\n{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: none, namespace: m}, spec: {}}\n"
    inside = "---\n{apiVersion: v1, kind: Pod, metadata: {name: meshed, namespace: m}, spec: {containers: []}}\n"
    world = Asked(mesh + pod + inside + closed)
    assert world.allowed("m/plain", "m/meshed") is False
    assert world.allowed("m/meshed", "m/plain") is True


def test_of_two_peer_authentications_the_age_decides_which_is_not_read() -> None:
    mesh = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: m, labels: {istio-injection: enabled}}}\n"
    pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: m, labels: {app: x}}, spec: {containers: []}}\n"
    plain = (
        "---\n{apiVersion: v1, kind: Namespace, metadata: {name: o}}\n"
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: out, namespace: o}, spec: {containers: []}}\n"
    )
    one = (
        "---\n{{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {{name: {}, namespace: m}}, "
        "spec: {{selector: {{matchLabels: {{app: x}}}}{}}}}}\n"
    )
    strict = one.format("strict", ", mtls: {mode: STRICT}")
    assert Asked(mesh + pod + plain + strict).allowed("o/out", "m/x") is False
    both = Asked(mesh + pod + plain + strict + one.format("other", ""))
    assert both.allowed("o/out", "m/x") is None
    assert any("may be older" in one.message for one in both.world.diagnostics)
