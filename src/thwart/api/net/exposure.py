"""What is reachable from outside, and through which door; who reaches a service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from thwart.api._collector import no_collector
from thwart.api.net._load import Network
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.network.explain import Party
    from thwart.network.exposure import Exposure
    from thwart.network.services import Service, ServiceAnswer, ServiceReach, Services

EXPOSURE_FORMATS = ("text", "json", "csv", "markdown")


def services_of(network: Network) -> Services:
    """The services of a network, ready for questions."""
    from thwart.network.services import Services

    return Services(network.model, network.directory)


def expose(network: Network) -> Exposure:
    """Doors, openings and problems; see `thwart.network.exposure.Exposure`."""
    from thwart.network.exposure import build_exposure

    with no_collector():
        return build_exposure(network.model, services_of(network))


def write_exposure(network: Network, found: Exposure, name: str) -> str:
    """An exposure in a format.

    Raises:
        UsageError: there is no such format.
    """
    from thwart.network import _services_writing as writing

    if name == "json":
        return writing.json(found, network.diagnostics)
    written = {"text": writing.text, "csv": writing.csv, "markdown": writing.markdown}.get(name)
    if written is None:
        raise UsageError(f"there is no exposure format {name}", f"one of {', '.join(EXPOSURE_FORMATS)}")
    return written(found)


def find_service(services: Services, text: str) -> Service | None:
    """`namespace/svc/name`, `namespace/Service/name`, or an address of a service; None when the text is none of these.

    Raises:
        UsageError: there is no service of that name.
    """
    from thwart.network.explain import UnknownParty

    try:
        return services.find(text)
    except UnknownParty as error:
        raise UsageError(str(error), "name a service as namespace/svc/name") from None


def ask_service(
    network: Network, services: Services, source: Party, service: Service, protocol: str, port: int
) -> ServiceAnswer:
    """Whether a source reaches a port of a service: all of its endpoints, some, or none."""
    from thwart.network import services as room

    return room.ask_service(network.model, services, source, service, protocol, port)


def reach_service(network: Network, service: Service) -> Iterator[tuple[ServiceReach, dict[str, list[str]]]]:
    """Who reaches each port of a service: with each the workloads, nodes and addresses under `all`, `some`, `unknown`."""
    from thwart.network.exposure import classes_in_words
    from thwart.network.services import service_reach

    for reach in service_reach(network.model, services_of(network), service):
        sets = {"all": reach.every, "some": reach.some, "unknown": reach.unknown}
        yield reach, {state: classes_in_words(network.model, bits) for state, bits in sets.items()}
