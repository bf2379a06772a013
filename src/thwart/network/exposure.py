"""What is open to the outside, and through which door; who can reach the internet; who else could come."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from thwart.core.finding import Diagnostic
from thwart.lib.bitsets import members
from thwart.network._services_access import Access
from thwart.network._services_addresses import of_classes, words
from thwart.network._services_checks import check_services
from thwart.network._services_controllers import Carriers
from thwart.network._services_doors import Door, Doors
from thwart.network._services_nouns import EXTERNAL_NAME
from thwart.network._services_openings import Opening, Openings, Stranger
from thwart.network._services_routes import Led, Routes, problem
from thwart.network._services_strangers import with_strangers
from thwart.network.classes import POD
from thwart.network.engine import Model
from thwart.network.services import Services

__all__ = ["Door", "Exposure", "Opening", "Stranger", "Workload", "build_exposure", "words"]


class Workload(Struct, frozen=True, kw_only=True):
    """A workload, or a pod that nothing made.

    `what` is `pod` or `host`. `direct` is what policies let in from outside to the pods' own addresses, whether or not
    these can be reached; `internet` what they let out; `strangers` which pods that were not read reach it. `doors` are
    numbers in the `Exposure`. `uneven` says that these do not hold for each of its pods, but for one or another.
    `open` sums up the doors: True when one is open, None when one may be.
    """

    namespace: str
    name: str
    what: str
    pods: int
    open: bool | None
    doors: tuple[int, ...]
    direct: tuple[Opening, ...]
    internet: tuple[Opening, ...]
    strangers: tuple[Stranger, ...]
    uneven: bool = False

    @property
    def label(self) -> str:
        """Namespace, kind and name."""
        return f"{self.namespace}/{self.name}"


class Exposure(Struct, frozen=True, kw_only=True):
    """The exposure of a world. `problems` are what is wrong with services and routes, or not modelled."""

    workloads: tuple[Workload, ...]
    doors: tuple[Door, ...]
    problems: tuple[Diagnostic, ...]
    model: Model

    @property
    def unknown(self) -> bool:
        """Whether nobody can tell of some door if it is open."""
        return any(door.verdict.open is None for door in self.doors)


def build_exposure(model: Model, services: Services) -> Exposure:
    """Work everything out."""
    strangers = with_strangers(model)
    access = Access(model, strangers)
    places = sorted({(one.namespace, one.workload) for one in model.world.endpoints})
    numbers = {place: number for number, place in enumerate(places)}
    of_endpoint = {id(one): numbers[one.namespace, one.workload] for one in model.world.endpoints}
    problems: list[Diagnostic] = [*model.world.doors.problems, *check_services(services)]
    doors = tuple(_doors(model, services, Doors(access, services, of_endpoint), problems))
    openings = Openings(model, access, strangers)
    if strangers.left_out:
        problems.append(
            Diagnostic(
                slug="too-many-selectors",
                message=f"{strangers.left_out} selectors that match nothing are not listed among pods that were not read",
                incomplete=False,
            )
        )
    workloads = tuple(_workloads(model, places, of_endpoint, doors, openings))
    return Exposure(workloads=workloads, doors=doors, problems=tuple(dict.fromkeys(problems)), model=model)


def _doors(model: Model, services: Services, doors: Doors, problems: list[Diagnostic]) -> Iterator[Door]:
    yield from doors.of_hosts()
    for service in services.all:
        yield from doors.of_service(service)
    yield from doors.of_host_ports(model.world.doors.host_ports)
    for found in Routes(model.world, services, Carriers(model)).follow():
        if isinstance(found, Diagnostic):
            problems.append(found)
            continue
        if found.service.type == EXTERNAL_NAME:
            message = (
                f"{found.route.what} leads to {found.service.what}, a name outside: what is behind it is not known"
            )
            problems.append(problem("endpoints-unknown", message, found.route.origin, found.pointer))
        yield from _route(found, doors, problems)


def _route(led: Led, doors: Doors, problems: list[Diagnostic]) -> Iterator[Door]:
    line = led.route.origin.line(led.pointer)
    found = [door for port in led.ports for door in doors.of_route(led.route, led.service, port, led.carrier, line)]
    if found and all(door.verdict.open is False for door in found):
        message = f"{led.service.what} is cut off from {led.carrier.name}, which carries {led.route.what}: no endpoint lets it in"
        problems.append(problem("controller-cut-off", message, led.route.origin, led.pointer))
    yield from found


def _workloads(
    model: Model,
    places: list[tuple[str, str]],
    of_endpoint: dict[int, int],
    doors: tuple[Door, ...],
    openings: Openings,
) -> Iterator[Workload]:
    led_to: dict[int, list[int]] = {}
    for number, door in enumerate(doors):
        for workload in door.workloads:
            led_to.setdefault(workload, []).append(number)
    classes: dict[int, dict[int, None]] = {}
    pods: dict[int, int] = {}
    for endpoint in model.world.endpoints:
        workload = of_endpoint[id(endpoint)]
        classes.setdefault(workload, {})[model.partition.of_endpoint[id(endpoint)]] = None
        pods[workload] = pods.get(workload, 0) + 1
    for workload, (namespace, name) in enumerate(places):
        own = list(classes[workload])
        facts = [openings.of(number) for number in own]
        first = facts[0]
        uneven = any(fact != first for fact in facts[1:])
        opens = [doors[number].verdict.open for number in led_to.get(workload, ())]
        yield Workload(
            namespace=namespace,
            name=name,
            what=POD if any(model.classes[number].what == POD for number in own) else "host",
            pods=pods[workload],
            open=True if True in opens else None if None in opens else False,
            doors=tuple(led_to.get(workload, ())),
            direct=tuple(dict.fromkeys(one for fact in facts for one in fact.direct)),
            internet=tuple(dict.fromkeys(one for fact in facts for one in fact.internet)),
            strangers=tuple(dict.fromkeys(one for fact in facts for one in fact.strangers)),
            uneven=uneven,
        )


def classes_in_words(model: Model, bits: int) -> list[str]:
    """A set of classes, as people know them: workloads, nodes, addresses."""
    outside = model.planes[4].index.outside
    names: dict[str, None] = {}
    for number in members(bits & ~outside):
        one = model.classes[number]
        if not one.members:
            names[f"Node/{one.node}"] = None
        for endpoint in one.members:
            names[f"{endpoint.namespace}/{endpoint.workload}"] = None
    return [*sorted(names), *words(of_classes(model.classes, bits & outside))]
