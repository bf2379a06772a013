"""The authorization plugin in front of a real Docker Engine, in a network namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.conftest import need, run

pytestmark = pytest.mark.real

SERVE = "from thwart.cli import _command; import sys; raise SystemExit(_command('serve', sys.argv[1:]))"
LIMITS = ["--memory", "64m", "--cpus", "1", "--pids-limit", "50", "--cap-drop", "ALL", "--read-only"]
PROGRAMS = ("true", "echo", "sleep")
SAFE = [*LIMITS, "--security-opt", "no-new-privileges", "--user", "1001", "--network", "none", "--pull", "never"]


class Docker(NamedTuple):
    """A client of the engine."""

    host: str
    approved: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "-H", self.host, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def digest(self, image: str) -> str:
        return self("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    need("dockerd", "docker", "containerd", "runc", "ip", "nsenter")
    if os.geteuid() != 0:
        pytest.skip("an engine needs root")
    folder = tmp_path_factory.mktemp("authz")
    name = f"thwart{uuid.uuid4().hex[:6]}"
    plugin = Path(f"/run/docker/plugins/{name}.sock")
    run("ip", "netns", "add", name)
    running: list[subprocess.Popen[bytes]] = []
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield started(folder, name, plugin, running)
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        run("ip", "netns", "delete", name)


def started(folder: Path, name: str, plugin: Path, running: list[subprocess.Popen[bytes]]) -> Docker:
    socket = folder / "docker.sock"
    approved = folder / "approved.txt"
    approved.write_text(f"sha256:{'0' * 64}\n")
    policy = folder / "policy.toml"
    policy.write_text('fail-on = "high"\n')
    with (folder / "plugin.log").open("wb") as log:
        command = [sys.executable, "-c", SERVE, "--docker-authz", "--socket", str(plugin), "--engine", str(socket)]
        command += ["--policy", str(policy), "--approved", str(approved)]
        running.append(subprocess.Popen(command, stdout=log, stderr=log))
    until(plugin.exists, folder / "plugin.log")
    ulimits = {one: {"Name": one, "Soft": 1024, "Hard": 2048} for one in ("nofile", "nproc")}
    settings = {
        "data-root": str(folder / "data"), "exec-root": str(folder / "exec"), "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{socket}"], "storage-driver": "overlay2", "default-ulimits": ulimits,
        "authorization-plugins": [name],
    }  # fmt: skip
    (folder / "daemon.json").write_text(json.dumps(settings))
    with (folder / "docker.log").open("wb") as log:
        command = ["nsenter", f"--net=/run/netns/{name}", "dockerd", "--config-file", str(folder / "daemon.json")]
        running.append(subprocess.Popen(command, stdout=log, stderr=log))
    docker = Docker(f"unix://{socket}", approved)
    until(lambda: docker("version").returncode == 0, folder / "docker.log")
    rootfs(folder, docker)
    return docker


def rootfs(folder: Path, docker: Docker) -> None:
    """Two images of the same small root: one to be approved, and one that never is."""
    root = folder / "root"
    for program in PROGRAMS:
        path = Path(shutil.which(program) or "/missing").resolve()
        needed = [word for word in run("ldd", path).split() if word.startswith("/")]
        for file in (path, *map(Path, needed)):
            target = root / str(file).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        (root / "bin").mkdir(exist_ok=True)
        if not (root / "bin" / program).exists():
            shutil.copy(path, root / "bin" / program)
    for image in ("demo/app:1", "demo/other:1"):
        (root / "name").write_text(image)
        run("tar", "-C", root, "-cf", folder / "root.tar", ".")
        done = docker("import", str(folder / "root.tar"), image)
        assert done.returncode == 0, done.stderr
    docker.approved.write_text(f"demo/app@{docker.digest('demo/app:1')}\n")


def until(done: object, log: Path, seconds: float = 30.0) -> None:
    assert callable(done)
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, log.read_text()[-2000:]
        time.sleep(0.2)


def test_an_approved_image_with_little_privilege_runs(docker: Docker) -> None:
    until(lambda: docker("run", "--rm", *SAFE, "demo/app:1", "/bin/true").returncode == 0, docker.approved)
    done = docker("run", "--rm", *SAFE, "demo/app:1", "/bin/echo", "it runs")
    assert done.stdout == "it runs\n", done.stderr


def test_a_privileged_container_is_refused_with_a_sentence(docker: Docker) -> None:
    done = docker("run", "--rm", "--privileged", *SAFE, "demo/app:1", "/bin/true")
    assert done.returncode != 0
    assert "thwart: full-privileges: " in done.stderr


def test_the_engines_socket_cannot_be_mounted(docker: Docker) -> None:
    socket = docker.host.removeprefix("unix://")
    done = docker("run", "--rm", "-v", f"{socket}:/var/run/docker.sock", *SAFE, "demo/app:1", "/bin/true")
    assert "docker.sock" in done.stderr or "socket" in done.stderr
    assert done.returncode != 0


def test_an_image_that_is_not_approved_is_refused(docker: Docker) -> None:
    done = docker("run", "--rm", *SAFE, "demo/other:1", "/bin/true")
    assert done.returncode != 0
    assert "is not on the list of approved images" in done.stderr


def test_a_volume_that_is_a_folder_of_the_host_is_refused(docker: Docker) -> None:
    done = docker("volume", "create", "-d", "local", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", "hidden")
    assert done.returncode != 0
    assert "thwart:" in done.stderr


def test_a_privileged_process_in_a_container_is_refused(docker: Docker) -> None:
    name = f"running-{uuid.uuid4().hex[:6]}"
    done = docker("run", "-d", "--name", name, *SAFE, "demo/app:1", "/bin/sleep", "60")
    assert done.returncode == 0, done.stderr
    assert docker("exec", name, "/bin/true").returncode == 0
    refused = docker("exec", "--privileged", name, "/bin/true")
    assert refused.returncode != 0
    assert "privileged process" in refused.stderr
    assert docker("rm", "-f", name).returncode == 0


def test_what_only_reads_is_never_in_the_way(docker: Docker) -> None:
    for words in (("ps", "-a"), ("images",), ("info",)):
        assert docker(*words).returncode == 0
