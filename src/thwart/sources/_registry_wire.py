"""Sockets, TLS and connection pools under a registry client; imported when the network is first needed.

httpcore, the engine of httpx, is used directly: only here can one answer as a whole be given a time, instead of each
single read, and only here is the address known that a name led to.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpcore

from thwart.sources._proxy import proxy_for
from thwart.sources._registry_errors import (
    AnswerError,
    BrokenError,
    PlainHttpError,
    RedirectError,
    StallError,
    TlsError,
    UnreachableError,
    clean,
)
from thwart.sources._url import Url, is_inward, is_loopback

if TYPE_CHECKING:
    from thwart.sources._registry_http import Trust

FLOOR = 4096  # bytes a second, on average over one stretch of patience, below which a body counts as stalled
_IDLE = 30.0  # seconds that a connection is kept for the next request
_READ = 262_144  # bytes asked of a socket at once, four times what httpcore asks
_Options = Iterable[Any] | None


class Patience(float):
    """How long one answer may take, in seconds; travels as httpcore's time-out.

    Until `stream` is called the whole answer has that time, from its first read on. Then only waiting counts, not
    what the reader does between reads, and the time begins anew whenever, within it, at least `FLOOR` bytes a second
    came: a large body may take long, but neither stop nor trickle.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end: float | None = None
        self._left = seconds
        self._got = 0
        self._streaming = False

    def stream(self) -> None:
        """The answer has begun: from now on progress counts."""
        self._streaming = True
        self._renew()

    def left(self, now: float) -> float:
        """Seconds that a read beginning now may take."""
        if self._end is None:
            self._end = now + self
        return max(self._left if self._streaming else self._end - now, 0.001)

    def spend(self, start: float, now: float, count: int) -> None:
        """Note a read of `count` bytes; raises `httpcore.ReadTimeout` when patience is at its end."""
        self._left -= now - start
        self._got += count
        if not self._streaming:
            if self._end is not None and now >= self._end:
                raise httpcore.ReadTimeout("the answer takes too long")
        elif self._left <= 0:
            if self._got < FLOOR * self:
                raise httpcore.ReadTimeout("the answer comes too slowly")
            self._renew()

    def _renew(self) -> None:
        self._left = float(self)
        self._got = 0


class _Stream(httpcore.NetworkStream):
    """A connection whose reads respect a `Patience`."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not isinstance(timeout, Patience):
            return self._inner.read(max_bytes, timeout)
        while True:
            start = time.monotonic()
            try:
                data = self._inner.read(max(max_bytes, _READ), timeout.left(start))
            except httpcore.ReadTimeout:
                timeout.spend(start, time.monotonic(), 0)
            else:
                timeout.spend(start, time.monotonic(), len(data))
                return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Connects, and refuses addresses inside this machine or its cloud that only a name from outside led to.

    A proxy, which the user names, is not judged: `guarded` is then False.
    """

    def __init__(self, home: Url, guarded: bool = True) -> None:
        self._home = home
        self._guarded = guarded
        self._home_is_here = is_loopback(home.host)
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        if not self._guarded:
            return _Stream(stream)
        address = str(stream.get_extra_info("server_addr")[0])
        if host == self._home.host:
            self._home_is_here = self._home_is_here or is_loopback(address)
        try:
            self.refuse_inward(host, address)
        except RedirectError:
            stream.close()
            raise
        return _Stream(stream)

    def refuse_inward(self, host: str, address: str) -> None:
        """Raise for an inward address, unless the user named that host, or a registry on this machine."""
        if host == self._home.host or not is_inward(address):
            return
        if self._home_is_here and is_loopback(address):
            return
        raise RedirectError(
            f"registry {self._home.authority} sends us to {clean(host)}, an address inside this machine or its cloud",
            "nothing was sent there; check whether the registry can be trusted",
        )


class Wire:
    """Connection pools for one registry and the hosts that it refers to; threads may share it."""

    def __init__(self, home: Url, trust: Trust, environment: Mapping[str, str]) -> None:
        self._home = home
        self._backend = _Backend(home)
        self._trust = trust
        self._environment = environment
        self._pools: dict[tuple[bool, bool, str | None], httpcore.ConnectionPool] = {}
        self._lock = Lock()

    def send(
        self, method: str, url: Url, headers: Sequence[tuple[str, str]], content: bytes, patience: Patience
    ) -> httpcore.Response:
        """One exchange, no redirects: the answer with its body unread.

        Raises:
            RegistryError: every failure of connection and protocol, in words.
        """
        proxy = proxy_for(url.scheme, url.host, url.port, self._environment)
        self._backend.refuse_inward(url.host, url.host)
        request = httpcore.Request(
            method,
            httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
            headers=[("Host", url.authority), *headers],
            content=content or None,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write"), patience)},
        )
        with translated(url, proxy):
            return self._pool(url.scheme == "https", url.origin == self._home.origin, proxy).handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _pool(self, tls: bool, home: bool, proxy: str | None) -> httpcore.ConnectionPool:
        with self._lock:
            pool = self._pools.get((tls, home, proxy))
            if pool is None:
                pool = self._pools[tls, home, proxy] = httpcore.ConnectionPool(
                    ssl_context=_context(self._trust, home) if tls else None,
                    proxy=_proxy(proxy, self._trust) if proxy else None,
                    max_connections=None,
                    max_keepalive_connections=16,
                    keepalive_expiry=_IDLE,
                    network_backend=_Backend(self._home, guarded=False) if proxy else self._backend,
                )
            return pool


