"""What is read: every workload kind, folding, kinds that are not modelled, hostile input, the protocol of eval."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, Asked, asked, policy, world_of
from thwart.core.limits import Limits
from thwart.network.assumptions import assumptions
from thwart.network.world import read_world

KINDS = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "ReplicationController": "v1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_workload_kind_is_an_endpoint(kind: str) -> None:
    text = (
        f"---\napiVersion: {KINDS[kind]}\nkind: {kind}\nmetadata: {{name: w, namespace: a}}\n"
        "spec: {replicas: 3, template: {metadata: {labels: {app: w}}, spec: {containers: [{}]}}}\n"
    )
    world = asked(text, policy("{podSelector: {matchLabels: {app: w}}}"))
    assert world.allowed("a/web", "a/w") is False
    assert world.allowed("a/web", f"a/{kind}/w") is False
    assert world.allowed("a/w", "a/w") is False  # one replica to another


def test_a_cron_job_is_an_endpoint() -> None:
    text = """---
apiVersion: batch/v1
kind: CronJob
metadata: {name: w, namespace: a}
spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: w}}, spec: {containers: [{}]}}}}}
"""
    assert asked(text, policy("{podSelector: {matchLabels: {app: w}}}")).allowed("a/web", "a/w") is False


def test_pods_stand_for_what_made_them() -> None:
    text = """
{apiVersion: apps/v1, kind: Deployment, metadata: {name: w, namespace: a}, spec: {template: {metadata: {labels: {app: w}}}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: w-abc, namespace: a, ownerReferences: [{kind: Deployment, name: w, controller: true}]}
spec: {template: {metadata: {labels: {app: w}}}}
---
apiVersion: v1
kind: Pod
metadata:
  {name: w-abc-1, namespace: a, labels: {app: w, pod-template-hash: abc}, ownerReferences: [{kind: ReplicaSet, name: w-abc, controller: true}]}
"""
    (endpoint,) = world_of(text).endpoints
    assert (endpoint.kind, endpoint.workload) == ("Pod", "Deployment/w")
    assert Asked(text).allowed("a/Deployment/w", "a/w-abc-1") is True


def test_replicas_that_policies_cannot_tell_apart_are_one_class() -> None:
    pods = "".join(
        f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: r{i}, namespace: a, labels: {{app: r, i: '{i}'}}}}}}\n"
        for i in range(50)
    )
    world = asked(pods, policy("{podSelector: {matchLabels: {app: r}}}"))
    (found,) = (one for one in world.model.classes if one.members and one.members[0].name.startswith("r"))
    assert len(found.members) == 50


def test_sidecars_have_named_ports_and_init_containers_do_not() -> None:
    text = """---
apiVersion: v1
kind: Pod
metadata: {name: s, namespace: a, labels: {app: s}}
spec:
  initContainers:
  - {restartPolicy: Always, ports: [{name: side, containerPort: 15090}]}
  - {ports: [{name: init, containerPort: 1}]}
"""
    world = asked(
        text, policy("{podSelector: {matchLabels: {app: s}}, ingress: [{ports: [{port: side}, {port: init}]}]}")
    )
    assert world.allowed("a/web", "a/s", 15090) is True
    assert world.allowed("a/web", "a/s", 1) is False


FOREIGN = [
    ("crd.antrea.io/v1beta1", "NetworkPolicy", "a", None, None),
    ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", None, None, None),
    ("cilium.io/v9", "CiliumNetworkPolicy", "a", None, None),
    ("projectcalico.org/v9", "GlobalNetworkPolicy", None, None, None),
    ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", "a", None, False),
    ("policy.networking.k8s.io/v9", "AdminNetworkPolicy", None, None, None),
    ("networking.k8s.io/v2", "NetworkPolicy", "a", None, None),
    ("example.test/v1", "SomeNetworkPolicy", "a", None, None),
]


@pytest.mark.parametrize(("api", "kind", "namespace", "opened", "closed"), FOREIGN)
def test_kinds_that_are_not_modelled_make_answers_unknown(
    api: str, kind: str, namespace: str | None, opened: bool | None, closed: bool | None
) -> None:
    meta = f"{{name: x, namespace: {namespace}}}" if namespace else "{name: x}"
    foreign = f"---\n{{apiVersion: {api}, kind: {kind}, metadata: {meta}, spec: {{}}}}\n"
    world = asked(foreign, policy("{podSelector: {matchLabels: {app: db}}}"))
    assert world.allowed("b/web", "a/web") is opened
    assert world.allowed("b/web", "a/db") is closed  # a mesh never opens what the network closes
    assert any(d.slug == "unmodelled-policy" and d.incomplete for d in world.world.diagnostics)
    reasons = world.answer("b/web", "a/web").because
    assert any(kind in reason.kind and reason.line for reason in reasons)
    if namespace:
        assert world.allowed("b/web", "b/web") is True  # its own pod
        assert world.allowed("8.8.8.8", "b/web") is True  # out of the policy's reach


def test_a_side_that_is_certain_decides() -> None:
    foreign = "---\n{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: b}}\n"
    world = asked(foreign, policy("{podSelector: {matchLabels: {app: db}}}"))
    assert world.allowed("b/web", "a/db") is False  # whatever Antrea says of b's egress


def test_assumptions_are_told() -> None:
    text = "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: q}}\n"
    block = policy(
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {namespaceSelector: {matchLabels: {team: x}}}]}]}",
        namespace="q",
    )
    notes = assumptions(world_of(text + block))
    assert [note.slug for note in notes] == ["pod-addresses-unknown", "namespace-labels-unknown"]
    assert not any(note.incomplete for note in notes)
    assert assumptions(world_of(PODS)) == []


def test_lists_json_and_yaml_say_the_same() -> None:
    import yaml

    text = PODS + policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")
    items = list(yaml.safe_load_all(text))
    document = {"apiVersion": "v1", "kind": "List", "items": items}
    want = world_of(text)
    for data in (json.dumps(document), json.dumps(document, indent=2), yaml.safe_dump(document)):
        got = read_world([("x", data.encode())])
        assert got.endpoints == want.endpoints
        assert [p.ingress for p in got.policies] == [p.ingress for p in want.policies]
    raw = {
        "apiVersion": "v1",
        "kind": "PodList",
        "items": [{k: v for k, v in i.items() if k not in ("kind", "apiVersion")} for i in items if i["kind"] == "Pod"],
    }
    assert read_world([("x", json.dumps(raw).encode())]).endpoints == want.endpoints


def test_lines_in_json() -> None:
    rule: dict[str, object] = {"from": [{"podSelector": {}}]}
    spec = {"podSelector": {}, "ingress": [rule, rule]}
    meta = {"name": "p", "namespace": "a"}
    items = [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2)
    (found,) = read_world([("x", text.encode())]).policies
    lines = text.splitlines()
    for written in found.ingress:
        line = lines[found.line(written.pointer) - 1]
        assert line.strip() == "{"
    assert found.line(found.ingress[0].pointer) < found.line(found.ingress[1].pointer)
    assert '"podSelector"' in lines[found.line(("spec", "podSelector")) - 1]


def test_documents_that_are_not_kubernetes_are_passed_over() -> None:
    world = world_of("services: {web: {image: x}}\n---\n- 1\n---\njust text\n---\n{kind: 7}\n")
    assert world.refused == ()
    assert {d.slug for d in world.diagnostics} == {"not-kubernetes"}
    assert not any(d.incomplete for d in world.diagnostics)


def test_a_file_that_cannot_be_read_is_said() -> None:
    (found,) = world_of("kind: {{ .Values.kind }}\n").diagnostics
    assert found.slug == "unreadable-file"
    assert found.incomplete


@pytest.mark.parametrize(
    "data",
    [
        b"&a [" + b"[" * 100_000,
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        * 3000,
        b"\xff\xfe\x00",
        b'{"items": [{"metadata": {"labels": {"' + b"a" * 3_000_000 + b'": "x"}}, "kind": "Pod", "apiVersion": "v1"}]}',
    ],
)
def test_hostile_files_end_soon(data: bytes) -> None:
    read_world([("x", data)], Limits(yaml_bytes=1 << 20))


@settings(max_examples=60)
@given(st.data())
def test_broken_documents_never_crash(data: st.DataObject) -> None:
    whole = (
        PODS
        + policy(
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80, endPort: 90}]}]}"
        )
    ).encode()
    cut = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if cut:
            cut[data.draw(st.integers(0, len(cut) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    read_world([("x", bytes(cut))])


def test_a_megabyte_selector_is_refused_soon() -> None:
    begin = time.process_time()
    (refusal,) = world_of(policy("{podSelector: {matchLabels: {app: " + "a" * 1_000_000 + "}}}")).refused
    assert "label value" in refusal.why
    assert len(refusal.why) < 300
    assert time.process_time() - begin < 30


def test_eval_lines() -> None:
    world = asked(policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: http}]}]}"))
    flow = {
        "src": {"namespace": "a", "pod": "db"},
        "dst": {"namespace": "a", "pod": "web"},
        "protocol": "TCP",
        "port": "http",
        "id": 7,
    }
    found = world.line(flow)
    assert {key: found[key] for key in flow} == flow
    assert found["allowed"] is True
    (reason,) = found["because"]
    assert reason["policy"] == "p"
    assert (reason["kind"], reason["namespace"], reason["direction"], reason["rule"]) == (
        "NetworkPolicy",
        "a",
        "ingress",
        0,
    )
    assert reason["file"] == "w.yaml"
    assert reason["line"] > 0
    denied = world.line({**flow, "port": 81})
    assert denied["allowed"] is False
    assert denied["because"][0]["effect"] == "isolates"
    assert denied["because"][0]["rule"] is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"port": 0}, "not a port"),
        ({"port": "nobody"}, "no port"),
        ({"protocol": "ICMP"}, "not TCP, UDP or SCTP"),
        ({"src": {"namespace": "a", "pod": "nobody"}}, "there is no pod"),
        ({"src": {"ip": "not-an-ip"}}, "not an IP"),
        ({"src": {}}, "either a pod"),
        ({"src": {"ip": "1.1.1.1"}, "dst": {"ip": "2.2.2.2"}}, "neither end is a pod"),
        ({"port": None}, "not a flow"),
    ],
)
def test_eval_lines_that_cannot_be_answered_say_why(change: dict[str, object], error: str) -> None:
    flow = {"src": {"namespace": "a", "pod": "db"}, "dst": {"namespace": "a", "pod": "web"}, "port": 80, **change}
    found = asked().line(flow)
    assert found["allowed"] == "unknown"
    assert error in found["error"]


def test_documents_around_a_broken_one_are_read() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: a}\nspec: {containers: []}\n"
    bad = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: a}\nspec: {podSelector: 7}\n"
    world = world_of(f"{pod % 'one'}---\n@broken: [\n--- # next\n{pod % 'two'}---\n{bad}")
    assert [endpoint.name for endpoint in world.endpoints] == ["one", "two"]
    assert [(refusal.line, refusal.what) for refusal in world.refused] == [(16, "NetworkPolicy a/x")]
    (told,) = [diagnostic for diagnostic in world.diagnostics if diagnostic.slug == "unreadable-file"]
    assert told.path.endswith(":6")
    assert told.incomplete
