"""Small worlds for tests, written as YAML."""

from __future__ import annotations

import json
from typing import Any

from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.flows import Answers
from thwart.network.model import Answer, World
from thwart.network.world import read_world


def world_of(text: str, path: str = "w.yaml") -> World:
    return read_world([(path, text.encode())])


def left_out(text: str) -> list[tuple[str, int]]:
    """Why services and routes were left out, as the API server would refuse them, and on which lines."""
    world = world_of(text)
    assert world.refused == ()
    found = [one for one in world.diagnostics if one.slug == "refused-object"]
    return [(one.message, int(one.path.rpartition(":")[2])) for one in found]


class Asked:
    """A world that can be asked."""

    def __init__(self, text: str) -> None:
        self.world = world_of(text)
        assert self.world.refused == (), self.world.refused
        self.model = Model(self.world)
        self.directory = Directory(self.model)
        self._answers = Answers(self.model, self.directory)

    def answer(self, source: str, destination: str, port: int = 80, protocol: str = "TCP") -> Answer:
        """Ends are `namespace/pod` or addresses."""
        ends = []
        for text in (source, destination):
            namespace, slash, name = text.partition("/")
            ends.append(self.directory.pod(namespace, name) if slash else self.directory.ip(text))
        return judge(self.model, ends[0], ends[1], self.model.ports.bit(protocol, port))

    def allowed(self, source: str, destination: str, port: int = 80, protocol: str = "TCP") -> bool | None:
        return self.answer(source, destination, port, protocol).allowed

    def line(self, flow: dict[str, Any]) -> dict[str, Any]:
        written, _ = self._answers.line(json.dumps(flow).encode())
        found: dict[str, Any] = json.loads(written)
        return found


PODS = """
{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {team: red}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {team: blue}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec:
  nodeName: n1
  containers: [{ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}]
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a, labels: {app: db}}
spec: {containers: [{ports: [{name: http, containerPort: 9090}]}]}
status: {podIPs: [{ip: 10.0.1.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: b, labels: {app: web}}
spec: {containers: [{}]}
status: {podIPs: [{ip: 10.1.0.1}]}
"""


def policy(spec: str, name: str = "p", namespace: str = "a") -> str:
    return (
        f"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )


def cluster_policy(spec: str, name: str = "c") -> str:
    return (
        f"---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
        f"metadata: {{name: {name}}}\nspec: {spec}\n"
    )


def asked(*policies: str) -> Asked:
    return Asked(PODS + "".join(policies))
