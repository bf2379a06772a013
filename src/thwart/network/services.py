"""Services: what stands behind each of their ports, and who reaches it.

Policies see the ports of pods, after the service's address was rewritten (network-policies, "ports are pod ports"): a service
port is reachable as its target port is on each endpoint. All endpoints, some of them and none are told apart.
Source: kubernetes pkg/controller/endpointslice (selection), pkg/api/pod FindPort (named ports), pkg/proxy (which port is used).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from thwart.lib.intervals import Address, parse_address
from thwart.network._services_nouns import EXTERNAL_NAME, Service, ServicePort, Slice
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, UnknownParty, judge
from thwart.network.model import Answer, Endpoint
from thwart.network.selectors import Selector

__all__ = [
    "Aim",
    "Behind",
    "Service",
    "ServiceAnswer",
    "ServicePort",
    "ServiceReach",
    "Services",
    "ask_service",
    "service_reach",
]

ALL, SOME, NONE, UNKNOWN = "all", "some", "none", "unknown"
PREFIXES = ("svc/", "Service/", "service/", "services/")


class Aim(NamedTuple):
    """Endpoints behind a service that no policy tells apart, with the port at which they are reached.

    `endpoints` is empty where there is an address only.
    """

    number: int
    protocol: str
    port: int
    endpoints: tuple[Endpoint, ...] = ()
    address: Address | None = None

    @property
    def party(self) -> Party:
        """A destination for `judge`. A pod that reaches itself through a service is subject to policies."""
        return Party(self.number, None, self.address)

    @property
    def size(self) -> int:
        """How many endpoints it stands for."""
        return len(self.endpoints) or 1


class Behind(NamedTuple):
    """What stands behind a port of a service. `missing` counts pods without a port of the target's name.

    `doubt` says why it is not known what stands there; it is empty where it is.
    """

    aims: tuple[Aim, ...]
    missing: int = 0
    doubt: str = ""


class Groups(NamedTuple):
    """The pods that a selector selects: by class, and by the first port that bears each name."""

    total: int
    by_class: tuple[tuple[int, tuple[Endpoint, ...]], ...]
    by_name: dict[tuple[str, str], tuple[tuple[int, int, tuple[Endpoint, ...]], ...]]


class Services:
    """The services of a world, ready for questions. Equal selectors are worked out once."""

    def __init__(self, model: Model, directory: Directory) -> None:
        self._model = model
        self._directory = directory
        self.all = model.world.doors.services
        self._by_name = {(one.namespace, one.name): one for one in self.all}
        self._by_address = {address: one for one in reversed(self.all) for address in (*one.addresses, *one.external)}
        self._slices: dict[tuple[str, str], list[Slice]] = {}
        for found in model.world.doors.slices:
            self._slices.setdefault((found.namespace, found.service), []).append(found)
        self._labelled = _labelled(model.world.endpoints, self.all)
        self._groups: dict[tuple[str, Selector], Groups] = {}

    def get(self, namespace: str, name: str) -> Service | None:
        """A service by its name."""
        return self._by_name.get((namespace, name))

    def find(self, text: str) -> Service | None:
        """`namespace/svc/name`, `namespace/Service/name`, or an address that a service has; None for anything else.

        Raises:
            UnknownParty: there is no service of that name.
        """
        namespace, slash, rest = text.partition("/")
        if not slash:
            try:
                return self._by_address.get(parse_address(text))
            except ValueError:
                return None
        for prefix in PREFIXES:
            if rest.startswith(prefix):
                name = rest.removeprefix(prefix)
                if (namespace, name) not in self._by_name:
                    raise UnknownParty(f"there is no service {namespace}/{name}")
                return self._by_name[namespace, name]
        return None

    def groups(self, service: Service) -> Groups:
        """The pods that a service selects."""
        if service.selector is None:
            return Groups(0, (), {})
        key = service.namespace, service.selector
        found = self._groups.get(key)
        if found is None:
            found = self._groups[key] = self._grouped(self._selected(*key))
        return found

    def _selected(self, namespace: str, selector: Selector) -> list[Endpoint]:
        """A service's selector only has equalities (core/v1 types.go): the rarest label goes first."""
        wanted = [(one.key, one.values[0]) for one in selector]
        rarest = min((self._labelled.get((namespace, *pair), []) for pair in wanted), key=len)
        return [one for one in rarest if all(one.labels.get(key) == value for key, value in wanted)]

    def _grouped(self, endpoints: list[Endpoint]) -> Groups:
        by_class: dict[int, list[Endpoint]] = {}
        by_name: dict[tuple[str, str], dict[tuple[int, int], list[Endpoint]]] = {}
        for endpoint in endpoints:
            number = self._model.partition.of_endpoint[id(endpoint)]
            by_class.setdefault(number, []).append(endpoint)
            met: set[tuple[str, str]] = set()
            for port in endpoint.ports:
                if (port.name, port.protocol) not in met:  # the first of a name is the one (FindPort)
                    met.add((port.name, port.protocol))
                    there = by_name.setdefault((port.name, port.protocol), {})
                    there.setdefault((number, port.number), []).append(endpoint)
        return Groups(
            len(endpoints),
            tuple((number, tuple(found)) for number, found in by_class.items()),
            {
                name: tuple((number, port, tuple(found)) for (number, port), found in there.items())
                for name, there in by_name.items()
            },
        )

    def behind(self, service: Service, port: ServicePort) -> Behind:
        """What stands behind one port of a service."""
        if service.type == EXTERNAL_NAME:
            return Behind((), doubt=f"it leads to the name {service.external_name}, whose addresses are not known")
        groups = self.groups(service)
        if service.selector is None or (not groups.total and self.is_written(service)):
            return self._written(service, port)
        if service.headless:
            return Behind(tuple(Aim(number, port.protocol, port.number, found) for number, found in groups.by_class))
        if isinstance(port.target, str):
            named = groups.by_name.get((port.target, port.protocol), ())
            aims = tuple(Aim(number, port.protocol, at, found) for number, at, found in named)
            return Behind(aims, groups.total - sum(aim.size for aim in aims))
        target = port.target
        return Behind(tuple(Aim(number, port.protocol, target, found) for number, found in groups.by_class))

    def is_written(self, service: Service) -> bool:
        """Whether an Endpoints or EndpointSlice of a service was read."""
        return (service.namespace, service.name) in self._slices

    def _written(self, service: Service, port: ServicePort) -> Behind:
        """Of a service without a selector, or whose pods were not read, what its Endpoints and EndpointSlices say."""
        slices = self._slices.get((service.namespace, service.name))
        if not slices:
            return Behind((), doubt="it has no selector, and no EndpointSlice of it was read")
        aims: dict[tuple[int, int, Address], Aim] = {}
        for one in slices:
            for written in one.ports:
                if written.name != port.name or written.protocol != port.protocol:
                    continue
                for address in one.addresses:
                    party = self._directory.ip(str(address))
                    number = written.number or (port.number if isinstance(port.target, str) else port.target)
                    found = (party.endpoint,) if party.endpoint else ()
                    aims[party.number, number, address] = Aim(party.number, port.protocol, number, found, address)
        return Behind(tuple(aims.values()))

    def port(self, service: Service, protocol: str, number: int) -> ServicePort | None:
        """The port of a service that connections to a number use. A headless service takes any: its pods are dialled."""
        for port in service.ports:
            if (port.protocol, port.number) == (protocol, number):
                return port
        return ServicePort("", protocol, number, number) if service.headless else None


