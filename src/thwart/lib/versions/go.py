"""Go versions: golang.org/x/mod/semver, and the names of Go toolchains for the standard library.

Module versions may lack the leading `v`; pseudo-versions are pre-releases; build metadata, `+incompatible` among it, is
ignored; `v1` and `v1.2` are short for `v1.0.0` and `v1.2.0`. A toolchain is `go1.22.3` or `go1.21rc2`, with or without
`go`; `1.21rc2` equals the `1.21.0-rc.2` of the vulnerability database, and `go1.21` is the release 1.21.0 (for Go's own
`go/version` it is the language, before its candidates). Behind `go`, what follows a hyphen, plus or space is the
vendor's.

x/mod places strings that are no versions before all others. Here they have no place: `(devel)` is not an old release.
"""

from __future__ import annotations

import re

from thwart.lib.versions import VersionError
from thwart.lib.versions._semver import precedence

_NUMBER = "(0|[1-9][0-9]*+)"
_IDENTIFIER = "(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*|0|[1-9][0-9]*)"
_MODULE = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*+))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?"
)
_TOOLCHAIN = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER})?)?(?:(alpha|beta|rc)([0-9]+))?")
_VENDOR = re.compile(r"[-+\s]")


def key(version: str) -> tuple[int | str, ...]:
    """Major, minor, patch and pre-release."""
    found = _parse(version)
    if found is None:
        raise VersionError(f"{version!r} is no version of a Go module or toolchain")
    major, minor, patch, prerelease = found
    return precedence(prerelease, int(major), int(minor or "0"), int(patch or "0"))


def valid(version: str) -> bool:
    """Whether the string is a module version (with or without `v`) or the name of a toolchain."""
    return _parse(version) is not None


def _parse(version: str) -> tuple[str, str | None, str | None, str | None] | None:
    shape = _MODULE.fullmatch(version)
    if shape is not None:
        return shape[1], shape[2], shape[3], shape[4]
    if version.startswith("go"):
        version = _VENDOR.split(version[2:], maxsplit=1)[0]
    shape = _TOOLCHAIN.fullmatch(version)
    if shape is None:
        return None
    return shape[1], shape[2], shape[3], f"{shape[4]}.{shape[5]}" if shape[4] else None
