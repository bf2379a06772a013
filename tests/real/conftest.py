"""Real components, made once for all workers: Debian roots, images in layouts, registries; and the command line."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

BOOKWORM = "base-files,libc6,openssl,libssl3,tzdata,python3-yaml,dpkg,curl,less,perl-base,libexpat1"
BULLSEYE = "base-files,libc6,libcrypt1,openssl,libexpat1,dpkg,libtiff5,libzstd1,gzip,zlib1g,libfreetype6"

# mmdebstrap's variant "extract" leaves dpkg's database empty. This writes what dpkg itself would note after installing
# the packages: their control files and their lists. No maintainer script runs, so a root takes seconds.
_NOTE_PACKAGES = r"""#!/bin/sh
set -e
db=$1/var/lib/dpkg
for deb in "$1"/var/cache/apt/archives/*.deb; do
  dpkg-deb --ctrl-tarfile "$deb" | tar -xf - -C "$db/parts"
  name=$(sed -n 's/^Package: //p' "$db/parts/control")
  arch=$(sed -n 's/^Architecture: //p' "$db/parts/control")
  same=$(sed -n "s/^Multi-Arch: same/:$arch/p" "$db/parts/control")
  sed '1a Status: install ok installed' "$db/parts/control" >>"$db/status"
  echo >>"$db/status"
  dpkg-deb --fsys-tarfile "$deb" | tar -tf - | sed -e 's,^\./,/,' -e 's,\(.\)/$,\1,' -e 's,^/$,/.,' >"$db/info/$name$same.list"
  [ ! -f "$db/parts/md5sums" ] || mv "$db/parts/md5sums" "$db/info/$name$same.md5sums"
  rm -rf "$db"/parts/*
done
cd "$1"  # as slim images do
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/i18n usr/share/zoneinfo usr/lib/*/gconv usr/lib/*/perl-base
"""


def need(*tools: str) -> None:
    """Skip unless all of these programs are installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*command: str | Path, cwd: Path | None = None, text: str | None = None) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-2000:]}"
    return done.stdout


def mirror() -> str:
    """The Debian mirror that this machine uses."""
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        for line in path.read_text().splitlines() if path.is_file() else ():
            words = line.split()
            url = next((word for word in words if word.startswith("http")), "")
            if words and words[0] in ("deb", "URIs:") and url and "debian" in url and "security" not in url:
                return url
    pytest.skip("no Debian mirror is configured")


def once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that the first worker fills and all others share. What made it skip makes all skip."""
    base = factory.getbasetemp()
    base = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, skipped = base / "shared" / name, base / "shared" / f"{name}.skipped"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if skipped.exists():
            pytest.skip(skipped.read_text())
        if not folder.exists():
            begun = folder.with_suffix(".begun")
            shutil.rmtree(begun, ignore_errors=True)
            begun.mkdir()
            try:
                build(begun)
            except pytest.skip.Exception as reason:
                skipped.write_text(str(reason))
                raise
            begun.rename(folder)
    return folder


class Cli(NamedTuple):
    """What the command line did."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one report of a JSON document on standard output."""
        assert self.out, self.err
        (found,) = json.loads(self.out)["reports"]
        return dict(found)


def thwart(*arguments: str | Path, home: Path, **environment: str) -> Cli:
    """Run the real command line in a process of its own, with a home of its own and no other settings."""
    home.mkdir(exist_ok=True)
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "THWART_CACHE_DIR": str(home / "cache"), "NO_PROXY": "*"}
    command = [sys.executable, "-m", "thwart", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=home, env={**clean, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Cli(done.returncode, done.stdout, done.stderr)


# -- layers and layouts -------------------------------------------------------------------------------------------------


def write_layer(target: Path, files: dict[str, str | bytes]) -> Path:
    """A tar of these files."""
    with tarfile.open(target, "w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    return target


def new_image(layout: Path, tag: str, *layers: Path, architecture: str = "amd64") -> str:
    """An image of these tars, made by umoci; its name."""
    image = f"{layout}:{tag}"
    if not layout.exists():
        run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", image)
    for layer in layers:
        run("umoci", "raw", "add-layer", "--image", image, layer)
    run("umoci", "config", "--image", image, "--architecture", architecture, "--config.label", "org.example=thwart")
    return image


def debs_told_by_dpkg(admin: Path) -> set[tuple[str, ...]]:
    """(name, version, architecture, source, source version) of what dpkg says is installed."""
    form = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n"
    told = {tuple(line.split()) for line in run("dpkg-query", f"--admindir={admin}", "-W", "-f", form).splitlines()}
    assert len(told) > 10, "an empty database proves nothing"
    return told


def debs_of(report: dict[str, Any]) -> set[tuple[str, ...]]:
    """The same of a JSON report."""
    return {
        (p["name"], p["version"], p["arch"], p.get("source") or p["name"], p.get("source_version") or p["version"])
        for p in report["packages"]
        if p["type"] == "deb"
    }


def _debootstrap(folder: Path, suite: str, include: str) -> None:
    need("mmdebstrap", "dpkg-deb", "dpkg-query")
    hook = folder / "hook"
    hook.write_text(_NOTE_PACKAGES)
    hook.chmod(0o755)
    # one line of sources only: without the security suite the packages are older than their fixes
    line = f"deb {mirror()} {suite} main"
    command = ["mmdebstrap", "-q", "--variant=extract", f"--extract-hook={hook}", f"--include={include}", suite]
    done = subprocess.run([*command, str(folder / "base.tar"), line], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mmdebstrap could not fetch {suite}: {done.stderr[-200:]}")
    run("tar", "-C", folder, "-xf", folder / "base.tar", "./var/lib/dpkg")


@pytest.fixture(scope="session")
def bookworm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian 12 without security updates: `base.tar`, and dpkg's database at `var/lib/dpkg`."""
    return once(tmp_path_factory, "bookworm", lambda folder: _debootstrap(folder, "bookworm", BOOKWORM))


@pytest.fixture(scope="session")
def bullseye(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian 11 likewise."""
    return once(tmp_path_factory, "bullseye", lambda folder: _debootstrap(folder, "bullseye", BULLSEYE))


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory, bookworm: Path) -> Path:
    """An OCI layout with one image `t` of three layers: Debian, packages of languages, a whiteout of one of them."""

    def build(folder: Path) -> None:
        need("umoci", "skopeo")
        names = ("keep", "drop")
        files: dict[str, str | bytes] = {
            f"app/node_modules/{name}/package.json": json.dumps({"name": name, "version": "1.2.3"}) for name in names
        }
        files["app/py/django-2.2.dist-info/METADATA"] = "Metadata-Version: 2.1\nName: Django\nVersion: 2.2\n"
        second = write_layer(folder / "second.tar", files)
        image = new_image(folder / "L", "t", bookworm / "base.tar", second)
        rootless = [] if os.geteuid() == 0 else ["--rootless"]
        run("umoci", "insert", *rootless, "--image", image, "--whiteout", "/app/node_modules/drop")

    return once(tmp_path_factory, "layout", build) / "L"


@pytest.fixture(scope="session")
def bullseye_layout(tmp_path_factory: pytest.TempPathFactory, bullseye: Path) -> Path:
    """An OCI layout with Debian 11 as the image `t`, which says that it is for arm64."""

    def build(folder: Path) -> None:
        need("umoci", "skopeo")
        new_image(folder / "L", "t", bullseye / "base.tar", architecture="arm64")

    return once(tmp_path_factory, "bullseye-layout", build) / "L"


# -- registries ---------------------------------------------------------------------------------------------------------


@dataclass
class Registry:
    """A running docker-registry with access log."""

    host: str
    log: Path
    skopeo: list[str]
    ca: Path | None = None

    def copy(self, layout: Path, tag: str, name: str) -> None:
        """Push an image of a layout."""
        run("skopeo", "copy", "-q", *self.skopeo, f"oci:{layout}:{tag}", f"docker://{self.host}/{name}")

    def requests(self) -> list[str]:
        """`METHOD path` of everything that was asked so far."""
        lines = (line.split('"') for line in self.log.read_text().splitlines() if '"' in line)
        found = (line[1].split() for line in lines if len(line) > 2)
        return [f"{words[0]} {words[1]}" for words in found if len(words) == 3 and words[2].startswith("HTTP/")]


def serve(folder: Path, *, tls: Path | None = None, users: Path | None = None) -> Iterator[Registry]:
    """Debian's docker-registry on a free port of loopback, until the generator is closed."""
    need("docker-registry", "skopeo")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    http: dict[str, Any] = {"addr": host}
    if tls:
        http["tls"] = {"certificate": str(tls / "server.pem"), "key": str(tls / "server.key")}
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": http,
    }
    if users:
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(users)}}
    (folder / "registry.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"], stdout=log, stderr=log)
    try:
        _await(process, host, folder / "log")
        reach = ["--dest-cert-dir", str(tls / "client")] if tls else ["--dest-tls-verify=false"]
        yield Registry(host, folder / "log", reach, tls / "client" / "ca.crt" if tls else None)
    finally:
        process.terminate()
        process.wait(10)


def _await(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    address, _, port = host.partition(":")
    for _ in range(200):
        try:
            socket.create_connection((address, int(port)), 1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"docker-registry does not start: {log.read_text()[-500:]}")


def certificates(folder: Path) -> Path:
    """`server.pem` and `server.key` for loopback, and the authority that vouches for them in `client/ca.crt`."""
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    (folder / "client").mkdir(parents=True)
    authority.cert_pem.write_to_path(folder / "client" / "ca.crt")
    pair.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.pem").write_bytes(b"".join(part.bytes() for part in pair.cert_chain_pems))
    return folder


# -- an independent lister ----------------------------------------------------------------------------------------------


def syft(target: str) -> list[dict[str, Any]]:
    """What Syft finds in a target: its artifacts."""
    program = os.environ.get("THWART_TEST_SYFT") or shutil.which("syft")
    if not program or not Path(program).exists():
        pytest.skip("no Syft: set THWART_TEST_SYFT to its path")
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    command = [program, "scan", target, "-o", "json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    return list(json.loads(done.stdout)["artifacts"])


def by_type(entries: Iterable[tuple[str, str, str]], kind: str) -> set[tuple[str, str]]:
    """(name, version) of the entries of one kind."""
    return {(name, version) for found, name, version in entries if found == kind}
