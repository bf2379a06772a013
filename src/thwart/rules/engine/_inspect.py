"""What an engine tells of a container (`inspect`), as the shared model of containers.

Docker's form and Podman's own are read. Where the kernel was asked too, its limits count, not what the engine says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from thwart.lib import run_values
from thwart.rules._view import View
from thwart.rules.container import Container
from thwart.rules.container._settings import Device, Mount, Port, Restart, Said, Ulimit, Variable, Where

if TYPE_CHECKING:
    from thwart.rules.engine._document import Running

T = TypeVar("T")

_IDENTIFIER = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")
_DEFAULT_MODES = frozenset({"", "private", "none"})  # of namespaces: each its own
_PODMAN_DEFAULTS = frozenset(  # containers.conf(5), default_capabilities
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split()  # noqa: SIM905
)


def container(running: Running) -> Container:
    """The container of one answer of `inspect`."""
    return _Filler(running).filled()


class _Filler:
    def __init__(self, running: Running) -> None:
        self._running = running
        self._view = running.inspect
        self.made = Container(
            name=running.name, origin="engine", where=self._where(), key=running.name, document=running.document
        )

    def _where(self, *steps: str | int) -> Where:
        return Where((*self._view.pointer, *steps), self._running.place)

    def _said(self, value: T, *steps: str | int) -> Said[T]:
        return Said(value, self._where(*steps))

    def filled(self) -> Container:
        self._identity()
        self._privileges()
        self._limits()
        self._namespaces()
        self._mounts()
        self._ports()
        self._environment()
        self._rest()
        return self.made

    def _identity(self) -> None:
        made, view = self.made, self._view
        image = view.text("ImageName") or view.text("Config", "Image")
        if not image or _IDENTIFIER.fullmatch(image):
            made.unknown.add("image")
        else:
            made.image = self._said(image, "Config", "Image")
        made.container_name = self._said(view.text("Name").lstrip("/"), "Name")
        words = (view.text("Path"), *view.words("Args"))
        made.command = self._said(tuple(word for word in words if word), "Args")
        # the image's user is part of the answer: where there is none, it is root
        made.user = self._said(view.text("Config", "User") or "0", "Config", "User")

    def _privileges(self) -> None:
        made, host = self.made, self._view.under("HostConfig")
        made.privileged = self._flag("Privileged")
        made.read_only = self._flag("ReadonlyRootfs")
        made.cap_add = [
            self._said(one, "HostConfig", "CapAdd", at) for at, one in _numbered(_capabilities(host, "CapAdd"))
        ]
        dropped = _capabilities(host, "CapDrop")
        made.cap_drop = [self._said(one, "HostConfig", "CapDrop", at) for at, one in _numbered(dropped)]
        if {*dropped} >= _PODMAN_DEFAULTS:  # so Podman tells of `--cap-drop all`
            made.cap_drop.append(self._said("ALL", "HostConfig", "CapDrop"))
        for at, word in enumerate(host.words("SecurityOpt")):
            key, colon, value = word.partition(":")
            text = f"{key}={value}" if colon and "=" not in key else word
            made.security_opt.append(self._said(text, "HostConfig", "SecurityOpt", at))
        made.group_add = [
            self._said(one, "HostConfig", "GroupAdd", at) for at, one in enumerate(host.words("GroupAdd"))
        ]

    def _flag(self, name: str) -> Said[bool]:
        return self._said(self._view.flag("HostConfig", name) is True, "HostConfig", name)

    def _limits(self) -> None:
        made, running = self.made, self._running
        made.memory = self._limit("Memory", running.limit("memory"), "memory")
        made.pids_limit = self._limit("PidsLimit", running.limit("pids"), "pids")
        cpus = running.limit("cpus")
        made.cpus = self._said(float(cpus or 0), "HostConfig", "NanoCpus") if cpus is not None else None
        for name, key in (
            ("memory_reservation", "MemoryReservation"),
            ("memory_swap", "MemorySwap"),
            ("cpu_shares", "CpuShares"),
            ("oom_score_adj", "OomScoreAdj"),
        ):
            value = self._view.number("HostConfig", key)
            if value:
                setattr(made, name, self._said(int(value), "HostConfig", key))
        made.oom_kill_disable = self._flag("OomKillDisable")
        cpuset = self._view.text("HostConfig", "CpusetCpus")
        made.cpuset = self._said(cpuset, "HostConfig", "CpusetCpus") if cpuset else None
        for one in self._view.entries("HostConfig", "Ulimits"):
            soft, hard = one.number("Soft"), one.number("Hard")
            if soft is not None and hard is not None:
                limit = Ulimit(one.text("Name").removeprefix("RLIMIT_").lower(), int(soft), int(hard))
                made.ulimits.append(Said(limit, Where(one.pointer, self._running.place)))

    def _limit(self, key: str, value: float | None, _: str) -> Said[int] | None:
        return None if value is None else self._said(int(value), "HostConfig", key)

    def _namespaces(self) -> None:
        made = self.made
        mode = self._view.text("HostConfig", "NetworkMode")
        if mode:
            made.network_mode = self._said(mode, "HostConfig", "NetworkMode")
        networks = self._view.mapping("NetworkSettings", "Networks")
        made.networks = [
            self._said(name, "NetworkSettings", "Networks", name)
            for name in networks
            if name not in ("bridge", "host", "none", "podman")
        ]
        for name, key in (("pid", "PidMode"), ("ipc", "IpcMode"), ("uts", "UTSMode"), ("userns", "UsernsMode")):
            mode = self._view.text("HostConfig", key)
            if mode not in _DEFAULT_MODES and not (mode == "shareable" and self._running.podman):
                setattr(made, name, self._said(mode, "HostConfig", key))
        cgroupns = self._view.text("HostConfig", "CgroupnsMode") or self._view.text("HostConfig", "CgroupMode")
        if cgroupns and self._running.new_cgroups:  # with the first version `host` is what engines do by themselves
            made.cgroupns = self._said(cgroupns, "HostConfig", "CgroupnsMode")
        parent = self._view.text("HostConfig", "CgroupParent")
        made.cgroup_parent = self._said(parent, "HostConfig", "CgroupParent") if parent else None

    def _mounts(self) -> None:
        made = self.made
        for one in self._view.entries("Mounts"):
            kind, source = one.text("Type") or "bind", one.text("Source")
            path = run_values.absolute(source) if kind == "bind" else ""
            shown = one.text("Name") if kind == "volume" else source
            read_only = one.flag("RW") is False
            found = Mount(kind, shown, one.text("Destination"), read_only, one.text("Propagation"), path)
            made.mounts.append(Said(found, Where(one.pointer, self._running.place)))
        made.tmpfs = [self._said(key, "HostConfig", "Tmpfs", key) for key in self._view.mapping("HostConfig", "Tmpfs")]
        made.volumes_from = [
            self._said(one, "HostConfig", "VolumesFrom", at)
            for at, one in enumerate(self._view.words("HostConfig", "VolumesFrom"))
        ]
        for one in self._view.entries("HostConfig", "Devices"):
            device = Device(one.text("PathOnHost"), one.text("PathInContainer"), one.text("CgroupPermissions") or "rwm")
            made.devices.append(Said(device, Where(one.pointer, self._running.place)))
        for one in self._view.entries("HostConfig", "DeviceRequests"):
            request = Device(one.text("Driver") or "nvidia", "")
            made.devices.append(Said(request, Where(one.pointer, self._running.place)))
        made.device_cgroup_rules = [
            self._said(one, "HostConfig", "DeviceCgroupRules", at)
            for at, one in enumerate(self._view.words("HostConfig", "DeviceCgroupRules"))
        ]

    def _ports(self) -> None:
        bindings = self._view.under("HostConfig", "PortBindings")
        for target in bindings.mapping():
            for one in bindings.entries(target):
                number, _, protocol = target.partition("/")
                inside, outside = run_values.integer(number), run_values.integer(one.text("HostPort") or "0")
                if inside is not None and outside is not None:
                    port = Port(one.text("HostIp"), (outside, outside), (inside, inside), protocol or "tcp")
                    self.made.ports.append(Said(port, Where(one.pointer, self._running.place)))
        self.made.publish_all = self._flag("PublishAllPorts")

    def _environment(self) -> None:
        """Variables that the image does not set to the same: those are the image's to answer for."""
        inherited = {*self._running.image.words("Config", "Env")}
        for at, text in enumerate(self._view.words("Config", "Env")):
            name, equals, value = text.partition("=")
            if equals and text not in inherited:
                self.made.environment.append(self._said(Variable(name, value, True), "Config", "Env", at))

    def _rest(self) -> None:
        made, view = self.made, self._view
        policy = view.text("HostConfig", "RestartPolicy", "Name") or "no"
        most = view.number("HostConfig", "RestartPolicy", "MaximumRetryCount")
        made.restart = self._said(Restart(policy, int(most or 0)), "HostConfig", "RestartPolicy")
        test = view.words("Config", "Healthcheck", "Test") or view.words("Config", "HealthcheckTest")
        if test:
            made.healthcheck = self._said(test[0] != "NONE", "Config", "Healthcheck")
        for name, steps in (
            ("stop_signal", ("Config", "StopSignal")),
            ("log_driver", ("HostConfig", "LogConfig", "Type")),
            ("runtime", ("HostConfig", "Runtime")),
        ):
            if view.text(*steps):
                setattr(made, name, self._said(view.text(*steps), *steps))
        for name, key in (("init", "Init"), ("stdin_open", "OpenStdin"), ("tty", "Tty")):
            part = "HostConfig" if name == "init" else "Config"
            setattr(made, name, self._said(view.flag(part, key) is True, part, key))
        for name, part, key in (("labels", "Config", "Labels"), ("sysctls", "HostConfig", "Sysctls")):
            for one, value in view.mapping(part, key).items():
                getattr(made, name).append(self._said((one, str(value)), part, key, one))
        for at, text in enumerate(view.words("HostConfig", "ExtraHosts")):
            host, _, address = text.partition(":")
            made.extra_hosts.append(self._said((host, address), "HostConfig", "ExtraHosts", at))
        for name, key in (("dns", "Dns"), ("links", "Links")):
            for at, text in enumerate(view.words("HostConfig", key)):
                getattr(made, name).append(self._said(text, "HostConfig", key, at))


def _capabilities(view: View, key: str) -> list[str]:
    return [one.upper().removeprefix("CAP_") for one in view.words(key)]


def _numbered(words: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(words))
