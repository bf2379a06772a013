"""Pod Security Standards, baseline and restricted, at every version of Kubernetes.

Source: kubernetes.io/docs/concepts/security/pod-security-standards, and the checks of k8s.io/pod-security-admission,
whose ids are the controls'. Which values a check takes at which version is its rule's business.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from thwart.core.errors import UsageError
from thwart.rules import NEWEST
from thwart.rules._frameworks import MEMBERS, Asked, Framework


class _Check(NamedTuple):
    id: str
    title: str
    since: int = 0  # minor version
    overrides: tuple[str, ...] = ()


_BASELINE = (
    _Check("privileged", "Privileged containers"),
    _Check("hostNamespaces", "Namespaces of the host"),
    _Check("hostPathVolumes", "Volumes of type hostPath"),
    _Check("hostPorts", "Ports of the host"),
    _Check("capabilities_baseline", "Added capabilities"),
    _Check("appArmorProfile", "AppArmor profile"),
    _Check("seLinuxOptions", "SELinux options"),
    _Check("procMount", "Mask of /proc"),
    _Check("seccompProfile_baseline", "Seccomp profile is not Unconfined"),
    _Check("sysctls", "Sysctls"),
    _Check("windowsHostProcess", "Windows HostProcess containers"),
    _Check("hostProbesAndHostLifecycle", "Hosts of probes and lifecycle hooks", 34),
)
_RESTRICTED = (
    _Check("restrictedVolumes", "Volume types", overrides=("hostPathVolumes",)),
    _Check("allowPrivilegeEscalation", "Privilege escalation", 8),
    _Check("runAsNonRoot", "Running as non-root"),
    _Check("runAsUser", "User id other than 0", 23),
    _Check("seccompProfile_restricted", "Seccomp profile", 19, ("seccompProfile_baseline",)),
    _Check("capabilities_restricted", "Dropped capabilities", 22, ("capabilities_baseline",)),
    _Check("procMount_restricted", "Mask of /proc, also in user namespaces", 35, ("procMount",)),
)
_VERSION = re.compile(r"v?1\.(0|[1-9][0-9]{0,3})")


def _framework(name: str, checks: tuple[_Check, ...], version: str) -> Framework:
    minor = _minor(name, version)
    controls = tuple(
        Asked(f"pss:{check.id}", check.title, tuple(f"pss:{one}" for one in check.overrides))
        for check in checks
        if minor >= check.since
    )
    return Framework(f"{name}@1.{minor}", controls, minor)


def _minor(name: str, version: str) -> int:
    if version in ("", "latest"):
        return NEWEST
    match = _VERSION.fullmatch(version)
    if match is None or int(match[1]) > NEWEST:
        raise UsageError(
            f"{name} is not known at version {version!r}", f"give latest, or 1.0 to 1.{NEWEST}, as in {name}@1.{NEWEST}"
        )
    return int(match[1])


MEMBERS.add("pss-baseline", lambda version: _framework("pss-baseline", _BASELINE, version))
MEMBERS.add("pss-restricted", lambda version: _framework("pss-restricted", (*_BASELINE, *_RESTRICTED), version))
