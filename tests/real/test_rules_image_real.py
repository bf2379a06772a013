"""Rules on a real Debian image with planted flaws: from every wrapping, and held against `find` in what umoci unpacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import Registry, need, once, run, serve, thwart
from thwart import ScanOptions, scan
from thwart.core.finding import Finding

pytestmark = pytest.mark.real

HIDDEN = {"root/deploy.key", "root/.aws/credentials", "root/plain"}
AWS = "[default]\naws_secret_access_key = abcdefghij0123456789abcdefghij0123456789\n"


def plant(root: Path) -> None:
    """Flaws of every kind that a tar header or a small file shows."""
    for folder in ("root/.aws", "app/bin", "app/plugins", "usr/local/bin", "etc/ssh", "home", "opt", "srv"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    run("openssl", "genrsa", "-out", root / "root/deploy.key", "2048")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / "root/plain")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "words", "-f", root / "etc/ssh/sealed")
    (root / "root/.aws/credentials").write_text(AWS)
    (root / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\napp:x:10001:10001::/app:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"
    )
    (root / "etc/shadow").write_text("root:*:19000:0:99999:7:::\napp::19000:0:99999:7:::\n")
    for name, mode in (
        ("app/bin/run", 0o755),
        ("usr/local/bin/odd", 0o4755),
        ("srv/group", 0o2755),
        ("app/open", 0o666),
    ):
        (root / name).write_text("#!/bin/sh\n")
        (root / name).chmod(mode)
    os.link(root / "usr/local/bin/odd", root / "opt/second")
    os.chown(root / "app/bin/run", 10001, 10001)
    (root / "app/plugins").chmod(0o777)
    (root / "home").chmod(0o1777)
    os.mknod(root / "opt/disk", 0o060600, os.makedev(8, 0))


def mend(root: Path) -> None:
    """Take secrets away, which the layer before keeps."""
    (root / "root/deploy.key").unlink()
    shutil.rmtree(root / "root/.aws")
    (root / "root/plain").write_text("nothing\n")


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory, layout: Path) -> Path:
    """A layout `L` with the image `t`, and what it unpacks to in `B/rootfs`."""
    need("umoci", "openssl", "ssh-keygen", "find")
    if os.geteuid() != 0:
        pytest.skip("owners and devices can be planted by root only")

    def build(folder: Path) -> None:
        shutil.copytree(layout, folder / "L")
        image = f"{folder / 'L'}:t"
        for change in (plant, mend):
            run("umoci", "unpack", "--image", image, folder / "B")
            change(folder / "B/rootfs")
            run("umoci", "repack", "--image", image, folder / "B")
            shutil.rmtree(folder / "B")
        run("umoci", "config", "--image", image, "--config.user", "app", "--config.env", "DB_PASSWORD=zebra7zebra7")
        run("umoci", "unpack", "--image", image, folder / "B")

    return once(tmp_path_factory, "flawed", build)


def found(target: str) -> dict[str, list[Finding]]:
    rules: dict[str, list[Finding]] = {}
    for finding in scan(target, ScanOptions()).findings:
        if finding.kind == "rule":
            rules.setdefault(finding.id, []).append(finding)
    return rules


def paths(findings: list[Finding]) -> set[str]:
    return {place.path for finding in findings for place in finding.locations}


def find(root: Path, *tests: str) -> set[str]:
    return set(run("find", root, "-mindepth", "1", *tests, "-printf", "%P\\n").splitlines())


def test_setuid_and_world_writable_paths_are_those_that_find_finds(flawed: Path) -> None:
    rules, root = found(f"oci:{flawed}/L:t"), flawed / "B/rootfs"
    setuid = paths(rules["unusual-setuid-file"]) | paths(rules.get("usual-setuid-files", []))
    assert setuid == find(root, "-type", "f", "-perm", "/6000")
    assert {"usr/local/bin/odd", "opt/second", "srv/group"} <= setuid
    open_files = find(root, "-type", "f", "-perm", "-0002")
    open_folders = find(root, "-type", "d", "-perm", "-0002", "!", "-perm", "-1000")
    assert paths(rules["world-writable-path"]) == open_files | open_folders
    assert {"app/open", "app/plugins"} <= open_files | open_folders
    mine = find(root, "-type", "f", "-perm", "/0111", "-uid", "10001")
    assert paths(rules["program-writable-by-user"]) == mine == {"app/bin/run"}
    devices = find(root, "(", "-type", "b", "-o", "-type", "c", ")", "!", "-path", f"{root}/dev/*")
    assert paths(rules["device-file-in-image"]) == devices == {"opt/disk"}


def test_a_root_file_system_has_the_same_files(flawed: Path) -> None:
    image, root = found(f"oci:{flawed}/L:t"), found(f"rootfs:{flawed}/B/rootfs")
    for rule in (
        "unusual-setuid-file",
        "world-writable-path",
        "device-file-in-image",
        "private-key-in-image",
        "tools-in-image",
    ):
        assert paths(image.get(rule, [])) == paths(root.get(rule, [])), rule
    assert not {"secret-in-hidden-layer", "secret-in-image-environment"} & root.keys()


def test_hidden_secrets_name_the_layer_that_has_them(flawed: Path) -> None:
    target = f"oci:{flawed}/L:t"
    report = scan(target, ScanOptions())
    hidden = [finding for finding in report.findings if finding.id == "secret-in-hidden-layer"]
    assert paths(hidden) == HIDDEN
    assert {place.layer for finding in hidden for place in finding.locations} == {report.layers[-2].diff_id}
    told = repr(report.findings)
    assert "zebra7" not in told
    assert AWS[40:60] not in told
    rules = found(target)
    assert paths(rules["private-key-in-image"]) == {"etc/ssh/sealed"}
    assert "encrypted" in rules["private-key-in-image"][0].message
    assert rules["second-root-account"][0].message.endswith("toor")
    assert rules["account-without-password"][0].message.endswith(": app")
    assert not {"image-root-user", "unknown-image-user"} & rules.keys()


@pytest.fixture(scope="module")
def registry(flawed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    for one in serve(tmp_path_factory.mktemp("flawed-registry")):
        one.copy(flawed / "L", "t", "demo/flawed:1")
        yield one


def test_every_wrapping_gives_the_same_findings(flawed: Path, registry: Registry, tmp_path: Path) -> None:
    need("skopeo")
    layout = {(f.id, f.message) for group in found(f"oci:{flawed}/L:t").values() for f in group}
    assert len(layout) > 10
    run("skopeo", "copy", "-q", f"oci:{flawed}/L:t", f"docker-archive:{tmp_path}/x.tar:demo/x:1")
    archive = {(f.id, f.message) for group in found(f"archive:{tmp_path}/x.tar").values() for f in group}
    # only Docker's own format has a place for a health check
    assert archive - layout == {("image-without-healthcheck", "the image has no health check")}
    assert layout <= archive
    pulled = thwart(
        "scan", "--plain-http", "-o", "json", f"image:{registry.host}/demo/flawed:1", home=tmp_path / "home"
    )
    rules = {(f["id"], f["message"]) for f in pulled.report["findings"] if f.get("kind") == "rule"}
    assert rules == layout
    assert pulled.code == 1
