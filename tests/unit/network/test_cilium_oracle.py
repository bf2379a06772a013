"""Cilium's policies and a slow oracle, written apart from the decoder, over random worlds: every flow must agree.

The oracle gives each end the labels that Cilium gives its identity and matches selectors as its source does
(pkg/labels, pkg/policy/types/requirements.go), one flow at a time. What documents do not tell is None.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.oracle import End, Object, Oracle, host, inside, labels, named, namespace, selects
from tests.unit.network.test_cilium_worlds import CiliumMaker
from tests.unit.network.worlds import OUTSIDE, PORTS, PROTOCOLS
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, judge
from thwart.network.world import read_world

Truth = bool | None
Condition = tuple[str, str, str, list[str] | None]


def both(truths: Iterable[Truth]) -> Truth:
    """And, in three values."""
    found = list(truths)
    return False if False in found else None if None in found else True


def some(truths: Iterable[Truth]) -> Truth:
    """Or, in three values."""
    found = list(truths)
    return True if True in found else None if None in found else False


def no(truth: Truth) -> Truth:
    return None if truth is None else not truth


class CiliumOracle(Oracle):
    """NetworkPolicy and Cilium's policies in one tier, one flow at a time."""

    def __init__(self, objects: list[Object]) -> None:
        super().__init__(objects)
        self.cilium = [o for o in objects if o["kind"].startswith("Cilium") and o["kind"].endswith("NetworkPolicy")]
        self.groups = [o for o in objects if o["kind"] == "CiliumCIDRGroup"]
        self.services = [o for o in objects if o["kind"] == "Service"]
        self.dual = any(len({ipaddress.ip_address(ip).version for ip in self.ips(pod)}) > 1 for pod in self.pods)

    # --- who is who ---------------------------------------------------------------------------------------------------

    def is_pod(self, end: End) -> bool:
        return end.pod is not None and not host(end.pod)

    def is_host(self, end: End) -> Truth:
        if end.pod is not None:
            return host(end.pod)
        if end.ip is not None and self.node_of(end.ip):
            return True
        return False if self.nodes else None  # a node that was not read may have the address

    def is_outside(self, end: End) -> bool:
        return end.pod is None and not (end.ip is not None and self.node_of(end.ip))

    def node(self, end: End) -> Object | None:
        name = end.pod["spec"].get("nodeName") if end.pod is not None else self.node_of(end.ip or "")
        return next((node for node in self.nodes if node["metadata"]["name"] == name), None)

    # --- selectors ----------------------------------------------------------------------------------------------------

    def conditions(self, selector: Object) -> list[Condition]:
        found: list[Condition] = []
        for key, value in (selector.get("matchLabels") or {}).items():
            found.append((*split(key), "In", [value]))
        written = selector.get("matchExpressions") or []
        return found + [(*split(one["key"]), one["operator"], one.get("values")) for one in written]

    def holds(self, condition: Condition, end: End) -> Truth:
        source, key, operator, values = condition
        truth = self.has(source, key, values, end)
        return truth if operator in ("In", "Exists") else no(truth)

    def has(self, source: str, key: str, values: list[str] | None, end: End) -> Truth:
        """Whether an end has a label, with one of the values if any are given."""
        if source == "reserved":
            return self.has_reserved(key, end) if values is None or "" in values else False
        pod = end.pod
        if pod is None or host(pod):
            return False
        if key == "io.cilium.k8s.policy.cluster":
            return True if values is None else None
        space = namespace(pod)
        mine = {**labels(pod), "io.kubernetes.pod.namespace": space}
        mine["io.cilium.k8s.policy.serviceaccount"] = pod["spec"].get("serviceAccountName", "default")
        for name, value in self.labels_of_namespace(space).items():
            mine[f"io.cilium.k8s.namespace.labels.{name}"] = value
        found = key in mine and (values is None or mine[key] in values)
        return None if found and key == "pod-template-hash" else found

    def has_reserved(self, name: str, end: End) -> Truth:
        if self.is_pod(end):
            return False
        if name == "kube-apiserver":
            return None
        if name in ("host", "remote-node"):
            return False if self.is_host(end) is False else None
        if name == "world" and self.is_outside(end):
            return None if self.dual else True
        return False

    def endpoints(self, selector: Object, policy: Object, spec: Object, end: End) -> Truth:
        found = self.conditions(selector)
        meant = both(self.holds(one, end) for one in found)
        keys = [one[1] for one in found if one[0] != "reserved"]
        own = namespace(policy) if policy["kind"] == "CiliumNetworkPolicy" else None
        init = ("reserved", "init") in [one[:2] for one in self.conditions(spec.get("endpointSelector") or {})]
        spoken = any(key.startswith("io.cilium.k8s.namespace.labels.") for key in keys) if own else init
        if len(keys) == len(found) and "io.kubernetes.pod.namespace" not in keys and not spoken:
            inside_own = end.pod is not None and own in (None, namespace(end.pod))
            return meant if self.is_pod(end) and inside_own else False
        return self.with_groups(found, meant, end)

    def with_groups(self, found: list[Condition], meant: Truth, end: End) -> Truth:
        """Conditions without a source see the labels of CIDR groups too; whether they do here is not modelled."""
        pods = any(one[2] in ("In", "Exists") and (one[0] == "k8s" or one[1].startswith("io.")) for one in found)
        known = {key for group in self.groups for key in labels(group)}
        if self.is_outside(end) and not pods and known & {one[1] for one in found if one[0] == "any"}:
            return None
        return meant

    def nodes_of(self, selector: Object, end: End) -> Truth:
        is_host = self.is_host(end)
        if is_host is False or not selector.get("matchLabels", selector.get("matchExpressions")):
            return is_host
        if self.is_outside(end):
            return None
        node = self.node(end)
        return selects(selector, labels(node)) if node else None

    def selected(self, policy: Object, spec: Object, own: End) -> Truth:
        if "nodeSelector" in spec:
            return self.nodes_of(spec["nodeSelector"], own) if self.is_host(own) and not self.is_outside(own) else False
        if not self.is_pod(own) or own.pod is None:
            return False
        selector = dict(spec["endpointSelector"])
        if policy["kind"] == "CiliumNetworkPolicy":
            if namespace(policy) != namespace(own.pod):
                return False
            kept = {k: v for k, v in selector.get("matchLabels", {}).items() if k != "k8s:io.kubernetes.pod.namespace"}
            selector["matchLabels"] = kept
        return both(self.holds(one, own) for one in self.conditions(selector))

    # --- peers --------------------------------------------------------------------------------------------------------

    def entity(self, name: str, names: list[str], ingress: bool, own: End, other: End) -> Truth:
        if name == "all":
            return True
        if name in ("cluster", "cluster-mesh"):
            return True if self.is_pod(other) else self.is_host(other)
        if name == "world":
            return self.is_outside(other)
        if name == "kube-apiserver":
            return self.has_reserved(name, other)
        if name not in ("host", "remote-node"):
            return False
        if {"host", "remote-node"} <= set(names):
            return self.is_host(other)
        if ingress and self.is_pod(own):
            return self.is_host(other) if name == "remote-node" else False
        return False if self.is_host(other) is False else None

    def blocks(self, blocks: list[str], holes: list[str], other: End) -> bool:
        ip = other.ip or ""
        if not self.is_outside(other):
            return False
        return any(inside(ip, block) for block in blocks) and not any(inside(ip, hole) for hole in holes)

    def cidr_rule(self, rule: Object, other: End) -> Truth:
        holes = rule.get("except") or []
        if "cidr" in rule:
            return self.blocks([rule["cidr"]], holes, other)
        if "cidrGroupRef" in rule:
            found = [o for o in self.groups if o["metadata"]["name"] == rule["cidrGroupRef"]]
            if not found:
                return None if self.is_outside(other) else False
            return self.blocks(found[0]["spec"]["externalCIDRs"], holes, other)
        if not self.conditions(rule["cidrGroupSelector"]):
            return None if not any(inside(other.ip or "", hole) for hole in holes) else False
        if not self.is_outside(other) or not self.groups:
            return None if self.is_outside(other) else False
        here = [o for o in self.groups if self.blocks(o["spec"]["externalCIDRs"], [], other)]
        for _, key, operator, values in self.conditions(rule["cidrGroupSelector"]):
            tags = [labels(group) for group in here]
            found_one = any(key in tag and (values is None or tag[key] in values) for tag in tags)
            if found_one != (operator in ("In", "Exists")):
                return False
        return True

    def service(self, wanted: Object, other: End) -> tuple[Truth, bool]:
        """Whether the end is meant, and whether a service with a selector was found."""
        by_name, by_label = wanted.get("k8sService"), wanted.get("k8sServiceSelector")
        space = (by_name or by_label or {}).get("namespace")
        chosen = [o for o in self.services if space in (None, namespace(o))]
        if by_name:
            chosen = [o for o in chosen if o["metadata"]["name"] == by_name["serviceName"]]
        elif by_label:
            chosen = [o for o in chosen if selects(by_label["selector"], labels(o))]
        truths: list[Truth] = []
        for one in chosen:
            selector = one["spec"].get("selector")
            if selector:
                pod = other.pod if self.is_pod(other) else None
                here = pod is not None and namespace(pod) == namespace(one)
                truths.append(here and pod is not None and selects({"matchLabels": selector}, labels(pod)))
            elif one["spec"].get("type") != "ExternalName":
                truths.append(None if self.is_outside(other) else False)
        if not chosen:
            in_space = self.is_pod(other) and other.pod is not None and space in (None, namespace(other.pod))
            truths.append(None if in_space or self.is_outside(other) else False)
        return some(truths), any(o["spec"].get("selector") for o in chosen)

    def peers(self, rule: Object, section: str, policy: Object, spec: Object, own: End, other: End) -> Truth:
        ingress = section.startswith("ingress")
        prefix = "from" if ingress else "to"
        given = {key.removeprefix(prefix): value for key, value in rule.items() if key.startswith(prefix)}
        ports = bool(given.pop("Ports", None) or rule.get("toPorts") or rule.get("icmps"))
        given = {key: value for key, value in given.items() if key != "Ports"}
        if not given or not any(given.values()):
            empty = [key for key in given if key not in ("Services", "FQDNs")]
            return ports and not empty
        ((field, values),) = given.items()
        if field == "Endpoints":
            return some(self.endpoints(one, policy, spec, other) for one in values)
        if field == "Nodes":
            found = some(self.nodes_of(one, other) for one in values)
            exact = section == "ingress" and self.is_pod(own)
            return found if exact or found is False else None
        if field == "Entities":
            return some(self.entity(name, values, section == "ingress", own, other) for name in values)
        if field == "CIDR":
            return self.blocks(values, [], other)
        if field == "CIDRSet":
            return some(self.cidr_rule(one, other) for one in values)
        if field == "FQDNs":
            return None if self.is_outside(other) else False
        if section == "egressDeny":
            return None
        services = [self.service(one, other) for one in values]
        everyone: list[Truth] = [None] if ports and not any(found for _, found in services) else []
        return some([*(truth for truth, _ in services), *everyone])

    def ports(self, rule: Object, destination: End, protocol: str, port: int, *, ingress: bool) -> Truth:
        if rule.get("icmps"):
            return False
        entries = [one for entry in rule.get("toPorts") or [] for one in entry["ports"]]
        if not rule.get("toPorts") or any(cilium_port(one, destination, protocol, port) for one in entries):
            return True
        beyond = [one for one in entries if not one["port"].isdigit() and port <= one.get("endPort", 0) and ingress]
        return None if any(one.get("protocol", "ANY") in ("ANY", protocol) for one in beyond) else False

    # --- the tier -----------------------------------------------------------------------------------------------------

    def side(self, direction: str, own: End, other: End, destination: End, protocol: str, port: int) -> set[bool]:
        if self.is_pod(own):
            return super().side(direction, own, other, destination, protocol, port)
        if self.is_outside(own):
            return {True}
        outcomes, goes_on = self.tier(direction, own, other, destination, protocol, port)
        return outcomes | ({True} if goes_on else set())

    def tiers(
        self,
        direction: str,
        own: Object,
        other: End,
        destination: End,
        protocol: str,
        port: int,
        tier: int,
        found: set[bool],
    ) -> None:
        if tier != 1:
            super().tiers(direction, own, other, destination, protocol, port, tier, found)
            return
        outcomes, goes_on = self.tier(direction, End(own, None), other, destination, protocol, port)
        found |= outcomes
        if goes_on:
            super().tiers(direction, own, other, destination, protocol, port, 2, found)

    def near(self, direction: str, own: End, other: End) -> Truth:
        """Whether the other end is the pod's own node, which is always let in."""
        if direction != "ingress" or not self.is_pod(own) or own.pod is None or not self.is_host(other):
            return False
        mine = own.pod["spec"].get("nodeName")
        theirs = other.pod["spec"].get("nodeName") if other.pod is not None else self.node_of(other.ip or "")
        return mine == theirs if mine and theirs else None

    def tier(
        self, direction: str, own: End, other: End, destination: End, protocol: str, port: int
    ) -> tuple[set[bool], bool]:
        """What may be decided, and whether it may be left to the next tier."""
        grants: list[Truth] = []
        denials: list[Truth] = []
        isolated: list[Truth] = []
        for policy in self.cilium:
            spec = policy["spec"]
            who = self.selected(policy, spec, own)
            asked = (spec.get("enableDefaultDeny") or {}).get(direction, True)
            isolated.append(who if asked and (spec.get(direction) or spec.get(direction + "Deny")) else False)
            for section, truths in ((direction, grants), (direction + "Deny", denials)):
                for rule in spec.get(section) or []:
                    meant = self.peers(rule, section, policy, spec, own, other)
                    ports = self.ports(rule, destination, protocol, port, ingress=direction == "ingress")
                    truths.append(both([who, meant, ports]))
        plain = (
            self.network_policies(direction, own.pod, other, destination, protocol, port)
            if self.is_pod(own) and own.pod
            else None
        )
        grants.append(plain is not None and True in plain)
        isolated.append(plain is not None)
        return fold(self.near(direction, own, other), some(denials), self.grants(grants, plain), some(isolated))

    def grants(self, found: list[Truth], plain: set[bool] | None) -> Truth:
        """NetworkPolicy's own word on near hosts is said by `near` already."""
        return some([*found[:-1], plain == {True}])


