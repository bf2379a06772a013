"""Endpoints out of pods and workloads: what carries labels, ports and addresses."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import msgspec

from thwart.lib.intervals import Address, parse_address
from thwart.network.documents import Item, Meta, labels_of
from thwart.network.model import NOT_INJECTED, PROTOCOLS, ContainerPort, Endpoint, Node
from thwart.network.selectors import Invalid, check_key, check_value


class _Port(msgspec.Struct, rename="camel"):
    container_port: int | None = None
    name: str | None = None
    protocol: str | None = None


class _Container(msgspec.Struct, rename="camel"):
    ports: list[_Port] | None = None
    restart_policy: str | None = None


class _PodSpec(msgspec.Struct, rename="camel"):
    node_name: str | None = None
    host_network: bool | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None


class _Ip(msgspec.Struct):
    ip: str | None = None


class _PodStatus(msgspec.Struct, rename="camel"):
    phase: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    pod_ips: list[_Ip] | None = msgspec.field(default=None, name="podIPs")
    host_ip: str | None = msgspec.field(default=None, name="hostIP")


class _Template(msgspec.Struct):
    metadata: Meta | None = None
    spec: _PodSpec | None = None


class _WorkloadSpec(msgspec.Struct):
    template: _Template | None = None


class _JobTemplate(msgspec.Struct):
    spec: _WorkloadSpec | None = None


class _CronSpec(msgspec.Struct, rename="camel"):
    job_template: _JobTemplate | None = None


class _NodeAddress(msgspec.Struct):
    type: str | None = None
    address: str | None = None


class _NodeStatus(msgspec.Struct):
    addresses: list[_NodeAddress] | None = None


WORKLOADS = frozenset(
    {
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "ReplicationController",
        "DeploymentConfig",
    }
)
FINISHED = ("Succeeded", "Failed")
_INJECT = "sidecar.istio.io/inject"


def pod(item: Item) -> tuple[Endpoint, bool]:
    """A pod, and whether it has finished: its address may be someone else's by now (its status says so)."""
    spec = item.spec(_PodSpec)
    status = item.status(_PodStatus) or _PodStatus()
    labels = _checked_labels(item.meta, ("metadata", "labels"))
    endpoint = Endpoint(
        namespace=item.namespace,
        kind="Pod",
        name=item.name,
        workload=_workload(item, labels),
        labels=labels,
        ports=_ports(spec),
        addresses=_addresses(status),
        host_network=bool(spec.host_network),
        node=spec.node_name or "",
        account=spec.service_account_name or spec.service_account or "default",
        single=True,
    )
    return endpoint, status.phase in FINISHED


def workload(item: Item) -> Endpoint:
    """The pods that a workload makes, as one endpoint."""
    if item.kind == "CronJob":
        job = item.spec(_CronSpec).job_template
        template = job.spec.template if job and job.spec else None
        pointer: tuple[str | int, ...] = ("spec", "jobTemplate", "spec", "template", "metadata", "labels")
    else:
        template = item.spec(_WorkloadSpec).template
        pointer = ("spec", "template", "metadata", "labels")
    template = template or _Template()
    spec = template.spec or _PodSpec()
    return Endpoint(
        namespace=item.namespace,
        kind=item.kind,
        name=item.name,
        workload=f"{item.kind}/{item.name}",
        labels=_checked_labels(template.metadata, pointer),
        ports=_ports(spec),
        host_network=bool(spec.host_network),
        node=spec.node_name or "",
        account=spec.service_account_name or spec.service_account or "default",
        everywhere=item.kind == "DaemonSet",
    )


def node(item: Item) -> Node:
    """A node and its addresses."""
    status = item.status(_NodeStatus) or _NodeStatus()
    texts = [a.address for a in status.addresses or () if a.type in ("InternalIP", "ExternalIP")]
    return Node(name=item.name, labels=item.labels, addresses=tuple(_parsed(texts)))


def owner(item: Item) -> tuple[str, str] | None:
    """Kind and name of the controller that made the object."""
    for one in item.meta.owner_references or ():
        if one.controller and one.kind and one.name:
            return one.kind, one.name
    return None


def _workload(item: Item, labels: dict[str, str]) -> str:
    made_by = owner(item)
    if made_by is None or made_by[0] == "Node":  # the mirror of a static pod belongs to its machine
        return f"Pod/{item.name}"
    kind, name = made_by
    suffix = "-" + labels.get("pod-template-hash", "")
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return f"Deployment/{name.removesuffix(suffix)}"  # a Deployment names its ReplicaSets so
    return f"{kind}/{name}"


def _checked_labels(meta: Meta | None, pointer: tuple[str | int, ...]) -> dict[str, str]:
    labels = _checked(tuple(labels_of(meta).items()), pointer)
    if meta is not None and meta.annotations and _INJECT not in labels and meta.annotations.get(_INJECT) == "false":
        return {**labels, NOT_INJECTED: "false"}
    return labels


@functools.lru_cache(maxsize=1 << 14)
def _checked(labels: tuple[tuple[str, str], ...], pointer: tuple[str | int, ...]) -> dict[str, str]:
    """The labels, one object for equal ones: replicas share theirs."""
    for key, value in labels:
        check_key(key, (*pointer, key))
        check_value(value, (*pointer, key))
    return dict(labels)


@functools.lru_cache(maxsize=1 << 12)
def _port(name: str, protocol: str, number: int) -> ContainerPort:
    if protocol not in PROTOCOLS or not 1 <= number <= 65535:
        raise Invalid(("spec",), f"the container port {name!r} has no valid number or protocol")
    return ContainerPort(name, protocol, number)


def _ports(spec: _PodSpec) -> tuple[ContainerPort, ...]:
    # an unnamed port changes nothing
    return tuple(
        _port(port.name, port.protocol or "TCP", port.container_port or 0)
        for container in _running(spec)
        for port in container.ports or ()
        if port.name
    )


def _running(spec: _PodSpec) -> Iterator[_Container]:
    """Containers that run with the pod: sidecars are init containers that restart always (KEP-753)."""
    yield from spec.containers or ()
    for container in spec.init_containers or ():
        if container.restart_policy == "Always":
            yield container


def _addresses(status: _PodStatus) -> tuple[Address, ...]:
    texts = [one.ip for one in status.pod_ips or ()] or [status.pod_ip]
    return tuple(_parsed(texts))


def _parsed(texts: list[str | None]) -> Iterator[Address]:
    for text in texts:
        if text:
            try:
                yield parse_address(text)
            except ValueError:
                continue  # a status is written by the kubelet; what is no address cannot be matched
