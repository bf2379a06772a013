"""Calico's objects as they are written, and what its validator refuses.

Sources: projectcalico/calico, api/pkg/apis/projectcalico/v3 (shapes, validation markers),
api/pkg/lib/numorstring (ports, protocols), libcalico-go/lib/validator/v3 (everything else).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from thwart.lib.intervals import Block, parse_address, parse_block
from thwart.network.kinds._calico_selectors import mentions_global
from thwart.network.kinds._parts import port_name, port_number
from thwart.network.model import PROTOCOLS, Pointer, PortMatch
from thwart.network.selectors import Invalid, shown

CRD = "crd.projectcalico.org"  # the API under which the objects of the other one are stored
GROUPS = ("projectcalico.org", CRD)
PROTOCOL_NUMBERS = {"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136}
WITH_PORTS = {PROTOCOL_NUMBERS[name]: name for name in PROTOCOLS}
ICMP = (1, 58)
_RANGE = re.compile(r"(\d{1,5}):(\d{1,5})")
_LEADING_ZERO = re.compile(r"(?:^|\.)0\d")  # Go reads no such IPv4 address
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_POLICY_NAME = re.compile(rf"({_LABEL}\.)?{_LABEL}")
_STORED_NAME = re.compile(rf"(knp|ossg|kcnp|kanp|kbanp)\.{_LABEL}(\.{_LABEL})+")
_TIER_NAME = re.compile(_LABEL)
_FIXED_ORDERS = {"default": 1_000_000.0, "kube-admin": 1_000.0, "kube-baseline": 10_000_000.0}
_FIXED_DEFAULTS = {"default": "Deny", "kube-admin": "Pass", "kube-baseline": "Pass"}


class ServiceMatch(msgspec.Struct, forbid_unknown_fields=True):
    """`services` of one side of a rule."""

    name: str | None = None
    namespace: str | None = None


class AccountMatch(msgspec.Struct, forbid_unknown_fields=True):
    """`serviceAccounts` of one side of a rule."""

    names: list[str] | None = None
    selector: str | None = None


class Entity(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`source` or `destination` of a rule."""

    nets: list[str] | None = None
    not_nets: list[str] | None = None
    selector: str | None = None
    not_selector: str | None = None
    namespace_selector: str | None = None
    services: ServiceMatch | None = None
    service_accounts: AccountMatch | None = None
    ports: list[int | str] | None = None
    not_ports: list[int | str] | None = None
    domains: list[str] | None = None  # Calico Enterprise


class Icmp(msgspec.Struct, forbid_unknown_fields=True):
    """`icmp` or `notICMP` of a rule."""

    type: int | None = None
    code: int | None = None


class HttpPath(msgspec.Struct, forbid_unknown_fields=True):
    """One path of `http`."""

    exact: str | None = None
    prefix: str | None = None


class Http(msgspec.Struct, forbid_unknown_fields=True):
    """`http` of a rule."""

    methods: list[str] | None = None
    paths: list[HttpPath] | None = None


class RuleMetadata(msgspec.Struct, forbid_unknown_fields=True):
    """`metadata` of a rule."""

    annotations: dict[str, str | None] | None = None


class RuleSpec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A rule."""

    action: str | None = None
    ip_version: int | None = None
    protocol: int | str | None = None
    not_protocol: int | str | None = None
    icmp: Icmp | None = None
    not_icmp: Icmp | None = msgspec.field(default=None, name="notICMP")
    source: Entity | None = None
    destination: Entity | None = None
    http: Http | None = None
    metadata: RuleMetadata | None = None


class PolicySpec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`spec` of NetworkPolicy and GlobalNetworkPolicy; the former has no `namespace_selector` and no flags."""

    tier: str | None = None
    order: float | None = None
    selector: str | None = None
    namespace_selector: str | None = None
    service_account_selector: str | None = None
    types: list[str] | None = None
    ingress: list[RuleSpec] | None = None
    egress: list[RuleSpec] | None = None
    do_not_track: bool | None = None
    pre_dnat: bool | None = msgspec.field(default=None, name="preDNAT")
    apply_on_forward: bool | None = None
    performance_hints: list[str] | None = None


