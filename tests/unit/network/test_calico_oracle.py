"""Calico's policies against a slow oracle that walks the objects for one flow, over random worlds.

The oracle follows what Felix does with packets: it matches addresses against IP sets, tier by tier, policy by policy, rule
by rule. Its selectors are turned into Python expressions. It shares nothing with the engine. Answers are sets of what may
happen: {True}, {False} or both.
"""

from __future__ import annotations

import json
import re
from itertools import product
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.oracle import End, Object, Oracle, host, inside, labels, namespace
from tests.unit.network.worlds import BLOCKS, BLOCKS6, KEYS, NAMES, NAMESPACES, OUTSIDE, PORTS, PROTOCOLS, Maker
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.world import read_world

Truth = bool | None  # None: may be
_TEST = re.compile(
    r"""(?P<key>[\w./-]+)\s*(?P<op>==|!=|not\s+in|in|contains|starts\s+with|ends\s+with)\s*(?P<rest>"[^"]*"|'[^']*'|\{[^}]*\})"""
)
_HAS = re.compile(r"has\(\s*([\w./-]+)\s*\)")


def evaluate(text: str, found: dict[str, str]) -> bool:
    """A selector on labels, by way of a Python expression."""
    parts: list[str] = []

    def keep(expression: str) -> str:
        parts.append(expression)
        return f" (P[{len(parts) - 1}]) "

    def test(match: re.Match[str]) -> str:
        key, operator, rest = match["key"], " ".join(match["op"].split()), match["rest"]
        value = found.get(key)
        if rest.startswith("{"):
            listed = re.findall(r"""["']([^"']*)["']""", rest)
            return keep(str((value in listed) == (operator == "in")))
        wanted = rest[1:-1]
        if operator in ("==", "!="):
            return keep(str((value == wanted) == (operator == "==")))
        compare = {"contains": str.__contains__, "starts with": str.startswith, "ends with": str.endswith}[operator]
        return keep(str(value is not None and bool(compare(value, wanted))))

    text = _TEST.sub(test, text)
    text = _HAS.sub(lambda match: keep(str(match[1] in found)), text)
    text = re.sub(r"all\(\s*\)", " True ", text)
    text = text.replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    return bool(eval(text.strip() or "True", {"P": [part == "True" for part in parts]}))


def both(*truths: Truth) -> Truth:
    return False if False in truths else None if None in truths else True


