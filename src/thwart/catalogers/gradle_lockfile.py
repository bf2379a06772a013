"""Gradle's dependency locks: one file for a project, or one for each configuration as before Gradle 7."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits

_ENTRY = re.compile(r"([^:=\s]+):([^:=\s]+):([^:=\s]+)(?:=(.*))?")
_TEST = re.compile(r"(?:test|[a-z0-9]\w*Test)(?![a-z])")
_TOOLS = re.compile(
    r"\w*(?:annotationProcessor|AnnotationProcessor|lintChecks)|(?:kotlin(?:Compiler|BuildTools|Native|Klib)|kapt|ksp"
    r"|checkstyle|pmd|codenarc|spotbugs|jacoco|detekt|ktlint|errorprone|ant\b)\w*"
)
_LINE = 64 * 1024  # an entry names its configurations, of which an Android project has hundreds


@cataloger(
    "**/gradle.lockfile", "**/buildscript-gradle.lockfile", "**/gradle/dependency-locks/*.lockfile", images=False
)
def gradle_lockfile(file: File, limits: Limits) -> FileFacts:
    """Every locked module. Source: Gradle user manual, "Locking Versions", `lock file format`.

    What only test configurations resolve is `test`; what only compilers, code checks and the build script resolve,
    `dev`.
    """
    name = file.path.rpartition("/")[2]
    folder = file.path.rpartition("/")[0]
    single = f"/{folder}".endswith("/gradle/dependency-locks")
    plugins = name.startswith("buildscript-")
    scopes: dict[str, str] = {}
    found: list[Found] = []
    problems: list[tuple[str, str]] = []
    for number, line in enumerate(_lines(file.data), 1):
        if not line or line[0] == "#" or line.startswith("empty="):
            continue
        entry = _ENTRY.fullmatch(line) if len(line) <= _LINE else None
        if entry is None:
            problems.append(("lockfile-entry", f"line {number} is not group:artifact:version=configurations"))
            continue
        if len(found) >= limits.packages:
            problems.append(("limit", f"more than {limits.packages} entries: the rest is not listed"))
            break
        used = name.removesuffix(".lockfile") if single else entry[4] or ""
        scope = scopes.get(used)
        if scope is None:
            scope = scopes[used] = "dev" if plugins else _scope(used.split(","))
        found.append(Found(entry[2], entry[3], "maven", namespace=entry[1], scope=scope, line=number))
    if problems and not found:
        raise ParseError("not a Gradle lock file", 1)
    return FileFacts(cataloger="gradle_lockfile", path=file.path, found=tuple(found), problems=tuple(problems[:100]))


def _lines(data: bytes) -> list[str]:
    return [line.strip() for line in data.decode("utf-8-sig", "replace").split("\n")]


def _scope(configurations: list[str]) -> str:
    names = [name.strip() for name in configurations if name.strip()]
    if names and all(_TEST.match(name) for name in names):
        return "test"
    if names and all(_TEST.match(name) or _TOOLS.fullmatch(name) for name in names):
        return "dev"
    return ""
