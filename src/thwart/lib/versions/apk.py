"""Alpine versions: `number{.number}[letter]{_suffix[number]}[~hash][-rN]`.

Equals apk-tools 3. Up to 2.14 it differs in numbers behind a dot that begin with 0: there `1.00` came before `1.0`; now
such a number is compared as text when either side begins with 0, so that `1.0 < 1.00 < 1.01 < 1.1`. Only 2.14 reads
numbers behind a letter (`8u392`); they are ordered as there, though not `valid`.

Every string but the empty one has a place, as in apk: one that stops to be a version somewhere comes before all that
goes on at that point, except for a pre-release suffix, and all such strings are equal. `valid` tells them apart.
Numbers have no upper bound here; apk keeps 64 bits of them.
"""

from __future__ import annotations

import re

_SHAPE = re.compile(
    r"([0-9]+)((?:\.[0-9]+)*)((?:[a-z][0-9]+(?:\.[0-9]+)*)*)([a-z]?)"
    r"((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)(?![a-z])[0-9]*)*)"
    r"(?:~([0-9a-f]+))?(?:-r([0-9]+))?"
)
_SUFFIX = re.compile("_([a-z]+)([0-9]*)")
_OLD = re.compile(r"([a-z])([0-9]+)((?:\.[0-9]+)*)")

# What may come next, in apk's order; the less of a version is left, the earlier it sorts.
_PRE, _BROKEN, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _POST, _LETTER, _NUMBER = range(9)
_SUFFIXES = {
    "alpha": (_PRE, 1),
    "beta": (_PRE, 2),
    "pre": (_PRE, 3),
    "rc": (_PRE, 4),
    "cvs": (_POST, 1),
    "svn": (_POST, 2),
    "git": (_POST, 3),
    "hg": (_POST, 4),
    "p": (_POST, 5),
}


def key(version: str) -> tuple[int | str, ...]:
    """The parts, each behind its kind; a number behind a dot that begins with 0 is 0 and its text."""
    shape = _SHAPE.match(version)
    if shape is None:
        return (_BROKEN,)
    first, numbers, old, letter, suffixes, commit, revision = shape.groups()
    flat: list[int | str] = [_NUMBER, int(first)]
    if numbers:
        _add_numbers(flat, numbers)
    if old:
        for letter_inside, number, further in _OLD.findall(old):
            flat += (_LETTER, letter_inside, _NUMBER, int(number))
            _add_numbers(flat, further)
    if letter:
        flat += (_LETTER, letter)
    if suffixes:
        _add_suffixes(flat, suffixes)
    if commit:
        flat += (_HASH, commit)
    if revision:
        flat += (_REVISION, int(revision))
    flat.append(_END if shape.end() == len(version) else _BROKEN)
    return tuple(flat)


def valid(version: str) -> bool:
    """Whether `apk version --check` accepts the string."""
    shape = _SHAPE.fullmatch(version)
    return shape is not None and not shape[3]


def _add_numbers(flat: list[int | str], numbers: str) -> None:
    for number in numbers.split(".")[1:]:
        flat += (_NUMBER, 0, number) if number[0] == "0" else (_NUMBER, int(number))


def _add_suffixes(flat: list[int | str], suffixes: str) -> None:
    for name, number in _SUFFIX.findall(suffixes):
        flat += _SUFFIXES[name]
        if number:
            flat += (_SUFFIX_NUMBER, int(number))
