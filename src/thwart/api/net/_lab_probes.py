"""Real connections between boxes of a lab: TCP handshakes, UDP datagrams with their replies, SCTP INIT packets.

What happened is known from what came back, never from how long it took: a handshake, a reply or the packet itself at its
goal is a yes, a reset or an ICMP message a no; nothing at all is no answer.
Sources: tcp(7), udp(7), ip(7) (IP_RECVERR), RFC 9260, 3.1 and 3.3.2 (INIT), RFC 9260, appendix A (CRC32c).
"""

from __future__ import annotations

import errno
import functools
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import NamedTuple, Self

from thwart.api.net._lab import Lab, LabError
from thwart.api.net._lab_netlink import FAMILY
from thwart.lib.intervals import Address

YES, NO, SILENT = "yes", "no", "silent"
_SCTP = 132
_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT
_RECEIVE_ERRORS = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR
_LINGER = struct.pack("ii", 1, 0)  # a reset: nothing stays behind
_REFUSED = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)
_READ = select.POLLIN
_AT_ONCE = 512  # of one source
_BACKLOG = 1024


class End(NamedTuple):
    """An address in a box."""

    box: int
    address: Address


class Knock(NamedTuple):
    """A connection to try."""

    source: End
    protocol: str
    port: int


class Prober:
    """Tries connections in a lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._tags = count(1)

    def knock(self, at: End, knocks: Iterable[Knock], seconds: float = 2.0) -> dict[Knock, str]:
        """Try connections to one address; `seconds` is how long to wait for an answer.

        Returns:
            For each `yes`, `no` or `silent`.

        Raises:
            LabError: a socket cannot be opened.
        """
        by_source: dict[End, list[Knock]] = {}
        for one in knocks:
            by_source.setdefault(one.source, []).append(one)
        found: dict[Knock, str] = {}
        try:
            with _Listening(
                self._lab, at, {(k.protocol, k.port) for every in by_source.values() for k in every}
            ) as here:
                for source, every in by_source.items():
                    self._lab.enter(source.box)
                    for begin in range(0, len(every), _AT_ONCE):
                        with _Trying(here, self._tags) as tried:
                            found.update(tried.run(every[begin : begin + _AT_ONCE], seconds))
        except OSError as error:
            raise LabError(
                f"a probe cannot be sent: {error.strerror}", "this is a bug, or the machine lacks memory"
            ) from None
        return found


class _Listening:
    """Sockets that wait at a destination, and what they got."""

    def __init__(self, lab: Lab, at: End, doors: set[tuple[str, int]]) -> None:
        self.at = at
        self.family = FAMILY[at.address.version]
        self.poll = select.poll()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.arrived: set[tuple[int, int, int]] = set()  # SCTP: source port, destination port, tag
        self.accepted: list[socket.socket] = []
        self._sockets: list[socket.socket] = []
        lab.enter(at.box)
        try:
            for protocol, number in sorted(doors):
                if protocol != "SCTP":
                    self._open(protocol, number)
            if any(protocol == "SCTP" for protocol, _ in doors):
                raw = self._keep(socket.socket(self.family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _SCTP))
                raw.bind((_text(at.address), 0))
                self.watch(raw, lambda _: self._raw(raw))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for one in self._sockets:
            one.close()

    def watch(self, one: socket.socket, handler: Callable[[int], None], events: int = _READ) -> None:
        """Call the handler with the events when something happens."""
        self.poll.register(one, events)
        self.handlers[one.fileno()] = handler

    def forget(self, one: socket.socket) -> None:
        self.poll.unregister(one)
        del self.handlers[one.fileno()]

    def _keep(self, one: socket.socket) -> socket.socket:
        self._sockets.append(one)
        return one

    def _open(self, protocol: str, number: int) -> None:
        kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
        one = self._keep(socket.socket(self.family, kind | socket.SOCK_NONBLOCK))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((_text(self.at.address), number))
        if protocol == "TCP":
            one.listen(_BACKLOG)
            self.watch(one, lambda _: self._accept(one))
        else:
            self.watch(one, lambda _: self._echo(one))

    def _accept(self, one: socket.socket) -> None:
        for _ in _until_dry():
            try:
                other, _ = one.accept()
            except OSError:
                return
            self.accepted.append(other)  # closed after the other end, which would see a reset

    def _echo(self, one: socket.socket) -> None:
        for _ in _until_dry():
            try:
                data, who = one.recvfrom(64)
                one.sendto(data, who)
            except OSError:
                return

    def _raw(self, one: socket.socket) -> None:
        for _ in _until_dry():
            try:
                packet = one.recv(512)
            except OSError:
                return
            if self.at.address.version == 4:
                packet = packet[(packet[0] & 15) * 4 :]
            if len(packet) >= 20:
                source, destination = struct.unpack_from("!HH", packet)
                self.arrived.add((source, destination, int.from_bytes(packet[16:20], "big")))


class _Trying:
    """Connections from one source, all at once."""

    def __init__(self, there: _Listening, tags: Iterator[int]) -> None:
        self._there = there
        self._tags = tags
        self._found: dict[Knock, str] = {}
        self._open: dict[Knock, socket.socket] = {}
        self._sent: dict[tuple[int, int, int], Knock] = {}
        self._raw: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self._open.values(), *([self._raw] if self._raw else ())):
            self._there.forget(one)
            one.close()
        for other in self._there.accepted:
            other.close()
        self._there.accepted.clear()

    def run(self, knocks: list[Knock], seconds: float) -> dict[Knock, str]:
        """Send everything, then hear until each has its answer or the time is over."""
        begin = {"TCP": self._tcp, "UDP": self._udp, "SCTP": self._sctp}
        for one in knocks:
            begin[one.protocol](one)
        until = time.monotonic() + seconds
        while len(self._found) < len(knocks) and (left := until - time.monotonic()) > 0:
            for file, events in self._there.poll.poll(left * 1000):
                handler = self._there.handlers.get(file)
                if handler is not None:
                    handler(events)
            self._match()
        return {one: self._found.get(one, SILENT) for one in knocks}

    def _socket(self, one: Knock, kind: int) -> socket.socket:
        made = self._open[one] = socket.socket(self._there.family, kind | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.IPPROTO_IP, _NO_PORT, 1)
        made.bind((_text(one.source.address), 0))
        return made

    def _done(self, one: Knock, answer: str) -> None:
        self._found[one] = answer
        made = self._open.pop(one)
        self._there.forget(made)
        made.close()

    def _tcp(self, one: Knock) -> None:
        made = self._socket(one, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._there.watch(made, lambda _: self._connected(one, made), select.POLLOUT)
        code = made.connect_ex((_text(self._there.at.address), one.port))
        if code != errno.EINPROGRESS:
            self._answered(one, code)

    def _connected(self, one: Knock, made: socket.socket) -> None:
        self._answered(one, made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _answered(self, one: Knock, code: int) -> None:
        self._done(one, YES if not code else NO if code in _REFUSED else SILENT)

    def _udp(self, one: Knock) -> None:
        made = self._socket(one, socket.SOCK_DGRAM)
        token = next(self._tags).to_bytes(8, "big")
        self._there.watch(made, lambda _: self._replied(one, made, token))
        made.connect((_text(self._there.at.address), one.port))
        try:
            made.send(token)
        except OSError as error:
            self._answered(one, error.errno or errno.EIO)

    def _replied(self, one: Knock, made: socket.socket, token: bytes) -> None:
        try:
            if made.recv(64) == token:
                self._done(one, YES)
        except BlockingIOError:
            return
        except OSError as error:
            # a port without a socket would say ECONNREFUSED: all of them have one
            self._answered(one, error.errno if error.errno in (errno.EHOSTUNREACH, errno.EACCES) else errno.EIO)

    def _sctp(self, one: Knock) -> None:
        version = self._there.at.address.version
        if self._raw is None:
            self._raw = raw = socket.socket(self._there.family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _SCTP)
            raw.setsockopt(*_RECEIVE_ERRORS[version], 1)
            self._there.watch(raw, lambda _: self._told(raw), 0)  # errors are always told
            raw.bind((_text(one.source.address), 0))
        tag = next(self._tags)
        source = 1024 + tag % 60000
        self._sent[source, one.port, tag] = one
        packet = init_packet(source, one.port, tag)
        for _ in range(len(self._sent) + 1):  # a refusal of an earlier packet may come back here instead
            try:
                self._raw.sendto(packet, (_text(self._there.at.address), 0))
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise
            else:
                return

    def _told(self, raw: socket.socket) -> None:
        """ICMP messages carry the packet that they are about."""
        raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        for _ in _until_dry():
            try:
                packet, _, _, _ = raw.recvmsg(256, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            source, destination = struct.unpack_from("!HH", packet) if len(packet) >= 4 else (0, 0)
            for (here, there, _), one in self._sent.items():
                if (here, there) == (source, destination):
                    self._found.setdefault(one, NO)

    def _match(self) -> None:
        for key in self._there.arrived & self._sent.keys():
            self._found.setdefault(self._sent[key], YES)
        self._there.arrived.clear()


@functools.lru_cache(maxsize=1 << 12)
def _text(address: Address) -> str:
    return str(address)


def _until_dry() -> Iterator[int]:
    yield from range(4 * _AT_ONCE)


def init_packet(source: int, destination: int, tag: int) -> bytes:
    """An SCTP packet with an INIT chunk."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, tag, 65536, 1, 1, tag)
    head = struct.pack("!HHI", source, destination, 0)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk


def crc32c(data: bytes) -> int:
    """The checksum of SCTP."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _table() -> Iterator[int]:
    for first in range(256):
        value = first
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


_TABLE = tuple(_table())
