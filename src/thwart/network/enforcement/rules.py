"""One rule of a policy as rules of nftables."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from thwart.lib.intervals import WIDTHS, Span, union
from thwart.network.enforcement.addresses import Seats, Spans, whole
from thwart.network.enforcement.names import digest
from thwart.network.enforcement.ruleset import (
    ACCEPT,
    GOTO,
    RETURN,
    Addresses,
    Counted,
    Doors,
    Elements,
    Family,
    In,
    Line,
    Logged,
    Services,
    Statement,
    Verdict,
)
from thwart.network.model import ALLOW, DENY, INGRESS, LAST_PORT, PROTOCOLS, Policy, PortMatch, Rule

REFUSE = "refuse"  # the chain that ends what is denied
_KINDS = {Addresses: "addresses", Services: "services", Doors: "doors"}


class Options(Struct, frozen=True, kw_only=True):
    """How a table is made. `deny` is `reject` or `drop`; `log_group` below 0 logs nothing.

    `hooks` are where packets are met: `forward` for containers among each other, `input` for their way to this host.
    """

    table: str = "thwart"
    deny: str = "reject"
    log_group: int = -1
    log_allowed: bool = False
    counters: bool = False
    hooks: tuple[str, ...] = ("forward", "input")


class Sets:
    """Named sets by content: equal ones are one."""

    def __init__(self) -> None:
        self.all: dict[str, Elements] = {}

    def use(self, elements: Elements) -> str:
        """The name of a set with these elements."""
        version = getattr(elements, "version", "")
        name = f"{_KINDS.get(type(elements), 'ways')}{version}_{digest(elements)}"
        self.all[name] = elements
        return name


class Writer:
    """Writes rules; `sets` collects what they refer to."""

    def __init__(self, seats: Seats, options: Options) -> None:
        self._seats = seats
        self.options = options
        self.sets = Sets()
        self._named = _named(seats)
        self._known_doors: dict[tuple[frozenset[tuple[str, str]], int], str] = {}

    def rule(self, policy: Policy, rule: Rule, direction: str) -> Iterator[Line]:
        """A rule of a policy. Where it is not sure whom it is about, it denies more and allows less."""
        if rule.doubt and rule.action != DENY:
            return
        comment = f"{title(policy)} {direction}[{rule.index}]"
        end = self.end(rule.action, direction, comment)
        peers = {version: self._peers(rule, version) for version in WIDTHS}
        services = _services(rule.ports)
        if services is None or services:
            ports = [In("service", 0, self.sets.use(Services(services)))] if services else []
            everyone = all(spans == whole(version) for version, spans in peers.items())
            for version, spans in ({0: ()} if everyone else peers).items():
                if everyone or spans:
                    yield Line((*self._from(direction, version, spans), *ports, *end), comment)
        for version, spans in peers.items():
            doors = self._doors(rule, version) if spans else ""
            if doors:
                yield Line((*self._from(direction, version, spans), In("door", version, doors), *end), comment)

    def end(self, action: str, direction: str, comment: str) -> list[Statement]:
        """What ends a rule: the action, counted and told as the options ask."""
        found: list[Statement] = [Counted()] if self.options.counters else []
        denies = action == DENY
        if self.options.log_group >= 0 and (denies or (self.options.log_allowed and action == ALLOW)):
            found.append(
                Logged(self.options.log_group, f"thwart {'deny' if denies else 'allow'} {direction} {comment} ")
            )
        verdict = {ALLOW: Verdict(ACCEPT), DENY: Verdict(GOTO, REFUSE)}.get(action, Verdict(RETURN))
        return [*found, verdict]

    def _peers(self, rule: Rule, version: int) -> Spans:
        if rule.peers is None:
            return whole(version)
        found = (self._seats.meant(peer, version) for peer in rule.peers)
        return tuple(union(span for meant in found for span in (meant.most if rule.action == DENY else meant.sure)))

    def _from(self, direction: str, version: int, spans: Spans) -> list[Statement]:
        if not version:
            return []
        if spans == whole(version):
            return [Family(version)]
        what = "source" if direction == INGRESS else "destination"
        return [In(what, version, self.sets.use(Addresses(version, spans)))]

    def _doors(self, rule: Rule, version: int) -> str:
        """The set of where named ports lead: those that the destinations themselves give the name to; or empty."""
        names = frozenset((port.name, port.protocol) for port in rule.ports or () if port.name)
        found = self._known_doors.get((names, version))
        if found is None:
            doors = {
                d for name, protocol in names for d in self._named.get((name, version), ()) if protocol in ("", d[1])
            }
            found = self.sets.use(Doors(version, tuple(sorted(doors)))) if doors else ""
            self._known_doors[names, version] = found
        return found


def _named(seats: Seats) -> dict[tuple[str, int], list[tuple[int, str, int]]]:
    """The doors of every port name and family. Pods alone have names for ports, and none in its host's network."""
    found: dict[tuple[str, int], list[tuple[int, str, int]]] = {}
    for seat in seats.all:
        for own in seat.endpoint.ports if seat.endpoint else ():
            for address in seat.addresses:
                found.setdefault((own.name, address.version), []).append((address.value, own.protocol, own.number))
    return found


def title(policy: Policy) -> str:
    """A policy as comments name it."""
    return f"{policy.kind} {policy.namespace}/{policy.name}" if policy.namespace else f"{policy.kind} {policy.name}"


def _services(ports: tuple[PortMatch, ...] | None) -> tuple[tuple[str, Span], ...] | None:
    """Numbered ports as spans of each protocol; None is everything, ICMP too."""
    if ports is None:
        return None
    spans: dict[str, list[Span]] = {protocol: [] for protocol in PROTOCOLS}
    for port in ports:
        if not port.name:
            all_of_it = (port.first, port.last) == (1, LAST_PORT)
            spans[port.protocol].append(Span(0 if all_of_it else port.first, port.last))
    return tuple((protocol, span) for protocol, found in spans.items() for span in union(found))
