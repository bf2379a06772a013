"""A resolved service of Compose as a `Container`.

Source: the Compose Specification, "Services", "Deploy" and "Build"; the keys of the older formats 1, 2 and 3 too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from thwart.lib import run_values
from thwart.rules.compose import _syntax as syntax
from thwart.rules.compose._editing import editor
from thwart.rules.compose._nodes import Node, pairs, unique
from thwart.rules.container._paths import is_socket
from thwart.rules.container._settings import (
    Container,
    Device,
    Mount,
    Port,
    Restart,
    Said,
    Ulimit,
    Variable,
    Where,
)

T = TypeVar("T")

KEYS = frozenset(
    """
    annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
    cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
    develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
    external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links
    log_driver log_opt logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models net network_mode
    networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider
    pull_policy read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal
    storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volume_driver volumes volumes_from working_dir
    """.split()  # noqa: SIM905 - a paragraph is shorter
)
_WORDS: dict[str, tuple[str, ...]] = {  # fields with a text, and their keys, of which the first that is there counts
    "container_name": ("container_name",),
    "user": ("user",),
    "cpuset": ("cpuset",),
    "network_mode": ("network_mode", "net"),
    "pid": ("pid",),
    "ipc": ("ipc",),
    "uts": ("uts",),
    "userns": ("userns_mode",),
    "cgroupns": ("cgroup",),
    "cgroup_parent": ("cgroup_parent",),
    "stop_signal": ("stop_signal",),
    "runtime": ("runtime",),
}
_FLAGS = {
    "privileged": "privileged",
    "read_only": "read_only",
    "oom_kill_disable": "oom_kill_disable",
    "init": "init",
    "stdin_open": "stdin_open",
    "tty": "tty",
    "api_socket": "use_api_socket",
}
_SIZES = {"memory": "mem_limit", "memory_reservation": "mem_reservation", "memory_swap": "memswap_limit"}
_NUMBERS = {"oom_score_adj": "oom_score_adj", "cpu_shares": "cpu_shares", "pids_limit": "pids_limit"}
_LISTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "group_add": ("group_add", str),
    "cap_add": ("cap_add", run_values.capability),
    "cap_drop": ("cap_drop", run_values.capability),
    "security_opt": ("security_opt", run_values.option),
    "device_cgroup_rules": ("device_cgroup_rules", str),
    "tmpfs": ("tmpfs", lambda one: one.partition(":")[0]),
    "volumes_from": ("volumes_from", str),
    "dns": ("dns", str),
    "links": ("links", str),
}
_EDITED = {  # where a field is written
    **{name: keys[0] for name, keys in _WORDS.items()},
    **_FLAGS,
    **_SIZES,
    **_NUMBERS,
    **{name: key for name, (key, _) in _LISTS.items()},
    **dict.fromkeys(("image", "cpus", "restart"), ""),
}


class Told(NamedTuple):
    """What is wrong with a setting."""

    where: Where
    sentence: str


class _Reader:
    """Fills one container."""

    def __init__(self, container: Container, node: Node, told: list[Told]) -> None:
        self.container = container
        self.node = node
        self.told = told

    def said(self, name: str, node: Node | None, read: Callable[[Any], T | None]) -> Said[T] | None:
        """The value of a field; None, and unknown, where it cannot be read."""
        if node is None or node.value is None:
            return None
        value = None if node.unset or node.error or isinstance(node.value, dict | list) else read(node.value)
        if value is None:
            self.unknown(name, node)
            return None
        return Said(value, node.where)

    def unknown(self, name: str, node: Node) -> None:
        """The field's value is not known; told unless that is for want of a variable, which is told elsewhere."""
        self.container.unknown.add(name)
        if not any(one.unset for one in node.walk()):
            why = node.error or "it cannot be read as what Compose wants there"
            self.told.append(Told(node.where, f"{name.replace('_', ' ')} of {self.container.name} is not known: {why}"))

    def several(self, name: str, key: str, read: Callable[[Node], T | None]) -> list[Said[T]]:
        """The entries of a list, or the one text that stands for it."""
        node = self.node.at(key)
        if node is None:
            return []
        if isinstance(node.value, dict):
            self.unknown(name, node)
            return []
        found = []
        for one in node.items if isinstance(node.value, list) else [node]:
            if one.value is None:
                continue
            value = None if one.unset or one.error else read(one)
            if value is None:
                self.unknown(name, one)
            else:
                found.append(Said(value, one.where))
        return found

    def pairs(self, name: str, key: str, separators: str = "=") -> Iterator[tuple[str, Node]]:
        """The entries of a mapping or of a list of `KEY=VALUE`."""
        node = self.node.at(*key.split("."))
        if node is None:
            return
        if not isinstance(node.value, dict | list):
            self.unknown(name, node)
            return
        yield from pairs(node, separators).items()


