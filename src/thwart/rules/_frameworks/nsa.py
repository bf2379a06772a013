"""Kubernetes Hardening Guidance 1.2 of NSA and CISA (August 2022).

Source: the sections of the guidance; it has no numbers, so the ids are ours, and so are the titles. Rules refer to a
section, such as `nsa:pod-security`; the advice in it is told apart here.
"""

from __future__ import annotations

from thwart.rules._frameworks import MEMBERS, Asked, Framework, version_of

VERSIONS = ("1.2",)
_CONTROLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("pod-security", "Pods: everything that the rules know of this section", ()),
    ("pod-security/non-root", "Containers run as somebody other than root", ("root-user-id", "run-as-root")),
    ("pod-security/immutable", "Root file systems are read-only", ("writable-root-filesystem",)),
    (
        "pod-security/enforcement",
        "Privileges, host namespaces and host paths are refused",
        (
            "added-capability",
            "dangerous-capability",
            "engine-socket",
            "host-namespace",
            "host-path",
            "kept-capability",
            "privilege-escalation",
            "privileged-container",
            "sensitive-host-path",
            "unguarded-namespace",
        ),
    ),
    (
        "pod-security/tokens",
        "Tokens of service accounts are mounted only where they are used",
        ("default-account-token", "service-account-token"),
    ),
    (
        "pod-security/environment",
        "Seccomp, AppArmor or SELinux confine containers",
        ("custom-selinux-option", "missing-seccomp-profile", "unconfined-seccomp", "unsafe-apparmor-profile"),
    ),
    ("supply-chain", "Images come from where they should and are scanned", ("image-without-digest",)),
    ("network", "The network is separated, and little of it is open", ()),
    ("network/resources", "Pods and namespaces have limits on what they use", ("no-cpu-limit", "no-memory-limit")),
    ("network/control-plane", "Control plane, etcd and nodes are separated and encrypted", ()),
    ("secrets", "Secrets are encrypted and not written down in manifests", ()),
    ("authentication", "Everybody is known, and may do little", ()),
    ("audit", "Logs are kept, watched and complete", ()),
    ("upgrades", "Patches are applied, and what nobody uses is removed", ()),
)


def _framework(version: str) -> Framework:
    chosen = version_of("nsa", version, VERSIONS)
    return Framework(f"nsa@{chosen}", tuple(Asked(f"nsa:{key}", title, rules=rules) for key, title, rules in _CONTROLS))


MEMBERS.add("nsa", _framework)
