"""What vouches for an image in an OCI layout: what `cosign save`, `oras` and the referrers' tag schema leave beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from thwart.core.errors import SourceError
from thwart.core.limits import Limits
from thwart.core.trust import BOUNDS, Bounds, Evidence, Reason
from thwart.sources._container import FolderContainer, TarContainer, read_small
from thwart.sources.evidence import Found, evidence_of, layers_of, piece_of, too_many, unread
from thwart.sources.layout import NAMES, LayoutStore
from thwart.sources.oci import choose_platform, descriptor, json_object, some, text

_KIND = "kind"  # cosign's own: dev.cosignproject.cosign/image, imageIndex, sigs, atts
_COSIGN = "dev.cosignproject.cosign/"
_BESIDE = re.compile(r"(?:.*:)?(sha256-[0-9a-f]{64})(\.sig|\.att|\.sbom)?")
_MOST = 4096  # manifests that are looked at
_SMALL = 1 << 20  # bytes of a blob that may be a manifest of a signature


Container = FolderContainer | TarContainer


class Held(NamedTuple):
    """An image of a layout."""

    digest: str
    media_type: str
    size: int


def gather_layout(
    container: Container, name: str, reference: str, platform: str, limits: Limits, bounds: Bounds = BOUNDS
) -> tuple[Held, Evidence]:
    """The image that is meant, and everything that says something of it.

    Raises:
        SourceError: there is no such image, or there are several.
    """
    return _Layout(container, name, limits, bounds).gather(reference, platform)


class _Layout:
    def __init__(self, container: Container, name: str, limits: Limits, bounds: Bounds) -> None:
        self._container = container
        self._name = name
        self._limits = limits
        self._bounds = bounds
        self._store = LayoutStore(container, limits)
        raw = read_small(container, "index.json", limits.manifest_bytes)
        listed = json_object(raw, f"the index of {name}").get("manifests")
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        if len(entries) > _MOST:
            raise SourceError(f"the index of {name} lists more than {_MOST} manifests")
        self._entries = entries

    def gather(self, reference: str, platform: str) -> tuple[Held, Evidence]:
        held = self._image(reference)
        if platform:
            held = self._for_platform(held, platform)
        return held, evidence_of(self._beside(held.digest))

    def _image(self, reference: str) -> Held:
        images = [one for one in self._entries if not _signs(one) and (not reference or reference in _names(one))]
        unique = {text(one.get("digest")): one for one in images}
        if len(unique) > 1:  # what refers to something is not what somebody means without naming it
            unique = {digest: one for digest, one in unique.items() if not self._subject(one)}
        if len(unique) != 1:
            known = some(sorted({name for one in self._entries if not _signs(one) for name in _names(one)[:1]}))
            what = f"no image {reference}" if reference else f"{len(unique)} images"
            raise SourceError(f"{self._name} has {what}", f"choose one by adding its name or digest: {known}")
        at = descriptor(next(iter(unique.values())), "manifest")
        return self._held(at.digest, at.media_type)

    def _held(self, digest: str, media_type: str) -> Held:
        blob = self._store.manifest(digest)
        stated = text(json_object(blob.raw, f"the manifest of {self._name}").get("mediaType"))
        return Held(blob.digest, stated or media_type, len(blob.raw))

    def _for_platform(self, held: Held, platform: str) -> Held:
        document = json_object(self._store.manifest(held.digest).raw, f"the index of {self._name}")
        entries = document.get("manifests")
        if not isinstance(entries, list):
            return held
        chosen = choose_platform([descriptor(one, "manifest") for one in entries], platform, self._name)
        return self._held(chosen.digest, chosen.media_type)

    def _beside(self, digest: str) -> Iterator[Found]:
        """From the index; then from blobs that nothing lists, as a copied layout may have lost its index."""
        seen: set[str] = {digest}
        for entry in self._entries:
            if not _about_another(entry, digest):
                yield from self._manifest(text(entry.get("digest")), digest, seen, marked=_signs(entry))
        names = [name for name in _blobs(self._container) if 0 < self._container.size(name) <= _SMALL]
        if len(names) > _MOST:
            yield too_many("small blobs", _MOST, self._name)
        for name in names[:_MOST]:
            yield from self._manifest("sha256:" + name.rpartition("/")[2], digest, seen, marked=False)

    def _manifest(self, at: str, digest: str, seen: set[str], *, marked: bool) -> Iterator[Found]:
        if at in seen:
            return
        seen.add(at)
        try:
            raw = self._store.manifest(descriptor({"digest": at, "size": 0}, "manifest").digest).raw
            if not marked and digest.encode() not in raw:
                return
            document = json_object(raw, f"the manifest {at}")
            listed = document.get("manifests")
            if marked and isinstance(listed, list):
                for entry in listed[:_MOST]:
                    inner = text(entry.get("digest")) if isinstance(entry, dict) else ""
                    yield from self._manifest(inner, digest, seen, marked=True)
            elif marked or _refers(document) == digest:
                yield from self._layers(document, at)
        except SourceError as error:
            if marked:
                yield unread(error, at)

    def _layers(self, document: Mapping[str, Any], at: str) -> Iterator[Found]:
        for found in layers_of(document, at, self._bounds):
            yield found if isinstance(found, Reason) else piece_of(self._store, *found, self._bounds)

    def _subject(self, entry: Mapping[str, Any]) -> str:
        try:
            raw = self._store.manifest(descriptor(entry, "manifest").digest).raw
            return _refers(json_object(raw, "a manifest"))
        except SourceError:
            return ""


def _signs(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of the index is what vouches, and not an image."""
    notes = _notes(entry)
    if notes.get(_KIND, "").startswith(_COSIGN):
        return notes[_KIND] in (_COSIGN + "sigs", _COSIGN + "atts")
    return any(_BESIDE.fullmatch(name) for name in _names(entry))


def _about_another(entry: Mapping[str, Any], digest: str) -> bool:
    """Whether its name says that it is about another digest."""
    tags = [match[1] for name in _names(entry) if (match := _BESIDE.fullmatch(name))]
    return bool(tags) and digest.replace(":", "-", 1) not in tags


def _refers(document: Mapping[str, Any]) -> str:
    subject = document.get("subject")
    return text(subject.get("digest")) if isinstance(subject, dict) else ""


def _names(entry: Mapping[str, Any]) -> list[str]:
    notes = _notes(entry)
    return [notes[key] for key in NAMES if notes.get(key)] + [text(entry.get("digest"))]


def _notes(entry: Mapping[str, Any]) -> dict[str, str]:
    notes = entry.get("annotations")
    return {text(key): text(value) for key, value in notes.items()} if isinstance(notes, dict) else {}


def _blobs(container: Container) -> list[str]:
    return sorted(name for name in container.below("blobs/sha256") if re.fullmatch(r".*/[0-9a-f]{64}", name))
