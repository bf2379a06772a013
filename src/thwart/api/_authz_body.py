"""Bodies of requests to the Docker Engine, as the answers of `inspect` that rules know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_DEPTH_ERROR = "its body is nested too deeply"
_MOST = 2 << 20  # bytes; the engine passes on up to 1 MiB
_STRUCT = re.findall(  # keys of the structures that are judged: Go takes them in any case
    r"\w+",
    """
    Hostname User ExposedPorts Env Cmd Healthcheck Image Volumes Entrypoint Labels StopSignal HostConfig
    NetworkingConfig Privileged ReadonlyRootfs CapAdd CapDrop SecurityOpt GroupAdd Binds Mounts VolumesFrom Tmpfs
    Devices DeviceRequests DeviceCgroupRules PortBindings PublishAllPorts RestartPolicy LogConfig Runtime Init
    Sysctls ExtraHosts Dns Links Memory MemoryReservation MemorySwap NanoCpus CpuQuota CpuPeriod CpuShares
    CpusetCpus PidsLimit OomKillDisable OomScoreAdj Ulimits NetworkMode PidMode IpcMode UTSMode UsernsMode
    CgroupnsMode CgroupParent MaskedPaths ReadonlyPaths Type Source Target ReadOnly BindOptions Propagation
    VolumeOptions DriverConfig Options Name DriverOpts Driver PathOnHost PathInContainer CgroupPermissions Soft
    Hard MaximumRetryCount Test TaskTemplate ContainerSpec Privileges Command Args CapabilityAdd CapabilityDrop
    Resources Limits MemoryBytes Pids HostIp HostPort NoNewPrivileges Seccomp Mode Networks
    """,
)
_CANONICAL = {name.casefold(): name for name in _STRUCT}


class BodyError(ValueError):
    """A body that nobody can judge; the message is one sentence."""


def parsed(data: bytes) -> dict[str, Any]:
    """A JSON object with its keys in the engine's own case.

    Raises:
        BodyError: it is none, or states a setting twice, of which engines take one and readers another.
    """
    if len(data) > _MOST:
        raise BodyError(f"its body is larger than {_MOST} bytes")
    try:
        found = json.loads(data, object_pairs_hook=_once)
    except RecursionError:
        raise BodyError(_DEPTH_ERROR) from None
    except BodyError:
        raise
    except ValueError:
        raise BodyError("its body is no JSON") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BodyError("its body is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = _CANONICAL.get(key.casefold(), key)
        if name in found and name in _CANONICAL.values():
            raise BodyError(f"its body states {name} twice")
        found[name] = value
    return found


def container_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A container as `inspect` would tell of it, of the body of `ContainerCreate`."""
    host = _mapping(body, "HostConfig")
    config = {key: value for key, value in body.items() if key not in ("HostConfig", "NetworkingConfig")}
    command = [*_words(config, "Entrypoint"), *_words(config, "Cmd")]
    return {
        "Name": "",
        "Config": config,
        "HostConfig": {"NetworkMode": "default", **{key: value for key, value in host.items() if value is not None}},
        "Path": command[0] if command else "",
        "Args": command[1:],
        "Mounts": [*_binds(host), *_mounts(host)],
    }


def service_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A task's container, of the body of `ServiceCreate`."""
    task = _mapping(body, "TaskTemplate")
    spec = _mapping(task, "ContainerSpec")
    limits = _mapping(_mapping(task, "Resources"), "Limits")
    privileges = _mapping(spec, "Privileges")
    options = ["no-new-privileges"] if privileges.get("NoNewPrivileges") is True else []
    if _mapping(privileges, "Seccomp").get("Mode") == "unconfined":
        options.append("seccomp=unconfined")
    host = {
        "CapAdd": spec.get("CapabilityAdd"),
        "CapDrop": spec.get("CapabilityDrop"),
        "ReadonlyRootfs": spec.get("ReadOnly"),
        "Sysctls": spec.get("Sysctls"),
        "Ulimits": spec.get("Ulimits"),
        "Mounts": spec.get("Mounts"),
        "Memory": limits.get("MemoryBytes"),
        "NanoCpus": limits.get("NanoCpus"),
        "PidsLimit": limits.get("Pids"),
        "SecurityOpt": options,
        "NetworkMode": _network(task, spec),
    }
    config = {**spec, "Entrypoint": spec.get("Command"), "Cmd": spec.get("Args")}
    return container_of({**config, "HostConfig": host})


def _network(task: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    networks = [*_entries(task, "Networks"), *_entries(spec, "Networks")]
    return "host" if any(one.get("Target") == "host" for one in networks) else "default"


def mounting(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """A container that mounts nothing but the folder of the host that a volume stands for; None where it is no such."""
    device = _device(_mapping(body, "DriverOpts"))
    if not device:
        return None
    return container_of({"User": "65534", "HostConfig": {"Binds": [f"{device}:/volume"], "Memory": 1}})


def _device(options: Mapping[str, Any]) -> str:
    """The path that the `local` driver mounts, of whatever type."""
    device = options.get("device")
    return device if isinstance(device, str) and device.startswith("/") else ""


def _binds(host: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for text in _words(host, "Binds"):
        source, _, rest = text.partition(":")
        target, _, options = rest.partition(":")
        words = options.split(",")
        kind = "bind" if source.startswith("/") else "volume"
        spread = next((one for one in words if one.lstrip("r") in ("shared", "slave", "private")), "")
        yield {
            "Type": kind,
            "Source": source,
            "Name": source,
            "Destination": target,
            "RW": "ro" not in words,
            "Propagation": spread,
        }


def _mounts(host: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in _entries(host, "Mounts"):
        kind, source = str(one.get("Type") or "bind").lower(), one.get("Source")
        driver = _mapping(_mapping(one, "VolumeOptions"), "DriverConfig")
        device = _device(_mapping(driver, "Options"))
        yield {
            "Type": "bind" if device else kind,
            "Source": device or (source if isinstance(source, str) else ""),
            "Name": source if isinstance(source, str) else "",
            "Destination": one.get("Target"),
            "RW": one.get("ReadOnly") is not True,
            "Propagation": _mapping(one, "BindOptions").get("Propagation") or "",
        }


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _entries(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = value.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _words(value: Mapping[str, Any], key: str) -> list[str]:
    found = value.get(key)
    found = [found] if isinstance(found, str) else found
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
