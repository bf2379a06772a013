"""Gradle: dependencies that a build script states with their version, and version catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from thwart.fixes.versions import ByHand, Edited, Upgrade
from thwart.fixes.versions._toml import Path, exchanged, load, table
from thwart.lib import versions

_LINE = 4000  # characters


def script(text: str, upgrade: Upgrade) -> Edited | None:
    """`build.gradle` or `build.gradle.kts` with the new version; None where no string states the old one.

    Raises:
        ByHand: the version comes from a variable.
    """
    group, _, name = (re.escape(one) for one in upgrade.name.partition(":"))
    old = re.escape(upgrade.installed)
    short = re.compile(rf"(?P<q>['\"]){group}:{name}:(?P<v>{old})(?=(?:[:@][^'\"\n]*)?(?P=q))")
    long = re.compile(
        rf"group\s*[:=]\s*(?P<q>['\"]){group}(?P=q)\s*,\s*name\s*[:=]\s*(?P=q){name}(?P=q)"
        rf"\s*,\s*version\s*[:=]\s*(?P=q)(?P<v>{old})(?P=q)"
    )
    lines, known = text.split("\n"), False
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("//", "*", "/*")) or len(line) > _LINE:
            continue
        for pattern in (short, long):
            for found in reversed(list(pattern.finditer(lines[number]))):
                known = True
                lines[number] = lines[number][: found.start("v")] + upgrade.target + lines[number][found.end("v") :]
        if re.search(rf"['\"]{group}:{name}:[^'\"\n]*\$", line):
            raise ByHand("its version comes from a variable")
    stated = re.findall(rf"['\"]{group}:{name}:([^'\":@\n$]{{1,100}})", text)
    return Edited(text="\n".join(lines)) if known or _later(stated, upgrade) else None


def _later(stated: Iterable[str], upgrade: Upgrade) -> bool:
    """Whether the new version, or a later one, is stated already."""
    return any(versions.compare("maven", one, upgrade.target) >= 0 for one in stated if one)


def catalogue(text: str, upgrade: Upgrade) -> Edited | None:
    """`libs.versions.toml` with the new version; None where no library has the old one.

    Raises:
        ByHand: libraries of other groups have the same version by reference, or it is a rich version.
    """
    document = load(text)
    libraries = table(document.get("libraries"))
    known, made = False, text
    for path, version, reference in _libraries(document):
        if _module(libraries[str(path[1])]) != upgrade.name:
            continue
        if version != upgrade.installed:
            known = known or _later([version], upgrade)
            continue
        known = True
        if reference:
            _only(libraries, table(document.get("plugins")), reference, upgrade.name.partition(":")[0])
            made = exchanged(made, ("versions", reference), upgrade.target)
        else:
            made = exchanged(made, path, upgrade.target if len(path) > 2 else f"{upgrade.name}:{upgrade.target}")
    return Edited(text=made) if known else None


def _libraries(document: dict[str, object]) -> Iterator[tuple[Path, str, str]]:
    """Where each library's version is written, the version, and the name of the shared version that it refers to."""
    shared = table(document.get("versions"))
    for alias, entry in table(document.get("libraries")).items():
        if isinstance(entry, str):
            yield ("libraries", alias), entry.rpartition(":")[2], ""
            continue
        version = table(entry).get("version")
        reference = table(version).get("ref")
        if isinstance(reference, str):
            yield ("libraries", alias, "version"), str(shared.get(reference)), reference
        elif isinstance(version, str):
            yield ("libraries", alias, "version"), version, ""


def _module(entry: object) -> str:
    if isinstance(entry, str):
        return entry.rpartition(":")[0]
    found = table(entry)
    return str(found.get("module") or f"{found.get('group')}:{found.get('name')}")


def _only(libraries: dict[str, object], plugins: dict[str, object], reference: str, group: str) -> None:
    def uses(entry: object) -> bool:
        return table(table(entry).get("version")).get("ref") == reference

    others = [name for name, one in libraries.items() if uses(one) and _module(one).partition(":")[0] != group]
    others += [name for name, one in plugins.items() if uses(one)]
    if others:
        raise ByHand(f"the version {reference} is that of {others[0]} too")
