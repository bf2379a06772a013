"""Whether what a VEX document calls a product is the asset of a report, or a package in it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from thwart.lib import vers
from thwart.lib.purl import Purl, PurlError, parse
from thwart.lib.reference import ReferenceError_
from thwart.lib.reference import parse as parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from thwart.core.package import Package
    from thwart.core.report import Report
    from thwart.core.vex import Component

_HUB = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_NAMESPACES = {"redhat": "rhel", "suse": "sles"}  # vendors' names in package URLs, where releases have others
_SOURCES = ("source", "src")
_DEEPEST = 16  # archives within archives


class Identity:
    """What one report's asset and packages are called."""

    def __init__(self, report: Report) -> None:
        asset = report.asset
        self._by_name: dict[str, list[Package]] = {}
        self._by_path: dict[str, list[Package]] = {}
        for package in report.packages:
            self._by_name.setdefault(package.name, []).append(package)
            for place in package.locations:
                self._by_path.setdefault(place.path, []).append(package)
        self._holders: dict[int, tuple[Package, ...]] = {}  # packages live as long as the report
        self._own: dict[int, tuple[Purl, ...]] = {}
        self._release = report.release
        self._architecture = asset.platform.split("/")[1] if asset.platform.count("/") else ""
        self._digests = {digest for digest in (asset.digest, asset.image_id) if digest}
        self._names = {name for name in (asset.name, asset.reference) if name} | self._digests
        self._repositories: set[str] = set()
        self._tags: set[str] = set()
        for name in {asset.reference, asset.name} if asset.kind == "image" else ():
            try:
                named = parse_reference(name)
            except ReferenceError_:
                continue
            self._repositories.add(f"{named.registry}/{named.repository}")
            self._tags.add(named.tag)
            self._digests |= {named.digest} if named.digest else set()

    def is_asset(self, component: Component) -> bool:
        """Whether a component is the asset itself."""
        hashes = {f"{kind.replace('-', '')}:{value}" for kind, value in component.hashes if kind == "sha-256"}
        if hashes and self._digests:
            return bool(hashes & self._digests)
        if self._names.intersection(component.names):
            return True
        release = self._release
        if release is not None and any(_runs(release.id, release.version, *one) for one in component.platforms):
            return True
        return any(self._is_image(one) for one in component.purls)

    def _is_image(self, stated: Purl) -> bool:
        """By purl-spec's types `oci` (version is a digest, `repository_url` the whole name) and `docker` (a digest or tag)."""
        wanted = stated.qualifiers
        repository = _repository(wanted.get("repository_url", ""))
        architecture = wanted.get("arch", "")
        if architecture and architecture != self._architecture:
            return False
        if stated.type == "oci":
            named = any(_called(one, stated.name, repository) for one in self._repositories)
            tagged = wanted.get("tag", "") in {"", *self._tags}
            return named and tagged and (not stated.version or stated.version in self._digests)
        if stated.type == "docker":
            host = repository or "docker.io"
            full = f"{host}/{stated.namespace or 'library'}/{stated.name}"
            versions = self._digests | self._tags | ({"latest"} if "" in self._tags else set())
            return full in self._repositories and (not stated.version or stated.version in versions)
        return False

    def is_package(self, component: Component, package: Package) -> bool:
        """Whether a component is a package, or the source that it was built from where it says so (`arch=source`)."""
        own = self._own.get(id(package))
        if own is None:
            own = self._own[id(package)] = tuple(_identities(package))
        return any(self._same(stated, one, component.versions) for one in own for stated in component.purls)

    def _same(self, stated: Purl, own: Purl, versions: tuple[str, ...]) -> bool:
        if stated.type != own.type or stated.name != own.name:
            return False
        if _NAMESPACES.get(stated.namespace, stated.namespace) != own.namespace and stated.namespace != own.namespace:
            return False
        if stated.version and _bare(stated.type, stated.version) != _bare(own.type, own.version):
            return False
        if stated.subpath and not stated.subpath.isdecimal() and stated.subpath != own.subpath:
            return False
        if not all(self._agrees(key, value, own.qualifiers) for key, value in stated.qualifiers.items()):
            return False
        return not versions or any(_within(one, own) for one in versions)

    def _agrees(self, key: str, value: str, own: Mapping[str, str]) -> bool:
        if key == "epoch":
            return own.get(key, "0") == value
        if key == "distro" and self._release is not None:
            release = self._release
            return value in (own.get(key), release.distro, release.codename, release.version)
        return own.get(key) == value

    def holds(self, component: Component, package: Package) -> bool:
        """Whether a component is a package around this one: the archive that it lies in, or what installed its files."""
        return bool(component.purls) and any(self.is_package(component, one) for one in self._around(package))

    def _around(self, package: Package) -> tuple[Package, ...]:
        known = self._holders.get(id(package))
        if known is None:
            known = self._holders[id(package)] = tuple(self._found_around(package))
        return known

    def _found_around(self, package: Package) -> Iterator[Package]:
        if package.owner:
            yield from (one for one in self._by_name.get(package.owner, ()) if not one.owner)
        paths = [place.path for place in package.locations]
        parts = paths[0].split("!/")[:_DEEPEST] if paths else []
        for end in range(1, len(parts)):
            for one in self._by_path.get("!/".join(parts[:end]), ()):
                if all(path.startswith(tuple(f"{place.path}!/" for place in one.locations)) for path in paths):
                    yield one


def _runs(own_id: str, own_version: str, stated_id: str, stated_version: str) -> bool:
    """Whether a release is a platform: of its major version, or of exactly its version where that is told."""
    if own_id != stated_id:
        return False
    exact = "." in stated_version
    return (own_version if exact else own_version.partition(".")[0]) == stated_version


def _repository(url: str) -> str:
    """A repository's full name as `lib.reference` writes it, from the ways in which Docker Hub is named."""
    bare = url.removeprefix("https://").removeprefix("oci://").strip("/")
    host, slash, rest = bare.partition("/")
    return f"docker.io{slash}{rest}" if host in _HUB else bare


def _called(repository: str, name: str, stated: str) -> bool:
    """Whether a repository has the name, and is the stated one; some state it without the name."""
    if repository.rpartition("/")[2] != name:
        return False
    return not stated or repository in (stated, f"{stated}/{name}")


def _bare(kind: str, version: str) -> str:
    return version.removeprefix("v") if kind == "golang" else version


def _within(stated: str, own: Purl) -> bool:
    if not stated.startswith("vers:"):
        return _bare(own.type, stated) == _bare(own.type, own.version)
    try:
        return vers.contains(stated, own.version)
    except vers.VersError:
        return False


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Purl | None:
    try:
        return parse(text)
    except PurlError:
        return None


def _identities(package: Package) -> Iterator[Purl]:
    own = _parsed(package.purl)
    if own is None:
        return
    yield own
    if package.source and own.type in ("deb", "rpm"):
        version = package.source_version or own.version  # that of an rpm is without epoch, as its purl's is
        told = {key: value for key, value in own.qualifiers.items() if key in ("distro", "epoch")}
        for word in _SOURCES:
            yield Purl(own.type, own.namespace, package.source, version, told | {"arch": word})
