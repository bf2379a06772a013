"""The document that an engine's answers are, and what `docker inspect` or `podman inspect` print, as subjects of rules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.rules._view import Hit, Pointer, View

if TYPE_CHECKING:
    from thwart.rules import Source

MARK = "thwart-engine"
_LONGEST = 80  # of a name
_NOWHERE = (0, 0)  # the place of what is in no file


class Host(Struct, kw_only=True):
    """The engine itself: what it says of its version, its settings and its default network."""

    document: int
    view: View
    place: tuple[int, int] | None
    partial: bool = False

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return f"the {self.kind} engine"

    @property
    def kind(self) -> str:
        """`docker` or `podman`."""
        return self.view.text("kind") or "docker"

    @property
    def info(self) -> View:
        """The answer of `/info`."""
        return self.view.under("info")

    @property
    def answered(self) -> bool:
        """Whether there is anything to judge."""
        return bool(self.info.mapping())

    @property
    def options(self) -> list[str]:
        """Security options, without their settings: `seccomp`, `apparmor`, `userns`, `rootless`."""
        return [word.removeprefix("name=").partition(",")[0] for word in self.info.words("SecurityOptions")]

    @property
    def rootless(self) -> bool:
        """Whether the engine runs without root."""
        return "rootless" in self.options or self.info.flag("Rootless") is True

    def hit(self, phrase: str, *steps: str | int) -> Hit:
        """A finding at these steps below the engine."""
        return Hit((*self.view.pointer, *steps), phrase, place=self.place)


class Running:
    """A container of the engine, whatever is known of it."""

    partial = False

    def __init__(
        self,
        inspect: View,
        document: int,
        *,
        view: View | None = None,
        host: Host | None = None,
        approved: frozenset[str] | None = None,
    ) -> None:
        self.view = view or View({})
        self.inspect = inspect
        self.document = document
        self.host = host
        self.approved = approved
        self.place = host.place if host else None
        name = inspect.text("Name").lstrip("/") or inspect.text("Id")[:12] or "without a name"
        self.name = f"container {name[:_LONGEST]}"

    @property
    def podman(self) -> bool:
        """Whether Podman runs it: its own form of the answer names the program that makes containers."""
        return self.host.kind == "podman" if self.host else self.inspect.has("OCIRuntime")

    @property
    def digests(self) -> list[str]:
        """What the image is known by: its id, and the digests of the manifests that it came with."""
        names = [*self.image.words("RepoDigests"), self.inspect.text("ImageDigest"), self.inspect.text("Image")]
        found = [name.rpartition("@")[2].removeprefix("sha256:") for name in names]
        return [f"sha256:{one}" for one in dict.fromkeys(found) if one]

    @property
    def new_cgroups(self) -> bool:
        """Whether the engine says that it uses the second version of cgroups."""
        return self.host is not None and self.host.info.text("CgroupVersion") == "2"

    @property
    def image(self) -> View:
        """What the engine says of the image that it was made of."""
        return self.view.under("image")

    @cached_property
    def stated(self) -> dict[str, float]:
        """The limits that the engine states: `memory` in bytes, `cpus`, `pids`; 0 is none."""
        host = self.inspect.under("HostConfig")
        quota, period = host.number("CpuQuota") or 0, host.number("CpuPeriod") or 100_000
        cpus = (host.number("NanoCpus") or 0) / 1e9 or (quota / period if quota > 0 and period > 0 else 0)
        found = {"memory": host.number("Memory") or 0, "cpus": cpus, "pids": host.number("PidsLimit") or 0}
        return {name: max(float(value), 0.0) for name, value in found.items()}

    @cached_property
    def held(self) -> dict[str, float]:
        """The limits that the kernel keeps; 0 is none, and what could not be read is missing."""
        kernel = self.view.under("kernel")
        return {
            name: float(kernel.number(name) or 0)
            for name in ("memory", "cpus", "pids")
            if name in kernel.mapping() and (kernel.at(name) is None or kernel.number(name) is not None)
        }

    def limit(self, name: str) -> float:
        """The limit that counts."""
        return self.held.get(name, self.stated[name])

    @property
    def status(self) -> View:
        """Fields of `/proc/PID/status` of the first process."""
        return self.view.under("kernel", "status")

    def hit(self, phrase: str, *steps: str | int) -> Hit:
        """A finding at these steps below the answer of `inspect`."""
        return Hit((*self.inspect.pointer, *steps), phrase, place=self.place)


def subjects(source: Source) -> Iterator[Host | Running]:
    """The engine, then its containers; or the containers alone that a file tells of."""
    live = source.path.startswith("engine:")
    for number, root in enumerate(source.values()):
        if not (isinstance(root, dict) and MARK in root):
            yield from (Running(view, number) for view in _listed(root))
            continue
        top = View(root)
        approved = frozenset(top.words("approved")) if top.has("approved") else None
        host = Host(document=number, view=top.under("engine"), place=_NOWHERE if live else None)
        if top.flag("whole") is not False:  # one container that was asked for is no reason to speak of the engine
            yield host
        for one in top.entries("containers"):
            inspect = one.under("inspect")
            if inspect.mapping("HostConfig"):
                yield Running(inspect, number, view=one, host=host, approved=approved)


def _listed(root: object) -> Iterator[View]:
    """What `inspect` prints: a list of answers, or the one that the interface gives."""
    entries: list[tuple[Pointer, object]] = (
        [((at,), one) for at, one in enumerate(root)] if isinstance(root, list) else []
    )
    for pointer, one in entries or [((), root)]:
        view = View(one, pointer)
        if view.mapping("HostConfig") and view.mapping("Config") and view.has("State"):
            yield view
