"""From the facts of files to the packages of an asset: release, owner, ecosystem, purl, places, layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thwart.catalogers._layer import DANGLING
from thwart.catalogers._ownership import aliases
from thwart.catalogers._tree import Kept, Tree, identity
from thwart.catalogers.release import choose
from thwart.core.ecosystems import ECOSYSTEMS, SYSTEM_TYPES
from thwart.core.finding import Diagnostic, Ignore
from thwart.core.inventory import Inventory
from thwart.core.layer import LayerFacts
from thwart.core.package import Found, Location, Package, Release
from thwart.lib import purl


def assemble(tree: Tree, layers: Sequence[LayerFacts], diff_ids: Sequence[str]) -> Inventory:
    """Packages of a merged tree, sorted by type, name, version; `diff_ids` name the layers, lowest first."""
    releases = {path: k.facts.release for path, by in tree.files.items() for k in by.values() if k.facts.release}
    release = choose(releases)
    builder = _Builder(release, _owners(tree), diff_ids)
    for path in sorted(tree.files):
        for kept in tree.files[path].values():
            builder.add(path, kept)
    packages = tuple(sorted(builder.packages(), key=lambda p: (p.type, p.full_name, p.version, p.arch, p.purl)))
    ignores = tuple(
        Ignore(path=path, line=one.line, ids=one.ids, reason=one.reason)
        for path in sorted(tree.files)
        for one in dict.fromkeys(one for kept in tree.files[path].values() for one in kept.facts.ignores)
    )
    diagnostics = (*_diagnostics(tree, layers), *_emptiness(packages, release))
    return Inventory(packages=packages, release=release, diagnostics=diagnostics, ignores=ignores)


def _owners(tree: Tree) -> dict[str, str]:
    """Path to the distribution package that installed it."""
    owned: dict[str, str] = {}
    for by in tree.files.values():
        for kept in by.values():
            for path, package in kept.facts.owns:
                owned[tree.canonical(path)] = package
    return owned


def _emptiness(packages: Sequence[Package], release: Release | None) -> list[Diagnostic]:
    """A system whose package database is not there is not a system without packages."""
    if release is None or not release.ecosystem or any(package.type in SYSTEM_TYPES for package in packages):
        return []
    return [
        Diagnostic(
            slug="no-system-packages",
            message=f"this is {release.name or release.id}, but no database of its packages was found",
        )
    ]


# Notes to the reader: what is there was read, there is just no more to know from it.
NOTES = frozenset({"unpinned", "climbing-name"})


def _diagnostics(tree: Tree, layers: Sequence[LayerFacts]) -> list[Diagnostic]:
    found = [
        Diagnostic(slug=slug, message=message, path=path, incomplete=slug not in NOTES)
        for path in sorted(tree.files)
        for kept in tree.files[path].values()
        for slug, message in kept.facts.problems
    ]
    found += [
        Diagnostic(slug=p.slug, message=p.message, path=p.path, incomplete=p.slug not in NOTES)
        for facts in layers
        for p in facts.problems
        if p.slug != DANGLING or tree.dangles(p.path)
    ]
    return list(dict.fromkeys(found))


class _Builder:
    """Joins what several files say of one package."""

    def __init__(self, release: Release | None, owners: Mapping[str, str], diff_ids: Sequence[str]) -> None:
        self._release = release
        self._owners = owners
        self._diff_ids = diff_ids
        self._places: dict[tuple[object, ...], list[tuple[int, Location]]] = {}
        self._found: dict[tuple[object, ...], tuple[Found, str, str]] = {}

    def add(self, path: str, kept: Kept) -> None:
        """Take in one file's packages."""
        for found in kept.facts.found:
            owner = "" if found.type in SYSTEM_TYPES else self._owner(path)
            key = (found.type, found.namespace, found.name, found.version, found.arch, found.qualifiers, owner)
            layer = kept.since[identity(found)]
            diff_id = self._diff_ids[layer] if layer < len(self._diff_ids) else ""
            full = f"{path}!/{found.inner}" if found.inner else path
            self._places.setdefault(key, []).append((layer, Location(path=full, line=found.line, layer=diff_id)))
            known = self._found.get(key)
            if known is None or _better(found, known[0]):
                self._found[key] = (found, owner, kept.facts.cataloger)

    def _owner(self, path: str) -> str:
        if not self._owners:
            return ""
        return next((self._owners[p] for p in aliases(path) if p in self._owners), "")

    def packages(self) -> list[Package]:
        """One package per identity, with every place where it was seen."""
        return [self._package(key, *self._found[key]) for key in self._found]

    def _package(self, key: tuple[object, ...], found: Found, owner: str, cataloger: str) -> Package:
        places = sorted(self._places[key], key=lambda place: (place[0], place[1].path, place[1].line))
        return Package(
            name=found.name,
            version=found.version,
            type=found.type,
            ecosystem=self._ecosystem(found),
            purl=self._purl(found),
            namespace=found.namespace,
            arch=found.arch,
            source=found.source,
            source_version=found.source_version,
            licences=found.licences,
            vendor=found.vendor,
            module=found.module,
            scope=found.scope,
            owner=owner,
            cataloger=cataloger,
            confidence=found.confidence,
            locations=tuple(dict.fromkeys(location for _, location in places)),
            layer=places[0][1].layer,
        )

    def _ecosystem(self, found: Found) -> str:
        if found.type in SYSTEM_TYPES:
            return self._release.ecosystem if self._release else ""
        return ECOSYSTEMS.get(found.type, "")

    def _purl(self, found: Found) -> str:
        if not found.version and not found.name:
            return ""
        namespace, version, qualifiers = found.namespace, found.version, dict(found.qualifiers)
        if found.type in SYSTEM_TYPES:
            namespace = self._release.id if self._release else ""
            if found.type == "rpm" and ":" in version:
                qualifiers["epoch"], _, version = version.partition(":")
            if self._release:
                qualifiers["distro"] = self._release.distro
            if found.source and (found.source != found.name or found.source_version not in ("", found.version)):
                other = found.source_version not in ("", found.version)
                qualifiers["upstream"] = f"{found.source}@{found.source_version}" if other else found.source
        if found.arch and found.type in SYSTEM_TYPES:
            qualifiers["arch"] = found.arch
        return purl.build(found.type, namespace, found.name, version, qualifiers, found.subpath)


def _better(found: Found, known: Found) -> bool:
    """What runs outweighs what is only for development; a sure statement outweighs a guess."""
    order = {"high": 0, "medium": 1, "low": 2}
    return (bool(found.scope), order.get(found.confidence, 3)) < (bool(known.scope), order.get(known.confidence, 3))
