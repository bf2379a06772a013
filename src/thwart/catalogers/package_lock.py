"""npm's lockfiles, all three generations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from thwart.catalogers import cataloger
from thwart.catalogers._documents import json_as, json_of, table, text
from thwart.catalogers._gather import Gather
from thwart.catalogers._lines import Lines
from thwart.catalogers._node import TYPE, alias, in_modules, repository, split
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from thwart.core.limits import Limits

_MODULES = "node_modules/"
_LOCAL = ("file:", "link:", "workspace:")


class _Entry(msgspec.Struct, rename={"dev_optional": "devOptional"}):
    """The fields that matter; each may hold anything."""

    name: Any = None
    version: Any = None
    resolved: Any = None
    link: Any = None
    dev: Any = None
    optional: Any = None
    dev_optional: Any = None


class _Packages(msgspec.Struct):
    packages: dict[str, _Entry]


@cataloger("**/package-lock.json", "**/npm-shrinkwrap.json", images=False)
def package_lock(file: File, limits: Limits) -> FileFacts:
    """`package-lock.json` and `npm-shrinkwrap.json`, lockfileVersion 1 to 3 (npm documentation, "package-lock.json").

    `packages` (2, 3) is read when there is one, else `dependencies` (1). Scope: what only development needs is `dev`;
    what an optional dependency brings is `optional`, also where development needs it too; peers run.
    Links, workspaces and folders are the project's own code and are left out.
    """
    gather = Gather("package_lock", file, limits)
    if in_modules(file.path):
        return gather.facts()
    lines = Lines(file.data)
    typed = json_as(file, _Packages, limits)
    if typed is not None and typed.packages:
        _placed(typed.packages, lines, gather)
    else:
        document = json_of(file, limits)
        if not isinstance(document, dict):
            raise ParseError("the lockfile is not a JSON object")
        packages = table(document.get("packages"))
        if packages:
            _placed(_entries(packages, gather), lines, gather)
        else:
            _nested(table(document.get("dependencies")), lines, gather)
    gather.summarise("unreadable", "entries that are no objects")
    gather.summarise("no-version", "locked entries without a version of their own")
    return gather.facts()


def _entries(packages: dict[str, object], gather: Gather) -> dict[str, _Entry]:
    entries = {}
    for place, value in packages.items():
        if isinstance(value, dict):
            entries[place] = msgspec.convert(value, _Entry)
        else:
            gather.count("unreadable", place)
    return entries


def _placed(packages: Mapping[str, _Entry], lines: Lines, gather: Gather) -> None:
    """Entries by their place in the tree: `node_modules/a/node_modules/@s/b`."""
    for place, entry in packages.items():
        before, modules, folder = place.rpartition(_MODULES)
        if not modules or entry.link is True or (before and not before.endswith("/")):
            continue
        line = lines.of(f'"{place}": {{')
        _add(text(entry.name) or folder, entry, line, gather)


def _add(full: str, entry: _Entry, line: int, gather: Gather) -> None:
    version = text(entry.version)
    if not full or not version:
        gather.count("no-version", full or f"line {line}")
        return
    name = split(full)
    origin = repository(text(entry.resolved))
    found = Found(name.name, version, TYPE, name.namespace, scope=_scope(entry), line=line, qualifiers=origin)
    gather.add(found)


def _scope(entry: _Entry) -> str:
    if entry.dev is True:
        return "dev"
    return "optional" if entry.optional is True or entry.dev_optional is True else ""


def _nested(dependencies: dict[str, object], lines: Lines, gather: Gather) -> None:
    """The tree of generation 1, where `version` may also be an alias or an address."""
    for key, value in _walk(dependencies):
        line = lines.of(f'"{key}": {{')
        if not isinstance(value, dict):
            gather.count("unreadable", key)
            continue
        entry = msgspec.convert({field: value.get(field) for field in ("dev", "optional", "resolved")}, _Entry)
        version = text(value.get("version"))
        real, real_version = alias(version)
        if version.startswith(_LOCAL):
            continue
        entry.version = real_version or ("" if ":" in version or "/" in version else version)
        _add(real or key, entry, line, gather)


def _walk(dependencies: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Every entry in the document's order, without recursion."""
    waiting = [iter(dependencies.items())]
    while waiting:
        pair = next(waiting[-1], None)
        if pair is None:
            waiting.pop()
            continue
        yield pair
        waiting.append(iter(table(table(pair[1]).get("dependencies")).items()))
