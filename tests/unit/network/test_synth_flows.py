"""From flow logs to policies: ends as recorders know them, traps that generated policies fall into, what is not learned."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, world_of
from thwart.lib.intervals import Address, Block
from thwart.network.flowlogs import SERVICE, WORLD, End, FlowRecord, Problem
from thwart.network.model import World
from thwart.network.synthesis import yaml as written
from thwart.network.synthesis.asking import Nodes, Options, Pods, Ports, Request
from thwart.network.synthesis.ends import Gazetteer, Unmatched, single
from thwart.network.synthesis.learning import DROPPED, Learner
from thwart.network.synthesis.making import Synthesis, synthesise
from thwart.network.synthesis.report import WORDS, json, summary
from thwart.network.synthesis.services import Backends

WEB, DB = End(namespace="a", pod="web"), End(namespace="a", pod="db")
MORE = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: c}
spec: {template: {metadata: {labels: {app: cart, version: v3}}, spec: {containers: [{ports: [{name: web, containerPort: 9000}]}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: pg, namespace: c}
spec: {template: {metadata: {labels: {app: pg}}, spec: {containers: [{}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: c}
spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: [{}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: c}
spec: {clusterIP: 10.96.0.7, selector: {app: cart}, ports: [{port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
"""


def record(source: End, destination: End, port: int = 80, **more: Any) -> FlowRecord:
    return FlowRecord(source=source, destination=destination, protocol=more.pop("protocol", "TCP"), port=port, **more)


def asked(*records: FlowRecord | Problem, text: str = PODS + MORE, denied: bool = False, **options: Any) -> Request:
    world = world_of(text)
    request, backends = Request(), Backends(world)
    places = Gazetteer(world, backends.addresses(), **options)
    Learner(places, backends, request, denied=denied).learn(records)
    return request


def synth(request: Request, text: str = PODS + MORE, **options: Any) -> Synthesis:
    found = synthesise(world_of(text), request, Options(**options))
    assert found.proof.holds, found.proof
    return found


def named(found: Synthesis, name: str) -> dict[str, Any]:
    (one,) = (d for d in yaml.safe_load_all(found.text) if d["metadata"]["name"] == name)
    spec: dict[str, Any] = one["spec"]
    return spec


def pods(request: Request) -> set[tuple[str, str]]:
    """What is asked for, by the `app` labels of both ends."""
    return {
        tuple(dict(one.labels)["app"] if isinstance(one, Pods) else str(one) for one in pair)  # type: ignore[misc]
        for pair in request.edges
    }


@pytest.mark.parametrize(
    "end",
    [
        End(namespace="c", workload="Deployment/cart"),
        End(namespace="c", workload="cart"),
        End(namespace="c", pod="cart-6d4cf56db6-x7k2p"),
        End(namespace="c", pod="cart-6d4cf56db6-*"),
        End(namespace="c", pod="cart-*"),
        End(namespace="c", labels=(("app", "cart"), ("version", "v3"))),
        End(namespace="c", labels=(("app", "cart"), ("pod-template-hash", "6d4cf56db6"), ("version", "v3"))),
        End(namespace="c", labels=(("app", "cart"),)),
        End(namespace="c", labels=(("app", "cart"), ("istio.io/rev", "default"), ("version", "v3"))),
    ],
)
def test_ends_without_an_address_are_found(end: End) -> None:
    assert pods(asked(record(WEB, end))) == {("web", "cart")}


@pytest.mark.parametrize(
    ("pod", "app"), [("pg-0", "pg"), ("pg-12", "pg"), ("cart-x", ""), ("pg-0-0", ""), ("cart-1", ""), ("car*", "")]
)
def test_names_that_controllers_give(pod: str, app: str) -> None:
    assert pods(asked(record(WEB, End(namespace="c", pod=pod)))) == ({("web", app)} if app else set())


def test_a_service_is_replaced_by_its_pods_and_their_port() -> None:
    """kubescape/node-agent#943: the service's port, not the pod's, went into policies."""
    for end in (End(ip="10.96.0.7"), End(namespace="c", workload="Service/cart", what=SERVICE)):
        request = asked(record(WEB, end, 80))
        assert pods(request) == {("web", "cart")}
        assert list(request.edges.values()) == [{Ports("TCP", 9000, 9000)}]
    assert "no-backend" in asked(record(WEB, End(ip="10.96.0.7"), 81)).dropped


