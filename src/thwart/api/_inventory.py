"""Read a source: every layer once, from the cache where it has been read before, merged into one inventory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from thwart._version import __version__
from thwart.core.finding import Diagnostic
from thwart.core.inventory import Inventory
from thwart.core.layer import LayerFacts, MemberStream, Placed, Request, Watch, note_of
from thwart.core.limits import Limits
from thwart.core.package import Layer, Location, Package, Release
from thwart.sources import Files, Image, OpenOptions, Source
from thwart.sources.cache import Cache, decode_facts, encode_facts
from thwart.sources.detect import open_target

if TYPE_CHECKING:
    from thwart.catalogers import Cataloger
    from thwart.catalogers._tree import Tree


class Reading(NamedTuple):
    """A source and what it holds."""

    source: Source
    inventory: Inventory


EMPTY = Diagnostic(
    slug="no-packages",
    message="no package was found: there may be software here that no package database or lockfile tells of",
)


def read_source(
    target: str, options: OpenOptions, limits: Limits, cache: Path | None, jobs: int, *, watched: bool = False
) -> Reading:
    """Open a target and read what is inside; `watched` takes notes for rules on images."""

    def read(stream: Callable[[], MemberStream]) -> LayerFacts:
        from thwart.catalogers._layer import read_layer

        return read_layer(stream, _members("image"), limits, _watch() if watched else None)

    source = open_target(target, options, limits, read)
    if isinstance(source, Files):
        inventory = _files(source, limits, watched=watched and source.asset.kind == "rootfs")
    else:
        store = Cache(cache / "layers", _generation()) if cache else None
        inventory = _Layers(source, limits, store, jobs, watched=watched).inventory()
    if not inventory.packages and source.asset.kind != "directory":
        inventory = replace(inventory, diagnostics=(*inventory.diagnostics, EMPTY))
    return Reading(source, inventory)


def _watch() -> Watch:
    from thwart.rules.image._watch import Watch as ImageWatch

    return ImageWatch()


def _members(kind: str) -> dict[str, Cataloger]:
    """The catalogers for a kind of asset. Loading them takes a while, and a cached image needs none."""
    from thwart.catalogers import MEMBERS

    return {
        name: member
        for name, member in MEMBERS.load().items()
        if (member.directories if kind == "directory" else member.images)
    }


def _generation() -> str:
    """What cached facts depend on: the code that read them, told apart by its files' names, sizes and times."""
    root = Path(__file__).resolve().parent.parent
    state = [__version__]
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            if name.endswith(".py"):
                status = Path(folder, name).stat()
                state.append(f"{name} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(state)


def _files(source: Files, limits: Limits, *, watched: bool) -> Inventory:
    from thwart.catalogers._layer import read_layer
    from thwart.catalogers._tree import Tree

    members = _members(source.asset.kind)
    facts = read_layer(source.open, members, limits, _watch() if watched else None)
    tree = Tree(limits.symlinks)
    tree.add(facts)
    inventory = _assemble(tree, [facts], [""], lambda _layer: source.open(), members, limits)
    extra = tuple(Diagnostic(slug=p.slug, message=p.message, path=p.path) for p in source.problems())
    notes = _laid([facts], [""], limits) if watched else None
    return replace(inventory, diagnostics=(*inventory.diagnostics, *extra), notes=notes)


def _laid(facts: list[LayerFacts], diff_ids: list[str], limits: Limits) -> tuple[Placed, ...]:
    from thwart.api._image_rules import lay

    return lay(facts, diff_ids, limits)


def _assemble(
    tree: Tree,
    facts: list[LayerFacts],
    diff_ids: list[str],
    open_layer: Callable[[int], MemberStream],
    members: Mapping[str, Cataloger],
    limits: Limits,
) -> Inventory:
    """Assemble, after the files have been read that only a link makes interesting."""
    from thwart.catalogers._assemble import assemble
    from thwart.catalogers._layer import read_requests

    by_layer: dict[int, list[Request]] = {}
    for layer, request in tree.missing():
        by_layer.setdefault(layer, []).append(request)
    more = []
    for layer, requests in by_layer.items():
        read = read_requests(partial(open_layer, layer), members, limits, requests)
        for file in read.files:
            tree.adopt(layer, file)
        more.append(read)
    return assemble(tree, [*facts, *more], diff_ids)


class _Layers:
    """The layers of one image, read in parallel."""

    def __init__(self, image: Image, limits: Limits, cache: Cache | None, jobs: int, *, watched: bool) -> None:
        self._image = image
        self._limits = limits
        self._cache = cache
        self._jobs = jobs
        self._watched = watched

    def inventory(self) -> Inventory:
        """What the image holds. A whole image that was read before is one entry of the cache."""
        key = "image:" + " ".join(layer.diff_id for layer in self._image.layers)
        known = self._cache.get(key) if self._cache else None
        inventory = _decode(known) if known else None
        if inventory is not None and self._told(inventory):
            return inventory
        inventory = self._merged()
        if self._cache:
            self._cache.put(key, _encode(inventory))
            self._cache.trim()
        return inventory

    def _merged(self) -> Inventory:
        from thwart.catalogers._tree import Tree

        facts = self._facts()
        tree = Tree(self._limits.symlinks)
        for layer_facts in facts:
            tree.add(layer_facts)
        diff_ids = [layer.diff_id for layer in self._image.layers]
        inventory = _assemble(tree, facts, diff_ids, self._open, _members("image"), self._limits)
        return replace(inventory, notes=_laid(facts, diff_ids, self._limits)) if self._watched else inventory

    def _told(self, known: Inventory | LayerFacts) -> bool:
        """Whether there are notes, where they are asked for: what was read for a list of packages has none."""
        return known.notes is not None or not self._watched

    def _open(self, index: int) -> MemberStream:
        return self._image.open_layer(self._image.layers[index])

    def _facts(self) -> list[LayerFacts]:
        known: dict[str, LayerFacts | None] = {one.diff_id: self._known(one) for one in self._image.layers}
        todo = list({one.diff_id: one for one in self._image.layers if known[one.diff_id] is None}.values())
        if todo:
            from concurrent.futures import ThreadPoolExecutor

            # the largest first: it decides how long the whole takes
            todo.sort(key=lambda layer: -layer.size)
            with ThreadPoolExecutor(self._jobs or min(4, os.cpu_count() or 1)) as pool:
                for layer, read in zip(todo, pool.map(self._read, todo), strict=True):
                    known[layer.diff_id] = read
        return [facts for layer in self._image.layers if (facts := known[layer.diff_id]) is not None]

    def _known(self, layer: Layer) -> LayerFacts | None:
        ready = self._image.ready.get(layer.diff_id)
        if ready is not None or self._cache is None:
            return ready
        data = self._cache.get(layer.diff_id)
        facts = decode_facts(data) if data is not None else None
        return facts if facts is not None and self._told(facts) else None

    def _read(self, layer: Layer) -> LayerFacts:
        from thwart.catalogers._layer import read_layer

        watch = _watch() if self._watched else None
        facts = read_layer(lambda: self._image.open_layer(layer), _members("image"), self._limits, watch)
        if self._cache:
            self._cache.put(layer.diff_id, encode_facts(facts))
        return facts


def _encode(inventory: Inventory) -> bytes:
    fields = Package.__struct_fields__
    packages = [[getattr(package, name) for name in fields] for package in inventory.packages]
    for package in packages:
        package[-2] = [[place.path, place.line, place.layer] for place in package[-2]]
    r = inventory.release
    release = {name: getattr(r, name) for name in Release.__struct_fields__} if r else None
    notes = [[getattr(d, name) for name in Diagnostic.__struct_fields__] for d in inventory.diagnostics]
    return json.dumps([list(fields), packages, release, notes, inventory.notes], separators=(",", ":")).encode()


def _decode(data: bytes) -> Inventory | None:
    try:
        fields, packages, release, notes, placed = json.loads(data)
        return Inventory(
            packages=tuple(_package(dict(zip(fields, package, strict=True))) for package in packages),
            release=Release(**{**release, "id_like": tuple(release["id_like"])}) if release else None,
            diagnostics=tuple(
                Diagnostic(**dict(zip(Diagnostic.__struct_fields__, note, strict=True))) for note in notes
            ),
            notes=None
            if placed is None
            else tuple(Placed(note_of(one), layer, hidden) for one, layer, hidden in placed),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _package(values: dict[str, Any]) -> Package:
    values["licences"] = tuple(values["licences"])
    values["locations"] = tuple(
        Location(path=path, line=line, layer=layer) for path, line, layer in values["locations"]
    )
    return Package(**values)
