"""Check a generated tree of documents with Thwart and with every peer that is found, in one run, and print ratios.

    python benchmarks/rules.py [--runs 3] [--quick] [--keep FOLDER]

Each run is a whole process, measured by the operating system's accounting of finished children: CPU seconds of all its
threads and children (user and system), peak resident memory of its largest process. A run counts only if it printed a
JSON document: a peer that fails tells so by no code of its own. Everybody runs once before, unmeasured, so that the
byte code of programs in Python is there as it is after an installation. Peers are taken from the PATH, or from
THWART_BENCH_HADOLINT, _CHECKOV, _TRIVY, _KUBE_LINTER and _KUBE_SCORE. The tree is made from a seed (`rules_tree.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import rules_tree  # type: ignore[import-not-found]

RAN = (0, 1, 3)  # codes of a check that was done, whatever it found


class Cost(NamedTuple):
    wall: float
    cpu: float
    memory: float  # MB


class Job(NamedTuple):
    """What is checked: its title, the path, and which files of it a tool that takes no folder is given."""

    title: str
    path: Path
    files: list[str]


class Tool(NamedTuple):
    """A peer and what it can check; `command` is None for a job that it has no rules for."""

    name: str
    command: Callable[[str, Job], list[str] | None]


def measure(command: list[str], home: Path) -> Cost | str:
    """What one process cost, or why it failed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        child = os.fork()
        if not child:
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream, target in enumerate((quiet, output.fileno(), quiet)):
                os.dup2(target, stream)
            os.chdir(home)
            os.execvpe(command[0], command, environment)
        _, status, used = os.wait4(child, 0)
        wall = time.perf_counter() - begun
        code = os.waitstatus_to_exitcode(status)
        if code not in RAN:
            return f"it ended with {code}"
        output.seek(0)
        if not answered(output.read()):
            return f"it ended with {code} and without an answer"
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def answered(output: bytes) -> bool:
    """Whether it is a JSON document with something in it."""
    try:
        return bool(json.loads(output))
    except ValueError:
        return False


def _thwart(program: str, job: Job) -> list[str]:
    return [program, "-m", "thwart", "check", "-o", "json", str(job.path)]


def _hadolint(program: str, job: Job) -> list[str] | None:
    files = [name for name in job.files if "ockerfile" in Path(name).name]
    return [program, "--no-fail", "-f", "json", *files] if files and len(files) == len(job.files) else None


def _checkov(program: str, job: Job) -> list[str]:
    where = ["-f", str(job.path)] if job.path.is_file() else ["-d", str(job.path)]
    return [
        program,
        *where,
        "--framework",
        "dockerfile",
        "kubernetes",
        "--compact",
        "--quiet",
        "--skip-download",
        "-o",
        "json",
    ]


def _trivy(program: str, job: Job) -> list[str]:
    return [program, "config", "--quiet", "--skip-check-update", "--format", "json", str(job.path)]


def _manifests(*words: str) -> Callable[[str, Job], list[str] | None]:
    """A tool that is given manifests only."""

    def command(program: str, job: Job) -> list[str] | None:
        files = [name for name in job.files if name.endswith("manifest.yaml")]
        return [program, *words, *files] if files else None

    return command


TOOLS = (
    Tool("hadolint", _hadolint),
    Tool("checkov", _checkov),
    Tool("trivy", _trivy),
    Tool("kube-linter", _manifests("lint", "--format", "json")),
    Tool("kube-score", _manifests("score", "-o", "json")),
)


def programs() -> dict[str, str]:
    """Where each peer is; those that are not there are told."""
    found: dict[str, str] = {}
    for tool in TOOLS:
        stated = os.environ.get(f"THWART_BENCH_{tool.name.upper().replace('-', '_')}", "")
        path = shutil.which(stated or tool.name)
        if path is None:
            print(f"{tool.name} is left out: no such program", file=sys.stderr)
        else:
            found[tool.name] = path
    return found


def jobs(root: Path) -> list[Job]:
    def job(title: str, path: Path) -> Job:
        below = sorted(str(one) for one in path.rglob("*") if one.is_file()) if path.is_dir() else [str(path)]
        return Job(title, path, below)

    small = root / "small"
    small.mkdir()
    (small / "Dockerfile").write_text("FROM alpine:3.20\nRUN apk add curl\n", encoding="utf-8")
    manifest = min(one for one in (root / "yaml").rglob("manifest.yaml") if "kind: Deployment" in one.read_text())
    shutil.copy(manifest, small / "manifest.yaml")
    return [
        job("a Dockerfile of two lines", small / "Dockerfile"),
        job("one manifest", small / "manifest.yaml"),
        job("all Dockerfiles", root / "docker"),
        job("all YAML files", root / "yaml"),
        job("the whole tree", root),
    ]


def costs(command: list[str], home: Path, runs: int) -> Cost | str:
    found: list[Cost] = []
    for _ in range(1 + runs):
        cost = measure(command, home)
        if isinstance(cost, str):
            return cost
        found.append(cost)
    return Cost(*(statistics.median(values) for values in zip(*found[1:], strict=True)))


def row(job: Job, name: str, cost: Cost, own: Cost) -> str:
    figures = f"{cost.wall:.2f} | {cost.cpu:.2f} | {cost.memory:.0f}"
    return f"| {job.title} | {name} | {figures} | {cost.cpu / own.cpu:.1f} | {cost.memory / own.memory:.1f} |"


def run(root: Path, runs: int) -> None:
    peers = programs()
    print(
        "| checked | tool | wall s | CPU s | peak MB | CPU ÷ Thwart | memory ÷ Thwart |\n|---|---|---|---|---|---|---|"
    )
    for job in jobs(root):
        own = costs(_thwart(sys.executable, job), root, runs)
        if isinstance(own, str):
            raise SystemExit(f"thwart on {job.title}: {own}")
        print(row(job, "thwart", own, own), flush=True)
        for tool in TOOLS:
            command = tool.command(peers[tool.name], job) if tool.name in peers else None
            if command is None:
                continue
            cost = costs(command, root, runs)
            told = (
                f"| {job.title} | {tool.name} | {cost} | | | | |"
                if isinstance(cost, str)
                else row(job, tool.name, cost, own)
            )
            print(told, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the tree, once")
    parser.add_argument("--keep", type=Path, help="write the tree there and leave it; nothing is measured")
    arguments = parser.parse_args()
    size = {"dockerfiles": 64, "documents": 380} if arguments.quick else {"dockerfiles": 640, "documents": 3800}
    with tempfile.TemporaryDirectory() as scratch:
        root = arguments.keep or Path(scratch)
        rules_tree.make(root, **size)
        rules_tree.examples(root)
        if arguments.keep is None:
            run(root, 1 if arguments.quick else arguments.runs)


if __name__ == "__main__":
    main()
