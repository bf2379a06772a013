"""uv's lock file, of projects, workspaces and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from thwart.catalogers import cataloger
from thwart.catalogers._documents import array, table, text, toml_of, toml_tables
from thwart.catalogers._gather import Gather
from thwart.catalogers._python import TYPE, is_local, normalise, origin
from thwart.catalogers._reach import scopes
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits


class Node(NamedTuple):
    """A locked package, or one of its extras; version None stands for every version of the name."""

    name: str
    version: str | None
    extra: str = ""


@cataloger("**/uv.lock", "**/*.py.lock", images=False)
def uv_lock(file: File, limits: Limits) -> FileFacts:
    """`uv.lock`, version 1.

    The project and its workspace members are the roots, not packages. Scope is what their dependencies,
    optional dependencies and dependency groups reach; what nothing reaches counts as run-time.
    """
    document = toml_of(file, limits)
    if text(document.get("version")) != "1":
        raise ParseError(f"uv.lock version {text(document.get('version'))!r} is not known")
    entries = toml_tables(file, document, "package")
    scope = _scopes([entry for entry, _ in entries], document)
    gather = Gather("uv_lock", file, limits)
    for entry, line in entries:
        name, version = text(entry.get("name")), text(entry.get("version"))
        source = table(entry.get("source"))
        if is_local(source):
            continue
        if name and version:
            kind = scope.get((name, version), "")
            gather.add(Found(normalise(name), version, TYPE, scope=kind, line=line, qualifiers=origin(source)))
        else:
            gather.count("no-version", name or f"line {line}")
    gather.summarise("no-version", "locked entries without name or version")
    return gather.facts()


def _scopes(entries: list[dict[str, object]], document: dict[str, object]) -> dict[tuple[str, str], str]:
    """Scope by name and version. An extra's dependencies are reached only through who asks for the extra."""
    graph = _Graph(entries)
    roots: dict[str, list[Node]] = {"": [], "optional": [], "dev": []}
    for entry in entries:
        if is_local(table(entry.get("source"))):
            roots[""] += _references(entry.get("dependencies"))
            roots["optional"] += _grouped(entry.get("optional-dependencies"))
            roots["dev"] += _grouped(entry.get("dev-dependencies"))
    manifest = table(document.get("manifest"))
    roots[""] += _references(manifest.get("requirements"))
    roots["dev"] += _grouped(manifest.get("dependency-groups"))
    known: dict[tuple[str, str], str] = {}
    for node, scope in scopes(roots, graph.edges, lambda _: ()).items():
        if node.version is not None:
            known.setdefault((node.name, node.version), scope)
    return known


class _Graph:
    """Edges are looked up by name and version, never pair by pair: a name given a thousand times stays linear."""

    def __init__(self, entries: list[dict[str, object]]) -> None:
        self._entries: dict[tuple[str, str], list[dict[str, object]]] = {}
        self._versions: dict[str, dict[str, None]] = {}
        for entry in entries:
            name, version = text(entry.get("name")), text(entry.get("version"))
            self._entries.setdefault((name, version), []).append(entry)
            self._versions.setdefault(name, {})[version] = None

    def edges(self, node: Node) -> Iterator[Node]:
        if node.version is None:
            for version in self._versions.get(node.name, ()):
                yield node._replace(version=version)
            return
        for entry in self._entries.get((node.name, node.version), ()):
            if node.extra:
                yield from _references(table(entry.get("optional-dependencies")).get(node.extra))
            else:
                yield from _references(entry.get("dependencies"))


def _grouped(groups: object) -> Iterator[Node]:
    for group in table(groups).values():
        yield from _references(group)


def _references(value: object) -> Iterator[Node]:
    """What `{name = "a", extra = ["b"]}` points at; `version` is there when the name alone is ambiguous."""
    for one in array(value):
        wanted = table(one)
        name, version = text(wanted.get("name")), text(wanted.get("version")) or None
        yield Node(name, version)
        for extra in array(wanted.get("extra")):
            yield Node(name, version, text(extra))