def service(key: str, node: Node, told: list[Told], *, lacking: bool) -> Container:
    """The container of a service. `lacking`: what it extends could not be read."""
    node = unique(node)
    built = node.at("build") is not None
    container = Container(
        name=f"service {key[:100]}",
        origin="compose",
        where=node.where,
        key=key,
        built=built,
        partial=lacking or not (built or node.at("image") is not None),
        edit=editor(node.where, node, _EDITED),
    )
    reader = _Reader(container, node, told)
    _plain(reader)
    _resources(reader)
    _mounts(reader)
    _network(reader)
    _environment(reader)
    _life(reader)
    return container


def _plain(reader: _Reader) -> None:
    container, node = reader.container, reader.node
    container.image = reader.said("image", node.at("image"), syntax.text)
    for name, keys in _WORDS.items():
        found = next((one for one in map(node.at, keys) if one is not None), None)
        setattr(container, name, reader.said(name, found, syntax.text))
    for name, key in _FLAGS.items():
        setattr(container, name, reader.said(name, node.at(key), syntax.flag))
    for name, (key, spell) in _LISTS.items():
        setattr(container, name, reader.several(name, key, lambda one, spell=spell: _word(one, spell)))  # type: ignore[misc]
    container.profiles = tuple(dict.fromkeys(one.value for one in reader.several("profiles", "profiles", _word)))
    words = [_command(one) for one in map(node.at, ("entrypoint", "command")) if one is not None]
    if words and all(one is not None for one in words):
        first = next(one for one in map(node.at, ("entrypoint", "command")) if one is not None)
        container.command = Said(tuple(word for one in words if one for word in one), first.where)


def _word(node: Node, spell: Callable[[str], str] = str) -> str | None:
    found = syntax.text(node.value)
    return None if found is None else spell(found)


def _command(node: Node) -> list[str] | None:
    if isinstance(node.value, list):
        return [str(one.value) for one in node.items]
    return str(node.value).split() if isinstance(node.value, str) else None


# -- limits -----------------------------------------------------------------------------------------------------------


def _resources(reader: _Reader) -> None:
    """The service's own keys, or what `deploy.resources` says: Compose refuses two that differ."""
    container, node = reader.container, reader.node
    limits, reserved = ("deploy", "resources", "limits"), ("deploy", "resources", "reservations")
    for name, key in _SIZES.items():
        setattr(container, name, reader.said(name, node.at(key), syntax.size))
    for name, key in _NUMBERS.items():
        setattr(container, name, reader.said(name, node.at(key), syntax.integer))
    container.memory = _first(container.memory, reader.said("memory", node.at(*limits, "memory"), syntax.size))
    container.memory_reservation = _first(
        container.memory_reservation, reader.said("memory_reservation", node.at(*reserved, "memory"), syntax.size)
    )
    container.pids_limit = _first(
        container.pids_limit, reader.said("pids_limit", node.at(*limits, "pids"), syntax.integer)
    )
    container.cpus = _first(
        reader.said("cpus", node.at("cpus"), syntax.number),
        _first(_quota(reader), reader.said("cpus", node.at(*limits, "cpus"), syntax.number)),
    )
    for name, one in reader.pairs("ulimits", "ulimits"):
        _ulimit(reader, name, one)


def _first(one: Said[T] | None, other: Said[T] | None) -> Said[T] | None:
    return one if one is not None and one.value else other or one


def _quota(reader: _Reader) -> Said[float] | None:
    quota = reader.said("cpus", reader.node.at("cpu_quota"), syntax.number)
    period = reader.said("cpus", reader.node.at("cpu_period"), syntax.number)
    count = reader.said("cpus", reader.node.at("cpu_count"), syntax.number)
    if quota is None:
        return count
    return Said(max(quota.value, 0.0) / ((period.value if period else 0.0) or 100_000.0), quota.where)


def _ulimit(reader: _Reader, name: str, node: Node) -> None:
    ends = [node.at("soft"), node.at("hard")] if isinstance(node.value, dict) else [node, node]
    values = [None if one is None or one.unset else syntax.integer(one.value) for one in ends]
    if values[0] is None or values[1] is None:
        reader.unknown("ulimits", node)
    else:
        reader.container.ulimits.append(Said(Ulimit(name, values[0], values[1]), node.where))


# -- mounts and devices -----------------------------------------------------------------------------------------------


def _mounts(reader: _Reader) -> None:
    reader.container.mounts = [*reader.several("mounts", "volumes", _mount), *_told_by_their_ends(reader)]
    reader.container.devices = reader.several("devices", "devices", _device)
    reader.container.secrets = reader.several("secrets", "secrets", _source)


def _told_by_their_ends(reader: _Reader) -> Iterator[Said[Mount]]:
    """`${XDG_RUNTIME_DIR}/docker.sock:/x`: a variable without a value hides where a file is, not what it is."""
    listed = reader.node.at("volumes")
    for node in listed.items if listed is not None else ():
        found = syntax.volume(node.value) if node.unset and isinstance(node.value, str) else None
        if found is not None and (is_socket(found.source) or is_socket(found.target)):
            yield Said(found._replace(kind="bind"), node.where)


