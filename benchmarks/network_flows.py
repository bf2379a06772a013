"""How long recorded flows take: read, folded and judged, from the start of the process to its report.

    python benchmarks/network_flows.py [hubble goldmane conntrack csv jsonl] [--records 1000000] [--pods 10000]

A cluster is made from a seed, with addresses and policies, and a log of connections: each workload talks to five others, four of
them in its namespace, pod to pod. Times are processor seconds of one `thwart net simulate`, the best of `--runs`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from network_workloads import Object, realistic  # type: ignore[import-not-found]

_BEGUN = 1_795_000_000
_PORTS = (8080, 8081, 8082, 9090, 53, 5432)


class Pod(NamedTuple):
    """What recorders tell of a pod."""

    namespace: str
    name: str
    workload: str
    labels: tuple[str, ...]
    ip: str


class Flow(NamedTuple):
    """What recorders tell of a connection."""

    source: Pod
    destination: Pod
    port: int
    at: float
    from_port: int


def owned(objects: list[Object]) -> list[Object]:
    """The same with the owners that a live cluster tells of."""
    for one in objects:
        meta = one["metadata"]
        if one["kind"] == "Pod":
            suffix = meta["labels"].get("pod-template-hash", "0")
            meta["labels"]["pod-template-hash"] = suffix
            name = f"{meta['name'].rpartition('-')[0]}-{suffix}"
            meta["ownerReferences"] = [{"kind": "ReplicaSet", "name": name, "controller": True}]
    return objects


def pods_of(objects: list[Object]) -> list[Pod]:
    """The pods of a cluster."""
    found = []
    for one in objects:
        if one["kind"] == "Pod":
            meta, name = one["metadata"], one["metadata"]["name"]
            labels = tuple(f"{key}={value}" for key, value in meta["labels"].items())
            found.append(Pod(meta["namespace"], name, name.rpartition("-")[0], labels, one["status"]["podIP"]))
    return found


def flows_of(pods: list[Pod], records: int) -> Iterator[Flow]:
    """Connections: each workload talks to a few others, mostly of its own namespace, through any of its pods."""
    random = Random(3)
    members: dict[tuple[str, str], list[Pod]] = {}
    for pod in pods:
        members.setdefault((pod.namespace, pod.workload), []).append(pod)
    workloads = list(members.values())
    near: dict[str, list[list[Pod]]] = {}
    for found in workloads:
        near.setdefault(found[0].namespace, []).append(found)
    talks = [
        (
            source,
            random.choice(near[source[0].namespace] if random.random() < 0.8 else workloads),
            random.choice(_PORTS),
        )
        for source in workloads
        for _ in range(5)
    ]
    for number in range(records):
        source, destination, port = random.choice(talks)
        ends = random.choice(source), random.choice(destination)
        yield Flow(*ends, port, _BEGUN + number / 100, 32768 + random.randrange(28000))


def hubble(flow: Flow) -> str:
    """An event of Hubble as 1.19 exports it."""
    stamp = f"2026-11-{18 + int(flow.at - _BEGUN) // 86400:02}T{int(flow.at) // 3600 % 24:02}:{int(flow.at) // 60 % 60:02}:{int(flow.at) % 60:02}.120042383Z"

    def end(pod: Pod) -> str:
        labels = ",".join(f'"k8s:{label}"' for label in pod.labels)
        derived = f'"k8s:io.cilium.k8s.policy.cluster=default","k8s:io.cilium.k8s.policy.serviceaccount=default","k8s:io.kubernetes.pod.namespace={pod.namespace}"'
        return (
            f'{{"ID":423,"identity":24753,"cluster_name":"default","namespace":"{pod.namespace}","labels":[{labels},{derived}],'
            f'"pod_name":"{pod.name}","workloads":[{{"name":"{pod.workload}","kind":"Deployment"}}]}}'
        )

    return (
        f'{{"flow":{{"time":"{stamp}","uuid":"c938628b-0c3a-4440-9ecd-3e3ca00d3a16","emitter":{{"name":"Hubble","version":"1.19.1"}},'
        f'"verdict":"FORWARDED","ethernet":{{"source":"9a:4b:92:54:a9:62","destination":"72:59:04:fd:68:13"}},'
        f'"IP":{{"source":"{flow.source.ip}","destination":"{flow.destination.ip}","ipVersion":"IPv4"}},'
        f'"l4":{{"TCP":{{"source_port":{flow.from_port},"destination_port":{flow.port},"flags":{{"SYN":true}}}}}},'
        f'"source":{end(flow.source)},"destination":{end(flow.destination)},"Type":"L3_L4","node_name":"n",'
        f'"event_type":{{"type":4}},"traffic_direction":"INGRESS","trace_observation_point":"TO_ENDPOINT","trace_reason":"NEW",'
        f'"is_reply":false,"interface":{{"index":6,"name":"lxc07eaad73233"}},"Summary":"TCP Flags: SYN"}},"node_name":"n","time":"{stamp}"}}'
    )


def goldmane(flow: Flow) -> str:
    """A flow as Goldmane's emitter posts it: no addresses, no names of pods."""
    one = {
        "Key": {
            "source_name": f"{flow.source.workload}-*", "source_namespace": flow.source.namespace, "source_type": 1,
            "dest_name": f"{flow.destination.workload}-*", "dest_namespace": flow.destination.namespace, "dest_type": 1,
            "dest_port": flow.port, "proto": "tcp", "reporter": 2, "action": 1,
        },
        "start_time": int(flow.at), "end_time": int(flow.at) + 15, "num_connections_started": 1,
        "source_labels": flow.source.labels, "dest_labels": flow.destination.labels,
    }  # fmt: skip
    return json.dumps(one, separators=(",", ":"))


