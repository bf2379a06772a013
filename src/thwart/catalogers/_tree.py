"""Layers laid over each other: which facts survive, at which path, and since which layer.

The rules are those of the OCI image specification ("layer": whiteouts, opaque whiteouts) and of the engines that apply
it: an entry replaces what lies at its path unless both are folders, and the folders of an entry's path are resolved
through the symbolic links that exist below. The time taken follows the number of entries, not of what lies below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from thwart.core.layer import LayerFacts, Request
from thwart.core.package import FileFacts, Found

LONGEST = 4096  # bytes of a path that a system takes (PATH_MAX); nothing longer is resolved
STEPS = 1024  # parts of paths that one resolution may look at

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
        watch: further paths to keep track of, whatever lies there; `places` then tells where it is.
    """

    def __init__(self, symlinks: int, watch: frozenset[str] = frozenset()) -> None:
        self._symlinks = symlinks
        self._watch = watch
        self._layers: list[LayerFacts] = []
        self.files: dict[str, dict[str, Kept]] = {}
        self.places: dict[str, tuple[int, str]] = {}  # watched path to the layer that has it, and its name there
        self._links: dict[str, str] = {}
        self._wanted: dict[str, list[str]] = {}  # link to the catalogers that would like its target
        self._inside: dict[str, set[str]] = {}  # folder to the names in it that lead to anything of the above
        self._folders: dict[str, str] = {}

    def add(self, facts: LayerFacts) -> None:
        """Lay one more layer on top."""
        if not self._layers or facts is not self._layers[-1]:  # the same layer once more changes nothing
            self._apply(facts, len(self._layers))
        self._layers.append(facts)

    def _apply(self, facts: LayerFacts, index: int) -> None:
        if self._inside:
            self._unlink(chain(facts.dirs, facts.nondirs))
            for path in facts.hidden:
                self._cut(self.canonical(path))
            for path in facts.opaque:
                self._empty(self._real(path))
        self._link(facts)
        if self._inside or self._watch:
            self._replace(facts, index)
        self._place(facts, index)

    def _unlink(self, entries: Iterable[str]) -> None:
        """Take away the links that entries of a new layer replace, before anything is resolved through them."""
        self._folders.clear()
        for path in entries if self._links else ():
            real = self.canonical(path)
            if self._links.pop(real, None) is not None:
                self._wanted.pop(real, None)
                self._folders.clear()

    def _link(self, facts: LayerFacts) -> None:
        self._folders.clear()
        for path, target in facts.links:
            real = self.canonical(path)
            self._links[real] = target
            self._wanted.pop(real, None)
            self._track(real)
        self._folders.clear()
        for path, cataloger in facts.wanted_links:
            self._wanted.setdefault(self.canonical(path), []).append(cataloger)

    def _replace(self, facts: LayerFacts, index: int) -> None:
        """Take away what entries replace; a file that is written again keeps its history until it is placed."""
        written = {self.canonical(file.path) for file in facts.files}
        for path in facts.nondirs:
            real = self.canonical(path)
            if real in self._inside:
                self._empty(real)
            if real in self.files and real not in written:
                del self.files[real]
            if real in self._watch:
                self.places[real] = index, path
                self._track(real)
        for path in facts.dirs:
            real = self.canonical(path)
            self.files.pop(real, None)
            self.places.pop(real, None)

    def _place(self, facts: LayerFacts, index: int) -> None:
        fresh: dict[str, dict[str, Kept]] = {}
        for file in facts.files:
            path = self.canonical(file.path)
            known = self.files.get(path, {}).get(file.cataloger)
            before = known.since if known else {}
            since = {who: before.get(who, index) for who in map(identity, file.found)}
            fresh.setdefault(path, {})[file.cataloger] = Kept(file, index, since)
        for path in fresh:
            self._track(path)
        self.files.update(fresh)

    def _track(self, path: str) -> None:
        while path:
            folder, _, base = path.rpartition("/")
            names = self._inside.setdefault(folder, set())
            if base in names:
                return
            names.add(base)
            path = folder

    def _cut(self, path: str) -> None:
        """Forget a path and everything below."""
        todo = [path]
        while todo:
            gone = todo.pop()
            self.files.pop(gone, None)
            self.places.pop(gone, None)
            self._wanted.pop(gone, None)
            if self._links.pop(gone, None) is not None:
                self._folders.clear()
            todo += _below(gone, self._inside.pop(gone, ()))

    def _empty(self, folder: str) -> None:
        """Forget everything below a folder."""
        for path in _below(folder, self._inside.pop(folder, ())):
            self._cut(path)

    def canonical(self, path: str) -> str:
        """The path with its folders resolved through links; the last part stays as it is."""
        folder, slash, base = path.rpartition("/")
        if not slash:
            return path
        real = self._folders.get(folder)
        if real is None:
            real = self._real(folder)
        return f"{real}/{base}" if real else base

    def _real(self, folder: str) -> str:
        """A folder with every link followed; each step is remembered, so that neighbours cost nothing."""
        if not self._links or len(folder) > LONGEST:
            return folder
        unknown, known = [], folder
        while known and known not in self._folders:
            unknown.append(known)
            known = known.rpartition("/")[0]
        real = self._folders[known] if known else ""
        for each in reversed(unknown):
            base = each.rpartition("/")[2]
            real = f"{real}/{base}" if real else base
            if real in self._links:
                real = self.resolve(real)
            self._folders[each] = real
        return real

    def resolve(self, path: str) -> str:
        """The path with every link followed, below the root; links that loop stay as they are."""
        todo, done, followed, steps = path.split("/")[::-1], "", 0, 0
        while todo:
            part = todo.pop()
            steps += 1
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
            if followed > self._symlinks or steps > STEPS or len(done) > LONGEST:
                return path
            done = "" if target.startswith("/") else done.rpartition("/")[0]
            todo += target.split("/")[::-1]
        return done

    def missing(self) -> list[tuple[int, Request]]:
        """Files that only a link makes interesting, as (layer, request): nobody has read them yet."""
        unread = [
            (link, cataloger, target)
            for link, catalogers in self._wanted.items()
            for cataloger in catalogers
            if (target := self.resolve(link)) != link and cataloger not in self.files.get(target, {})
        ]
        if not unread:
            return []
        again = Tree(self._symlinks, frozenset(target for _, _, target in unread))
        for facts in self._layers:
            again.add(facts)
        return [
            (layer, Request(name, cataloger, link))
            for link, cataloger, target in unread
            if target in again.places
            for layer, name in (again.places[target],)
        ]

    def adopt(self, layer: int, facts: FileFacts) -> None:
        """Take in what a request of `missing` brought."""
        since = dict.fromkeys(map(identity, facts.found), layer)
        self.files.setdefault(facts.path, {})[facts.cataloger] = Kept(facts, layer, since)

    def dangles(self, path: str) -> bool:
        """Whether a link lies at the path, and nothing that was read at its end."""
        real = self.canonical(path)
        return real in self._links and real not in self.files and self.resolve(real) not in self.files


def ancestors(paths: Iterable[str]) -> set[str]:
    """Every folder above the paths, the root left out."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _below(folder: str, names: Iterable[str]) -> Iterator[str]:
    return (f"{folder}/{name}" if folder else name for name in names)
