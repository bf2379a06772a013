"""Version ranges as `vers:` strings (the VERS specification beside purl-spec): whether a version is inside."""

from __future__ import annotations

import re
from functools import cmp_to_key, partial
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote

from thwart.lib import versions

_FORM = re.compile(r"vers:([a-z][a-z0-9.-]*)/(.+)", re.DOTALL)
_CONSTRAINT = re.compile(r"(>=|<=|!=|<|>|=)?(.+)", re.DOTALL)
_MOST = 1000  # constraints of one range
_SCHEMES = {
    "alpine": "apk",
    "apk": "apk",
    "cargo": "cargo",
    "composer": "composer",
    "deb": "dpkg",
    "gem": "gem",
    "golang": "go",
    "maven": "maven",
    "npm": "npm",
    "nuget": "nuget",
    "pypi": "pep440",
    "rpm": "rpm",
    "semver": "npm",
}


class VersError(ValueError):
    """The string is no range, or one of a scheme that has no known order."""


class _Constraint(NamedTuple):
    comparator: str
    version: str


def contains(text: str, version: str) -> bool:
    """Whether a range holds a version: the containment algorithm of the VERS specification.

    Raises:
        VersError: it is no range, its scheme is not known, or a version has no place in the scheme's order.
    """
    scheme, constraints = _read(text)
    if constraints is None:
        return True
    try:
        sides = [(one, versions.compare(scheme, version, one.version)) for one in constraints]
        for one, side in sides:
            if side == 0:
                return one.comparator in ("=", ">=", "<=")
        order = cmp_to_key(partial(versions.compare, scheme))
        bounds = sorted((one for one in constraints if one.comparator[0] in "<>"), key=lambda one: order(one.version))
    except versions.VersionError as error:
        raise VersError(str(error)) from None
    after = {one.version: side for one, side in sides}
    return _between([(one.comparator[0], after[one.version]) for one in bounds])


def valid(text: str) -> bool:
    """Whether the string is a range of a scheme that is known."""
    try:
        _read(text)
    except VersError:
        return False
    return True


def _between(bounds: list[tuple[str, int]]) -> bool:
    """Bounds in the order of their versions, each with the side on which the version lies."""
    if not bounds:
        return False
    if bounds[0] == ("<", -1) or bounds[-1] == (">", 1):
        return True
    return any(low == (">", 1) and high == ("<", -1) for low, high in pairwise(bounds))


def _read(text: str) -> tuple[str, list[_Constraint] | None]:
    """The scheme of the order and the constraints; None for `*`, every version."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise VersError(f"{text[:80]!r} is no range of versions")
    if form[2] == "*":
        return "", None
    scheme = _SCHEMES.get(form[1], "")
    if not scheme:
        raise VersError(f"the versions of {form[1][:40]} have no known order")
    parts = [part.strip() for part in form[2].strip("|").split("|")]
    if len(parts) > _MOST or not all(parts) or "*" in parts:
        raise VersError(f"{text[:80]!r} is no range of versions")
    found = [_CONSTRAINT.fullmatch(part) for part in parts]
    return scheme, [_Constraint(one[1] or "=", unquote(one[2].strip())) for one in found if one is not None]
