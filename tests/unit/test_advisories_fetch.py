"""Downloading from a server on the loopback: conditions, resumption, mirrors, patience, and what must not get through."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from thwart.advisories.fetch import _wanted, fetch
from thwart.advisories.sources import DOWNLOADS, HOMES, Download
from thwart.api import database as api_db
from thwart.core.errors import DatabaseError, UsageError
from thwart.core.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMITS = replace(Limits(), network_seconds=1.0, retries=2)
DATE = "Sat, 22 Aug 2026 00:00:00 GMT"


def archive(*names: str) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as out:
        for name in names:
            ranges = [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2"}]}]
            affected = [{"package": {"name": name.lower(), "ecosystem": "npm"}, "ranges": ranges}]
            out.writestr(
                f"{name}.json", json.dumps({"id": name, "modified": "2025-01-01T00:00:00Z", "affected": affected})
            )
    return whole.getvalue()


@dataclass
class Server:
    """What the server has and how it behaves; `seen` are the headers of each request by path."""

    files: dict[str, bytes] = field(default_factory=dict)
    behave: dict[str, list[Callable[[Any], bool]]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def asked(self, path: str) -> list[dict[str, str]]:
        return [headers for each, headers in self.seen if each == path]


class Handler(http.server.BaseHTTPRequestHandler):
    server_state: Server

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        state = self.server_state
        state.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        queue = state.behave.get(self.path, [])
        if queue and queue.pop(0)(self):
            return
        data = state.files.get(self.path)
        if data is None:
            self.answer(404, b"not here")
        elif self.headers.get("If-None-Match") == etag(data):
            self.answer(304)
        else:
            self.content(data)

    def content(self, data: bytes) -> None:
        start = 0
        if "Range" in self.headers and self.headers.get("If-Range") == etag(data):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.answer(416)
                return
        headers = {"ETag": etag(data), "Last-Modified": DATE}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.answer(206 if start else 200, data[start:], **headers)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:16]}"'


@contextmanager
def serving() -> Iterator[Server]:
    state = Server()
    handler = type("Bound", (Handler,), {"server_state": state})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


ONE = (Download("osv-npm", "osv/npm/all.zip", "http://127.0.0.1:9/never"),)
PATH = "/osv/npm/all.zip"


def get(folder: Path, *mirrors: str, **options: Any) -> Any:
    (one,) = fetch(folder, mirrors=mirrors, downloads=ONE, limits=LIMITS, sleep=lambda _: None, **options)
    return one


def cut(data: bytes, at: int) -> Callable[[Any], bool]:
    """Answer with a promise of everything, send a part, and hang up."""

    def behave(handler: Any) -> bool:
        handler.send_response(200)
        handler.send_header("ETag", etag(data))
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:at])
        handler.wfile.flush()
        handler.close_connection = True
        return True

    return behave


def status(code: int, **headers: str) -> Callable[[Any], bool]:
    def behave(handler: Any) -> bool:
        handler.answer(code, b"", **headers)
        return True

    return behave


class TestConditions:
    def test_new_then_unchanged(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        one = get(tmp_path, server.url)
        assert (one.outcome, one.date) == ("new", "2026-08-22")
        assert one.path.read_bytes() == server.files[PATH]
        assert one.path.stat().st_mtime == 1_787_356_800
        assert get(tmp_path, server.url).outcome == "unchanged"
        first, second = server.asked(PATH)
        assert "if-none-match" not in first
        assert second["if-none-match"] == etag(server.files[PATH])
        assert second["accept-encoding"] == "identity"

    def test_changed(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        get(tmp_path, server.url)
        server.files[PATH] = archive("GHSA-1", "GHSA-2")
        one = get(tmp_path, server.url)
        assert (one.outcome, one.path.read_bytes()) == ("new", server.files[PATH])

    def test_a_file_that_was_lost_is_asked_for_without_conditions(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        get(tmp_path, server.url).path.unlink()
        assert get(tmp_path, server.url).outcome == "new"
        assert "if-none-match" not in server.asked(PATH)[1]

    def test_damaged_state_is_as_good_as_none(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        get(tmp_path, server.url)
        (tmp_path / "state.json").write_text('{"osv/npm/all.zip": [1]}')
        assert get(tmp_path, server.url).outcome == "new"


class TestResumption:
    def test_the_rest_is_fetched(self, server: Server, tmp_path: Path) -> None:
        data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(50)))
        server.behave[PATH] = [cut(data, 3000)]
        one = get(tmp_path, server.url)
        assert (one.outcome, one.path.read_bytes()) == ("new", data)
        assert server.asked(PATH)[1]["range"] == "bytes=3000-"
        assert server.asked(PATH)[1]["if-range"] == etag(data)

    def test_in_a_later_run(self, server: Server, tmp_path: Path) -> None:
        data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(50)))
        server.behave[PATH] = [cut(data, 3000), status(503), status(503)]
        assert get(tmp_path, server.url).outcome == "missing"
        assert get(tmp_path, server.url).path.read_bytes() == data
        assert server.asked(PATH)[-1]["range"] == "bytes=3000-"

    def test_of_a_file_that_has_changed_since_begins_anew(self, server: Server, tmp_path: Path) -> None:
        old, data = archive(*(f"GHSA-{n}" for n in range(50))), archive("GHSA-x")
        server.files[PATH] = data
        server.behave[PATH] = [cut(old, 3000)]
        assert get(tmp_path, server.url).path.read_bytes() == data

    def test_a_wrong_range_is_not_pasted_in(self, server: Server, tmp_path: Path) -> None:
        data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(50)))

        def shifted(handler: Any) -> bool:
            handler.answer(206, data[2000:], **{"Content-Range": f"bytes 2000-{len(data) - 1}/{len(data)}"})
            return True

        server.behave[PATH] = [cut(data, 3000), shifted]
        assert get(tmp_path, server.url).path.read_bytes() == data

    def test_416_begins_anew(self, server: Server, tmp_path: Path) -> None:
        data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(50)))
        server.behave[PATH] = [cut(data, 3000), status(416)]
        assert get(tmp_path, server.url).path.read_bytes() == data


class TestPatience:
    def test_retry_after_is_obeyed(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        server.behave[PATH] = [status(429, **{"Retry-After": "7"}), status(503)]
        waits: list[float] = []
        (one,) = fetch(tmp_path, mirrors=(server.url,), downloads=ONE, limits=LIMITS, sleep=waits.append)
        assert one.outcome == "new"
        assert waits == [7.0, 2.0]

    def test_but_not_for_ever(self, server: Server, tmp_path: Path) -> None:
        server.behave[PATH] = [status(429, **{"Retry-After": "86400"})] * 9
        one = get(tmp_path, server.url)
        assert (one.outcome, len(server.asked(PATH))) == ("missing", 1)
        assert "asks to wait 86400 s" in one.reason

    def test_tries_are_bounded(self, server: Server, tmp_path: Path) -> None:
        server.behave[PATH] = [status(500)] * 9
        assert get(tmp_path, server.url).outcome == "missing"
        assert len(server.asked(PATH)) == LIMITS.retries + 1

    def test_what_does_not_pass_is_not_tried_again(self, server: Server, tmp_path: Path) -> None:
        one = get(tmp_path, server.url)
        assert (one.outcome, len(server.asked(PATH))) == ("missing", 1)
        assert "answers 404" in one.reason

    def test_a_server_that_stalls(self, server: Server, tmp_path: Path) -> None:
        data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(50)))
        done = threading.Event()

        def stall(handler: Any) -> bool:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[:10])
            handler.wfile.flush()
            done.wait(10)
            handler.close_connection = True
            return True

        server.behave[PATH] = [stall]
        began = time.monotonic()
        assert get(tmp_path, server.url).path.read_bytes() == data
        assert time.monotonic() - began < 8
        done.set()

    def test_a_server_that_drips(self, server: Server, tmp_path: Path) -> None:
        data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(50)))
        done = threading.Event()

        def drip(handler: Any) -> bool:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            for at in range(100):
                if done.wait(0.2):
                    break
                try:
                    handler.wfile.write(data[at : at + 1])
                    handler.wfile.flush()
                except OSError:
                    break
            handler.close_connection = True
            return True

        server.behave[PATH] = [drip]
        assert get(tmp_path, server.url).path.read_bytes() == data
        done.set()


class TestMirrors:
    def test_the_next_is_asked(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        assert get(tmp_path, "http://127.0.0.1:9", f"{server.url}/nothing", server.url).outcome == "new"

    def test_a_mirror_that_is_down_keeps_the_old_file(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1")
        get(tmp_path, server.url)
        one = get(tmp_path, "http://127.0.0.1:9")
        assert (one.outcome, one.date) == ("stale", "2026-08-22")
        assert "127.0.0.1:9" in one.reason
        assert one.path.read_bytes() == server.files[PATH]

    @pytest.mark.parametrize("name", ["MANIFEST.sha256", "SHA256SUMS"])
    def test_checksums_of_a_manifest(self, server: Server, tmp_path: Path, name: str) -> None:
        server.files[PATH] = archive("GHSA-1")
        digest = hashlib.sha256(server.files[PATH]).hexdigest()
        server.files[f"/{name}"] = f"{digest}  ./osv/npm/all.zip\n".encode()
        assert get(tmp_path, server.url).outcome == "new"
        assert get(tmp_path, server.url).outcome == "unchanged"
        assert len(server.asked(PATH)) == 1  # the manifest said that nothing changed
        server.files[f"/{name}"] = f"{'0' * 64}  osv/npm/all.zip\n".encode()
        one = get(tmp_path, server.url)
        assert one.outcome == "stale"
        assert "checksum" in one.reason

    @pytest.mark.parametrize("bad", ["ftp://example.test", "example.test", ""])
    def test_no_address(self, tmp_path: Path, bad: str) -> None:
        with pytest.raises(UsageError, match="no address of a mirror"):
            get(tmp_path, bad)

    def test_credentials_are_not_told(self, tmp_path: Path) -> None:
        assert "secret" not in get(tmp_path, "http://me:secret@127.0.0.1:9").reason


class TestGarbage:
    @pytest.mark.parametrize(
        "body",
        [b"<html>sorry</html>", b"", archive("GHSA-1")[:-30], archive("GHSA-1")[:100], b"{}", b"\x1f\x8b" + bytes(50)],
        ids=["page", "nothing", "cut", "cut early", "empty object", "empty gzip"],
    )
    def test_what_is_no_feed_does_not_replace_one(self, server: Server, tmp_path: Path, body: bytes) -> None:
        good = server.files[PATH] = archive("GHSA-1")
        get(tmp_path, server.url)
        server.files[PATH] = body
        one = get(tmp_path, server.url)
        assert one.outcome == "stale"
        assert one.path.read_bytes() == good
        assert [each.name for each in one.path.parent.iterdir() if not each.name.endswith(".lock")] == ["all.zip"]

    def test_more_than_the_limit(self, server: Server, tmp_path: Path) -> None:
        server.files[PATH] = archive("GHSA-1") + bytes(100_000)
        limits = replace(LIMITS, layer_bytes=50_000)
        (one,) = fetch(tmp_path, mirrors=(server.url,), downloads=ONE, limits=limits, sleep=lambda _: None)
        assert one.outcome == "missing"
        assert "more than 50000 bytes" in one.reason

    def test_redirects_in_circles(self, server: Server, tmp_path: Path) -> None:
        server.behave[PATH] = [status(302, Location=PATH)] * 50
        assert get(tmp_path, server.url).outcome == "missing"

    def test_nonsense_instead_of_http(self, server: Server, tmp_path: Path) -> None:
        def nonsense(handler: Any) -> bool:
            handler.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")
            handler.close_connection = True
            return True

        server.behave[PATH] = [nonsense] * 9
        assert get(tmp_path, server.url).outcome == "missing"


def test_two_at_once(server: Server, tmp_path: Path) -> None:
    data = server.files[PATH] = archive(*(f"GHSA-{n}" for n in range(200)))
    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(get(tmp_path, server.url).outcome)) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(outcomes) <= {"new", "unchanged"}
    assert len(outcomes) == 6
    assert (tmp_path / "osv/npm/all.zip").read_bytes() == data


class TestUpdate:
    def test_fetch_and_build(self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        kev = Download("kev", "kev/kev.json", "")
        monkeypatch.setattr("thwart.advisories.fetch._wanted", lambda *_: [*ONE, kev])
        server.files[PATH] = archive("GHSA-1")
        places = api_db.Places(data_dir=tmp_path / "d", cache_dir=None)
        done = api_db.update(places, today=date(2026, 9, 1), mirrors=(server.url,), limits=LIMITS)
        assert (done.new, [one.slug for one in done.problems]) == (("osv-npm",), ["feed-missing"])
        with api_db.open_database(places) as database:
            assert [one.advisory for one in database.affected("npm", "ghsa-1")] == ["GHSA-1"]
        again = api_db.update(places, today=date(2026, 9, 1), mirrors=(server.url,), limits=LIMITS)
        assert (again.new, again.unchanged, again.build) == ((), ("osv-npm",), None)
        down = api_db.update(
            places, today=date(2026, 9, 1), mirrors=("http://127.0.0.1:9",), limits=replace(LIMITS, retries=0)
        )
        assert [one.slug for one in down.problems] == ["feed-stale", "feed-missing"]
        with api_db.open_database(places) as database:
            assert database.ecosystems() == {"npm"}

    def test_nothing_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("thwart.advisories.fetch._wanted", lambda *_: list(ONE))
        places = api_db.Places(data_dir=tmp_path, cache_dir=None)
        with pytest.raises(DatabaseError, match="no feed could be downloaded"):
            api_db.update(
                places, today=date(2026, 9, 1), mirrors=("http://127.0.0.1:9",), limits=replace(LIMITS, retries=0)
            )
        assert not places.own.exists()

    def test_an_unknown_feed(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no feed is called nonsense"):
            fetch(tmp_path, only=("nonsense",))


def test_feeds_whose_licence_asks_for_a_decision_are_not_fetched_unasked() -> None:
    names = {one.name for one in _wanted(DOWNLOADS, ())}
    assert "osv-npm" in names
    assert not names & {"osv-Wolfi", "osv-Chainguard", "wolfi"}
    assert [one.name for one in _wanted(DOWNLOADS, ("wolfi",))] == ["wolfi"]


def test_official_addresses_are_encrypted_and_paths_are_distinct() -> None:
    assert all(one.url.startswith("https://") for one in DOWNLOADS)
    assert len({one.path for one in DOWNLOADS}) == len({one.name for one in DOWNLOADS}) == len(DOWNLOADS)
    assert all(not one.path.startswith(("/", ".")) and ".." not in one.path for one in DOWNLOADS)
    assert all(one.licence and one.attribution for one in HOMES.values())
