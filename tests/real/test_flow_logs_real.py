"""Real flow logs: pods in network namespaces, nftables between them, recorded by conntrack, NFLOG and ulogd at once.

Every recorder must tell the same connections, and the verbs must agree with what was really connected and really dropped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.real.conftest import need, run
from thwart.network.flowlogs import FlowRecord
from thwart.network.flowlogs.reading import bounded_lines, read_flows

pytestmark = pytest.mark.real

WEB, DB, JOB = "10.244.77.10", "10.244.77.11", "10.244.77.12"
SERVICE = "10.96.77.1"
PODS = {"web": WEB, "db": DB, "job": JOB}
OPEN, SHUT, DNS = 8080, 8081, 5353

MANIFESTS = "---\n".join(
    [
        *(
            f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}, spec: {{containers: [{{}}]}}, "
            f"status: {{podIPs: [{{ip: {ip}}}]}}}}\n"
            for name, ip in PODS.items()
        ),
        f"""apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: db, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: db}}}}
  ingress:
    - from: [{{podSelector: {{matchLabels: {{app: web}}}}}}]
      ports: [{{port: {OPEN}}}, {{port: {DNS}, protocol: UDP}}]
""",
    ]
)

# The policy as a person would write it for nftables; `{hole}` lets the job through where the policy does not.
RULES = """
table inet real {{
  chain nat {{ type nat hook prerouting priority dstnat; ip daddr {service} tcp dport 80 dnat ip to {db}:{open}; }}
  chain forward {{
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    ip saddr {web} ip daddr {db} tcp dport {open} log prefix "allow " group 7 log prefix "allow " group 8 accept
    ip saddr {web} ip daddr {db} udp dport {dns} log prefix "allow " group 7 log prefix "allow " group 8 accept
    {hole}
    ip daddr {db} log prefix "deny " group 7 log prefix "deny " group 8 drop
  }}
}}
"""
HOLE = f'ip saddr {JOB} ip daddr {DB} tcp dport {OPEN} log prefix "allow " group 7 log prefix "allow " group 8 accept'

ULOGD = """[global]
logfile="{folder}/ulogd.log"
loglevel=3
{plugins}
stack=packets:NFLOG,base:BASE,ifi:IFINDEX,ip2str:IP2STR,mac2str:HWHDR,packetsjson:JSON
stack=lines:NFLOG,base:BASE,ifi:IFINDEX,ip2str:IP2STR,print:PRINTPKT,emu:LOGEMU
stack=flows:NFCT,ip2str:IP2STR,flowsjson:JSON
[packets]
group=7
[lines]
group=8
[flows]
hash_enable=1
[packetsjson]
sync=1
file="{folder}/packets.json"
[flowsjson]
sync=1
file="{folder}/flows.json"
[emu]
sync=1
file="{folder}/kernel.log"
"""

_SERVE = """
import socket, sys, time
ports, udp = [int(text) for text in sys.argv[1].split(",")], int(sys.argv[2])
kept = []
for port in ports:
    one = socket.socket(); one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); one.bind(("0.0.0.0", port)); one.listen(); kept.append(one)
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); echo.bind(("0.0.0.0", udp))
print("ready", flush=True)
while True:
    data, peer = echo.recvfrom(100); echo.sendto(data, peer)
"""
_TRY = """
import socket, sys
kind, ip, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
    if kind == "tcp":
        socket.create_connection((ip, port), 0.4).close()
    else:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.settimeout(0.4); one.sendto(b"x", (ip, port)); one.recv(10)
    print("through")
except OSError:
    print("cut")
