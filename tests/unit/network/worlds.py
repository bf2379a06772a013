"""Random worlds: small, dense, with every feature of the specifications that is modelled."""

from __future__ import annotations

from random import Random
from typing import Any

Object = dict[str, Any]

NAMESPACES = ("alpha", "beta", "gamma")
KEYS = {"app": ("web", "db", "cache"), "tier": ("front", "back"), "team": ("red", "blue")}
PORTS = (1, 53, 80, 443, 8080, 8081, 9000, 65535)
NAMES = ("http", "dns", "metrics")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "192.168.0.0/16", "203.0.113.0/25")
HOLES = {
    "0.0.0.0/0": ("10.0.0.0/8", "203.0.113.0/24"),
    "10.0.0.0/8": ("10.1.0.0/16", "10.1.2.3/32", "10.200.0.0/14"),
    "10.1.0.0/16": ("10.1.2.0/24",),
}
BLOCKS6 = ("::/0", "2001:db8::/32", "2001:db8:1::/48", "fd00::/8")
HOLES6 = {"::/0": ("fd00::/8",), "2001:db8::/32": ("2001:db8:1::/48", "2001:db8:1:2::/64")}
OUTSIDE = (
    "8.8.8.8",
    "10.1.2.200",
    "10.200.1.1",
    "203.0.113.5",
    "203.0.113.200",
    "2001:db8:1:2::9",
    "2001:db8:ffff::1",
    "fd00::99",
)
PROTOCOLS = ("TCP", "UDP", "SCTP")


