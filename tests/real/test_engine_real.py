"""Real engines: dockerd and Podman's service with real containers, and the options that both programs say they have."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.conftest import Cli, need, run, thwart
from thwart.lib.run_arguments import takes_value

pytestmark = pytest.mark.real

# A privileged container is given every capability that there is, also those that a machine in a sandbox has not got itself.
RUNTIME = """#!/bin/sh
bundle= ; before=
for word in "$@"; do [ "$before" != --bundle ] || bundle=$word; before=$word; done
[ -z "$bundle" ] || sed -i 's/"CAP_SYS_RESOURCE",\\{0,1\\}//g; s/,\\]/]/g' "$bundle/config.json"
exec runc "$@"
"""
CLOCK = "while true; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done"


# -- the grammar against the programs --------------------------------------------------------------------------------------


def helped(program: str, verb: str) -> dict[str, bool]:
    """Options that a program says it has, with whether they take a value; docker folds its help at 80 columns."""
    found = {}
    for line in run(program, verb, "--help").splitlines():
        option = re.match(r"\s+(?:-(\w), )?--([\w-]+)(?: (\S+))?(?:\s{2,}|$)", line)
        if option is not None:
            for name in filter(None, (option[1], option[2])):
                found[name] = option[3] is not None
    return found


@pytest.mark.parametrize("verb", ["run", "create"])
@pytest.mark.parametrize("program", ["docker", "podman"])
def test_every_option_is_known_with_its_arity(program: str, verb: str) -> None:
    need(program)
    told = helped(program, verb)
    assert len(told) > 80
    assert {name: takes_value(name) for name in told} == told


# -- engines ---------------------------------------------------------------------------------------------------------------


class Engine(NamedTuple):
    """A running engine: its socket, and the words that make its program use it."""

    socket: Path
    program: list[str]
    image: str

    def start(self, name: str, *options: str, command: str = "sleep 600") -> None:
        words = ["run", "-d", "--name", name, "--network", "none", *options, self.image, "sh", "-c", command]
        run(*self.program, *words)

    def scan(self, home: Path, *arguments: str, container: str = "") -> Cli:
        return thwart("scan", f"engine:unix://{self.socket}{container}", *arguments, "-o", "json", home=home)


def image_tar(folder: Path) -> Path:
    """A root file system of a static busybox alone."""
    busybox = shutil.which("busybox")
    if busybox is None or b"dynamically" in subprocess.run(["ldd", busybox], capture_output=True).stdout:
        package = subprocess.run(["apt-get", "download", "busybox-static"], cwd=folder, capture_output=True)
        found = list(folder.glob("busybox-static*.deb"))
        if package.returncode or not found:
            pytest.skip("no static busybox: apt-get download busybox-static")
        run("dpkg-deb", "-x", found[0], folder / "deb")
        busybox = str(
            next(path for path in (folder / "deb").rglob("busybox") if path.is_file() and os.access(path, os.X_OK))
        )
    target = folder / "root.tar"
    with tarfile.open(target, "w") as archive:
        archive.add(busybox, "bin/busybox")
        for name in ("sh", "sleep", "cp"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for name in ("etc", "tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
    return target


def wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path, *probe: str) -> None:
    for _ in range(150):
        if process.poll() is not None:
            break
        if socket.exists() and not subprocess.run(probe, capture_output=True).returncode:
            return
        time.sleep(0.1)
    process.kill()
    pytest.skip(f"{probe[0]} does not start here: {log.read_text()[-400:]}")


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """dockerd in a network namespace of its own."""
    need("dockerd", "docker", "containerd", "runc", "unshare")
    if os.geteuid():
        pytest.skip("dockerd needs root")
    folder = tmp_path_factory.mktemp("dockerd")
    ulimit = {
        "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 1024},
        "nproc": {"Name": "nproc", "Soft": 512, "Hard": 512},
    }
    socket = folder / "docker.sock"
    config = {
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "hosts": [f"unix://{socket}"],
        "default-ulimits": ulimit,
        "runtimes": {"bounded": {"path": str(folder / "runtime")}},
        "default-runtime": "bounded",
    }
    (folder / "runtime").write_text(RUNTIME)
    (folder / "runtime").chmod(0o755)
    (folder / "daemon.json").write_text(json.dumps(config))
    start = f"ip link set lo up; exec dockerd --config-file {folder}/daemon.json"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", start], stdout=log, stderr=log, start_new_session=True
        )
    program = ["docker", "-H", f"unix://{socket}"]
    try:
        wait_for(socket, process, folder / "log", *program, "version")
        run(*program, "import", image_tar(folder), "bb:1")
        yield Engine(socket, program, "bb:1")
        names = run(*program, "ps", "-aq").split()
        if names:
            run(*program, "rm", "-f", *names)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Podman's service with a store of its own."""
    need("podman", "runc")
    if os.geteuid():
        pytest.skip("limits of cgroups need root")
    folder = tmp_path_factory.mktemp("podman")
    short = Path(tempfile.mkdtemp(prefix="run"))  # a runroot has at most 50 characters
    config = folder / "containers.conf"
    config.write_text(
        '[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=512:512"]\n'
        '[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\n'
    )
    program = [
        "env",
        f"CONTAINERS_CONF={config}",
        "podman",
        "--root",
        str(folder / "root"),
        "--runroot",
        str(short),
    ]
    program += ["--storage-driver", "vfs"]
    socket = folder / "podman.sock"
    run(*program, "import", "-q", image_tar(folder), "localhost/bb:1")
    with (folder / "log").open("wb") as log:
        command = [*program, "system", "service", "--time=0", f"unix://{socket}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(socket, process, folder / "log", *program, "version")
        yield Engine(socket, program, "localhost/bb:1")
        run(*program, "rm", "-f", "-t", "0", "-a")
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(short, ignore_errors=True)


TIGHT = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "50", "--read-only", "--cap-drop", "ALL"]
TIGHT += ["--security-opt", "no-new-privileges", "--user", "1001"]


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_containers_are_judged_as_they_run(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    engine: Engine = request.getfixturevalue(kind)
    engine.start("tight", *TIGHT)
    engine.start(
        "loose", "-v", f"{engine.socket}:/var/run/{kind}.sock", "-v", "/etc:/host:ro", "--pid", "host", command=CLOCK
    )
    run(*engine.program, "exec", "loose", "sh", "-c", "cp /bin/busybox /bin/evil; echo x >/etc/odd")
    report = engine.scan(tmp_path).report
    found = {(one["id"], one["subject"]) for one in report["findings"]}
    assert report["asset"]["kind"] == "engine"
    assert report["documents"] == 2
    assert not [one for one in report["diagnostics"] if one["incomplete"]]
    loose = {name for name, subject in found if subject.endswith("container loose")}
    assert {
        "mounted-engine-socket",
        "host-processes",
        "stated-root",
        "undropped-capabilities",
        "unlimited-memory",
    } <= loose
    assert {"regained-privileges", "writable-root", "changed-program", "changed-configuration"} <= loose
    tight = {name for name, subject in found if subject.endswith("container tight")}
    assert tight == {"undigested-image", "unwatched-health"}
    if kind == "docker":
        assert ("no-authorization-plugin", "the docker engine") in found


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_limits_are_those_of_the_kernel(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    engine: Engine = request.getfixturevalue(kind)
    engine.start("bound", *TIGHT)
    pid = run(*engine.program, "inspect", "-f", "{{.State.Pid}}", "bound").strip()
    paths = {
        line.split(":")[1]: line.strip().split(":")[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    }
    v1 = Path("/sys/fs/cgroup/memory") / paths.get("memory", "").lstrip("/") / "memory.limit_in_bytes"
    v2 = Path("/sys/fs/cgroup") / paths.get("", "").lstrip("/") / "memory.max"
    file = v1 if v1.exists() else v2
    assert file.read_text().strip() == str(64 << 20)
    before = {one["id"] for one in engine.scan(tmp_path, container="/bound").report["findings"]}
    assert not before & {"limit-not-in-force", "unlimited-memory", "protection-not-in-force"}
    for name in ("memory.memsw.limit_in_bytes", file.name):
        if (file.parent / name).exists():
            (file.parent / name).write_text("-1" if file == v1 else "max")
    after = {one["id"] for one in engine.scan(tmp_path, container="/bound").report["findings"]}
    assert {"limit-not-in-force", "unlimited-memory"} <= after


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_a_privileged_container(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    engine: Engine = request.getfixturevalue(kind)
    engine.start("mighty", "--privileged")
    found = {one["id"] for one in engine.scan(tmp_path, container="/mighty").report["findings"]}
    assert {"full-privileges", "stated-root"} <= found
    assert "protection-not-in-force" not in found


OPENED = {
    "host-breaking-capability": ["--cap-add", "SYS_ADMIN"],
    "host-network": ["--network", "host"],
    "host-processes": ["--pid", "host"],
    "host-ipc": ["--ipc", "host"],
    "seccomp-off": ["--security-opt", "seccomp=unconfined"],
    "mounted-engine-socket": [],
}


@pytest.mark.parametrize("rule", OPENED)
def test_each_flag_of_docker_is_found_alone(docker: Engine, tmp_path: Path, rule: str) -> None:
    flags = OPENED[rule] or ["-v", f"{docker.socket}:/var/run/docker.sock"]
    network = [] if "--network" in flags else ["--network", "none"]
    name = f"one-{rule}"
    tight = [word for word in TIGHT if rule != "host-breaking-capability" or word != "no-new-privileges"]
    tight = [word for word in tight if word != "--security-opt" or "no-new-privileges" in tight]
    run(*docker.program, "run", "-d", "--name", name, *network, *tight, *flags, docker.image, "sleep", "600")
    found = {one["id"] for one in docker.scan(tmp_path, container=f"/{name}").report["findings"]}
    assert rule in found
    assert not (set(OPENED) - {rule}) & found


def test_an_image_that_was_made_anew(docker: Engine, tmp_path: Path) -> None:
    docker.start("stale")
    run(*docker.program, "tag", "bb:1", "bb:old")
    run(*docker.program, "import", "-c", "LABEL a=b", tmp_path / image_tar(tmp_path).name, "bb:1")
    found = {one["id"] for one in docker.scan(tmp_path, container="/stale").report["findings"]}
    run(*docker.program, "tag", "bb:old", "bb:1")
    assert "outdated-container" in found
    assert "outdated-container" not in {
        one["id"] for one in docker.scan(tmp_path, container="/stale").report["findings"]
    }


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_a_busy_container_is_seen(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    from thwart.api._engine import EngineCheckOptions, scan_engine
    from thwart.sources.engine import EngineOptions

    engine: Engine = request.getfixturevalue(kind)
    engine.start("busy", command=CLOCK)
    report = scan_engine(f"unix://{engine.socket}/busy", EngineCheckOptions(source=EngineOptions(observe=3)))
    (found,) = [one for one in report.findings if one.id == "unlimited-cpu"]
    seen = re.search(r"and (\d+\.\d+) at most", found.message)
    assert seen is not None
    assert 0.05 < float(seen[1]) < 1.5
    assert found.fix is not None
    assert found.fix.title.startswith("Set `--cpus ")


def test_nobody_answers(tmp_path: Path) -> None:
    done = thwart("scan", f"engine:unix://{tmp_path}/none.sock", home=tmp_path)
    assert done.code == 4
    assert "there is no socket" in done.err
