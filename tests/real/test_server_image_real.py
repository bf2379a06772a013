"""deploy/Dockerfile is built as it stands; the image passes our own scan, and serves as nobody in particular."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.real.conftest import _debootstrap, mirror, need, once, run, thwart
from tests.real.test_admission_real import listening, ports, until
from tests.unit.admission.test_reviews import PRIVILEGED, review

pytestmark = pytest.mark.real

HERE = Path(__file__).parents[2]
RUN = "base-files,libc6,python3,ca-certificates,libssl3,libffi8,tzdata,netbase"


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI layout with the image, built from Debian alone and the package index that pip is configured with."""
    need("buildah", "mmdebstrap", "umoci")
    if os.geteuid() != 0:
        pytest.skip("building in a chroot needs root")
    return once(tmp_path_factory, "server-image", build) / "L"


def build(folder: Path) -> None:
    _debootstrap(folder, "bookworm", RUN)
    line = f"deb {mirror()} bookworm main"
    run("mmdebstrap", "-q", "--variant=minbase", "--include=python3-pip,ca-certificates", "bookworm",
        folder / "build.tar", line)  # fmt: skip
    buildah = ("buildah", "--root", folder / "store", "--runroot", folder / "runroot", "--storage-driver", "overlay")

    def base(name: str, archive: Path) -> str:
        container = run(*buildah, "from", "scratch").strip()
        run(*buildah, "add", "-q", container, archive, "/")
        run(*buildah, "commit", "-q", "--rm", container, f"localhost/{name}:1")
        digest = run(*buildah, "images", "--digests", "--format", "{{.Digest}}", f"localhost/{name}:1").strip()
        return f"localhost/{name}@{digest}"

    bases = {"BUILD": base("build", folder / "build.tar"), "RUN": base("run", folder / "base.tar")}
    given = [word for name, value in bases.items() for word in ("--build-arg", f"{name}={value}")]
    certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"  # this machine's way to the package index
    run(*buildah, "bud", "--isolation", "chroot", "--format", "docker", "--pull-never", "--volume", certificates,
        *given, "-t", "localhost/thwart:1", "-f", HERE / "deploy" / "Dockerfile", HERE)  # fmt: skip
    run(*buildah, "push", "-q", "localhost/thwart:1", f"oci:{folder / 'L'}:1")
    run(*buildah, "rmi", "--all", "--force")
    shutil.rmtree(folder / "store", ignore_errors=True)


def test_no_rule_of_images_objects(layout: Path, tmp_path: Path) -> None:
    done = thwart("scan", layout, "--offline", "-o", "json", home=tmp_path / "home")
    found = [
        (one["severity"], one["id"], one["message"]) for one in done.report["findings"] if one.get("kind") == "rule"
    ]
    assert [one for one in found if one[0] not in ("low", "negligible")] == []
    assert len(done.report["packages"]) > 40, "neither wheels nor Debian's packages were found"


def test_it_answers_reviews_as_nobody_in_particular(layout: Path, tmp_path: Path) -> None:
    run("umoci", "unpack", "--image", f"{layout}:1", tmp_path / "bundle")
    root = tmp_path / "bundle" / "rootfs"
    config = json.loads((tmp_path / "bundle" / "config.json").read_text())["process"]
    assert (config["user"]["uid"], config["user"]["gid"]) == (10001, 10001)
    writable = root / "run" / "thwart"
    writable.mkdir()
    os.chown(writable, 10001, 10001)
    [port] = ports(1)
    words = [*config["args"][:3], "serve", "--admission", "--tls", "/run/thwart/tls", "--listen", f"127.0.0.1:{port}"]
    environment = dict(one.split("=", 1) for one in config["env"])
    with (tmp_path / "log").open("wb") as log:
        command = ["chroot", "--userspec=10001:10001", str(root), *words]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: listening(port) or process.poll() is not None, 20)
        assert process.poll() is None, (tmp_path / "log").read_text()
        response = asked(port, writable / "tls" / "ca.crt")
        assert response["allowed"] is False
        assert "privileged-container" in response["status"]["message"]
    finally:
        process.kill()
        process.wait(10)


def asked(port: int, authority: Path) -> dict[str, Any]:
    context = ssl.create_default_context(cafile=authority)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    connection.request("POST", "/validate?timeout=10s", review(PRIVILEGED))
    found: dict[str, Any] = json.loads(connection.getresponse().read())["response"]
    connection.close()
    return found
