"""GET requests to a Kubernetes API server, and nothing else: every answer bounded in size and time."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpcore
from msgspec import Struct

from thwart._version import __version__
from thwart.api.net._cluster_config import Access
from thwart.api.net._cluster_exec import Secret
from thwart.core.errors import SourceError
from thwart.core.limits import Limits
from thwart.sources import _registry_errors as errors
from thwart.sources._proxy import proxy_for
from thwart.sources._registry_http import Answer, Tries
from thwart.sources._registry_wire import Patience, _Backend, _proxy, _system_trust, translated
from thwart.sources._url import Url

_BUSY = (429, 500, 502, 503, 504)
_SLOW = 4  # times the usual patience: a page of a large cluster is gathered before its first byte comes


class Reply(Struct, frozen=True):
    """Status and body of one answer."""

    status: int
    body: bytes


class Wire:
    """Connections to one API server."""

    def __init__(self, access: Access, environment: Mapping[str, str], limits: Limits) -> None:
        self._access = access
        self._environment = environment
        self._limits = limits
        self._secret = Secret()
        self._pool: httpcore.ConnectionPool | None = None

    def get(self, target: str, accept: str, what: str) -> Reply:
        """One answer, whatever its status; tried again when the server is busy or the connection broke.

        Raises:
            SourceError: no answer, or none within bounds.
        """
        reply = self._patiently(target, accept, what)
        if reply.status == 401 and self._access.user.renewable:
            self.close()
            reply = self._patiently(target, accept, what)
        if reply.status == 401:
            raise SourceError(
                f"{self._where} does not know who asks (401)", "are the credentials in the kubeconfig still valid?"
            )
        if 300 <= reply.status < 400:
            raise SourceError(f"{self._where} sends us elsewhere, where we do not go ({reply.status})")
        return reply

    def close(self) -> None:
        """End every connection, and forget the credentials."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @property
    def _where(self) -> str:
        return f"the API server {self._access.server.authority}"

    def _patiently(self, target: str, accept: str, what: str) -> Reply:
        tries = Tries(self._limits, time.sleep)
        while True:
            try:
                with _told(self._where):
                    answer = self._ask(target, accept)
                    body = answer.read(self._limits.file_bytes, f"{what} of {self._where}")
            except _InterruptedError as error:
                if not tries.again():
                    raise SourceError(error.sentence, *error.hints) from None
                continue
            if answer.status not in _BUSY:
                return Reply(answer.status, body)
            asked = answer.headers.get("retry-after", "")
            wait = tries.next(float(asked[:6]) if asked.isascii() and asked.isdigit() else 0.0)
            if wait is None:
                return Reply(answer.status, body)
            time.sleep(wait)

    def _ask(self, target: str, accept: str) -> Answer:
        server = self._access.server
        url = Url(server.scheme, server.host, server.port, server.target.rstrip("/") + target)
        proxy = self._access.proxy or proxy_for(url.scheme, url.host, url.port, self._environment)
        patience = Patience(_SLOW * self._limits.network_seconds)
        times = {"connect": self._limits.network_seconds, "read": patience, "write": patience}
        extensions: dict[str, object] = {"timeout": times}
        if self._access.server_name:
            extensions["sni_hostname"] = self._access.server_name
        pool = self._connected(proxy)
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
            headers=[("Host", url.authority), ("Accept", accept), *self._headers()],
            extensions=extensions,
        )
        with translated(url, proxy or None):
            return Answer(url, pool.handle_request(request), patience)

    def _headers(self) -> Iterator[tuple[str, str]]:
        yield "User-Agent", f"thwart/{__version__}"
        yield "Accept-Encoding", "identity"
        secret, server = self._secret, self._access.server
        if server.scheme == "https":  # no secret goes out in the clear
            if secret.token:
                yield "Authorization", f"Bearer {_sound(secret.token, 'the token')}"
            elif secret.username:
                pair = base64.b64encode(f"{secret.username}:{secret.password}".encode()).decode()
                yield "Authorization", f"Basic {pair}"
        for name, value in self._access.headers:
            yield name, _sound(value, "whom to act as")

    def _connected(self, proxy: str | None) -> httpcore.ConnectionPool:
        if self._pool is None:
            server = self._access.server
            if server.scheme == "https":
                self._secret = self._access.user.secret(self._environment, self._limits)
            self._pool = httpcore.ConnectionPool(
                ssl_context=_context(self._access, self._secret) if server.scheme == "https" else None,
                proxy=_through(proxy),
                max_connections=1,
                network_backend=_Backend(server, guarded=False),
            )
        return self._pool


class _InterruptedError(SourceError):
    """Worth another try."""


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What goes wrong on the way, in words that fit a cluster."""
    try:
        yield
    except errors.TlsError as error:
        hints = ["the kubeconfig says with certificate-authority and tls-server-name what to trust"]
        raise SourceError(error.sentence, *hints) from None
    except errors.StallError as error:
        raise SourceError(error.sentence) from None
    except errors.BrokenError as error:
        raise _InterruptedError(error.sentence) from None
    except errors.PlainHttpError:
        raise SourceError(f"{where} and the kubeconfig do not agree on TLS", "is the server's address right?") from None
    except errors.UnreachableError as error:
        raise SourceError(error.sentence, "is the cluster up, and does `kubectl version` reach it?") from None
    except errors.RegistryError as error:
        raise SourceError(error.sentence) from None
    except ValueError as error:  # names that no certificate and no name server can have
        raise SourceError(f"{where} cannot be asked: {errors.clean(str(error), 120)}") from None


def _through(proxy: str | None) -> httpcore.Proxy | None:
    from thwart.sources._registry_http import Trust

    if not proxy:
        return None
    try:
        return _proxy(proxy, Trust())
    except errors.RegistryError as error:
        raise SourceError(error.sentence, "the kubeconfig's proxy-url, or HTTPS_PROXY, names it") from None


def _context(access: Access, secret: Secret) -> ssl.SSLContext:
    """Trust in the authority that the kubeconfig names, and only in that; the system's where it names none."""
    if access.ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=access.ca)
        except (ssl.SSLError, ValueError):
            raise SourceError("certificate-authority in the kubeconfig is no certificate") from None
    else:
        context = _system_trust()
    if secret.certificate:
        _show(context, secret)
    return context


def _show(context: ssl.SSLContext, secret: Secret) -> None:
    """Have a client certificate shown. OpenSSL takes it from files only: one that nobody else can read, at once gone."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pair.pem")
        file.touch(mode=0o600)
        file.write_bytes(secret.certificate + b"\n" + secret.key)
        try:
            context.load_cert_chain(file, password=_no_password)
        except (OSError, ssl.SSLError, ValueError):
            raise SourceError("the client certificate or key in the kubeconfig cannot be used") from None


def _no_password() -> str:
    raise ValueError("its key is encrypted")


def _sound(value: str, what: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise SourceError(f"{what} in the kubeconfig has characters that no header can have")
    return value