def _labelled(endpoints: Iterable[Endpoint], services: Iterable[Service]) -> dict[tuple[str, str, str], list[Endpoint]]:
    """Endpoints by namespace and by each label that some service there selects."""
    wanted = {(one.namespace, part.key, part.values[0]) for one in services for part in one.selector or ()}
    keys: dict[str, set[str]] = {}
    for namespace, key, _ in wanted:
        keys.setdefault(namespace, set()).add(key)
    found: dict[tuple[str, str, str], list[Endpoint]] = {}
    for endpoint in endpoints:
        for key in keys.get(endpoint.namespace, ()):
            place = endpoint.namespace, key, endpoint.labels.get(key, "\0")
            if place in wanted:
                found.setdefault(place, []).append(endpoint)
    return found


class ServiceAnswer(Struct, frozen=True, kw_only=True):
    """Whether a source reaches a service: `all` of its endpoints, `some` of them, `none`, or `unknown`.

    `reached`, `denied` and `unknown` count endpoints. `each` has the answer of every group of endpoints. `note` says why
    there is nothing to reach, where that is so.
    """

    state: str
    reached: int = 0
    denied: int = 0
    unknown: int = 0
    each: tuple[tuple[Aim, Answer], ...] = ()
    note: str = ""

    @property
    def allowed(self) -> bool | None:
        """True for all endpoints, False for none; None where it depends on the endpoint, or is unknown."""
        return {ALL: True, NONE: False}.get(self.state)


