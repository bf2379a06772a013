"""A slow, plain evaluator of one flow, written from the specifications and sharing nothing with the engine.

It walks Kubernetes objects as dictionaries: networking.k8s.io/v1 types.go, network-policy-api v1alpha2 types, and the
page "Network Policies" of kubernetes.io. Answers are sets of what may happen: {True}, {False} or both.
"""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

Object = dict[str, Any]


class End(NamedTuple):
    """One end in one address family: a pod object or None, and its address in that family if it has one."""

    pod: Object | None
    ip: str | None


def selects(selector: Object | None, labels: dict[str, str]) -> bool:
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
        if operator == "In" and not (key in labels and labels[key] in values):
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


class Oracle:
    def __init__(self, objects: list[Object]) -> None:
        self.pods = [o for o in objects if o["kind"] == "Pod"]
        self.foreign = [
            o for o in objects if str(o.get("apiVersion")).startswith(("crd.antrea.io/", "policy.linkerd.io/"))
        ]
        ours = [o for o in objects if o not in self.foreign]
        self.nps = [o for o in ours if o["kind"] == "NetworkPolicy"]
        self.cnps = [o for o in ours if o["kind"] == "ClusterNetworkPolicy"]
        self.nodes = [o for o in objects if o["kind"] == "Node"]
        self.namespaces = {
            o["metadata"]["name"]: o["metadata"].get("labels") or {} for o in objects if o["kind"] == "Namespace"
        }

    def labels_of_namespace(self, name: str) -> dict[str, str]:
        return {**self.namespaces.get(name, {}), "kubernetes.io/metadata.name": name}

    # --- the flow -------------------------------------------------------------------------------------------------

    def flow(self, source: Object | str, destination: Object | str, protocol: str, port: int) -> set[bool]:
        """What may happen; ends are pod objects or addresses. Allowed if allowed in one family in which they can meet."""
        if source is destination or self.machine(source) == self.machine(destination) != "":
            return {True}
        families = self.meeting(source, destination)
        outcomes = [self.in_family(self.end(source, f), self.end(destination, f), protocol, port) for f in families]
        return {any(choice) for choice in _choices(outcomes)}

    def machine(self, end: Object | str) -> str:
        """The node that an end is, where that is known."""
        if isinstance(end, str):
            return self.node_of(end) or ""
        return str(end["spec"].get("nodeName") or "") if host(end) else ""

    def meeting(self, source: Object | str, destination: Object | str) -> list[int]:
        for end in (source, destination):
            if isinstance(end, str):
                return [ipaddress.ip_address(end).version]
        assert not isinstance(source, str)
        assert not isinstance(destination, str)
        here, there = ({ipaddress.ip_address(ip).version for ip in self.ips(pod)} for pod in (source, destination))
        if here and there:
            return sorted(here & there) or sorted(there)
        return sorted(here | there) or [4]

    def end(self, end: Object | str, family: int) -> End:
        if isinstance(end, str):
            return End(None, end)
        return End(end, next((ip for ip in self.ips(end) if ipaddress.ip_address(ip).version == family), None))

    def in_family(self, source: End, destination: End, protocol: str, port: int) -> set[bool]:
        egress = self.side("egress", source, destination, destination, protocol, port)
        ingress = self.side("ingress", destination, source, destination, protocol, port)
        return {here and there for here in egress for there in ingress}

    def side(self, direction: str, own: End, other: End, destination: End, protocol: str, port: int) -> set[bool]:
        own_pod = own.pod
        if own_pod is None or host(own_pod):
            # policies select no host-network pods; a policy of an unknown kind for the whole cluster may
            everywhere = [f for f in self.foreign if f["kind"] == "ClusterNetworkPolicy"]
            return {True, False} if own_pod is not None and everywhere else {True}
        found: set[bool] = set()
        self.tiers(direction, own_pod, other, destination, protocol, port, 0, found)
        for foreign in self.foreign:
            inside = foreign["kind"] == "ClusterNetworkPolicy" or namespace(foreign) == namespace(own_pod)
            if inside and foreign["kind"] == "AuthorizationPolicy":
                found |= {False} if direction == "ingress" else set()
            elif inside:
                found |= {True, False}
        return found

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
        if tier == 3:
            found.add(True)
            return
        if tier == 1:
            answer = self.network_policies(direction, own, other, destination, protocol, port)
            if answer is not None:
                found |= answer
                return
            self.tiers(direction, own, other, destination, protocol, port, 2, found)
            return
        for outcome in self.cluster_policies(
            direction, own, other, destination, protocol, port, ("Admin", "", "Baseline")[tier]
        ):
            if outcome in ("Accept", "Deny"):
                found.add(outcome == "Accept")
            else:
                self.tiers(direction, own, other, destination, protocol, port, tier + 1, found)

    # --- networking.k8s.io/v1 ---------------------------------------------------------------------------------------

    def network_policies(
        self, direction: str, own: Object, other: End, destination: End, protocol: str, port: int
    ) -> set[bool] | None:
        isolated = False
        for policy in self.nps:
            spec = policy["spec"]
            if namespace(policy) != namespace(own) or not selects(spec.get("podSelector"), labels(own)):
                continue
            types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
            if direction.capitalize() not in types:
                continue
            isolated = True
            for rule in spec.get(direction) or []:
                peers = rule.get("from" if direction == "ingress" else "to")
                if peers and not any(self.peer(peer, namespace(policy), other) for peer in peers):
                    continue
                if rule.get("ports") and not any(np_port(p, destination, protocol, port) for p in rule["ports"]):
                    continue
                return {True}
        if not isolated:
            return None
        if direction == "ingress" and other.pod is not None and host(other.pod):
            mine, theirs = own["spec"].get("nodeName"), other.pod["spec"].get("nodeName")
            if mine and theirs:
                return {mine == theirs}
            return {True, False}
        if direction == "ingress" and other.pod is None and other.ip is not None:
            node = self.node_of(other.ip)
            if node is not None:
                return {True, False} if not own["spec"].get("nodeName") else {own["spec"]["nodeName"] == node}
        return {False}

    def ips(self, pod: Object) -> list[str]:
        """A pod's addresses; one in the host's network has its node's as well."""
        own = [str(entry["ip"]) for entry in pod.get("status", {}).get("podIPs", [])]
        nodes = [node for node in self.nodes if host(pod) and node["metadata"]["name"] == pod["spec"].get("nodeName")]
        return own + [str(address["address"]) for node in nodes for address in node["status"]["addresses"]]

    def node_of(self, ip: str) -> str | None:
        for node in self.nodes:
            if any(a["address"] == ip for a in node["status"]["addresses"]):
                return str(node["metadata"]["name"])
        return None

    def peer(self, peer: Object, own_namespace: str, other: End) -> bool:
        if peer.get("ipBlock") is not None:
            if other.ip is None:
                return False
            block = peer["ipBlock"]
            return inside(other.ip, block["cidr"]) and not any(
                inside(other.ip, hole) for hole in block.get("except") or []
            )
        if other.pod is None or host(other.pod):
            return False
        where = namespace(other.pod)
        if peer.get("namespaceSelector") is None:
            if where != own_namespace:
                return False
        elif not selects(peer["namespaceSelector"], self.labels_of_namespace(where)):
            return False
        return selects(peer.get("podSelector"), labels(other.pod))

    # --- policy.networking.k8s.io/v1alpha2 --------------------------------------------------------------------------

    def cluster_policies(
        self, direction: str, own: Object, other: End, destination: End, protocol: str, port: int, tier: str
    ) -> set[str]:
        """Accept, Deny, Pass or nothing: whichever may be the outcome of a tier."""
        outcomes: set[str] = set()
        policies = [p for p in self.cnps if p["spec"]["tier"] == tier and self.subject(p["spec"]["subject"], own)]
        for priority in sorted({p["spec"]["priority"] for p in policies}):
            undecided = True
            for policy in policies:
                if policy["spec"]["priority"] != priority:
                    continue
                here = self.first_match(
                    policy["spec"].get(direction) or [], direction, other, destination, protocol, port
                )
                outcomes |= here - {""}
                undecided = undecided and "" in here
            if not undecided:
                return outcomes
        return outcomes | {""}

    def first_match(
        self, rules: list[Object], direction: str, other: End, destination: End, protocol: str, port: int
    ) -> set[str]:
        outcomes: set[str] = set()
        for rule in rules:
            protocols = rule.get("protocols")
            if protocols and not any(cnp_port(p, destination, protocol, port) for p in protocols):
                continue
            peers = [
                self.cluster_peer(peer, other, rule["action"])
                for peer in rule["from" if direction == "ingress" else "to"]
            ]
            if True in peers:
                return outcomes | {rule["action"]}
            if None in peers:
                outcomes.add(rule["action"])
        return outcomes | {""}

    def subject(self, subject: Object, pod: Object) -> bool:
        return not host(pod) and self.pods_peer(subject, pod)

    def pods_peer(self, peer: Object, pod: Object) -> bool:
        here = self.labels_of_namespace(namespace(pod))
        if "namespaces" in peer:
            return selects(peer["namespaces"], here)
        pods = peer["pods"]
        return selects(pods.get("namespaceSelector"), here) and selects(pods.get("podSelector"), labels(pod))

    def cluster_peer(self, peer: Object, other: End, action: str) -> bool | None:
        if "networks" in peer:
            if other.pod is not None and not self.ips(other.pod):
                return None if action != "Accept" else False
            return other.ip is not None and any(inside(other.ip, block) for block in peer["networks"])
        if "domainNames" in peer:
            known = other.pod is not None or (other.ip is not None and self.node_of(other.ip) is not None)
            return False if known else None
        return other.pod is not None and not host(other.pod) and self.pods_peer(peer, other.pod)