class Maker:
    def __init__(self, random: Random) -> None:
        self.r = random

    def chance(self, percent: int) -> bool:
        return self.r.randrange(100) < percent

    def world(self) -> list[Object]:
        r = self.r
        objects: list[Object] = []
        objects += [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": self.labels()}}
            for name in NAMESPACES
            if self.chance(80)
        ]
        nodes = ["n1", "n2"]
        if self.chance(40):
            for number, name in enumerate(nodes):
                address = {"type": "InternalIP", "address": f"192.168.0.{number + 1}"}
                objects.append(
                    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": [address]}}
                )
        addressed = r.randrange(4)
        objects += [self.pod(number, addressed) for number in range(r.randrange(2, 7))]
        objects += [self.network_policy(number) for number in range(r.randrange(0, 6))]
        if self.chance(50):
            objects += [self.cluster_policy(number) for number in range(r.randrange(1, 5))]
        if self.chance(12):
            kind, api = r.choice(
                [
                    ("NetworkPolicy", "crd.antrea.io/v1beta1"),
                    ("ClusterNetworkPolicy", "crd.antrea.io/v1beta1"),
                    ("AuthorizationPolicy", "policy.linkerd.io/v1alpha1"),
                ]
            )
            meta = {"name": "foreign", **({} if "Cluster" in kind else {"namespace": r.choice(NAMESPACES)})}
            objects.append({"apiVersion": api, "kind": kind, "metadata": meta, "spec": {}})
        return objects

    def labels(self) -> dict[str, str]:
        return {key: self.r.choice(values) for key, values in KEYS.items() if self.chance(60)}

    def pod(self, number: int, addressed: int) -> Object:
        r = self.r
        ips = []
        if addressed and self.chance(85):
            if addressed in (1, 3):
                ips.append({"ip": r.choice([f"10.1.2.{number + 3}", f"10.1.9.{number + 3}", f"10.9.9.{number + 3}"])})
            if addressed in (2, 3) and self.chance(80):
                ips.append(
                    {
                        "ip": r.choice(
                            [f"2001:db8:1::{number + 3:x}", f"2001:db8:2::{number + 3:x}", f"fd00::{number + 3:x}"]
                        )
                    }
                )
        ports = [
            {
                "name": name,
                "containerPort": r.choice(PORTS),
                **({"protocol": r.choice(PROTOCOLS)} if self.chance(60) else {}),
            }
            for name in NAMES
            if self.chance(50)
        ]
        spec: Object = {"containers": [{"name": "c", "ports": ports}]}
        if self.chance(50):
            spec["nodeName"] = r.choice(["n1", "n2"])
        if self.chance(12):
            spec["hostNetwork"] = True
            ips = []
        meta = {"name": f"p{number}", "namespace": r.choice(NAMESPACES), "labels": self.labels()}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": spec,
            "status": {"phase": "Running", "podIPs": ips},
        }

    def selector(self) -> Object:
        r = self.r
        found: Object = {}
        if self.chance(50):
            key = r.choice(list(KEYS))
            found["matchLabels"] = {key: r.choice(KEYS[key])}
        if self.chance(35):
            found["matchExpressions"] = [self.expression() for _ in range(r.randrange(1, 3))]
        return found

    def expression(self) -> Object:
        r = self.r
        key = r.choice([*KEYS, "absent"])
        operator = r.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        values = (
            {} if "Exist" in operator else {"values": r.sample([*KEYS.get(key, ("x",)), "other"], r.randrange(1, 3))}
        )
        return {"key": key, "operator": operator, **values}

    def namespace_selector(self) -> Object:
        if self.chance(40):
            return {"matchLabels": {"kubernetes.io/metadata.name": self.r.choice(NAMESPACES)}}
        return self.selector()

    def network_policy(self, number: int) -> Object:
        spec: Object = {"podSelector": self.selector()} if self.chance(90) else {}
        types = self.r.choice([None, ["Ingress"], ["Egress"], ["Ingress", "Egress"], [], None])
        if types is not None:
            spec["policyTypes"] = types
        for direction, field in (("ingress", "from"), ("egress", "to")):
            if self.chance(70):
                spec[direction] = [self.rule(field) for _ in range(self.r.randrange(0, 3))]
        meta = {"name": f"np{number}", "namespace": self.r.choice(NAMESPACES)}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}

    def rule(self, field: str) -> Object:
        rule: Object = {}
        if self.chance(80):
            rule[field] = [self.peer() for _ in range(self.r.randrange(0, 3))]
        if self.chance(70):
            rule["ports"] = [self.port() for _ in range(self.r.randrange(0, 3))]
        return rule

    def peer(self) -> Object:
        kind = self.r.randrange(4)
        if kind == 0:
            return {"podSelector": self.selector()}
        if kind == 1:
            return {"namespaceSelector": self.namespace_selector()}
        if kind == 2:
            return {"namespaceSelector": self.namespace_selector(), "podSelector": self.selector()}
        blocks, holes = (BLOCKS, HOLES) if self.chance(60) else (BLOCKS6, HOLES6)
        cidr = self.r.choice(blocks)
        found: Object = {"cidr": cidr}
        if cidr in holes and self.chance(60):
            found["except"] = [self.r.choice(holes[cidr])]
        return {"ipBlock": found}

    def port(self) -> Object:
        found: Object = {}
        if self.chance(70):
            found["protocol"] = self.r.choice(PROTOCOLS)
        kind = self.r.randrange(4)
        if kind == 1:
            found["port"] = self.r.choice(NAMES)
        elif kind > 1:
            found["port"] = self.r.choice(PORTS)
            if kind == 3:
                found["endPort"] = self.r.randrange(found["port"], 65536)
        return found

    def cluster_policy(self, number: int) -> Object:
        spec: Object = {
            "tier": self.r.choice(["Admin", "Baseline"]),
            "priority": self.r.choice([0, 5, 5, 10]),
            "subject": self.pods(),
        }
        for direction, field in (("ingress", "from"), ("egress", "to")):
            if self.chance(70):
                spec[direction] = [self.cluster_rule(field) for _ in range(self.r.randrange(0, 4))]
        return {
            "apiVersion": "policy.networking.k8s.io/v1alpha2",
            "kind": "ClusterNetworkPolicy",
            "metadata": {"name": f"cnp{number}"},
            "spec": spec,
        }

    def pods(self) -> Object:
        if self.chance(50):
            return {"namespaces": self.namespace_selector()}
        return {"pods": {"namespaceSelector": self.namespace_selector(), "podSelector": self.selector()}}

    def cluster_rule(self, field: str) -> Object:
        r = self.r
        action = r.choice(["Accept", "Deny", "Pass"])
        peers = []
        for _ in range(r.randrange(1, 3)):
            kind = r.randrange(6) if field == "to" else 0
            if kind == 4:
                peers.append({"networks": r.sample([*BLOCKS, *BLOCKS6], r.randrange(1, 3))})
            elif kind == 5 and action == "Accept":
                peers.append({"domainNames": ["example.test"]})
            else:
                peers.append(self.pods())
        rule: Object = {"action": action, field: peers}
        if self.chance(50):
            plain = all("networks" not in peer and "domainNames" not in peer for peer in peers)
            rule["protocols"] = [self.cluster_port(named=plain) for _ in range(r.randrange(1, 3))]
        return rule

    def cluster_port(self, *, named: bool) -> Object:
        r = self.r
        if named and self.chance(25):
            return {"destinationNamedPort": r.choice(NAMES)}
        port: Object = {"number": r.choice(PORTS)}
        if self.chance(30):
            start = r.choice(PORTS[:-1])
            port = {"range": {"start": start, "end": r.randrange(start + 1, 65536)}}
        return {r.choice(["tcp", "udp", "sctp"]): {"destinationPort": port}}