def ask_service(
    model: Model, services: Services, source: Party, service: Service, protocol: str, number: int
) -> ServiceAnswer:
    """Whether a source reaches a port of a service, through which endpoints, and why."""
    port = services.port(service, protocol, number)
    if port is None:
        return ServiceAnswer(state=NONE, note=f"{service.what} has no port {protocol} {number}")
    behind = services.behind(service, port)
    if behind.doubt:
        return ServiceAnswer(state=UNKNOWN, note=f"{service.what}: {behind.doubt}")
    each = tuple((aim, judge(model, source, aim.party, model.ports.bit(aim.protocol, aim.port))) for aim in behind.aims)
    counts = {True: 0, False: 0, None: 0}
    for aim, answer in each:
        counts[answer.allowed] += aim.size
    note = "" if each else nothing_behind(service, port, services)
    return ServiceAnswer(
        state=_state(counts[True], counts[False], counts[None]),
        reached=counts[True],
        denied=counts[False],
        unknown=counts[None],
        each=each,
        note=note,
    )


def nothing_behind(service: Service, port: ServicePort, services: Services) -> str:
    """Why no endpoint stands behind a port."""
    if services.groups(service).total:
        return f"no pod that {service.what} selects has a port {port.target} for {port.protocol}"
    return f"nothing that was read stands behind {service.what}"


def _state(reached: int, denied: int, unknown: int) -> str:
    if reached and not denied and not unknown:
        return ALL
    if reached:
        return SOME
    return UNKNOWN if unknown else NONE


class ServiceReach(Struct, frozen=True, kw_only=True):
    """Who reaches a port of a service, as sets of classes: `every` endpoint, `some` of them for certain, or `unknown`.

    The sets do not overlap. `endpoints` counts what stands behind the port.
    """

    port: ServicePort
    endpoints: int
    every: int
    some: int
    unknown: int
    doubt: str = ""


def service_reach(model: Model, services: Services, service: Service) -> tuple[ServiceReach, ...]:
    """Who reaches each port of a service."""
    rows: dict[tuple[int, int], tuple[int, int]] = {}
    found = []
    for port in service.ports:
        behind = services.behind(service, port)
        every, some, unknown = (model.planes[4].everyone if behind.aims else 0), 0, 0
        for number, bit in {(aim.number, model.ports.bit(aim.protocol, aim.port)) for aim in behind.aims}:
            if (number, bit) not in rows:
                rows[number, bit] = sources(model, number, bit)
            allow, deny = rows[number, bit]
            every &= allow
            some |= allow
            unknown |= ~(allow | deny) & model.planes[4].everyone
        found.append(
            ServiceReach(
                port=port,
                endpoints=sum(aim.size for aim in behind.aims),
                every=every,
                some=some & ~every,
                unknown=unknown & ~some,
                doubt=behind.doubt or ("" if behind.aims else nothing_behind(service, port, services)),
            )
        )
    return tuple(found)


def sources(model: Model, destination: int, bit: int) -> tuple[int, int]:
    """The classes that reach a destination on one piece of the ports, and those that do not."""
    for ports, allow, deny in model.row(destination):
        if ports & bit:
            return allow, deny
    return 0, 0
