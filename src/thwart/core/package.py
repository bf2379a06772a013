"""Packages, and the facts that a parser reads from one file."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct, field

from thwart.lib.inline import Inline


class Location(Struct, frozen=True, kw_only=True):
    """A place: path inside the asset, 1-based line (0 is the whole file) and column (0 is the whole line), diffID of the layer."""

    path: str
    line: int = 0
    layer: str = ""
    column: int = 0


class Layer(Struct, frozen=True, kw_only=True):
    """One layer of an image, lowest first.

    `digest` is that of the blob as transported, `diff_id` that of the inflated tar;
    `created_by` is the history line that made it.
    """

    index: int
    diff_id: str
    digest: str = ""
    size: int = 0
    media_type: str = ""
    created_by: str = ""
    created: str = ""


class Release(Struct, frozen=True, kw_only=True):
    """An operating system's release, as `os-release(5)` states it.

    `ecosystem` is the OSV name of its advisories (`Debian:12`, `Alpine:v3.20`), empty when none is known.
    """

    id: str
    version: str = ""
    codename: str = ""
    name: str = ""
    variant: str = ""
    id_like: tuple[str, ...] = ()
    ecosystem: str = ""

    @property
    def distro(self) -> str:
        """The value of the purl qualifier `distro`: `debian-12`."""
        return f"{self.id}-{self.version}" if self.version else self.id


class Found(NamedTuple):
    """A package as one file states it, before layers, release and owner are known.

    `type` is the purl type; `version` is in the type's own spelling (`epoch:version-release` for rpm and dpkg).
    `inner` is the path inside an archive (`BOOT-INF/lib/b.jar`), outermost first, joined with `!/`.
    """

    name: str
    version: str
    type: str
    namespace: str = ""
    arch: str = ""
    source: str = ""
    source_version: str = ""
    licences: tuple[str, ...] = ()
    vendor: str = ""
    module: str = ""  # module stream of an rpm: `nodejs:18:8060020220523160029:ad008a3a`
    scope: str = ""  # `dev`, `optional`, `test`; empty is what runs
    line: int = 0
    inner: str = ""
    confidence: str = "high"  # `high`, `medium`, `low`
    qualifiers: tuple[tuple[str, str], ...] = ()  # further purl qualifiers
    subpath: str = ""


class Owned(NamedTuple):
    """A path that the distribution's package manager says it installed, and the package."""

    path: str
    package: str


class FileFacts(Struct, frozen=True, kw_only=True):
    """What one cataloger read in one file."""

    cataloger: str
    path: str
    found: tuple[Found, ...] = ()
    owns: tuple[Owned, ...] = ()
    release: Release | None = None
    problems: tuple[tuple[str, str], ...] = ()  # (slug, sentence): what could not be read
    ignores: tuple[Inline, ...] = ()


class Part(NamedTuple):
    """A stretch of a file's bytes, and where it starts."""

    offset: int
    data: bytes


class File(Struct, frozen=True, kw_only=True):
    """A file handed to a parser: its bytes and place, never an open file.

    `data` is the whole content; for a cataloger that names `ranges` it is the first `HEAD` bytes, and `parts` are
    the stretches it asked for.
    """

    path: str
    data: bytes
    size: int = 0
    mode: int = 0o644
    parts: tuple[Part, ...] = ()

    def at(self, offset: int, length: int) -> bytes | None:
        """Bytes from `offset`, as many of `length` as one known stretch holds; None when none starts there."""
        for part in (Part(0, self.data), *self.parts):
            if part.offset <= offset < part.offset + len(part.data):
                start = offset - part.offset
                return part.data[start : start + length]
        return None


HEAD = 4096


class NeedRanges(Exception):  # noqa: N818 - a request, not an error
    """A parser asks to be called again with these further stretches, as (offset, length) pairs."""

    def __init__(self, ranges: tuple[tuple[int, int], ...]) -> None:
        super().__init__("more of the file is needed")
        self.ranges = ranges


class Package(Struct, frozen=True, kw_only=True):
    """A package in an asset: who it is, where it lies, which layer brought it.

    `ecosystem` is the OSV ecosystem whose advisories apply; `owner` names the distribution package that
    installed a language package, whose advisories then decide.
    """

    name: str
    version: str
    type: str
    ecosystem: str
    purl: str
    namespace: str = ""
    arch: str = ""
    source: str = ""
    source_version: str = ""
    licences: tuple[str, ...] = ()
    vendor: str = ""
    module: str = ""
    scope: str = ""
    owner: str = ""
    cataloger: str = ""
    confidence: str = "high"
    locations: tuple[Location, ...] = field(default=())
    layer: str = ""  # diffID of the layer that introduced it

    @property
    def full_name(self) -> str:
        """Name as the ecosystem writes it: `@scope/name`, `group:artifact`, `module/path`."""
        if not self.namespace or self.type in _FLAT:
            return self.name
        return f"{self.namespace}{':' if self.type == 'maven' else '/'}{self.name}"


_FLAT = frozenset({"deb", "apk", "rpm", "alpm", "pypi", "gem", "nuget", "cargo"})