def _context(trust: Trust, home: bool) -> ssl.SSLContext:
    """TLS settings for the registry itself (`home`), the only one that is shown our certificate, or for others."""
    context = _system_trust()
    if trust.ca is not None:
        try:
            context.load_verify_locations(cafile=trust.ca)
        except (OSError, ssl.SSLError) as exc:
            raise TlsError(f"no CA certificate can be read from {trust.ca}: {_reason(exc)}") from exc
    if home and trust.certificate is not None:
        try:
            context.load_cert_chain(trust.certificate, trust.key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as exc:
            raise TlsError(f"client certificate {trust.certificate} cannot be used: {_reason(exc)}") from exc
    return context


def _no_password() -> str:
    raise ValueError("its key is encrypted")


def _system_trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and not (paths.capath and any(Path(paths.capath).iterdir())):
        import certifi  # a container without ca-certificates

        context.load_verify_locations(cafile=certifi.where())
    return context


def _proxy(text: str, trust: Trust) -> httpcore.Proxy:
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UnreachableError("the proxy's address in the environment cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnreachableError(f"a proxy of kind {clean(parts.scheme, 20)!r} is not supported, only http and https")
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    context = _context(trust, home=False) if parts.scheme == "https" else None
    port = port or (443 if parts.scheme == "https" else 80)
    return httpcore.Proxy(f"{parts.scheme}://{host}:{port}", auth=auth, ssl_context=context)


@contextmanager
def translated(url: Url, proxy: str | None = None) -> Iterator[None]:
    """Turn what httpcore raises into our errors."""
    where = f"{url.authority} (through a proxy)" if proxy else url.authority
    try:
        yield
    except httpcore.ConnectTimeout as exc:
        raise StallError(f"{where} does not accept a connection in time", "is the host right and reachable?") from exc
    except httpcore.TimeoutException as exc:
        raise StallError(f"{where} stopped answering, or answers too slowly") from exc
    except httpcore.ProxyError as exc:
        raise UnreachableError(f"the proxy refuses to connect to {url.authority}: {clean(str(exc), 80)}") from exc
    except (httpcore.NetworkError, OSError) as exc:
        raise _network_error(exc, url, where) from exc
    except httpcore.LocalProtocolError as exc:
        raise AnswerError(f"no valid request to {where} can be made: {clean(str(exc), 80)}") from exc
    except httpcore.ProtocolError as exc:
        raise _protocol_error(exc, url, where) from exc


def _network_error(exc: Exception, url: Url, where: str) -> Exception:
    cause = exc if isinstance(exc, OSError) else exc.__cause__ or exc.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = clean(cause.verify_message or str(cause), 120)
        return TlsError(
            f"the certificate of {where} is not trusted: {reason}",
            "if the registry has a certificate authority of its own, name its certificate with --ca FILE",
        )
    if isinstance(cause, ssl.SSLEOFError) and isinstance(exc, httpcore.ConnectError):
        return BrokenError(
            f"{where} ended the connection instead of speaking TLS",
            "if it is a plain HTTP registry that you trust, say so with --plain-http",
        )
    if isinstance(cause, ssl.SSLError):
        return _tls_error(cause, where)
    if isinstance(cause, socket.gaierror):
        return UnreachableError(
            f"the name {url.host} cannot be resolved: {_reason(cause)}", "is it right, and is the network up?"
        )
    if isinstance(exc, httpcore.ConnectError) and not isinstance(cause, ConnectionResetError | ConnectionAbortedError):
        return UnreachableError(
            f"no connection to {where}: {_reason(cause)}", "is the registry up, and its port right?"
        )
    return BrokenError(f"the connection to {where} was interrupted: {_reason(cause)}")


def _tls_error(cause: ssl.SSLError, where: str) -> Exception:
    reason = cause.reason or ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return PlainHttpError(
            f"{where} does not speak TLS on this port, as https needs",
            "if it is a plain HTTP registry that you trust, say so with --plain-http",
        )
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason or "BAD_CERTIFICATE" in reason:
        return TlsError(
            f"{where} refuses the TLS connection: {clean(reason.replace('_', ' ').lower())}",
            "if it asks for a client certificate, name one with --client-cert and --client-key",
        )
    return TlsError(f"no TLS connection to {where}: {clean(reason.replace('_', ' ').lower(), 80)}")


def _protocol_error(exc: Exception, url: Url, where: str) -> Exception:
    text = str(exc)
    if url.scheme == "http" and "illegal request line" in text:  # h11's words for a first byte that is no letter
        return PlainHttpError(
            f"{where} does not answer in plain HTTP on this port, perhaps it speaks TLS", "leave out --plain-http"
        )
    if "without sending" in text or "closed connection" in text or "complete message" in text:
        return BrokenError(f"{where} closed the connection before its answer was complete")
    return AnswerError(f"{where} does not answer in HTTP/1.1: {clean(text, 100)}")


def _reason(exc: BaseException | None) -> str:
    if isinstance(exc, OSError) and exc.strerror and not isinstance(exc, ssl.SSLError):
        return clean(exc.strerror.lower(), 120)
    return clean(str(exc), 120)
