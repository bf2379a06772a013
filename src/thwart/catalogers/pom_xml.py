"""Maven projects: the dependencies that a pom.xml declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._pom import Dependency, Pom, parse
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits

_PINNED = re.compile(r"\[\s*([^,\[\]()\s]+)\s*\]")
_LISTED = 5
_NAME = 100  # characters
# compile, runtime and system dependencies are what runs
_SCOPES = {"test": "test", "provided": "provided"}


@cataloger("**/pom.xml", images=False)
def pom_xml(file: File, limits: Limits) -> FileFacts:
    """Declared dependencies, with versions as far as this one file tells them.

    Transitive dependencies are not in a POM; plugins are not in what it builds. Versions that stand in a parent or an
    imported BOM stay empty and are named in one problem. A dependency of a profile that is not active by default is
    `optional`.
    """
    if len(file.data) > limits.file_bytes:
        raise ParseError("POM is larger than the limit")
    pom = Pom(parse(file.data))
    wanted = list(dict.fromkeys(pom.dependencies()))
    found = []
    unresolved = []
    for one in wanted[: limits.packages]:
        package = _package(one)
        if not package.name or "${" in package.name or "${" in package.namespace:
            unresolved.append(one)
            continue
        if not package.version:
            unresolved.append(one)
        found.append(package)
    problems = (*_unresolved(pom, unresolved), *_too_many(wanted, limits))
    return FileFacts(cataloger="pom_xml", path=file.path, found=tuple(found), problems=problems)


def _package(one: Dependency) -> Found:
    scope = _SCOPES.get(one.scope, "")
    if not scope and (one.optional or one.profile):
        scope = "optional"
    version = _version(one.version)
    confidence = "high" if version else "low"
    return Found(one.artifact, version, "maven", namespace=one.group, scope=scope, line=one.line, confidence=confidence)


def _version(text: str) -> str:
    """A single version. `[1.2]` pins one; other ranges, `LATEST`, `RELEASE` and open references name none."""
    pinned = _PINNED.fullmatch(text)
    if pinned:
        text = pinned[1]
    if "${" in text or text[:1] in ("[", "(") or "," in text or text in ("LATEST", "RELEASE"):
        return ""
    return text


def _unresolved(pom: Pom, missing: list[Dependency]) -> tuple[tuple[str, str], ...]:
    if not missing:
        return ()
    names = [f"{one.group[:_NAME]}:{one.artifact[:_NAME]}" for one in missing[:_LISTED]]
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    count = f"{len(missing)} dependencies have" if len(missing) > 1 else "one dependency has"
    text = f"{count} no version in this file: {', '.join(names)}{more}"
    elsewhere = []
    if pom.parent.children:
        elsewhere.append(
            f"the parent {pom.text(pom.parent.value('groupId'))}:{pom.text(pom.parent.value('artifactId'))}"
        )
    elsewhere += [f"the BOM {one.group}:{one.artifact}:{one.version}" for one in pom.boms[:_LISTED]]
    if elsewhere:
        text += f"; it may come from {', '.join(elsewhere)}"
    return (("unresolved", text[:1000]),)


def _too_many(wanted: list[Dependency], limits: Limits) -> tuple[tuple[str, str], ...]:
    if len(wanted) <= limits.packages:
        return ()
    return (("limit", f"POM with {len(wanted)} dependencies: only the first {limits.packages} are listed"),)