class NetworkSetSpec(msgspec.Struct, rename="camel"):
    """`spec` of NetworkSet and GlobalNetworkSet."""

    nets: list[str] | None = None
    allowed_egress_domains: list[str] | None = None  # Calico Enterprise


class TierSpec(msgspec.Struct, rename="camel"):
    """`spec` of Tier."""

    order: float | None = None
    default_action: str | None = None


class HostEndpointSpec(msgspec.Struct, rename="camel"):
    """`spec` of HostEndpoint, as far as it is read."""

    node: str | None = None
    interface_name: str | None = None
    expected_ips: list[str] | None = msgspec.field(default=None, name="expectedIPs")
    profiles: list[str] | None = None


def check_policy_name(name: str) -> None:
    """A DNS label, with the tier before it or not; Kubernetes' own policies are stored under longer names."""
    if name and not (len(name) <= 253 and (_POLICY_NAME.fullmatch(name) or _STORED_NAME.fullmatch(name))):
        raise Invalid(("metadata", "name"), f"the name {shown(name)} is not a DNS label, or a tier and one")


def check_tier(name: str, spec: TierSpec) -> None:
    """The tiers that are always there have their order and their default action fixed."""
    if not (len(name) <= 63 and _TIER_NAME.fullmatch(name)):
        raise Invalid(("metadata", "name"), f"the tier name {shown(name)} is not a DNS label")
    check_order(spec.order)
    if spec.default_action not in (None, "Deny", "Pass"):
        raise Invalid(("spec", "defaultAction"), f"the default action {shown(spec.default_action)} is not Deny or Pass")
    if name in _FIXED_ORDERS and spec.order != _FIXED_ORDERS[name]:
        raise Invalid(("spec", "order"), f"the order of the tier {name} must be {_FIXED_ORDERS[name]:g}")
    if name in _FIXED_DEFAULTS and spec.default_action not in (None, _FIXED_DEFAULTS[name]):
        raise Invalid(
            ("spec", "defaultAction"), f"the default action of the tier {name} must be {_FIXED_DEFAULTS[name]}"
        )


def check_order(order: float | None) -> None:
    """Any number."""
    if order is not None and not math.isfinite(order):
        raise Invalid(("spec", "order"), "order must be a number")


def check_spec(spec: PolicySpec, *, everywhere: bool) -> None:
    """What holds for a policy as a whole; `everywhere` for GlobalNetworkPolicy."""
    check_order(spec.order)
    for field, text in (
        ("selector", spec.selector),
        ("serviceAccountSelector", spec.service_account_selector),
        ("namespaceSelector", spec.namespace_selector),
    ):
        if text and mentions_global(text):
            raise Invalid(("spec", field), "global() can only be used in the namespaceSelector of a rule")
    types = spec.types or []
    for index, name in enumerate(types):
        if name not in ("Ingress", "Egress"):
            raise Invalid(("spec", "types", index), f"the type {shown(name)} is not Ingress or Egress")
        if name in types[:index]:
            raise Invalid(("spec", "types", index), f"the type {name} is given more than once")
    if everywhere:
        _check_flags(spec)
    for field, value in {
        "namespaceSelector": spec.namespace_selector,
        "doNotTrack": spec.do_not_track,
        "preDNAT": spec.pre_dnat,
        "applyOnForward": spec.apply_on_forward,
    }.items():
        if value and not everywhere:
            raise Invalid(("spec", field), f"only a GlobalNetworkPolicy has {field}")


def _check_flags(spec: PolicySpec) -> None:
    if spec.do_not_track and spec.pre_dnat:
        raise Invalid(("spec", "preDNAT"), "preDNAT and doNotTrack cannot both be true")
    if spec.pre_dnat and spec.egress:
        raise Invalid(("spec", "egress"), "a preDNAT policy cannot have egress rules")
    if spec.pre_dnat and "Egress" in (spec.types or ()):
        raise Invalid(("spec", "types"), "a preDNAT policy cannot have the type Egress")
    if (spec.do_not_track or spec.pre_dnat) and not spec.apply_on_forward:
        raise Invalid(("spec", "applyOnForward"), "applyOnForward must be true where preDNAT or doNotTrack is")