def test_pods_of_a_namespace_that_was_not_read_are_as_the_log_says() -> None:
    labels = (("app.kubernetes.io/name", "ingress-nginx"), ("pod-template-hash", "abc"))
    request = asked(record(End(namespace="ingress", pod="c-1", labels=labels), WEB, 8080))
    spec = named(synth(request), "web")
    assert spec["ingress"][0]["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "ingress-nginx"}},
        }
    ]
    assert [slug for slug, _ in request.notes] == ["pods-not-read"]
    assert not any(d["metadata"]["namespace"] == "ingress" for d in yaml.safe_load_all(synth(request).text))


@pytest.mark.parametrize(
    ("one", "slug"),
    [
        (record(WEB, DB, verdict=False), "denied"),
        (record(WEB, End(namespace="a", pod="gone")), "unmatched"),
        (record(WEB, End(namespace="nowhere", pod="x")), "unmatched"),
        (record(WEB, End(what=WORLD, workload="pub")), "unmatched"),
        (record(End(ip="8.8.8.8"), End(ip="9.9.9.9")), "no-pod"),
        (record(WEB, WEB), "same-pod"),
        (record(End(ip="192.168.0.1"), WEB), "own-node"),
        (record(End(namespace="c", workload="agent"), WEB), "host-network"),
        (record(DB, End(namespace="c", pod="agent-x7k2p")), "host-network"),
        (record(WEB, DB, protocol="ICMP"), "other-protocol"),
        (record(WEB, DB, port=0), "other-protocol"),
        (Problem(line=3, slug="flow-malformed", message="no"), "unreadable-flow"),
        (Problem(line=3, slug="flow-other-protocol", message="icmp", incomplete=False), "other-protocol"),
    ],
)
def test_what_no_policy_decides_is_counted_with_an_example(one: FlowRecord | Problem, slug: str) -> None:
    request = asked(one, one)
    assert not request.edges
    assert {name: tally.records for name, tally in request.dropped.items()} == {slug: 2}
    assert request.dropped[slug].example.startswith("line ")
    assert slug in WORDS
    assert set(DROPPED) <= set(WORDS)


def test_an_address_of_a_pod_that_is_gone_is_nobody_outside() -> None:
    inside = (Block(4, 10 << 24, (11 << 24) - 1),)
    request = asked(record(WEB, End(ip="10.3.3.3")), record(WEB, End(ip="11.0.0.1")), inside=inside)
    assert [pair[1] for pair in request.edges] == [single(Address(4, 11 << 24 | 1))]
    assert "10.3.3.3 is in a block of pods" in request.dropped["unmatched"].example


def test_denied_flows_are_learned_when_asked() -> None:
    assert pods(asked(record(WEB, DB, verdict=False), denied=True)) == {("web", "db")}


def test_a_finished_pod_is_nobody() -> None:
    text = (
        PODS
        + """
---
{apiVersion: v1, kind: Pod, metadata: {name: done, namespace: a, labels: {app: done}}, status: {phase: Succeeded}}
"""
    )
    request = asked(record(WEB, End(namespace="a", pod="done")), text=text)
    assert "has finished" in request.dropped["unmatched"].example


def test_a_node_is_its_address_and_to_cilium_all_nodes() -> None:
    flow = record(End(namespace="a", pod="db"), End(ip="192.168.0.1"), 10250)
    spec = named(synth(asked(flow)), "db")
    assert spec["egress"][0]["to"] == [{"ipBlock": {"cidr": "192.168.0.1/32"}}]
    spec = named(synth(asked(flow), dialect="calico"), "db")
    assert spec["egress"][0]["destination"] == {"nets": ["192.168.0.1/32"], "ports": [10250]}
    request = asked(flow, entities=True)
    assert [pair[1] for pair in request.edges] == [Nodes()]
    spec = named(synth(request, dialect="cilium"), "db")
    assert spec["egress"] == [
        {"toEntities": ["host", "remote-node"], "toPorts": [{"ports": [{"port": "10250", "protocol": "TCP"}]}]}
    ]


def test_equal_peers_and_ports_stand_together_and_nothing_twice() -> None:
    """accuknox/discovery-engine#449: duplicates."""
    flows = [record(WEB, end, port) for end in (DB, End(ip="10.0.1.1")) for port in (80, 81, 80)] * 3
    (rule,) = named(synth(asked(*flows)), "web")["egress"]
    assert rule == {
        "to": [{"podSelector": {"matchLabels": {"app": "db"}}}],
        "ports": [{"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": 81}],
    }


