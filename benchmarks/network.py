"""How long network policy takes: reading, making ready, every row, point queries.

    python benchmarks/network.py [kano-1k kano-10k realistic-10k realistic-100k antrea-identical …]

Workloads are made from seeds, written as the JSON that `kubectl get -o json` gives, and read back. Times are processor
seconds, the best of `--runs`. `pairs` counts ordered pairs of pods that can connect on some port.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from thwart.lib.bitsets import members
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.flows import Answers
from thwart.network.model import Endpoint
from thwart.network.world import read_world

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
        policy(f"ns{random.randrange(namespaces)}", f"np{i}", _spec(random, i * 100 // policies))
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


def _spec(random: Random, share: int) -> Object:
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


WORKLOADS: dict[str, Callable[[], list[Object]]] = {
    "kano-1k": lambda: kano(1_000, 500),
    "kano-10k": lambda: kano(10_000, 5_000),
    "kano-100k": lambda: kano(100_000, 10_000),
    "realistic-10k": lambda: realistic(200, 1_000),
    "realistic-100k": lambda: realistic(2_000, 10_000),
    "antrea-identical": lambda: identical(10_000, 10_000),
    "antrea-xl": lambda: small_namespaces(25_000),
}


class Times(NamedTuple):
    total: float
    read: float
    ready: float
    rows: float
    classes: int
    pairs: int
    query: float


def measure(data: bytes, queries: int) -> Times:
    gc.collect()
    gc.disable()  # as the program does while it reads and makes ready (thwart.api._net)
    start = time.process_time()
    world = read_world([("workload.json", data)])
    read = time.process_time()
    model = Model(world)
    ready = time.process_time()
    for _ in model.rows():
        pass
    rows = time.process_time()
    pairs = count(model)
    random = Random(3)
    answers = Answers(model, Directory(model))
    lines = [flow(random, world.endpoints) for _ in range(queries)]
    begin = time.process_time()
    for line in lines:
        answers.line(line)
    query = (time.process_time() - begin) / max(queries, 1)
    return Times(rows - start, read - start, ready - read, rows - ready, len(model.classes), pairs, query)


def flow(random: Random, endpoints: Sequence[Endpoint]) -> bytes:
    ends = [{"namespace": e.namespace, "pod": e.name} for e in (random.choice(endpoints), random.choice(endpoints))]
    return json.dumps({"src": ends[0], "dst": ends[1], "port": random.choice([80, 443, 8080, 9090])}).encode()


def count(model: Model) -> int:
    """Ordered pairs of pods that can connect on some port; each distinct set of sources is weighed once."""
    weights = [len(one.members) for one in model.classes]
    weighed: dict[int, int] = {}
    total = 0
    for destination, row in model.rows():
        if not weights[destination]:
            continue
        some = 0
        for _, allow, _ in row:
            some |= allow
        found = weighed.get(some)
        if found is None:
            found = sum(weights[number] for number in members(some))
            if len(weighed) < 4096:
                weighed[some] = found
        total += found * weights[destination]
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["kano-1k", "kano-10k", "realistic-10k"], metavar="WORKLOAD")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--compact", action="store_true", help="JSON on one line, as the API sends it")
    given = parser.parse_args()
    for name in given.names:
        items = WORKLOADS[name]()
        document = {"apiVersion": "v1", "kind": "List", "items": items}
        data = json.dumps(document, indent=None if given.compact else 1).encode()
        del items, document
        best = min(measure(data, given.queries) for _ in range(given.runs))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{name}: {len(data) / 1e6:.0f} MB, {best.classes:,} classes, {best.pairs:,} pairs: read {best.read:.2f} s, ready "
            f"{best.ready:.2f} s, rows {best.rows:.2f} s, all {best.total:.2f} s; query {best.query * 1e6:.0f} us; peak {peak:.0f} MB"
        )


if __name__ == "__main__":
    main()