def protocol_number(written: int | str | None, pointer: Pointer, *, stored: bool) -> int | None:
    """The number of a protocol that is given by name or number."""
    if written is None:
        return None
    if isinstance(written, str) and not (written.isascii() and written.isdigit() and len(written) <= 3):
        names = {name.lower(): number for name, number in PROTOCOL_NUMBERS.items()} if stored else PROTOCOL_NUMBERS
        number = names.get(written.lower() if stored else written)
        if number is None:
            raise Invalid(pointer, f"the protocol {shown(written)} is not one of {', '.join(PROTOCOL_NUMBERS)}")
        return number
    if not 1 <= int(written) <= 255:
        raise Invalid(pointer, f"the protocol number {written} is not between 1 and 255")
    return int(written)


def ports(written: Sequence[int | str] | None, protocol: str, pointer: Pointer) -> list[PortMatch]:
    """Ports as numbers, as ranges `a:b` and as names."""
    return [_port(one, protocol, (*pointer, index)) for index, one in enumerate(written or ())]


def _port(written: int | str, protocol: str, pointer: Pointer) -> PortMatch:
    if isinstance(written, str):
        found = _RANGE.fullmatch(written)
        if found:
            first, last = (port_number(int(bound), pointer) for bound in found.groups())
            if first > last:
                raise Invalid(pointer, f"the port range {written} ends before it begins")
            return PortMatch(protocol, first, last)
        if not (written.isascii() and written.isdigit() and len(written) <= 5):
            return PortMatch(protocol, name=port_name(written, pointer))
    number = port_number(int(written), pointer)
    return PortMatch(protocol, number, number)


def network(text: str, pointer: Pointer, *, strict: bool = False) -> Block:
    """A CIDR block or, unless `strict`, an address; strict ones have no bits beyond their prefix."""
    head, slash, _ = text.partition("/")
    try:
        address = parse_address(head)
        lone = not slash and not strict
        block = Block(address.version, address.value, address.value) if lone else parse_block(text)
    except ValueError:
        block = None
    if block is None or (":" not in head and _LEADING_ZERO.search(head)):
        raise Invalid(pointer, f"{shown(text)} is not a CIDR block such as 10.9.8.0/24 or 2001:db8::/64")
    if strict and block.version == address.version and block.first != address.value:
        raise Invalid(pointer, f"{shown(text)} has bits beyond its prefix")
    return block


def check_http(http: Http, pointer: Pointer) -> None:
    """Methods once each; each path exact or a prefix (RFC 3986, section 3.3)."""
    methods = http.methods or []
    if len(set(methods)) != len(methods):
        raise Invalid((*pointer, "methods"), "a method is given more than once")
    for index, path in enumerate(http.paths or ()):
        text = path.exact or path.prefix or ""
        if bool(path.exact) == bool(path.prefix):
            raise Invalid((*pointer, "paths", index), "a path must have exactly one of exact and prefix")
        if not text.startswith("/") or any(mark in text for mark in "? #"):
            raise Invalid(
                (*pointer, "paths", index), f"the path {shown(text)} must begin with / and have no ? and no #"
            )


def check_icmp(icmp: Icmp | None, protocol: int | None, pointer: Pointer, *, needs_protocol: bool) -> None:
    """Type 0 to 254, code 0 to 255 and only with a type; for ICMP only."""
    if icmp is None:
        return
    if needs_protocol and protocol not in ICMP:
        raise Invalid(pointer, "a rule with icmp must have the protocol ICMP or ICMPv6")
    if icmp.code is not None and icmp.type is None:
        raise Invalid((*pointer, "code"), "code needs a type beside it")
    if not (0 <= (icmp.type or 0) <= 254 and 0 <= (icmp.code or 0) <= 255):
        raise Invalid(pointer, "the type must be from 0 to 254, and the code from 0 to 255")
