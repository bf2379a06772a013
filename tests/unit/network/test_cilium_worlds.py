"""Random worlds with policies of Cilium: small, dense, with every feature that is modelled."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.unit.network.worlds import BLOCKS, BLOCKS6, HOLES, KEYS, NAMES, NAMESPACES, PORTS, PROTOCOLS, Maker, Object
from thwart.network.world import read_world

ENTITIES = (
    "all",
    "world",
    "cluster",
    "host",
    "remote-node",
    "kube-apiserver",
    "none",
    "health",
    "ingress",
    "cluster-mesh",
)
ACCOUNTS = ("default", "robot")
GROUPS = ("partners", "offices", "missing")
FIELDS = {
    *(f"{way}{what}" for way in ("from", "to") for what in ("Endpoints", "CIDR", "CIDRSet", "Entities", "Nodes")),
    *("toServices", "toFQDNs", "toPorts", "icmps", "enableDefaultDeny", "nodeSelector", "cidrGroupSelector", "endPort"),
}
SERVICES = ("front", "external", "headless", "absent")


class CiliumMaker(Maker):
    """Worlds with policies of Cilium in them."""

    def world(self) -> list[Object]:
        objects = [o for o in super().world() if not str(o["apiVersion"]).startswith(("crd.antrea", "policy.linkerd"))]
        for one in objects:
            if one["kind"] == "Pod" and self.chance(40):
                one["spec"]["serviceAccountName"] = "robot"
            if one["kind"] == "Pod" and self.chance(20):
                one["metadata"]["labels"]["pod-template-hash"] = self.r.choice(["default", "other"])
            if one["kind"] == "Node":
                one["metadata"]["labels"] = self.labels()
        for name, blocks in (("partners", ("203.0.113.0/25",)), ("offices", ("10.1.0.0/16", "2001:db8::/32"))):
            if self.chance(60):
                meta = {"name": name, "labels": self.labels()}
                spec = {"externalCIDRs": list(blocks)}
                objects.append(
                    {"apiVersion": "cilium.io/v2", "kind": "CiliumCIDRGroup", "metadata": meta, "spec": spec}
                )
        objects += [self.service(name) for name in SERVICES[:3] if self.chance(60)]
        return objects + [self.cilium_policy(number) for number in range(self.r.randrange(1, 6))]

    def service(self, name: str) -> Object:
        external = {"type": "ExternalName", "externalName": "far.example.test"}
        spec: Object = external if name == "external" else {"ports": [{"port": 80}]}
        if name == "front":
            spec["selector"] = {"app": self.r.choice(KEYS["app"])}
        meta = {"name": name, "namespace": self.r.choice(NAMESPACES), "labels": self.labels()}
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    def cilium_policy(self, number: int) -> Object:
        wide = self.chance(40)
        kind = "CiliumClusterwideNetworkPolicy" if wide else "CiliumNetworkPolicy"
        meta = {"name": f"cil{number}", **({} if wide else {"namespace": self.r.choice(NAMESPACES)})}
        return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": meta, "spec": self.cilium_spec(wide=wide)}

    def cilium_spec(self, *, wide: bool) -> Object:
        hosts = wide and self.chance(25)
        spec: Object = {"nodeSelector" if hosts else "endpointSelector": self.selector() if hosts else self.labelled()}
        if self.chance(30):
            ways = {way: self.chance(50) for way in ("ingress", "egress") if self.chance(60)}
            spec["enableDefaultDeny"] = ways
        for section in self.r.sample(["ingress", "egress", "ingressDeny", "egressDeny"], self.r.randrange(1, 4)):
            spec[section] = [self.cilium_rule(section, hosts=hosts) for _ in range(self.r.randrange(1, 4))]
        return spec

    def labelled(self) -> Object:
        """A selector with Cilium's own labels in it."""
        found = self.selector()
        source = self.r.choice(["", "", "k8s:", "any:"])
        if source:
            found["matchLabels"] = {source + key: value for key, value in found.get("matchLabels", {}).items()}
        for _ in range(self.r.randrange(0, 2) + self.r.randrange(0, 2)):
            self.special(found, source)
        return found

    def special(self, found: Object, source: str) -> None:
        r = self.r
        kind = r.randrange(8)
        spaces = r.sample(NAMESPACES, r.randrange(1, 3))
        if kind in (0, 1):
            found.setdefault("matchLabels", {})[f"{source}io.kubernetes.pod.namespace"] = spaces[0]
            return
        team = f"{source}io.cilium.k8s.namespace.labels."
        expression: Object = {"key": f"{source}io.kubernetes.pod.namespace", "operator": r.choice(["In", "NotIn"])}
        expression["values"] = list(spaces)
        if kind == 3:
            expression = {"key": team + "kubernetes.io/metadata.name", "operator": "In", "values": list(spaces)}
        elif kind == 4:
            expression = {"key": team + "team", "operator": r.choice(["Exists", "DoesNotExist"])}
        elif kind == 5:
            expression = {"key": f"{source}io.cilium.k8s.policy.serviceaccount", "operator": r.choice(["In", "NotIn"])}
            expression["values"] = [r.choice(ACCOUNTS)]
        elif kind == 6:
            name = r.choice(["host", "world", "remote-node", "kube-apiserver", "init", "health"])
            expression = {"key": f"reserved:{name}", "operator": r.choice(["Exists", "DoesNotExist"])}
        elif kind == 7:
            key = r.choice([f"{source}io.cilium.k8s.policy.cluster", "pod-template-hash"])
            expression = {"key": key, "operator": r.choice(["In", "NotIn"]), "values": ["default"]}
        found.setdefault("matchExpressions", []).append(expression)

    def cilium_rule(self, section: str, *, hosts: bool) -> Object:
        r = self.r
        rule: Object = {}
        ingress, denies = section.startswith("ingress"), section.endswith("Deny")
        prefix = "from" if ingress else "to"
        field = r.choice(
            ["Endpoints", "Endpoints", "CIDR", "CIDRSet", "Entities", "Nodes", "Services", "FQDNs", "none"]
        )
        if (field == "FQDNs" and (ingress or denies)) or (field == "Services" and ingress):
            field = "Endpoints"
        makers: dict[str, Callable[[], Any]] = {
            "Endpoints": self.labelled,
            "CIDR": lambda: r.choice([*BLOCKS, *BLOCKS6]),
            "CIDRSet": self.cidr_rule,
            "Entities": lambda: r.choice(ENTITIES),
            "Nodes": self.selector,
            "Services": self.to_service,
            "FQDNs": lambda: {"matchName": "example.test"},
        }
        if field != "none":
            rule[prefix + field] = [makers[field]() for _ in range(r.randrange(1, 3) if self.chance(95) else 0)]
        if self.chance(50):
            rule["toPorts"] = [self.port_entry(denies=denies, hosts=hosts) for _ in range(r.randrange(0, 3))]
        elif self.chance(8):
            rule["icmps"] = [{"fields": [{"type": 8}]}]
        return rule

    def cidr_rule(self) -> Object:
        kind = self.r.randrange(5)
        if kind == 0:
            return {"cidrGroupRef": self.r.choice(GROUPS)}
        if kind == 1:
            return {"cidrGroupSelector": self.selector()}
        cidr = self.r.choice(BLOCKS)
        return {"cidr": cidr, **({"except": [self.r.choice(HOLES[cidr])]} if cidr in HOLES else {})}

    def to_service(self) -> Object:
        space = {"namespace": self.r.choice(NAMESPACES)} if self.chance(50) else {}
        if self.chance(60):
            return {"k8sService": {"serviceName": self.r.choice(SERVICES), **space}}
        return {"k8sServiceSelector": {"selector": self.selector(), **space}}

    def port_entry(self, *, denies: bool, hosts: bool) -> Object:
        found: Object = {"ports": [self.cilium_port() for _ in range(self.r.randrange(1, 3) if self.chance(95) else 0)]}
        http = all(port.get("protocol") == "TCP" and port["port"] != "0" for port in found["ports"])
        if http and not denies and not hosts and self.chance(30):
            found["rules"] = {"http": [{"method": "GET"}]}
        return found

    def cilium_port(self) -> Object:
        port: Object = {"port": self.r.choice([*map(str, PORTS), *NAMES, "0"])}
        if self.chance(70):
            port["protocol"] = self.r.choice([*PROTOCOLS, "ANY"])
        if self.chance(20):
            port["endPort"] = self.r.randrange(0, 65536)
        return port


def test_worlds_are_accepted_and_have_every_kind_of_peer() -> None:
    fields: set[str] = set()
    for seed in range(60):
        objects = CiliumMaker(Random(seed)).world()
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        world = read_world([("world.json", document.encode())])
        assert world.refused == ()
        fields |= {field for field in FIELDS if f'"{field}"' in document}
    assert fields == FIELDS
