"""npm versions: Semantic Versioning 2.0.0 precedence, build metadata ignored, numbers of any size.

Accepts what node-semver's loose mode does (`v` and `=` in front, leading zeros, a pre-release without its hyphen), and
beyond it a missing minor or patch number, as advisories write it, which counts as 0; a pre-release then needs its
hyphen, lest the hash of a commit (`64e00e7`) be one. Anything else has no place.
"""

from __future__ import annotations

import re

from thwart.lib.versions import VersionError
from thwart.lib.versions._semver import precedence

_NUMBER = "(?:0|[1-9][0-9]*)"
_WORD = "[0-9]*[A-Za-z-][0-9A-Za-z-]*"
_BUILD = r"\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_STRICT = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-(?:{_WORD}|{_NUMBER})(?:\.(?:{_WORD}|{_NUMBER}))*)?(?:{_BUILD})?"
)
_LOOSE = re.compile(  # possessive quantifiers: a long run of digits is read once
    r"[v=\s]*+([0-9]++)(?:\.([0-9]++)(?:\.([0-9]++))?)?"
    rf"(?:(?(3)-?|-)((?:{_WORD}|[0-9]+)(?:\.(?:{_WORD}|[0-9]+))*+))?+(?:{_BUILD})?"
)


def key(version: str) -> tuple[int | str, ...]:
    """Major, minor, patch and pre-release."""
    shape = _LOOSE.fullmatch(version.strip())
    if shape is None:
        raise VersionError(f"{version!r} is no semantic version")
    major, minor, patch, prerelease = shape.groups()
    return precedence(prerelease, int(major), int(minor or "0"), int(patch or "0"))


def valid(version: str) -> bool:
    """Whether the string is a version by Semantic Versioning 2.0.0."""
    return _STRICT.fullmatch(version) is not None
