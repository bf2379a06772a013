"""How a container's file system differs from its image: the answer of `/containers/ID/changes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.rules._view import listed

if TYPE_CHECKING:
    from thwart.rules.engine import Running

_KINDS = ("changed", "added", "removed")
_OWN = frozenset(  # files that engines write themselves
    {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/etc/passwd-", "/etc/group-"}
)
_OWN_OF_PODMAN = frozenset({"/etc/passwd", "/etc/group"})  # it adds the user that it is told to use
_MOST = 100_000  # changes that are looked at
_LONGEST = 120  # of a path


def changed(running: Running, folders: tuple[str, ...]) -> list[tuple[str, str]]:
    """What happened below these folders: the kind of change and the path. A folder that only holds changes is none."""
    own = _OWN | _OWN_OF_PODMAN if running.podman else _OWN
    mounted = {one.text("Destination").rstrip("/") for one in running.inspect.entries("Mounts")}
    found = []
    entries = running.view.entries("changes")[:_MOST]
    holders = {one.text("Path").rpartition("/")[0] for one in entries}
    for one in entries:
        path, kind = one.text("Path"), one.number("Kind")
        if not path.startswith(folders) or path in own or path in holders or kind not in (0, 1, 2):
            continue
        if not any(path == mount or mount.startswith(f"{path}/") for mount in mounted):
            found.append((_KINDS[int(kind)], path))
    return found


def told(changes: list[tuple[str, str]]) -> str:
    """`had 2 files added (/bin/a and /bin/b) and 1 removed (/bin/c)`."""
    parts: list[str] = []
    for kind in _KINDS:
        paths = [path[:_LONGEST] for one, path in changes if one == kind]
        if paths:
            noun = "" if parts else " file" if len(paths) == 1 else " files"
            parts.append(f"{len(paths)}{noun} {kind} ({listed(paths, 3)})")
    return f"had {listed(parts)}" if len(parts) < 2 else f"had {' and '.join([', '.join(parts[:-1]), parts[-1]])}"
