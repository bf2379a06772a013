"""How long network policy takes: reading, making ready, every row, point queries, edits; peers beside it.

    python benchmarks/network.py [WORKLOAD…] [--edits 1000] [--intents 100] [--nca PROGRAM] [--np-guard PROGRAM] [--seconds 120]

Workloads (network_workloads.py) are made from seeds and written as the JSON that `kubectl get -o json` gives. Each is
measured in a process of its own, so that peaks of memory are its own. Times are processor seconds. `pairs` counts
ordered pairs of pods that can connect on some port. Peers list the connectivity of the same files; their time is that of
the whole process, as is that of `thwart net map -o json`, which stands beside them.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from network_workloads import WORKLOADS, Object, policy, realistic_spec  # type: ignore[import-not-found]
from thwart.lib.bitsets import pack
from thwart.network.editing import differences
from thwart.network.engine import Model
from thwart.network.explain import Directory
from thwart.network.flows import Answers
from thwart.network.intents.checking import verify
from thwart.network.intents.reading import read_intents
from thwart.network.model import Endpoint, Policy
from thwart.network.world import read_world


def measure(data: bytes, queries: int, edits: int, intents: int) -> str:
    gc.disable()  # as the program does while it reads and makes ready (thwart.api.net)
    start = time.process_time()
    world = read_world([("workload.json", data)])
    read = time.process_time()
    model = Model(world)
    ready = time.process_time()
    for _ in model.rows():
        pass
    rows = time.process_time()
    peak = peak_memory()
    pairs = count(model)
    random = Random(3)
    answers = Answers(model, Directory(model))
    lines = [flow(random, world.endpoints) for _ in range(queries)]
    begin = time.process_time()
    for line in lines:
        answers.line(line)
    query = (time.process_time() - begin) / max(queries, 1)
    text = (
        f"{len(data) / 1e6:.0f} MB, {len(model.classes):,} classes, {pairs:,} pairs: read {read - start:.2f} s, "
        f"analysis {rows - read:.2f} s (ready {ready - read:.2f}, rows {rows - ready:.2f}), all {rows - start:.2f} s, "
        f"peak {peak:.0f} MB; query {query * 1e6:.0f} us"
    )
    text += check(model, random, intents) if intents else ""
    return text + (edit(model, random, edits) if edits else "")


def check(model: Model, random: Random, count: int) -> str:
    """Intents of every form, about namespaces and teams at random."""
    forms: list[Object] = []
    for number in range(count):
        here, there = (f"ns{random.randrange(200)}" for _ in range(2))
        forms.append(
            [
                {"deny": {"from": {"namespaces": f"team=t{number % 50}"}, "to": {"namespace": there}}},
                {"allow": {"from": {"namespace": here, "pods": "app=a0"}, "to": {"namespace": here, "pods": "app=a1"}}},
                {"only": {"from": {"namespace": here}, "to": {"namespace": here, "pods": "tier=back"}, "ports": 8080}},
                {"no-internet-egress": {"from": {"namespace": here, "pods": "tier=back"}}},
                {
                    "nothing-reaches": {
                        "to": {"namespace": here, "pods": "tier=back"},
                        "but": {"namespaces": "env=prod"},
                    }
                },
            ][number % 5]
        )
    document = {"version": 1, "intents": [{"name": f"i{number}", **form} for number, form in enumerate(forms)]}
    begin = time.process_time()
    verdict = verify(model, read_intents([("intents.yaml", json.dumps(document).encode())]))
    spent = time.process_time() - begin
    return f"; {count} intents ({verdict.count('broken')} broken) {spent:.2f} s"


def peak_memory() -> float:
    """MB; getrusage would tell the parent's where that was larger."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def edit(model: Model, random: Random, count: int) -> str:
    """Replace, remove or add one policy after the other, and tell exactly which flows each changes."""
    namespaces = sorted({endpoint.namespace for endpoint in model.world.endpoints})
    model.column(0)  # the index that sources need is made once
    taken: dict[bool, list[float]] = {False: [], True: []}
    changed = 0
    for _ in range(count):
        number = random.randrange(len(model.world.policies))
        spec = realistic_spec(random, random.randrange(100))
        (made,) = read_world(
            [("edit.json", json.dumps(policy(random.choice(namespaces), "e", spec)).encode())]
        ).policies
        changes: dict[int, Policy | None] = {number: random.choice([None, made])}
        begin = time.perf_counter()
        after = model.edited(changes)
        anew = after.partition is not model.partition
        changed += not anew and bool(differences(model, after, [number]))
        taken[anew].append(time.perf_counter() - begin)
    told = f"; {len(taken[False])} edits: {ranks(taken[False])} ({changed} changed a flow)"
    if taken[True]:
        told += f"; {len(taken[True])} that look at what no policy looked at, made anew: {ranks(taken[True])}"
    return told


