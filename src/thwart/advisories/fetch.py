"""Downloading feeds: the only network code of this room. What could not be had leaves the old file in its place."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from thwart.advisories.partial import FailedError, LaterError, Part, host
from thwart.advisories.sources import DOWNLOADS, Download
from thwart.core.errors import ParseError, UsageError
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx

Sleep = Callable[[float], None]
Said = Callable[[str], None]

_STATE = "state.json"
_MANIFESTS = ("MANIFEST.sha256", "SHA256SUMS")
_MANIFEST_LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(.+)", re.ASCII)
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0  # seconds; a server that asks for more is asked again another day


class Kept(Struct, frozen=True, kw_only=True):
    """What is remembered of a downloaded file, for the next conditional request and for `db status`."""

    url: str
    sha256: str
    size: int
    etag: str = ""
    modified: str = ""  # the server's Last-Modified, as it wrote it
    checked: str = ""  # the moment of the last answer, RFC 3339


class Fetched(Struct, frozen=True, kw_only=True):
    """How one feed's download went. `outcome` is `new`, `unchanged`, `stale` (an old file is kept) or `missing`."""

    name: str
    outcome: str
    path: Path
    reason: str = ""
    date: str = ""


def fetch(
    folder: Path,
    *,
    mirrors: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    downloads: tuple[Download, ...] = DOWNLOADS,
    limits: Limits = DEFAULT,
    sleep: Sleep = time.sleep,
    say: Said = lambda _: None,
) -> list[Fetched]:
    """Bring the feeds in `folder` up to date.

    Args:
        folder: holds the files, and `state.json` with what is known of them.
        mirrors: base addresses, asked in this order below which the feeds lie under their `path`. With mirrors the
            official addresses are not asked: who names mirrors may have no other way out.
        only: names of feeds, or beginnings of names; when empty, all but those that are given on request only.
        downloads: what there is to download.
        limits: the bound on a file (`layer_bytes`), seconds for one answer, redirects, retries.
        sleep: waits between tries.
        say: hears of each file.

    Raises:
        UsageError: a name in `only` that no feed has, or a mirror that is no http address.
    """
    import httpx

    wanted = _wanted(downloads, only)
    for mirror in mirrors:
        if urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).netloc:
            raise UsageError(f"{mirror} is no address of a mirror", "it begins with https:// or http://")
    folder.mkdir(parents=True, exist_ok=True)
    state = _State(folder)
    timeout = httpx.Timeout(limits.network_seconds)
    with httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=limits.redirects) as client:
        session = _Session(client, folder, state, limits, sleep)
        manifests = {mirror: session.manifest(mirror) for mirror in mirrors}
        found = []
        for download in wanted:
            one = session.update(download, _addresses(download, mirrors), manifests)
            say(f"{one.name}: {one.outcome}{f' ({one.reason})' if one.reason else ''}")
            found.append(one)
    return found


def _wanted(downloads: tuple[Download, ...], only: tuple[str, ...]) -> list[Download]:
    for name in only:
        if not any(one.name.startswith(name) for one in downloads):
            known = ", ".join(sorted({one.name.partition("-")[0] for one in downloads}))
            raise UsageError(f"no feed is called {name}", f"names begin with {known}")
    return [one for one in downloads if (one.name.startswith(only) if only else not one.on_request)]


def _addresses(download: Download, mirrors: tuple[str, ...]) -> list[tuple[str, str]]:
    """Addresses of a feed with the mirror that each belongs to (empty for the official one)."""
    if not mirrors:
        return [(download.url, "")]
    return [(f"{mirror.rstrip('/')}/{quote(download.path)}", mirror) for mirror in mirrors]


