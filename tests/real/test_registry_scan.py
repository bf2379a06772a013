"""The whole way: a real registry, the real command line, a real Debian image; who may, who may not, and what is fetched."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import Registry, certificates, debs_of, debs_told_by_dpkg, need, once, run, serve, thwart

pytestmark = pytest.mark.real

INDEX = "application/vnd.oci.image.index.v1+json"
HELPER = """#!/bin/sh
[ "$1" = get ] || exit 1
read -r server
[ "$server" = "{host}" ] || {{ echo "credentials not found in native keychain"; exit 1; }}
printf '{{"ServerURL":"%s","Username":"alice","Secret":"s3cret"}}' "$server"
"""


@pytest.fixture(scope="module")
def plain(layout: Path, bullseye_layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Holds `demo/x:1`, `demo/old:1` and `demo/many:1`, an index of both."""
    for registry in serve(tmp_path_factory.mktemp("plain")):
        registry.copy(layout, "t", "demo/x:1")
        registry.copy(layout, "t", "demo/many:amd64")
        registry.copy(bullseye_layout, "t", "demo/many:arm64")
        put_index(registry)
        yield registry


def put_index(registry: Registry) -> None:
    entries = []
    for architecture in ("amd64", "arm64"):
        digest, size, kind = manifest(registry, f"demo/many:{architecture}")
        platform = {
            "os": "linux",
            "architecture": architecture,
            **({"variant": "v8"} if architecture == "arm64" else {}),
        }
        entries.append({"mediaType": kind, "digest": digest, "size": size, "platform": platform})
    raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    url = f"http://{registry.host}/v2/demo/many/manifests/1"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, raw, {"Content-Type": INDEX}, method="PUT")
    opener.open(request, timeout=10).close()


