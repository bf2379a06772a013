"""Layers laid over each other: which facts survive, at which path, and since which layer.

The rules are those of the OCI image specification ("layer": whiteouts, opaque whiteouts) and of the engines that apply
it: an entry replaces what lies at its path unless both are folders, and the folders of an entry's path are resolved
through the symbolic links that exist below.
"""

from __future__ import annotations

from typing import NamedTuple

from thwart.core.layer import LayerFacts, Request
from thwart.core.package import FileFacts, Found

Identity = tuple[str, str, str, str, str, str]
Since = dict[Identity, int]


def identity(found: Found) -> Identity:
    """What makes a package of one file the same package in a later layer: everything but its line."""
    return (found.inner, found.type, found.namespace, found.name, found.version, found.arch)


class Kept(NamedTuple):
    """The facts of one file that survive, and the layer since which each of its packages has been there."""

    facts: FileFacts
    layer: int
    since: Since


class Tree:
    """The merged view of the paths that matter; feed it layers from the lowest up.

    Args:
        symlinks: how many links one resolution may follow.
    """

    def __init__(self, symlinks: int) -> None:
        self._symlinks = symlinks
        self._layers: list[LayerFacts] = []
        self.files: dict[str, dict[str, Kept]] = {}
        self._links: dict[str, str] = {}
        self._wanted: dict[tuple[str, str], None] = {}
        self._folders: dict[str, str] = {}

    def add(self, facts: LayerFacts) -> None:
        """Lay one more layer on top."""
        index = len(self._layers)
        if index:
            self._hide(facts)
        self._folders.clear()
        for path, target in facts.links:
            self._links[self.canonical(path)] = target
        self._folders.clear()
        for path, cataloger in facts.wanted_links:
            self._wanted[self.canonical(path), cataloger] = None
        self._place(facts, index)
        self._layers.append(facts)

    def _place(self, facts: LayerFacts, index: int) -> None:
        fresh: dict[str, dict[str, Kept]] = {}
        for file in facts.files:
            path = self.canonical(file.path)
            known = self.files.get(path, {}).get(file.cataloger)
            before = known.since if known else {}
            since = {who: before.get(who, index) for who in map(identity, file.found)}
            fresh.setdefault(path, {})[file.cataloger] = Kept(file, index, since)
        for path, kept in fresh.items():
            self.files[path] = kept
            self._links.pop(path, None)

    def _hide(self, facts: LayerFacts) -> None:
        """Take away what this layer removes or replaces; a file that it writes again keeps its history until then."""
        nondirs, written = set(facts.nondirs), {file.path for file in facts.files}
        gone = {self.canonical(path) for path in facts.hidden}
        emptied = {self.canonical(path + "/x")[:-2] if path else "" for path in facts.opaque}
        replaced = (nondirs | set(facts.dirs)) - written
        tracked = [*self.files, *self._links]
        ancestors = _ancestors(tracked)
        gone |= nondirs & ancestors
        for path in tracked:
            if path in gone or path in replaced or (_under(path, gone, emptied) if gone or emptied else False):
                self.files.pop(path, None)
                self._links.pop(path, None)
        self._wanted = {key: None for key in self._wanted if key[0] in self._links}

    def canonical(self, path: str) -> str:
        """The path with its folders resolved through links; the last part stays as it is."""
        folder, slash, base = path.rpartition("/")
        if not slash:
            return path
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = self.resolve(folder) if self._links else folder
        return f"{real}/{base}" if real else base

    def resolve(self, path: str) -> str:
        """The path with every link followed, below the root; links that loop stay as they are."""
        todo, done, followed = path.split("/")[::-1], "", 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            done = f"{done}/{part}" if done else part
            target = self._links.get(done)
            if target is None:
                continue
            followed += 1
            if followed > self._symlinks or len(todo) > 4096:
                return path
            done = "" if target.startswith("/") else done.rpartition("/")[0]
            todo += target.split("/")[::-1]
        return done

    def missing(self) -> list[tuple[int, Request]]:
        """Files that only a link makes interesting, as (layer, request): nobody has read them yet."""
        requests = []
        for link, cataloger in self._wanted:
            target = self.resolve(link)
            if link not in self._links or target == link or cataloger in self.files.get(target, {}):
                continue
            layer = self._layer_of(target)
            if layer is not None:
                requests.append((layer, Request(target, cataloger, link)))
        return requests

    def adopt(self, layer: int, facts: FileFacts) -> None:
        """Take in what a request of `missing` brought."""
        since = dict.fromkeys(map(identity, facts.found), layer)
        self.files.setdefault(facts.path, {})[facts.cataloger] = Kept(facts, layer, since)

    def _layer_of(self, path: str) -> int | None:
        """The layer whose file lies at `path` in the merged view."""
        lineage = _ancestors([path]) | {path}
        for index in range(len(self._layers) - 1, -1, -1):
            facts = self._layers[index]
            if path in facts.nondirs:
                return index
            if not lineage.isdisjoint(facts.hidden) or not lineage.isdisjoint(facts.opaque):
                return None
        return None


def _ancestors(paths: list[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _under(path: str, gone: set[str], emptied: set[str]) -> bool:
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in gone or folder in emptied:
            return True
    return False
