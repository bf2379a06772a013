"""Packages are installed without verifying who signed them.

The signature is what makes a package the distribution's, whatever server or proxy it came through. Without it anybody on
the way decides what is installed as root.

Fix: Leave the switch out, and add the key of the repository.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache --allow-untrusted /tmp/tool.apk

Good:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache tool
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._mending import Change, mended, without
from thwart.rules.dockerfile._packages import APT, RPM

_SWITCHES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(APT, ("--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories")),
    **dict.fromkeys(RPM, ("--nogpgcheck", "--no-gpgchecks")),
    "apk": ("--allow-untrusted",),
    "zypper": ("--no-gpg-checks", "--no-gpgchecks"),
    "rpm": ("--nosignature", "--nodigest", "--noverify"),
    "gem": ("--no-verify",),
}
_SETTINGS = re.compile(
    r"\[[^\]]{0,200}trusted=yes|\b(?:repo_)?gpgcheck ?= ?0|allowunauthenticated=(?:true|1|yes)|"
    r"allowinsecurerepositories=(?:true|1|yes)|allow-insecure-repositories=(?:true|1|yes)",
    re.IGNORECASE,
)
_WRITERS = ("echo", "printf", "sed", "tee", "cat", "add-apt-repository", "yum-config-manager", "dnf-config-manager")
_DATABASES = {"GOSUMDB": "off", "GONOSUMCHECK": "1", "GOFLAGS": "-insecure"}


@dockerfile_rule(
    Severity.HIGH,
    "cis-docker:4.11",
    "checkov:CKV2_DOCKER_7",
    "checkov:CKV2_DOCKER_8",
    "checkov:CKV2_DOCKER_9",
    "checkov:CKV2_DOCKER_10",
    "checkov:CKV2_DOCKER_11",
)
def unverified_packages(file: File) -> Iterator[Hit]:
    """Switches of package managers, and settings that are given to them or written for them."""
    yield from mended(file, list(_commands(file)))
    for stage, step in file.steps("ENV", "ARG"):
        for pair in step.instruction.pairs:
            value = step.expand(pair.value.text).text if pair.value else ""
            if _DATABASES.get(pair.name.text) == value:
                yield file.hit(pair.name.span, f"turns the check of packages off by {pair.name.text}", stage)


def _commands(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for run in file.runs:
        for call in run.calls:
            switch = next((word for word in call.words if word in _SWITCHES.get(call.name, ())), "")
            setting = "" if switch else _setting(call)
            if switch or setting:
                span = call.where(switch) if switch not in ("", "--force-yes") else None
                hit = file.hit(
                    call.span, f"turns the check of packages off by {call.name} {(switch or setting)[:60]}", run.stage
                )
                yield hit, (without(file, span),) if span else ()


def _setting(call: Call) -> str:
    if call.name not in _WRITERS and call.name not in _SWITCHES:
        return ""
    found = _SETTINGS.search(" ".join(call.words)[:4000])
    if found is None or (call.name == "sed" and "gpgcheck=1" in " ".join(call.words).rpartition("gpgcheck=0")[2]):
        return ""
    return found[0]