def manifest(registry: Registry, name: str) -> tuple[str, int, str]:
    """Digest, size and media type of a manifest, as skopeo sees them."""
    reach = [flag.removeprefix("--dest-") for flag in registry.skopeo]
    flags = [flag if flag.startswith(("--", "/")) else f"--{flag}" for flag in reach]
    raw = run("skopeo", "inspect", "--raw", *flags, f"docker://{registry.host}/{name}")
    plain = run("skopeo", "inspect", "-n", *flags, f"docker://{registry.host}/{name}")
    kind = json.loads(raw).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
    return str(json.loads(plain)["Digest"]), len(raw.encode()), str(kind)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(layout: Path, tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    for registry in serve(tmp_path_factory.mktemp("secure"), tls=tls):
        registry.copy(layout, "t", "demo/x:1")
        yield registry


@pytest.fixture(scope="module")
def private(layout: Path, tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """TLS, and only for alice."""
    need("htpasswd")
    folder = tmp_path_factory.mktemp("private")
    run("htpasswd", "-Bbc", folder / "htpasswd", "alice", "s3cret")
    for registry in serve(folder, tls=tls, users=folder / "htpasswd"):
        registry.skopeo += ["--dest-creds", "alice:s3cret"]
        registry.copy(layout, "t", "demo/x:1")
        yield registry


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cache is warm after the first scan, which keeps the other tests fast."""
    return once(tmp_path_factory, "registry-home", lambda folder: None)


def login(folder: Path, host: str, password: str) -> str:
    """A Docker configuration with that password; its folder."""
    folder.mkdir()
    auth = base64.b64encode(f"alice:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return str(folder)


# -- what is found ------------------------------------------------------------------------------------------------------


def test_a_tag_lists_what_dpkg_lists(plain: Registry, bookworm: Path, tmp_path: Path) -> None:
    done = thwart("sbom", f"{plain.host}/demo/x:1", "--plain-http", "-o", "json", home=tmp_path)
    assert done.code == 0, done.err
    report = done.report
    asked = [request for request in plain.requests() if request.startswith("GET /v2/demo/x/blobs/")]
    assert debs_of(report) == debs_told_by_dpkg(bookworm / "var/lib/dpkg")
    assert {p["name"] for p in report["packages"] if p["type"] == "npm"} == {"keep"}
    assert report["asset"]["name"] == f"{plain.host}/demo/x:1"
    assert report["asset"]["digest"] == manifest(plain, "demo/x:1")[0]
    layers = {layer["digest"] for layer in report["layers"]}
    assert len(layers) == 3
    blobs = [request.rpartition("/")[2] for request in asked]
    assert sorted(blobs) == sorted({*layers, report["asset"]["image_id"]}), "each layer once, and the configuration"


def test_a_digest_and_both(plain: Registry, home: Path) -> None:
    digest = manifest(plain, "demo/x:1")[0]
    for name in (f"demo/x@{digest}", f"demo/x:1@{digest}"):
        done = thwart("sbom", f"{plain.host}/{name}", "--plain-http", "-o", "json", home=home)
        assert done.code == 0, done.err
        assert done.report["asset"]["digest"] == digest
    wrong = f"{plain.host}/demo/x@sha256:{'0' * 64}"
    done = thwart("sbom", wrong, "--plain-http", home=home)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error[not-found]: ")


def test_the_second_scan_fetches_no_layer(plain: Registry, tmp_path: Path) -> None:
    first = thwart("scan", f"{plain.host}/demo/x:1", "--plain-http", "-o", "json", home=tmp_path)
    before = len(plain.requests())
    second = thwart("scan", f"{plain.host}/demo/x:1", "--plain-http", "-o", "json", home=tmp_path)
    assert (second.code, second.report["findings"]) == (first.code, first.report["findings"])
    layers = {layer["digest"] for layer in first.report["layers"]}
    asked = plain.requests()[before:]
    assert asked, "the tag must be looked up again: it may have moved"
    assert not {request.rpartition("/")[2] for request in asked} & layers


@pytest.mark.parametrize(
    ("platform", "release"), [("linux/amd64", "12"), ("linux/arm64", "11"), ("linux/arm64/v8", "11")]
)
def test_an_index_of_two_platforms(
    plain: Registry, platform: str, release: str, bookworm: Path, bullseye: Path, home: Path
) -> None:
    name = f"{plain.host}/demo/many:1"
    done = thwart("sbom", name, "--plain-http", "--platform", platform, "-o", "json", home=home)
    assert done.code == 0, done.err
    root = bookworm if release == "12" else bullseye
    assert debs_of(done.report) == debs_told_by_dpkg(root / "var/lib/dpkg")
    assert done.report["asset"]["platform"].startswith(platform.rpartition("/v")[0])


def test_a_platform_that_the_index_lacks(plain: Registry, home: Path) -> None:
    name = f"{plain.host}/demo/many:1"
    done = thwart("sbom", name, "--plain-http", "--platform", "linux/s390x", home=home)
    assert (done.code, done.out) == (4, "")
    assert "linux/amd64" in done.err  # says what there is


# -- who may --------------------------------------------------------------------------------------------------------------


def test_an_authority_of_one_s_own(secure: Registry, bookworm: Path, home: Path) -> None:
    assert secure.ca is not None
    done = thwart("sbom", f"{secure.host}/demo/x:1", "--ca", secure.ca, "-o", "json", home=home)
    assert done.code == 0, done.err
    assert debs_of(done.report) == debs_told_by_dpkg(bookworm / "var/lib/dpkg")
    unknown = thwart("sbom", f"{secure.host}/demo/x:1", home=home)
    assert (unknown.code, unknown.out) == (4, "")
    assert unknown.err.startswith("error[tls]: ")
    assert "--ca" in unknown.err


def test_credentials_of_docker(private: Registry, home: Path, tmp_path: Path) -> None:
    assert private.ca is not None
    arguments = ("sbom", f"{private.host}/demo/x:1", "--ca", private.ca, "-o", "json")
    done = thwart(*arguments, home=home, DOCKER_CONFIG=login(tmp_path / "docker", private.host, "s3cret"))
    assert done.code == 0, done.err
    assert len(done.report["packages"]) > 30


def test_credentials_of_a_helper(
    private: Registry, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(HELPER.format(host=private.host))
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {private.host: "test"}}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert private.ca is not None
    arguments = ("sbom", f"{private.host}/demo/x:1", "--ca", private.ca, "-o", "json")
    done = thwart(*arguments, home=home, DOCKER_CONFIG=str(tmp_path))
    assert done.code == 0, done.err
    assert len(done.report["packages"]) > 30


@pytest.mark.parametrize("password", ["", "wr0ng"])
def test_no_password_and_a_wrong_one(private: Registry, home: Path, tmp_path: Path, password: str) -> None:
    assert private.ca is not None
    more = {"DOCKER_CONFIG": login(tmp_path / "docker", private.host, password)} if password else {}
    done = thwart("scan", f"{private.host}/demo/x:1", "--ca", private.ca, home=home, **more)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error[unauthorized]: ")
    assert "hint: " in done.err
    assert "wr0ng" not in done.err


# -- what fails, and how ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("demo/x:2", ["--plain-http"], "error[not-found]: "),
        ("absent/x:1", ["--plain-http"], "error[not-found]: "),
        ("demo/x:1", [], "error[plain-http]: "),
        ("demo/x:1", ["--plain-http", "--offline"], "error["),
    ],
)
def test_what_cannot_be_had(plain: Registry, home: Path, name: str, flags: list[str], said: str) -> None:
    before = len(plain.requests())
    done = thwart("scan", f"{plain.host}/{name}", *flags, home=home)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(said)
    assert len(done.err.splitlines()[0]) < 300
    if not flags:
        assert "hint: " in done.err
        assert "--plain-http" in done.err
    if "--offline" in flags:
        assert "offline" in done.err
        assert len(plain.requests()) == before, "offline means that nothing is asked"


def test_a_registry_that_is_gone(home: Path) -> None:
    done = thwart("scan", "127.0.0.1:9/demo/x:1", "--plain-http", home=home)
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error[unreachable]: ")


def test_one_target_that_fails_does_not_stop_the_others(plain: Registry, home: Path) -> None:
    names = (f"{plain.host}/demo/x:2", f"{plain.host}/demo/x:1")
    done = thwart("scan", *names, "--plain-http", "-o", "json", home=home)
    assert done.code == 4
    assert done.report["asset"]["name"] == names[1]
    assert done.err.startswith("error[not-found]: ")
