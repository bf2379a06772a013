"""A small network in this kernel: one namespace that filters, and one for each pod, wired to it.

The namespaces have no names and belong to this process: they vanish with it, however it ends, and runs cannot meet.
Sources: network_namespaces(7), veth(4), br_netfilter (Documentation/networking/bridge.rst).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from thwart.api.net import _lab_netlink as netlink
from thwart.core.errors import ThwartError
from thwart.lib.intervals import Address, parse_address

BRIDGE, ROUTED = "bridge", "routed"
MOST_BRIDGED = 72  # boxes: on a bridge each must know each other
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_PROC = Path("/proc/sys/net")
_OWN = {4: parse_address("192.0.0.8"), 6: parse_address("fe80::1")}  # RFC 7600: whom refusals come from
_GATEWAY = {4: parse_address("169.254.1.1"), 6: _OWN[6]}
_UPLINK, _SWITCH, _FIRST_PORT = 2, 2, 10  # indices of links: in a box, and in the router
_SWITCH_MAC = bytes((0x0A, 0, 0, 0, 0, 1))
_NFT_SECONDS = 900


class LabError(ThwartError):
    """This machine cannot build the network, or what was built does not work (exit 4)."""

    slug = "no-lab"
    exit_code = 4


class Namespaces:
    """Network namespaces of this thread, by number. Leaving puts the thread back where it was."""

    def __init__(self) -> None:
        self._c = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.files: list[int] = []
        self._at = self._home

    def add(self) -> int:
        """Make one and go there."""
        if self._c.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._at = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.files.append(self._at)
        return len(self.files) - 1

    def go(self, number: int) -> None:
        """Work in one of them from now on: new sockets and programs are there."""
        self._enter(self.files[number])

    def _enter(self, file: int) -> None:
        if file != self._at:
            if self._c.setns(file, _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            self._at = file

    def close(self) -> None:
        """Go home; the kernel removes what nobody is in."""
        self._enter(self._home)
        for file in (*self.files, self._home):
            os.close(file)
        self.files.clear()


class Lab:
    """Boxes with addresses, and a router (or a bridge that filters) between them.

    Args:
        boxes: the addresses of each.
        wiring: `bridge`, `routed`, or empty for a bridge where this kernel filters on one and the boxes are few.

    Raises:
        LabError: no nft, no rights, or a kernel without what is needed.
    """

    def __init__(self, boxes: Sequence[Sequence[Address]], wiring: str = "") -> None:
        self._nft = shutil.which("nft") or shutil.which("nft", path="/usr/sbin:/sbin")
        if self._nft is None:
            raise LabError("nft is not installed", "install the package nftables")
        bridged = Path(_PROC, "bridge").is_dir() and len(boxes) <= MOST_BRIDGED
        self.wiring = wiring or (BRIDGE if bridged else ROUTED)
        self.boxes = tuple(tuple(one) for one in boxes)
        self._spaces = Namespaces()
        try:
            self._build()
        except BaseException as error:
            self._spaces.close()
            if isinstance(error, OSError):
                raise _reason(error) from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spaces.close()

    def enter(self, box: int) -> None:
        """Be in a box: sockets made from now on are there."""
        self._spaces.go(box + 1)

    def load(self, rules: str) -> None:
        """Have the kernel replace its packet filter by these rules.

        Raises:
            LabError: it does not take them.
        """
        self._nft_says(["-f", "-"], rules)

    def counters(self) -> str:
        """The rules with what they counted, as JSON."""
        return self._nft_says(["-j", "list", "ruleset"], "")

    def _nft_says(self, arguments: list[str], rules: str) -> str:
        self._spaces.go(0)
        done = subprocess.run(  # noqa: S603 - a program that was looked up, without a shell
            [str(self._nft), *arguments], input=rules, capture_output=True, text=True, timeout=_NFT_SECONDS, check=False
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
            raise LabError(f"nft refuses the rules: {lines[0][:300]}", *(line[:300] for line in lines[1:4]))
        return done.stdout

    def forget_connections(self) -> None:
        """Let no connection of before count as known."""
        self._spaces.go(0)
        netlink.forget_connections()

    # -- wiring --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        for number in range(len(self.boxes) + 1):
            self._spaces.add()
            _settle()
            if number == 0:
                _quicken(forward=self.wiring == ROUTED)
        self._spaces.go(0)
        if self.wiring == BRIDGE:
            _set("bridge/bridge-nf-call-iptables", "1")
            _set("bridge/bridge-nf-call-ip6tables", "1")
            netlink.tell([netlink.bridge(_SWITCH, "br0", _SWITCH_MAC)])
            netlink.tell([netlink.up(netlink.LOOPBACK), *_answering(_SWITCH, 4), *_answering(_SWITCH, 6)])
        else:
            netlink.tell([netlink.up(netlink.LOOPBACK), *_answering(netlink.LOOPBACK, 4)])
        netlink.tell(self._wire(number) for number in range(len(self.boxes)))
        netlink.tell(self._router())
        for number, own in enumerate(self.boxes):
            self.enter(number)
            netlink.tell(self._box(number, own))

    def _wire(self, number: int) -> netlink.Message:
        master = _SWITCH if self.wiring == BRIDGE else 0
        peer = (_UPLINK, "eth0", _mac(2, number), self._spaces.files[number + 1])
        return netlink.veth(_FIRST_PORT + number, f"v{number}", _mac(4, number), peer, master)

    def _router(self) -> list[netlink.Message]:
        """What the router knows: where every address is."""
        told: list[netlink.Message] = []
        if self.wiring == BRIDGE:
            told += [netlink.route(version, _SWITCH) for version in (4, 6)]
        for number, own in enumerate(self.boxes):
            index = _FIRST_PORT + number
            if self.wiring == BRIDGE:
                told.append(netlink.port(index, _mac(2, number)))
            else:
                told += _answering(index, 6)
                told += [netlink.route(address.version, index, address) for address in own]
            link = _SWITCH if self.wiring == BRIDGE else index
            told += [netlink.neighbour(link, address, _mac(2, number)) for address in own]
        return told

    def _box(self, number: int, own: Sequence[Address]) -> list[netlink.Message]:
        """What a box knows: its addresses, and that everything else is behind its one link."""
        told = [netlink.up(netlink.LOOPBACK), netlink.up(_UPLINK)]
        told += [netlink.address(_UPLINK, address) for address in own]
        versions = sorted({address.version for address in own})
        if self.wiring == ROUTED:
            told += [netlink.neighbour(_UPLINK, _GATEWAY[version], _mac(4, number)) for version in versions]
            told += [netlink.route(version, _UPLINK, via=_GATEWAY[version]) for version in versions]
            return told
        told += [netlink.route(version, _UPLINK) for version in versions]
        for other, addresses in enumerate(self.boxes):
            if other != number:
                told += [
                    netlink.neighbour(_UPLINK, one, _mac(2, other)) for one in addresses if one.version in versions
                ]
        return told


def _answering(index: int, version: int) -> list[netlink.Message]:
    """The address that refusals come from."""
    return [netlink.address(index, _OWN[version], 64 if version == 6 else None)]


def _mac(kind: int, number: int) -> bytes:
    return bytes((kind, 0, 0, *number.to_bytes(3, "big")))


def _set(name: str, value: str) -> None:
    Path(_PROC, name).write_text(value)


def _settle() -> None:
    """A new namespace may have inherited settings that lose packets."""
    for group in ("all", "default"):
        _set(f"ipv4/conf/{group}/rp_filter", "0")
        _set(f"ipv6/conf/{group}/disable_ipv6", "0")
        _set(f"ipv6/conf/{group}/accept_dad", "0")


def _quicken(*, forward: bool) -> None:
    """Refusals are told at once, every one of them."""
    _set("ipv4/icmp_ratemask", "0")
    _set("ipv6/icmp/ratemask", "255")  # a type that nobody sends: an empty list cannot be written
    if forward:
        _set("ipv4/ip_forward", "1")
        _set("ipv6/conf/all/forwarding", "1")


def _reason(error: OSError) -> LabError:
    if isinstance(error, PermissionError):
        return LabError(
            "network namespaces need rights that this process lacks",
            "run it as root, or as `unshare --user --map-root-user --net thwart net prove …`",
        )
    where = f": {error.filename}" if error.filename else ""
    return LabError(
        f"this kernel cannot build the network: {error.strerror}{where}", "it needs veth, nftables and IPv6"
    )
