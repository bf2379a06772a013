"""What is to be signed anew when Docker Content Trust is left."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.trust.notary_workshop import DIGEST, GUN, NOW, OTHER, YEAR, Notary, ecdsa, pieces, target
from thwart import trust
from thwart.api import _migrate
from thwart.cli import _command
from thwart.core.trust import Evidence, Roots
from thwart.trust.signing import OCI_MANIFEST


def plan(notary: Notary, *, pinned: bool = True, **more: object) -> _migrate.Plan:
    anchors = trust.read_roots(Roots(pins={GUN: notary.root_key.pem} if pinned else {}))
    now = more.pop("now", NOW)
    return _migrate.plan(GUN, Evidence(pieces=pieces(notary.files())), anchors, now, **more)  # type: ignore[arg-type]


def test_one_signature_for_each_digest_with_all_its_tags() -> None:
    notary = Notary()
    notary.targets |= {"v2": target(OTHER), "latest": target(), "no tag": target()}
    notary.delegate("targets/releases", [ecdsa()], {"v2": target(), "stable": target()})
    notary.delegate("targets/alice", [ecdsa()], {"alices": target(OTHER)})
    found = plan(notary)
    (signing,) = found.signings
    assert signing.reference == f"{GUN}@{DIGEST}"
    assert signing.tags == ("latest", "stable", "v1", "v2")
    assert signing.roles == ("targets", "targets/releases")
    assert [one.slug for one in found.refused] == ["no-tag"]
    assert found.remembered


def test_what_is_not_verified_is_not_signed_anew() -> None:
    notary = Notary()
    for found, slug in ((plan(notary, pinned=False), "first-use"), (plan(notary, now=NOW + YEAR), "expired")):
        assert not found.signings
        assert [one.slug for one in found.refused] == [slug]
        assert not found.remembered
    assert plan(notary, pinned=False, first_use=True).signings


def test_while_releases_cannot_be_read_nothing_of_targets_counts() -> None:
    notary = Notary()
    notary.delegate("targets/releases", [ecdsa()], {}, signers=[ecdsa()])
    found = plan(notary)
    assert not found.signings
    assert {one.slug for one in found.refused} == {"signature", "overruled"}


# -- the command --------------------------------------------------------------------------------------------------------


class Store(BaseHTTPRequestHandler):
    """A registry that takes whatever is sent, without the referrers API."""

    held: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        data = self.held.get(self.path)
        if data is None:
            return self.answer(404, b"{}")
        manifest = json.loads(data) if "/manifests/" in self.path else {}
        return self.answer(200, data, **{"Content-Type": manifest.get("mediaType", OCI_MANIFEST)})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.answer(202, b"", Location=self.path + "u")

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        above = self.path.partition("uploads/u")[0] if "uploads/u" in self.path else self.path.rpartition("/")[0] + "/"
        self.held |= {self.path: data, above + digest: data}
        self.answer(201, b"", **{"Docker-Content-Digest": digest})

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def registry() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Its host, and what it holds."""
    held: dict[str, bytes] = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Holding", (Store,), {"held": held})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}", held
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("THWART_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("THWART_KEY_PASSPHRASE", "secret")
    monkeypatch.setenv("NO_PROXY", "*")
    assert _command("sign", ["--generate-key", "release"]) == 0
    return tmp_path


@pytest.mark.parametrize("layout", ["legacy", "bundle"])
def test_a_repository_moves_from_content_trust_to_cosign(
    registry: tuple[str, dict[str, bytes]], home: Path, capsys: pytest.CaptureFixture[str], layout: str
) -> None:
    host, held = registry
    gun = f"{host}/team/app"
    manifest = json.dumps({"schemaVersion": 2, "config": {}, "layers": []}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    held |= {f"/v2/team/app/manifests/{digest}": manifest}
    notary = Notary(gun)
    notary.targets = {"v1": target(digest, len(manifest)), "latest": target(digest, len(manifest))}
    (home / "mirror").mkdir()
    for role, data in notary.files().items():
        (home / "mirror" / f"{role}.json").write_bytes(data)
    (home / "root.json").write_bytes(notary.root())
    common = ["migrate", gun, "--notary", "mirror", "--at", NOW.isoformat(), "--plain-http"]
    key = ["--key", "release.key", "--layout", layout]
    assert _command("trust", [*common, *key]) == 2  # nothing says which root
    assert _command("trust", [*common, "--pin", "root.json"]) == 0
    assert len(held) == 1, "without a key nothing is written"
    assert _command("trust", [*common, "--pin", "release.pub", *key]) == 1  # another root
    assert "untrusted-root" in capsys.readouterr().err
    assert _command("verify", [f"{gun}@{digest}", "--key", "release.pub", "--plain-http"]) == 1
    for verb in ("signed", "signed before"):
        capsys.readouterr()
        assert _command("trust", [*common, "--pin", "root.json", *key]) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first == f"{gun}@{digest}: latest, v1, vouched for by targets"
        assert second.startswith(f"{gun}: {verb} ")
    assert _command("verify", [f"{gun}@{digest}", "--key", "release.pub", "--plain-http"]) == 0


def test_what_the_registry_lacks_does_not_stop_the_others(
    registry: tuple[str, dict[str, bytes]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host, held = registry
    gun = f"{host}/team/app"
    manifest = b'{"schemaVersion":2}'
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    held |= {f"/v2/team/app/manifests/{digest}": manifest}
    notary = Notary(gun)
    notary.targets = {"gone": target("sha256:" + "00" * 32), "there": target(digest, len(manifest))}
    (home / "mirror").mkdir()
    for role, data in notary.files().items():
        (home / "mirror" / f"{role}.json").write_bytes(data)
    flags = ["--notary", "mirror", "--first-use", "--at", NOW.isoformat(), "--plain-http", "--key", "release.key"]
    assert _command("trust", ["migrate", gun, f"{host}/other", *flags]) == 4
    told = capsys.readouterr()
    assert f"{gun}: signed {digest}" in told.out
    assert f"{gun}@sha256:{'00' * 32}: " in told.err
    assert f"{host}/other: " in told.err
