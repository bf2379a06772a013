"""Notary repositories in folders, and on a server that asks for a token."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.trust.notary_workshop import GUN, Notary, certified, ecdsa, target
from thwart.core.errors import SourceError
from thwart.core.limits import Limits
from thwart.core.trust import Evidence
from thwart.sources._credentials import Credentials
from thwart.sources._notary import NotaryServer, read_folder
from thwart.sources._url import Url

RELEASES = "targets/releases"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    notary = Notary()
    notary.delegate(RELEASES, [ecdsa()], {"v1": target()})
    notary.rotate(certified(), 2)
    return notary.files()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def roles(evidence: Evidence) -> list[tuple[str, str]]:
    return sorted((one.annotations["role"], one.where) for one in evidence.pieces)


@pytest.mark.parametrize(
    "layout", ["", "{}/_trust/tuf", "v2/{}/_trust/tuf", "tuf/{}/metadata", "trust/tuf/{}/metadata"]
)
def test_every_layout_of_a_folder_is_read(tmp_path: Path, files: dict[str, bytes], layout: str) -> None:
    write(tmp_path / layout.format(GUN), files)
    found = read_folder(tmp_path, GUN)
    assert not found.missing
    assert roles(found) == sorted(("root" if name.endswith("root") else name, f"{name}.json") for name in files)


def test_names_with_versions_and_hashes_are_read_and_copies_once(tmp_path: Path, files: dict[str, bytes]) -> None:
    digest = hashlib.sha256(files[RELEASES]).hexdigest()
    write(
        tmp_path,
        {**files, f"{RELEASES}.{digest}": files[RELEASES], f"3.{RELEASES}": b"{}", "other": b"", "x.root": b""},
    )
    found = read_folder(tmp_path, GUN)
    assert [one.where for one in found.pieces if one.annotations["role"] == RELEASES] == [
        f"{RELEASES}.json",
        f"3.{RELEASES}.json",
    ]
    assert len(found.pieces) == len(files) + 1


def test_what_cannot_be_read_is_missing(tmp_path: Path, files: dict[str, bytes]) -> None:
    write(tmp_path, files)
    (tmp_path / "targets.json").unlink()
    os.mkfifo(tmp_path / "targets.json")
    with (tmp_path / "snapshot.json").open("ab") as file:
        file.truncate(1 << 30)
    assert sorted(one.slug for one in read_folder(tmp_path, GUN).missing) == ["unreadable", "unreadable"]


def test_a_folder_without_a_repository_is_an_error(tmp_path: Path) -> None:
    for gun in (GUN, "../..", ""):
        with pytest.raises(SourceError):
            read_folder(tmp_path, gun)


class Handler(BaseHTTPRequestHandler):
    """A Notary server behind a token service, which is on the same host."""

    files: dict[str, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.asked.append(self.path)
        if url.path == "/token":
            (scope,) = parse_qs(url.query)["scope"]
            allowed = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"alice:secret").decode()
            self.answer(200 if allowed and scope == f"repository:{GUN}:pull" else 401, b'{"token":"t0ken"}')
        elif self.headers.get("Authorization") != "Bearer t0ken":
            realm = f"http://{self.headers['Host']}/token"
            self.answer(401, b"", f'Bearer realm="{realm}",service="notary",scope="repository:{GUN}:pull"')
        else:
            name = url.path.removeprefix(f"/v2/{GUN}/_trust/tuf/")
            self.answer(200 if name in self.files else 404, self.files.get(name, b""))

    def answer(self, status: int, body: bytes, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def handler(files: dict[str, bytes]) -> Iterator[tuple[type[Handler], int]]:
    served = {f"{name}.json": data for name, data in files.items()}
    kind = type("Serving", (Handler,), {"files": served, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield kind, server.server_address[1]
        server.shutdown()
        thread.join()


def fetch(port: int, password: str = "secret") -> Evidence:
    credentials = Credentials(username="alice", password=password, origin="a test")
    home = Url("http", "127.0.0.1", port, "/")
    server = NotaryServer(home, GUN, Limits(retries=0), find=lambda: credentials, environment={})
    try:
        return server.evidence()
    finally:
        server.close()


def test_a_server_that_asks_for_a_token(handler: tuple[type[Handler], int], files: dict[str, bytes]) -> None:
    found = fetch(handler[1])
    assert not found.missing, found.missing
    assert {one.content for one in found.pieces} == set(files.values())


def test_files_are_asked_for_by_their_hash(handler: tuple[type[Handler], int], files: dict[str, bytes]) -> None:
    kind, port = handler
    digest = hashlib.sha256(files["snapshot"]).hexdigest()
    kind.files[f"snapshot.{digest}.json"] = kind.files.pop("snapshot.json")
    assert not fetch(port).missing
    assert f"/v2/{GUN}/_trust/tuf/snapshot.{digest}.json" in kind.asked


def test_wrong_credentials_and_lies_leave_something_missing(handler: tuple[type[Handler], int]) -> None:
    kind, port = handler
    assert [one.slug for one in fetch(port, "wrong").missing] != []
    kind.files["timestamp.json"] = b"x" * (2 << 20)
    assert "larger" in fetch(port).missing[0].sentence
    kind.files["timestamp.json"] = b"[" * 100
    assert "cannot be read" in fetch(port).missing[0].sentence
    meta = {"../../root": {"hashes": {"sha256": "AA=="}}, "snapshot": {"hashes": {"sha256": "/../"}}, "x": 1}
    kind.files["timestamp.json"] = json.dumps({"signed": {"meta": meta}}).encode()
    kind.asked.clear()
    fetch(port)
    assert all(".." not in path for path in kind.asked)


@pytest.mark.parametrize("gun", ["", "a/../b", "a?b", "/a", "a b"])
def test_a_name_that_would_lead_elsewhere_is_refused(gun: str) -> None:
    with pytest.raises(SourceError):
        NotaryServer(Url("http", "127.0.0.1", 1, "/"), gun, Limits())
