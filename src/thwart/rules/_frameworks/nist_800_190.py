"""NIST SP 800-190, Application Container Security Guide: the countermeasures of its chapter 4.

Source: the numbers of its sections; every title is our own.
"""

from __future__ import annotations

from thwart.core.errors import UsageError
from thwart.rules._frameworks import MEMBERS, Asked, Framework

_CONTROLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("4.1.1", "Images have no known vulnerability", ()),
    (
        "4.1.2",
        "Images are configured well: no root, nothing needless",
        ("remote-add", "run-as-root", "root-user-id", "ssh-port"),
    ),
    ("4.1.3", "Images hold no malware", ()),
    ("4.1.4", "Images and manifests hold no secret in clear text", ("committed-secret", "password-in-config-map")),
    ("4.1.5", "Images come from sources that are trusted", ()),
    ("4.2.1", "Registries are reached over connections that are encrypted", ()),
    ("4.2.2", "Images are current, and old ones are removed", ("floating-base", "floating-image-tag")),
    ("4.2.3", "Registries ask who reads and who writes", ()),
    (
        "4.3.1",
        "Administration of the orchestrator is bounded",
        ("all-verbs-role", "cluster-admin-binding", "exec-role", "role-changing-role", "secrets-role", "wildcard-role"),
    ),
    ("4.3.2", "Only those who should reach the orchestrator", ("anonymous-binding", "default-account-binding")),
    ("4.3.3", "Traffic between containers is separated", ()),
    ("4.3.4", "Workloads of different sensitivity are kept apart", ()),
    ("4.3.5", "Nodes of the orchestrator are trusted", ()),
    ("4.4.1", "The engine has no known vulnerability", ()),
    ("4.4.2", "The network of containers is bounded", ("host-port", "node-port", "open-load-balancer")),
    (
        "4.4.3",
        "Containers run with a secure configuration",
        (
            "dangerous-capability",
            "engine-socket",
            "host-namespace",
            "privilege-escalation",
            "privileged-container",
            "unconfined-seccomp",
            "unsafe-apparmor-profile",
        ),
    ),
    ("4.4.4", "A compromised application can do little", ()),
    ("4.4.5", "Only containers that are meant to run do", ()),
    ("4.5.1", "The host offers little to attack", ()),
    ("4.5.2", "Containers share the kernel with nothing else", ("host-process",)),
    ("4.5.3", "The host's components are current", ()),
    ("4.5.4", "Users have few rights on the host", ()),
    ("4.5.5", "Containers cannot change the host's files", ("host-path", "sensitive-host-path")),
    ("4.6", "Trust starts in the hardware", ()),
)


def _framework(version: str) -> Framework:
    if version not in ("", "latest"):
        raise UsageError("nist-800-190 has one version", "write nist-800-190")
    controls = (Asked(f"nist-800-190:{number}", title, rules=rules) for number, title, rules in _CONTROLS)
    return Framework("nist-800-190", tuple(controls))


MEMBERS.add("nist-800-190", _framework)
