"""Paths of the host that a container should not have."""

from __future__ import annotations

_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock", "cri-dockerd.sock", "dockershim.sock")
_RUN = ("/run", "/run/docker", "/run/containerd", "/run/podman", "/run/crio")
_SYSTEM = (  # CIS Docker 5.6, and the folders that hold as much
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/opt"),
    *("/home", "/var", "/var/lib", "/var/log", "/var/spool/cron", "/private/etc"),
)
_STATE = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/etc/kubernetes")
_WHOLE = ("/proc", "/sys", "/boot", "/root", *_STATE)  # everything below is as bad
_BELOW = (
    "/etc/cron.d",
    "/etc/ssh",
    "/etc/sudoers.d",
    "/etc/systemd",
    "/etc/pam.d",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
)
_FILES = ("/etc/passwd", "/etc/shadow", "/etc/sudoers", "/etc/crontab", "/etc/group", "/etc/gshadow")


def is_socket(path: str) -> bool:
    """Whether the path is named as an engine's socket or pipe is."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    return name in (*_SOCKETS, "docker_engine", "dockerdesktoplinuxengine")


def is_engine_socket(path: str) -> bool:
    """Whether the path is an engine's socket or pipe, or a folder where one is."""
    return is_socket(path) or path.removeprefix("/var") in _RUN


def is_system_folder(path: str) -> bool:
    """Whether an absolute path is a folder of the host's system, or one of the files that decide who is root."""
    if path in ("/", *_SYSTEM, *_BELOW, *_FILES):
        return True
    return any(path == one or path.startswith(f"{one}/") for one in _WHOLE)