def ranks(taken: list[float]) -> str:
    taken = sorted(taken)
    return ", ".join(f"p{rank} {taken[len(taken) * rank // 100] * 1000:.1f} ms" for rank in (50, 90, 99))


def flow(random: Random, endpoints: Sequence[Endpoint]) -> bytes:
    ends = [{"namespace": e.namespace, "pod": e.name} for e in (random.choice(endpoints), random.choice(endpoints))]
    return json.dumps({"src": ends[0], "dst": ends[1], "port": random.choice([80, 443, 8080, 9090])}).encode()


def count(model: Model) -> int:
    """Ordered pairs of pods that can connect on some port."""
    weights: dict[int, list[int]] = {}
    for number, one in enumerate(model.classes):
        if one.members:
            weights.setdefault(len(one.members), []).append(number)
    masks = [(weight, pack(numbers, len(model.classes))) for weight, numbers in weights.items()]
    weighed: dict[int, int] = {}
    total = 0
    for destination, row in model.rows():
        some = 0
        for _, allow, _ in row:
            some |= allow
        found = weighed.get(some)
        if found is None:
            found = sum(weight * (some & mask).bit_count() for weight, mask in masks)
            if len(weighed) < 4096:
                weighed[some] = found
        total += found * len(model.classes[destination].members)
    return total


def make(name: str, folder: Path) -> Path:
    """Write a workload; pods, namespaces and policies also apart, as peers read them."""
    items = WORKLOADS[name]()
    parts: dict[str, list[Object]] = {"Namespace": [], "Pod": [], "NetworkPolicy": []}
    for item in items:
        parts.setdefault(item["kind"], []).append(item)
    (folder / "apart").mkdir()
    for kind, found in parts.items():
        document = {"apiVersion": "v1", "kind": "List", "items": found}
        (folder / "apart" / f"{kind}.yaml").write_text(json.dumps(document), encoding="utf-8")
    whole = folder / "whole.json"
    whole.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1), encoding="utf-8")
    return whole


def peer(name: str, command: list[str], seconds: int) -> float | None:
    """Processor seconds of a whole process; told, and None where it does not finish or fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        print(f"  {name}: not finished in {seconds} s")
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode not in (0, 1, 3):
        print(f"  {name}: failed ({done.returncode}) {done.stderr[-200:]!r}")
        return None
    print(f"  {name}: {spent:.2f} s, {len(done.stdout) / 1e6:.1f} MB of output")
    return spent


def peers(folder: Path, given: argparse.Namespace) -> None:
    """The same files through everyone's program."""
    apart = folder / "apart"
    ours = peer(
        "thwart net map",
        [str(Path(sys.executable).with_name("thwart")), "net", "map", "-o", "json", str(folder / "whole.json")],
        600,
    )
    theirs: dict[str, list[str]] = {}
    if given.nca:
        policies, namespaces, pods = (str(apart / f"{kind}.yaml") for kind in ("NetworkPolicy", "Namespace", "Pod"))
        theirs["NCA"] = [given.nca, "--connectivity", policies, "-n", namespaces, "-p", pods, "--output_format", "txt"]
    if given.np_guard:
        theirs["np-guard"] = [given.np_guard, "list", "--dirpath", str(apart), "-q"]
    for name, command in theirs.items():
        spent = peer(name, command, given.seconds)
        if spent and ours:
            print(f"  {name} takes {spent / ours:.1f} times as long")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["kano-1k", "kano-10k", "realistic-10k"], metavar="WORKLOAD")
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--intents", type=int, default=0, help="intents to verify")
    parser.add_argument("--edits", type=int, default=0, help="random edits of one policy each")
    parser.add_argument("--nca", metavar="PROGRAM", help="NCA's program, to stand beside")
    parser.add_argument("--np-guard", metavar="PROGRAM", help="np-guard's analyzer, to stand beside")
    parser.add_argument("--seconds", type=int, default=120, help="how long a peer may take")
    parser.add_argument("--measure", metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(measure(Path(given.measure).read_bytes(), given.queries, given.edits, given.intents))
        return
    for name in given.names:
        with tempfile.TemporaryDirectory() as folder:
            whole = make(name, Path(folder))
            options = ["--measure", str(whole), "--queries", str(given.queries), "--edits", str(given.edits)]
            options += ["--intents", str(given.intents)]
            done = subprocess.run([sys.executable, __file__, *options], capture_output=True, text=True, check=True)
            print(f"{name}: {done.stdout.strip()}", flush=True)
            if given.nca or given.np_guard:
                peers(Path(folder), given)


if __name__ == "__main__":
    main()
