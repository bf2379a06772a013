"""A static reading: hosts in settings, services and their ports, DNS, routes; and intents as requests."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from thwart.core.limits import DEFAULT
from thwart.network.intents.reading import read_intents
from thwart.network.model import World
from thwart.network.synthesis.asking import (
    ANYONE,
    Options,
    Outside,
    Peer,
    Pods,
    Request,
    Whole,
    in_words,
    port_set,
)
from thwart.network.synthesis.dialects._parts import block_text
from thwart.network.synthesis.ends import Gazetteer
from thwart.network.synthesis.intending import Intentions
from thwart.network.synthesis.making import synthesise
from thwart.network.synthesis.manifests import Static
from thwart.network.synthesis.mentions import hosts_in
from thwart.network.synthesis.report import json as as_json
from thwart.network.synthesis.services import Backends
from thwart.network.synthesis.settings import Settings
from thwart.network.world import read_world

SHOP = ROOT / "examples" / "shop" / "deploy" / "kubernetes"


def world_of(files: list[tuple[str, bytes]]) -> World:
    world = read_world(files)
    assert world.refused == (), world.refused
    return world


def static(files: list[tuple[str, bytes]], entrance: str = "") -> Request:
    world = world_of(files)
    request, backends = Request(), Backends(world)
    places = Gazetteer(world, backends.addresses())
    place = places.entrance(entrance, request) if entrance else None
    Static(world, places, backends, request, place).read(Settings(files, DEFAULT))
    return request


def read(*documents: dict[str, Any] | str, json: bool = False) -> list[tuple[str, bytes]]:
    objects = [one for d in documents for one in (yaml.safe_load_all(d) if isinstance(d, str) else [d])]
    if json:
        import json as written

        return [("w.json", written.dumps({"kind": "List", "apiVersion": "v1", "items": objects}).encode())]
    return [("w.yaml", yaml.safe_dump_all(objects).encode())]


def name_of(peer: Peer) -> str:
    if isinstance(peer, Pods):
        return f"{peer.namespace}/{dict(peer.labels).get('app', '?')}"
    if isinstance(peer, Outside):
        return block_text(peer.block) + "".join(f" except {block_text(block)}" for block in peer.excepted)
    return f"{peer.namespace}/*" if isinstance(peer, Whole) else "anyone" if peer == ANYONE else "nodes"


def edges(request: Request, *, dns: bool = False) -> set[tuple[str, str, str]]:
    """Everything asked for in words, without the ways to the cluster's DNS."""
    return {
        (name_of(source), name_of(destination), in_words(port_set(ports)))
        for (source, destination), ports in request.edges.items()
        if dns or not name_of(destination).startswith("kube-system/")
    }


def deployment(
    name: str, namespace: str = "ns", ports: dict[str, int] | None = None, **container: Any
) -> dict[str, Any]:
    listed = [{"name": key, "containerPort": number} for key, number in (ports or {}).items()]
    container = {"name": "c", "ports": listed, **container}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **container.pop("pod", {})}}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": template}}


def service(name: str, namespace: str = "ns", ports: list[dict[str, Any]] | None = None, **spec: Any) -> dict[str, Any]:
    found = {"selector": {"app": name}, "ports": ports or [{"port": 80, "targetPort": 8080}], **spec}
    found = {key: value for key, value in found.items() if value is not None}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": found}


def env(**values: str) -> list[dict[str, str]]:
    return [{"name": key, "value": value} for key, value in values.items()]


BACK = (deployment("back", ports={"http": 9000}), service("back"))


# -- the example -------------------------------------------------------------------------------------------------------


def shop() -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(SHOP.glob("*.yaml"))]


