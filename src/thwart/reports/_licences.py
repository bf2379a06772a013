"""Licences as packages state them, made into what SPDX documents may say.

Source: SPDX specification 2.3, Annex D (licence expressions) and, for the short names of Debian's machine-readable
copyright files, "Machine-readable debian/copyright file" 1.0, "License short name".
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from thwart.core.package import Package

LONGEST = 1000  # characters of a text that may still be an expression
DEEPEST = 32  # parentheses within each other


class Licence(NamedTuple):
    """One stated licence. `kind` is `id` (one listed licence), `expression` (several, valid) or `name` (free text)."""

    kind: str
    text: str


@cache
def _licences(*, debian: bool) -> dict[str, str]:
    from thwart.reports._spdx_ids import LICENCES

    listed = {name.lower(): name for name in LICENCES.split()}
    return _current(listed) | (_debian(listed) if debian else {})


@cache
def _exceptions() -> dict[str, str]:
    from thwart.reports._spdx_ids import EXCEPTIONS

    return {name.lower(): name for name in EXCEPTIONS.split()}


_FAMILIES = ("GPL", "LGPL", "AGPL", "GFDL")
_VERSIONS = ("1", "1.1", "1.2", "1.3", "2", "2.1", "3")


def _current(listed: dict[str, str]) -> dict[str, str]:
    """The list, with the GNU identifiers that it deprecates leading to today's: `GPL-2.0`, `GPL-2.0+`."""
    only = {name: listed[f"{name}-only"] for name in listed if f"{name}-only" in listed}
    return listed | only | {f"{name}+": listed[f"{name}-or-later"] for name in only if f"{name}-or-later" in listed}


_DEBIAN = {
    "expat": "MIT",
    "apache-1": "Apache-1.0",
    "apache-2": "Apache-2.0",
    "artistic-1": "Artistic-1.0",
    "artistic-2": "Artistic-2.0",
    "zope-2": "ZPL-2.0",
    "mpl-1": "MPL-1.0",
    "mpl-2": "MPL-2.0",
    "python-2": "Python-2.0",
    "zlib/libpng": "Zlib",
}


def _debian(listed: dict[str, str]) -> dict[str, str]:
    """Debian's names: `GPL-2` is that version only, `GPL-2+` that or later."""
    names = {name: spdx for name, spdx in _DEBIAN.items() if spdx.lower() in listed}
    for family in _FAMILIES:
        for version in _VERSIONS:
            full = f"{family}-{version if '.' in version else f'{version}.0'}".lower()
            if f"{full}-only" in listed:
                names[f"{family}-{version}".lower()] = listed[f"{full}-only"]
                names[f"{family}-{version}+".lower()] = listed[f"{full}-or-later"]
    return names


def licence(stated: str, *, debian: bool = False) -> Licence:
    """What one stated licence is. Identifiers get the spelling of the list; unknown words make a free name.

    `debian` says that a Debian package states it, where `GPL-2` has a meaning of its own.
    """
    text = " ".join(stated.split())
    if len(text) <= LONGEST:
        parts = _expression(text, _licences(debian=debian))
        if parts:
            return Licence("id" if len(parts) == 1 and not parts[0].endswith("+") else "expression", _join(parts))
    return Licence("name", text)


def licences_of(package: Package) -> list[Licence]:
    """Every licence that a package states, once, in order; statements that say nothing are left out."""
    debian = package.type == "deb"
    said = [text for text in package.licences if text.strip().lower() not in _NOTHING]
    return list(dict.fromkeys(licence(text, debian=debian) for text in said))


_NOTHING = frozenset(("", "noassertion", "none", "unknown"))


_WORDS = re.compile(r"[()]|[^\s()]+")


def _expression(text: str, known: dict[str, str]) -> list[str]:
    """The words of a valid expression in canonical spelling; an empty list for anything else."""
    spelled: list[str] = []
    depth, operand = 0, True  # whether an operand comes next
    for found in _WORDS.findall(text):
        word = found.upper()
        if operand and word == "(":
            depth += 1
        elif not operand and word == ")":
            depth -= 1
        elif not operand and (word in ("AND", "OR") or (word == "WITH" and _takes_exception(spelled, known))):
            operand = True
        elif operand:
            word = _exception(found) if spelled and spelled[-1] == "WITH" else _identifier(found, known)
            operand = False
        else:
            return []
        if not word or not 0 <= depth <= DEEPEST:
            return []
        spelled.append(word)
    return [] if operand or depth else spelled


def _takes_exception(spelled: list[str], known: dict[str, str]) -> bool:
    """Whether WITH may follow: a licence does it, not a parenthesis or another exception."""
    return spelled[-1].rstrip("+").lower() in known


def _identifier(word: str, known: dict[str, str]) -> str:
    found = known.get(word.lower())
    if found is None and word.endswith("+"):
        base = known.get(word[:-1].lower(), "")
        return f"{base}+" if base and not base.endswith(("-only", "-or-later")) else ""
    return found or ""


def _exception(word: str) -> str:
    return _exceptions().get(word.lower(), "")


def _join(words: list[str]) -> str:
    return " ".join(words).replace("( ", "(").replace(" )", ")")
