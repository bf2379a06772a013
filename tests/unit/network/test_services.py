"""Services: what is selected, which ports are meant, who reaches all, some or none of the endpoints, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, Asked, left_out, policy, world_of
from tests.unit.network.oracle import Oracle
from tests.unit.network.worlds import Maker
from thwart.cli import main
from thwart.lib.bitsets import members
from thwart.network.explain import UnknownParty
from thwart.network.services import ServiceAnswer, Services, ask_service, service_reach
from thwart.network.world import read_world


def service(spec: str, name: str = "s", namespace: str = "a", meta: str = "") -> str:
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}{meta}}}\nspec: {spec}\n"
    )


def pod(name: str, labels: str, ports: str = "", namespace: str = "a", more: str = "") -> str:
    return (
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}\n"
        f"spec: {{containers: [{{ports: [{ports}]}}]{more}}}\n"
    )


class World(Asked):
    """A world whose services can be asked."""

    def __init__(self, *texts: str) -> None:
        super().__init__(PODS + "".join(texts))
        self.services = Services(self.model, self.directory)

    def reach(self, source: str, name: str, port: int = 80, protocol: str = "TCP") -> ServiceAnswer:
        namespace, slash, rest = source.partition("/")
        party = self.directory.pod(namespace, rest) if slash else self.directory.ip(source)
        found = self.services.find(name)
        assert found is not None
        return ask_service(self.model, self.services, party, found, protocol, port)

    def behind(self, name: str) -> list[tuple[str, int]]:
        found = self.services.get("a", name)
        assert found is not None
        aims = self.services.behind(found, found.ports[0]).aims
        return sorted((endpoint.name, aim.port) for aim in aims for endpoint in aim.endpoints)


def test_a_selector_selects_in_its_own_namespace_only() -> None:
    world = World(service("{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}"))
    assert world.behind("s") == [("web", 8080)]  # b/web has the label too


def test_every_label_of_a_selector_counts() -> None:
    text = pod("p1", "{app: web, tier: front}") + pod("p2", "{app: web, tier: back}")
    world = World(text, service("{selector: {app: web, tier: front}, ports: [{port: 80}]}"))
    assert world.behind("s") == [("p1", 80)]


def test_the_target_port_defaults_to_the_port() -> None:
    world = World(service("{selector: {app: web}, ports: [{port: 81}]}"))
    assert world.behind("s") == [("web", 81)]


def test_a_named_target_is_resolved_by_each_pod_and_the_first_of_a_name_counts() -> None:
    text = (
        pod("p1", "{n: s}", "{name: p, containerPort: 1000}")
        + pod("p2", "{n: s}", "{name: p, containerPort: 2000}, {name: p, containerPort: 3000}")
        + pod("p3", "{n: s}", "{name: p, containerPort: 4000, protocol: UDP}")
    )
    world = World(text, service("{selector: {n: s}, ports: [{port: 80, targetPort: p}]}"))
    assert world.behind("s") == [("p1", 1000), ("p2", 2000)]
    found = world.services.get("a", "s")
    assert found is not None
    assert world.services.behind(found, found.ports[0]).missing == 1


def test_policies_see_the_port_of_the_pod() -> None:
    rule = policy("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}")
    to_target = World(rule, service("{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}"))
    assert to_target.reach("a/db", "a/svc/s").state == "all"
    to_port = World(rule, service("{selector: {app: web}, ports: [{port: 8080, targetPort: 80}]}"))
    assert to_port.reach("a/db", "a/svc/s", 8080).state == "none"


def test_some_endpoints_are_told_apart_from_all() -> None:
    text = pod("p1", "{n: s, open: 'yes'}") + pod("p2", "{n: s}") + pod("p3", "{n: s}")
    rules = policy("{podSelector: {matchLabels: {n: s}, matchExpressions: [{key: open, operator: DoesNotExist}]}}")
    world = World(text, rules, service("{selector: {n: s}, ports: [{port: 80}]}"))
    answer = world.reach("a/web", "a/svc/s")
    assert (answer.state, answer.allowed) == ("some", None)
    assert (answer.reached, answer.denied, answer.unknown) == (1, 2, 0)
    denied = next(found for _, found in answer.each if found.allowed is False)
    assert denied.because[0].policy == "p"


def test_a_pod_that_reaches_itself_through_a_service_is_subject_to_policies() -> None:
    rule = policy("{podSelector: {matchLabels: {app: web}}}")
    world = World(rule, service("{selector: {app: web}, ports: [{port: 80}]}"))
    assert world.allowed("a/web", "a/web") is True
    assert world.reach("a/web", "a/svc/s").state == "none"


def test_a_headless_service_is_dialled_at_its_pods() -> None:
    world = World(service("{clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}"))
    assert world.behind("s") == [("web", 80)]
    assert world.reach("a/db", "a/svc/s", 12345).state == "all"  # nothing stands between


def test_a_port_that_a_service_does_not_have_is_denied() -> None:
    world = World(service("{selector: {app: web}, ports: [{port: 80}]}"))
    answer = world.reach("a/db", "a/svc/s", 81)
    assert (answer.state, answer.note) == ("none", "Service a/s has no port TCP 81")
    assert world.reach("a/db", "a/svc/s", 80, "UDP").state == "none"


@pytest.mark.parametrize(
    ("spec", "state", "why"),
    [
        ("{type: ExternalName, externalName: db.example.test}", "unknown", "db.example.test"),
        ("{ports: [{port: 80}]}", "unknown", "no EndpointSlice"),
        ("{selector: {app: nobody}, ports: [{port: 80}]}", "none", "nothing that was read"),
        ("{selector: {app: web}, ports: [{port: 80, targetPort: nobody}]}", "none", "has a port nobody"),
    ],
)
def test_what_leads_nowhere_says_why(spec: str, state: str, why: str) -> None:
    world = World(service(spec))
    found = world.services.all[0]
    party = world.directory.pod("a", "db")
    port = found.ports[0] if found.ports else None
    if port is None:
        (found_reach,) = service_reach(world.model, world.services, found) or (None,)
        assert found_reach is None
        return
    answer = ask_service(world.model, world.services, party, found, "TCP", port.number)
    assert answer.state == state
    assert why in answer.note
    (reach,) = service_reach(world.model, world.services, found)
    assert why in reach.doubt
    assert reach.every == reach.some == 0


SLICE: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "s-1", "namespace": "a", "labels": {"kubernetes.io/service-name": "s"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.1.1"]}, {"addresses": ["192.0.2.9"]}],
    "ports": [{"port": 9090, "protocol": "TCP"}],
}
ENDPOINTS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "s", "namespace": "a"},
    "subsets": [{"addresses": [{"ip": "10.0.1.1"}, {"ip": "192.0.2.9"}], "ports": [{"port": 9090}]}],
}


@pytest.mark.parametrize("written", [SLICE, ENDPOINTS], ids=["slice", "endpoints"])
@pytest.mark.parametrize("form", ["json", "list", "yaml"])
def test_without_a_selector_slices_say_what_is_behind(written: dict[str, Any], form: str) -> None:
    import yaml

    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"items": "x"}}
    body = {
        "json": json.dumps(written),
        "list": json.dumps({"kind": "List", "apiVersion": "v1", "items": [other, written, other]}, indent=1),
        "yaml": yaml.safe_dump(written),
    }[form]
    rules = policy("{podSelector: {matchLabels: {app: db}}}")
    base = PODS + rules + service("{ports: [{port: 80}]}")
    world = read_world([("w.yaml", base.encode()), (f"s.{form}", body.encode())])
    assert world.refused == ()
    asked = World.__new__(World)
    Asked.__init__(asked, base)
    from thwart.network.engine import Model
    from thwart.network.explain import Directory

    asked.model, asked.world = Model(world), world
    asked.directory = Directory(asked.model)
    asked.services = Services(asked.model, asked.directory)
    answer = asked.reach("a/web", "a/svc/s")
    assert (answer.state, answer.reached, answer.denied) == ("some", 1, 1)
    assert {aim.port for aim, _ in answer.each} == {9090}


def test_slices_stand_in_for_pods_that_were_not_read() -> None:
    text = f"---\n{json.dumps(SLICE)}\n"
    world = World(text, service("{selector: {app: elsewhere}, ports: [{port: 80}]}"))
    assert world.reach("a/web", "a/svc/s").reached == 2
    selected = World(text, service("{selector: {app: web}, ports: [{port: 80}]}"))
    assert selected.behind("s") == [("web", 80)]


def test_services_are_found_by_name_and_by_address() -> None:
    text = "{clusterIP: 10.96.0.7, externalIPs: [198.51.100.7], selector: {app: web}, ports: [{port: 80}]}"
    world = World(service(text))
    found = world.services.get("a", "s")
    for name in ("a/svc/s", "a/Service/s", "10.96.0.7", "198.51.100.7"):
        assert world.services.find(name) is found
    assert world.services.find("a/web") is None
    assert world.services.find("10.96.0.8") is None
    with pytest.raises(UnknownParty, match="there is no service a/none"):
        world.services.find("a/svc/none")


def test_an_object_can_be_kept_for_policies_and_as_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    from thwart.network import kinds

    kinds.MEMBERS.load()
    checked = []
    monkeypatch.setitem(kinds._SUPPORTING, "Service ", lambda item: checked.append(item.name))
    world = world_of(PODS + service("{selector: {app: web}, ports: [{port: 80}]}") * 2)
    assert [one.name for one in world.doors.services] == ["s"]
    assert checked == ["s", "s"]


def test_the_same_service_twice_must_be_the_same() -> None:
    same = service("{ports: [{port: 80}]}")
    assert left_out(same + same) == []
    assert len(left_out(same + service("{ports: [{port: 81}]}"))) == 1
    slices = "".join(
        f"---\n{json.dumps({**SLICE, 'endpoints': [{'addresses': [a]}]})}\n" for a in ("10.0.0.1", "10.0.0.2")
    )
    assert len(left_out(slices)) == 1


BAD = {
    "{ports: []}": "ports",
    "{ports: [{}]}": "port must",
    "{ports: [{port: 0}]}": "0 is not a port",
    "{ports: [{port: 65536}]}": "65536",
    "{ports: [{port: 80, targetPort: 70000}]}": "70000",
    "{ports: [{port: 80, targetPort: '8080'}]}": "with a letter",
    "{ports: [{port: 80, targetPort: a-name-that-is-too-long}]}": "port name",
    "{ports: [{port: 80, protocol: ICMP}]}": "ICMP",
    "{ports: [{port: 80}, {port: 81}]}": "needs a name",
    "{ports: [{port: 80, name: a}, {port: 81, name: a}]}": "given twice",
    "{ports: [{port: 80, name: a}, {port: 80, name: b}]}": "given twice",
    "{ports: [{port: 80, nodePort: 30000}]}": "nodePort may not",
    "{type: NodePort, ports: [{port: 80, name: a, nodePort: 30000}, {port: 81, name: b, nodePort: 30000}]}": "twice",
    "{type: Elsewhere, ports: [{port: 80}]}": "Elsewhere",
    "{type: ExternalName}": "domain name",
    "{type: ExternalName, externalName: 'a b'}": "domain name",
    "{type: LoadBalancer, clusterIP: None, ports: [{port: 80}]}": "None",
    "{selector: {'-': x}, ports: [{port: 80}]}": "'-'",
    "{externalIPs: [127.0.0.1], ports: [{port: 80}]}": "loopback",
    "{externalIPs: [x], ports: [{port: 80}]}": "not an IP",
    "{loadBalancerSourceRanges: [10.0.0.0/8], ports: [{port: 80}]}": "LoadBalancer service",
    "{type: LoadBalancer, loadBalancerSourceRanges: [x], ports: [{port: 80}]}": "CIDR",
    "{externalTrafficPolicy: Local, ports: [{port: 80}]}": "way in",
    "{type: NodePort, externalTrafficPolicy: Near, ports: [{port: 80}]}": "Cluster or Local",
    "{allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}": "LoadBalancer",
    "{clusterIP: x, ports: [{port: 80}]}": "not an IP",
    "{ports: {}}": "array",
    "{ports: [{port: x}]}": "int",
}


@pytest.mark.parametrize("spec", BAD)
def test_what_the_api_server_would_refuse_is_refused_with_its_line(spec: str) -> None:
    ((why, line),) = left_out(service(spec))
    assert BAD[spec] in why
    assert line in (4, 5)


@pytest.mark.parametrize(
    "spec",
    [
        "{selector: {}, ports: [{port: 80}]}",
        "{clusterIP: None}",
        "{ports: [null]}".replace("null", "{port: 1, targetPort: 0}"),
        "{type: LoadBalancer, loadBalancerSourceRanges: [' 10.0.0.0/8 '], ports: [{port: 80, nodePort: 0}]}",
        "{type: ExternalName, externalName: db.example.test., ports: [{port: 1}]}",
        "{externalIPs: [192.0.2.1], externalTrafficPolicy: Local, ports: [{port: 80}]}",
    ],
)
def test_what_the_api_server_takes_is_taken(spec: str) -> None:
    assert left_out(service(spec)) == []


def test_the_annotation_for_source_ranges_is_read() -> None:
    note = '{"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, 192.0.2.0/24"}'
    (found,) = world_of(
        service("{type: LoadBalancer, ports: [{port: 80}]}", meta=f", annotations: {note}")
    ).doors.services
    assert len(found.ranges) == 2
    as_json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "a", "annotations": json.loads(note)},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    }
    (other,) = read_world([("x.json", json.dumps(as_json).encode())]).doors.services
    assert other.ranges == found.ranges


def test_many_ports_and_many_services_stay_linear() -> None:
    """Thirty thousand ports over a thousand pods would be thirty million answers one by one."""
    pods = "".join(pod(f"m{i}", f"{{n: s, i: '{i}'}}", f"{{name: p{i}, containerPort: {i + 1}}}") for i in range(300))
    ports = ", ".join(f"{{name: p{i}, port: {i}, targetPort: {i}}}" for i in range(1, 30_001))
    rules = policy("{podSelector: {matchLabels: {n: s}}, ingress: [{ports: [{port: 9}]}]}")
    world = World(pods, rules, service(f"{{type: NodePort, selector: {{n: s}}, ports: [{ports}]}}"))
    from thwart.network.exposure import build_exposure

    found = build_exposure(world.model, world.services)
    doors = [door for door in found.doors if door.kind == "NodePort"]
    assert sum(len(door.ports) for door in doors) == 30_000
    assert len(doors) == 2  # port 9, and all the others


@given(st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None)
def test_services_agree_with_the_oracle(seed: int) -> None:
    """Who reaches a service is who reaches its target ports, pod by pod."""
    maker = Maker(Random(seed))
    objects = [
        one for one in maker.world() if not one["kind"].startswith("Cilium") and one["kind"] != "AuthorizationPolicy"
    ]
    selector = {"app": maker.r.choice(("web", "db", "cache"))}
    target: int | str = maker.r.choice((80, 443, 8080, "http", "metrics"))
    namespace = maker.r.choice(("alpha", "beta", "gamma"))
    made = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": namespace},
        "spec": {"selector": selector, "ports": [{"port": 7, "targetPort": target}]},
    }
    world = read_world(
        [("w.json", json.dumps({"kind": "List", "apiVersion": "v1", "items": [*objects, made]}).encode())]
    )
    assert world.refused == ()
    from thwart.network.engine import Model
    from thwart.network.explain import Directory

    model = Model(world)
    directory = Directory(model)
    services = Services(model, directory)
    oracle = Oracle(objects)
    pods = [one for one in oracle.pods if one.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    expected: list[tuple[dict[str, Any], int]] = []
    for one in pods:
        labels = one["metadata"].get("labels") or {}
        if (one["metadata"].get("namespace") or "default") == namespace and selector.items() <= labels.items():
            number = _resolved(one, target)
            if number:
                expected.append((one, number))
    (reach,) = service_reach(model, services, services.all[0])
    assert reach.endpoints == len(expected)
    for one in pods:
        where = one["metadata"].get("namespace") or "default"
        party = directory.pod(where, f"Pod/{one['metadata']['name']}")
        answers = [oracle.flow(one, there, "TCP", number) for there, number in expected if there is not one]
        if len(answers) < len(expected) or not expected:
            continue  # through a service a pod is not let reach itself unasked, which the oracle does not say
        answer = ask_service(model, services, party, services.all[0], "TCP", 7)
        sure = [found for found in answers if len(found) == 1]
        assert answer.reached == sum(True in found for found in sure)
        assert answer.unknown == len(answers) - len(sure)
        bit = 1 << party.number
        if answer.state == "all":
            assert reach.every & bit
        elif answer.state == "some":
            assert reach.some & bit
        else:
            assert not (reach.every | reach.some) & bit
    assert not reach.every & reach.some
    assert not set(members(reach.unknown)) & set(members(reach.every | reach.some))


def _resolved(one: dict[str, Any], target: int | str) -> int:
    if isinstance(target, int):
        return target
    for container in one["spec"].get("containers") or []:
        for port in container.get("ports") or []:
            if port.get("name") == target and port.get("protocol", "TCP") == "TCP":
                return int(port["containerPort"])
    return 0


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_mangled_input_is_refused_or_read(data: st.DataObject) -> None:
    base = "---\n".join(
        [
            service(
                "{type: LoadBalancer, selector: {app: web}, ports: [{port: 80, nodePort: 30080}], externalIPs: [192.0.2.1]}"
            ),
            json.dumps(SLICE) + "\n",
            json.dumps(ENDPOINTS) + "\n",
            pod("p1", "{a: b}", "{containerPort: 80, hostPort: 81}"),
        ]
    ).encode()
    as_json = json.dumps({"kind": "List", "apiVersion": "v1", "items": [SLICE, ENDPOINTS]}).encode()
    raw = bytearray(data.draw(st.sampled_from([base, as_json])))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        world = read_world([("w", damaged)])
        assert world.doors.services is not None


def test_explain_takes_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = policy("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}")
    file = tmp_path / "w.yaml"
    file.write_text(PODS + rules + service("{selector: {app: web}, ports: [{port: 80, targetPort: http}]}"))
    assert main(["net", "explain", "a/db", "a/svc/s", "80", "-f", str(file)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["allowed: a/db -> a/svc/s, TCP 80", "  allowed: a/Pod/web, TCP 8080"]
    assert main(["net", "explain", "a/db", "a/svc/s", "--json", "-f", str(file)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["answers"][0]["endpoints"][0]["port"] == 8080
    assert main(["net", "explain", "a/db", "a/svc/none", "-f", str(file)]) == 2
    assert main(["net", "exposure", "--service", "a/s", str(file)]) == 0
    assert "  <- a/Pod/db" in capsys.readouterr().out


def test_eval_answers_for_a_service_too() -> None:
    world = Asked(PODS + service("{selector: {app: db}, ports: [{name: web, port: 80, targetPort: http}]}"))
    name = world.world.doors.services[0]
    flow = {"src": {"namespace": "b", "pod": "web"}, "dst": {"namespace": name.namespace, "service": name.name}}
    for port in (80, "web"):
        answer = world.line({**flow, "port": port})
        assert (answer["allowed"], answer["reached"]) == (True, 1)
        assert answer["endpoints"][0]["port"] == 9090
    assert "has no port 81" in world.line({**flow, "port": 81})["error"]
    missing = {**flow, "dst": {"service": "nowhere"}, "port": 80}
    assert "no service default/nowhere" in world.line(missing)["error"]
