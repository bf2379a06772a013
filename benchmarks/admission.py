"""How fast the webhook decides: warm reviews over TLS on loopback, one worker, keep-alive clients in another process.

    python benchmarks/admission.py [--clients 50] [--rate 1500] [--seconds 10] [--warm-up 2] [--log]

`--rate` is how many reviews a second all clients ask together, each at its own even pace; 0 lets every client ask again as
soon as it is answered, which measures the throughput of server and clients on the same processors, and no latency but theirs.

Every review is of a pod with a name of its own, as a ReplicaSet makes them, so that what is kept is the verdict on the
specification and never the whole answer. Half of the reviews are refused. Times are those that a client sees, from the first
byte of the request to the last of the answer. Targets (issue 5): p99 below 20 ms, at least 1,500 reviews a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

COMMAND = "from thwart.cli import _command; import sys; raise SystemExit(_command('serve', sys.argv[1:]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1500.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--log", action="store_true", help="record every decision")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = start(Path(folder), port, log=arguments.log)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(measure(Path(folder), port, server.pid, arguments))
        finally:
            server.terminate()
            server.wait(30)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def start(folder: Path, port: int, *, log: bool) -> subprocess.Popen[bytes]:
    words = ["--admission", "--tls", f"{folder}/tls", "--listen", f"127.0.0.1:{port}", "--framework", "pss-restricted"]
    if log:
        subprocess.run([sys.executable, "-m", "thwart", "log", "init", "--log", f"{folder}/log"], check=True, stdout=-3)
        words += ["--log", f"{folder}/log"]
    server = subprocess.Popen([sys.executable, "-c", COMMAND, *words])
    for _ in range(100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.1)
    raise SystemExit("the server does not start")


async def measure(folder: Path, port: int, pid: int, arguments: argparse.Namespace) -> None:
    context = ssl.create_default_context(cafile=folder / "tls" / "ca.crt")
    begin = time.perf_counter() + arguments.warm_up
    end = begin + arguments.seconds
    pause = arguments.clients / arguments.rate if arguments.rate else 0.0
    clients = [client(port, context, number, begin, end, pause) for number in range(arguments.clients)]
    used = asyncio.create_task(processor(pid, begin, end))
    times = sorted(one for several in await asyncio.gather(*clients) for one in several)
    at = {name: times[min(int(len(times) * share), len(times) - 1)] * 1e3 for name, share in SHARES}
    shown = ", ".join(f"{name} {value:.1f} ms" for name, value in at.items())
    each = await used / len(times) * 1e3
    rate = len(times) / arguments.seconds
    print(
        f"{arguments.clients} clients, {len(times):,} reviews: {rate:,.0f}/s, {shown}; {each:.2f} ms of processor each"
    )


async def processor(pid: int, begin: float, end: float) -> float:
    """Seconds of processor time that the server uses between two moments (proc_pid_stat(5)); whoever else runs counts not."""
    used = []
    for moment in (begin, end):
        await asyncio.sleep(moment - time.perf_counter())
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        used.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return used[1] - used[0]


SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


async def client(
    port: int, context: ssl.SSLContext, number: int, begin: float, end: float, pause: float
) -> list[float]:
    """One connection; the seconds of each answer after the warm-up. A late answer counts from when it was due."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    times = []
    count = 0
    due = time.perf_counter() + pause * (number % 50) / 50
    while (now := time.perf_counter()) < end:
        if pause:
            await asyncio.sleep(max(due - now, 0))
            now, due = max(due, now), due + pause
        count += 1
        body, refused = review(number, count)
        head = f"POST /validate?timeout=10s HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        size = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        data = await reader.readexactly(size)
        if (b'"allowed":false' in data) is not refused:
            raise SystemExit(f"a wrong answer: {data[:300]!r}")
        if now >= begin:
            times.append(time.perf_counter() - now)
    writer.close()
    return times


def review(client: int, count: int) -> tuple[bytes, bool]:
    """A pod of one of twenty specifications with a name of its own, and whether it must be refused."""
    refused = count % 2 == 0
    name = f"web-{client}-{count}"
    return (REFUSED if refused else FINE)[count % 10].replace(b"NAME", name.encode()), refused


def template(number: int, *, privileged: bool) -> bytes:
    security: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "web",
        "image": f"registry.example.test/web@sha256:{number:064x}",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{at}", "value": f"value {at}"} for at in range(12)],
        "resources": {"limits": {"memory": "128Mi", "cpu": "500m"}, "requests": {"memory": "64Mi", "cpu": "100m"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
        "securityContext": {"privileged": True} if privileged else security,
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "NAME", "namespace": "shop", "generateName": "web-", "labels": {"app": "web"}},
        "spec": {
            "serviceAccountName": "web",
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
        },
    }
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    request: dict[str, Any] = {
        "uid": "NAME",
        "kind": kind,
        "resource": {"group": "", "version": "v1", "resource": "pods"},
    }
    request |= {"operation": "CREATE", "namespace": "shop", "name": "NAME", "userInfo": {"username": "controller"}}
    request |= {"object": pod, "oldObject": None, "dryRun": False}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


FINE = [template(number, privileged=False) for number in range(10)]
REFUSED = [template(number, privileged=True) for number in range(10)]

if __name__ == "__main__":
    main()
