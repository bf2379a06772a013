"""Java archives: their own coordinates, what they have swallowed, and the archives within."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from thwart.catalogers import cataloger
from thwart.catalogers._java_identity import identify, split, stated_versions
from thwart.catalogers._pom import Pom, parse
from thwart.catalogers._properties import properties
from thwart.core.errors import ParseError
from thwart.core.limits import MIB, Limits
from thwart.core.package import File, FileFacts, Found
from thwart.lib.manifest_mf import bundle_licences, main_attributes
from thwart.lib.zipindex import ZipError, ZipIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS = ("jar", "war", "ear", "par", "sar", "nar", "hpi", "jpi", "kar", "lpkg")
_SHARED = frozenset({"rar", "par", "sar", "nar", "kar", "lpkg"})  # endings that other formats use, too
_INSIDE = tuple(f".{ending}".encode() for ending in (*_ENDINGS, "rar"))
_MANIFEST = b"META-INF/MANIFEST.MF"
_MAVEN = re.compile(rb"(?:.*/)?META-INF/maven/(?:([^/]+)/([^/]+)/)?pom\.(properties|xml)", re.DOTALL)
_META = 4 * MIB  # of one manifest, pom.xml or pom.properties
_PROBLEMS = 50
_NAME = 200  # characters of a member's name in a sentence


class _Coordinates(NamedTuple):
    group: str
    artifact: str
    version: str
    licences: tuple[str, ...] = ()
    confidence: str = "high"


class _Budget:
    """What one outer archive may still cost, and what went wrong."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bytes = limits.nested_bytes
        self.entries = limits.nested_entries
        self.found: list[Found] = []
        self.problems: dict[tuple[str, str], None] = {}

    def problem(self, slug: str, sentence: str) -> None:
        """Note a problem; the list ends with one that says it is cut."""
        if len(self.problems) < _PROBLEMS:
            self.problems[slug, sentence] = None
        else:
            self.problems["more-problems", "more members cannot be read than are listed here"] = None


class _Archive:
    """One archive: where it lies (`inner`, empty for the outermost), how it is called, what is in it."""

    def __init__(self, data: bytes, name: str, inner: str, budget: _Budget) -> None:
        self.index = ZipIndex(data, budget.entries)
        self.inner = inner
        self.stem = (name.rpartition("/")[2].rpartition(".")[0] or name)[:_NAME]
        self._budget = budget
        budget.entries -= len(self.index.names)
        if self.index.cut:
            budget.problem("limit", f"{self.label()} has too many members: the rest is not read")

    def label(self, name: bytes = b"") -> str:
        """What a sentence calls the archive or a member of it."""
        text = name.decode("utf-8", "replace")[:_NAME]
        return "!/".join(part for part in (self.inner[-_NAME:], text) if part) or "the archive"

    def problem(self, slug: str, name: bytes, reason: str) -> None:
        """Note what is wrong with a member."""
        self._budget.problem(slug, f"{self.label(name)}: {reason}")

    def read(self, number: int, most: int) -> bytes | None:
        """A member within the budget; None, with a problem noted, when it cannot be read."""
        budget = self._budget
        name = self.index.names[number]
        try:
            content = self.index.read(number, min(most, budget.bytes))
        except ZipError as error:
            budget.problem(error.slug, f"{self.label(name)} {error}")
            return None
        budget.bytes -= len(content)
        return content


@cataloger(*(f"**/*.{ending}" for ending in (*_ENDINGS, "rar")))
def java_archive(file: File, limits: Limits) -> FileFacts:
    """Coordinates of an archive and of everything in it.

    Each `META-INF/maven/**/pom.properties` (or `pom.xml` alone) gives one package: the archive's own, or one that was
    shaded into it. When none is its own, file name, manifest and class names tell what it is, with the confidence
    that this deserves; a group that nothing tells stays empty. Archives within are read in the same way.
    """
    ending = file.path.rpartition(".")[2].lower()
    if ending in _SHARED and file.data[:4] != b"PK\x03\x04":
        return FileFacts(cataloger="java_archive", path=file.path)
    budget = _Budget(limits)
    try:
        _walk(_Archive(file.data, file.path, "", budget), budget, 0)
    except ZipError as error:
        raise ParseError(str(error)) from None
    found = tuple(dict.fromkeys(budget.found))
    if len(found) > limits.packages:
        budget.problem("limit", f"archive with {len(found)} packages: only the first {limits.packages} are listed")
    return FileFacts(
        cataloger="java_archive", path=file.path, found=found[: limits.packages], problems=tuple(budget.problems)
    )