def test_the_shop() -> None:
    request = static(shop(), "ingress-nginx/app=ingress")
    assert edges(request) == {
        ("shop/storefront", "shop/catalogue", "TCP 8080"),
        ("shop/storefront", "shop/checkout", "TCP 8080"),
        ("shop/worker", "shop/catalogue", "TCP 8080"),
        ("shop/worker", "shop-data/redis", "TCP 6379"),
        ("shop/catalogue", "shop-data/postgres", "TCP 5432"),  # by a Secret
        ("shop/payments", "shop-data/postgres", "TCP 5432"),
        ("ingress-nginx/ingress", "shop/storefront", "TCP 8080"),  # by its targetPort, not by 80
    }
    names = {source for source, destination, _ in edges(request, dns=True) if destination == "kube-system/*"}
    assert names == {"shop/storefront", "shop/catalogue", "shop/payments", "shop/worker"}
    assert request.dropped["host-network"].example == "Ingress shop/shop leads to shop/admin"
    assert request.dropped["outside-name"].example.endswith("SEARCH_URL names search.example.test:80")


@pytest.mark.parametrize("dialect", ["kubernetes", "cilium", "calico"])
@pytest.mark.parametrize("generalize", ["none", "labels", "workload", "namespace"])
def test_the_shop_in_every_dialect_is_proved(dialect: str, generalize: str) -> None:
    options = Options(dialect=dialect, generalize=generalize)
    made = synthesise(world_of(shop()), static(shop()), options)
    assert made.proof.holds, made.proof
    assert bool(made.proof.widened) is (generalize == "namespace")
    assert "change-me" not in made.text + as_json(made, options)  # passwords stand in the settings that were read


# -- what settings say -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("", "http://back", [("back", 0, "http")]),
        ("", "see http://back:81/x?y=z:9, ok", [("back", 81, "http")]),
        ("", "jdbc:postgresql://user:p@ss@db.data:5432/x", [("db.data", 5432, "postgresql")]),
        ("", "postgresql+psycopg://back:hunter2@db/x", [("db", 0, "postgresql")]),
        ("", "mongodb://a:1,b:2,c/x", [("a", 1, "mongodb"), ("b", 2, "mongodb"), ("c", 0, "mongodb")]),
        ("", "https://[2001:db8::1]:8443/", [("2001:db8::1", 8443, "https")]),
        ("", "back:9090 other.ns:80;third", [("back", 9090, ""), ("other.ns", 80, "")]),
        ("", "http://a:1,http://b:2/,x", [("a", 1, "http"), ("b", 2, "http")]),
        ("DB_HOST", "back", [("back", 0, "")]),
        ("brokers", "a,b", [("a", 0, ""), ("b", 0, "")]),
        ("POSTGRES_DB", "back", []),
        ("", "back", []),
        ("", "12:30:45", []),
        ("", "back:99999", []),
        ("", "image:tag@sha256:12", []),
        ("", "a.ns.svc.cluster.local", [("a.ns.svc.cluster.local", 0, "")]),
    ],
)
def test_hosts_in_texts(key: str, text: str, found: list[tuple[str, int, str]]) -> None:
    assert [mention[:3] for mention in hosts_in(key, text)] == found


@given(st.text(max_size=300), st.sampled_from(["", "DB_HOST", "X"]))
def test_any_text_can_be_searched(text: str, key: str) -> None:
    for mention in hosts_in(key, text):
        assert 0 <= mention.port <= 65535
        assert mention.host


