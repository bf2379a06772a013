"""Layer 4 of Cilium's rules: which ports, and what else is asked of a connection on them.

Sources: cilium pkg/policy/api/rule_validation.go (PortRule, PortDenyRule, PortProtocol, ICMPRule), pkg/policy/rule.go
(mergeL4Filter: an entry without ports matches nothing), pkg/policy/l4.go (port 0 is every port).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from thwart.network.kinds._cilium_icmp import check_icmps
from thwart.network.kinds._cilium_types import (
    EgressRule,
    IngressRule,
    Layer7,
    Listener,
    Name,
    Port,
    PortRule,
    Tls,
)
from thwart.network.model import LAST_PORT, PROTOCOLS, Pointer, PortMatch
from thwart.network.selectors import Invalid, shown

_MOST = 40  # ports of an entry
_WITHOUT_PORTS = frozenset({"VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH"})  # "extended" protocols
_SERVICE_NAME = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")  # RFC 6335, section 5.1
_SHOWN = 3  # of a list in a note


class Place(NamedTuple):
    """Where a rule stands: in which direction, whether it denies, and whether nodes are the subject."""

    pointer: Pointer
    ingress: bool
    denies: bool
    hosts: bool


class Layer4(NamedTuple):
    """Ports of a rule that ask for the same: None is every port of every protocol, empty is none.

    `doubt` says why they may be meant or not.
    """

    ports: tuple[PortMatch, ...] | None
    note: str = ""
    doubt: str = ""


_RANGE = "endPort beside the name of a port, which Cilium's documentation ignores and its code does not"


def layer4(rule: IngressRule | EgressRule, place: Place) -> list[Layer4]:
    """The ports of a rule, apart by what else is asked of a connection."""
    if rule.icmps and rule.to_ports:
        raise Invalid((*place.pointer, "icmps"), "icmps may not stand beside toPorts")
    check_icmps(rule.icmps or (), (*place.pointer, "icmps"))
    if rule.icmps:
        return [Layer4((), "ICMP only")]
    if not rule.to_ports:
        return [Layer4(None)]
    found: dict[tuple[str, str], dict[PortMatch, None]] = {}
    for index, entry in enumerate(rule.to_ports):
        pointer = (*place.pointer, "toPorts", index)
        _check_entry(entry, place, pointer)
        note = _note(entry)
        for number, port in enumerate(entry.ports or ()):
            matches = _matches(port, entry, (*pointer, "ports", number))
            found.setdefault((note, ""), {}).update(dict.fromkeys(matches))
            if place.ingress and port.end_port and matches and matches[0].name:
                protocols = [matches[0].protocol] if matches[0].protocol else PROTOCOLS
                wide = [PortMatch(protocol, 1, port.end_port) for protocol in protocols]
                found.setdefault((note, _RANGE), {}).update(dict.fromkeys(wide))
    return [Layer4(tuple(ports), *words) for words, ports in found.items()] or [Layer4(())]


def has_layer4(rule: IngressRule | EgressRule) -> bool:
    """Whether a rule without peers is about everyone: only one with ports is (policyentry.go, L3)."""
    return bool(rule.to_ports or rule.icmps)


# --- ports ------------------------------------------------------------------------------------------------------------


def _matches(written: Port, entry: PortRule, pointer: Pointer) -> list[PortMatch]:
    protocol = written.protocol or "ANY"
    if protocol != "ANY" and protocol not in PROTOCOLS and protocol not in _WITHOUT_PORTS:
        raise Invalid((*pointer, "protocol"), f"{shown(protocol)} is no protocol that Cilium knows")
    end = written.end_port or 0
    if not 0 <= end <= LAST_PORT:
        raise Invalid((*pointer, "endPort"), f"{end} is not a port between 0 and {LAST_PORT}")
    if not written.port:
        if protocol in _WITHOUT_PORTS:
            return []
        raise Invalid((*pointer, "port"), "port must be given")
    name, number = _port(written.port, (*pointer, "port"))
    if protocol in _WITHOUT_PORTS:
        if written.port != "0":
            raise Invalid((*pointer, "port"), f"{protocol} has no ports: port must be empty or 0")
        return []
    _check_with_layer7(protocol, number, end, name, entry, pointer)
    if name:
        return [PortMatch("" if protocol == "ANY" else protocol, name=name)]
    first, last = (number, max(end, number)) if number else (1, LAST_PORT)
    return [PortMatch(one, first, last) for one in (PROTOCOLS if protocol == "ANY" else (protocol,))]


def _port(text: str, pointer: Pointer) -> tuple[str, int]:
    """A name, which is compared in lower case, or a number as Go reads it: octal behind a zero."""
    if len(text) <= 15 and _SERVICE_NAME.fullmatch(text) and any(one.isalpha() for one in text):
        return text.lower(), 0
    octal = len(text) > 1 and text[0] == "0"
    digits = frozenset("01234567" if octal else "0123456789")
    if len(text) <= 15 and set(text) <= digits and int(text, 8 if octal else 10) <= LAST_PORT:
        return "", int(text, 8 if octal else 10)
    raise Invalid(pointer, f"{shown(text)} is neither a port number up to {LAST_PORT} nor the name of a port")


def _check_with_layer7(protocol: str, number: int, end: int, name: str, entry: PortRule, pointer: Pointer) -> None:
    rules = entry.rules
    if rules is None or not any((rules.http, rules.dns, rules.kafka, rules.l7proto)):
        return
    if rules.dns:
        if not name and end > number:
            raise Invalid((*pointer, "endPort"), "DNS rules do not support port ranges")
    elif protocol != "TCP":
        raise Invalid((*pointer, "protocol"), f"rules other than for DNS can only apply to TCP, not to {protocol}")
    if not name and number == 0:
        raise Invalid((*pointer, "port"), "rules may not be given for port 0")


# --- what stands beside them -------------------------------------------------------------------------------------------


def _check_entry(entry: PortRule, place: Place, pointer: Pointer) -> None:
    if len(entry.ports or ()) > _MOST:
        raise Invalid((*pointer, "ports"), f"there may be at most {_MOST} ports")
    beside = (entry.rules, entry.server_names, entry.listener, entry.terminating_tls, entry.originating_tls)
    if place.denies and any(one is not None for one in beside):
        raise Invalid(pointer, "rules that deny have only ports")
    if entry.server_names == []:
        raise Invalid((*pointer, "serverNames"), "serverNames must have at least one name")
    for index, name in enumerate(entry.server_names or ()):
        check_name(Name(match_pattern=name), (*pointer, "serverNames", index))
    for field, tls in (("terminatingTLS", entry.terminating_tls), ("originatingTLS", entry.originating_tls)):
        _check_tls(tls, (*pointer, field))
    if entry.rules is not None:
        _check_rules(entry.rules, entry, place, (*pointer, "rules"))
    if entry.listener is not None:
        _check_listener(entry.listener, entry, place, (*pointer, "listener"))


def _check_tls(tls: Tls | None, pointer: Pointer) -> None:
    if tls is not None and (tls.secret is None or tls.secret.name is None):
        raise Invalid(pointer, "secret.name must be given")


def _check_listener(listener: Listener, entry: PortRule, place: Place, pointer: Pointer) -> None:
    if not listener.name or listener.envoy_config is None or not listener.envoy_config.name:
        raise Invalid(pointer, "name and envoyConfig.name must be given")
    if listener.envoy_config.kind not in (None, "CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig"):
        raise Invalid(
            (*pointer, "envoyConfig", "kind"), f"{shown(listener.envoy_config.kind)} is no kind of Envoy config"
        )
    if listener.priority is not None and not 1 <= listener.priority <= 100:
        raise Invalid((*pointer, "priority"), "priority must be from 1 to 100")
    if place.ingress:
        raise Invalid(pointer, "a listener is not allowed on ingress")
    if entry.rules is not None and _some(entry.rules):
        raise Invalid(pointer, "a listener is not allowed beside rules")


def _some(rules: Layer7) -> bool:
    return bool(rules.http or rules.dns or rules.kafka or rules.l7proto)


def _check_rules(rules: Layer7, entry: PortRule, place: Place, pointer: Pointer) -> None:
    given = [rules.http is not None, rules.dns is not None, rules.kafka is not None, rules.l7proto is not None]
    if sum(given) != 1:
        raise Invalid(pointer, "there must be exactly one of http and dns")
    for index, name in enumerate(rules.dns or ()):
        check_name(name, (*pointer, "dns", index))
    if not _some(rules):
        return
    if rules.dns and place.ingress:
        raise Invalid((*pointer, "dns"), "DNS rules are not allowed on ingress")
    if place.hosts and (place.ingress or not rules.dns):
        raise Invalid(pointer, "policies for nodes may have no rules but those for DNS on egress")
    if rules.dns and not entry.ports:
        raise Invalid((*pointer, "dns"), "port 53 must be given for DNS rules")
    if entry.server_names and entry.terminating_tls is None:
        raise Invalid(pointer, "serverNames are not allowed beside rules without terminatingTLS")


_NAME = re.compile(r"[-a-zA-Z0-9_]+(?:\.[-a-zA-Z0-9_]+)*\.?")
_PATTERN = re.compile(r"[-a-zA-Z0-9_*]+(?:\.[-a-zA-Z0-9_*]+)*\.?")


def check_name(written: Name, pointer: Pointer) -> str:
    """A domain name or a pattern of one; exactly one of both must be given."""
    name, pattern = written.match_name, written.match_pattern
    if (name is None) == (pattern is None):
        raise Invalid(pointer, "there must be exactly one of matchName and matchPattern")
    text, form = (pattern or "", _PATTERN) if name is None else (name, _NAME)
    if not (len(text) <= 255 and form.fullmatch(text)):
        field = "matchPattern" if name is None else "matchName"
        raise Invalid((*pointer, field), f"{shown(text)} is not a domain name")
    return text


# --- notes ------------------------------------------------------------------------------------------------------------


def _note(entry: PortRule) -> str:
    """What a connection must fulfil beyond its ports."""
    found = []
    if entry.rules is not None and _some(entry.rules):
        found.append(_layer7_note(entry.rules))
    if entry.server_names:
        found.append(f"only TLS for {_some_of(entry.server_names)}")
    if entry.terminating_tls is not None or entry.originating_tls is not None:
        found.append("TLS ends at Cilium's proxy")
    if entry.listener is not None:
        found.append(f"through the Envoy listener {entry.listener.name}")
    return "; ".join(found)


def _layer7_note(rules: Layer7) -> str:
    if rules.http:
        requests = []
        for one in rules.http:
            words = [one.method or "any method", one.path or "any path"]
            words += [f"of host {one.host}"] if one.host else []
            words += ["with headers"] if one.headers or one.header_matches else []
            requests.append(" ".join(words))
        return f"only HTTP {_some_of(requests)}"
    if rules.dns:
        return f"only DNS queries for {_some_of([one.match_name or one.match_pattern or '' for one in rules.dns])}"
    return f"only {'Kafka' if rules.kafka else rules.l7proto} requests that its rules match"


def _some_of(texts: list[str]) -> str:
    more = len(texts) - _SHOWN
    shown_texts = " or ".join(text if len(text) <= 60 else text[:57] + "..." for text in texts[:_SHOWN])
    return shown_texts + (f" or {more} more" if more > 0 else "")