def _walk(archive: _Archive, budget: _Budget, depth: int) -> None:
    budget.found.extend(_packages(archive))
    for number, name in enumerate(archive.index.names):
        if not name.endswith(_INSIDE):
            continue
        if depth + 1 >= budget.limits.nested_depth:
            budget.problem("limit", f"{archive.label(name)} lies too deep in archives and is not read")
            continue
        content = archive.read(number, budget.limits.nested_bytes)
        if content is None or (name.endswith(b".rar") and content[:4] != b"PK\x03\x04"):
            continue
        text = name.decode("utf-8", "replace")
        inner = f"{archive.inner}!/{text}" if archive.inner else text
        try:
            nested = _Archive(content, text, inner, budget)
        except ZipError as error:
            budget.problem("damaged", f"{archive.label(name)}: {error}")
            continue
        _walk(nested, budget, depth + 1)


def _packages(archive: _Archive) -> Iterator[Found]:
    manifest = _manifest(archive)
    stated = list(dict.fromkeys(_coordinates(archive)))
    own = _own(archive.stem, manifest, stated)
    if own is None:
        own = _guessed(archive, manifest)
    licences = own.licences or bundle_licences(manifest.get("bundle-license", ""))
    yield _found(own._replace(licences=licences), archive.inner)
    for one in stated:
        if one[:3] != own[:3]:
            yield _found(one, archive.inner)


def _found(one: _Coordinates, inner: str) -> Found:
    return Found(
        one.artifact,
        one.version,
        "maven",
        namespace=one.group,
        licences=one.licences,
        inner=inner,
        confidence=one.confidence,
    )


def _manifest(archive: _Archive) -> dict[str, str]:
    names = archive.index.names
    for number in (0, 1):  # where the jar tool puts it
        if names[number : number + 1] == [_MANIFEST]:
            break
    else:
        if _MANIFEST not in names:
            return {}
        number = names.index(_MANIFEST)
    content = archive.read(number, _META)
    return main_attributes(content) if content else {}


def _coordinates(archive: _Archive) -> Iterator[_Coordinates]:
    """What every pair of pom.properties and pom.xml says, in the archive's order."""
    pairs: dict[bytes, dict[bytes, int]] = {}
    for number, name in enumerate(archive.index.names):
        if name.endswith((b"/pom.properties", b"/pom.xml")):
            known = _MAVEN.fullmatch(name)
            if known:
                pairs.setdefault(name.rpartition(b"/")[0], {})[known[3]] = number
    for folder, files in pairs.items():
        one = _pair(archive, files)
        if one is not None:
            yield one
        else:
            archive.problem("coordinates", folder, "holds no coordinates that can be read")


def _pair(archive: _Archive, files: dict[bytes, int]) -> _Coordinates | None:
    """The properties are what Maven built with; the POM fills what they lack, and names the licences."""
    group = artifact = version = ""
    licences: tuple[str, ...] = ()
    if b"properties" in files:
        content = archive.read(files[b"properties"], _META)
        said = properties(content) if content else {}
        group, artifact, version = (_literal(said.get(key, "")) for key in ("groupId", "artifactId", "version"))
    if b"xml" in files:
        pom = _pom(archive, files[b"xml"])
        if pom is not None:
            licences = pom.licences
            group, artifact, version = (
                a or _literal(b) for a, b in zip((group, artifact, version), pom.coordinates, strict=True)
            )
    return _Coordinates(group, artifact, version, licences) if artifact else None


def _literal(text: str) -> str:
    text = text.strip()
    return "" if "${" in text or len(text) > 1024 else text


def _pom(archive: _Archive, number: int) -> Pom | None:
    content = archive.read(number, _META)
    if content is None:
        return None
    try:
        return Pom(parse(content))
    except ParseError as error:
        archive.problem("pom", archive.index.names[number], error.reason)
        return None


def _own(stem: str, manifest: dict[str, str], stated: list[_Coordinates]) -> _Coordinates | None:
    """Which of the coordinates are the archive's own; None when all were shaded in.

    Its own ones match the file name. An archive that was given another name is known by having a single pair, and
    neither file name nor manifest with another version.
    """
    versions = stated_versions(manifest)
    for one in stated:
        if one.version and stem == f"{one.artifact}-{one.version}":
            return one
    for one in stated:
        if split(stem, (one.version, *versions)).artifact == one.artifact:
            return one
    told = split(stem, versions).version
    if len(stated) == 1 and (told or next(iter(versions), stated[0].version)) == stated[0].version:
        return stated[0]
    return None


def _guessed(archive: _Archive, manifest: dict[str, str]) -> _Coordinates:
    packages: Counter[str] = Counter()
    for name in archive.index.names:
        if name.endswith(b".class") and not name.startswith(b"META-INF/"):
            packages[name.rpartition(b"/")[0].replace(b"/", b".").decode("utf-8", "replace")] += 1
    group, artifact, version, confidence = identify(archive.stem, manifest, packages)
    return _Coordinates(group, artifact, version, (), confidence)
