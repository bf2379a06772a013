"""Engines: what they are asked, what rules say of the answers of both kinds, and answers that are none."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.api._engine import EngineCheckOptions, approved_digests, scan_engine
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import Limits
from thwart.core.report import Report
from thwart.rules import check, rules
from thwart.rules._view import View
from thwart.rules.engine._observed import percentile, suggestions
from thwart.sources._engine_find import find
from thwart.sources._engine_proc import observed
from thwart.sources._engine_watch import watch
from thwart.sources.engine import EngineOptions

DATA = Path(__file__).parents[1] / "data" / "rules" / "engine"
TIMES = Limits(network_seconds=0.5, config_bytes=60_000)


def document(kind: str) -> dict[str, Any]:
    return dict(json.loads((DATA / f"{kind}.json").read_text()))


def found(value: object, path: str = "engine.json") -> set[tuple[str, str]]:
    outcome = check([(path, json.dumps(value).encode())])
    assert not [one for one in outcome.diagnostics if one.slug == "rule-crashed"]
    return {(finding.id, finding.subject) for finding in outcome.findings}


# -- rules -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [one for one in rules() if one.family == "engine"], ids=lambda one: one.id)
def test_pages(rule: Any) -> None:
    assert rule.id in {name for name, _ in found(json.loads(rule.bad))}
    assert rule.id not in {name for name, _ in found(json.loads(rule.good))}


def test_docker_as_it_answers() -> None:
    names = found(document("docker"))
    assert {
        ("stated-root", "container plain"),
        ("unlimited-memory", "container plain"),
        ("unlimited-processes", "container plain"),
        ("undropped-capabilities", "container plain"),
        ("default-bridge", "container plain"),
        ("port-on-every-interface", "port 8080 of container plain"),
        ("changed-program", "container plain"),
        ("changed-configuration", "container plain"),
        ("no-user-namespace-remap", "the docker engine"),
        ("no-live-restore", "the docker engine"),
        ("no-authorization-plugin", "the docker engine"),
        ("open-default-bridge", "the docker engine"),
    } <= names
    assert {name for name, subject in names if subject == "container tight"} == {"undigested-image", "unwatched-health"}


def test_podman_as_it_answers() -> None:
    names = found(document("podman"))
    assert ("full-privileges", "container priv") in names
    assert ("undropped-capabilities", "container plain") in names
    assert ("unlimited-processes", "container plain") not in names  # 2048, by itself
    assert {name for name, subject in names if subject == "container tight"} == {"undigested-image", "unwatched-health"}
    assert not [subject for _, subject in names if subject.startswith("the podman")]


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_what_inspect_prints_is_read_with_its_lines(kind: str) -> None:
    printed = [one["inspect"] for one in document(kind)["containers"]]
    outcome = check([("inspect.json", json.dumps(printed, indent=1).encode())])
    assert {f.subject for f in outcome.findings if f.id == "stated-root"} >= {"container plain"}
    assert all(f.locations[0].line for f in outcome.findings)
    assert "host-cgroups" not in {f.id for f in outcome.findings}


def test_the_kernel_counts_more_than_the_engine() -> None:
    value = document("docker")
    (tight,) = [one for one in value["containers"] if one["inspect"]["Name"] == "/tight"]
    tight["kernel"].update(memory=None, cpus=0.5, pids=500)
    names = {name for name, subject in found(value) if subject == "container tight"}
    assert {"limit-not-in-force", "unlimited-memory"} <= names
    tight["kernel"].update(memory=1 << 20)  # tighter, by a cgroup above
    assert "unlimited-memory" not in {name for name, subject in found(value) if subject == "container tight"}
    tight["kernel"]["status"].update(Seccomp="0", CapBnd="0000000000200000")
    outcome = check([("e.json", json.dumps(value).encode())])
    (finding,) = [one for one in outcome.findings if one.id == "protection-not-in-force"]
    assert "SYS_ADMIN" in finding.message
    assert "seccomp" in finding.message


def test_drift_leaves_out_what_engines_write() -> None:
    value = document("docker")
    (plain,) = [one for one in value["containers"] if one["inspect"]["Name"] == "/plain"]
    plain["inspect"]["Mounts"] = [{"Type": "bind", "Source": "/srv/x", "Destination": "/usr/lib/x/y", "RW": True}]
    paths = ["/etc/hosts", "/etc/resolv.conf", "/usr/lib/x", "/usr/lib/x/y", "/bin", "/var/log/x"]
    plain["changes"] = [{"Path": path, "Kind": 1} for path in paths] + [{"Path": "/bin/sh", "Kind": 2}]
    outcome = check([("e.json", json.dumps(value).encode())])
    told = {one.id: one.message for one in outcome.findings if one.id.startswith("changed-")}
    assert list(told) == ["changed-program"]
    assert "1 file removed (/bin/sh)" in told["changed-program"]


def test_lists_of_approved_images() -> None:
    good = "a" * 64
    assert approved_digests(f"# ours\n\nshop/web@sha256:{good} # scanned\nsha256:{good}\n") == (f"sha256:{good}",) * 2
    for bad in ("", "# none\n", "sha256:abc\n", f"sha256:{'A' * 64}\n"):
        with pytest.raises(UsageError):
            approved_digests(bad)
    value = document("podman")
    value["approved"] = [value["containers"][0]["inspect"]["ImageDigest"]]
    assert "unapproved-image" not in {name for name, _ in found(value)}


def test_suggestions_leave_room() -> None:
    usage = {"seconds": 9, "memory": [10 << 20, 100 << 20], "cpus": [0.1] * 19 + [0.9], "pids": [3, 7]}
    told = suggestions(View(usage))
    assert told["unlimited-memory"].option == "--memory 160m"
    assert told["unlimited-cpu"].option == "--cpus 1.4"
    assert "0.10 CPUs in 95 of 100 samples and 0.90 at most" in told["unlimited-cpu"].seen
    assert told["unlimited-processes"].option == "--pids-limit 20"
    assert suggestions(View({"memory": ["x", -1, None, True], "cpus": {}, "pids": []})) == {}
    assert percentile([3.0, 1.0, 2.0], 95) == 3.0
    assert percentile([1.0], 50) == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_answers_of_any_shape_are_judged(data: st.DataObject) -> None:
    value = document(data.draw(st.sampled_from(["docker", "podman"])))
    for _ in range(3):
        node: Any = value
        while isinstance(node, dict | list) and node:
            key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if data.draw(st.booleans()) or not isinstance(node[key], dict | list):
                node[key] = data.draw(JSON)
                break
            node = node[key]
    found(value)


# -- the kernel ------------------------------------------------------------------------------------------------------------

IDENTIFIER = "ab" * 32


def machine(root: Path, cgroup: str, mounts: str, files: dict[str, str]) -> Path:
    files = {
        **files,
        "proc/7/cgroup": cgroup,
        "proc/self/mountinfo": mounts,
        "proc/7/status": "Seccomp:\t2\nName:\tx\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_limits_of_the_first_version(tmp_path: Path) -> None:
    mounts = "".join(
        f"{number} 1 0:1 / /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"
        for number, name in enumerate(("memory", "cpu,cpuacct", "pids"))
    )
    own = f"4:memory:/docker/{IDENTIFIER}\n3:cpu,cpuacct:/docker/{IDENTIFIER}\n2:pids:/docker/{IDENTIFIER}\n0::/\n"
    base = f"docker/{IDENTIFIER}"
    files = {
        f"sys/fs/cgroup/memory/{base}/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/docker/memory.limit_in_bytes": "1048576\n",
        f"sys/fs/cgroup/cpu,cpuacct/{base}/cpu.cfs_quota_us": "50000\n",
        f"sys/fs/cgroup/cpu,cpuacct/{base}/cpu.cfs_period_us": "100000\n",
        f"sys/fs/cgroup/pids/{base}/pids.max": "max\n",
    }
    root = machine(tmp_path, own, mounts, files)
    told = {"status": {"Seccomp": "2"}, "memory": 1048576, "cpus": 0.5, "pids": None}
    assert observed(IDENTIFIER, 7, root) == told
    assert observed("cd" * 32, 7, root) is None  # another process of that number
    assert observed(IDENTIFIER, 8, root) is None
    assert observed(IDENTIFIER, True and "7", root) is None


def test_limits_of_the_second_version(tmp_path: Path) -> None:
    mounts = "30 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
    base = f"sys/fs/cgroup/machine.slice/libpod-{IDENTIFIER}.scope"
    files = {f"{base}/memory.max": "max\n", f"{base}/cpu.max": "max 100000\n", f"{base}/pids.max": "64\n"}
    root = machine(tmp_path, f"0::/machine.slice/libpod-{IDENTIFIER}.scope/container\n", mounts, files)
    assert observed(IDENTIFIER, 7, root) == {"status": {"Seccomp": "2"}, "memory": None, "cpus": None, "pids": 64}


# -- a made-up engine ------------------------------------------------------------------------------------------------------

Answer = Callable[[str], tuple[int, bytes]]


class Fake(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    answer: Answer
    slow = 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Fake

    def do_GET(self) -> None:
        status, body = (200, b"OK") if self.path == "/_ping" else self.server.answer(self.path)
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 4096) if not self.server.slow else range(len(body)):
            self.wfile.write(body[at : at + (1 if self.server.slow else 4096)])
            self.wfile.flush()
            time.sleep(self.server.slow)

    def log_message(self, *_: object) -> None: ...

    def address_string(self) -> str:
        return ""

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().handle()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Fake]:
    with Fake(str(tmp_path / "e.sock"), Handler) as server:
        server.answer = answers(document("docker"))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def answers(value: dict[str, Any]) -> Answer:
    """What an engine of that document would say."""

    def answer(path: str) -> tuple[int, bytes]:
        bare = path.removeprefix("/v1.41").partition("?")[0]
        known: dict[str, object] = {f"/{name}": value["engine"][name] for name in ("info", "version")}
        known["/networks/bridge"] = value["engine"].get("bridge")
        known["/containers/json"] = [{"Id": one["inspect"]["Id"]} for one in value["containers"]]
        for one in value["containers"]:
            for name in (one["inspect"]["Id"], one["inspect"]["Name"].lstrip("/")):
                known[f"/containers/{name}/json"] = one["inspect"]
                known[f"/containers/{name}/changes"] = one["changes"]
                known[f"/containers/{name}/stats"] = {"memory_stats": {"usage": 5 << 20}, "pids_stats": {"current": 2}}
        return (200, json.dumps(known[bare]).encode()) if bare in known else (404, b'{"message": "no such thing"}')

    return answer


def scan(engine: Fake, container: str = "", **options: Any) -> Report:
    target = f"unix://{engine.server_address}{'/' if container else ''}{container}"
    return scan_engine(target, EngineCheckOptions(source=EngineOptions(limits=TIMES, **options)))


def test_an_engine_is_asked_for_everything(engine: Fake) -> None:
    report = scan(engine)
    assert (report.asset.kind, report.documents) == ("engine", 2)
    assert {("changed-program", "container plain"), ("no-live-restore", "the docker engine")} <= {
        (finding.id, finding.subject) for finding in report.findings
    }
    assert not report.incomplete
    assert [told for told in report.diagnostics if "its cgroups" in told.message]  # there is no such process here
    single = scan(engine, "tight")
    assert {finding.subject for finding in single.findings} == {"container tight"}
    with pytest.raises(SourceError, match="no such thing"):
        scan(engine, "nobody")


def test_observation_suggests(engine: Fake) -> None:
    (finding,) = [one for one in scan(engine, observe=0.01).findings if one.id == "unlimited-memory"]
    assert finding.fix is not None
    assert finding.fix.title == "Set `--memory 16m`"
    assert "used at most 5 MiB" in finding.message


@pytest.mark.parametrize(
    ("part", "reply", "words"),
    [
        ("/containers/json", (200, b"{}"), None),
        ("/containers/json", (200, b"nonsense"), None),
        ("/containers/json", (500, b'{"message": "out of order"}'), None),
        ("/containers/json", (200, b'[{"Id": 7}, {}, null, "x", {"Id": "../../info"}]'), "5 entries"),
        ("/info", (200, b"[" * 10_000), "no JSON"),
        ("/info", (200, b'{"a": "' + b"x" * 70_000 + b'"}'), "larger than"),
        ("/info", (503, b"<html>"), "status 503"),
        ("/json", (404, b"{}"), "went away meanwhile"),
        ("/json", (200, b"null"), "no object"),
        ("/json", (200, b'{"HostConfig": 1, "Id": [], "State": "x"}'), ""),
        ("/changes", (500, b"{}"), "what changed"),
        ("/changes", (200, b'{"Path": 1}'), ""),
    ],
)
def test_hostile_answers_end_in_diagnostics(
    engine: Fake, part: str, reply: tuple[int, bytes], words: str | None
) -> None:
    honest = engine.answer

    def lying(path: str) -> tuple[int, bytes]:
        bare = path.partition("?")[0]
        exact = part.count("/") > 1 or part == "/info"
        hit = bare.endswith(part) and (exact or (not bare.endswith("/containers/json") and "/images/" not in bare))
        return reply if hit else honest(path)

    engine.answer = lying
    if words is None:
        with pytest.raises(SourceError):
            scan(engine)
        return
    report = scan(engine)
    assert any(words in told.message for told in report.diagnostics) or not words
    assert len(report.diagnostics) < 30


def test_a_trickle_is_not_waited_for(engine: Fake) -> None:
    engine.slow = 0.05
    begun = time.monotonic()
    with pytest.raises(SourceError, match="no whole answer"):
        scan(engine)
    assert time.monotonic() - begun < 20


def test_who_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no socket"):
        scan_engine(f"unix://{tmp_path}/none.sock", EngineCheckOptions())

    class Rude(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"SSH-2.0-x\r\n\r\n")

    with socketserver.UnixStreamServer(str(tmp_path / "r.sock"), Rude) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(SourceError, match="no engine answers"):
            scan_engine(f"unix://{tmp_path}/r.sock", EngineCheckOptions(source=EngineOptions(limits=TIMES)))


# -- finding the socket ----------------------------------------------------------------------------------------------------


def test_usual_sockets() -> None:
    def there(*paths: str) -> Callable[[str], bool]:
        return lambda path: path in paths

    own = {"XDG_RUNTIME_DIR": "/run/user/5"}
    assert find("docker", {}, there("/var/run/docker.sock")) == ("/var/run/docker.sock", "", "docker")
    assert find("docker/web", own, there("/run/user/5/docker.sock")) == ("/run/user/5/docker.sock", "web", "docker/web")
    assert find("docker", {"DOCKER_HOST": "unix:///x.sock"}, there("/x.sock", "/var/run/docker.sock"))[0] == "/x.sock"
    assert find("podman", own, there("/run/user/5/podman/podman.sock"))[0] == "/run/user/5/podman/podman.sock"
    assert find("podman", {"CONTAINER_HOST": "unix:/y.sock"}, there("/y.sock"))[0] == "/y.sock"
    assert find("unix:///a/b.sock", {}, there("/a/b.sock")) == ("/a/b.sock", "", "unix:///a/b.sock")
    assert find("unix:///a/b.sock/web", {}, there("/a/b.sock"))[:2] == ("/a/b.sock", "web")
    with pytest.raises(SourceError, match="looked for"):
        find("docker", {}, there())
    with pytest.raises(SourceError, match="by tcp"):
        find("docker", {"DOCKER_HOST": "tcp://x:2375"}, there())
    for bad in ("", "nerdctl", "docker/", "http://x"):
        with pytest.raises(UsageError):
            find(bad, {}, there())


def test_samples_become_rates() -> None:
    moments = iter(["00", "01", "02"])
    used = iter([0, 500_000_000, 2_000_000_000])

    class Wire:
        def get(self, _: str) -> object:
            cpu = {"cpu_usage": {"total_usage": next(used)}}
            memory = {"usage": 100, "stats": {"total_inactive_file": 40, "inactive_file": 1}}
            return {"read": f"2026-01-01T00:00:{next(moments)}.123456789Z", "cpu_stats": cpu, "memory_stats": memory}

    now = [0.0]
    found_ = watch(Wire(), ["x"], 2, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))  # type: ignore[arg-type]
    assert found_ == {"x": {"memory": [60, 60, 60], "cpus": [pytest.approx(0.5), pytest.approx(1.5)], "pids": []}}
