"""Istio's policies against a slow evaluator of one connection, written from the documentation and sharing nothing."""

from __future__ import annotations

import ipaddress
import json
import re
from itertools import product
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.world import read_world

Object = dict[str, Any]
Choices = set[bool]

NAMESPACES = ("a", "b", "istio-system", "kube-system")
APPS, ACCOUNTS, PORTS = ("web", "db"), ("default", "robot"), (80, 443, 9000, 15008)
OUTSIDE = ("8.8.8.8", "10.1.200.9")
BLOCKS = ("10.1.0.0/16", "10.1.0.1", "0.0.0.0/0", "8.8.0.0/16")
PRINCIPALS = (
    *("*", "cluster.local/ns/a/sa/robot", "cluster.local/ns/b/*", "*/sa/robot", "cluster.local/*", "cluster.*"),
    *("cluster.local/ns/a/sa/r*", "spiffe://cluster.local/ns/a/sa/robot", "robot", "cluster.local/ns/*/sa/robot"),
)
SPACES = ("a", "b", "*", "a*", "*b", "istio-*", "none")
SERVICE_ACCOUNTS = ("robot", "a/robot", "b/default")
HTTP = ("methods", "notPaths")


# --- the evaluator ----------------------------------------------------------------------------------------------------


class Oracle:
    """What may happen to one connection, as a set of outcomes."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects
        self.spaces = {o["metadata"]["name"]: o["metadata"].get("labels", {}) for o in self.of("Namespace")}
        shown = ("istio-injection", "istio.io/rev", "istio.io/dataplane-mode")
        self.signed = any(
            labels.get(shown[0]) == "enabled" or shown[1] in labels or labels.get(shown[2]) == "ambient"
            for labels in self.spaces.values()
        ) or any(
            pod["metadata"]["labels"].get("sidecar.istio.io/inject") == "true"
            or shown[1] in pod["metadata"]["labels"]
            or pod["metadata"]["labels"].get(shown[2]) == "ambient"
            for pod in self.of("Pod")
        )

    def of(self, kind: str) -> list[Object]:
        return [o for o in self.objects if o["kind"] == kind]

    def modes(self, pod: Object | str) -> set[str]:
        """How a pod may be served: sidecar, ambient or none."""
        if isinstance(pod, str) or pod["spec"].get("hostNetwork"):
            return {"none"}
        labels, name = pod["metadata"]["labels"], pod["metadata"]["namespace"]
        if labels.get("istio") == "ingressgateway":
            return {"sidecar"}
        wanted = labels.get("sidecar.istio.io/inject")
        mode = labels.get("istio.io/dataplane-mode")
        place = self.spaces.get(name, {})
        ambient = mode == "ambient" or (place.get("istio.io/dataplane-mode") == "ambient" and mode != "none")
        system = name == "kube-system"
        injected = False
        if wanted != "false" and not system:
            if "istio-injection" in place:
                injected = place["istio-injection"] == "enabled"
            elif "istio.io/rev" in place:
                injected = place.get("istio.io/dataplane-mode") != "ambient"
            else:
                revised = "istio.io/rev" in labels and "ambient" not in (mode, place.get("istio.io/dataplane-mode"))
                injected = wanted == "true" or revised
        if injected or ambient:
            return {"sidecar" if injected else "ambient"}
        open_question = name not in self.spaces or (not self.signed and "istio-injection" not in place)
        if open_question and wanted != "false" and not system:
            return {"sidecar", "ambient", "none"}
        return {"none"}

    def certain(self) -> bool:
        scopes = [
            (peer["metadata"]["namespace"], bool(peer["spec"].get("selector")))
            for peer in self.of("PeerAuthentication")
        ]  # of several of one scope the oldest holds, and ages are not read
        return len(scopes) == len(set(scopes)) and all(len(self.modes(pod)) == 1 for pod in self.of("Pod"))

    def connect(self, source: Object | str, pod: Object, protocol: str, port: int) -> Choices:
        found: Choices = set()
        for mine, theirs in product(self.modes(pod), self.modes(source)):
            if mine == "none" or protocol != "TCP":
                found.add(True)
                continue
            identity = ""
            if theirs != "none":
                assert not isinstance(source, str)
                account = source["spec"]["serviceAccountName"]
                identity = f"cluster.local/ns/{source['metadata']['namespace']}/sa/{account}"
            for taken in self.taken(pod, mine, port):
                found |= self.enter(taken, identity, source, pod, port, mine)
        return found

    # PeerAuthentication: the narrowest scope that speaks

    def taken(self, pod: Object, serving: str, port: int) -> set[str]:
        if pod["metadata"]["labels"].get("istio") == "ingressgateway":
            return {"PERMISSIVE"}
        scopes: list[list[Object]] = [[], [], []]
        for peer in self.of("PeerAuthentication"):
            where, labels = peer["metadata"]["namespace"], (peer["spec"].get("selector") or {}).get("matchLabels")
            if labels and where == pod["metadata"]["namespace"] and has(pod, labels):
                scopes[0].append(peer)
            elif not labels and where in (pod["metadata"]["namespace"], "istio-system"):
                scopes[2 if where == "istio-system" else 1].append(peer)
        found = {"UNSET"}
        for scope in scopes:
            said = {one for peer in scope for one in [self.says(peer, port)]} or {"UNSET"}
            found = {old if old != "UNSET" else new for old in found for new in said}
        modes = {"PERMISSIVE" if one == "UNSET" else one for one in found}
        return {"PERMISSIVE" if one == "DISABLE" and serving == "ambient" else one for one in modes}

    def says(self, peer: Object, port: int) -> str:
        ports = peer["spec"].get("portLevelMtls") or {}
        own = (ports.get(str(port)) or {}).get("mode", "UNSET")
        return str(own if own != "UNSET" else (peer["spec"].get("mtls") or {}).get("mode", "UNSET"))

    def enter(self, taken: str, identity: str, source: Object | str, pod: Object, port: int, serving: str) -> Choices:
        if taken == "STRICT" and not identity:
            return {False}
        if taken == "DISABLE" and identity:
            return {True, False}
        speaks = {"tcp"} if serving == "ambient" else self.protocols(pod, port)
        return {one for spoken in speaks for one in self.decide(identity, source, pod, port, serving, spoken)}

    def protocols(self, pod: Object, port: int) -> set[str]:
        """HTTP where it may be spoken at all: some request is what is asked for."""
        said = [
            entry["name"].startswith("tcp")
            for service in self.of("Service")
            if service["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and has(pod, service["spec"]["selector"])
            for entry in service["spec"]["ports"]
            if entry["targetPort"] == port
        ]
        other = [
            entry["name"].startswith("tcp")
            for service in self.of("Service")
            for entry in service["spec"]["ports"]
            if entry["targetPort"] == port and service["metadata"]["namespace"] == pod["metadata"]["namespace"]
        ]
        if any(said) and not all(other):
            return {"tcp", "http"}
        return {"tcp"} if any(said) else {"http"}

    # AuthorizationPolicy: CUSTOM, DENY, ALLOW

    def decide(self, identity: str, source: Object | str, pod: Object, port: int, serving: str, spoken: str) -> Choices:
        found: Choices = set()
        policies = [p for p in self.of("AuthorizationPolicy") if self.selects(p, pod)]
        matched: dict[str, list[set[bool]]] = {"CUSTOM": [], "DENY": [], "ALLOW": []}
        allows = False
        for policy in policies:
            action = policy["spec"].get("action", "ALLOW")
            if action == "AUDIT" or (action == "CUSTOM" and serving == "ambient"):
                continue
            allows = allows or action == "ALLOW"
            for rule in policy["spec"].get("rules") or []:
                space = policy["metadata"]["namespace"]
                matched[action].append(self.matches(rule, action, identity, source, pod, port, serving, spoken, space))
        if any(True in one for one in matched["CUSTOM"]):
            found.add(False)
        if any(one == {True} for one in matched["DENY"]):
            return {False}
        if any(True in one for one in matched["DENY"]):
            found.add(False)
        if not allows or any(one == {True} for one in matched["ALLOW"]):
            return found | {True}
        return found | ({True, False} if any(True in one for one in matched["ALLOW"]) else {False})

    def selects(self, policy: Object, pod: Object) -> bool:
        where = policy["metadata"]["namespace"]
        inside = where in ("istio-system", pod["metadata"]["namespace"])
        return inside and has(pod, (policy["spec"].get("selector") or {}).get("matchLabels") or {})

    def matches(
        self, rule: Object, action: str, identity: str, source: Object | str, pod: Object, port: int, serving: str,
        spoken: str, space: str,
    ) -> set[bool]:  # fmt: skip
        froms = [entry["source"] for entry in rule.get("from") or [{"source": {}}]]
        tos = [entry["operation"] for entry in rule.get("to") or [{"operation": {}}]]
        whens = rule.get("when") or []
        reads_http = spoken == "http"
        asked = any(name in HTTP for to in tos for name in to) or any("request" in w["key"] for w in whens)
        forwarded = any("remoteIpBlocks" in entry for entry in froms)
        if action == "ALLOW" and ((asked and not reads_http) or (forwarded and serving == "ambient")):
            return {False}
        found: set[bool] = set()
        for entry, to in product(froms, tos):
            if self.source(entry, identity, source, space) and self.ports(to, port):
                doubtful = reads_http and action != "ALLOW" and any(name in HTTP for name in to)
                doubtful = doubtful or (serving != "ambient" and "remoteIpBlocks" in entry)
                found |= {True, False} if doubtful else {True}
                if not doubtful:
                    found = {True}
                    break
        for when in whens:
            holds = self.condition(when, identity, source, pod, port, space)
            if holds is False:
                return {False}
            if holds is None and reads_http and action != "ALLOW" and True in found:
                found = {True, False}
        return found or {False}

    def source(self, entry: Object, identity: str, source: Object | str, space: str) -> bool:
        for name, values in entry.items():
            if name == "remoteIpBlocks":
                continue
            plain = name[3].lower() + name[4:] if name.startswith("not") else name
            if self.attribute(plain, values, identity, source, space) == name.startswith("not"):
                return False
        return True

    def attribute(self, name: str, values: list[str], identity: str, source: Object | str, space: str) -> bool:
        if name == "ipBlocks":
            ip = source if isinstance(source, str) else source["status"]["podIP"]
            return any(ipaddress.ip_address(ip) in ipaddress.ip_network(block) for block in values)
        if not identity:
            return False
        _, _, where, _, account = identity.split("/")
        if name == "principals":
            return any(principal(value, identity) for value in values)
        if name == "namespaces":
            return any(re.fullmatch(re.escape(value).replace(r"\*", ".*"), where) for value in values)
        return any((value if "/" in value else f"{space}/{value}") == f"{where}/{account}" for value in values)

    def ports(self, to: Object, port: int) -> bool:
        inside = "ports" not in to or str(port) in to["ports"]
        return inside and str(port) not in to.get("notPorts", [])

    def condition(
        self, when: Object, identity: str, source: Object | str, pod: Object, port: int, space: str
    ) -> bool | None:
        """None is what only a request can tell."""
        names = {"source.principal": "principals", "source.namespace": "namespaces", "source.ip": "ipBlocks"}
        for field, denied in (("values", False), ("notValues", True)):
            values = when.get(field)
            if not values:
                continue
            if when["key"] in names:
                holds = self.attribute(names[when["key"]], values, identity, source, space)
            elif when["key"] == "destination.port":
                holds = str(port) in values
            elif when["key"] == "destination.ip":
                ip = ipaddress.ip_address(pod["status"]["podIP"])
                holds = any(ip in ipaddress.ip_network(block) for block in values)
            else:
                return None
            if holds == denied:
                return False
        return True


def has(pod: Object, labels: dict[str, str]) -> bool:
    own = pod["metadata"]["labels"]
    return not pod["spec"].get("hostNetwork") and all(own.get(key) == value for key, value in labels.items())


def principal(pattern: str, identity: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*"):
        return identity.endswith(pattern[1:])
    return identity.startswith(pattern[:-1]) if pattern.endswith("*") else identity == pattern


# --- random worlds ----------------------------------------------------------------------------------------------------


class Maker:
    def __init__(self, random: Random) -> None:
        self.r = random

    def chance(self, percent: int) -> bool:
        return self.r.randrange(100) < percent

    def world(self) -> list[Object]:
        objects: list[Object] = []
        stated = 100 if self.chance(70) else 60
        for name in NAMESPACES:
            if self.chance(stated):
                labels = {} if self.chance(30) else self.r.choice(SIGNS)
                objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        objects += [self.pod(number) for number in range(self.r.randrange(2, 6))]
        objects += [self.service(number) for number in range(self.r.randrange(0, 3))]
        objects += self.peers()
        return objects + [self.policy(number) for number in range(self.r.randrange(0, 5))]

    def pod(self, number: int) -> Object:
        labels = {"app": self.r.choice(APPS)}
        for key, values in (
            ("sidecar.istio.io/inject", ("true", "false")),
            ("istio.io/dataplane-mode", ("ambient", "none")),
            ("istio.io/rev", ("stable",)),
            ("istio", ("ingressgateway",)),
        ):
            if self.chance(12):
                labels[key] = self.r.choice(values)
        spec: Object = {"serviceAccountName": self.r.choice(ACCOUNTS), "containers": [{}]}
        if self.chance(10):
            spec |= {"hostNetwork": True, "nodeName": f"n{number}"}
        where = self.r.choice(NAMESPACES[:2]) if self.chance(85) else self.r.choice(NAMESPACES)
        meta = {"name": f"p{number}", "namespace": where, "labels": labels}
        ip = f"10.{self.r.choice([1, 2])}.0.{number + 1}"
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"podIP": ip}}

    def service(self, number: int) -> Object:
        target = self.r.choice(PORTS)
        ports = [{"name": self.r.choice(["tcp-x", "http-x", "x"]), "port": 1000, "targetPort": target}]
        spec = {"selector": {"app": self.r.choice(APPS)}, "ports": ports}
        meta = {"name": f"s{number}", "namespace": self.r.choice(NAMESPACES[:2])}
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    def peers(self) -> list[Object]:
        """At most one for each scope: which of several holds depends on their age."""
        found = []
        for where, app in (("a", "web"), ("a", "db"), ("a", ""), ("b", ""), ("istio-system", "")):
            if self.chance(15):
                spec: Object = {"mtls": {"mode": self.mode()}} if self.chance(70) else {}
                if app:
                    spec["selector"] = {"matchLabels": {"app": app}}
                    if self.chance(60):
                        spec["portLevelMtls"] = {str(port): {"mode": self.mode()} for port in self.some(PORTS)}
                found.append(self.object("PeerAuthentication", f"{where}-{app}x", where, spec))
        return found

    def mode(self) -> str:
        return self.r.choice(["STRICT", "STRICT", "PERMISSIVE", "UNSET", "UNSET", "DISABLE"])

    def policy(self, number: int) -> Object:
        spec: Object = {}
        if self.chance(40):
            spec["selector"] = {"matchLabels": {"app": self.r.choice(APPS)}}
        action = self.r.choice(["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", "CUSTOM", ""])
        if action:
            spec["action"] = action
        if action in ("DENY", "CUSTOM") or self.chance(85):
            spec["rules"] = [self.rule(action) for _ in range(self.r.randrange(0, 4))]
        if action == "CUSTOM":
            spec["provider"] = {"name": "x"}
        where = self.r.choice(["a", "a", "b", "istio-system"])
        return self.object("AuthorizationPolicy", f"x{number}", where, spec)

    def object(self, kind: str, name: str, where: str, spec: Object) -> Object:
        api = self.r.choice(["security.istio.io/v1", "security.istio.io/v1beta1"])
        return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": where}, "spec": spec}

    def rule(self, action: str) -> Object:
        rule: Object = {}
        if self.chance(60):
            rule["from"] = [{"source": self.source(action)} for _ in range(self.r.randrange(1, 3))]
        if self.chance(50):
            rule["to"] = [{"operation": self.operation()} for _ in range(self.r.randrange(1, 3))]
        if self.chance(30):
            rule["when"] = [self.condition(action) for _ in range(self.r.randrange(1, 3))]
        return rule

    def source(self, action: str) -> Object:
        fields: dict[str, tuple[str, ...]] = {"ipBlocks": BLOCKS}
        if action != "CUSTOM":
            fields |= {"principals": PRINCIPALS, "namespaces": SPACES}
            if self.chance(25):
                fields = {"serviceAccounts": SERVICE_ACCOUNTS, "ipBlocks": BLOCKS}
        found: Object = {}
        for name in self.some(tuple(fields)):
            denied = "not" + name[0].upper() + name[1:] if self.chance(30) else name
            found[denied] = self.some(fields[name])
        if self.chance(8):
            found["remoteIpBlocks"] = ["10.0.0.0/8"]
        return found

    def operation(self) -> Object:
        found: Object = {}
        if self.chance(80):
            found[self.r.choice(["ports", "ports", "notPorts"])] = [str(port) for port in self.some(PORTS)]
        if not found or self.chance(25):
            name = self.r.choice(HTTP)
            found[name] = ["GET"] if name == "methods" else ["/admin*"]
        return found

    def condition(self, action: str) -> Object:
        options: list[tuple[str, tuple[str, ...]]] = [
            ("source.ip", BLOCKS),
            ("destination.port", tuple(map(str, PORTS))),
            ("destination.ip", BLOCKS),
            ("request.headers[x]", ("y",)),
        ]
        if action != "CUSTOM":
            options += [("source.principal", PRINCIPALS), ("source.namespace", SPACES)]
        key, values = self.r.choice(options)
        found: Object = {"key": key, self.r.choice(["values", "values", "notValues"]): self.some(values)}
        return found

    def some(self, values: tuple[Any, ...]) -> list[Any]:
        return self.r.sample(values, self.r.randrange(1, min(3, len(values)) + 1))


SIGNS = (
    *({"istio-injection": "enabled"}, {"istio-injection": "enabled"}, {"istio-injection": "disabled"}),
    *({"istio.io/rev": "stable"}, {"istio.io/dataplane-mode": "ambient"}),
    *({"istio.io/dataplane-mode": "ambient", "istio.io/rev": "stable"},),
)


# --- both -------------------------------------------------------------------------------------------------------------


def check(seed: int) -> dict[bool | None, int]:
    """Compare every flow of a world; how often each answer was given."""
    objects = Maker(Random(seed)).world()
    world = read_world([("w.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode())])
    assert world.refused == ()
    model, oracle = Model(world), Oracle(objects)
    directory, certain = Directory(model), oracle.certain()
    given_answers: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    pods = oracle.of("Pod")
    ends: list[Object | str] = [*pods, *OUTSIDE]
    for source, pod in product(ends, pods):
        if source is pod:
            continue
        here = directory.ip(source) if isinstance(source, str) else directory.pod(*names(source))
        there = directory.pod(*names(pod))
        for port in (*PORTS, 7):
            protocol = "UDP" if port == 7 else "TCP"
            wanted = oracle.connect(source, pod, protocol, port)
            bit = model.ports.bit(protocol, port)
            answer = judge(model, here, there, bit).allowed
            exact = None if len(wanted) > 1 else wanted == {True}
            where = (seed, names(source) if not isinstance(source, str) else source, names(pod), protocol, port)
            assert answer == exact or (answer is None and not certain), (where, answer, wanted)
            (cell,) = (cell for cell in model.row(there.number) if cell.ports & bit)
            allow, deny = cell.allow >> here.number & 1, cell.deny >> here.number & 1
            assert (allow, deny) == (answer is True, answer is False), where
            given_answers[answer] += 1
    return given_answers


def names(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_connection_agrees(seed: int) -> None:
    check(seed)


def test_the_worlds_are_worth_asking() -> None:
    seen: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    for seed in range(60):
        for answer, count in check(seed).items():
            seen[answer] += count
    assert min(seen.values()) > 100, seen
