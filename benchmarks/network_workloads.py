"""Clusters for the benchmark of network policy, made from seeds. See docs/concepts/network-model.md for the nouns."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Object = dict[str, Any]


def pod(
    namespace: str, name: str, labels: dict[str, str], ip: str = "", ports: tuple[tuple[str, int], ...] = ()
) -> Object:
    spec: Object = {"nodeName": "n", "containers": [{"name": "c", "image": "i", "ports": _ports(ports)}]}
    status = {"phase": "Running", **({"podIP": ip, "podIPs": [{"ip": ip}]} if ip else {})}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def _ports(ports: tuple[tuple[str, int], ...]) -> list[Object]:
    return [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in ports]


def policy(namespace: str, name: str, spec: Object) -> Object:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def kano(pods: int, policies: int) -> list[Object]:
    """Kano's generator: random labels, one namespace of pods that policies of one select and one allows, on all ports."""
    random = Random(1)
    keys, values = max(pods // 10, 5), 10
    made = []
    labels = []
    for number in range(pods):
        found = {f"k{random.randrange(keys)}": f"v{random.randrange(values)}" for _ in range(5)}
        labels.append(found)
        made.append(pod("default", f"p{number}", found))
    for number in range(policies):
        select, allow = (dict([random.choice(list(random.choice(labels).items()))]) for _ in range(2))
        peer = [{"podSelector": {"matchLabels": allow}}]
        spec: Object = {"podSelector": {"matchLabels": select}, "policyTypes": ["Ingress"], "ingress": [{"from": peer}]}
        if number % 2:
            spec = {"podSelector": {"matchLabels": select}, "policyTypes": ["Egress"], "egress": [{"to": peer}]}
        made.append(policy("default", f"n{number}", spec))
    return made


def realistic(namespaces: int, policies: int) -> list[Object]:
    """R1: 50 pods a namespace (10 deployments of 5), teams, environments, tiers, named ports, a mixture of policies."""
    random = Random(2)
    made: list[Object] = []
    for number in range(namespaces):
        labels = {"team": f"t{number % 50}", "env": ("prod", "stage", "dev")[number % 3]}
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns{number}", "labels": labels}})
        for deployment in range(10):
            app = {
                "app": f"a{deployment}",
                "tier": ("front", "mid", "back")[deployment % 3],
                "version": f"v{deployment % 2}",
            }
            for replica in range(5):
                index = number * 50 + deployment * 5 + replica
                ip = f"10.{128 + index // 65536}.{index // 256 % 256}.{index % 256}"
                ports = (("http", 8080 + deployment % 3), ("metrics", 9090))
                made.append(
                    pod(
                        f"ns{number}",
                        f"a{deployment}-{replica}",
                        {**app, "pod-template-hash": f"{deployment:x}"},
                        ip,
                        ports,
                    )
                )
    for name in ("kube-system", "monitoring", "ingress-nginx"):
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"role": name}}})
        made += [
            pod(name, f"{name}-{i}", {"app": name, "k8s-app": "kube-dns"}, f"10.250.{len(name)}.{i}") for i in range(8)
        ]
    made += [
        policy(f"ns{random.randrange(namespaces)}", f"np{i}", realistic_spec(random, i * 100 // policies))
        for i in range(policies)
    ]
    return made


_DNS: Object = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def realistic_spec(random: Random, share: int) -> Object:
    app = {"matchLabels": {"app": f"a{random.randrange(10)}"}}
    if share < 30:
        return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [_DNS]}
    if share < 51:
        peer: Object = {"podSelector": {"matchLabels": {"app": f"a{random.randrange(10)}"}}}
        return {"podSelector": app, "ingress": [{"from": [peer], "ports": [{"port": "http"}]}]}
    if share < 59:
        peer = {
            "namespaceSelector": {"matchLabels": {"team": f"t{random.randrange(50)}"}},
            "podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "mid"]}]},
        }
        return {"podSelector": app, "ingress": [{"from": [peer], "ports": [{"port": 8000, "endPort": 8100}]}]}
    if share < 66:
        peer = {"namespaceSelector": {"matchLabels": {"role": random.choice(["monitoring", "ingress-nginx"])}}}
        return {"podSelector": {}, "ingress": [{"from": [peer], "ports": [{"port": "metrics"}]}]}
    if share < 77:
        return {"podSelector": app, "policyTypes": ["Egress"], "egress": [_DNS, {"to": [{"podSelector": {}}]}]}
    if share < 86:
        cidr = f"{random.randrange(11, 200)}.{random.randrange(256)}.{random.randrange(16) * 16}.0/20"
        return {
            "podSelector": app,
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": 443}]}],
        }
    if share < 90:
        block = {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.169.254/32"]}
        return {"podSelector": app, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": block}]}]}
    if share < 96:
        peer = {"namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]}}
        return {"podSelector": app, "ingress": [{"from": [peer]}]}
    return {
        "podSelector": app,
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": f"t{random.randrange(50)}"}}}]}],
    }


def identical(pods: int, policies: int) -> list[Object]:
    """Antrea's A3: one namespace, identical pods, identical policies."""
    made = [pod("default", f"p{i}", {"app": "x"}) for i in range(pods)]
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "x"}}}], "ports": [{"port": 80}]}
    return made + [
        policy("default", f"n{i}", {"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [rule]})
        for i in range(policies)
    ]


def small_namespaces(count: int) -> list[Object]:
    """Antrea's A1: four pods and three policies a namespace."""
    made: list[Object] = []
    for number in range(count):
        name = f"ns{number}"
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"n": str(number)}}})
        made += [pod(name, f"p{i}", {"app": f"a{i}"}) for i in range(4)]
        made.append(policy(name, "deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}))
        peer = [{"podSelector": {"matchLabels": {"app": "a1"}}}]
        made.append(policy(name, "in", {"podSelector": {"matchLabels": {"app": "a0"}}, "ingress": [{"from": peer}]}))
        out: Object = {
            "podSelector": {"matchLabels": {"app": "a1"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": {}}]}],
        }
        made.append(policy(name, "out", out))
    return made


def big_namespaces(namespaces: int, pods: int, policies: int) -> list[Object]:
    """Antrea's A2: few namespaces of many pods, a default deny and many policies in each."""
    made: list[Object] = []
    for number in range(namespaces):
        name = f"ns{number}"
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        made += [pod(name, f"p{i}", {"app": f"a{i % policies}"}) for i in range(pods)]
        made.append(policy(name, "deny", {"podSelector": {}, "policyTypes": ["Ingress"]}))
        for index in range(policies):
            peer = [{"podSelector": {"matchLabels": {"app": f"a{(index + 1) % policies}"}}}]
            spec = {"podSelector": {"matchLabels": {"app": f"a{index}"}}, "ingress": [{"from": peer}]}
            made.append(policy(name, f"n{index}", spec))
    return made


def policy_per_pod(count: int) -> list[Object]:
    """Antrea's A4: every pod has a policy of its own, which lets in the next one."""
    made: list[Object] = []
    for number in range(count):
        made.append(pod("default", f"p{number}", {"id": f"i{number}"}))
        peer = [{"podSelector": {"matchLabels": {"id": f"i{(number + 1) % count}"}}}]
        spec = {"podSelector": {"matchLabels": {"id": f"i{number}"}}, "ingress": [{"from": peer}]}
        made.append(policy("default", f"n{number}", spec))
    return made


def cluster_scoped(namespaces: int, pods: int, policies: int) -> list[Object]:
    """Antrea's A5: policies of the cluster, in the Admin tier."""
    made: list[Object] = []
    for number in range(namespaces):
        name = f"ns{number}"
        made.append(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"n": f"n{number}"}}}
        )
        made += [pod(name, f"p{i}", {"app": f"a{i}"}) for i in range(pods)]
    for number in range(policies):
        where, other = (
            {"namespaceSelector": {"matchLabels": {"n": f"n{(number + step) % namespaces}"}}, "podSelector": {}}
            for step in (0, 1)
        )
        rules = [
            {
                "action": "Accept",
                "from": [{"pods": other}],
                "protocols": [{"tcp": {"destinationPort": {"number": 80}}}],
            },
            {"action": "Deny", "from": [{"namespaces": {}}]},
        ]
        spec = {"tier": "Admin", "priority": number % 1001, "subject": {"pods": where}, "ingress": rules}
        meta = {"name": f"c{number}"}
        made.append(
            {
                "apiVersion": "policy.networking.k8s.io/v1alpha2",
                "kind": "ClusterNetworkPolicy",
                "metadata": meta,
                "spec": spec,
            }
        )
    return made


WORKLOADS: dict[str, Callable[[], list[Object]]] = {
    "kano-1k": lambda: kano(1_000, 500),
    "kano-2k": lambda: kano(2_000, 500),
    "kano-10k": lambda: kano(10_000, 5_000),
    "kano-100k": lambda: kano(100_000, 10_000),
    "realistic-500": lambda: realistic(10, 60),
    "realistic-2k": lambda: realistic(40, 500),
    "realistic-10k": lambda: realistic(200, 1_000),
    "realistic-100k": lambda: realistic(2_000, 10_000),
    "antrea-xl": lambda: small_namespaces(25_000),
    "antrea-large-namespaces": lambda: big_namespaces(100, 1_000, 100),
    "antrea-identical": lambda: identical(10_000, 10_000),
    "antrea-policy-per-pod": lambda: policy_per_pod(10_000),
    "antrea-cluster-scoped": lambda: cluster_scoped(1_000, 100, 10_000),
}
