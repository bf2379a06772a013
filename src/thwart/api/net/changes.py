"""The smallest changes that would turn the answer for one flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.api.net._load import Network

if TYPE_CHECKING:
    from thwart.network.changes import Changes
    from thwart.network.explain import Party
    from thwart.network.model import Endpoint


def find_changes(
    network: Network,
    source: Party,
    destination: Party,
    protocol: str,
    port: int,
    *,
    names: tuple[str, str] = ("", ""),
    most: int = 64,
) -> Changes:
    """The smallest changes that would allow a denied flow, or deny an allowed one; see `thwart.network.changes`.

    Args:
        network: what was read.
        source: one end; see `find_party`.
        destination: the other end.
        protocol: TCP, UDP or SCTP.
        port: its number.
        names: what the ends were called, where they are workloads of several pods: proposals take these as example.
        most: so many changes at most.
    """
    from thwart.network.changes import Finder

    shown = (_example(network, source, names[0]), _example(network, destination, names[1]))
    return Finder(network.model).find(source, destination, protocol, port, most, shown=shown)


def named_ports(network: Network, destination: Party, name: str, protocol: str = "") -> list[tuple[str, int]]:
    """The protocols and numbers that a port's name means at a destination; none where it has no such port."""
    one = network.model.classes[destination.number]
    members = (destination.endpoint,) if destination.endpoint is not None else one.members
    found = {
        (port.protocol, port.number)
        for member in members
        for port in member.ports
        if port.name == name and protocol in ("", port.protocol)
    }
    return sorted(found)


def _example(network: Network, party: Party, name: str) -> Endpoint | None:
    """A pod of the class that bears the name that was asked for."""
    namespace, _, inner = name.partition("/")
    for member in network.model.classes[party.number].members:
        called = {member.name, member.workload, member.workload.partition("/")[2], f"{member.kind}/{member.name}"}
        if member.namespace == namespace and inner in called:
            return member
    return None
