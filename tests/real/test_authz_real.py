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

from tests.real.conftest import Registry, certificates, need, run, serve
from tests.real.test_sign_real import cosign, thwart

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
        ended(running)
        run("ip", "netns", "delete", name)


def ended(running: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(running):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def started(
    folder: Path, name: str, plugin: Path, running: list[subprocess.Popen[bytes]], *flags: str, alone: bool = True
) -> Docker:
    """The plugin, and an engine behind it; `alone` in a network namespace, or beside a registry and without a bridge."""
    socket = folder / "docker.sock"
    approved = folder / "approved.txt"
    approved.write_text(f"sha256:{'0' * 64}\n")
    policy = folder / "policy.toml"
    policy.write_text('fail-on = "high"\n')
    with (folder / "plugin.log").open("wb") as log:
        command = [sys.executable, "-c", SERVE, "--docker-authz", "--socket", str(plugin), "--engine", str(socket)]
        command += ["--policy", str(policy), "--approved", str(approved), *flags]
        running.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder))
    until(plugin.exists, folder / "plugin.log")
    ulimits = {one: {"Name": one, "Soft": 1024, "Hard": 2048} for one in ("nofile", "nproc")}
    settings: dict[str, object] = {
        "data-root": str(folder / "data"), "exec-root": str(folder / "exec"), "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{socket}"], "storage-driver": "overlay2", "default-ulimits": ulimits,
        "authorization-plugins": [name],
    }  # fmt: skip
    settings |= {} if alone else {"bridge": "none", "iptables": False, "ip-forward": False}
    (folder / "daemon.json").write_text(json.dumps(settings))
    with (folder / "docker.log").open("wb") as log:
        apart = ["nsenter", f"--net=/run/netns/{name}"] if alone else []
        command = [*apart, "dockerd", "--config-file", str(folder / "daemon.json")]
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


# -- images that must be signed --------------------------------------------------------------------------------------------


class Guarded(NamedTuple):
    """An engine whose images must be approved and signed, with the registry they come from, in `home`."""

    docker: Docker
    home: Path
    registry: Registry

    def pushed(self, name: str, source: str = "demo/app:1", *, approve: bool = True) -> str:
        """A repository's tag with that image; its digest is put on the list of the approved."""
        image = f"{self.registry.host}/team/{name}:1"
        for words in (("tag", source, image), ("push", "-q", image)):
            done = self.docker(*words)
            assert done.returncode == 0, done.stderr
        if approve:
            with self.docker.approved.open("a") as file:
                file.write(f"{self.docker.digest(image)}\n")
        return image

    def exact(self, image: str) -> str:
        name = image.rpartition(":")[0]
        told = json.loads(self.docker("image", "inspect", "--format", "{{json .RepoDigests}}", image).stdout)
        return next(str(one) for one in told if one.startswith(f"{name}@"))

    def sign(self, image: str) -> None:
        done = thwart("sign", self.exact(image), "--key", "ours.key", "--ca", str(self.registry.ca), home=self.home)
        assert done.code == 0, done.err

    def run(self, image: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.docker("run", "--rm", *SAFE, *words, image, "/bin/echo", "it runs")

    def runs(self, image: str, *words: str) -> bool:
        return self.run(image, *words).stdout == "it runs\n"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    need("dockerd", "docker", "containerd", "runc", "docker-registry", "skopeo")
    if os.geteuid() != 0:
        pytest.skip("an engine needs root")
    home = tmp_path_factory.mktemp("guarded")
    for key in ("ours", "theirs"):
        made = thwart("sign", "--generate-key", key, home=home)
        assert made.code == 0, made.err
    either = '[[trust]]\nscope = "**"\nany-of = [{key = "ours.pub"}, {key = "theirs.pub"}]\n'
    (home / "trust.toml").write_text(either)
    name = f"thwart{uuid.uuid4().hex[:6]}"
    running: list[subprocess.Popen[bytes]] = []
    for registry in serve(home, tls=certificates(home / "tls")):
        (home / "reach.toml").write_text(f'[registry."{registry.host}"]\nca = "{registry.ca}"\n')
        flags = ("--trust-policy", str(home / "trust.toml"), "--config", str(home / "reach.toml"))
        engine = home / "engine"
        engine.mkdir()
        try:
            plugin = Path(f"/run/docker/plugins/{name}.sock")
            yield Guarded(started(engine, name, plugin, running, *flags, alone=False), home, registry)
        finally:
            ended(running)


def test_a_signed_image_runs(guarded: Guarded) -> None:
    signed = guarded.pushed("signed")
    guarded.sign(signed)
    until(lambda: guarded.runs(signed), guarded.docker.approved)
    assert guarded.docker("rmi", signed).returncode == 0
    assert guarded.docker("pull", "-q", signed).returncode == 0
    assert guarded.runs(signed)


def test_an_image_of_its_own_that_nobody_signed_is_refused(guarded: Guarded) -> None:
    image = guarded.pushed("other", "demo/other:1")
    time.sleep(3)  # the list is read again when it changes
    refused = guarded.run(image)
    assert refused.returncode != 0
    assert "there is no signature by" in refused.stderr
    assert guarded.registry.host in refused.stderr


def test_a_tag_that_was_moved_after_the_signature_is_refused(guarded: Guarded) -> None:
    image = guarded.pushed("moved")
    guarded.sign(image)
    exact = guarded.exact(image)
    until(lambda: guarded.runs(image), guarded.docker.approved)
    guarded.pushed("moved", "demo/other:1")
    time.sleep(3)
    refused = guarded.run(image)
    assert refused.returncode != 0
    assert "there is no signature by" in refused.stderr
    assert guarded.runs(exact)


def test_a_signature_of_cosign_counts(guarded: Guarded) -> None:
    image = guarded.pushed("theirs")
    exact = guarded.exact(image)
    done = cosign("sign", "-y", "--tlog-upload=false", "--key", "theirs.key", exact, home=guarded.home)
    assert done.returncode == 0, done.stderr
    until(lambda: guarded.runs(image), guarded.docker.approved)


def test_a_signature_does_not_excuse_flags_nor_an_exemption_that_has_ended(guarded: Guarded) -> None:
    image = guarded.pushed("flags")
    guarded.sign(image)
    until(lambda: guarded.runs(image), guarded.docker.approved)
    unconfined = ("--security-opt", "seccomp=unconfined")
    assert "seccomp-off" in guarded.run(image, *unconfined).stderr
    policy = guarded.home / "engine" / "policy.toml"
    exempt = (
        'fail-on = "high"\n[[exceptions]]\nid = "seccomp-off"\nreason = "r"\nowner = "o"\nexpires = {}\n'
        f'asset = "{image}"\n'
    )
    try:
        policy.write_text(exempt.format("2099-01-01"))
        until(lambda: guarded.runs(image, *unconfined), policy)
        policy.write_text(exempt.format("2020-01-01"))
        until(lambda: "expired on 2020-01-01" in guarded.run(image, *unconfined).stderr, policy)
    finally:
        policy.write_text('fail-on = "high"\n')
