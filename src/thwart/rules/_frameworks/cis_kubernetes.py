"""CIS Kubernetes Benchmark: its policies (section 5), what else documents tell, and as controls that none answers the rest.

Source: the numbering of the benchmark's versions, whose text is not repeated here: every title is our own. Rules refer to
the newest numbering; up to 1.11 added capabilities had a control of their own, 5.2.9, and up to 1.10 the general policies
were section 5.7. The API server's controls (1.2) have the numbers of 1.12 in every version.
"""

from __future__ import annotations

from typing import NamedTuple

from thwart.rules._frameworks import MEMBERS, Asked, Framework, version_of

VERSIONS = ("1.8", "1.9", "1.10", "1.11", "1.12")


class _Control(NamedTuple):
    number: str
    title: str
    rules: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


_CONTROLS = (
    _Control("1.1", "Owners and modes of the control plane's files"),
    _Control("1.2", "Settings of the API server, as far as manifests show them"),
    _Control("1.2.11", "Nodes ask for images anew before they run them"),
    _Control("1.2.28", "Secrets are encrypted where they are stored"),
    _Control("1.3", "Settings of the controller manager, as far as manifests show them"),
    _Control("1.4", "Settings of the scheduler, as far as manifests show them"),
    _Control("2", "Settings of etcd, as far as manifests show them"),
    _Control("3.1", "People show no certificates, service account's or bootstrap tokens"),
    _Control("3.2", "Settings of the audit log, as far as manifests show them"),
    _Control("4.1", "Owners and modes of the nodes' files"),
    _Control("4.2", "Settings of kubelets, as far as their configuration is here"),
    _Control("4.3", "Settings of kube-proxy"),
    _Control("5.1.1", "Few are administrators of the cluster"),
    _Control("5.1.2", "Few may read secrets", ("all-verbs-role", "wildcard-role")),
    _Control("5.1.3", "Roles have no wildcards"),
    _Control("5.1.4", "Few may create pods", ("all-verbs-role", "wildcard-role")),
    _Control("5.1.5", "Nobody works with the default service account"),
    _Control("5.1.6", "Tokens are mounted only where they are used"),
    _Control("5.1.7", "Nobody is in the group system:masters"),
    _Control("5.1.8", "Few may bind, impersonate or escalate"),
    _Control("5.1.9", "Few may create persistent volumes"),
    _Control("5.1.10", "Few may reach nodes through the proxy"),
    _Control("5.1.11", "Few may approve certificates"),
    _Control("5.1.12", "Few may change webhooks"),
    _Control("5.1.13", "Few may issue tokens of service accounts"),
    _Control("5.2.1", "Every namespace has a policy for pods"),
    _Control("5.2.2", "Containers are not privileged"),
    _Control("5.2.3", "Pods do not see the host's processes", keys=("hostPID",)),
    _Control("5.2.4", "Pods do not share the host's IPC", keys=("hostIPC",)),
    _Control("5.2.5", "Pods do not share the host's network", keys=("hostNetwork",)),
    _Control("5.2.6", "Processes cannot gain privileges"),
    _Control("5.2.7", "Containers do not run as root"),
    _Control("5.2.8", "Containers have no raw sockets", ("kept-capability",)),
    _Control("5.2.9", "Containers drop the capabilities that they do not need", ("kept-capability",)),
    _Control("5.2.10", "No Windows container is a process of the host"),
    _Control("5.2.11", "Pods mount no path of the host"),
    _Control("5.2.12", "Containers take no port of the host"),
    _Control("5.3.1", "The network plug-in enforces NetworkPolicies"),
    _Control("5.3.2", "Every namespace has NetworkPolicies"),
    _Control("5.4.1", "Secrets are files, not environment variables"),
    _Control("5.4.2", "Secrets are kept outside of the cluster"),
    _Control("5.5.1", "Only images of known origin are admitted"),
    _Control("5.6.1", "Namespaces separate who administers what"),
    _Control("5.6.2", "Pods have the runtime's seccomp profile"),
    _Control(
        "5.6.3",
        "Pods and containers have a security context",
        ("kept-capability", "privilege-escalation", "run-as-root", "writable-root-filesystem"),
    ),
    _Control("5.6.4", "Nothing is in the default namespace"),
)
_ADDED = Asked(
    "cis-kubernetes:5.2.9",
    "Containers are given no capabilities",
    reference="-",
    rules=("added-capability", "dangerous-capability"),
)


def _framework(version: str) -> Framework:
    chosen = version_of("cis-kubernetes", version, VERSIONS)
    minor = int(chosen.partition(".")[2])
    controls: list[Asked] = []
    for one in _CONTROLS:
        if one.number == "5.2.9" and minor <= 11:
            controls.append(_ADDED)
        reference = f"cis-kubernetes:{one.number}"
        named = f"cis-kubernetes:{_number(one.number, minor)}"
        controls.append(Asked(named, one.title, reference=reference, rules=one.rules, keys=one.keys))
    return Framework(f"cis-kubernetes@{chosen}", tuple(controls))


def _number(newest: str, minor: int) -> str:
    """What a version calls a control of the newest one."""
    section, _, last = newest.rpartition(".")
    if section == "5.2" and int(last) >= 9 and minor <= 11:
        return f"5.2.{int(last) + 1}"
    return f"5.7.{last}" if section == "5.6" and minor <= 10 else newest


MEMBERS.add("cis-kubernetes", _framework)
