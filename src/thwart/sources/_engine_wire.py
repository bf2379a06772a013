"""Questions to an engine through its socket: GET only, every answer bounded in size and time."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import httpcore

from thwart.core.errors import SourceError
from thwart.core.limits import Limits
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.sources._registry_wire import Patience, _Stream

_VERSION = re.compile(rb"\d{1,3}\.\d{1,3}(?:\.\d{1,3})?")
_MOST_ITEMS = 2_000_000  # values of one answer
_PATIENCE = 20  # times the time of one answer: what all together may take
_WORD = re.compile(r"[^\x20-\x7e]")


class EngineError(Exception):
    """One question had no good answer; the message is what to say of it. `status` is the answer's, 0 without one."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Hello(NamedTuple):
    """What the engine says of itself first: versions of its interfaces, empty where it has none."""

    docker: str
    libpod: str


class _Backend(httpcore.NetworkBackend):
    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(httpcore.SyncBackend().connect_unix_socket(path, timeout, socket_options))


class Wire:
    """A connection to one engine.

    Raises:
        SourceError: nobody answers at the socket, or we are not allowed to ask.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        self.path = path
        self._limits = limits
        self._pool = httpcore.ConnectionPool(uds=path, network_backend=_Backend(), max_connections=1)
        self._end = time.monotonic() + _PATIENCE * limits.network_seconds
        self.hello = self._greet()

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def more_time(self, seconds: float) -> None:
        """Allow all questions together that much more."""
        self._end += seconds

    def get(self, path: str, *, most: int = 0, libpod: bool = False) -> object:
        """The answer to a question, decoded.

        Args:
            path: below the version, with its query.
            most: bytes of an answer, else `Limits.config_bytes`.
            libpod: ask Podman's own interface.

        Raises:
            EngineError: it is refused, too large, too slow or no JSON.
        """
        version = self.hello.libpod if libpod else self.hello.docker
        root = f"/v{version}/libpod" if libpod else f"/v{version}" if version else ""
        status, _, body = self._ask(root + path, most or self._limits.config_bytes)
        try:
            value = json_bounded.load(
                body, max_bytes=len(body), max_depth=self._limits.json_depth, max_items=_MOST_ITEMS
            )
        except DocumentError as error:
            if status == 200:
                raise EngineError(f"its answer is no JSON: {error.reason}", status) from None
            value = None
        if status != 200:
            told = value.get("message") if isinstance(value, dict) else ""
            words = f": {shown(told)}" if isinstance(told, str) and told else ""
            raise EngineError(f"it answers with status {status}{words}", status)
        return value

    def _greet(self) -> Hello:
        try:
            status, headers, _ = self._ask("/_ping", 4096)
        except EngineError as error:
            self._pool.close()
            raise SourceError(f"no engine answers at {self.path}: {error.reason}", *_hints(error)) from None
        if status != 200:
            self._pool.close()
            raise SourceError(f"what answers at {self.path} is no container engine, or is not well (status {status})")
        return Hello(_version(headers, b"api-version"), _version(headers, b"libpod-api-version"))

    def _ask(self, target: str, most: int) -> tuple[int, Mapping[bytes, bytes], bytes]:
        left = min(self._limits.network_seconds, self._end - time.monotonic())
        if left <= 0:
            raise EngineError("all answers together take too long")
        patience = Patience(left)
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme="http", host="engine", port=None, target=target),
            headers=[("Host", "engine"), ("Accept-Encoding", "identity")],
            extensions={"timeout": {"connect": left, "read": patience, "write": left, "pool": left}},
        )
        try:
            response = self._pool.handle_request(request)
            try:
                return response.status, _lowered(response.headers), self._body(response, most)
            finally:
                response.close()
        except PermissionError:
            raise EngineError("we are not permitted to use the socket") from None
        except httpcore.TimeoutException:
            raise EngineError(f"there is no whole answer within {left:.0f} seconds") from None
        except (httpcore.NetworkError, OSError) as error:
            raise EngineError(_network(error)) from None
        except httpcore.ProtocolError as error:
            raise EngineError(f"it does not speak HTTP: {shown(str(error))}") from None

    @staticmethod
    def _body(response: httpcore.Response, most: int) -> bytes:
        pieces, size = [], 0
        for piece in response.iter_stream():
            size += len(piece)
            if size > most:
                raise EngineError(f"its answer is larger than {most} bytes")
            pieces.append(piece)
        return b"".join(pieces)


def is_socket(path: str) -> bool:
    """Whether something that can be connected to is there, or may be, as far as we are told."""
    import stat
    from pathlib import Path

    try:
        return stat.S_ISSOCK(Path(path).stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def shown(text: str) -> str:
    """A stranger's words, short and harmless."""
    return _WORD.sub(" ", text)[:200].strip()


def _lowered(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in headers}


def _version(headers: Mapping[bytes, bytes], name: bytes) -> str:
    value = headers.get(name, b"").strip()
    return value.decode() if _VERSION.fullmatch(value) else ""


def _network(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.errno):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, PermissionError):
        return "we are not permitted to use the socket"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return "the connection broke" if not isinstance(error, socket.timeout) else "it does not answer"


def _hints(error: EngineError) -> tuple[str, ...]:
    if "not permitted" in error.reason:
        return (
            "run as root, or as a member of the group that owns the socket; whoever may use it is root on this host",
        )
    return ("is the engine running? docker info, or podman system service --time=0 for Podman",)
