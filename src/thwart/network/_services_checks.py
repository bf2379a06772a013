"""What is wrong with services, whatever policies say."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.finding import Diagnostic
from thwart.network._services_nouns import EXTERNAL_NAME, Service
from thwart.network._services_routes import problem
from thwart.network.services import Services


def check_services(services: Services) -> Iterator[Diagnostic]:
    """Services that select nothing, whose pods lack the port, or of which nobody knows what stands behind them."""
    for service in services.all:
        if service.type == EXTERNAL_NAME:
            continue
        if service.selector is None:
            yield from _without_selector(service, services)
        elif not services.groups(service).total:
            if services.is_written(service):
                continue
            message = f"{service.what} selects nothing that was read"
            hint = "compare its selector with the labels of the pods in its namespace"
            yield problem("service-selects-nothing", message, service.origin, ("spec", "selector"), hint)
        else:
            yield from _ports(service, services)


def _without_selector(service: Service, services: Services) -> Iterator[Diagnostic]:
    if service.ports and services.behind(service, service.ports[0]).doubt:
        message = f"{service.what} has no selector, and no EndpointSlice of it was read: what it leads to is not known"
        yield problem("endpoints-unknown", message, service.origin, ("spec",))


def _ports(service: Service, services: Services) -> Iterator[Diagnostic]:
    for index, port in enumerate(service.ports):
        pointer = ("spec", "ports", index, "targetPort")
        if service.headless and port.target != port.number and isinstance(port.target, int):
            message = (
                f"{service.what} is headless: its pods are dialled at port {port.number}, "
                f"targetPort {port.target} has no effect but in SRV records"
            )
            yield problem("headless-target-port", message, service.origin, pointer)
        if not isinstance(port.target, str) or service.headless:
            continue
        behind = services.behind(service, port)
        if not behind.aims:
            message = f"no pod that {service.what} selects has a {port.protocol} port called {port.target}"
            yield problem("target-port-missing", message, service.origin, pointer)
        elif behind.missing:
            message = (
                f"{behind.missing} of {services.groups(service).total} pods and workloads that {service.what} selects "
                f"have no {port.protocol} port called {port.target}: they get no traffic"
            )
            yield problem("target-port-missing", message, service.origin, pointer)
