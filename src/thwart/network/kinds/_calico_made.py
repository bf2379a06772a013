"""Rules of Calico policies in common terms.

What a rule says of the end that the policy protects cannot stand in its peers: it is handed back beside it (`Made.own`),
for a policy with a narrower subject.

Sources: projectcalico/calico, felix/calc/rule_scanner.go (what becomes an IP set), felix/rules/policy.go (how matches
add up).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from thwart.lib.intervals import Span, subtract, union
from thwart.network.kinds._calico_rules import ReadRule, Side
from thwart.network.kinds._calico_world import NOTHING, WHOLE, CalicoWorld
from thwart.network.kinds._supporting import Service, ServicePort
from thwart.network.model import (
    EGRESS,
    LAST_PORT,
    PROTOCOLS,
    AllOf,
    AnyOf,
    BlockPeer,
    Endpoint,
    Maybe,
    NamePeer,
    Not,
    Peer,
    PodPeer,
    PortMatch,
    Rule,
)
from thwart.network.selectors import Requirement

_ALL_PORTS = Span(1, LAST_PORT)


class Made(NamedTuple):
    """A rule, and what the protected end must be for it (None: nothing more than the policy asks)."""

    own: Peer | None
    rule: Rule


class _Ports(NamedTuple):
    """Ports that a rule is about (None is all), why it may not be, and whether only endpoints have them (names)."""

    found: tuple[PortMatch, ...] | None
    doubt: str = ""
    of_endpoints: bool = False


def make_rule(read: ReadRule, world: CalicoWorld) -> Iterator[Made]:
    """The rule, which may take several with one index; none when it never matches TCP, UDP or SCTP."""
    if not read.protocols or not read.families:
        return
    doubts = [f"the field {field} is not modelled" for field in read.unknown]
    if read.source_ports:
        doubts.append("it looks at source ports, which a connection may have or not")
    if read.other.domains and (read.other.nets or read.other.not_nets or read.other.wanted or read.other.unwanted):
        doubts.append("how domains add up with other matches is not known")
    if read.other.service is not None and read.direction == EGRESS:
        yield from _to_service(read, world, read.other.service, doubts)
        return
    for ports in _ports(read, world):
        yield _one(read, world, ports, _peers(read, world, of_endpoints=ports.of_endpoints), doubts)


def _one(read: ReadRule, world: CalicoWorld, ports: _Ports, peers: tuple[Peer, ...] | None, doubts: list[str]) -> Made:
    own = _end(read.own, read, world, of_endpoints=ports.of_endpoints and read.direction != EGRESS)
    rule = Rule(
        index=read.index,
        action=read.action,
        peers=peers,
        ports=ports.found,
        pointer=read.pointer,
        name=read.name,
        doubt="; ".join([*doubts, ports.doubt] if ports.doubt else doubts),
        note=read.note,
    )
    return Made(_joined(own), rule)


def _joined(peers: tuple[Peer, ...] | None) -> Peer | None:
    if peers is None:
        return None
    return peers[0] if len(peers) == 1 else AnyOf(peers)


# --- ends -------------------------------------------------------------------------------------------------------------


def _peers(read: ReadRule, world: CalicoWorld, *, of_endpoints: bool) -> tuple[Peer, ...] | None:
    """The other end; None is everyone."""
    found = _end(read.other, read, world, of_endpoints=of_endpoints and read.direction == EGRESS)
    return _in_family(found, read, world)


def _in_family(peers: tuple[Peer, ...] | None, read: ReadRule, world: CalicoWorld) -> tuple[Peer, ...] | None:
    """The same in the rule's address family, unless its own networks see to that."""
    if len(read.families) > 1 or read.other.nets or read.other.not_nets:
        return peers
    family = world.families[read.families[0]]
    return (family,) if peers is None else (AllOf((family, _joined(peers) or NOTHING)),)


def _end(side: Side, read: ReadRule, world: CalicoWorld, *, of_endpoints: bool) -> tuple[Peer, ...] | None:
    """One end: all that is asked of it. `of_endpoints` leaves the networks of network sets out."""
    names = side is read.other and read.direction == EGRESS
    parts: list[tuple[Peer, ...]] = []
    if side.wanted is not None:
        pods = world.pods(side.wanted)
        parts.append((pods,) if of_endpoints else world.members(side.wanted, names=names))
    if side.unwanted is not None:
        parts.append((Not(AnyOf(world.members(side.unwanted, names=names))),))
    if side.nets or side.not_nets:
        parts.append(tuple(_blocks(side, read.families)))
    if side.domains:
        parts.append((NamePeer(side.domains),))
    if side.service is not None:
        parts.append(_behind(side.service, world))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else (AllOf(tuple(_joined(part) or NOTHING for part in parts)),)


def _blocks(side: Side, families: tuple[int, ...]) -> Iterator[Peer]:
    for family in families:
        holes = tuple(sorted(block for block in side.not_nets if block.version == family))
        for base in [block for block in side.nets if block.version == family] or [WHOLE[family]]:
            yield BlockPeer(base, holes)


# --- ports ------------------------------------------------------------------------------------------------------------


