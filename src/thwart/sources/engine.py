"""A running engine, asked through its socket: its settings, and every running container with what the kernel holds it to.

The answer is one document, as `thwart.rules.engine` reads it. Nothing is changed: every question is a GET.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from thwart.core.errors import SourceError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits
from thwart.sources._engine_find import find
from thwart.sources._engine_proc import observed
from thwart.sources._engine_watch import watch
from thwart.sources._engine_wire import EngineError, Wire, is_socket, shown

MARK = "thwart-engine"  # the key that tells the document from others; its value is the form's number
_MOST_CONTAINERS = 10_000
_MOST_TOLD = 20
_IDENTIFIER = re.compile(r"[0-9a-f]{12,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_IMAGE = re.compile(r"[A-Za-z0-9._:/@-]{1,512}")


class EngineOptions(Struct, frozen=True, kw_only=True):
    """How to ask. `observe` is for how many seconds statistics are sampled; `root` is where /proc and /sys are."""

    environment: Mapping[str, str] = field(default_factory=dict)
    observe: float = 0.0
    limits: Limits = DEFAULT
    root: Path = Path("/")


class Engine(NamedTuple):
    """What was learnt: the document, its name, and what could not be asked."""

    name: str
    document: dict[str, object]
    diagnostics: tuple[Diagnostic, ...]


def read_engine(target: str, options: EngineOptions) -> Engine:
    """Ask an engine.

    Args:
        target: without the prefix: `docker`, `podman`, `docker/NAME`, `unix:///PATH.sock`.

    Raises:
        UsageError: no engine is called that; SourceError: it cannot be asked, or has no such container.
    """
    found = find(target, options.environment, is_socket)
    wire = Wire(found.socket, options.limits)
    try:
        reader = _Reader(wire, options, f"engine:{found.name}")
        document = reader.read(found.container)
    finally:
        wire.close()
    return Engine(found.name, document, tuple(reader.told()))


class _Reader:
    def __init__(self, wire: Wire, options: EngineOptions, name: str) -> None:
        self._wire = wire
        self._options = options
        self._name = name
        self._diagnostics: list[Diagnostic] = []
        self._images: dict[str, object] = {}
        self._podman = bool(wire.hello.libpod)

    def read(self, container: str) -> dict[str, object]:
        """The document."""
        engine: dict[str, object] = {"kind": "podman" if self._podman else "docker"}
        for part, path in (("version", "/version"), ("info", "/info")):
            engine[part] = self._asked(path, f"{part} of the engine")
        if not self._podman:
            engine["bridge"] = self._maybe("/networks/bridge")
        named = [self._named(container)] if container else self._listed()
        containers = [one for one in map(self._container, named) if one is not None]
        if self._options.observe > 0:
            self._watch(containers)
        return {MARK: 1, "engine": engine, "containers": containers, "whole": not container}

    def told(self) -> list[Diagnostic]:
        """What could not be asked, in a bounded number of sentences."""
        more = len(self._diagnostics) - _MOST_TOLD
        shortened = self._diagnostics[:_MOST_TOLD]
        return [*shortened, self._diagnostic(f"{more} more questions had no answer")] if more > 0 else shortened

    def _listed(self) -> list[str]:
        try:
            found = self._wire.get("/containers/json", most=self._options.limits.yaml_bytes)
        except EngineError as error:
            raise SourceError(f"the engine does not list its containers: {error.reason}") from None
        if not isinstance(found, list):
            raise SourceError("the engine does not list its containers: its answer is no list")
        names = [one.get("Id") if isinstance(one, dict) else None for one in found]
        good = [name for name in names if isinstance(name, str) and _IDENTIFIER.fullmatch(name)]
        if len(good) < len(names):
            self._lost(f"{len(names) - len(good)} entries of the list of containers have no id")
        if len(good) > _MOST_CONTAINERS:
            self._lost(f"there are {len(good)} containers, and only the first {_MOST_CONTAINERS} were asked for")
        return good[:_MOST_CONTAINERS]

    def _named(self, container: str) -> str:
        if not _NAME.fullmatch(container):
            raise SourceError(f"no container can be called {shown(container)}")
        try:
            self._wire.get(f"/containers/{container}/json")
        except EngineError as error:
            raise SourceError(f"the engine does not tell of the container {container}: {error.reason}") from None
        return container

    def _container(self, name: str) -> dict[str, object] | None:
        try:
            inspect = self._wire.get(f"/containers/{name}/json", libpod=self._podman)
        except EngineError as error:
            # it ended between the list and the question: there is nothing left to judge
            gone = error.status == 404
            self._lost(
                f"container {name[:12]} {'went away meanwhile' if gone else f'could not be asked for: {error.reason}'}",
                incomplete=not gone,
            )
            return None
        if not isinstance(inspect, dict):
            self._lost(f"container {name[:12]} could not be asked for: the answer is no object")
            return None
        identifier = inspect.get("Id") if isinstance(inspect.get("Id"), str) else ""
        state = inspect.get("State")
        config = inspect.get("Config")
        found: dict[str, object] = {"inspect": inspect, "image": self._image(inspect.get("Image"))}
        found["tagged"] = self._image(config.get("Image")) if isinstance(config, dict) else None
        found["changes"] = self._changes(name)
        pid = state.get("Pid") if isinstance(state, dict) else None
        found["kernel"] = observed(str(identifier), pid, self._options.root)
        if found["kernel"] is None:
            self._lost(
                f"container {name[:12]}: its cgroups and its process cannot be read here, so that what the engine says of them "
                "was taken for true",
                incomplete=False,
            )
        return found

    def _changes(self, name: str) -> object:
        try:
            return self._wire.get(f"/containers/{name}/changes", most=self._options.limits.yaml_bytes) or []
        except EngineError as error:
            if error.status != 404:
                self._lost(
                    f"container {name[:12]}: what changed in its file system could not be asked for: {error.reason}"
                )
            return None

    def _image(self, name: object) -> object:
        """What the engine says of an image; None where it has none of that name, or none any more."""
        if not isinstance(name, str) or not _IMAGE.fullmatch(name):
            return None
        if name not in self._images:
            self._images[name] = self._maybe(f"/images/{name}/json")
        return self._images[name]

    def _watch(self, containers: list[dict[str, object]]) -> None:
        self._wire.more_time(self._options.observe)
        by_id = {}
        for one in containers:
            inspect = one["inspect"]
            identifier = inspect.get("Id") if isinstance(inspect, dict) else None
            if isinstance(identifier, str) and _IDENTIFIER.fullmatch(identifier):
                by_id[identifier] = one
        samples = watch(self._wire, list(by_id), self._options.observe)
        for identifier, used in samples.items():
            by_id[identifier]["usage"] = {"seconds": self._options.observe, **used}

    def _asked(self, path: str, what: str) -> object:
        try:
            return self._wire.get(path)
        except EngineError as error:
            self._lost(f"the {what} could not be asked for: {error.reason}")
            return None

    def _maybe(self, path: str) -> object:
        try:
            return self._wire.get(path)
        except EngineError as error:
            if error.status != 404:
                self._lost(f"{path[:80]} could not be asked for: {error.reason}")
            return None

    def _lost(self, message: str, *, incomplete: bool = True) -> None:
        self._diagnostics.append(self._diagnostic(message, incomplete=incomplete))

    def _diagnostic(self, message: str, *, incomplete: bool = True) -> Diagnostic:
        return Diagnostic(slug="engine-unanswered", message=message, path=self._name, incomplete=incomplete)