@pytest.mark.parametrize("json", [True, False])
@pytest.mark.parametrize(
    "told",
    [
        {"env": env(URL="http://back/")},
        {"env": env(BACK_HOST="back")},
        {"env": env(BACK_HOST="back", BACK_PORT="80")},
        {"env": env(URL="http://back.ns:80")},
        {"env": env(URL="http://back.ns.svc")},
        {"env": env(URL="http://back.ns.svc.cluster.local.:80/x")},
        {"env": env(WHO="back", URL="http://$(WHO):80")},
        {"env": env(URL="$(BACK_SERVICE_HOST):$(BACK_SERVICE_PORT)")},
        {"args": ["--upstream=http://back"]},
        {"command": ["run", "--server", "back:80"]},
        {"envFrom": [{"configMapRef": {"name": "settings"}}]},
        {"env": [{"name": "U", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "BACK_URL"}}}]},
        {"env": [{"name": "U", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "url"}}}]},
        {"pod": {"volumes": [{"name": "v", "configMap": {"name": "file"}}]}},
        {"pod": {"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "file"}}]}}]}},
        {"pod": {"volumes": [{"name": "v", "secret": {"secretName": "hidden"}}]}},
    ],
)
def test_every_way_to_tell_a_workload_of_a_host(told: dict[str, Any], json: bool) -> None:
    maps: list[Any] = [
        {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"BACK_URL": "http://back", "OTHER": "1"}},
        {
            "kind": "ConfigMap",
            "metadata": {"name": "file"},
            "data": {"app.yaml": "upstream:\n  - url: http://back:80\n"},
        },
        {
            "kind": "Secret",
            "metadata": {"name": "hidden"},
            "data": {"url": base64.b64encode(b"http://me:secret@back").decode()},
        },
    ]
    for one in maps:
        one["apiVersion"] = "v1"
        one["metadata"]["namespace"] = "ns"
    request = static(read(deployment("front", **told), *BACK, *maps, json=json))
    assert edges(request) == {("ns/front", "ns/back", "TCP 8080")}
    assert not request.dropped


def test_ports_of_services_are_those_of_the_pods() -> None:
    def ask(url: str, *documents: dict[str, Any]) -> set[tuple[str, str, str]]:
        return edges(static(read(deployment("front", env=env(URL=url)), *documents)))

    named = service("back", ports=[{"name": "web", "port": 80, "targetPort": "http"}, {"name": "x", "port": 81}])
    assert ask("http://back", BACK[0], named) == {("ns/front", "ns/back", "TCP 9000")}
    assert ask("http://back:81", BACK[0], named) == {("ns/front", "ns/back", "TCP 81")}
    assert ask("http://back:82", BACK[0], named) == set()
    headless = service("back", ports=[{"port": 80, "targetPort": 8080}], clusterIP="None")
    assert ask("http://back", BACK[0], headless) == {("ns/front", "ns/back", "TCP 80")}  # nothing translates the port
    assert ask("http://back-0.back.ns.svc:9999", BACK[0], headless) == {("ns/front", "ns/back", "TCP 9999")}
    both = service("back", ports=[{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}])
    assert ask("udp://back:53", BACK[0], both) == {("ns/front", "ns/back", "UDP 53")}
    assert ask("back:53", BACK[0], both) == {("ns/front", "ns/back", "TCP 53; UDP 53")}
    alias = service("alias", selector=None, ports=None, type="ExternalName", externalName="back.ns.svc.cluster.local")
    alias["spec"].pop("ports")
    assert ask("http://alias", *BACK, alias) == {("ns/front", "ns/back", "TCP 8080")}
    assert ask("http://10.96.0.9:80", BACK[0], service("back", clusterIP="10.96.0.9")) == {
        ("ns/front", "ns/back", "TCP 8080")
    }
    assert ask("https://203.0.113.9", *BACK) == {("ns/front", "203.0.113.9/32", "TCP 443")}


def test_names_of_other_namespaces_and_strangers() -> None:
    other = (deployment("back", "m"), service("back", "m"))
    request = static(
        read(deployment("front", env=env(A="http://back.m", B="http://back", C="http://api.example.test")), *other)
    )
    assert edges(request) == {("ns/front", "m/back", "TCP 8080")}
    assert request.dropped["no-service"].example.endswith("B names back:80")
    assert request.dropped["outside-name"].example.endswith("C names api.example.test:80")


def test_nothing_of_a_secret_is_shown() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}}
    secret["stringData"] = {"token": "pass.word:1234", "url": "http://hush.example.test"}
    told = [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
        {"name": "URL", "value": "$(TOKEN) http://$(TOKEN)"},
    ]
    front = deployment("front", env=told, envFrom=[{"secretRef": {"name": "s"}}], args=["--x=$(TOKEN)"])
    front["spec"]["template"]["spec"]["volumes"] = [{"secret": {"secretName": "s"}}]
    request = static(read(front, secret, *BACK))
    assert request.dropped["outside-name"].records > 4
    assert not any(word in str(request) for word in ("pass.word", "1234", "hush"))