class _State:
    """`state.json`: one entry for each file. A damaged one is as good as none: everything is asked for anew."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _STATE
        self.kept: dict[str, Kept] = {}
        try:
            content = json.loads(self._path.read_bytes())
            self.kept.update({str(path): Kept(**one) for path, one in content.items()})
        except (OSError, ValueError, TypeError, AttributeError):
            self.kept.clear()

    def keep(self, path: str, one: Kept) -> None:
        """Remember a file, at once: an interrupted update loses nothing."""
        self.kept[path] = one
        fields = Kept.__struct_fields__
        content = {name: {field: getattr(each, field) for field in fields} for name, each in sorted(self.kept.items())}
        new = self._path.with_suffix(f".{os.urandom(6).hex()}.tmp")
        new.write_text(json.dumps(content, indent=1), encoding="utf-8")
        new.replace(self._path)


class _Session:
    """One run of `fetch`: client, folder, state and bounds together."""

    def __init__(self, client: httpx.Client, folder: Path, state: _State, limits: Limits, sleep: Sleep) -> None:
        self._client = client
        self._folder = folder
        self._state = state
        self._limits = limits
        self._sleep = sleep

    def manifest(self, mirror: str) -> dict[str, str]:
        """SHA-256 by path, when the mirror offers a manifest; empty when it does not."""
        for name in _MANIFESTS:
            text = self._small(f"{mirror.rstrip('/')}/{name}")
            found = (_MANIFEST_LINE.fullmatch(line.strip()) for line in text.splitlines())
            if sums := {one[2]: one[1] for one in found if one}:
                return sums
        return {}

    def _small(self, url: str) -> str:
        """A small text; empty when there is none: a mirror that is down is told of with its first feed."""
        import httpx

        whole = b""
        try:
            with self._client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
                if answer.status_code != 200:
                    return ""
                for piece in answer.iter_raw():
                    whole += piece
                    if len(whole) > self._limits.manifest_bytes:
                        return ""
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return ""
        return whole.decode("utf-8", "replace")

    def update(
        self, download: Download, addresses: list[tuple[str, str]], manifests: Mapping[str, Mapping[str, str]]
    ) -> Fetched:
        """Get one feed from the first address that has it."""
        place = self._folder / download.path
        reasons = []
        for url, mirror in addresses:
            try:
                outcome = self._tries(url, place, download.path, manifests.get(mirror, {}).get(download.path, ""))
            except FailedError as error:
                reasons.append(str(error))
            else:
                return Fetched(name=download.name, outcome=outcome, path=place, date=self._date(download.path))
        outcome = "stale" if place.exists() else "missing"
        date = self._date(download.path)
        return Fetched(name=download.name, outcome=outcome, path=place, reason="; ".join(reasons), date=date)

    def _date(self, path: str) -> str:
        kept = self._state.kept.get(path)
        return (_http_day(kept.modified) or kept.checked[:10]) if kept else ""

    def _tries(self, url: str, place: Path, path: str, expected: str) -> str:
        """Try one address, again after what passes by itself: timeouts, cut connections, 429 and 5xx."""
        import httpx

        reason = ""
        for attempt in range(self._limits.retries + 1):
            try:
                return self._once(url, place, path, expected)
            except LaterError as later:
                reason, wait = str(later), later.seconds if later.seconds is not None else min(2.0**attempt, 30.0)
                if wait > _LONGEST_WAIT:
                    raise FailedError(f"{host(url)} asks to wait {wait:.0f} s") from None
            except (httpx.TransportError, httpx.StreamError) as error:
                reason, wait = f"{host(url)}: {_sentence(error)}", min(2.0**attempt, 30.0)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise FailedError(f"{host(url)}: {_sentence(error)}") from None
            if attempt < self._limits.retries:
                self._sleep(wait)
        raise FailedError(reason)

    def _once(self, url: str, place: Path, path: str, expected: str) -> str:
        kept = self._state.kept.get(path)
        kept = kept if kept and kept.url == url and place.exists() and place.stat().st_size == kept.size else None
        if kept and expected and kept.sha256 == expected:
            self._state.keep(path, replace(kept, checked=_now()))
            return "unchanged"
        kept = None if expected else kept  # the manifest knows of another file than ours
        part = Part(place)
        with part.locked():
            headers = part.headers(url) or _conditional(kept)
            with self._client.stream("GET", url, headers=headers) as answer:
                if answer.status_code == 304 and kept:
                    self._state.keep(path, replace(kept, checked=_now()))
                    return "unchanged"
                _check(answer, url, part)
                digest, size = part.receive(answer, url, self._limits.layer_bytes, self._limits.network_seconds)
                modified, etag = answer.headers.get("last-modified", ""), answer.headers.get("etag", "")
            if expected and digest != expected:
                part.forget()
                raise FailedError(f"{host(url)}: {path} does not have the checksum of the mirror's manifest")
            try:
                _readable(part.path, place, url)
            except FailedError:
                part.forget()
                raise
            _set_day(part.path, modified)
            part.path.replace(place)
            part.forget()
            new = Kept(url=url, sha256=digest, size=size, etag=etag, modified=modified, checked=_now())
            unchanged = kept is not None and kept.sha256 == digest
            self._state.keep(path, new)
            return "unchanged" if unchanged else "new"


def _conditional(kept: Kept | None) -> dict[str, str]:
    """RFC 9110, sections 13.1.2 and 13.1.3: with an entity tag, the date is not looked at."""
    headers = {"Accept-Encoding": "identity"}
    if kept and kept.etag:
        headers["If-None-Match"] = kept.etag
    elif kept and kept.modified:
        headers["If-Modified-Since"] = kept.modified
    return headers


def _check(answer: httpx.Response, url: str, part: Part) -> None:
    """Only 200, and 206 for exactly what is missing, go on."""
    status = answer.status_code
    if urlsplit(url).scheme == "https" and answer.url.scheme != "https":
        raise FailedError(f"{host(url)} sends to an address without encryption")
    if status in _RETRIED:
        raise LaterError(f"{host(url)} answers {status}", _retry_after(answer.headers.get("retry-after", "")))
    if status == 206:
        # RFC 9110, section 14.4: a server may give another range than was asked for.
        if answer.headers.get("content-range", "").startswith(f"bytes {part.size()}-"):
            return
        part.forget()
        raise LaterError(f"{host(url)} answers with another range than was asked for", 0.0)
    if status == 416:
        part.forget()
        raise LaterError(f"{host(url)} has not the rest of what was begun", 0.0)
    if status != 200:
        raise FailedError(f"{host(url)} answers {status}")


def _retry_after(text: str) -> float | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    if text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _readable(path: Path, place: Path, url: str) -> None:
    """Whether what came is a feed at all, and whole: an error page or a cut file must not replace a good one."""
    from thwart.advisories.archive import Budget, documents, members
    from thwart.advisories.build import content
    from thwart.advisories.feeds import recognise

    try:
        with content(path) as (data, _):
            if data[:4] == b"PK\x03\x04":
                for _member in members(memoryview(data)):
                    pass
            first = next(iter(documents(place.name, data, "", Budget(DEFAULT))), None)
    except ParseError as error:
        raise FailedError(f"{host(url)}: what came is damaged: {error.reason}") from None
    if first is None or isinstance(first, ParseError) or recognise(first) is None:
        raise FailedError(f"{host(url)}: what came is in no format that is known")


def _sentence(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _set_day(path: Path, modified: str) -> None:
    """Give a file the server's time: a build takes it for the day of a feed that does not say its own."""
    try:
        moment = parsedate_to_datetime(modified).timestamp()
        os.utime(path, (moment, moment))
    except (ValueError, TypeError, OverflowError, OSError):
        return


def _http_day(text: str) -> str:
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError):
        return ""
