"""Against Debian's docker-registry on loopback, filled by skopeo: plain, with TLS, with TLS and a password."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from thwart.core.limits import Limits
from thwart.lib.reference import parse
from thwart.sources import _registry_errors as errors
from thwart.sources.registry import RegistryOptions, RegistryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

TOOLS = ("docker-registry", "skopeo", "umoci", "htpasswd")
LAYER = os.urandom(3_000_000)
LIMITS = Limits(network_seconds=10, retries=1)


def run(*command: str | Path, **named: Any) -> bytes:
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=30, **named)
    assert done.returncode == 0, done.stderr.decode()
    return bytes(done.stdout)


@dataclass
class Registry:
    """A running registry, and how skopeo and we reach it."""

    host: str
    skopeo: list[str]
    options: dict[str, Any] = field(default_factory=dict)

    def store(self, name: str, **options: Any) -> RegistryStore:
        made = RegistryOptions(**{"environment": {}, **self.options, **options})
        return RegistryStore(parse(f"{self.host}/{name}"), made, LIMITS)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI layout with one image, `app`, of two layers."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("layout")
    image = f"{folder / 'oci'}:app"
    (folder / "large").write_bytes(LAYER)
    (folder / "small").write_text("hello\n")
    run("umoci", "init", "--layout", folder / "oci")
    run("umoci", "new", "--image", image)
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    for name in ("large", "small"):
        run("umoci", "insert", *rootless, "--image", image, folder / name, f"/srv/{name}")
    return folder / "oci"


def start(folder: Path, settings: dict[str, Any]) -> tuple[subprocess.Popen[bytes], int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings["http"]["addr"] = f"127.0.0.1:{port}"
    config = {"version": "0.1", "log": {"level": "error"}, **settings}
    config["storage"] = {"filesystem": {"rootdirectory": str(folder / "data")}}
    file = folder / "registry.yml"
    file.write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(file)], stdout=log, stderr=log)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return process, port
    process.kill()
    process.wait()
    pytest.fail(f"docker-registry does not start: {(folder / 'log').read_text()[-500:]}")


def serve(folder: Path, settings: dict[str, Any], layout: Path, skopeo: list[str]) -> Iterator[str]:
    process, port = start(folder, settings)
    try:
        host = f"127.0.0.1:{port}"
        for name, form in (("app", "oci"), ("docker", "v2s2")):
            run("skopeo", "copy", "--format", form, *skopeo, f"oci:{layout}:app", f"docker://{host}/demo/{name}:1")
        yield host
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def plain(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    for host in serve(tmp_path_factory.mktemp("plain"), {"http": {}}, layout, ["--dest-tls-verify=false"]):
        yield Registry(host, ["--tls-verify=false"], {"plain_http": True})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    pair.private_key_pem.write_to_path(folder / "server.key.pem")
    (folder / "server.pem").write_bytes(b"".join(part.bytes() for part in pair.cert_chain_pems))
    return folder


def tls(certificates: Path) -> dict[str, Any]:
    return {"tls": {"certificate": f"{certificates}/server.pem", "key": f"{certificates}/server.key.pem"}}


@pytest.fixture(scope="module")
def secure(layout: Path, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    (client := tmp_path_factory.mktemp("client")).joinpath("ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    folder = tmp_path_factory.mktemp("secure")
    for host in serve(folder, {"http": tls(certificates)}, layout, ["--dest-cert-dir", str(client)]):
        yield Registry(host, ["--cert-dir", str(client)], {"ca": certificates / "ca.crt"})


@pytest.fixture(scope="module")
def private(layout: Path, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """TLS and htpasswd; the credentials are in a file that `skopeo login` wrote."""
    folder = tmp_path_factory.mktemp("private")
    (client := tmp_path_factory.mktemp("client")).joinpath("ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    run("htpasswd", "-Bbc", folder / "htpasswd", "alice", "s3cret")
    settings = {"http": tls(certificates), "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}}
    skopeo = ["--dest-cert-dir", str(client), "--dest-creds", "alice:s3cret"]
    for host in serve(folder, settings, layout, skopeo):
        file = folder / "auth.json"
        run("skopeo", "login", "--authfile", file, "--cert-dir", client, "-u", "alice", "-p", "s3cret", host)
        reach = ["--cert-dir", str(client), "--authfile", str(file)]
        yield Registry(host, reach, {"ca": certificates / "ca.crt", "auth_files": (file,)})


@pytest.fixture(params=["plain", "secure", "private"])
def registry(request: pytest.FixtureRequest) -> Registry:
    found: Registry = request.getfixturevalue(request.param)
    return found


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("demo/app", "application/vnd.oci.image.manifest.v1+json"),
        ("demo/docker", "application/vnd.docker.distribution.manifest.v2+json"),
    ],
)
def test_an_image_is_read_whole(registry: Registry, name: str, media_type: str) -> None:
    store = registry.store(name)
    manifest = store.manifest("1")
    assert manifest.raw == run("skopeo", "inspect", "--raw", *registry.skopeo, f"docker://{registry.host}/{name}:1")
    assert manifest.media_type == media_type
    assert manifest.digest == digest_of(manifest.raw)
    assert store.manifest(manifest.digest) == manifest
    document = json.loads(manifest.raw)
    blobs = [document["config"], *document["layers"]]
    assert len(blobs) == 3
    with ThreadPoolExecutor(3) as pool:
        contents = list(pool.map(lambda blob: b"".join(store.blob(blob["digest"], blob["size"])), blobs))
    assert [digest_of(content) for content in contents] == [blob["digest"] for blob in blobs]
    assert [len(content) for content in contents] == [blob["size"] for blob in blobs]
    assert max(len(content) for content in contents) > len(LAYER)


def test_what_is_not_there(registry: Registry) -> None:
    store = registry.store("demo/app")
    with pytest.raises(errors.NotFoundError, match="no such tag: 2"):
        store.manifest("2")
    with pytest.raises(errors.NotFoundError):
        store.manifest("sha256:" + "0" * 64)
    with pytest.raises(errors.NotFoundError):
        list(store.blob("sha256:" + "0" * 64, 1))
    absent = registry.store("absent/app")
    with pytest.raises(errors.NotFoundError):
        absent.manifest("1")


def test_an_index(plain: Registry) -> None:
    store = plain.store("demo/app")
    image = store.manifest("1")
    kind = "application/vnd.oci.image.index.v1+json"
    entry = {"mediaType": image.media_type, "digest": image.digest, "size": len(image.raw)}
    raw = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}).encode()
    url = f"http://{plain.host}/v2/demo/app/manifests/many"
    request = urllib.request.Request(url, raw, {"Content-Type": kind}, method="PUT")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(request, timeout=10).close()
    assert store.manifest("many") == (raw, kind, digest_of(raw))


def test_without_the_flag_there_is_no_plain_http(plain: Registry) -> None:
    with pytest.raises(errors.PlainHttpError) as caught:
        plain.store("demo/app", plain_http=False).manifest("1")
    assert "--plain-http" in caught.value.hints[0]


def test_with_the_flag_there_is_no_tls(secure: Registry) -> None:
    with pytest.raises(errors.PlainHttpError) as caught:
        secure.store("demo/app", plain_http=True).manifest("1")
    assert "--plain-http" in caught.value.hints[0]


def test_an_authority_that_nobody_named(secure: Registry) -> None:
    with pytest.raises(errors.TlsError) as caught:
        secure.store("demo/app", ca=None).manifest("1")
    assert "--ca" in caught.value.hints[0]


def test_no_password_a_wrong_one_and_the_right_one(private: Registry) -> None:
    with pytest.raises(errors.UnauthorizedError, match="without credentials"):
        private.store("demo/app", auth_files=()).manifest("1")
    with pytest.raises(errors.UnauthorizedError, match="credentials of alice"):
        private.store("demo/app", username="alice", password="wrong").manifest("1")
    store = private.store("demo/app", auth_files=(), username="alice", password="s3cret")
    assert store.manifest("1")


def test_a_blob_in_parts(plain: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after a megabyte: the real registry's ranges carry on."""
    from thwart.sources import _registry_http as http

    broken: list[int] = []
    original = http.Answer.stream

    def stream(self: http.Answer) -> Iterator[bytes]:
        got = 0
        for piece in original(self):
            got += len(piece)
            yield piece
            if not broken and got > 1_000_000:
                broken.append(got)
                raise errors.BrokenError("cut by the test")

    monkeypatch.setattr(http.Answer, "stream", stream)
    store = plain.store("demo/app")
    layer = max(json.loads(store.manifest("1").raw)["layers"], key=lambda entry: entry["size"])
    assert digest_of(b"".join(store.blob(layer["digest"], layer["size"]))) == layer["digest"]
    assert broken
