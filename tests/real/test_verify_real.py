"""`thwart verify` beside a real registry with TLS and users, into which the real cosign signed, in both of its layouts."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.real.conftest import Registry, certificates, need, new_image, run, serve, write_layer
from thwart.cli import _command

pytestmark = pytest.mark.real

PASSWORD = "correct horse"
USER = base64.b64encode(b"alice:s3cret").decode()
OFFLINE = ("-y", "--tlog-upload=false")
OFFLINE_3 = (*OFFLINE, "--use-signing-config=false")
PROVENANCE = {
    "buildDefinition": {"buildType": "https://build.example.test/t", "externalParameters": {}},
    "runDetails": {"builder": {"id": "https://build.example.test/builder@v1"}},
}


class Place(NamedTuple):
    """A registry with TLS and users, and a folder with keys."""

    registry: Registry
    folder: Path

    def cosign(self, *arguments: str | Path, version: str = "", **environment: str) -> str:
        variable = f"THWART_TEST_COSIGN{version}"
        program = os.environ.get(variable) or ("" if version else shutil.which("cosign"))
        if not program or not Path(program).exists():
            pytest.skip(f"no cosign: set {variable} to its path")
        own = {
            "COSIGN_PASSWORD": PASSWORD,
            "HOME": str(self.folder),
            "TUF_ROOT": str(self.folder / "tuf"),
            "DOCKER_CONFIG": str(self.folder / "docker"),
            "SSL_CERT_FILE": str(self.registry.ca),
            "NO_PROXY": "*",
        }
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **own, **environment},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def image(self, name: str) -> str:
        """`HOST/NAME@sha256:…` of an image of its own."""
        layer = write_layer(self.folder / "layer.tar", {"name": name})
        new_image(self.folder / name / "L", "t", layer)
        run("skopeo", "copy", "-q", "--dest-creds", "alice:s3cret", *self.registry.skopeo,
            "--digestfile", self.folder / name / "digest",
            f"oci:{self.folder / name / 'L'}:t", f"docker://{self.registry.host}/{name}:1")  # fmt: skip
        return f"{self.registry.host}/{name}@{(self.folder / name / 'digest').read_text().strip()}"


Verify = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    need("umoci", "skopeo", "htpasswd")
    folder = tmp_path_factory.mktemp("place")
    tls = certificates(tmp_path_factory.mktemp("tls"))
    run("htpasswd", "-Bbc", folder / "htpasswd", "alice", "s3cret")
    for registry in serve(folder, tls=tls, users=folder / "htpasswd"):
        (folder / "docker").mkdir()
        (folder / "docker" / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": USER}}}))
        place = Place(registry, folder)
        for name in ("ours", "theirs"):
            place.cosign("generate-key-pair", "--output-key-prefix", name)
        yield place


@pytest.fixture
def verify(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs the command; its exit code and its one result."""
    monkeypatch.chdir(place.folder)
    for name, value in {"HOME": "home", "DOCKER_CONFIG": "docker", "NO_PROXY": "*"}.items():
        monkeypatch.setenv(name, str(place.folder / value) if value != "*" else value)

    def call(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        reach = ["--registry-ca", str(place.registry.ca)]
        code = _command("verify", [*map(str, arguments), *reach, "-o", "json"])
        out, err = capsys.readouterr()
        results = json.loads(out)["results"] if out else []
        return code, results[0] if results else {"error": err}

    return call


LAYOUTS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "tags": ((), {}),
    "referrers": (("--registry-referrers-mode", "oci-1-1"), {"COSIGN_EXPERIMENTAL": "1"}),
    "bundles": (("--new-bundle-format",), {}),
}


@pytest.mark.parametrize("layout", ["tags", "referrers"])
def test_signatures_in_both_layouts(place: Place, verify: Verify, layout: str) -> None:
    image = place.image(f"signed-{layout}")
    code, result = verify(image, "--key", "ours.pub")
    assert (code, result["decision"]) == (1, "denied")
    flags, environment = LAYOUTS[layout]
    place.cosign("sign", *OFFLINE, "--key", "ours.key", "-a", "env=prod", *flags, image, **environment)
    code, result = verify(image, "--key", "ours.pub", "--annotation", "env=prod")
    assert (code, result["decision"]) == (0, "verified"), result
    assert result["signatures"][0]["format"] == "cosign"
    assert verify(image, "--key", "theirs.pub")[0] == 1
    assert verify(image, "--key", "ours.pub", "--annotation", "env=test")[0] == 1
    by_tag = image.partition("@")[0] + ":1"
    code, result = verify(by_tag, "--key", "ours.pub")
    assert (code, result["digests"]) == (0, [image.partition("@")[2]])
    both = ("--key", "ours.pub", "--key", "theirs.pub", "--threshold", "2")
    assert verify(image, *both)[0] == 1
    place.cosign("sign", *OFFLINE, "--key", "theirs.key", *flags, image, **environment)
    assert verify(image, *both)[0] == 0


