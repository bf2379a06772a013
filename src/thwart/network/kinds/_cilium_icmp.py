"""ICMP rules of Cilium: they open no port, and are only checked.

Source: cilium pkg/policy/api/icmp.go (names of types by family; IANA's ICMP and ICMPv6 parameters).
"""

from __future__ import annotations

from collections.abc import Iterable

from thwart.network.kinds._cilium_types import Icmp, IcmpField
from thwart.network.model import Pointer
from thwart.network.selectors import Invalid, shown

_MOST = 40  # fields of an entry
_BOTH = {
    "DestinationUnreachable",
    "EchoReply",
    "EchoRequest",
    "ExtendedEchoReply",
    "ExtendedEchoRequest",
    "ParameterProblem",
    "RouterAdvertisement",
    "TimeExceeded",
}
_TYPES = {
    "IPv4": _BOTH | {"Echo", "Photuris", "Redirect", "RouterSelection", "Timestamp", "TimestampReply"},
    "IPv6": _BOTH
    | {
        "DuplicateAddressConfirmationCodeSuffix",
        "DuplicateAddressRequestCodeSuffix",
        "HomeAgentAddressDiscoveryReply",
        "HomeAgentAddressDiscoveryRequest",
        "ICMPNodeInformationQuery",
        "ICMPNodeInformationResponse",
        "InverseNeighborDiscoveryAdvertisement",
        "InverseNeighborDiscoverySolicitation",
        "MobilePrefixAdvertisement",
        "MobilePrefixSolicitation",
        "MulticastListenerDone",
        "MulticastListenerQuery",
        "MulticastListenerReport",
        "NeighborAdvertisement",
        "NeighborSolicitation",
        "PacketTooBig",
        "RedirectMessage",
        "RouterRenumbering",
        "RouterSolicitation",
    },
}


def check_icmps(written: Iterable[Icmp], pointer: Pointer) -> None:
    """Refuse what Cilium refuses: too many fields, families and types that there are not."""
    for index, entry in enumerate(written):
        fields = entry.fields or []
        if len(fields) > _MOST:
            raise Invalid((*pointer, index, "fields"), f"there may be at most {_MOST} fields")
        for number, one in enumerate(fields):
            _check_field(one, (*pointer, index, "fields", number))


def _check_field(one: IcmpField, pointer: Pointer) -> None:
    family = one.family or "IPv4"
    if family not in _TYPES:
        raise Invalid((*pointer, "family"), f"the family {shown(family)} is not IPv4 or IPv6")
    if one.type is None:
        raise Invalid(pointer, "type must be given")
    text = str(one.type)
    known = int(text) <= 255 if text.isascii() and text.isdigit() and len(text) <= 3 else text in _TYPES[family]
    if not known:
        raise Invalid((*pointer, "type"), f"{shown(text)} is no type of ICMP over {family}")
