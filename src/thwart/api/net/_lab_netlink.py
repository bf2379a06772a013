"""Links, addresses, routes and neighbours of the kernel, by rtnetlink: no program is started, nothing is parsed.

Sources: rtnetlink(7), netlink(7), Linux's include/uapi/linux/{rtnetlink,if_link,neighbour,veth}.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable

from thwart.lib.intervals import WIDTHS, Address

_ROUTE, _NETFILTER = 0, 12  # netlink families
_REQUEST, _ACK, _CREATE, _EXCL = 0x1, 0x4, 0x400, 0x200
_ERROR = 2
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE, _NEW_NEIGHBOUR = 16, 20, 24, 28
_UP = 0x1
_FLUSH_CONNECTIONS = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_BRIDGE_FAMILY = 7
_STATIC, _PERMANENT = 0x40, 0x80  # NUD_NOARP, NUD_PERMANENT
_MASTER = 0x4  # NTF_MASTER
_NO_DAD = 0x2  # IFA_F_NODAD
_BATCH = 128  # messages; their acknowledgements fit the receive buffer
LOOPBACK = 1

Message = tuple[int, int, bytes]  # type, flags, body


def _attribute(kind: int, payload: bytes) -> bytes:
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _number(kind: int, number: int) -> bytes:
    return _attribute(kind, struct.pack("=I", number))


def packed(address: Address) -> bytes:
    """An address as it stands in packets."""
    return address.value.to_bytes(WIDTHS[address.version] // 8, "big")


def _link(index: int, *, up: bool) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, _UP if up else 0, _UP if up else 0)


def veth(index: int, name: str, mac: bytes, peer: tuple[int, str, bytes, int], master: int = 0) -> Message:
    """Two ends of a wire, this one up; `peer` is the index, name, MAC and namespace (a descriptor) of the other."""
    there, other, other_mac, namespace = peer
    body = _link(there, up=False) + _text(3, other) + _attribute(1, other_mac) + _number(28, namespace)
    data = _attribute(2, _attribute(1, body))  # IFLA_INFO_DATA, VETH_INFO_PEER
    wire = _attribute(18, _text(1, "veth") + data)  # IFLA_LINKINFO, IFLA_INFO_KIND
    bridge = _number(10, master) if master else b""
    return _NEW_LINK, _CREATE | _EXCL, _link(index, up=True) + _text(3, name) + _attribute(1, mac) + bridge + wire


def bridge(index: int, name: str, mac: bytes) -> Message:
    """A switch, up."""
    kind = _attribute(18, _text(1, "bridge"))
    return _NEW_LINK, _CREATE | _EXCL, _link(index, up=True) + _text(3, name) + _attribute(1, mac) + kind


def up(index: int) -> Message:
    """Switch a link on."""
    return _NEW_LINK, 0, _link(index, up=True)


def address(index: int, own: Address, prefix: int | None = None) -> Message:
    """Give a link an address, at once usable."""
    width = WIDTHS[own.version] if prefix is None else prefix
    head = struct.pack("=BBBBI", FAMILY[own.version], width, _NO_DAD if own.version == 6 else 0, 0, index)
    return _NEW_ADDRESS, _CREATE | _EXCL, head + _attribute(2, packed(own)) + _attribute(1, packed(own))


def route(version: int, index: int, to: Address | None = None, via: Address | None = None) -> Message:
    """Send what goes to an address, or everything, out of a link; `via` is taken to be on it."""
    table, protocol, unicast, on_link = 254, 4, 1, 0x4
    scope = 0 if via else 253
    width = WIDTHS[version] if to else 0
    flags = on_link if via else 0
    head = struct.pack("=BBBBBBBBI", FAMILY[version], width, 0, 0, table, protocol, scope, unicast, flags)
    where = _attribute(1, packed(to)) if to else b""
    gateway = _attribute(5, packed(via)) if via else b""
    return _NEW_ROUTE, _CREATE | _EXCL, head + where + _number(4, index) + gateway


def neighbour(index: int, who: Address, mac: bytes) -> Message:
    """Who has an address on a link, for good: nobody needs to ask."""
    head = struct.pack("=BxHiHBB", FAMILY[who.version], 0, index, _PERMANENT, 0, 0)
    return _NEW_NEIGHBOUR, _CREATE | _EXCL, head + _attribute(1, packed(who)) + _attribute(2, mac)


def port(index: int, mac: bytes) -> Message:
    """Behind which port of a bridge a MAC is."""
    head = struct.pack("=BxHiHBB", _BRIDGE_FAMILY, 0, index, _STATIC, _MASTER, 0)
    return _NEW_NEIGHBOUR, _CREATE | _EXCL, head + _attribute(2, mac)


def tell(messages: Iterable[Message]) -> None:
    """Have the kernel do all of it in the network namespace of this thread.

    Raises:
        OSError: it refused one.
    """
    waiting = list(messages)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE) as kernel:
        kernel.bind((0, 0))
        for at in range(0, len(waiting), _BATCH):
            _exchange(kernel, waiting[at : at + _BATCH])


def forget_connections() -> None:
    """Empty the connection tracking of this thread's network namespace (as `conntrack -F`)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER) as kernel:
        kernel.bind((0, 0))
        _exchange(kernel, [(_FLUSH_CONNECTIONS, 0, struct.pack("=BBH", 0, 0, 0))])


def _exchange(kernel: socket.socket, messages: list[Message]) -> None:
    raw = b""
    for number, (kind, flags, body) in enumerate(messages):
        raw += struct.pack("=IHHII", 16 + len(body), kind, flags | _REQUEST | _ACK, number, 0) + body
        raw += bytes(-len(body) % 4)
    kernel.send(raw)
    left = len(messages)
    while left:
        answer = kernel.recv(1 << 16)
        at = 0
        while at < len(answer):
            size, kind, _, number, _ = struct.unpack_from("=IHHII", answer, at)
            if kind == _ERROR:
                left -= 1
                code = -struct.unpack_from("=i", answer, at + 16)[0]
                if code:
                    raise OSError(code, f"{os.strerror(code)} (netlink message {messages[number][0]})")
            at += size + -size % 4