def test_a_loop_of_names_ends() -> None:
    loop = [
        service(a, selector=None, type="ExternalName", externalName=f"{b}.ns.svc.cluster.local")
        for a, b in ("ab", "ba")
    ]
    for one in loop:
        one["spec"].pop("ports")
    assert edges(static(read(deployment("front", env=env(URL="http://a")), *loop))) == set()


def test_a_host_without_a_port_means_every_port_and_that_is_said() -> None:
    several = service("back", ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}])
    request = static(read(deployment("front", env=env(BACK_HOST="back")), BACK[0], several))
    assert edges(request) == {("ns/front", "ns/back", "TCP 80-81")}
    assert "port-not-stated" in {slug for slug, _ in request.notes}


# -- DNS ---------------------------------------------------------------------------------------------------------------


def dns_of(*documents: Any) -> tuple[set[tuple[str, str, str]], set[str]]:
    request = static(read(deployment("front", env=env(URL="http://back")), *BACK, *documents))
    found = {edge for edge in edges(request, dns=True) if edge[1] != "ns/back"}
    return found, {slug for slug, _ in request.notes}


def resolver(namespace: str, labels: dict[str, str], number: int) -> dict[str, Any]:
    ports = [{"name": "dns", "containerPort": number, "protocol": "UDP"}, {"name": "dns-tcp", "containerPort": number}]
    spec = {"containers": [{"ports": ports}]}
    meta = {"name": "coredns", "namespace": namespace}
    template = {"metadata": {"labels": {"app": "dns", **labels}}, "spec": spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": template}}


def test_dns_is_where_it_really_is() -> None:
    """inspektor-gadget#5338: labels of CoreDNS that were guessed."""
    everywhere = {("ns/front", "kube-system/*", "TCP 53; UDP 53")}
    assert dns_of() == (everywhere, {"dns-not-read"})
    here = {("ns/front", "kube-system/dns", "TCP 53; UDP 53")}
    assert dns_of(resolver("kube-system", {"k8s-app": "kube-dns"}, 53)) == (here, set())
    assert dns_of(resolver("kube-system", {"app.kubernetes.io/name": "coredns"}, 53)) == (here, set())
    shift = {("ns/front", "openshift-dns/dns", "TCP 5353; UDP 5353")}
    labels = {"dns.operator.openshift.io/daemonset-dns": "default"}
    assert dns_of(resolver("openshift-dns", labels, 5353)) == (shift, set())
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 1053},
        {"name": "t", "port": 53, "targetPort": 1053},
    ]
    odd = service("kube-dns", "kube-system", ports, selector={"app": "dns"})
    assert dns_of(resolver("kube-system", {}, 1053), odd) == (
        {("ns/front", "kube-system/dns", "TCP 1053; UDP 1053")},
        set(),
    )


# -- routes ------------------------------------------------------------------------------------------------------------