def conntrack(flow: Flow) -> str:
    """A connection that was answered, as `conntrack -E -e DESTROY -o timestamp` writes it."""
    there, back = (flow.source.ip, flow.destination.ip), (flow.destination.ip, flow.source.ip)
    return (
        f"[{flow.at:.6f}]\t[DESTROY] tcp      6 src={there[0]} dst={there[1]} sport={flow.from_port} dport={flow.port} "
        f"packets=6 bytes=400 src={back[0]} dst={back[1]} sport={flow.port} dport={flow.from_port} packets=4 bytes=300 [ASSURED]"
    )


def csv(flow: Flow) -> str:
    """A row."""
    return f"{flow.at:.3f},{flow.source.ip},{flow.destination.ip},{flow.port},tcp,allow"


def jsonl(flow: Flow) -> str:
    """A line of Thwart's own."""
    ends = [f'{{"namespace":"{pod.namespace}","pod":"{pod.name}"}}' for pod in (flow.source, flow.destination)]
    return f'{{"src":{ends[0]},"dst":{ends[1]},"protocol":"TCP","port":{flow.port},"verdict":"allowed","time":{flow.at:.3f}}}'


FORMATS: dict[str, Callable[[Flow], str]] = {one.__name__: one for one in (hubble, goldmane, conntrack, csv, jsonl)}


def write(folder: Path, name: str, pods: list[Pod], records: int) -> Path:
    """A log in a format."""
    path = folder / f"{name}.log"
    line = FORMATS[name]
    with path.open("w") as file:
        if name == "csv":
            file.write("time,source_ip,destination_ip,port,protocol,action\n")
        file.writelines(line(flow) + "\n" for flow in flows_of(pods, records))
    return path


def measure(manifests: Path, log: Path) -> tuple[float, int, str]:
    """Processor seconds and the largest memory (MB) of one replay, and the line that sums up its report."""
    command = [sys.executable, "-m", "thwart", "net", "simulate", "--flows", str(log), str(manifests)]
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        report = out.read()
    if process.returncode not in (0, 1, 3):
        raise SystemExit(f"thwart ended with {process.returncode}")
    summary = next(line for line in report.splitlines() if "different flow" in line)
    return used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, summary


def main() -> None:
    """Print a row for each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", default=list(FORMATS))
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    objects = owned(realistic(max(arguments.pods // 50, 1), max(arguments.pods // 10, 1)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests = folder / "cluster.json"
        manifests.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        pods = pods_of(objects)
        for one in arguments.formats:
            log = write(folder, one, pods, arguments.records)
            seconds, memory, summary = min(measure(manifests, log) for _ in range(arguments.runs))
            print(
                f"{one:10} {arguments.records:>9,} records {log.stat().st_size >> 20:>5} MB {seconds:6.1f} s {memory:>5} MB  {summary}"
            )
            log.unlink()


if __name__ == "__main__":
    main()