"""


class Attempt(NamedTuple):
    """A connection that is tried: who, where to, and where that leads."""

    pod: str
    protocol: str
    port: int
    ip: str = DB
    dial: int = 0


ATTEMPTS = (
    Attempt("web", "tcp", OPEN),
    Attempt("web", "tcp", OPEN, SERVICE, 80),
    Attempt("web", "udp", DNS),
    Attempt("web", "tcp", SHUT),
    Attempt("job", "tcp", OPEN),
    Attempt("job", "udp", DNS),
)


class Recorded(NamedTuple):
    """What was tried, whether it got through, and the logs."""

    through: dict[Attempt, bool]
    logs: dict[str, Path]

    def seen(self, name: str) -> set[tuple[str, str, str, int]]:
        with self.logs[name].open("rb") as file:
            found = [one for one in read_flows(bounded_lines(file)) if isinstance(one, FlowRecord)]
        return {
            (one.source.ip, one.destination.ip, one.protocol, one.port) for one in found if one.destination.ip == DB
        }

    def verdicts(self, name: str) -> dict[tuple[str, str, int], set[bool | None]]:
        found: dict[tuple[str, str, int], set[bool | None]] = {}
        with self.logs[name].open("rb") as file:
            for one in read_flows(bounded_lines(file)):
                if isinstance(one, FlowRecord) and one.destination.ip == DB:
                    found.setdefault((one.source.ip, one.protocol, one.port), set()).add(one.verdict)
        return found


@contextmanager
def _namespaces() -> Iterator[dict[str, str]]:
    names = {name: f"thwf{os.getpid()}{name}" for name in ("node", *PODS)}
    try:
        for name in names.values():
            run("ip", "netns", "add", name)
        yield names
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _wire(names: dict[str, str]) -> None:
    node = names["node"]
    batch = ["link set lo up"]
    for name, ip in PODS.items():
        batch += [f"link add v{name} type veth peer name eth0 netns {names[name]}", f"link set v{name} up"]
        batch += [f"addr add 10.244.77.1/32 dev v{name}", f"route add {ip}/32 dev v{name}"]
    run("ip", "-n", node, "-batch", "-", text="\n".join(batch) + "\n")
    for name, ip in PODS.items():
        inside = ["link set lo up", "link set eth0 up", f"addr add {ip}/32 dev eth0"]
        inside += ["route add 10.244.77.1 dev eth0", "route add default via 10.244.77.1"]
        run("ip", "-n", names[name], "-batch", "-", text="\n".join(inside) + "\n")
    set_ = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct"
    run("ip", "netns", "exec", node, "sh", "-c", f"{set_}; echo 1 > /proc/sys/net/netfilter/nf_conntrack_timestamp")


@contextmanager
def _running(*command: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, text=True, **more)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _configure(folder: Path) -> Path:
    plugins = next(Path("/usr/lib").glob("*/ulogd"), Path("/usr/lib/ulogd"))
    if not (plugins / "ulogd_output_JSON.so").exists():
        pytest.skip("not installed: ulogd2-json")
    names = [path for path in sorted(plugins.glob("*.so")) if path.stem.split("_", 1)[1] in _PLUGINS]
    config = folder / "ulogd.conf"
    config.write_text(ULOGD.format(folder=folder, plugins="\n".join(f'plugin="{path}"' for path in names)))
    return config


_PLUGINS = {
    "inppkt_NFLOG",
    "inpflow_NFCT",
    "filter_IFINDEX",
    "filter_IP2STR",
    "filter_HWHDR",
    "filter_PRINTPKT",
    "output_JSON",
    "output_LOGEMU",
    "raw2packet_BASE",
}


def _record(folder: Path, hole: str) -> Recorded:
    config = _configure(folder)
    with _namespaces() as names:
        _wire(names)
        inside = ("ip", "netns", "exec")
        rules = RULES.format(service=SERVICE, web=WEB, db=DB, open=OPEN, dns=DNS, hole=hole)
        run(*inside, names["node"], "nft", "-f", "-", text=rules)
        events = folder / "conntrack.log"
        serve = (*inside, names["db"], sys.executable, "-c", _SERVE, f"{OPEN},{SHUT}", str(DNS))
        with (
            events.open("w") as out,
            _running(*serve, stdout=subprocess.PIPE) as server,
            _running(*inside, names["node"], "ulogd", "-c", str(config)),
            _running(
                *inside,
                names["node"],
                "conntrack",
                "-E",
                "-o",
                "timestamp,ktimestamp,id",
                stdout=out,
                stderr=subprocess.DEVNULL,
            ),
        ):
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            time.sleep(0.5)
            through = {}
            for one in ATTEMPTS:
                command = (
                    *inside,
                    names[one.pod],
                    sys.executable,
                    "-c",
                    _TRY,
                    one.protocol,
                    one.ip,
                    str(one.dial or one.port),
                )
                through[one] = run(*command).strip() == "through"
            time.sleep(1.3)  # the kernel hands NFLOG over once a second
            listed = run(*inside, names["node"], "conntrack", "-L", "-o", "extended")
            subprocess.run([*inside, names["node"], "conntrack", "-D"], capture_output=True)
            time.sleep(0.7)
    (folder / "listed.log").write_text(listed)
    logs = {
        path.stem: path
        for path in (folder / "listed.log", events, *(folder / n for n in ("packets.json", "flows.json", "kernel.log")))
    }
    return Recorded(through, logs)


def _need() -> None:
    need("ip", "nft", "conntrack", "ulogd")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    _need()
    return _record(tmp_path_factory.mktemp("flows"), "")


def _reached() -> set[tuple[str, str, str, int]]:
    return {(WEB, DB, "TCP", OPEN), (WEB, DB, "UDP", DNS)}


def _refused() -> set[tuple[str, str, str, int]]:
    return {(WEB, DB, "TCP", SHUT), (JOB, DB, "TCP", OPEN), (JOB, DB, "UDP", DNS)}


def test_the_kernel_does_what_the_policy_says(recorded: Recorded) -> None:
    assert [one.port in (OPEN, DNS) and one.pod == "web" for one in ATTEMPTS] == list(recorded.through.values())


def test_every_recorder_tells_the_same_connections(recorded: Recorded) -> None:
    """Packets that are dropped never become connections, so that conntrack and NFCT cannot tell them."""
    everything = _reached() | _refused()
    assert {name: recorded.seen(name) for name in recorded.logs} == {
        "listed": _reached(),
        "conntrack": _reached(),
        "flows": _reached(),
        "packets": everything,
        "kernel": everything,
    }


def test_verdicts(recorded: Recorded) -> None:
    for name in ("packets", "kernel"):
        found = recorded.verdicts(name)
        assert {key: True for key, seen in found.items() if seen == {True}} == {
            (s, p, n): True for s, _, p, n in _reached()
        }
        assert {key: False for key, seen in found.items() if seen == {False}} == {
            (s, p, n): False for s, _, p, n in _refused()
        }
    for name in ("listed", "conntrack", "flows"):
        assert all(True in seen for seen in recorded.verdicts(name).values())


def test_conntrack_counts_connections_once(recorded: Recorded) -> None:
    with recorded.logs["conntrack"].open("rb") as file:
        records = [one for one in read_flows(bounded_lines(file)) if isinstance(one, FlowRecord)]
    counts = [one.count for one in records if (one.source.ip, one.destination.ip, one.protocol) == (WEB, DB, "TCP")]
    assert sum(counts) == 2, "one straight and one through the service"
    assert all(one.time is not None and abs(one.time - time.time()) < 600 for one in records)


def _verb(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pods.yaml").write_text(MANIFESTS)
    command = [sys.executable, "-m", "thwart", "net", *arguments, str(folder / "pods.yaml")]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["packets", "kernel", "conntrack", "listed", "flows"])
def test_simulate_agrees_with_the_kernel(recorded: Recorded, name: str, tmp_path: Path) -> None:
    done = _verb(
        tmp_path, "simulate", "--year", str(time.gmtime().tm_year), "--flows", str(recorded.logs[name]), "-o", "json"
    )
    found = json.loads(done.stdout)
    outcomes = {(one["source"], one["protocol"], one["port"]): one["outcome"] for one in found["replayed"]}
    expected = {("shop/Pod/web", "TCP", OPEN): "kept", ("shop/Pod/web", "UDP", DNS): "kept"}
    if name in ("packets", "kernel"):
        refused = {("shop/Pod/web", "TCP", SHUT), ("shop/Pod/job", "TCP", OPEN), ("shop/Pod/job", "UDP", DNS)}
        expected |= dict.fromkeys(refused, "denied")
    assert (outcomes, done.returncode) == (expected, 0), done.stderr


def test_watch_sees_policies_at_work(recorded: Recorded, tmp_path: Path) -> None:
    done = _verb(tmp_path, "watch", "--flows", str(recorded.logs["packets"]))
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert (kinds, done.returncode) == (["denied", "denied", "denied", "summary"], 0), done.stderr


def test_watch_finds_a_hole_in_the_enforcement(tmp_path: Path) -> None:
    """The packet filter lets through what the policy denies: both recorders give it away."""
    _need()
    leaky = _record(tmp_path, HOLE)
    assert leaky.through[Attempt("job", "tcp", OPEN)]
    for name in ("packets", "conntrack"):
        done = _verb(tmp_path, "watch", "--flows", str(leaky.logs[name]))
        holes = [one for one in map(json.loads, done.stdout.splitlines()) if one["kind"] == "passed-though-denied"]
        assert [(one["source"], one["destination"], one["port"]) for one in holes] == [
            ("shop/Pod/job", "shop/Pod/db", OPEN)
        ]
        assert done.returncode == 1
