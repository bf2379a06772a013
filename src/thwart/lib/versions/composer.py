"""Packagist versions: composer/semver, which normalises a version and lets PHP's version_compare order it.

One to four numbers, or a date with separators, then a stability (`alpha`, `beta`, `RC`, `patch` and their short forms)
with numbers of its own, then `dev`; build metadata, a stability flag (`@beta`) and an alias (`as`) are cut off. A
numeric branch (`1.x-dev`) is the last of its line. Named branches (`dev-main`) have no order among versions and no
place, nor has what Composer refuses.
"""

from __future__ import annotations

import re

from thwart.lib.versions import VersionError

_STABILITY = r"[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?[0-9]+)*+)?)?([.-]?dev)?"
_CLASSIC = re.compile(rf"v?([0-9]{{1,5}}+)(\.[0-9]++)?(\.[0-9]++)?(\.[0-9]++)?{_STABILITY}")
_DATE = re.compile(rf"v?([0-9]{{4}}(?:[.:-]?[0-9]{{2}}){{1,6}}(?:[.:-]?[0-9]{{1,3}}){{0,2}}){_STABILITY}")
_BRANCH = re.compile(r"v?([0-9]++)(\.(?:[0-9]++|[x*]))?(\.(?:[0-9]++|[x*]))?(\.(?:[0-9]++|[x*]))?[.-]?dev")
_ALIAS = re.compile(r"([^,\s]++) ++as ++[^,\s]++")
_FLAG = re.compile("@(?:stable|rc|beta|alpha|dev)$")
_BUILD = re.compile(r"([^,\s+]++)\+\S++")
_NUMBERS = re.compile("[0-9]+")

_DEV, _ALPHA, _BETA, _CANDIDATE, _END, _NUMBER, _PATCH = range(7)
_RANKS = {
    "a": _ALPHA,
    "alpha": _ALPHA,
    "b": _BETA,
    "beta": _BETA,
    "rc": _CANDIDATE,
    "p": _PATCH,
    "pl": _PATCH,
    "patch": _PATCH,
}
_LAST = 9999999  # what Composer puts for x


def key(version: str) -> tuple[int, ...]:
    """Numbers and words of the normalised version, each behind its kind."""
    flat = _parse(version)
    if flat is None:
        raise VersionError(f"{version!r} is no version that Composer can order")
    return tuple(flat)


def valid(version: str) -> bool:
    """Whether Composer normalises the string to a version that is no named branch."""
    return _parse(version) is not None


def _parse(version: str) -> list[int] | None:
    text = version.strip().lower()
    if alias := _ALIAS.fullmatch(text):
        text = alias[1]
    text = _FLAG.sub("", text)
    if build := _BUILD.fullmatch(text):
        text = build[1]
    if shape := _CLASSIC.fullmatch(text):
        numbers = [int(number.lstrip(".")) if number else 0 for number in shape.group(1, 2, 3, 4)]
        return _flat(numbers, *shape.group(5, 6, 7))
    if shape := _DATE.fullmatch(text):
        return _flat(list(map(int, _NUMBERS.findall(shape[1]))), *shape.group(2, 3, 4))
    if shape := _BRANCH.fullmatch(text):
        parts = [part.lstrip(".") if part else "x" for part in shape.groups()]
        return _flat([_LAST if part in "x*" else int(part) for part in parts], None, None, "dev")
    return None


def _flat(numbers: list[int], stability: str | None, count: str | None, dev: str | None) -> list[int]:
    flat: list[int] = []
    for number in numbers:
        flat += (_NUMBER, number)
    if stability and stability != "stable":
        flat.append(_RANKS[stability])
        for number in _NUMBERS.findall(count or ""):
            flat += (_NUMBER, int(number))
    if dev and stability != "stable":
        flat.append(_DEV)
    flat.append(_END)
    return flat