def host(pod: Object) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def namespace(one: Object) -> str:
    return str(one["metadata"].get("namespace") or "default")


def labels(pod: Object) -> dict[str, str]:
    return dict(pod["metadata"].get("labels") or {})


def inside(ip: str, block: str) -> bool:
    network = ipaddress.ip_network(block, strict=False)
    address = ipaddress.ip_address(ip)
    return address.version == network.version and address in network


def named(destination: End, name: str, protocol: str | None) -> set[tuple[str, int]]:
    if destination.pod is None or host(destination.pod):
        return set()
    found = set()
    for container in destination.pod["spec"].get("containers") or []:
        for port in container.get("ports") or []:
            if port.get("name") == name and protocol in (None, port.get("protocol", "TCP")):
                found.add((port.get("protocol", "TCP"), port["containerPort"]))
    return found


def np_port(entry: Object, destination: End, protocol: str, port: int) -> bool:
    wanted = entry.get("protocol") or "TCP"
    if wanted != protocol:
        return False
    if entry.get("port") is None:
        return True
    if isinstance(entry["port"], str):
        return (protocol, port) in named(destination, entry["port"], wanted)
    return bool(entry["port"] <= port <= (entry.get("endPort") or entry["port"]))


def cnp_port(entry: Object, destination: End, protocol: str, port: int) -> bool:
    if "destinationNamedPort" in entry:
        return (protocol, port) in named(destination, entry["destinationNamedPort"], None)
    ((transport, inner),) = entry.items()
    if transport.upper() != protocol:
        return False
    wanted = inner["destinationPort"]
    if "number" in wanted:
        return bool(wanted["number"] == port)
    return bool(wanted["range"]["start"] <= port <= wanted["range"]["end"])


def _choices(outcomes: list[set[bool]]) -> list[tuple[bool, ...]]:
    found: list[tuple[bool, ...]] = [()]
    for outcome in outcomes:
        found = [(*before, one) for before in found for one in sorted(outcome)]
    return found