class CalicoOracle(Oracle):
    def __init__(self, objects: list[Object]) -> None:
        super().__init__([o for o in objects if o["apiVersion"] in ("v1", "networking.k8s.io/v1")])
        self.services = [o for o in objects if o["kind"] == "Service"]

        def of_kind(*kinds: str) -> list[Object]:
            return [o for o in objects if o["kind"] in kinds and "projectcalico" in o["apiVersion"]]

        self.calico = of_kind("NetworkPolicy", "GlobalNetworkPolicy")
        self.sets = of_kind("NetworkSet", "GlobalNetworkSet")
        self.tiers_read = {o["metadata"]["name"]: o["spec"] for o in of_kind("Tier")}
        self.accounts = {
            (namespace(o), o["metadata"]["name"]): labels(o) for o in objects if o["kind"] == "ServiceAccount"
        }

    # --- labels and sets --------------------------------------------------------------------------------------------

    def of_namespace(self, name: str) -> dict[str, str]:
        found = {f"pcns.{k}": v for k, v in self.labels_of_namespace(name).items()}
        return {**found, "pcns.projectcalico.org/name": name}

    def of_pod(self, pod: Object) -> dict[str, str]:
        account = pod["spec"].get("serviceAccountName", "default")
        mine = {f"pcsa.{k}": v for k, v in self.accounts.get((namespace(pod), account), {}).items()}
        return {
            **labels(pod),
            **self.of_namespace(namespace(pod)),
            **mine,
            "pcsa.projectcalico.org/name": account,
            "projectcalico.org/namespace": namespace(pod),
            "projectcalico.org/orchestrator": "k8s",
            "projectcalico.org/serviceaccount": account,
        }

    def of_set(self, one: Object) -> dict[str, str]:
        if one["kind"] == "GlobalNetworkSet":
            return labels(one)
        inherited = self.of_namespace(namespace(one))
        return {**labels(one), **inherited, "projectcalico.org/namespace": namespace(one)}

    def in_ip_set(self, text: str, end: End, allows: bool, pods_only: bool = False) -> Truth:
        """Whether an end's address is in the IP set of a selector; one without an address is in the set by its labels."""
        if end.pod is not None and not host(end.pod) and evaluate(text, self.of_pod(end.pod)):
            return True
        if pods_only:
            return False
        nets = [net for one in self.sets if evaluate(text, self.of_set(one)) for net in one["spec"]["nets"]]
        return self.in_nets(nets, end, allows)

    def in_nets(self, nets: list[str], end: End, allows: bool) -> Truth:
        if end.pod is not None and not self.ips(end.pod):
            return None if nets and not allows else False
        return end.ip is not None and any(inside(end.ip, net) for net in nets)

    # --- one rule ---------------------------------------------------------------------------------------------------

    def entity(self, rule: Object, entity: Object, policy: Object, end: End, allows: bool, pods_only: bool) -> Truth:
        wanted, unwanted = self.selectors(entity, policy)
        found: list[Truth] = []
        if wanted is not None:
            found.append(self.in_ip_set(wanted, end, allows, pods_only))
        if unwanted is not None:
            truth = self.in_ip_set(unwanted, end, not allows)
            found.append(None if truth is None else not truth)
        if entity.get("nets") or entity.get("notNets"):
            found.append(self.networks(entity.get("nets") or [], entity.get("notNets") or [], end, allows))
        if "services" in entity:
            found.append(self.behind(entity["services"], policy, end) is not None)
        return both(*found)

    def networks(self, nets: list[str], off: list[str], end: End, allows: bool) -> Truth:
        if end.pod is not None and not self.ips(end.pod):
            return False if allows else None
        if end.ip is None:
            return False
        six = ":" in (nets or off)[0]
        if six != (":" in end.ip):
            return False
        return (not nets or any(inside(end.ip, net) for net in nets)) and not any(inside(end.ip, net) for net in off)

    def selectors(self, entity: Object, policy: Object) -> tuple[str | None, str | None]:
        wanted = []
        accounts = entity.get("serviceAccounts") or {}
        if accounts.get("selector"):
            wanted.append(re.sub(r"([\w./-]+)(\s*==)", r"pcsa.\1\2", accounts["selector"]))
        if accounts.get("names"):
            wanted.append(f"projectcalico.org/serviceaccount in {{{', '.join(repr(n) for n in accounts['names'])}}}")
        if entity.get("selector"):
            wanted.append(entity["selector"])
        unwanted = entity.get("notSelector")
        where = entity.get("namespaceSelector")
        if where:
            wanted.append(prefix_namespaces(where))
        elif policy["kind"] == "NetworkPolicy" and (wanted or unwanted):
            wanted.append(f"projectcalico.org/namespace == '{namespace(policy)}'")
        if wanted and unwanted:
            wanted.append(f"!({unwanted})")
            unwanted = None
        return " && ".join(f"({text})" for text in wanted) or None, unwanted

    def behind(self, match: Object, policy: Object, end: End) -> set[tuple[str, int]] | None:
        """The ports that a service forwards to at an endpoint of it."""
        where = match.get("namespace") or namespace(policy)
        if end.pod is None or host(end.pod) or namespace(end.pod) != where:
            return None
        service = next(s for s in self.services if s["metadata"] == {"name": match["name"], "namespace": where})
        if not service["spec"]["selector"].items() <= labels(end.pod).items():
            return None
        return {(port["protocol"], port["targetPort"]) for port in service["spec"]["ports"]}

    def calls(self, end: End, name: str, protocol: str) -> set[int]:
        if end.pod is None or host(end.pod):
            return set()
        listed = [p for c in end.pod["spec"].get("containers") or [] for p in c.get("ports") or []]
        return {p["containerPort"] for p in listed if p.get("name") == name and p.get("protocol", "TCP") == protocol}

    def anywhere(self, name: str, protocol: str) -> set[int]:
        return {n for pod in self.pods for n in self.calls(End(pod, None), name, protocol)}

    def matches(self, rule: Object, policy: Object, source: End, destination: End, protocol: str, port: int) -> Truth:
        allows = rule["action"] == "Allow"
        numbers = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": 1, 6: 6, 17: 17, 132: 132, 1: 1, 200: 200}
        mine = numbers[protocol]
        if "protocol" in rule and numbers[rule["protocol"]] != mine:
            return False
        if "notProtocol" in rule and numbers[rule["notProtocol"]] == mine:
            return False
        other = source if policy["direction"] == "ingress" else destination
        family = self.of_family(rule, other, allows, "source" if other is source else "destination")
        to = rule.get("destination") or {}
        found = []
        for ports, pods_only in self.port_parts(to, rule, destination, protocol, port):
            here: list[Truth] = [ports, family]
            for end, name in ((source, "source"), (destination, "destination")):
                entity = rule.get(name) or {}
                only = pods_only and name == "destination"
                # what is asked of the protected pod selects it, for allowing and denying alike
                here.append(self.entity(rule, entity, policy, end, allows and end is other, only))
            found.append(both(*here))
        truth: Truth = True if True in found else None if None in found else False
        doubtful = (rule.get("source") or {}).get("ports") or (rule.get("source") or {}).get("notPorts")
        return None if doubtful and truth else truth

    def of_family(self, rule: Object, other: End, allows: bool, side: str) -> Truth:
        """Whether a rule is rendered for the family of a flow, told by the end that the policy does not protect.

        Pods without an address are of IPv4 where nothing in the world has one of IPv6.
        """
        ends = {name: rule.get(name) or {} for name in ("source", "destination")}
        nets = [net for end in ends.values() for net in (*end.get("nets", ()), *end.get("notNets", ()))]
        version = rule.get("ipVersion") or (None if not nets else 6 if ":" in nets[0] else 4)
        if version is None or ends[side].get("nets") or ends[side].get("notNets"):
            return True
        if other.ip is not None:
            return (":" in other.ip) == (version == 6)
        if any(":" in ip for pod in self.pods for ip in self.ips(pod)):
            return False if allows else None
        return bool(version == 4)

    def port_parts(
        self, to: Object, rule: Object, destination: End, protocol: str, port: int
    ) -> list[tuple[Truth, bool]]:
        if "services" in to:
            return [(True, False)]
        on, off = to.get("ports") or [], to.get("notPorts") or []
        if not on and not off:
            return [(True, False)]
        if "protocol" not in rule and protocol != "TCP":
            return [(False, False)]
        spans = [span(entry) for entry in on if not is_name(entry)] or ([(1, 65535)] if not on else [])
        off_spans = [span(entry) for entry in off if not is_name(entry)]
        unsure = {n for entry in off if is_name(entry) for n in self.anywhere(entry, protocol)}
        hit = any(a <= port <= b for a, b in spans) and not any(a <= port <= b for a, b in off_spans)
        parts: list[tuple[Truth, bool]] = [(None if hit and port in unsure else hit, False)]
        names = [entry for entry in on if is_name(entry)]
        called = {n for name in names for n in self.anywhere(name, protocol)}
        clash = any(n in unsure or any(a <= n <= b for a, b in off_spans) for n in called)
        named = any(port in self.calls(destination, name, protocol) for name in names)
        parts.append((None if named and clash else named, True))
        return parts

    # --- policies and tiers -----------------------------------------------------------------------------------------

    def applies(self, policy: Object, direction: str, pod: Object) -> bool:
        spec = policy["spec"]
        types = spec.get("types") or (
            ["Ingress"] if not spec.get("egress") else ["Ingress", "Egress"] if spec.get("ingress") else ["Egress"]
        )
        if direction.capitalize() not in types:
            return False
        mine = self.of_pod(pod)
        if policy["kind"] == "NetworkPolicy" and namespace(policy) != namespace(pod):
            return False
        if spec.get("namespaceSelector") and not evaluate(prefix_namespaces(spec["namespaceSelector"]), mine):
            return False
        accounts = re.sub(r"([\w./-]+)(\s*==)", r"pcsa.\1\2", spec.get("serviceAccountSelector", ""))
        return evaluate(accounts, mine) and evaluate(spec.get("selector", ""), mine)

    def side(self, direction: str, own: End, other: End, destination: End, protocol: str, port: int) -> set[bool]:
        if own.pod is None or host(own.pod):
            return {True}
        near = self.is_near(own.pod, other) if direction == "ingress" else False
        if near:
            return {True}
        found: set[bool] = set()
        self.walk(direction, own, other, destination, protocol, port, found)
        return found | ({True} if near is None else set())

    def is_near(self, own: Object, other: End) -> Truth:
        if other.pod is None or not host(other.pod):
            return False
        here, there = own["spec"].get("nodeName"), other.pod["spec"].get("nodeName")
        return here == there if here and there else None

    def walk(
        self, direction: str, own: End, other: End, destination: End, protocol: str, port: int, found: set[bool]
    ) -> None:
        assert own.pod is not None
        source = other if direction == "ingress" else own
        order = {name: (spec.get("order", float("inf")), name) for name, spec in self.tiers_read.items()}
        order["default"] = (1_000_000.0, "default")
        for tier in sorted(order, key=lambda name: order[name]):
            steps: list[tuple[Any, Object | None]] = []
            applied = False
            for policy in self.calico:
                spec = policy["spec"]
                if spec.get("tier", "default") == tier and self.applies(policy, direction, own.pod):
                    applied = True
                    key = (
                        spec.get("order", float("inf")),
                        f"{policy['metadata']['name']}/{policy['metadata'].get('namespace', '')}/{policy['kind']}",
                    )
                    steps.append((key, policy))
            plain = None
            if tier == "default":
                plain = self.network_policies(direction, own.pod, End(other.pod, other.ip), destination, protocol, port)
                if plain is not None:
                    applied = True
                    steps.append(((1000.0, ""), None))
            done, passed = False, False
            for _, step in sorted(steps, key=lambda one: one[0]):
                if step is None:
                    done = plain == {True}
                    if done:
                        found.add(True)
                else:
                    done, through = self.rules(step, direction, source, destination, protocol, port, found)
                    passed = passed or through
                if done:
                    break
            denies = self.tiers_read.get(tier, {}).get("defaultAction", "Deny") == "Deny"
            if not done and applied and denies:
                found.add(False)
                done = True
            if done and not passed:
                return
        found.add(True)

    def rules(
        self, policy: Object, direction: str, source: End, destination: End, protocol: str, port: int, found: set[bool]
    ) -> tuple[bool, bool]:
        """Whether a policy decides for sure, and whether it may pass to the next tier."""
        passed = False
        for rule in policy["spec"].get(direction) or []:
            if rule["action"] == "Log":
                continue
            one = {**policy, "direction": direction}
            truth = self.matches(rule, one, source, destination, protocol, port)
            if truth and "services" in (rule.get("destination") or {}):
                truth = (protocol, port) in (self.behind(rule["destination"]["services"], policy, destination) or ())
            if truth is False:
                continue
            if rule["action"] == "Pass":
                passed = True
            else:
                found.add(rule["action"] == "Allow")
            if truth:
                return True, passed
        return False, passed