def test_a_long_range_is_a_range_and_a_short_one_a_list() -> None:
    flows = [record(WEB, DB, port) for port in (*range(100, 103), *range(30000, 30100))]
    ports = named(synth(asked(*flows)), "web")["egress"][0]["ports"]
    assert [p["port"] for p in ports] == [100, 101, 102, 30000]
    assert ports[-1]["endPort"] == 30099


def test_addresses_are_merged_only_as_far_as_asked_and_never_over_a_pod() -> None:
    far = ("10.0.0.8", "10.0.0.9", "10.0.0.12", "10.0.2.1", "2001:db8::1", "2001:db8::3")
    request = asked(*(record(WEB, End(ip=ip), 443) for ip in far))

    def cidrs(**options: Any) -> list[str]:
        peers = named(synth(request, **options), "web")["egress"][0]["to"]
        return [peer["ipBlock"]["cidr"] for peer in peers]

    assert cidrs() == ["10.0.0.8/31", "10.0.0.12/32", "10.0.2.1/32", "2001:db8::1/128", "2001:db8::3/128"]
    assert cidrs(prefixes=((4, 24), (6, 128)))[:2] == ["10.0.0.8/29", "10.0.2.1/32"]
    # 10.0.0.1 and 10.0.1.1 are pods: one block over all would open them
    assert cidrs(prefixes=((4, 16), (6, 64))) == ["10.0.0.8/29", "10.0.2.1/32", "2001:db8::/126"]
    widened = synth(request, prefixes=((4, 24), (6, 128))).proof.widened
    assert widened
    assert all(one.source == "a/Pod/web" for one in widened)


def test_a_namespace_for_a_pod_opens_exactly_its_other_pods() -> None:
    text = PODS + "---\n{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: a, labels: {app: api}}}\n"
    flows = [record(WEB, DB, 81), record(End(namespace="a", pod="api"), WEB, 81)]
    found = synth(asked(*flows, text=text), text=text, generalize="namespace")
    opened = {(one.source, one.destination, one.ports) for one in found.proof.widened}
    assert opened == {("a/Pod/api", "a/Pod/db", "TCP 81")}
    assert any(line.startswith("widened: 1 pair") for line in summary(found, Options(generalize="namespace")))
    assert named(found, "db")["ingress"] == [
        {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 81}]}
    ]


def test_workloads_that_no_label_tells_apart_are_named() -> None:
    same = "---\n{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: a, labels: {app: twin}}}\n"
    text = PODS + same % "one" + same % "two"
    request = asked(record(WEB, End(namespace="a", pod="one")), text=text)
    found = synth(request, text=text)
    assert found.together == (("a", ("Pod/one", "Pod/two")),)
    assert any("no label tells Pod/one and Pod/two of a apart" in line for line in summary(found, Options()))


def test_a_canary_is_told_apart_by_version_only_where_it_must_be() -> None:
    one = "---\n{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: a, labels: {app: api, version: %s, chart: x-1}}}\n"
    text = PODS + one % ("api-1", "v1") + one % ("api-2", "v2")
    only = asked(record(WEB, End(namespace="a", pod="api-1")), text=text)
    assert named(synth(only, text=text), "web")["egress"][0]["to"] == [
        {"podSelector": {"matchLabels": {"app": "api", "version": "v1"}}}
    ]
    both = asked(*(record(WEB, End(namespace="a", pod=f"api-{n}")) for n in (1, 2)), text=text)
    assert named(synth(both, text=text, generalize="labels"), "web")["egress"][0]["to"] == [
        {"podSelector": {"matchLabels": {"app": "api"}}}
    ]


def test_system_namespaces_are_held_to_policies_only_when_named() -> None:
    text = (
        PODS
        + "---\n{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}}\n"
    )
    request = asked(record(WEB, End(namespace="kube-system", pod="dns"), 53, protocol="UDP"), text=text)
    names = {d["metadata"]["namespace"] for d in yaml.safe_load_all(synth(request, text=text).text)}
    assert names == {"a", "b"}
    chosen = synth(request, text=text, namespaces=frozenset({"kube-system"}))
    assert {d["metadata"]["namespace"] for d in yaml.safe_load_all(chosen.text)} == {"kube-system"}


