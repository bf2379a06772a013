"""pnpm's lockfile, generations 5, 6 and 9."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._documents import table, text, yaml_texts
from thwart.catalogers._gather import Gather
from thwart.catalogers._node import TYPE, in_modules, repository, specifier, split
from thwart.catalogers._reach import scopes
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found
from thwart.lib.yaml_positions import YamlMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_GROUPS = (("dependencies", ""), ("optionalDependencies", "optional"), ("devDependencies", "dev"))
_LOCAL = ("link:", "file:", "workspace:")
_GENERATION = re.compile(r"'?(\d+)")


@cataloger("**/pnpm-lock.yaml", images=False)
def pnpm_lock(file: File, limits: Limits) -> FileFacts:
    """`pnpm-lock.yaml`: the keys of `packages` are `/a/1.0.0_peers` (5), `/a@1.0.0(peers)` (6), `a@1.0.0` (9).

    Scope is stated up to generation 6 (`dev`, `optional`); from 9 on it follows from `importers` and `snapshots`.
    Links and folders are the project's own code and are left out.
    """
    gather = Gather("pnpm_lock", file, limits)
    if in_modules(file.path):
        return gather.facts()
    for document in yaml_texts(file, limits):
        if not isinstance(document, YamlMap):
            raise ParseError("the lockfile is not a YAML mapping")
        _document(document, gather)
    gather.summarise("no-version", "locked entries without name or version")
    return gather.facts()


def _document(document: YamlMap, gather: Gather) -> None:
    generation = _GENERATION.match(text(document.get("lockfileVersion")))
    if generation is None:
        raise ParseError("the lockfile states no lockfileVersion")
    old = int(generation[1]) < 6
    packages = document.get("packages")
    if not isinstance(packages, YamlMap):
        return
    reached = _scopes(document) if "snapshots" in document else {}
    for key, value in packages.items():
        entry = table(value)
        full, version = _old_key(key) if old else specifier(_bare(key.removeprefix("/")))
        if version.startswith(_LOCAL) or key.startswith(_LOCAL) or "directory" in table(entry.get("resolution")):
            continue
        full = text(entry.get("name")) or full
        stated = text(entry.get("version")) or ("" if "/" in version or ":" in version else version)
        if not full or not stated:
            gather.count("no-version", key)
            continue
        name = split(full)
        scope = reached.get(_bare(key), "") if reached else _stated(entry)
        found = Found(name.name, stated, TYPE, name.namespace, scope=scope, line=packages.keys_at[key].line)
        gather.add(found._replace(qualifiers=_origin(table(entry.get("resolution")))))


def _old_key(key: str) -> tuple[str, str]:
    """`/a/1.0.0`, `/@s/a/1.0.0_peers`, `host/a/1.0.0`: the last part is the version, what stands before it the name."""
    place, _, last = key.rpartition("/")
    parts = place.split("/")
    full = "/".join(parts[-2:]) if len(parts) > 1 and parts[-2].startswith("@") else parts[-1]
    return full, last.partition("_")[0] if last[:1].isdigit() else ""


def _bare(key: str) -> str:
    """The key without the peers in parentheses."""
    return key.partition("(")[0]


def _stated(entry: dict[str, object]) -> str:
    if text(entry.get("dev")) == "true":
        return "dev"
    return "optional" if text(entry.get("optional")) == "true" else ""


def _origin(resolution: dict[str, object]) -> tuple[tuple[str, str], ...]:
    if text(resolution.get("type")) != "git":
        return ()
    address = text(resolution.get("repo"))
    return repository(f"{address if address.startswith('git') else 'git+' + address}#{text(resolution.get('commit'))}")


def _scopes(document: YamlMap) -> dict[str, str]:
    """Scope by key of `packages`, from the graph of `snapshots`, whose keys carry the peers."""
    snapshots = table(document.get("snapshots"))
    roots: dict[str, list[str]] = {scope: [] for _, scope in _GROUPS}
    for importer in table(document.get("importers")).values():
        for group, scope in _GROUPS:
            for name, wanted in table(table(importer).get(group)).items():
                roots[scope] += _target(name, text(table(wanted).get("version")), snapshots)

    def edges(group: str, node: str) -> Iterator[str]:
        for name, version in table(table(snapshots.get(node)).get(group)).items():
            yield from _target(name, text(version), snapshots)

    reached = scopes(roots, lambda node: edges("dependencies", node), lambda node: edges("optionalDependencies", node))
    known: dict[str, str] = {}
    for node, scope in reached.items():
        known.setdefault(_bare(node), scope)
    return known


def _target(name: str, version: str, snapshots: dict[str, object]) -> Iterator[str]:
    """The snapshot that `name: version` points at; an alias writes the whole key as its version."""
    for key in (f"{name}@{version}", version):
        if key in snapshots:
            yield key
            return
