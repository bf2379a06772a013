"""Go's `go.mod`: require and replace lines, and the toolchain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from thwart.fixes.versions import ByHand, Edited, Upgrade

_WORD = re.compile(r'"[^"\n]*"|`[^`\n]*`|[^\s()"`]+|[()]')
_MAJOR = re.compile(r"(?:/|^gopkg\.in/.*\.)v([0-9]+)(?:-unstable)?$")


class _Word(NamedTuple):
    text: str
    start: int
    end: int


class _Line(NamedTuple):
    verb: str
    words: list[_Word]


def edited(text: str, upgrade: Upgrade) -> Edited | None:
    """The module file with the new version, in a replacement where there is one; None where it does not name the old one.

    Raises:
        ByHand: the version lies at another module path, is excluded, or a folder stands in for the module.
    """
    lines = list(_lines(text))
    if upgrade.name == "stdlib":
        return _toolchain(text, lines, upgrade)
    target = _spelled(upgrade)
    if any(one.verb == "exclude" and _is(one.words, upgrade.name, target) for one in lines):
        raise ByHand(f"it excludes {target}")
    replaced = {
        (one.words[0].text, "" if one.words[1].text == "=>" else one.words[1].text): one
        for one in lines
        if one.verb == "replace" and len(one.words) > 2
    }
    places = [one.words[-1] for one in replaced.values() if _is(one.words[-2:], upgrade.name, upgrade.installed)]
    for line in lines:
        if line.verb != "require" or not _is(line.words, upgrade.name, upgrade.installed):
            continue
        other = replaced.get((upgrade.name, upgrade.installed)) or replaced.get((upgrade.name, ""))
        if other is None:
            places.append(line.words[1])
        elif len(other.words) - [one.text for one in other.words].index("=>") == 2:
            raise ByHand("a folder stands in for it")
    if not places:
        return None
    made = text
    for place in sorted(places, key=lambda one: one.start, reverse=True):
        made = made[: place.start] + made[place.start : place.end].replace(place.text, target) + made[place.end :]
    return Edited(text=made)


def _toolchain(text: str, lines: list[_Line], upgrade: Upgrade) -> Edited | None:
    for verb, prefix in (("toolchain", "go"), ("go", "")):
        for line in lines:
            if line.verb == verb and [one.text for one in line.words] == [prefix + upgrade.installed]:
                word = line.words[0]
                made = text[: word.start] + prefix + upgrade.target + text[word.end :]
                bold = "the go line binds everybody who uses the module" if verb == "go" else ""
                return Edited(text=made, bold=bold)
    return None


def _spelled(upgrade: Upgrade) -> str:
    """The new version as the module's path asks for it (Go Modules Reference, "Major version suffixes")."""
    suffix = _MAJOR.search(upgrade.name)
    major = int(upgrade.target.removeprefix("v").partition(".")[0] or "0")
    if suffix is not None:
        if major != int(suffix[1]):
            raise ByHand(f"{upgrade.target} has another module path than {upgrade.name}")
        return upgrade.target
    if major < 2 or "+incompatible" in upgrade.target:
        return upgrade.target
    if upgrade.installed.endswith("+incompatible"):
        return f"{upgrade.target}+incompatible"
    raise ByHand(f"{upgrade.target} has another module path than {upgrade.name}")


def _is(words: list[_Word], path: str, version: str) -> bool:
    return [one.text for one in words[:2]] == [path, version]


def _lines(text: str) -> Iterator[_Line]:
    """Directives with the places of their words; lines of a block have the block's verb."""
    block, at = "", 0
    for raw in text.split("\n"):
        words = [
            _Word(found[0].strip('"`'), at + found.start(), at + found.end())
            for found in _WORD.finditer(raw.partition("//")[0])
        ]
        at += len(raw) + 1
        if block and words and words[0].text == ")":
            block = ""
        elif block and words:
            yield _Line(block, words)
        elif len(words) == 2 and words[1].text == "(":
            block = words[0].text
        elif words:
            yield _Line(words[0].text, words[1:])
