"""RPM versions: `[epoch:]version[-release]`.

Segments are compared as rpm's `rpmvercmp` does, with `~` (before everything) and `^` (after the base version, before
any further segment). The whole is compared as `rpmverCmp` of rpm 4.16 and later (`rpm.vercmp` in its Lua) does: a
missing epoch is 0, a missing release comes before every release. Dependencies are matched differently:
`satisfies_equal`. Every string but the empty one can be ordered; what is no letter, digit, `~` or `^` of ASCII only
separates.
"""

from __future__ import annotations

import re

_SEGMENTS = re.compile("[0-9]+|[A-Za-z]+|[~^]")
_EPOCH = re.compile("([0-9]*):(.*)", re.DOTALL)
_VALID = re.compile(r"(?:[0-9]+:)?[0-9A-Za-z._+~^]+(?:-[0-9A-Za-z._+~^]+)?")

_TILDE, _END, _CARET, _LETTERS, _NUMBER = range(5)
_SIGNS = {"~": _TILDE, "^": _CARET}


def key(version: str) -> tuple[int | str, ...]:
    """Epoch, segments of the version, segments of the release; each segment behind its kind, each list closed."""
    epoch, main, release = _split(version)
    if release is None:
        return (epoch, *_segments(main), 0)
    return (epoch, *_segments(main), 1, *_segments(release))


def valid(version: str) -> bool:
    """Whether rpmbuild takes epoch, version and release as they stand."""
    return _VALID.fullmatch(version) is not None


def satisfies_equal(have: str, want: str) -> bool:
    """Whether `have` fulfils the dependency `= want`: releases count only if both sides name one, as in rpmds(3)."""
    left, right = _split(have), _split(want)
    if (left[0], _segments(left[1])) != (right[0], _segments(right[1])):
        return False
    if left[2] is None or right[2] is None:
        return True
    return _segments(left[2]) == _segments(right[2])


def _split(version: str) -> tuple[int, str, str | None]:
    """Epoch, version and release; the epoch is digits before the first colon, the release is behind the last hyphen."""
    epoch = 0
    found = _EPOCH.fullmatch(version) if ":" in version else None
    if found:
        epoch, version = int(found[1] or "0"), found[2]
    main, dash, release = version.rpartition("-")
    return (epoch, main, release) if dash else (epoch, release, None)


def _segments(text: str) -> list[int | str]:
    flat: list[int | str] = []
    for segment in _SEGMENTS.findall(text):
        if segment.isdigit():
            flat += (_NUMBER, int(segment))
        elif segment in _SIGNS:
            flat.append(_SIGNS[segment])
        else:
            flat += (_LETTERS, segment)
    flat.append(_END)
    return flat
