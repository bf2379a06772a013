"""Real Debian images through every way in, held against the distribution's own tools and an independent lister."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from thwart import ScanOptions, scan
from thwart.core.report import Report

pytestmark = pytest.mark.real


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def mirror() -> str:
    """The Debian mirror that this machine uses."""
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        for line in path.read_text().splitlines() if path.is_file() else ():
            words = line.split()
            url = next((word for word in words if word.startswith("http")), "")
            if words and words[0] in ("deb", "URIs:") and url and "security" not in url:
                return url
    pytest.skip("no Debian mirror is configured")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def rootfs(work: Path) -> Path:
    need("mmdebstrap")
    path = work / "base.tar"
    include = "base-files,libc6,openssl,libssl3,tzdata,python3-yaml,dpkg"
    command = ["mmdebstrap", "-q", "--variant=extract", f"--include={include}", "bookworm", str(path), mirror()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mmdebstrap could not fetch packages: {done.stderr[-200:]}")
    return path


@pytest.fixture(scope="module")
def layout(work: Path, rootfs: Path) -> Path:
    """Three layers: Debian, a language package, and the removal of one with a whiteout."""
    need("umoci", "skopeo")
    place, bundle = work / "L", work / "B"
    run("umoci", "init", "--layout", place)
    run("umoci", "new", "--image", f"{place}:t")

    def layer(change: Iterator[None]) -> None:
        run("umoci", "unpack", "--rootless", "--image", f"{place}:t", bundle)
        next(change)
        run("umoci", "repack", "--image", f"{place}:t", bundle)
        shutil.rmtree(bundle)

    root = bundle / "rootfs"

    def changes() -> Iterator[None]:
        run("tar", "-C", root, "--exclude=./dev", "-xf", rootfs)
        yield
        for name in ("keep", "drop"):
            folder = root / f"app/node_modules/{name}"
            folder.mkdir(parents=True)
            (folder / "package.json").write_text(json.dumps({"name": name, "version": "1.2.3"}))
        yield
        shutil.rmtree(root / "app/node_modules/drop")
        yield

    steps = changes()
    for _ in range(3):
        layer(steps)
    return place


@pytest.fixture(scope="module")
def admin(work: Path, rootfs: Path) -> Path:
    """The dpkg database, unpacked for dpkg-query."""
    need("dpkg-query")
    root = work / "admin"
    root.mkdir()
    run("tar", "-C", root, "-xf", rootfs, "./var/lib/dpkg")
    return root / "var/lib/dpkg"


def scanned(target: str) -> Report:
    return scan(target, ScanOptions(packages_only=True))


def debs(report: Report) -> set[tuple[str, str, str, str, str]]:
    return {
        (p.name, p.version, p.arch, p.source or p.name, p.source_version or p.version)
        for p in report.packages
        if p.type == "deb"
    }


def expected(admin: Path) -> set[tuple[str, ...]]:
    form = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n"
    return {tuple(line.split()) for line in run("dpkg-query", f"--admindir={admin}", "-W", "-f", form).splitlines()}


def test_a_root_file_system_lists_what_dpkg_lists(rootfs: Path, admin: Path) -> None:
    report = scanned(f"rootfs:{rootfs}")
    assert debs(report) == expected(admin)
    assert report.release is not None
    assert report.release.ecosystem == "Debian:12"
    assert not report.incomplete


@pytest.mark.parametrize(
    "destination",
    ["oci:{}/a", "oci-archive:{}/b.tar", "docker-archive:{}/c.tar:demo/x:1", "dir-zstd", "docker-archive-gz"],
)
def test_every_wrapping_lists_the_same(destination: str, layout: Path, work: Path, admin: Path) -> None:
    if destination == "dir-zstd":
        flags = ["--dest-compress", "--dest-compress-format", "zstd"]
        run("skopeo", "copy", "-q", *flags, f"oci:{layout}:t", f"oci:{work}/z:t")
        target = f"oci:{work}/z"
    elif destination == "docker-archive-gz":
        run("skopeo", "copy", "-q", f"oci:{layout}:t", f"docker-archive:{work}/d.tar:demo/x:1")
        run("gzip", "-1", work / "d.tar")
        target = f"{work}/d.tar.gz"
    else:
        target = destination.format(work)
        run("skopeo", "copy", "-q", f"oci:{layout}:t", target)
        target = target.split(":")[1]
    report = scanned(target)
    assert debs(report) == expected(admin)
    assert {p.name for p in report.packages if p.type == "npm"} == {"keep"}
    ids = [one.diff_id for one in report.layers]
    assert {p.name: ids.index(p.layer) for p in report.packages if p.name in ("keep", "openssl")} == {
        "keep": 1,
        "openssl": 0,
    }


def test_an_independent_lister_agrees(layout: Path, work: Path) -> None:
    syft = os.environ.get("THWART_TEST_SYFT") or shutil.which("syft")
    if not syft or not Path(syft).exists():
        pytest.skip("syft is not installed")
    document = json.loads(run(syft, "scan", f"oci-dir:{layout}", "-o", "json", "-q"))
    theirs = {(a["type"], a["name"], a["version"]) for a in document["artifacts"]}
    kinds = {"pypi": "python", "golang": "go-module"}
    ours = {
        (kinds.get(p.type, p.type), p.full_name if p.type == "npm" else p.name, p.version)
        for p in scanned(f"oci:{layout}").packages
    }
    assert {entry for entry in theirs if entry[0] in ("deb", "npm")} == {e for e in ours if e[0] in ("deb", "npm")}
    assert {(kind, name.lower()) for kind, name, _ in theirs if kind == "python"} == {
        (kind, name) for kind, name, _ in ours if kind == "python"
    }


def test_distroless_layouts_are_read(work: Path) -> None:
    need("dpkg-deb", "apt-get")
    downloads, root = work / "debs", work / "distroless"
    (root / "var/lib/dpkg/status.d").mkdir(parents=True)
    downloads.mkdir()
    done = subprocess.run(
        ["apt-get", "download", "-qq", "tzdata", "libssl3", "base-files"],
        cwd=downloads,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("apt-get could not download packages")
    names = set()
    for deb in sorted(downloads.glob("*.deb")):
        name, version = run("dpkg-deb", "-f", deb, "Package"), run("dpkg-deb", "-f", deb, "Version")
        names.add((name.strip(), version.strip()))
        run("dpkg-deb", "-x", deb, root)
        (root / "var/lib/dpkg/status.d" / name.strip()).write_text(run("dpkg-deb", "-f", deb))
    report = scanned(f"rootfs:{root}")
    assert {(p.name, p.version) for p in report.packages} == names
    assert report.release is not None