def prefix_namespaces(text: str) -> str:
    if text == "global()":
        return "!has(projectcalico.org/namespace)"
    text = re.sub(r"has\(([\w./-]+)\)", r"has(pcns.\1)", text)
    text = re.sub(r"(?<![\w.'\"/-])([\w./-]+)(\s*(?:==|!=|in\b|not\s+in\b|starts))", r"pcns.\1\2", text)
    return text.replace("all()", "has(projectcalico.org/namespace)")


def is_name(entry: int | str) -> bool:
    return isinstance(entry, str) and ":" not in entry


def span(entry: int | str) -> tuple[int, int]:
    first, _, last = str(entry).partition(":")
    return int(first), int(last or first)


# --- random worlds ------------------------------------------------------------------------------------------------------


class CalicoMaker(Maker):
    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.tiers = ["default"]
        self.versions: tuple[int, ...] = ()

    def calico_world(self) -> list[Object]:
        r = self.r
        kept = ("Pod", "Namespace", "Node", "NetworkPolicy")
        objects = [o for o in self.world() if o["kind"] in kept and "antrea" not in o["apiVersion"]]
        for one in objects:
            if one["kind"] == "Pod":
                one["spec"]["serviceAccountName"] = r.choice(["default", "sa1"])
        v6 = any(":" in entry["ip"] for o in objects for entry in o.get("status", {}).get("podIPs", []))
        self.versions = (
            (4, 6) if v6 and all(o.get("status", {}).get("podIPs") for o in objects if o["kind"] == "Pod") else ()
        )
        objects = [o for o in objects if o["kind"] != "NetworkPolicy" or self.chance(40)]
        for name in NAMESPACES:
            meta = {"name": "sa1", "namespace": name, "labels": self.labels()}
            objects.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
            ports = [{"port": 1, "protocol": r.choice(PROTOCOLS), "targetPort": r.choice(PORTS)}]
            selector = {"app": r.choice(KEYS["app"])}
            hosts = [o for o in objects if o["kind"] == "Pod" and host(o) and namespace(o) == name]
            if any(labels(o).get("app") == selector["app"] for o in hosts):
                selector = {"app": "other"}  # endpoints on hosts have a test of their own
            meta = {"name": "svc", "namespace": name}
            objects.append(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": meta,
                    "spec": {"selector": selector, "ports": ports},
                }
            )
        for name in ("red", "blue"):
            if self.chance(60):
                spec: Object = {"order": r.choice([5.0, 5.0, 2e6])} if self.chance(70) else {}
                spec |= {"defaultAction": r.choice(["Deny", "Pass"])} if self.chance(60) else {}
                self.tiers.append(name)
                objects.append(self.object("Tier", {"name": name}, spec))
        objects += [self.network_set(number) for number in range(r.randrange(0, 4))]
        objects += [self.policy(number) for number in range(r.randrange(2, 7))]
        return objects

    def object(self, kind: str, meta: Object, spec: Object) -> Object:
        return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": meta, "spec": spec}

    def network_set(self, number: int) -> Object:
        everywhere = self.chance(50)
        meta: Object = {"name": f"set{number}", "labels": self.labels()}
        if not everywhere:
            meta["namespace"] = self.r.choice(NAMESPACES)
        nets = self.r.sample([*BLOCKS[1:], "8.8.8.8", *BLOCKS6[1:]], self.r.randrange(0, 3))
        return self.object("GlobalNetworkSet" if everywhere else "NetworkSet", meta, {"nets": nets})

    def text(self, depth: int = 0) -> str:
        r = self.r
        kind = r.randrange(11 if depth < 2 else 8)
        key = r.choice(list(KEYS))
        value = r.choice([*KEYS[key], "other"])
        if kind == 0:
            return f"{key} == '{value}'"
        if kind == 1:
            return f'{key} != "{value}"'
        if kind == 2:
            return f"{key} in {{'{value}', \"other\"}}"
        if kind == 3:
            return f"{key} not in {{'{value}'}}"
        if kind == 4:
            return f"has({key})"
        if kind == 5:
            return f"{key} {r.choice(['starts with', 'ends with', 'contains'])} '{r.choice(['b', 'e', 'd', 'we', ''])}'"
        if kind == 6:
            return self.special()
        if kind == 7:
            return "all()"
        if kind == 8:
            return f"!({self.text(depth + 1)})"
        joiner = " && " if kind == 9 else " || "
        return f"({joiner.join(self.text(depth + 1) for _ in range(r.randrange(2, 4)))})"

    def special(self) -> str:
        r = self.r
        return r.choice(
            [
                f"projectcalico.org/namespace == '{r.choice(NAMESPACES)}'",
                "has(projectcalico.org/namespace)",
                "projectcalico.org/orchestrator == 'k8s'",
                f"projectcalico.org/serviceaccount != '{r.choice(['sa1', 'default'])}'",
                f"pcns.team == '{r.choice(KEYS['team'])}'",
                f"pcns.projectcalico.org/name in {{'{r.choice(NAMESPACES)}'}}",
                f"pcsa.app == '{r.choice(KEYS['app'])}'",
            ]
        )

    def namespaces(self) -> str:
        r = self.r
        return r.choice(
            [
                "all()",
                "all()",
                f"team == '{r.choice(KEYS['team'])}'",
                f"team != '{r.choice(KEYS['team'])}'",
                f"kubernetes.io/metadata.name == '{r.choice(NAMESPACES)}'",
                f"projectcalico.org/name in {{'{r.choice(NAMESPACES)}', '{r.choice(NAMESPACES)}'}}",
                f"has(app) || app starts with '{r.choice(['w', 'd'])}'",
            ]
        )

    def policy(self, number: int) -> Object:
        r = self.r
        everywhere = self.chance(50)
        meta: Object = {"name": f"{r.choice('xyz')}{number}"}
        if not everywhere:
            meta["namespace"] = r.choice(NAMESPACES)
        spec: Object = {}
        if self.chance(70):
            spec["tier"] = r.choice(self.tiers)
        if self.chance(60):
            spec["order"] = r.choice([1, 10, 10, 2000.5])
        if self.chance(45):
            spec["selector"] = self.text()
        if everywhere and self.chance(30):
            spec["namespaceSelector"] = self.namespaces()
        if self.chance(15):
            spec["serviceAccountSelector"] = f"app == '{r.choice(KEYS['app'])}'"
        if self.chance(60):
            spec["types"] = r.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
        for direction in ("ingress", "egress"):
            if self.chance(80):
                spec[direction] = [self.calico_rule(direction, everywhere) for _ in range(r.randrange(1, 5))]
        return self.object("GlobalNetworkPolicy" if everywhere else "NetworkPolicy", meta, spec)

    def calico_rule(self, direction: str, everywhere: bool) -> Object:
        r = self.r
        rule: Object = {"action": r.choice(["Allow", "Allow", "Deny", "Deny", "Pass", "Log"])}
        if self.chance(60):
            rule["protocol"] = r.choice(["TCP", "TCP", "UDP", 6, 17, "SCTP", "ICMP", 200])
        if self.chance(15):
            rule["notProtocol"] = r.choice(["TCP", 17, "ICMP"])
        six = self.chance(25)
        other, own = ("source", "destination") if direction == "ingress" else ("destination", "source")
        sides = {other: self.side(six) if self.chance(85) else {}, own: self.side(six) if self.chance(25) else {}}
        if self.chance(10):
            sides[other] = {"services": {"name": "svc", **({"namespace": r.choice(NAMESPACES)} if everywhere else {})}}
        if self.chance(20) and rule.get("protocol") in ("TCP", "UDP", 6):
            sides["source"] = {**sides["source"], "ports": [r.choice(PORTS)]}
        if "services" not in sides["destination"]:
            self.add_ports(rule, sides["destination"])
        elif "ports" in sides["source"]:
            del sides["source"]["ports"]
        networks = any(field in side for side in sides.values() for field in ("nets", "notNets"))
        if self.versions and not networks and "ICMP" not in rule.values() and self.chance(20):
            rule["ipVersion"] = r.choice(self.versions)
        return {**rule, **{name: side for name, side in sides.items() if side}}

    def add_ports(self, rule: Object, destination: Object) -> None:
        r = self.r
        if rule.get("protocol") in ("TCP", "UDP", 6, 17, "SCTP") and self.chance(60):
            first = r.choice(PORTS[:-1])
            choices: list[int | str] = [r.choice(PORTS), f"{first}:{r.randrange(first, 65536)}", r.choice(NAMES)]
            destination["ports"] = r.sample(choices, r.randrange(1, 3))
        elif "protocol" not in rule and self.chance(15):
            destination["ports"] = [r.choice(NAMES)]
        if rule.get("protocol") in ("TCP", 6, 17) and self.chance(25):
            destination["notPorts"] = [r.choice([r.choice(PORTS), r.choice(NAMES), "50:100"])]

    def side(self, six: bool) -> Object:
        r = self.r
        side: Object = {}
        if self.chance(45):
            side["selector"] = self.text()
        if self.chance(20):
            side["notSelector"] = self.text()
        if self.chance(30):
            side["namespaceSelector"] = "global()" if self.chance(20) else self.namespaces()
        if self.chance(30):
            side["nets"] = r.sample(BLOCKS6 if six else BLOCKS, r.randrange(1, 3))
        if self.chance(20):
            side["notNets"] = r.sample((BLOCKS6 if six else BLOCKS)[1:], r.randrange(1, 3))
        if self.chance(12):
            side["serviceAccounts"] = r.choice(
                [{"names": ["sa1"]}, {"selector": "app == 'web'"}, {"names": ["default"], "selector": "all()"}]
            )
        return side