def _ports(read: ReadRule, world: CalicoWorld) -> Iterator[_Ports]:
    """The ports of the destination: numbers, names, and what is taken off them."""
    side = read.destination
    if not side.ports and not side.not_ports:
        whole = read.protocols == PROTOCOLS
        yield _Ports(None if whole else tuple(PortMatch(protocol) for protocol in read.protocols))
        return
    (protocol,) = read.protocols
    named = tuple(port for port in side.ports if port.name)
    off = [Span(port.first, port.last) for port in side.not_ports if not port.name]
    on = [Span(port.first, port.last) for port in side.ports if not port.name] if side.ports else [_ALL_PORTS]
    spans = [left for span in union(on) for left in subtract(span, off)]
    # a name in notPorts takes off another number at each pod: whether a rule is about such a number is left open
    unsure = {number for port in side.not_ports if port.name for number in world.numbers(port.name, protocol)}
    points = [Span(number, number) for number in sorted(unsure)]
    called = {number for port in named for number in world.numbers(port.name, protocol)}
    clash = any(number in unsure or _within(number, off) for number in called)
    sure = [left for span in spans for left in subtract(span, points)]
    yield from _parts(read, world, _matches(protocol, sure), () if clash else named)
    why = "what a name in notPorts or ports stands for differs between pods"
    maybe = [point for point in points if _within(point.first, spans)]
    if maybe:
        yield _Ports(_matches(protocol, maybe), why)
    if clash:
        yield _Ports(named, why, of_endpoints=True)


def _within(number: int, spans: list[Span]) -> bool:
    return any(span.first <= number <= span.last for span in spans)


def _matches(protocol: str, spans: list[Span]) -> tuple[PortMatch, ...]:
    return tuple(PortMatch(protocol, span.first, span.last) for span in spans)


def _parts(
    read: ReadRule, world: CalicoWorld, numbers: tuple[PortMatch, ...], named: tuple[PortMatch, ...]
) -> Iterator[_Ports]:
    """Numbers and names together, unless the selector also holds networks, which have no named ports."""
    wanted = read.destination.wanted
    if numbers and named and (wanted is None or _only_pods(world, read)):
        yield _Ports((*numbers, *named))
        return
    if numbers:
        yield _Ports(numbers)
    if named:
        yield _Ports(named, of_endpoints=True)


def _only_pods(world: CalicoWorld, read: ReadRule) -> bool:
    wanted = read.destination.wanted
    return wanted is None or _joined(world.members(wanted, names=True)) == world.pods(wanted)


# --- services ---------------------------------------------------------------------------------------------------------


def _readable(name: tuple[str, str], world: CalicoWorld) -> Service | None:
    """A service whose endpoints follow from its document: it has a selector, or can have none."""
    service = world.services.get(name)
    return service if service is not None and (service.selector or service.type == "ExternalName") else None


def _labels(service: Service) -> dict[str, str]:
    return {key: value or "" for key, value in sorted((service.selector or {}).items())}


def _pods(service: Service, namespace: str) -> Peer:
    if service.type == "ExternalName":
        return NOTHING
    return PodPeer(tuple(Requirement(key, "In", (value,)) for key, value in _labels(service).items()), namespace)


def _behind(name: tuple[str, str], world: CalicoWorld) -> tuple[Peer, ...]:
    """The endpoints of a service; without its document, or a selector in it, anyone may be one."""
    service = _readable(name, world)
    if service is None:
        return (Maybe(AllOf(())),)
    hosts = [peer for _, peers in _on_hosts(service, name, world) for peer in peers]
    return (_pods(service, name[0]), *dict.fromkeys(hosts))


def _on_hosts(
    service: Service, name: tuple[str, str], world: CalicoWorld
) -> Iterator[tuple[Endpoint, tuple[Peer, ...]]]:
    return world.hosts_behind(name[0], _labels(service)) if service.type != "ExternalName" else iter(())


def _to_service(read: ReadRule, world: CalicoWorld, name: tuple[str, str], doubts: list[str]) -> Iterator[Made]:
    """An egress rule to a service: its endpoints on the ports that it forwards to (rule_scanner.go, DstIPPortSetIDs)."""
    service = _readable(name, world)
    if service is None:
        why = f"the endpoints of the service {'/'.join(name)} are not in these documents"
        everything = tuple(PortMatch(protocol) for protocol in read.protocols)
        yield _one(read, world, _Ports(everything, why), None, doubts)
        return
    found = tuple(port for written in service.ports or () for port in _targets(written, read.protocols))
    if found:
        yield _one(read, world, _Ports(found), _in_family((_pods(service, name[0]),), read, world), doubts)
    for endpoint, peers in _on_hosts(service, name, world):
        numbers = tuple(dict.fromkeys(number for port in found for number in _numbered(port, endpoint)))
        if numbers:
            yield _one(read, world, _Ports(numbers), _in_family(peers, read, world), doubts)


def _targets(written: ServicePort, protocols: tuple[str, ...]) -> Iterator[PortMatch]:
    protocol = written.protocol or "TCP"
    target = written.port if written.target_port in (None, 0, "") else written.target_port
    if protocol in protocols and isinstance(target, str):
        yield PortMatch(protocol, name=target)
    elif protocol in protocols and isinstance(target, int) and 1 <= target <= LAST_PORT:
        yield PortMatch(protocol, target, target)


def _numbered(port: PortMatch, endpoint: Endpoint) -> Iterator[PortMatch]:
    """A port of a pod in the host's network: its names are not looked up at hosts."""
    if not port.name:
        yield port
    for own in endpoint.ports:
        if own.name == port.name and own.protocol == port.protocol:
            yield PortMatch(own.protocol, own.number, own.number)
