"""Python versions: PEP 440, equal to `packaging.version.Version` on all that it accepts.

Other strings come before all of these, as `pkg_resources` once placed them: by runs of digits and letters in lower
case, numbers after the end and words before it (`2004d-rc < 2004d < 2004d-1`). Only the empty string has no place.
"""

from __future__ import annotations

import re

_SEPARATOR = r"[-_.]?"
_SHAPE = re.compile(
    rf"""
    v? (?:([0-9]+)!)? ([0-9]+(?:\.[0-9]+)*)
    (?: {_SEPARATOR} (alpha|a|beta|b|preview|pre|c|rc) {_SEPARATOR} ([0-9]*) )?
    (?: -([0-9]+) | {_SEPARATOR} (post|rev|r) {_SEPARATOR} ([0-9]*) )?
    (?: {_SEPARATOR} (dev) {_SEPARATOR} ([0-9]*) )?
    (?: \+ ([0-9a-z]+(?:[-_.][0-9a-z]+)*) )?
    """,
    re.VERBOSE,
)
_LOCAL = re.compile("[-_.]")
_RUNS = re.compile("[0-9]+|[a-z]+")

_FOREIGN, _PROPER = range(2)
_ALPHA, _BETA, _CANDIDATE, _FINAL = range(4)
_PHASES = {"a": _ALPHA, "alpha": _ALPHA, "b": _BETA, "beta": _BETA}
_BEFORE_ALPHA = -1  # a development release of the release itself
_NO_DEV = (1, 0)

Key = tuple[int | str | tuple[int | str, ...], ...]


def key(version: str) -> Key:
    """Kind, epoch, release without trailing zeros, phase and its number, post, dev and local version."""
    shape = _SHAPE.fullmatch(version.strip().lower())
    if shape is None:
        return (_FOREIGN, *_foreign(version.lower()))
    epoch, release, phase, phase_number, implicit, post, post_number, dev, dev_number, local = shape.groups()
    numbers = list(map(int, release.split(".")))
    while numbers and not numbers[-1]:
        numbers.pop()
    rank = _PHASES.get(phase, _CANDIDATE) if phase else _FINAL
    revision = int(implicit or post_number or "0") if implicit or post else -1
    if dev and not phase and revision < 0:
        rank = _BEFORE_ALPHA
    return (
        _PROPER,
        int(epoch or "0"),
        tuple(numbers),
        rank,
        int(phase_number or "0"),
        revision,
        *((0, int(dev_number or "0")) if dev else _NO_DEV),
        _local(local) if local else (),
    )


def valid(version: str) -> bool:
    """Whether the string is a version by PEP 440, normalised or not."""
    return _SHAPE.fullmatch(version.strip().lower()) is not None


def _local(local: str) -> tuple[int | str, ...]:
    """Segments behind their kind, numbers after words; none at all comes first."""
    flat: list[int | str] = []
    for segment in _LOCAL.split(local):
        flat += (1, int(segment)) if segment.isdigit() else (0, segment)
    return tuple(flat)


def _foreign(text: str) -> list[int | str]:
    flat: list[int | str] = []
    for run in _RUNS.findall(text):
        flat += (2, int(run)) if run.isdigit() else (0, run)
    return [*flat, 1]
