"""What the Go catalogers share: how a module and a toolchain become packages."""

from __future__ import annotations

import re

from thwart.core.package import Found

_RELEASE = re.compile(r"(?:go)?([0-9]+(?:\.[0-9]+){0,2}(?:(?:rc|beta)[0-9]+)?)(?=$|[-+ ])(.*)", re.DOTALL)


def module(path: str, version: str, confidence: str = "high", line: int = 0) -> Found:
    """The package of a module; `version` is as Go writes it, `v1.2.3`."""
    namespace, _, name = path.strip("/").rpartition("/")
    return Found(name or path, version, "golang", namespace=namespace, confidence=confidence, line=line)


def toolchain(version: str) -> tuple[str, str]:
    """Release and confidence of a toolchain's name: `go1.22.3 X:boringcrypto` is 1.22.3, `high`.

    Development builds have no release. A vendor's suffix (`go1.20.10-fips`, `go1.20.10 (Red Hat ...)`) says that the
    toolchain may hold more fixes than its number tells: `medium`.
    """
    known = _RELEASE.fullmatch(version)
    if known is None:
        return "", "low"
    rest = known[2].strip()
    return known[1], "high" if not rest or rest.startswith("X:") else "medium"


def standard_library(version: str, confidence: str, line: int = 0) -> Found:
    """The standard library, which advisories call `stdlib`."""
    return Found("stdlib", version, "golang", confidence=confidence, line=line)
