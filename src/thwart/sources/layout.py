"""OCI image layouts, as a folder or a tar, and `docker save` archives: one of either, or both in one file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from thwart.core.errors import DigestError, SourceError
from thwart.core.layer import MemberStream
from thwart.core.limits import Limits
from thwart.core.package import Layer
from thwart.sources import Image, ManifestBlob, OpenOptions
from thwart.sources._container import Container, read_small, told
from thwart.sources._verified import LayerTar
from thwart.sources.oci import (
    Descriptor,
    Json,
    asset_of,
    choose_platform,
    descriptor,
    image_of,
    json_object,
    layers_of,
    platform_of,
    some,
    verify,
)

_BESIDE = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")  # cosign's tags, and the one that lists referrers
NAMES = ("org.opencontainers.image.ref.name", "io.containerd.image.name")


class LayoutStore:
    """Manifests and blobs of an OCI image layout."""

    def __init__(self, container: Container, limits: Limits) -> None:
        self._container = container
        self._limits = limits

    def manifest(self, reference: str) -> ManifestBlob:
        """The manifest of that digest."""
        raw = read_small(self._container, _path(reference), self._limits.manifest_bytes)
        digest = f"{reference.partition(':')[0]}:{hashlib.new(reference.partition(':')[0], raw).hexdigest()}"
        if digest != reference:
            raise DigestError(f"the content of {reference} has another digest")
        return ManifestBlob(raw, "", digest)

    def blob(self, digest: str, size: int, urls: tuple[str, ...] = ()) -> Iterator[bytes]:
        """A blob, whose size on disk must be the one promised."""
        have = self._container.size(_path(digest))
        if have < 0 and urls:
            raise SourceError(
                f"layer {digest} is not in the layout but elsewhere (a foreign layer), and is not fetched"
            )
        if have < 0:
            raise SourceError(f"blob {digest} is missing")
        if have != size:
            raise DigestError(f"{digest} is {have} bytes, its descriptor says {size}")
        return self._container.open(_path(digest))


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def open_layout(container: Container, name: str, reference: str, options: OpenOptions, limits: Limits) -> Image:
    """The image of an OCI layout; `reference` chooses one by name or digest where there are several."""
    index = json_object(read_small(container, "index.json", limits.manifest_bytes), f"the index of {name}")
    entries = index.get("manifests")
    found = [descriptor(one, "manifest") for one in entries if not _beside(one)] if isinstance(entries, list) else []
    chosen = _choose(found, name, reference)
    store = LayoutStore(container, limits)
    if len(chosen) == 1:
        blob = store.manifest(chosen[0].digest)
        verify(blob.raw, chosen[0])
        return image_of(store, name, blob, options, limits)
    # several platforms listed at the top are an index like any other
    raw = read_small(container, "index.json", limits.manifest_bytes)
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return image_of(store, name, ManifestBlob(raw, "application/vnd.oci.image.index.v1+json", digest), options, limits)


def _choose(entries: list[Descriptor], name: str, reference: str) -> list[Descriptor]:
    named = [(entry, _names(entry)) for entry in entries]
    if reference:
        chosen = [entry for entry, names in named if reference in names or reference == entry.digest]
    else:
        chosen = entries
    tags = {frozenset(names) for _, names in named}
    if not chosen or (len(chosen) > 1 and len(tags) > 1):
        known = sorted(next(iter(names), entry.digest) for entry, names in named)
        raise _undecided(name, reference, len(entries), known)
    unique = {entry.digest: entry for entry in chosen}
    return list(unique.values())


def _beside(entry: object) -> bool:
    """Whether an entry of the index is a signature or the like, and not an image."""
    if not isinstance(entry, dict):
        return False
    notes = entry.get("annotations")
    name = notes.get(NAMES[0]) if isinstance(notes, dict) else ""
    return bool(entry.get("artifactType")) or (isinstance(name, str) and bool(_BESIDE.fullmatch(name)))


def _names(entry: Descriptor) -> list[str]:
    notes = dict(entry.annotations)
    return [notes[key] for key in NAMES if notes.get(key)]


def open_docker_archive(container: Container, name: str, reference: str, options: OpenOptions, limits: Limits) -> Image:
    """The image of a `docker save` archive (`manifest.json`: configuration and layers by path)."""
    config_path, paths = _listed(container, name, reference, limits)
    raw = read_small(container, config_path, limits.config_bytes)
    image_id = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    stem = config_path.rpartition("/")[2].removesuffix(".json")
    if len(stem) == 64 and stem != image_id[7:]:
        raise DigestError(f"the configuration {config_path} has another digest than its name says")
    config = json_object(raw, f"the configuration of {name}")
    _check_platform(config, options.platform, name)
    descriptors = [Descriptor("", "", container.size(path)) for path in paths]
    layers = layers_of(config, descriptors, name, limits)
    for path in paths:
        if container.size(path) < 0:
            raise SourceError(f"{name} has no layer {path}, which its manifest lists")

    def open_layer(layer: Layer) -> MemberStream:
        chunks = told(container.open(paths[layer.index]), options.progress)
        return LayerTar(chunks, "", layer.size, layer.diff_id, limits)

    return Image(asset=asset_of(config, name, "", image_id), layers=layers, open_layer=open_layer, config=config)


def docker_members(container: Container, name: str, reference: str, limits: Limits) -> list[str]:
    """The archive members that hold the layers, lowest first."""
    return _listed(container, name, reference, limits)[1]


def _listed(container: Container, name: str, reference: str, limits: Limits) -> tuple[str, list[str]]:
    entry = _entry(container, name, reference, limits)
    config, layers = entry.get("Config"), entry.get("Layers")
    if not isinstance(config, str) or not isinstance(layers, list) or not all(isinstance(p, str) for p in layers):
        raise SourceError(f"the manifest of {name} names no configuration or layers")
    return config, layers


def _check_platform(config: Json, platform: str, name: str) -> None:
    if platform:
        choose_platform([Descriptor("", "", 0, platform_of(config))], platform, name)


def _entry(container: Container, name: str, reference: str, limits: Limits) -> dict[str, object]:
    raw = read_small(container, "manifest.json", limits.manifest_bytes)
    wrapped = json_object(b'{"images":' + raw + b"}", f"the manifest of {name}")["images"]
    entries = [entry for entry in wrapped if isinstance(entry, dict)] if isinstance(wrapped, list) else []
    if reference:
        entries = [entry for entry in entries if reference in _tags(entry)]
    if len(entries) == 1:
        return entries[0]
    known = sorted({tag for entry in (wrapped if isinstance(wrapped, list) else []) for tag in _tags(entry)})
    raise _undecided(name, reference, len(entries), known)


def _undecided(name: str, reference: str, count: int, known: list[str]) -> SourceError:
    hints = ["choose one by adding its name: " + some([f"{name}:{tag}" for tag in known])] if known else []
    return SourceError(f"{name} has {'no image ' + reference if reference else f'{count} images'}", *hints)


def _tags(entry: object) -> list[str]:
    tags = entry.get("RepoTags") if isinstance(entry, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