@pytest.mark.parametrize("layout", ["tags", "bundles"])
def test_attestations_in_both_layouts(place: Place, verify: Verify, layout: str) -> None:
    image = place.image(f"attested-{layout}")
    flags, environment = LAYOUTS[layout]
    (place.folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    stated = ("--type", "slsaprovenance1", "--predicate", "provenance.json")
    place.cosign("attest", *OFFLINE, "--key", "ours.key", *stated, *flags, image, **environment)
    wanted = ("--key", "ours.pub", "--type", "slsaprovenance1", "--builder")
    code, result = verify(image, *wanted, "https://build.example.test/builder@v1")
    assert (code, result["decision"]) == (0, "verified"), result
    assert result["attestations"][0]["predicate"]["buildDefinition"] == PROVENANCE["buildDefinition"]
    assert verify(image, *wanted, "https://build.example.test/other")[0] == 1
    assert verify(image, "--key", "ours.pub")[0] == 1  # an attestation is no signature


def test_cosign_3_signs_an_image(place: Place, verify: Verify) -> None:
    image = place.image("signed-3")
    place.cosign("sign", *OFFLINE_3, "--key", "ours.key", "-a", "env=prod", image, version="3")
    code, result = verify(image, "--key", "ours.pub", "--annotation", "env=prod")
    assert (code, result["decision"]) == (0, "verified"), result
    assert result["signatures"][0]["format"] == "bundle"
    assert verify(image, "--key", "theirs.pub")[0] == 1
    assert verify(image, "--key", "ours.pub", "--annotation", "env=test")[0] == 1
    both = ("--key", "ours.pub", "--key", "theirs.pub", "--threshold", "2")
    assert verify(image, *both)[0] == 1
    place.cosign("sign", *OFFLINE_3, "--key", "theirs.key", image, version="3")
    assert verify(image, *both)[0] == 0


def test_cosign_3_attests(place: Place, verify: Verify) -> None:
    image = place.image("attested-3")
    (place.folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    stated = ("--type", "slsaprovenance1", "--predicate", "provenance.json")
    place.cosign("attest", *OFFLINE_3, "--key", "ours.key", *stated, image, version="3")
    wanted = ("--type", "slsaprovenance1", "--builder", "https://build.example.test/builder@v1")
    code, result = verify(image, "--key", "ours.pub", *wanted)
    assert (code, result["decision"]) == (0, "verified"), result
    assert verify(image, "--key", "theirs.pub", *wanted)[0] == 1
    assert verify(image, "--key", "ours.pub")[0] == 1


def test_cosign_3_signs_a_file(place: Place, verify: Verify) -> None:
    (place.folder / "blob").write_text("hello")
    place.cosign("sign-blob", *OFFLINE_3, "--key", "ours.key", "--bundle", "blob.sigstore.json", "blob", version="3")
    assert verify("blob", "--key", "ours.pub")[0] == 0
    assert verify("blob", "--key", "theirs.pub")[0] == 1
    (place.folder / "blob").write_text("hullo")
    assert verify("blob", "--key", "ours.pub")[0] == 1


def test_signatures_in_another_repository(place: Place, verify: Verify) -> None:
    image = place.image("elsewhere")
    kept = f"{place.registry.host}/kept/signatures"
    place.cosign("sign", *OFFLINE, "--key", "ours.key", image, COSIGN_REPOSITORY=kept)
    assert verify(image, "--key", "ours.pub")[0] == 1
    assert verify(image, "--key", "ours.pub", "--signatures-in", kept)[0] == 0


def test_what_cosign_saves(place: Place, verify: Verify) -> None:
    image = place.image("saved")
    place.cosign("sign", *OFFLINE, "--key", "ours.key", image)
    place.cosign("save", "--dir", "saved-layout", image)
    code, result = verify("oci:saved-layout", "--key", "ours.pub")
    assert (code, result["digests"]) == (0, [image.partition("@")[2]]), result
    assert verify("oci:saved-layout", "--key", "theirs.pub")[0] == 1


@pytest.mark.parametrize("form", [(), ("--new-bundle-format",)], ids=["old", "new"])
def test_a_file_and_its_bundle(place: Place, verify: Verify, form: tuple[str, ...]) -> None:
    name = f"file{len(form)}"
    (place.folder / name).write_text("hello")
    place.cosign("sign-blob", *OFFLINE, "--key", "ours.key", *form, "--bundle", f"{name}.bundle", name)
    assert verify(name, "--key", "ours.pub")[0] == 0  # found beside it
    assert verify(name, "--key", "theirs.pub")[0] == 1
    (place.folder / "other").write_text("hullo")
    assert verify("other", "--key", "ours.pub", "--bundle", f"{name}.bundle")[0] == 1


def test_who_may_not_read_learns_nothing(place: Place, verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    image = place.image("private")
    place.cosign("sign", *OFFLINE, "--key", "ours.key", image)
    monkeypatch.setenv("DOCKER_CONFIG", str(place.folder / "nowhere"))
    assert verify(image, "--key", "ours.pub")[0] == 4


def test_a_scan_asks_who_vouches(place: Place, verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    image = place.image("scanned")
    (place.folder / "trust.toml").write_text('[[trust]]\nscope = "**"\nkey = "ours.pub"\n')
    (place.folder / "gate.toml").write_text("signatures = true\n")
    name = image.partition("@")[0] + ":1"
    reach = ["--ca", str(place.registry.ca), "--trust-policy", "trust.toml", "--policy", "gate.toml", "-o", "json"]
    assert verify(image, "--trust-policy", "trust.toml")[0] == 1
    for decision, objected in (("denied", True), ("verified", False)):
        _command("scan", [name, *reach])
        (report,) = json.loads(capsys.readouterr().out)["reports"]
        assert report["vouched"]["decision"] == decision
        assert any("vouches" in reason for reason in report["verdict"]["reasons"]) is objected
        place.cosign("sign", *OFFLINE, "--key", "ours.key", image)
