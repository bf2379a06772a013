"""What several policy APIs share: ports, blocks and names, checked as the API server checks them."""

from __future__ import annotations

import re

from thwart.lib.intervals import Block, parse_block
from thwart.network.documents import Item
from thwart.network.model import LAST_PORT, PROTOCOLS, Pointer
from thwart.network.selectors import Invalid, shown

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PORT_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*")


def check_name(item: Item, *, namespaced: bool) -> None:
    """A DNS subdomain for the name, a DNS label for the namespace (RFC 1123 as Kubernetes reads it)."""
    name = item.meta.name
    if not name and not item.meta.generate_name:
        raise Invalid(("metadata",), "it has no name")
    if name and not (len(name) <= 253 and _SUBDOMAIN.fullmatch(name)):
        raise Invalid(("metadata", "name"), f"the name {shown(name)} is not a DNS subdomain")
    if namespaced and not (len(item.namespace) <= 63 and _LABEL.fullmatch(item.namespace)):
        raise Invalid(("metadata", "namespace"), f"the namespace {shown(item.namespace)} is not a DNS label")


def protocol(text: str | None, pointer: Pointer) -> str:
    """TCP, UDP or SCTP; TCP where none is given."""
    if text is None:
        return "TCP"
    if text not in PROTOCOLS:
        raise Invalid(pointer, f"the protocol {shown(text)} is not TCP, UDP or SCTP")
    return text


def port_number(number: int, pointer: Pointer) -> int:
    """A port from 1 to 65535."""
    if not 1 <= number <= LAST_PORT:
        raise Invalid(pointer, f"{number} is not a port between 1 and {LAST_PORT}")
    return number


def port_name(name: str, pointer: Pointer) -> str:
    """At most 15 lower-case letters, digits and single hyphens, with a letter among them (IANA service name)."""
    if not (0 < len(name) <= 15 and _PORT_NAME.fullmatch(name) and any(c.isalpha() for c in name)):
        raise Invalid(
            pointer, f"{shown(name)} is not a port name: at most 15 of a-z, 0-9 and single hyphens, with a letter"
        )
    return name


def block(text: str, pointer: Pointer) -> Block:
    """A CIDR block, as lax as the API server's legacy fields are."""
    try:
        return parse_block(text)
    except ValueError:
        raise Invalid(pointer, f"{shown(text)} is not a CIDR block such as 10.9.8.0/24 or 2001:db8::/64") from None
