"""The nouns of an nftables table; `text` and `json` write them. Source: nftables(8), libnftables-json(5)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from thwart.core.finding import Diagnostic
from thwart.lib.intervals import Span

ACCEPT, RETURN, JUMP, GOTO, DROP = "accept", "return", "jump", "goto", "drop"
ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}  # nftables' types


class Addresses(Struct, frozen=True):
    """Elements of a set: addresses of one family as spans."""

    version: int
    spans: tuple[Span, ...]


class Services(Struct, frozen=True):
    """Elements of a set: a protocol and ports."""

    spans: tuple[tuple[str, Span], ...]


class Doors(Struct, frozen=True):
    """Elements of a set: destination address, protocol and port."""

    version: int
    doors: tuple[tuple[int, str, int], ...]


class Ways(Struct, frozen=True):
    """Elements of a set: source and destination address."""

    version: int
    ways: tuple[tuple[int, int], ...]


Elements = Addresses | Services | Doors | Ways


class In(Struct, frozen=True):
    """A match: the packet's `source`, `destination`, `service`, `door` or `way` is in a set."""

    what: str
    version: int
    set: str


class Family(Struct, frozen=True):
    """A match: the packet is of IPv4 or IPv6."""

    version: int


class Known(Struct, frozen=True):
    """A match: the packet belongs to a connection that was let through."""


class Neighbours(Struct, frozen=True):
    """A match: ICMPv6 without which no IPv6 works on a link (RFC 4890, 4.4.1)."""


class Tcp(Struct, frozen=True):
    """A match: the packet is of TCP."""


class Counted(Struct, frozen=True):
    """Count packets and bytes."""


class Logged(Struct, frozen=True):
    """Tell a netlink group about the packet (NFLOG)."""

    group: int
    prefix: str


class Verdict(Struct, frozen=True):
    """What becomes of the packet; `target` is a chain."""

    what: str
    target: str = ""


class Refused(Struct, frozen=True):
    """The packet is dropped and its sender is told: by a reset for TCP, else by ICMP (administratively prohibited)."""

    reset: bool


class Looked(Struct, frozen=True):
    """The verdict that a map has for the packet's `source` or `destination`."""

    what: str
    version: int
    map: str


Statement = (
    In | Family | Known | Neighbours | Tcp | Counted | Logged | Verdict | Refused | Looked
)  # matches come before the rest


class Line(Struct, frozen=True):
    """One rule of a chain; the comment says where it comes from."""

    statements: tuple[Statement, ...]
    comment: str = ""


class Chain(Struct, frozen=True, kw_only=True):
    """Rules in order. A base chain has a hook and a priority."""

    name: str
    lines: tuple[Line, ...]
    hook: str = ""
    priority: int = 0


class Table(Struct, frozen=True, kw_only=True):
    """An `inet` table. `maps` lead from addresses of a family to chains; `pods` counts who is in them.

    `diagnostics` tell what of the policies is not in the table.
    """

    name: str
    sets: Mapping[str, Elements]
    maps: Mapping[str, tuple[int, Mapping[int, str]]]
    chains: tuple[Chain, ...]
    pods: int = 0
    policies: int = 0
    diagnostics: tuple[Diagnostic, ...] = field(default=())
