"""Rules of Calico policies, read and checked.

Sources: projectcalico/calico, libcalico-go/lib/validator/v3 (what is refused), updateprocessors/rules.go (the selectors
of one side become one), felix/calc/rule_scanner.go (negated ones are taken off the positive ones),
felix/rules/policy.go (address families).
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from thwart.lib.intervals import Block
from thwart.network.kinds._calico_selectors import (
    ACCOUNT,
    IN,
    NAMESPACE,
    OF_ACCOUNT,
    OF_NAMESPACE,
    Expression,
    Test,
    Unless,
    both,
    grounded,
    mentions_global,
    parse,
    prefixed,
)
from thwart.network.kinds._calico_spec import (
    WITH_PORTS,
    Entity,
    Http,
    RuleSpec,
    ServiceMatch,
    check_http,
    check_icmp,
    network,
    ports,
    protocol_number,
)
from thwart.network.kinds._calico_world import WHOLE
from thwart.network.model import (
    ALLOW,
    DENY,
    INGRESS,
    PASS,
    Pointer,
    PortMatch,
)
from thwart.network.selectors import Invalid, shown

_ACTIONS = {"Allow": ALLOW, "Deny": DENY, "Pass": PASS, "Log": ""}
_SIDES = ("source", "destination")


class Scope(NamedTuple):
    """Where a rule stands: the policy's namespace (empty for a global one), and whether it is in its stored form."""

    namespace: str
    direction: str
    stored: bool


class Side(Struct, frozen=True):
    """One end of a connection, read: the endpoints that it may be, those that it may not, its networks."""

    wanted: Expression | None
    unwanted: Expression | None
    nets: tuple[Block, ...]
    not_nets: tuple[Block, ...]
    service: tuple[str, str] | None
    domains: tuple[str, ...]
    ports: tuple[PortMatch, ...]
    not_ports: tuple[PortMatch, ...]


class ReadRule(Struct, frozen=True):
    """A rule, checked. `protocols` are those of the three with ports that it is about."""

    index: int
    action: str
    direction: str
    pointer: Pointer
    protocols: tuple[str, ...]
    families: tuple[int, ...]
    own: Side
    other: Side
    destination: Side
    source_ports: bool
    name: str
    note: str
    unknown: tuple[str, ...]


def read_rule(written: RuleSpec, index: int, scope: Scope, unknown: tuple[str, ...]) -> ReadRule | None:
    """A rule, checked; None when it decides nothing (Log). `unknown` are fields that are not read."""
    pointer: Pointer = ("spec", scope.direction, index)
    if written.action not in _ACTIONS:
        raise Invalid((*pointer, "action"), f"the action {shown(str(written.action))} is not {', '.join(_ACTIONS)}")
    protocol = protocol_number(written.protocol, (*pointer, "protocol"), stored=scope.stored)
    not_protocol = protocol_number(written.not_protocol, (*pointer, "notProtocol"), stored=scope.stored)
    if written.ip_version not in (None, 4, 6):
        raise Invalid((*pointer, "ipVersion"), f"the IP version {written.ip_version} is not 4 or 6")
    _check_icmp(written, protocol, not_protocol, pointer)
    _check_http(written, protocol, pointer, scope)
    sides = {
        name: _side(getattr(written, name) or Entity(), protocol, (*pointer, name), name, written.action, scope)
        for name in _SIDES
    }
    own, other = ("destination", "source") if scope.direction == INGRESS else ("source", "destination")
    families = _families(written.ip_version, sides, pointer, scope)
    named = protocol is None and bool(sides["destination"].ports or sides["destination"].not_ports)
    annotations = (written.metadata.annotations if written.metadata else None) or {}
    made = ReadRule(
        index=index,
        action=_ACTIONS[written.action],
        direction=scope.direction,
        pointer=pointer,
        # a name without a protocol is one of TCP (rule_scanner.go, namedPortProto)
        protocols=_protocols(6 if named else protocol, not_protocol),
        families=families,
        own=sides[own],
        other=sides[other],
        destination=sides["destination"],
        source_ports=bool(sides["source"].ports or sides["source"].not_ports),
        name=annotations.get("name") or "",
        note=_note(written.http),
        unknown=unknown,
    )
    return made if made.action else None


