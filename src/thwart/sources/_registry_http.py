"""Requests to a registry and to whom it refers: redirects that leak nothing, retries that end."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING

from thwart.core.errors import LimitError
from thwart.sources._registry_errors import BrokenError, OfflineError, RedirectError, RegistryError, StallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import httpcore

    from thwart.core.limits import Limits
    from thwart.sources._registry_wire import Patience, Wire
    from thwart.sources._url import Url

_BACKOFF = 0.5  # seconds before the first retry; doubles with each
_AFTERWARD = 65_536  # bytes of an unwanted body worth reading to keep its connection
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FINAL = frozenset({501, 505, 511})  # of 5xx: asking again changes nothing


class Answer:
    """Status, headers (names in lower case) and a body that is read once. `url` is who answered, after redirects."""

    def __init__(self, url: Url, response: httpcore.Response, patience: Patience) -> None:
        self.url = url
        self.status = response.status
        self.headers: dict[str, str] = {}
        for name, value in response.headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
        self._response = response
        self._patience = patience
        self._kept: bytes | None = None

    def length(self) -> int | None:
        """The `Content-Length`, when there is one that can be read."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

    def stream(self) -> Iterator[bytes]:
        """The body in pieces as they come, with patience as long as they come."""
        self._patience.stream()
        yield from self._pieces()

    def read(self, bound: int, what: str) -> bytes:
        """The whole body within the time of one answer.

        Raises:
            LimitError: when it is longer than `bound` bytes; `what` names it.
        """
        return self._read(bound, what) if self._kept is None else self._kept

    def _read(self, bound: int, what: str) -> bytes:
        pieces: list[bytes] = []
        promised, got = self.length() or 0, 0
        try:
            if promised <= bound:
                for piece in self._pieces():
                    got += len(piece)
                    if got > bound:
                        break
                    pieces.append(piece)
        finally:
            self.close()
        if max(promised, got) > bound:
            raise LimitError(f"{what} is larger than {bound} bytes")
        return b"".join(pieces)

    def discard(self) -> None:
        """Free the connection for the next request: a short body is read and kept, a long one given up."""
        if (self.length() or 0) > _AFTERWARD:
            self.close()
        elif self._kept is None:
            self._kept = b""
            with suppress(RegistryError, LimitError):
                self._kept = self._read(_AFTERWARD, "the rest")

    def close(self) -> None:
        """Give the connection back, or end it when the body was not read to its end."""
        with suppress(RegistryError, OSError):
            self._response.close()

    def _pieces(self) -> Iterator[bytes]:
        from thwart.sources._registry_wire import translated

        with translated(self.url):
            yield from self._response.iter_stream()


class Tries:
    """Counts and spaces retries: 0.5, 1, 2, 4 … seconds or what the server asks for, within bounds.

    One wait is at most twice `network_seconds`, all together at most four times that.
    """

    def __init__(self, limits: Limits, sleep: Callable[[float], None]) -> None:
        self._left = limits.retries
        self._each = 2 * limits.network_seconds
        self._budget = 4 * limits.network_seconds
        self._backoff = _BACKOFF
        self._limits = limits
        self._sleep = sleep

    def next(self, asked: float = 0.0) -> float | None:
        """Seconds to wait before the next try; None when there is none."""
        wait = min(max(self._backoff, asked), self._each)
        if self._left == 0 or wait > self._budget:
            return None
        self._left -= 1
        self._budget -= wait
        self._backoff *= 2
        return wait

    def again(self) -> bool:
        """Wait for the next try; False when there is none."""
        wait = self.next()
        if wait is not None:
            self._sleep(wait)
        return wait is not None

    def renew(self) -> None:
        """Progress was made: count from the beginning."""
        self._left = self._limits.retries
        self._budget = 4 * self._limits.network_seconds
        self._backoff = _BACKOFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """PEM files: authorities that count besides the system's, and what to show when the registry asks who we are."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request. `authorization` goes to the origin of `url` only, and never comes back into a chain that left it."""

    url: Url
    headers: tuple[tuple[str, str], ...] = ()
    authorization: str | None = field(default=None, repr=False)
    method: str = "GET"
    content: bytes = field(default=b"", repr=False)