ROUTE = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way, namespace: ns}
spec:
  ingressClassName: nginx
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: back, port: {number: 80}}}}]}}]
"""


def test_routes_lead_from_their_controller() -> None:
    controller = deployment("ingress", "ing")
    controller["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "ingress-nginx"
    request = static(read(*BACK, controller, ROUTE))
    assert edges(request) == {("ing/ingress", "ns/back", "TCP 8080")}
    assert not request.notes


def test_routes_without_a_controller_lead_from_anyone_and_that_is_said() -> None:
    request = static(read(*BACK, ROUTE))
    assert edges(request) == {("anyone", "ns/back", "TCP 8080")}
    assert [slug for slug, _ in request.notes] == ["entrance-not-read"]
    made = synthesise(world_of(read(*BACK, ROUTE)), request, Options())
    (policy,) = (d for d in yaml.safe_load_all(made.text) if d["metadata"]["name"] == "back")
    assert policy["spec"]["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8080}]}]
    assert made.proof.holds


def test_routes_lead_from_whom_the_user_says() -> None:
    assert edges(static(read(*BACK, ROUTE), "edge/app=gate")) == {("edge/gate", "ns/back", "TCP 8080")}
    assert edges(static(read(*BACK, ROUTE), "edge")) == {("edge/*", "ns/back", "TCP 8080")}


def test_a_route_to_nothing_is_counted() -> None:
    assert static(read(BACK[0], ROUTE)).dropped["no-backend"].records == 1


# -- intents -----------------------------------------------------------------------------------------------------------


def intended(text: str, *documents: Any) -> Request:
    world = world_of(read(*documents))
    request, backends = Request(), Backends(world)
    places = Gazetteer(world, backends.addresses())
    Intentions(world, places, backends, request).read(read_intents([("i.yaml", text.encode())]))
    return request


INTENTS = """
version: 1
intents:
  - {name: one, allow: {from: ns/front, to: ns/back, ports: http}}
  - {name: two, only: {from: {namespace: m}, to: {namespace: ns, pods: app=back}, ports: [8443]}}
  - {name: three, allow: {from: 203.0.113.0/24, to: ns/front, ports: 443}}
  - {name: four, deny: {from: any, to: ns/back, ports: 22}}
  - {name: five, allow: {from: {some: pods}, to: ns/back}}
"""


def test_intents_ask_for_what_must_be_possible() -> None:
    request = intended(INTENTS, deployment("front"), *BACK, deployment("other", "m"))
    assert edges(request) == {
        ("ns/front", "ns/back", "TCP 9000"),
        ("m/*", "ns/back", "TCP 8443"),
        ("203.0.113.0/24", "ns/front", "TCP 443"),
    }
    assert request.dropped["some"].records == 1
    made = synthesise(world_of(read(deployment("front"), *BACK, deployment("other", "m"))), request, Options())
    assert made.proof.holds


def test_the_internet_is_blocks_and_never_a_pod() -> None:
    text = "version: 1\nintents: [{name: out, allow: {from: ns/front, to: internet, ports: 443}}]"
    files = (deployment("front"), *BACK)
    request = intended(text, *files)
    assert all(isinstance(pair[1], Outside) for pair in request.edges)
    (four, six) = sorted(name for _, name, _ in edges(request))
    assert four.startswith("0.0.0.0/0 except 0.0.0.0/8 except 10.0.0.0/8 except 100.64.0.0/10 except 127.0.0.0/8")
    assert six.startswith("::/0 except ::/127")
    for dialect in ("kubernetes", "cilium", "calico"):
        made = synthesise(world_of(read(*files)), request, Options(dialect=dialect))
        assert made.proof.holds, made.proof


def test_a_block_that_holds_pods_means_them_too() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "ns", "labels": {"app": "p"}}}
    pod |= {"spec": {"containers": [{}]}, "status": {"podIP": "10.1.2.3"}}
    text = "version: 1\nintents: [{name: in, allow: {from: 10.1.0.0/16, to: ns/front, ports: 443}}]"
    request = intended(text, deployment("front"), pod)
    assert edges(request) == {("10.1.0.0/16", "ns/front", "TCP 443"), ("ns/p", "ns/front", "TCP 443")}
    for dialect in ("kubernetes", "cilium", "calico"):
        made = synthesise(world_of(read(deployment("front"), pod)), request, Options(dialect=dialect))
        assert made.proof.holds, made.proof


def test_whole_namespaces_stay_whole() -> None:
    text = "version: 1\nintents: [{name: in, allow: {from: m/*, to: {namespace: ns, but: ns/back}, ports: 443}}]"
    files = (deployment("front"), *BACK, deployment("one", "m"), deployment("two", "m"))
    request = intended(text, *files)
    assert edges(request) == {("m/*", "ns/front", "TCP 443")}
    made = synthesise(world_of(read(*files)), request, Options())
    assert made.proof.holds
    assert not made.proof.widened
    named = "version: 1\nintents: [{name: in, allow: {from: m/one, to: ns/*, ports: http}}]"
    assert edges(intended(named, *files)) == {("m/one", "ns/back", "TCP 9000")}
