"""Which engine a target means: `docker`, `podman`, `docker/NAME`, `unix:///path.sock`, `unix:///path.sock/NAME`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from thwart.core.errors import SourceError, UsageError

_HELP = "say engine:docker, engine:podman, engine:docker/NAME or engine:unix:///PATH.sock"


class Found(NamedTuple):
    """A socket, the one container that is meant, or none, and what a reader calls it."""

    socket: str
    container: str
    name: str


def find(target: str, environment: Mapping[str, str], is_socket: Callable[[str], bool]) -> Found:
    """The socket of a target without its prefix.

    Raises:
        UsageError: there is no such kind of engine; SourceError: none of the usual sockets is there.
    """
    if target.startswith("unix:"):
        return _stated(target, is_socket)
    kind, slash, container = target.partition("/")
    if kind not in ("docker", "podman") or (slash and not container):
        raise UsageError(f"no engine is called {target or 'nothing'}", _HELP)
    usual = list(dict.fromkeys(_docker(environment) if kind == "docker" else _podman(environment)))
    for path in usual:
        if is_socket(path):
            return Found(path, container, f"{kind}/{container}" if container else kind)
    raise SourceError(
        f"no socket of {kind} is there: looked for {', '.join(usual)}",
        "start it: systemctl start docker" if kind == "docker" else "start it: systemctl start podman.socket",
        "or name its socket: thwart scan engine:unix:///PATH.sock",
    )


def _stated(target: str, is_socket: Callable[[str], bool]) -> Found:
    path = "/" + target.removeprefix("unix:").lstrip("/")
    if is_socket(path):
        return Found(path, "", target)
    folder, _, container = path.rpartition("/")
    if container and is_socket(folder):
        return Found(folder, container, target)
    raise SourceError(f"there is no socket at {path}", "is the engine running?")


def _docker(environment: Mapping[str, str]) -> Iterator[str]:
    stated = environment.get("DOCKER_HOST", "")
    if stated:
        yield _local(stated, "DOCKER_HOST")
        return
    yield "/var/run/docker.sock"
    yield os.path.join(_own(environment), "docker.sock")  # noqa: PTH118 - a text, no file


def _podman(environment: Mapping[str, str]) -> Iterator[str]:
    stated = environment.get("CONTAINER_HOST", "")
    if stated:
        yield _local(stated, "CONTAINER_HOST")
        return
    own = os.path.join(_own(environment), "podman", "podman.sock")  # noqa: PTH118
    if os.geteuid():
        yield own
    yield "/run/podman/podman.sock"
    yield own


def _own(environment: Mapping[str, str]) -> str:
    return environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"


def _local(stated: str, variable: str) -> str:
    """The path of a socket on this machine."""
    if stated.startswith("unix:"):
        return "/" + stated.removeprefix("unix:").lstrip("/")
    kind = stated.partition(":")[0][:20]
    raise SourceError(
        f"{variable} leads to an engine by {kind}, and only sockets of this machine are supported",
        "run thwart where the engine runs, or forward its socket: ssh -NL /tmp/engine.sock:/var/run/docker.sock HOST",
    )