class Client:
    """Sends calls for one registry, `home`; threads may share it."""

    def __init__(
        self,
        home: Url,
        limits: Limits,
        sleep: Callable[[float], None],
        trust: Trust,
        environment: Mapping[str, str],
        *,
        offline: bool,
    ) -> None:
        self.home = home
        self.limits = limits
        self._sleep = sleep
        self._trust = trust
        self._environment = environment
        self._offline = offline
        self._wire: Wire | None = None
        self._lock = Lock()

    def refuse_offline(self) -> None:
        """Raise `OfflineError` when the network is switched off."""
        if self._offline:
            raise OfflineError(
                f"registry {self.home.authority} is needed, and the network is switched off",
                "leave out --offline, or scan a saved image: archive:FILE or oci:FOLDER",
            )

    def tries(self) -> Tries:
        """A fresh count of retries."""
        return Tries(self.limits, self._sleep)

    def send(self, call: Call) -> Answer:
        """The answer after redirects and, where that may help, retries; its status may still be an error's.

        Interrupted connections, 429, 408 and 5xx are tried again, stalls are not: they have had their time.
        """
        tries = self.tries()
        while True:
            try:
                answer = self._follow(call)
            except StallError:
                raise
            except BrokenError:
                if not tries.again():
                    raise
                continue
            if not _worth_retrying(answer.status):
                return answer
            wait = tries.next(_retry_after(answer.headers))
            if wait is None:
                return answer
            answer.discard()
            self._sleep(wait)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _follow(self, call: Call) -> Answer:
        url, authorization = call.url, call.authorization
        seen = {url}
        while True:
            headers = [*call.headers, ("Authorization", authorization)] if authorization else [*call.headers]
            answer = self._exchange(call, url, headers)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                return answer
            answer.discard()
            following = _redirected(url, location, call)
            if following in seen:
                raise RedirectError(f"{call.url.authority} redirects in a circle, by way of {following}")
            if len(seen) > self.limits.redirects:
                raise RedirectError(f"{call.url.authority} redirects more than {self.limits.redirects} times")
            if following.origin != url.origin:
                authorization = None
            url = following
            seen.add(url)

    def _exchange(self, call: Call, url: Url, headers: list[tuple[str, str]]) -> Answer:
        self.refuse_offline()
        from thwart._version import __version__
        from thwart.sources._registry_wire import Patience

        patience = Patience(self.limits.network_seconds)
        common = [("User-Agent", f"thwart/{__version__}"), ("Accept-Encoding", "identity")]
        if call.content:
            common.append(("Content-Length", str(len(call.content))))
        response = self._connected().send(call.method, url, [*common, *headers], call.content, patience)
        return Answer(url, response, patience)

    def _connected(self) -> Wire:
        from thwart.sources._registry_wire import Wire

        with self._lock:
            if self._wire is None:
                self._wire = Wire(self.home, self._trust, self._environment)
            return self._wire


def _redirected(url: Url, location: str, call: Call) -> Url:
    try:
        following = url.join(location)
    except ValueError as exc:
        raise RedirectError(f"{url.authority} redirects to an address that cannot be followed: {exc}") from None
    if call.content:
        raise RedirectError(f"{url.authority} redirects a request that carries a secret, to {following.authority}")
    if url.scheme == "https" and following.scheme == "http":
        raise RedirectError(f"{url.authority} redirects from https to plain http, to {following.authority}")
    return following


def _worth_retrying(status: int) -> bool:
    return status in (408, 429) or (500 <= status < 600 and status not in _FINAL)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that `Retry-After` asks for (RFC 9110, 10.2.3); a date counts from the server's own `Date`."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    when = _http_date(text)
    if when is None:
        return 0.0
    now = _http_date(headers.get("date", ""))
    return max(0.0, when - (time.time() if now is None else now))


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
