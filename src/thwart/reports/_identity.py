"""Names for things in a document: a key per package, a package URL for an image."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from thwart.lib.reference import ReferenceError_, is_digest, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from thwart.core.package import Package
    from thwart.core.report import Asset

FIRST_YEAR = 1970


class Keys:
    """What each package is called within one report: its purl, with `#2` for the second of the same purl.

    `spell` makes a name writable in the format; keys differ after it. `listed` are the keys of the packages in their
    order; `others` are packages that findings name, but the report does not list.
    """

    def __init__(self, packages: Sequence[Package], spell: Callable[[str], str]) -> None:
        self._spell = spell
        self._taken: Counter[str] = Counter()
        self.listed = tuple(self._new(package) for package in packages)
        self._by_identity = {id(package): key for package, key in zip(packages, self.listed, strict=True)}
        self._by_value: dict[Package, str] | None = None
        self._packages = packages
        self.others: dict[str, Package] = {}

    def _new(self, package: Package) -> str:
        base = self._spell(package.purl) or self._spell(f"{package.type}:{package.full_name}@{package.version}")
        while True:
            self._taken[base] += 1
            count = self._taken[base]
            key = base if count == 1 else f"{base}#{count}"
            if count == 1 or key not in self._taken:
                self._taken[key] += count > 1
                return key

    def of(self, package: Package) -> str:
        """The key of a package, listed or not."""
        known = self._by_identity.get(id(package))
        if known is not None:
            return known
        if self._by_value is None:
            self._by_value = {listed: self._by_identity[id(listed)] for listed in reversed(self._packages)}
        if package not in self._by_value:
            self._by_value[package] = key = self._new(package)
            self.others[key] = package
        return self._by_value[package]


_DAY = "YYYY-MM-DD"


def instant(text: str) -> str:
    """An RFC 3339 date or time in seconds of UTC, as SPDX 2.3 (6.9) wants it; empty when it is neither."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(f"{text}T00:00:00Z" if len(text) == len(_DAY) else text)
    except ValueError:
        return ""
    if found.tzinfo is None or found.year < FIRST_YEAR:
        return ""
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def image_purl(asset: Asset) -> str:
    """A package URL of type `oci`; empty without a digest, which is its version, or for what is not an image.

    Source: purl-spec, type definition `oci`: name is the last part of the repository, `repository_url` all of it.
    """
    if asset.kind != "image" or not is_digest(asset.digest):
        return ""
    try:
        named = parse(asset.name)
    except ReferenceError_:
        return ""
    from urllib.parse import quote

    name = named.repository.rpartition("/")[2]
    architecture = asset.platform.split("/")[1] if asset.platform.count("/") else ""
    qualifiers = {"arch": architecture, "repository_url": f"{named.registry}/{named.repository}", "tag": named.tag}
    told = "&".join(f"{key}={quote(value, safe='/:')}" for key, value in qualifiers.items() if value)
    return f"pkg:oci/{quote(name)}@{quote(asset.digest, safe='')}?{told}"