def _mount(node: Node) -> Mount | None:
    if isinstance(node.value, str):
        return syntax.volume(node.value)
    kind, target, source = node.at("type"), node.at("target"), node.at("source")
    if kind is None or any(one is not None and one.unset for one in (kind, target, source)):
        return None
    written = str(source.value) if source is not None else ""
    read_only, spread = node.at("read_only"), node.at("bind", "propagation")
    return Mount(
        str(kind.value),
        written,
        str(target.value) if target is not None else "",
        read_only is not None and syntax.flag(read_only.value) is True,
        str(spread.value) if spread is not None else "",
        run_values.absolute(written) if kind.value == "bind" else "",
    )


def _device(node: Node) -> Device | None:
    if isinstance(node.value, str):
        return syntax.device(node.value)
    source, target, permissions = (node.at(one) for one in ("source", "target", "permissions"))
    if source is None or source.unset:
        return None
    host = str(source.value)
    return Device(
        host, str(target.value) if target is not None else host, str(permissions.value) if permissions else "rwm"
    )


def _source(node: Node) -> str | None:
    found = node.at("source") if isinstance(node.value, dict) else node
    return None if found is None else syntax.text(found.value)


# -- network ----------------------------------------------------------------------------------------------------------


def _network(reader: _Reader) -> None:
    container, node = reader.container, reader.node
    container.ports = reader.several("ports", "ports", _port)
    joined = node.at("networks")
    if joined is not None and joined.value:
        names = joined.mapping.items() if isinstance(joined.value, dict) else [(str(n.value), n) for n in joined.items]
        container.networks = [Said(name, one.where) for name, one in names]
    elif container.network_mode is None and "network_mode" not in container.unknown:
        container.networks = [Said("default", node.where)]
    container.sysctls = list(_texts(reader, "sysctls", "sysctls"))
    container.extra_hosts = list(_texts(reader, "extra_hosts", "extra_hosts", "=:"))
    container.labels = list(_texts(reader, "labels", "labels"))


def _texts(reader: _Reader, name: str, key: str, separators: str = "=") -> Iterator[Said[tuple[str, str]]]:
    for one, node in reader.pairs(name, key, separators):
        yield Said((one, syntax.text(node.value) or ""), node.where)


def _port(node: Node) -> Port | None:
    if not isinstance(node.value, dict):
        return syntax.port(node.value)
    target, published, address, protocol = (node.at(one) for one in ("target", "published", "host_ip", "protocol"))
    if target is None or any(one is not None and one.unset for one in (target, published, address, protocol)):
        return None
    inside = syntax.span(target.value)
    outside = syntax.span(published.value) if published is not None and published.value != "" else (0, 0)
    if inside is None or outside is None:
        return None
    host = str(address.value).strip("[]") if address is not None else ""
    return Port(host, outside, inside, str(protocol.value).lower() if protocol is not None else "tcp")


# -- environment ------------------------------------------------------------------------------------------------------


def _environment(reader: _Reader) -> None:
    container = reader.container
    container.environment = [_variable(*one) for one in reader.pairs("environment", "environment")]
    if isinstance((reader.node.at("build") or reader.node).value, dict) and reader.node.at("build") is not None:
        container.build_arguments = [_variable(*one) for one in reader.pairs("build_arguments", "build.args")]


def _variable(name: str, node: Node) -> Said[Variable]:
    value = None if node.unset else syntax.text(node.value)
    return Said(Variable(name, value, value is not None and not node.outside), node.where)


# -- life -------------------------------------------------------------------------------------------------------------


def _life(reader: _Reader) -> None:
    container, node = reader.container, reader.node
    container.restart = reader.said("restart", node.at("restart"), syntax.restart) or _deployed(node)
    health = node.at("healthcheck")
    if health is not None:
        off, test = health.at("disable"), health.at("test")
        none = test is not None and (test.value == "NONE" or [one.value for one in test.items] == ["NONE"])
        disabled = none or (off is not None and syntax.flag(off.value) is True)
        # times alone leave the command to the image
        if disabled or test is not None:
            container.healthcheck = Said(not disabled, health.where)
    listed = [found for key in ("post_start", "pre_stop") if (found := node.at(key)) is not None]
    told = [hook.at("privileged") for found in listed for hook in found.items]
    said = [reader.said("privileged_hooks", one, syntax.flag) for one in told]
    container.privileged_hooks = [one for one in said if one is not None]
    container.log_driver = reader.said("log_driver", node.at("logging", "driver") or node.at("log_driver"), syntax.text)


def _deployed(node: Node) -> Said[Restart] | None:
    policy = node.at("deploy", "restart_policy")
    if policy is None:
        return None
    condition, most = policy.at("condition"), policy.at("max_attempts")
    word = {"none": "no", "on-failure": "on-failure"}.get(str(condition.value) if condition else "any", "always")
    return Said(Restart(word, (syntax.integer(most.value) if most is not None else 0) or 0), policy.where)
