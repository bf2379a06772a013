"""Version orders of package ecosystems: which of two version strings comes first.

A scheme is a module of this package, loaded when it is first asked for. Each states in its docstring which
specification or program it equals, and which strings it cannot order (`VersionError`). All schemes refuse the empty
string, which is no version, and strings longer than `MAX_LENGTH`.

========  ==========================================================================
apk       apk-tools 3 (Alpine, Wolfi, Chainguard)
cargo     Semantic Versioning 2.0.0 (crates)
composer  composer/semver (Packagist)
dpkg      deb-version(7), as `dpkg --compare-versions`
gem       Gem::Version (RubyGems)
go        golang.org/x/mod/semver, and the names of Go toolchains
maven     ComparableVersion of Maven 3.9
npm       Semantic Versioning 2.0.0, with what node-semver's loose mode accepts
nuget     NuGetVersion
pep440    PEP 440, as `packaging.version`
rpm       rpmvercmp over epoch, version and release
========  ==========================================================================
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMES = ("apk", "cargo", "composer", "dpkg", "gem", "go", "maven", "npm", "nuget", "pep440", "rpm")

MAX_LENGTH = 4096  # characters; also below the digits that Python converts to an integer

_CACHED = 100  # characters: longer strings are not worth the memory, nor met outside attacks
_CACHE_SIZE = 1 << 15  # keys of each scheme


class VersionError(ValueError):
    """The scheme has no place for this string, or there is no such scheme."""


class Key(Protocol):
    """A version's place in its scheme's order: hashable, comparable with keys of the same scheme only."""

    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - each scheme has keys of its own
    def __gt__(self, other: Any, /) -> bool: ...  # noqa: ANN401
    def __hash__(self) -> int: ...


class _Scheme(Protocol):
    def key(self, version: str, /) -> Key: ...
    def valid(self, version: str, /) -> bool: ...


def key(scheme: str, version: str) -> Key:
    """What to sort and compare `version` by; equal keys are equal versions.

    Raises:
        VersionError: for a string that the scheme cannot order, or an unknown scheme.
    """
    read = _KEYS.get(scheme) or _load(scheme)
    return read(version) if len(version) <= _CACHED else _read(scheme, version)


def compare(scheme: str, a: str, b: str) -> int:
    """-1 when `a` comes before `b`, 0 when they are equal in the order, 1 when it comes after.

    Raises:
        VersionError: for a string that the scheme cannot order, or an unknown scheme.
    """
    left, right = key(scheme, a), key(scheme, b)
    return (left > right) - (left < right)


def valid(scheme: str, version: str) -> bool:
    """Whether the string is well-formed by the scheme's specification; more than these can be ordered."""
    return 0 < len(version) <= MAX_LENGTH and _module(scheme).valid(version)


_KEYS: dict[str, Callable[[str], Key]] = {}


def _load(scheme: str) -> Callable[[str], Key]:
    _module(scheme)

    @lru_cache(maxsize=_CACHE_SIZE)
    def read(version: str) -> Key:
        return _read(scheme, version)

    return _KEYS.setdefault(scheme, read)


def _read(scheme: str, version: str) -> Key:
    if not version:
        raise VersionError("an empty string is no version")
    if len(version) > MAX_LENGTH:
        raise VersionError(f"a version of {len(version)} characters is longer than {MAX_LENGTH}")
    return _module(scheme).key(version)


@lru_cache(maxsize=len(SCHEMES))
def _module(scheme: str) -> _Scheme:
    if scheme not in SCHEMES:
        raise VersionError(f"there is no version scheme {scheme!r}")
    return cast("_Scheme", importlib.import_module(f"{__name__}.{scheme}"))
