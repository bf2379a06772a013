"""Doors from outside: for each way in, which workloads it leads to and from which addresses policies let it through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.intervals import WIDTHS
from thwart.network._services_access import Access
from thwart.network._services_addresses import EVERY, Addresses, joined, of_blocks, whole, within, without
from thwart.network._services_controllers import Carrier
from thwart.network._services_nouns import HostPort, Route, Service, ServicePort
from thwart.network.classes import HOST
from thwart.network.model import Endpoint
from thwart.network.services import Aim, Services

BY_CLIENT = "policies see the client's address"
BY_NODE = "policies see the client's address or a node's (externalTrafficPolicy: Cluster)"


class DoorPort(NamedTuple):
    """A port outside (0 is one that is not in the documents), and the pods' port that it leads to (0: any)."""

    outer: int
    protocol: str
    inner: int


class Verdict(NamedTuple):
    """Through a door: the addresses that are let in for certain, and those that may be.

    `open` is True when some are, None when some may be, False when none are. `why` says what the policies see.
    """

    open: bool | None
    sure: Addresses
    perhaps: Addresses
    why: str


class Door(Struct, frozen=True, kw_only=True):
    """A way in. `kind` is LoadBalancer, NodePort, ExternalIP, HostPort, HostNetwork, Ingress, Route or a route's kind.

    `opens` names the object that opens it, `at` its addresses or hosts, `through` the pods that carry the traffic.
    `workloads` are numbers of workloads in the `Exposure`.
    """

    kind: str
    opens: str
    at: tuple[str, ...]
    ports: tuple[DoorPort, ...]
    verdict: Verdict
    workloads: tuple[int, ...]
    path: str
    line: int
    service: str = ""
    through: str = ""


class _Way(NamedTuple):
    """One way in, before its ports are joined with others of the same verdict."""

    kind: str
    at: tuple[str, ...]
    bounds: Addresses


_Found = dict[tuple[Verdict, tuple[int, ...]], list[DoorPort]]


def judged(sure: Addresses, perhaps: Addresses, why: str) -> Verdict:
    """The verdict that sets of addresses make."""
    return Verdict(True if sure else None if perhaps else False, sure, perhaps, why)


