"""Scan an archive with Thwart and with every peer that is found, in one run, and print ratios.

    python benchmarks/scan.py IMAGE.tar [--runs 3] [--syft PATH] [--trivy PATH] [--grype PATH]

Each run is a whole process, measured by the operating system's accounting of finished children: wall and CPU seconds,
peak resident memory. `cold` starts with an empty cache folder, `warm` with the one that the cold run left.
Thwart's figures include matching and the report; peers are asked for their package list, without a database.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    wall: float
    cpu: float
    memory: float  # MB


class Tool(NamedTuple):
    name: str
    command: list[str]
    environment: dict[str, str]
    cache: Path
    warm: bool


MEASURE = """
import json, os, resource, subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
wall = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode, done.stderr.decode()[-300:]]))
"""


def measure(tool: Tool) -> Cost:
    import json

    environment = {**os.environ, **tool.environment}
    out = subprocess.run(
        [sys.executable, "-c", MEASURE, *tool.command], env=environment, capture_output=True, check=True
    )
    wall, cpu, memory, code, words = json.loads(out.stdout)
    if code not in (0, 1, 3):
        raise SystemExit(f"{tool.name} failed with {code}: {words}")
    return Cost(wall, cpu, memory)


def tools(archive: str, arguments: argparse.Namespace, scratch: Path) -> list[Tool]:
    own = scratch / "thwart"
    thwart = [sys.executable, "-m", "thwart", "scan", archive, "-q", "--offline"]
    found = [
        Tool("thwart", thwart, {"THWART_CACHE_DIR": str(own), "THWART_DATA_DIR": str(scratch / "data")}, own, True)
    ]
    syft = arguments.syft or shutil.which("syft")
    if syft:
        found.append(
            Tool(
                "syft",
                [syft, "scan", archive, "-o", "json", "-q"],
                {"SYFT_CHECK_FOR_APP_UPDATE": "false"},
                scratch / "s",
                False,
            )
        )
    trivy = arguments.trivy or shutil.which("trivy")
    if trivy:
        cache = scratch / "trivy"
        command = [trivy, "image", "--input", archive, "--cache-dir", str(cache), "--format", "cyclonedx", "-q"]
        found.append(
            Tool("trivy", [*command, "--offline-scan", "--skip-db-update", "--skip-java-db-update"], {}, cache, True)
        )
    return found


def table(rows: list[tuple[str, str, Cost]]) -> str:
    base = {state: cost for name, state, cost in rows if name == "thwart"}
    lines = [
        "| tool | state | wall s | CPU s | peak MB | wall ÷ Thwart | CPU ÷ Thwart |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, state, cost in rows:
        own = base[state]
        ratios = f"{cost.wall / own.wall:.1f} | {cost.cpu / own.cpu:.1f}"
        lines.append(f"| {name} | {state} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.memory:.0f} | {ratios} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--syft")
    parser.add_argument("--trivy")
    arguments = parser.parse_args()
    rows: list[tuple[str, str, Cost]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for tool in tools(arguments.archive, arguments, Path(scratch)):
            cold, warm = [], []
            for _ in range(arguments.runs):
                shutil.rmtree(tool.cache, ignore_errors=True)
                cold.append(measure(tool))
                if tool.warm:
                    warm.append(measure(tool))
            rows.append((tool.name, "cold", median(cold)))
            if warm:
                rows.append((tool.name, "warm", median(warm)))
    size = Path(arguments.archive).stat().st_size / 1e6
    print(f"{Path(arguments.archive).name}: {size:.0f} MB, median of {arguments.runs} runs\n")
    print(table(rows))


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


if __name__ == "__main__":
    main()
