"""Debian versions: `[epoch:]upstream[-revision]`, deb-version(7).

Equals `dpkg --compare-versions` on what it accepts, which is more than `valid` (`dpkg --validate-version`): it orders
versions that do not begin with a digit or hold odd ASCII characters, with a warning. Not ordered: what it refuses (an
epoch that is no number, nothing beside `:` or after the last `-`, inner white space), and text outside ASCII, where
dpkg's answer depends on the sign of the machine's `char`.
"""

from __future__ import annotations

import re

from thwart.lib.versions import VersionError

_NUMBERS = re.compile("([0-9]+)")
_EPOCH = re.compile("[+-]?[0-9]+")
_UPSTREAM = re.compile("[0-9][0-9A-Za-z.+:~-]*")
_REVISION = re.compile("[0-9A-Za-z.+~]*")
_REFUSED = re.compile(r"[\0\t-\r \x80-\U0010ffff]")
_SPACE = "\t\n\v\f\r "
_MAX_EPOCH = 2**31 - 1


def _ranks() -> dict[int, int]:
    """Each character's rank in non-digit text, as a character: `~`, the end of the text, letters, the rest.

    Digits stay, to split at, so their code points are not ranks; what is left of ASCII is enough when NUL, which no
    version can hold, needs no rank.
    """
    free = [code for code in range(128) if not chr(code).isdigit()]
    letters = [code for code in free if chr(code).isalpha()]
    rest = [code for code in free if not chr(code).isalpha() and chr(code) not in "\0~"]
    return dict(zip([ord("~"), 0, *letters, *rest], free, strict=True))


_RANKS = _ranks()
_END = chr(_RANKS[0])


def key(version: str) -> tuple[int | str, ...]:
    """Epoch, then text and numbers by turns, text first and last; the end of the upstream version is within a text."""
    epoch, upstream, revision = _split(version)
    if not upstream[-1].isdigit():
        upstream += "0"  # where text ends a version, no number follows it, which counts as 0
    if not revision[-1].isdigit():
        revision += "0"
    pieces = _NUMBERS.split(f"{upstream.translate(_RANKS)}{_END}{revision.translate(_RANKS)}")
    parts: list[int | str] = [epoch, *pieces]
    parts[1::2] = [text + _END for text in pieces[::2]]
    parts[2::2] = map(int, pieces[1::2])
    return tuple(parts)


def valid(version: str) -> bool:
    """Whether dpkg accepts the version without a warning."""
    try:
        _, upstream, revision = _split(version)
    except VersionError:
        return False
    return _UPSTREAM.fullmatch(upstream) is not None and _REVISION.fullmatch(revision) is not None


def _split(version: str) -> tuple[int, str, str]:
    """Epoch, upstream version and revision; "0" where there is no revision, which is equal to it."""
    text = version.strip(_SPACE)
    if _REFUSED.search(text):
        raise VersionError(f"{version!r} is no Debian version: it holds white space, NUL or text outside ASCII")
    epoch = 0
    if ":" in text:
        epoch, text = _epoch(version, text)
    upstream, dash, revision = text.rpartition("-")
    if not dash:
        upstream, revision = revision, "0"
    if not upstream or not revision:
        raise VersionError(f"{version!r} is no Debian version: nothing stands before or after the last hyphen")
    return epoch, upstream, revision


def _epoch(version: str, text: str) -> tuple[int, str]:
    number, _, rest = text.partition(":")
    if not _EPOCH.fullmatch(number) or not 0 <= int(number) <= _MAX_EPOCH:
        raise VersionError(f"{version!r} is no Debian version: the epoch is no number from 0 to {_MAX_EPOCH}")
    if not rest:
        raise VersionError(f"{version!r} is no Debian version: nothing stands after the epoch")
    return int(number), rest