class Doors:
    """Works out doors. Equal questions are answered once."""

    def __init__(self, access: Access, services: Services, workloads: dict[int, int]) -> None:
        self._access = access
        self._services = services
        self._workloads = workloads  # id(endpoint) -> number
        self._known: dict[tuple[object, ...], Verdict] = {}
        self._led: dict[tuple[object, ...], tuple[tuple[Verdict, int, tuple[int, ...]], ...]] = {}
        self._settled: dict[tuple[object, ...], tuple[tuple[Verdict, tuple[int, ...]], ...]] = {}

    def of_service(self, service: Service) -> Iterator[Door]:
        """Load balancer, node ports and external addresses of a service."""
        line = service.origin.line(("spec",))
        for way in _ways(service):
            found: _Found = {}
            for port in service.ports:
                outer = port.node if way.kind == "NodePort" else port.number
                self._through(service, port, way.bounds, outer, found)
            for (verdict, numbers), ports in found.items():
                yield Door(
                    kind=way.kind,
                    opens=service.what,
                    service=service.what,
                    at=way.at,
                    ports=tuple(dict.fromkeys(ports)),
                    verdict=verdict,
                    workloads=numbers,
                    path=service.origin.path,
                    line=line,
                )

    def _through(self, service: Service, port: ServicePort, bounds: Addresses, outer: int, found: _Found) -> None:
        by_port: dict[int, list[Aim]] = {}
        if isinstance(port.target, int) and self._services.groups(service).total and not service.headless:
            # every endpoint is reached at one port: what was answered for an equal one holds
            bit = self._access.bit(port.protocol, port.target)
            key = service.namespace, service.selector, bit, bounds, service.local
            if key not in self._settled:
                aims = self._services.behind(service, port).aims
                self._settled[key] = tuple(self._sorted(aims, bounds, local=service.local))
            for place in self._settled[key]:
                found.setdefault(place, []).append(DoorPort(outer, port.protocol, port.target))
            return
        for aim in self._services.behind(service, port).aims:
            by_port.setdefault(aim.port, []).append(aim)
        for inner, aims_there in sorted(by_port.items()):
            for place in self._sorted(aims_there, bounds, local=service.local):
                found.setdefault(place, []).append(DoorPort(outer, port.protocol, inner))

    def _sorted(
        self, aims: Iterable[Aim], bounds: Addresses, *, local: bool
    ) -> Iterator[tuple[Verdict, tuple[int, ...]]]:
        """The workloads behind a port by what holds for them."""
        found: dict[Verdict, set[int]] = {}
        for aim in aims:
            verdict = self._for_clients(aim.number, aim.protocol, aim.port, bounds, local=local)
            found.setdefault(verdict, set()).update(self._numbers(aim.endpoints))
        for verdict, numbers in found.items():
            if numbers:
                yield verdict, tuple(sorted(numbers))

    def _numbers(self, endpoints: Iterable[Endpoint]) -> Iterator[int]:
        for endpoint in endpoints:
            yield self._workloads[id(endpoint)]

    def _for_clients(self, number: int, protocol: str, port: int, bounds: Addresses, *, local: bool) -> Verdict:
        """What holds for clients outside; `bounds` are those that the door itself lets in."""
        bit = self._access.bit(protocol, port)
        key = number, bit, bounds, local
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._clients(number, bit, bounds, local=local)
        return found

    def _clients(self, number: int, bit: int, bounds: Addresses, *, local: bool) -> Verdict:
        if self._access.is_host(number):
            return judged(within(EVERY, bounds), (), "it is in its node's network, where no policy holds")
        sure: Addresses = ()
        perhaps: Addresses = ()
        said: dict[str, str] = {}
        for version in WIDTHS:
            if not self._access.has(number, version):
                continue
            every = within(whole(version), bounds)
            kept = within(self._access.allowed(number, bit, version), bounds)
            doubtful = within(self._access.doubtful(number, bit, version), bounds)
            if not local and every:
                node = self._access.from_nodes(number, bit, version)
                if node is not True or kept != every:
                    said[f"IPv{version}"] = _both_ways(kept, doubtful, every, node=node)
                kept, doubtful = _or_as_nodes(kept, doubtful, every, node=node)
            sure, perhaps = (*sure, *kept), (*perhaps, *doubtful)
        return judged(joined(sure), joined(perhaps), f"{BY_NODE}; {_together(said)}" if said else BY_CLIENT)

    def of_host_ports(self, ports: Iterable[HostPort]) -> Iterator[Door]:
        """Ports of pods that their nodes publish. The client's address is kept (the `portmap` plugin of CNI)."""
        found: dict[tuple[int, str, Verdict], dict[DoorPort, None]] = {}
        for port in ports:
            if port.address.startswith("127.") or port.address == "::1":
                continue  # the node alone can use it
            number = self._access.class_of(port.endpoint)
            verdict = self._for_clients(number, port.protocol, port.pod, EVERY, local=True)
            key = self._workloads[id(port.endpoint)], port.address, verdict
            found.setdefault(key, {})[DoorPort(port.host, port.protocol, port.pod)] = None
        for (workload, address, verdict), numbers in found.items():
            yield Door(
                kind="HostPort",
                opens="",
                at=(address or "every node that runs it",),
                ports=tuple(numbers),
                verdict=verdict,
                workloads=(workload,),
                path="",
                line=0,
            )

    def of_hosts(self) -> Iterator[Door]:
        """Workloads in the network of their nodes."""
        for number, one in enumerate(self._access.classes):
            if one.what == HOST and one.members:
                numbers = sorted({self._workloads[id(endpoint)] for endpoint in one.members})
                for each in numbers:
                    yield Door(
                        kind="HostNetwork",
                        opens="",
                        at=(f"Node/{one.node}",) if one.node else (),
                        ports=(),
                        verdict=self._for_clients(number, "TCP", 1, EVERY, local=True),
                        workloads=(each,),
                        path="",
                        line=0,
                    )

    def of_route(
        self, route: Route, service: Service, port: ServicePort, carrier: Carrier, line: int
    ) -> Iterator[Door]:
        """One backend of a route, reached from the pods that carry it out."""
        for verdict, inner, numbers in self._behind(service, port, carrier):
            yield Door(
                kind=route.kind,
                opens=route.what,
                service=service.what,
                at=route.hosts,
                ports=(DoorPort(port.number, port.protocol, inner),),
                verdict=verdict,
                workloads=numbers,
                path=route.origin.path,
                line=line,
                through=carrier.name,
            )

    def _behind(
        self, service: Service, port: ServicePort, carrier: Carrier
    ) -> tuple[tuple[Verdict, int, tuple[int, ...]], ...]:
        """The workloads behind a port by what holds for them; many routes lead to one service."""
        key = service.namespace, service.name, port, carrier
        known = self._led.get(key)
        if known is None:
            found: dict[tuple[Verdict, int], set[int]] = {}
            for aim in self._services.behind(service, port).aims:
                numbers = set(self._numbers(aim.endpoints))
                if numbers:
                    found.setdefault((self._carried(aim, carrier), aim.port), set()).update(numbers)
            known = self._led[key] = tuple((*place, tuple(sorted(numbers))) for place, numbers in found.items())
        return known

    def _carried(self, aim: Aim, carrier: Carrier) -> Verdict:
        bit = self._access.bit(aim.protocol, aim.port)
        key = aim.number, bit, carrier
        found = self._known.get(key)
        if found is None:
            opened = self._access.from_carrier(aim.number, bit, carrier.bits)
            sure, perhaps = (EVERY if opened else ()), (EVERY if opened is None else ())
            found = self._known[key] = Verdict(opened, sure, perhaps, "policies see the controller's address")
        return found


def _or_as_nodes(
    kept: Addresses, doubtful: Addresses, every: Addresses, *, node: bool | None
) -> tuple[Addresses, Addresses]:
    """Clients that are let in for certain, and that may be, when policies see either them or a node in their stead."""
    if node is True:
        return kept, without(every, kept)
    return (), every if node is None else joined((*kept, *doubtful))


def _both_ways(kept: Addresses, doubtful: Addresses, every: Addresses, *, node: bool | None) -> str:
    """What policies say to clients as they are, and to nodes in their stead."""
    clients = (
        "are let in"
        if kept == every
        else "are let in in part"
        if kept
        else "may be let in"
        if doubtful
        else "are denied"
    )
    nodes = {True: "nodes are let in", False: "nodes are denied", None: "whether nodes are is not known"}[node]
    return f"clients {clients}, {nodes}"


def _together(said: dict[str, str]) -> str:
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{family}: {text}" for family, text in said.items())


def _ways(service: Service) -> Iterator[_Way]:
    if service.type == "LoadBalancer":
        at = service.published or ("an address that the cloud gives",)
        if service.internal:
            at = (*at, "internal to the cloud's network")
        yield _Way("LoadBalancer", at, of_blocks(service.ranges) if service.ranges else EVERY)
    if service.node_ports:
        yield _Way("NodePort", ("every node",), EVERY)
    if service.external:
        yield _Way("ExternalIP", tuple(map(str, service.external)), EVERY)
