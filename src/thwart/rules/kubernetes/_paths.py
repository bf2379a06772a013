"""Folders of a host that give it away to whoever mounts them."""

from __future__ import annotations

_BELOW = (
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/boot",
    "/root",
    "/var/lib/kubelet",
    "/var/lib/docker",
    "/var/lib/containerd",
)
_EXACTLY = ("", "/home", "/var", "/var/lib", "/run", "/var/run", "/usr", "/lib", "/bin", "/sbin", "/opt")

_HARMLESS = (  # told by host-path all the same
    *("/etc/localtime", "/etc/timezone", "/etc/machine-id", "/etc/os-release", "/etc/hostname", "/etc/hosts"),
    *("/etc/resolv.conf", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust"),
    *("/dev/dri", "/dev/fuse", "/dev/net/tun", "/dev/null", "/dev/log", "/dev/vfio", "/dev/infiniband"),
)


def sensitive(stated: str) -> str:
    """The path without needless slashes and dots, if it is such a folder; else nothing."""
    path = "/" + "/".join(part for part in stated.split("/") if part not in ("", "."))
    if not stated or under(path, _HARMLESS):
        return ""
    return path if path.rstrip("/") in _EXACTLY or under(path, _BELOW) else ""


def under(path: str, folders: tuple[str, ...]) -> bool:
    """Whether it is one of the folders or in one."""
    return any(path == one or path.startswith(f"{one}/") for one in folders)