def test_names_of_policies_do_not_collide_and_are_valid() -> None:
    pod = "---\n{apiVersion: v1, kind: %s, metadata: {name: %s, namespace: a}, spec: {template: {metadata: {labels: {app: %s}}}}}\n"
    text = PODS + (pod % ("StatefulSet", "default-deny", "odd")).replace("apiVersion: v1", "apiVersion: apps/v1")
    text += (pod % ("Deployment", "web", "front")).replace("apiVersion: v1", "apiVersion: apps/v1")
    request = asked(
        record(WEB, End(namespace="a", workload="StatefulSet/default-deny")),
        record(End(namespace="a", workload="Deployment/web"), DB),
        text=text,
    )
    names = [d["metadata"]["name"] for d in yaml.safe_load_all(synth(request, text=text).text)]
    assert sorted(names) == ["db", "default-deny", "default-deny", "default-deny-2", "web", "web-2"]


def test_existing_policies_are_told_of_or_kept() -> None:
    text = (
        PODS
        + """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: a}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: old, namespace: a}
spec: {podSelector: {}, ingress: [{}]}
"""
    )
    request = asked(record(WEB, DB), text=text)
    assert synth(request, text=text).left == ("NetworkPolicy a/old",)
    kept = synth(request, text=text, keep_existing=True)
    names = [d["metadata"]["name"] for d in yaml.safe_load_all(kept.text) if d["metadata"]["namespace"] == "a"]
    assert names == ["default-deny", "web-2"]  # `web` is taken; the ingress of db is there already
    assert kept.left == ()


def test_a_flow_that_an_existing_policy_forbids_is_not_proved() -> None:
    text = (
        PODS
        + """
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: never}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
"""
    )
    world = world_of(text)
    made = synthesise(world, asked(record(WEB, DB), text=text), Options(keep_existing=True))
    assert [(one.source, one.destination, one.ports) for one in made.proof.missing] == [
        ("a/Pod/web", "a/Pod/db", "TCP 80")
    ]
    assert any(line.startswith("not proved: 1 asked for and denied") for line in summary(made, Options()))


def test_the_report_for_programs() -> None:
    import json as parse

    options = Options(dialect="calico")
    found = synth(asked(record(WEB, DB), record(WEB, WEB)), dialect="calico")
    document = parse.loads(json(found, options))
    assert document["schema"] == "thwart-net-synth-v1"
    assert document["policies"] == list(yaml.safe_load_all(found.text))
    assert document["verification"]["holds"] is True
    assert document["left_out"] == [
        {"slug": "same-pod", "records": 1, "flows": 1, "example": "line 0: a/web -> a/web, TCP 80"}
    ]
    assert document["asked"] == [
        {
            "from": {"namespace": "a", "labels": {"app": "web"}},
            "to": {"namespace": "a", "labels": {"app": "db"}},
            "ports": [{"protocol": "TCP", "first": 80, "last": 80}],
            "because": "",
        }
    ]


@pytest.mark.parametrize("text", ["ingress", "ingress/app=nginx", "a/app=web", "a"])
def test_who_carries_out_routes(text: str) -> None:
    request = Request()
    assert Gazetteer(world_of(PODS)).entrance(text, request).peers
    assert bool(request.phantoms) is text.startswith("ingress")


@pytest.mark.parametrize("text", ["", "/app=x", "a/app", "a/=x", "a/app=none"])
def test_who_cannot_carry_out_routes(text: str) -> None:
    request = Request()
    with pytest.raises(Unmatched):
        Gazetteer(world_of(PODS)).entrance(text, request)


SCALARS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["true", "on", "No", "1", "1.5", "0x1", "1e3", "null", "~", "", " a", "a: b", "-", "2001:db8::/32"]
    ),
    st.sampled_from(
        ["10.0.0.0/8", "1:20", "2001-01-01", "app.kubernetes.io/name", "#", "!x", "&a", "*a", "y", "=", "<<"]
    ),
    st.integers(),
    st.booleans(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.one_of(st.text(max_size=8), st.sampled_from(["on", "true", "1", "=", "<<"])), VALUES, min_size=1, max_size=4
    )
)
def test_yaml_reads_back_as_it_was(value: dict[str, Any]) -> None:
    assert yaml.safe_load(written.document(value)) == value


def test_world_has_the_things_that_the_tests_need() -> None:
    world: World = world_of(PODS + MORE)
    assert world.refused == ()
    assert world.doors.services