def fold(near: Truth, denied: Truth, granted: Truth, isolated: Truth) -> tuple[set[bool], bool]:
    outcomes: set[bool] = set() if denied is False else {False}
    if denied:
        return outcomes, False
    if near:
        return outcomes | {True}, False
    if near is None and (isolated is not False or granted is not False):
        outcomes.add(True)
    if granted is not False:
        outcomes.add(True)
    if granted:
        return outcomes, False
    if isolated is not False:
        outcomes.add(False)
    return outcomes, isolated is not True


def split(key: str) -> tuple[str, str]:
    source, colon, name = key.rpartition(":")
    return (source if colon else "any"), name


def cilium_port(entry: Object, destination: End, protocol: str, port: int) -> bool:
    wanted = entry.get("protocol", "ANY")
    if wanted not in ("ANY", protocol):
        return False
    text = entry["port"]
    if not text.isdigit():
        return (protocol, port) in named(destination, text, protocol)
    first = int(text)
    return first == 0 or first <= port <= max(first, entry.get("endPort", 0))


def check(objects: list[Object], sample: Random) -> dict[Truth, int]:
    """Compare a sample of flows; how many had which answer."""
    document = {"apiVersion": "v1", "kind": "List", "items": objects}
    world = read_world([("world.json", json.dumps(document).encode())])
    assert world.refused == ()
    model, oracle = Model(world), CiliumOracle(objects)
    directory = Directory(model)
    nodes = [node["status"]["addresses"][0]["address"] for node in oracle.nodes]
    ends: list[tuple[Object | str, Party]] = [
        (pod, directory.pod(pod["metadata"]["namespace"], pod["metadata"]["name"])) for pod in oracle.pods
    ]
    ends += [(ip, directory.ip(ip)) for ip in (*sample.sample(OUTSIDE, 4), *nodes)]
    seen: dict[Truth, int] = {True: 0, False: 0, None: 0}
    for (here, source), (there, destination) in product(ends, ends):
        if isinstance(here, str) and isinstance(there, str) and (here == there or not {here, there} & set(nodes)):
            continue  # from outside to outside, or a node to itself
        if isinstance(here, str) and isinstance(there, str) and (":" in here) != (":" in there):
            continue  # there are no such flows
        protocol, port = sample.choice(PROTOCOLS), sample.choice([*PORTS, sample.randrange(1, 65536)])
        expected = oracle.flow(here, there, protocol, port)
        wanted = None if len(expected) > 1 else expected == {True}
        answer = judge(model, source, destination, model.ports.bit(protocol, port))
        assert answer.allowed is wanted, (here, there, protocol, port, answer)
        seen[wanted] += 1
    return seen


@settings(max_examples=150)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_flow_agrees_with_the_oracle(seed: int) -> None:
    random = Random(seed)
    assert sum(check(CiliumMaker(random).world(), random).values()) > 0


def test_the_worlds_are_worth_asking() -> None:
    seen: dict[Truth, int] = {True: 0, False: 0, None: 0}
    for seed in range(40):
        random = Random(seed)
        for answer, count in check(CiliumMaker(random).world(), random).items():
            seen[answer] += count
    assert min(seen.values()) > 100