def check(objects: list[Object], sample: Random) -> dict[Truth, int]:
    """Compare point queries and rows with the oracle; how often each answer was met."""
    document = {"apiVersion": "v1", "kind": "List", "items": objects}
    world = read_world([("world.json", json.dumps(document).encode())])
    assert world.refused == ()
    assert world.unmodelled == ()
    model, oracle = Model(world), CalicoOracle(objects)
    directory = Directory(model)
    ends: list[tuple[Any, Any]] = [
        (pod, directory.pod(pod["metadata"]["namespace"], pod["metadata"]["name"])) for pod in oracle.pods
    ]
    ends += [(ip, directory.ip(ip)) for ip in OUTSIDE]
    met: dict[Truth, int] = {True: 0, False: 0, None: 0}
    for (here, source), (there, destination) in product(ends, ends):
        if isinstance(here, str) and isinstance(there, str):
            continue
        for protocol in PROTOCOLS:
            port = sample.choice([*PORTS, sample.randrange(1, 65536)])
            expected = oracle.flow(here, there, protocol, port)
            wanted = None if len(expected) > 1 else expected == {True}
            bit = model.ports.bit(protocol, port)
            answer = judge(model, source, destination, bit)
            assert answer.allowed is wanted, (here, there, protocol, port, answer)
            if here is not there:
                (cell,) = (cell for cell in model.row(destination.number) if cell.ports & bit)
                found = (cell.allow >> source.number & 1, cell.deny >> source.number & 1)
                assert found == (wanted is True, wanted is False), (here, there, protocol, port)
            met[wanted] += 1
    return met


@settings(max_examples=60)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_flow_agrees_with_the_oracle(seed: int) -> None:
    random = Random(seed)
    assert sum(check(CalicoMaker(random).calico_world(), random).values()) > 0


def test_the_worlds_are_worth_asking() -> None:
    met: dict[Truth, int] = {True: 0, False: 0, None: 0}
    for seed in range(15):
        random = Random(seed)
        for answer, count in check(CalicoMaker(random).calico_world(), random).items():
            met[answer] += count
    assert min(met.values()) > 20
