"""Ruby gem versions: Gem::Version.

Segments are runs of digits and of letters, a hyphen stands for `.pre.`; words come before the end, numbers after it;
zeros before a word and at the end do not count. A platform behind the version (`1.0-java`) is not part of it and must
be cut off before. Strings that Gem::Version refuses have no place.
"""

from __future__ import annotations

import re

from thwart.lib.versions import VersionError

_VALID = re.compile(r"\s*(?:[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?\s*")
_SEGMENTS = re.compile("[0-9]+|[A-Za-z]+")

# A zero that leads to a word comes before the end, one that leads to a number after it.
_WORD, _ZERO_BEFORE_WORD, _END, _NUMBER = range(4)


def key(version: str) -> tuple[int | str, ...]:
    """Segments behind their kind."""
    if not _VALID.fullmatch(version):
        raise VersionError(f"{version!r} is no version of a gem")
    segments = _SEGMENTS.findall(version.replace("-", ".pre."))
    words = next((place for place, segment in enumerate(segments) if not segment.isdigit()), len(segments))
    flat: list[int | str] = []
    for segment, ahead in zip(segments, _ahead(segments), strict=True):
        if not segment.isdigit():
            flat += (_WORD, segment)
        elif int(segment) or ahead == _NUMBER:
            flat += (_NUMBER, int(segment))
        elif ahead == _WORD and words <= 0:
            flat.append(_ZERO_BEFORE_WORD)
        words -= 1
    return (*flat, _END)


def valid(version: str) -> bool:
    """Whether Gem::Version accepts the string."""
    return _VALID.fullmatch(version) is not None


def _ahead(segments: list[str]) -> list[int]:
    """For each segment, the kind of the next one that is no zero."""
    kinds: list[int] = []
    kind = _END
    for segment in reversed(segments):
        kinds.append(kind)
        if not segment.isdigit():
            kind = _WORD
        elif int(segment):
            kind = _NUMBER
    return kinds[::-1]
