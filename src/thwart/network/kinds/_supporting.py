"""Core objects that policies of several APIs refer to: Service and ServiceAccount. Kept once, here, for all of them."""

from __future__ import annotations

import msgspec

from thwart.network.documents import Item
from thwart.network.kinds import Surroundings, supporting_kind
from thwart.network.kinds._parts import check_name


class ServicePort(msgspec.Struct, rename="camel"):
    """`spec.ports[]` of a Service. `target_port` is a number, the name of a container port, or not given: as `port`."""

    port: int | None = None
    target_port: int | str | None = None
    protocol: str | None = None
    name: str | None = None


class Service(msgspec.Struct, rename="camel"):
    """`spec` of a Service. Without a selector its endpoints are someone else's to write."""

    selector: dict[str, str | None] | None = None
    ports: list[ServicePort] | None = None
    type: str | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")


@supporting_kind("", "Service")
def service(item: Item) -> None:
    """Check the shape."""
    check_name(item, namespaced=True)
    item.spec(Service)


@supporting_kind("", "ServiceAccount")
def service_account(item: Item) -> None:
    """Check the name; nothing else of it matters to policies but its labels."""
    check_name(item, namespaced=True)


def services(around: Surroundings) -> dict[tuple[str, str], Service]:
    """The services by namespace and name."""
    return {(item.namespace, item.name): item.spec(Service) for item in around.items("", "Service")}


def accounts(around: Surroundings) -> dict[tuple[str, str], dict[str, str]]:
    """The labels of service accounts by namespace and name."""
    return {(item.namespace, item.name): item.labels for item in around.items("", "ServiceAccount")}
