"""What the kernel holds a container to: its cgroups and the state of its first process, read where the engine is local.

Sources: proc(5), proc_pid_status(5), cgroups(7), the kernel's documentation of cgroup v1 (memory, cpu, pids) and v2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_MOST_BYTES = 1 << 20  # of one file of /proc
_MOST_DEPTH = 64  # cgroups within cgroups
_UNLIMITED = 1 << 60  # v1 writes "no limit" as the largest multiple of a page
_KEPT = ("NoNewPrivs", "Seccomp", "CapEff", "CapBnd", "Uid")


_Read = Callable[[Path], list[float | None]]


class _Hierarchy(NamedTuple):
    """A mounted hierarchy: its controllers (`""` is v2), what of it is mounted, and where."""

    controllers: frozenset[str]
    root: str
    mounted: str


def observed(identifier: str, pid: object, root: Path = Path("/")) -> dict[str, object] | None:
    """Limits and state of a container's first process.

    Args:
        identifier: the container's full id, which its cgroup's name must hold: otherwise the process is another one,
            because the engine runs in another process namespace or on another machine.
        pid: the process as the engine numbers it.
        root: where `/proc` and `/sys` are.

    Returns:
        `memory` in bytes, `cpus`, `pids`, each None for no limit and missing where it cannot be read; `status` with
        fields of `/proc/PID/status`. None where the process cannot be looked at.
    """
    if not isinstance(pid, int) or pid <= 0 or len(identifier) < 12:
        return None
    own = _text(root / "proc" / str(pid) / "cgroup")
    if identifier not in own:
        return None
    found: dict[str, object] = {"status": _status(_text(root / "proc" / str(pid) / "status"))}
    paths = _paths(own)
    hierarchies = _hierarchies(_text(root / "proc" / "self" / "mountinfo"))
    for name, read in (("memory", _memory), ("cpu", _cpus), ("pids", _pids)):
        limits = _limits(root, hierarchies, paths, name, read)
        if limits:
            known = [one for one in limits if one is not None]
            found["cpus" if name == "cpu" else name] = min(known) if known else None
    return found


def _limits(
    root: Path, hierarchies: list[_Hierarchy], paths: dict[str, str], controller: str, read: _Read
) -> list[float | None]:
    """What each cgroup on the way to the top allows; the smallest holds. Empty where nothing can be read."""
    for hierarchy in hierarchies:
        if controller not in hierarchy.controllers and "" not in hierarchy.controllers:
            continue
        path = paths.get(controller if controller in hierarchy.controllers else "")
        if path is None or not (path == hierarchy.root or path.startswith(hierarchy.root.rstrip("/") + "/")):
            continue
        parts = [part for part in path[len(hierarchy.root.rstrip("/")) :].split("/") if part]
        if ".." in parts:
            continue
        folders = [
            root / hierarchy.mounted.lstrip("/") / "/".join(parts[:count]) for count in range(len(parts), 0, -1)
        ][:_MOST_DEPTH]
        found = [one for folder in folders for one in read(folder)]
        if found:
            return found
    return []


def _memory(folder: Path) -> list[float | None]:
    text = _text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes")
    return _number(text)


def _cpus(folder: Path) -> list[float | None]:
    words = _text(folder / "cpu.max").split()
    if not words:
        words = [*_text(folder / "cpu.cfs_quota_us").split(), *_text(folder / "cpu.cfs_period_us").split()]
    if len(words) != 2 or not words[1].isdigit() or not int(words[1]):
        return []
    return [int(words[0]) / int(words[1])] if words[0].isdigit() else [None]


def _pids(folder: Path) -> list[float | None]:
    return _number(_text(folder / "pids.max"))


def _number(text: str) -> list[float | None]:
    word = text.strip()
    if word == "max":
        return [None]
    if not word.isdigit():
        return []
    return [int(word) if int(word) < _UNLIMITED else None]


def _paths(text: str) -> dict[str, str]:
    """The cgroup by controller; that of v2 by the empty name (cgroups(7), `/proc/pid/cgroup`)."""
    found = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for name in controllers.split(","):
            found[name] = path
    return found


def _hierarchies(text: str) -> list[_Hierarchy]:
    """v1 first: a controller that is bound there has no files in v2."""
    found = []
    for line in text.splitlines():
        mounted, _, kind = line.partition(" - ")
        fields, words = mounted.split(), kind.split()
        if len(fields) < 5 or len(words) < 3 or words[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = frozenset(words[-1].split(",")) if words[0] == "cgroup" else frozenset({""})
        found.append(_Hierarchy(controllers, fields[3], fields[4].replace("\\040", " ")))
    return sorted(found, key=lambda one: "" in one.controllers)


def _status(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs if name in _KEPT}


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii", "replace")
    except OSError:
        return ""
