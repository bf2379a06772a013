"""Manifests in, a network that is ready for questions out."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.api._collector import no_collector
from thwart.core.errors import SourceError, UsageError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from thwart.network.engine import Model
    from thwart.network.explain import Directory
    from thwart.network.model import Refusal


class RefusedError(UsageError):
    """Objects that the API server would refuse (exit 2); `refusals` has them all."""

    slug = "invalid-object"

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        first = refusals[0]
        super().__init__(f"{_where(first)}: {first.what}: {first.why}")
        self.refusals = refusals
        self.sentences = [f"{_where(one)}: {one.what}: {one.why}" for one in refusals]


def _where(one: Refusal) -> str:
    return f"{one.path}:{one.line}" if one.line else one.path


class Network(Struct, frozen=True, kw_only=True, dict=True):
    """Manifests made ready for questions. `diagnostics` tell what could not be done and what is assumed."""

    model: Model
    diagnostics: tuple[Diagnostic, ...]

    @functools.cached_property
    def directory(self) -> Directory:
        """Endpoints by name and by address; made when it is first asked for."""
        from thwart.network.explain import Directory

        with no_collector():
            return Directory(self.model)

    @property
    def incomplete(self) -> bool:
        """Whether answers may be missing something."""
        return any(diagnostic.incomplete for diagnostic in self.diagnostics)


def load_network(
    paths: Iterable[str],
    *,
    stdin: bytes | None = None,
    limits: Limits = DEFAULT,
    over: Iterable[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Network:
    """Read manifests.

    Args:
        paths: files, folders (see `read_folder`), `cluster:` or `cluster:CONTEXT`, and `-` for `stdin`.
        stdin: what `-` stands for.
        over: files and folders whose objects take the place of those of the same name in `paths`.
        limits: bounds on each file.
        progress: told how many bytes came from a cluster, now and then.

    Raises:
        SourceError: a path cannot be read, or nothing in any of them describes a pod, workload, namespace or policy;
        RefusedError: the API server would refuse an object.
    """
    from thwart.network.assumptions import assumptions
    from thwart.network.engine import Model
    from thwart.network.world import read_world

    unread: list[Diagnostic] = []
    with no_collector():
        replacing = _files(over, stdin, limits, unread, progress)
        world = read_world(_files(paths, stdin, limits, unread, progress), limits, replacing)
    if world.refused:
        raise RefusedError(world.refused)
    if not (world.endpoints or world.policies or world.namespaces or world.unmodelled or world.finished):
        reasons = [f"{one.path}: {one.message}" for one in (*unread, *world.diagnostics)[:5]]
        raise SourceError("nothing there describes a pod, a workload, a namespace or a policy", *reasons)
    with no_collector():
        model = Model(world)
    found = (*unread, *world.diagnostics, *assumptions(world))
    return Network(model=model, diagnostics=found)


def _files(
    paths: Iterable[str],
    stdin: bytes | None,
    limits: Limits,
    unread: list[Diagnostic],
    progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[str, bytes]]:
    from thwart.api.net._rendered import read_file, read_folder

    for name in paths:
        if name == "-":
            yield "-", stdin or b""
        elif name.startswith("cluster:"):
            from thwart.api.net._cluster import read_cluster

            yield from read_cluster(name, limits, unread, progress=progress)
        elif not name:  # Path would take it for the present folder: most often a variable that is not set
            raise UsageError("a path is empty", "write . for the present folder")
        elif os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            yield from read_folder(Path(name), limits, unread)
        else:
            try:
                yield name, read_file(Path(name), limits)
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not the name of a file"
                raise SourceError(f"{name} cannot be read: {why}") from None
