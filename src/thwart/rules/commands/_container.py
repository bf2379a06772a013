"""A command line as the container that it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import fields

from thwart.lib import run_values
from thwart.lib.run_arguments import UNKNOWN, Given
from thwart.rules.commands._edits import edits
from thwart.rules.container import Container
from thwart.rules.container._settings import Device, Mount, Port, Restart, Said, Ulimit, Variable, Where

if TYPE_CHECKING:
    from thwart.rules.commands._lines import Line

T = TypeVar("T")

_PODMAN_PIDS = 2048  # containers.conf(5), pids_limit
_EVERY = frozenset(one.name for one in fields(Container))
_LONGEST = 80  # of an image's name, in a name

_TEXTS = {
    "name": "container_name",
    "user": "user",
    "pid": "pid",
    "ipc": "ipc",
    "uts": "uts",
    "userns": "userns",
    "cgroupns": "cgroupns",
    "cgroup-parent": "cgroup_parent",
    "cpuset-cpus": "cpuset",
    "stop-signal": "stop_signal",
    "log-driver": "log_driver",
    "runtime": "runtime",
}
_FLAGS = {
    "privileged": "privileged",
    "read-only": "read_only",
    "use-api-socket": "api_socket",
    "oom-kill-disable": "oom_kill_disable",
    "publish-all": "publish_all",
    "init": "init",
    "interactive": "stdin_open",
    "tty": "tty",
}
_NUMBERS: dict[str, tuple[str, Callable[[str], int | float | None]]] = {
    "memory": ("memory", run_values.size),
    "memory-reservation": ("memory_reservation", run_values.size),
    "memory-swap": ("memory_swap", run_values.size),
    "oom-score-adj": ("oom_score_adj", run_values.integer),
    "cpus": ("cpus", run_values.fraction),
    "cpu-shares": ("cpu_shares", run_values.integer),
    "pids-limit": ("pids_limit", run_values.integer),
}
_MODES = frozenset({"host", "none", "bridge", "default", "private", "slirp4netns", "pasta"})


def container(line: Line, document: int, lines: list[str]) -> Container:
    """What the line says; what depends on what nobody knows is in `unknown`. `lines` are those of the file."""
    return _Filler(line, document, lines).filled()


class _Filler:
    def __init__(self, line: Line, document: int, lines: list[str]) -> None:
        run = line.run
        self._line = line
        image = "an image that is not known" if UNKNOWN in run.image or not run.image else run.image[:_LONGEST]
        self.made = Container(
            name=f"{run.program} {run.verb} of {image}",
            origin="command",
            confidence="low" if line.example else "high",
            where=Where(place=line.place),
            document=document,
            edit=edits(line, lines),
        )

    def filled(self) -> Container:
        made, run = self.made, self._line.run
        if UNKNOWN in run.image or not run.image:
            made.unknown.add("image")
        elif not any(one.name == "rootfs" for one in run.options):
            made.image = Said(run.image, Where(place=self._line.places[run.image_at]))
        for given in run.options:
            self._option(given)
        self._cpus()
        self._command()
        if run.program == "podman" and made.pids_limit is None:
            made.pids_limit = Said(_PODMAN_PIDS, made.where)
        if run.more:
            made.unknown |= _EVERY
        return made

    def _option(self, given: Given) -> None:
        name = given.name
        if name in _TEXTS:
            self._one(_TEXTS[name], given, given.value if given.known else None)
        elif name in _FLAGS:
            self._one(_FLAGS[name], given, given.on)
        elif name in _NUMBERS:
            field, read = _NUMBERS[name]
            self._one(field, given, read(given.value))
        elif name in _LISTS:
            field, convert = _LISTS[name]
            self._many(field, given, convert(given.value))
        elif name in ("network", "restart", "health-cmd", "no-healthcheck"):
            self._special(given)

    def _special(self, given: Given) -> None:
        if given.name == "network":
            self._network(given)
        elif given.name == "restart":
            found = run_values.restart(given.value)
            self._one("restart", given, None if found is None else Restart(*found))
        elif given.name == "health-cmd":
            self._one("healthcheck", given, given.value != "none" if given.known else None)
        else:
            self._one("healthcheck", given, None if given.on is None else not given.on)

    def _network(self, given: Given) -> None:
        mode = given.value
        if mode.startswith("name=") or ",name=" in mode:
            mode = next((one[5:] for one in mode.split(",") if one.startswith("name=")), mode)
        if UNKNOWN in mode and not mode.startswith(("container:", "ns:")):
            self.made.unknown |= {"network_mode", "networks"}
            return
        if self.made.network_mode is None:
            self._one("network_mode", given, mode)
        if ":" not in mode and mode not in _MODES:
            self._many("networks", given, mode)

    def _cpus(self) -> None:
        """A quota and its period, where `--cpus` does not say it."""
        quota, period = self._line.run.last("cpu-quota"), self._line.run.last("cpu-period")
        if quota is None or self.made.cpus is not None:
            return
        share = run_values.integer(quota.value)
        whole = (
            run_values.integer(period.value) if period is not None else 100_000
        )  # microseconds, the kernel's default
        self._one("cpus", quota, None if share is None or not whole else max(share, 0) / whole)

    def _command(self) -> None:
        run = self._line.run
        entry = run.last("entrypoint")
        words = ((entry.value,) if entry is not None else ()) + run.inside
        if any(UNKNOWN in word for word in words):
            self.made.unknown.add("command")
        elif words:
            at = entry.at if entry is not None else run.arguments
            self.made.command = Said(words, Where(place=self._line.places[at]))

    def _one(self, field: str, given: Given, value: object) -> None:
        """The last one counts."""
        if value is None:
            self.made.unknown.add(field)
            setattr(self.made, field, None)
        else:
            self.made.unknown.discard(field)
            setattr(self.made, field, Said(value, self._where(given)))

    def _many(self, field: str, given: Given, value: object) -> None:
        if value is None:
            self.made.unknown.add(field)
        else:
            getattr(self.made, field).append(Said(value, self._where(given)))

    def _where(self, given: Given) -> Where:
        return Where(place=self._line.places[given.at])


def _known(text: str) -> str | None:
    return None if UNKNOWN in text else text


def _spelled(spell: Callable[[str], str]) -> Callable[[str], str | None]:
    return lambda text: None if UNKNOWN in text else spell(text)


def _port(text: str) -> Port | None:
    found = run_values.port(text)
    return None if found is None else Port(*found)


def _volume(text: str) -> Mount | None:
    return _mounted(run_values.volume(text))


def _mount(text: str) -> Mount | None:
    return _mounted(run_values.mount(text))


def _mounted(found: run_values.MountText | None) -> Mount | None:
    return None if found is None else Mount(*found._replace(source=found.source.replace(UNKNOWN, "…")))


def _ulimit(text: str) -> Ulimit | None:
    found = run_values.ulimit(text)
    return None if found is None else Ulimit(*found)


def _device(text: str) -> Device | None:
    found = run_values.device(text)
    return None if found is None else Device(*found)


def _gpu(text: str) -> Device | None:
    return None if UNKNOWN in text else Device("nvidia", "")


def _variable(text: str) -> Variable | None:
    name, equals, value = text.partition("=")
    if UNKNOWN in name:
        return None
    return Variable(name, value, True) if equals and UNKNOWN not in value else Variable(name, None, False)


def _pair(text: str, mark: str) -> tuple[str, str] | None:
    name, _, value = text.partition(mark)
    return None if UNKNOWN in text else (name, value)


_LISTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "add-host": ("extra_hosts", lambda text: _pair(text, "=" if "=" in text else ":")),
    "cap-add": ("cap_add", _spelled(run_values.capability)),
    "cap-drop": ("cap_drop", _spelled(run_values.capability)),
    "device": ("devices", _device),
    "device-cgroup-rule": ("device_cgroup_rules", _known),
    "dns": ("dns", _known),
    "env": ("environment", _variable),
    "gpus": ("devices", _gpu),
    "group-add": ("group_add", _known),
    "label": ("labels", lambda text: _pair(text, "=")),
    "link": ("links", _known),
    "mount": ("mounts", _mount),
    "publish": ("ports", _port),
    "secret": ("secrets", lambda text: _known(text.partition(",")[0])),
    "security-opt": ("security_opt", _spelled(run_values.option)),
    "sysctl": ("sysctls", lambda text: _pair(text, "=")),
    "tmpfs": ("tmpfs", lambda text: _known(text.partition(":")[0])),
    "ulimit": ("ulimits", _ulimit),
    "volume": ("mounts", _volume),
    "volumes-from": ("volumes_from", _known),
}