def _protocols(protocol: int | None, not_protocol: int | None) -> tuple[str, ...]:
    return tuple(name for number, name in WITH_PORTS.items() if protocol in (None, number) and number != not_protocol)


def _check_icmp(written: RuleSpec, protocol: int | None, not_protocol: int | None, pointer: Pointer) -> None:
    check_icmp(written.icmp, protocol, (*pointer, "icmp"), needs_protocol=True)
    check_icmp(written.not_icmp, protocol, (*pointer, "notICMP"), needs_protocol=False)
    for number, version in ((1, 4), (58, 6)):
        if number in (protocol, not_protocol) and written.ip_version not in (None, version):
            name = "ICMP" if version == 4 else "ICMPv6"
            raise Invalid((*pointer, "ipVersion"), f"the IP version must be {version} with the protocol {name}")


def _check_http(written: RuleSpec, protocol: int | None, pointer: Pointer, scope: Scope) -> None:
    if written.http is None:
        return
    if protocol not in (None, 6):
        raise Invalid((*pointer, "protocol"), "a rule with http must have the protocol TCP or none")
    if written.action != "Allow":
        raise Invalid((*pointer, "http"), "http is only for rules that Allow")
    if scope.direction != INGRESS:
        raise Invalid((*pointer, "http"), "http is not for egress rules")
    check_http(written.http, (*pointer, "http"))


def _note(http: Http | None) -> str:
    """What a rule asks of HTTP: the network lets every connection through, a proxy beside the pod refuses the rest."""
    if http is None:
        return ""
    paths = [f"{path.exact}" if path.exact else f"{path.prefix}*" for path in http.paths or ()]
    asked = [("methods", http.methods or []), ("paths", paths)]
    return "HTTP" + ";".join(f" {what} {', '.join(values)}" for what, values in asked if values)


def _side(written: Entity, protocol: int | None, pointer: Pointer, name: str, action: str | None, scope: Scope) -> Side:
    service = _service(written, pointer, name, scope)
    if written.domains and not (name == "destination" and scope.direction != INGRESS and action == "Allow"):
        raise Invalid((*pointer, "domains"), "domains are only for the destination of egress rules that Allow")
    for field, listed in (("ports", written.ports), ("notPorts", written.not_ports)):
        numeric = any(isinstance(port, int) or not any(c.isalpha() for c in port) for port in listed or ())
        if listed and protocol not in WITH_PORTS and not (protocol is None and not numeric):
            raise Invalid((*pointer, field), "a rule with ports must have the protocol TCP, UDP or SCTP")
    spoken = WITH_PORTS.get(protocol or 6, "TCP")
    wanted, unwanted = _selectors(written, pointer, scope)
    return Side(
        wanted=wanted,
        unwanted=unwanted,
        nets=_networks(written.nets, (*pointer, "nets"), scope),
        not_nets=_networks(written.not_nets, (*pointer, "notNets"), scope, negated=True),
        service=service,
        domains=tuple(written.domains or ()),
        ports=tuple(ports(written.ports, spoken, (*pointer, "ports"))),
        not_ports=tuple(ports(written.not_ports, spoken, (*pointer, "notPorts"))),
    )


def _networks(texts: list[str] | None, pointer: Pointer, scope: Scope, *, negated: bool = False) -> tuple[Block, ...]:
    found = []
    for index, text in enumerate(texts or ()):
        block = network(text, (*pointer, index), strict=not scope.stored)
        if negated and block == WHOLE[block.version] and not scope.stored:
            raise Invalid((*pointer, index), f"{text} is every address, so that the rule would never match")
        found.append(block)
    return tuple(found)


