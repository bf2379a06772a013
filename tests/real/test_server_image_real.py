"""deploy/Dockerfile is built as it stands; the image passes our own scan, and serves as nobody in particular."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.real.conftest import mirror, need, once, run, thwart
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
    suites = [f"deb {mirror()} bookworm main", f"deb {mirror()}-security bookworm-security main"]
    bootstrap = ("mmdebstrap", "-q", "--variant=minbase", "--include=python3-pip,ca-certificates", "bookworm")
    run(*bootstrap, folder / "build.tar", *suites)
    hook = f"--extract-hook={HERE / 'deploy' / 'run-base-hook'}"
    run("mmdebstrap", "-q", "--variant=extract", hook, f"--include={RUN}", "bookworm", folder / "base.tar", *suites)
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


def test_nothing_is_found_in_it(layout: Path, tmp_path: Path) -> None:
    done = thwart("scan", layout, "--offline", "-o", "json", home=tmp_path / "home")
    assert [(one["severity"], one["id"], one["message"]) for one in done.report["findings"]] == []
    kinds = Counter(one["type"] for one in done.report["packages"])
    assert min(kinds["deb"], kinds["pypi"]) > 20, "a scan that sees no package proves nothing"
    root = unpacked(layout, tmp_path)
    assert (root / "etc" / "ssl" / "certs" / "ca-certificates.crt").stat().st_size > 100_000
    assert not [name for name in ("sh", "bash", "dash", "dpkg", "apt", "pip3") if (root / "usr/bin" / name).exists()]
    assert not (root / "bin" / "sh").exists()


def test_no_rule_objects_to_how_it_is_deployed(tmp_path: Path) -> None:
    done = thwart("check", HERE / "deploy" / "Dockerfile", HERE / "deploy" / "manifests", "-o", "json", home=tmp_path)
    reports = json.loads(done.out)["reports"]
    assert [one for report in reports for one in report["findings"]] == []
    assert not [one for report in reports for one in report["diagnostics"] if one["incomplete"]]


def test_its_packages_are_those_of_the_lock(layout: Path, tmp_path: Path) -> None:
    done = thwart("scan", layout, "--offline", "-o", "json", home=tmp_path / "home")
    found = {(one["name"], one["version"]) for one in done.report["packages"] if one["type"] == "pypi"}
    lock = (HERE / "requirements" / "server.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==([^ ;]+)", lock, re.MULTILINE))
    assert {name for name, _ in found - locked} == {"thwart"}
    assert {"uvicorn", "httptools", "cryptography"} <= {name for name, _ in found & locked}


def unpacked(layout: Path, folder: Path) -> Path:
    run("umoci", "unpack", "--image", f"{layout}:1", folder / "bundle")
    return folder / "bundle" / "rootfs"


def test_it_answers_reviews_as_nobody_in_particular(layout: Path, tmp_path: Path) -> None:
    root = unpacked(layout, tmp_path)
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
