"""A server on loopback that answers as it is told, and remembers what it was asked; a pytest plug-in."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs

import pytest

from thwart.core.limits import Limits
from thwart.lib.reference import Reference
from thwart.sources.registry import RegistryOptions, RegistryStore

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    peer_certificate: bool


@dataclass
class Reply:
    """An answer. `cut` closes the connection after so many bytes of the body; `hang` stops there and waits instead.

    `drip` sends everything after the status line byte by byte with that pause; `raw` replaces the whole answer;
    `chunked` sends no length; `close` ends the connection after the answer.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: int | None = None
    drip: float = 0.0
    raw: bytes | None = None
    chunked: bool = False
    close: bool = False
    length: int | None = None
    flood: bytes = b""  # sent again and again before anything else

    def bytes(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = dict(self.headers)
        body = self.body
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"
        elif not self.close or self.length is not None:
            headers["Content-Length"] = str(len(body) if self.length is None else self.length)
        head = f"HTTP/1.1 {self.status} Status\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        stop = self.cut if self.cut is not None else self.hang
        return head.encode() + (body if stop is None else body[:stop])


Handler = Callable[[Seen], Reply]


class Fake:
    """Answers by path: a `Reply`, a list of them (the last stays), or a function of the request."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Any] = {}  # of Reply, list[Reply] or Handler
        self.seen: list[Seen] = []
        self.connections = 0
        self._context = context
        self._over = Event()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.02)
        self.port: int = self._server.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if context else 'http'}://{self.host}"
        self._start(self._accept)

    def reference(self) -> Reference:
        return Reference(self.host, "demo/app", "1")

    def add_manifest(self, document: object, tag: str = "1", media_type: str = OCI_MANIFEST) -> tuple[bytes, str]:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        for name in (tag, digest):
            headers = {"Content-Type": media_type} if media_type else {}
            self.routes[f"/v2/demo/app/manifests/{name}"] = Reply(body=raw, headers=headers)
        return raw, digest

    def add_blob(self, data: bytes, *replies: Reply) -> str:
        """Route a blob; `replies` come first, then a server that knows ranges."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        left = list(replies)

        def handler(seen: Seen) -> Reply:
            if left:
                return left.pop(0)
            start = seen.headers.get("range", "")
            if not start:
                return Reply(body=data)
            first = int(start.removeprefix("bytes=").removesuffix("-"))
            span = f"bytes {first}-{len(data) - 1}/{len(data)}"
            return Reply(206, data[first:], {"Content-Range": span})

        self.routes[self.blob_path(digest)] = handler
        return digest

    def blob_path(self, digest: str) -> str:
        return f"/v2/demo/app/blobs/{digest}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def close(self) -> None:
        self._over.set()
        self._server.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
        except (OSError, ssl.SSLError):
            connection.close()
            return
        with self._lock:
            self._open.add(connection)
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while not self._over.is_set() and (seen := _read(stream, connection)) is not None:
                self.seen.append(seen)
                if not self._answer(connection, self._choose(seen)):
                    return

    def _choose(self, seen: Seen) -> Reply:
        route = self.routes.get(seen.path, Reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}'))
        if isinstance(route, list):
            replies: list[Reply] = route
            return replies.pop(0) if len(replies) > 1 else replies[0]
        handler: Handler = route
        return route if isinstance(route, Reply) else handler(seen)

    def _answer(self, connection: socket.socket, reply: Reply) -> bool:
        """Send it; False when the connection is over."""
        while reply.flood and not self._over.is_set():
            connection.sendall(reply.flood)
        data = reply.bytes()
        if reply.drip:
            first = data.index(b"\n") + 1
            connection.sendall(data[:first])
            for place in range(first, len(data)):
                if self._over.wait(reply.drip):
                    return False
                connection.sendall(data[place : place + 1])
        else:
            connection.sendall(data)
        if reply.hang is not None:
            self._over.wait(10)
            return False
        if reply.cut is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
            return False
        return not reply.close and reply.raw is None


def _read(stream: Any, connection: socket.socket) -> Seen | None:
    if stream.peek(1)[:1] == b"\x16":  # a TLS handshake: answer as other servers do
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        return None
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    path, _, query = line[1].partition("?")
    shown = isinstance(connection, ssl.SSLSocket) and bool(connection.getpeercert(binary_form=True))
    return Seen(line[0], path, parse_qs(query), headers, body, shown)


class Bench:
    """Makes servers and stores for one test and closes them; `slept` has what the stores would have waited."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.limits = Limits(network_seconds=5.0, retries=2)
        self._fakes: list[Fake] = []
        self._stores: list[RegistryStore] = []

    def fake(self, context: ssl.SSLContext | None = None) -> Fake:
        fake = Fake(context)
        self._fakes.append(fake)
        return fake

    def store(self, fake: Fake, limits: Limits | None = None, **options: Any) -> RegistryStore:
        return self.store_for(fake.reference(), limits, **{"plain_http": fake.url.startswith("http:"), **options})

    def store_for(self, reference: Reference, limits: Limits | None = None, **options: Any) -> RegistryStore:
        made = RegistryOptions(**{"environment": {}, **options})
        store = RegistryStore(reference, made, limits or self.limits, sleep=self.slept.append)
        self._stores.append(store)
        return store

    def reply(self, *args: Any, **named: Any) -> Reply:
        return Reply(*args, **named)

    def close(self) -> None:
        for store in self._stores:
            store.close()
        for fake in self._fakes:
            fake.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()