def _service(written: Entity, pointer: Pointer, name: str, scope: Scope) -> tuple[str, str] | None:
    match: ServiceMatch | None = written.services
    if match is None:
        return None
    where = (*pointer, "services")
    if name == ("destination" if scope.direction == INGRESS else "source"):
        raise Invalid(where, f"services are not for the {name} of {scope.direction} rules")
    if not match.name:
        raise Invalid(where, "services must name a service")
    beside: dict[str, object] = {
        "selector": written.selector,
        "notSelector": written.not_selector,
        "namespaceSelector": written.namespace_selector,
        "serviceAccounts": written.service_accounts,
        "nets": written.nets,
        "notNets": written.not_nets,
    }
    if name == "destination":
        beside |= {"ports": written.ports, "notPorts": written.not_ports}
    for field, value in beside.items():
        if value:
            raise Invalid(where, f"services cannot stand beside {field}")
    if not match.namespace and not scope.namespace:
        raise Invalid(where, "services of a global policy must have a namespace")
    return match.namespace or scope.namespace, match.name


def _selectors(written: Entity, pointer: Pointer, scope: Scope) -> tuple[Expression | None, Expression | None]:
    """The endpoints that one side may be, and may not be (rules.go, GetEntityRuleSelector).

    In a namespaced policy any selector, the negated one too, keeps to the namespace unless namespaces are selected.
    """
    for field, text in (("selector", written.selector), ("notSelector", written.not_selector)):
        if text and mentions_global(text):
            raise Invalid((*pointer, field), "global() can only be used in a namespaceSelector")
    parts: list[Expression] = _account_parts(written, pointer)
    if written.selector:
        parts.append(parse(written.selector, (*pointer, "selector")))
    unwanted = parse(written.not_selector, (*pointer, "notSelector")) if written.not_selector else None
    if written.namespace_selector:
        where = (*pointer, "namespaceSelector")
        namespaces = parse(written.namespace_selector, where)
        if mentions_global(written.namespace_selector) and written.namespace_selector.split() != ["global()"]:
            raise Invalid(where, "global() cannot stand beside other selectors")
        parts.insert(0, grounded(prefixed(namespaces, OF_NAMESPACE), NAMESPACE))
    elif scope.namespace and (parts or unwanted is not None):
        parts.insert(0, Test(NAMESPACE, IN, (scope.namespace,)))
    if parts and unwanted is not None:
        parts.append(Unless(unwanted))
        unwanted = None
    return (both(parts) if parts else None), unwanted


def _account_parts(written: Entity, pointer: Pointer) -> list[Expression]:
    match = written.service_accounts
    parts: list[Expression] = []
    if match is not None and match.selector:
        where = (*pointer, "serviceAccounts", "selector")
        if mentions_global(match.selector):
            raise Invalid(where, "global() can only be used in a namespaceSelector")
        parts.append(prefixed(parse(match.selector, where), OF_ACCOUNT))
    if match is not None and match.names:
        parts.append(Test(ACCOUNT, IN, tuple(sorted(set(match.names)))))
    return parts


def _families(version: int | None, sides: dict[str, Side], pointer: Pointer, scope: Scope) -> tuple[int, ...]:
    """The address families that a rule is rendered for (policy.go, FilterRuleToIPVersion)."""
    listed = [(side, blocks) for side in _SIDES for blocks in (sides[side].nets, sides[side].not_nets) if blocks]
    families = {4, 6} if version is None else {version}
    met: set[int] = set()
    for side, blocks in listed:
        here = {block.version for block in blocks}
        met |= here
        families &= here
        if not scope.stored and len(met) > 1:
            raise Invalid((*pointer, side), "a rule cannot have both IPv4 and IPv6 networks")
        if not scope.stored and version is not None and here != {version}:
            raise Invalid((*pointer, side), f"networks of another family than the rule's IP version {version}")
    return tuple(sorted(families))
