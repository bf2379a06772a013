"""Upgrades of packages in the manifests that people write: a text and an upgrade in, the text with that version out.

One file per kind of manifest. Each changes the characters of the version and no others; what it cannot change so is left
to a human, with the reason. Lock files are never edited: the tools that wrote them are told to.
"""

from __future__ import annotations

import re

from msgspec import Struct

_NUMBERS = re.compile(r"v?(?:([0-9]+)!)?([0-9]+)(?:\.([0-9]+))?")
_PRE_RELEASES = {
    "npm": re.compile(r"[^+]*-"),
    "golang": re.compile(r"[^+]*-|.*[0-9](?:rc|beta)"),
    "pypi": re.compile(r"[^+]*[0-9][-_.]?(?:alpha|a|beta|b|preview|pre|c|rc|dev)", re.IGNORECASE),
    "maven": re.compile(r".*[-.](?:alpha|beta|milestone|m[0-9]|rc|cr|ea|pre|snapshot)", re.IGNORECASE),
}


class Upgrade(Struct, frozen=True, kw_only=True):
    """One package of one version, and the version to come. `type` is the purl type, `name` as `Package.full_name` has it."""

    type: str
    name: str
    installed: str
    target: str


class Edited(Struct, frozen=True, kw_only=True):
    """A manifest after an upgrade; the text is as it was where the manifest permits the version already.

    `bold` says why the edit goes further than whoever wrote the manifest meant to.
    """

    text: str
    bold: str = ""


class ByHand(Exception):  # noqa: N818 - an answer, not an error
    """Only a human can make the upgrade here; the reason in words."""


def compatible(upgrade: Upgrade) -> bool:
    """Whether the versions say that nothing breaks: the same major number, below 1.0 the same minor one, no pre-release.

    Go promises this for releases of its toolchain with the same minor number.
    """
    old, new = _NUMBERS.match(upgrade.installed), _NUMBERS.match(upgrade.target)
    if old is None or new is None or pre_release(upgrade.type, upgrade.target):
        return False
    fine = int(old[2]) == 0 or (upgrade.type == "golang" and upgrade.name == "stdlib")
    parts = (1, 2, 3) if fine else (1, 2)
    return all(int(old[part] or "0") == int(new[part] or "0") for part in parts)


def pre_release(purl_type: str, version: str) -> bool:
    """Whether the version is one that comes before its release."""
    pattern = _PRE_RELEASES.get(purl_type)
    return pattern is not None and pattern.match(version) is not None
