"""CIS Docker Benchmark 1.6.0: images and running containers, and, as controls that no document answers, hosts and daemons.

Source: the numbering of the benchmark, whose text is not repeated here: every title is our own.
"""

from __future__ import annotations

from thwart.rules._frameworks import MEMBERS, Asked, Framework, version_of

VERSIONS = ("1.6",)
_CONTROLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("1", "The host: partitions, auditing, hardening, updates", ()),
    ("2.1", "The daemon does not run as root where it can do without", ()),
    ("2.2", "Containers on the default bridge cannot reach each other", ()),
    ("2.3", "The daemon logs at level info", ()),
    ("2.4", "The daemon may set its rules of iptables", ()),
    ("2.5", "No registry is reached without TLS", ()),
    ("2.6", "The storage driver aufs is not used", ()),
    ("2.7", "The daemon's API on the network asks for certificates", ()),
    ("2.8", "Default ulimits are set as they are needed", ()),
    ("2.9", "Containers have user namespaces", ()),
    ("2.10", "The default cgroup is the intended one", ()),
    ("2.11", "The size of base devices is changed only where that is needed", ()),
    ("2.12", "Commands of clients are authorised", ()),
    ("2.13", "Logs are collected elsewhere", ()),
    ("2.14", "Containers cannot gain privileges, by default", ()),
    ("2.15", "Containers live through a restart of the daemon", ()),
    ("2.16", "The proxy in user space is off", ()),
    ("2.17", "A seccomp profile of one's own is set where that is needed", ()),
    ("2.18", "Experimental features are off", ()),
    ("3", "Owners and modes of the engine's files", ()),
    ("4.1", "Images have a user other than root", ()),
    ("4.2", "Images are built on bases that are trusted", ("base-without-digest",)),
    ("4.3", "Images hold no package that they do not need", ("sudo-in-build",)),
    ("4.4", "Images are scanned, and rebuilt with patches", ()),
    ("4.5", "Signatures are asked for when images are pulled", ()),
    ("4.6", "Images say how their health is checked", ()),
    ("4.7", "Package lists are not refreshed in a step of their own", ()),
    ("4.8", "Images have no setuid or setgid files", ()),
    ("4.9", "Files are copied by COPY, not by ADD", ()),
    ("4.10", "Dockerfiles hold no secret", ()),
    ("4.11", "What is installed is verified", ("pipe-without-pipefail",)),
    ("4.12", "Signed artefacts are checked", ()),
    ("5.1", "Swarm mode is off where nobody uses it", ()),
    ("5.2", "Containers are confined by AppArmor", ()),
    ("5.3", "Containers are confined by SELinux", ()),
    ("5.4", "Containers have few capabilities", ()),
    ("5.5", "Containers are not privileged", ()),
    ("5.6", "No sensitive folder of the host is mounted", ()),
    ("5.7", "Containers run no SSH server", ()),
    ("5.8", "No port below 1024 is mapped", ()),
    ("5.9", "Only ports that are needed are open", ()),
    ("5.10", "Containers have a network namespace of their own", ()),
    ("5.11", "Memory is limited", ()),
    ("5.12", "CPU shares are set", ()),
    ("5.13", "The root file system is read-only", ()),
    ("5.14", "Ports are bound to one interface", ()),
    ("5.15", "Restarts after failures are limited to 5", ()),
    ("5.16", "Containers have a process namespace of their own", ()),
    ("5.17", "Containers have an IPC namespace of their own", ()),
    ("5.18", "No device of the host is handed in", ()),
    ("5.19", "Default ulimits are overridden only where that is needed", ()),
    ("5.20", "Mounts are not propagated to the host", ()),
    ("5.21", "Containers have a UTS namespace of their own", ()),
    ("5.22", "The seccomp profile is not switched off", ()),
    ("5.23", "Nobody runs privileged commands in containers", ()),
    ("5.24", "Nobody runs commands as root in containers", ()),
    ("5.25", "Containers stay in the cgroup that they are given", ()),
    ("5.26", "Processes cannot gain privileges", ()),
    ("5.27", "Health is checked while containers run", ()),
    ("5.28", "Images are named by a version that is kept current", ()),
    ("5.29", "Processes are limited in number", ()),
    ("5.30", "Containers do not share the default bridge", ()),
    ("5.31", "The host's user namespace is not shared", ()),
    ("5.32", "The engine's socket is not mounted", ()),
    ("6.1", "Images that nobody uses are removed", ()),
    ("6.2", "Containers that nobody uses are removed", ()),
    ("7.1", "A swarm has as few managers as it needs", ()),
    ("7.2", "Swarm services listen on one interface", ()),
    ("7.3", "Overlay networks are encrypted", ()),
    ("7.4", "Secrets of a swarm are managed by its commands", ()),
    ("7.5", "Managers are locked after a restart", ()),
    ("7.6", "The key that unlocks managers is renewed", ()),
    ("7.7", "Certificates of nodes are renewed", ()),
    ("7.8", "The swarm's own authority is renewed", ()),
    ("7.9", "Management and data have networks of their own", ()),
)


def _framework(version: str) -> Framework:
    """The benchmark at one version."""
    chosen = version_of("cis-docker", version, VERSIONS)
    return Framework(f"cis-docker@{chosen}", tuple(_asked(*control) for control in _CONTROLS))


def _asked(number: str, title: str, rules: tuple[str, ...]) -> Asked:
    """Section 5 is about containers as they run, which only their own rules can pass."""
    return Asked(f"cis-docker:{number}", title, rules=rules, families=("container",) if number[0] == "5" else ())


MEMBERS.add("cis-docker", _framework)
