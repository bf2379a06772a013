"""From a store to an image: index, platform, manifest, configuration, layers (OCI image specification 1.1, Docker v2.2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from thwart.core.errors import DigestError, LimitError, SourceError
from thwart.core.layer import MemberStream
from thwart.core.limits import Limits
from thwart.core.package import Layer
from thwart.core.report import Asset
from thwart.sources import Image, ManifestBlob, OpenOptions, Store
from thwart.sources._container import told
from thwart.sources._verified import LayerTar

Json = Mapping[str, object]

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Descriptor(NamedTuple):
    """A reference to content: media type, digest, size in bytes (OCI image specification, "descriptor")."""

    media_type: str
    digest: str
    size: int
    platform: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    urls: tuple[str, ...] = ()


def open_image(store: Store, name: str, reference: str, options: OpenOptions, limits: Limits) -> Image:
    """The image behind a tag or digest of a store.

    Raises:
        SourceError: not an image, no such platform, an old schema; DigestError: content is not what it should be.
    """
    blob = store.manifest(reference)
    return image_of(store, name, blob, options, limits)


def image_of(store: Store, name: str, blob: ManifestBlob, options: OpenOptions, limits: Limits) -> Image:
    """The image that a manifest or index stands for."""
    blob, manifest = _descend(store, name, blob, options.platform, limits)
    config_at = descriptor(manifest.get("config"), "config")
    raw = read_blob(store, config_at, limits.config_bytes)
    config = json_object(raw, f"the configuration of {name}")
    entries = manifest.get("layers")
    if not isinstance(entries, list):
        raise SourceError(f"the manifest of {name} lists no layers")
    descriptors = [descriptor(entry, "layer") for entry in entries]
    layers = layers_of(config, descriptors, name, limits)

    def open_layer(layer: Layer) -> MemberStream:
        chunks = told(store.blob(layer.digest, layer.size, descriptors[layer.index].urls), options.progress)
        return LayerTar(chunks, layer.digest, layer.size, layer.diff_id, limits)

    asset = asset_of(config, name, blob.digest, config_at.digest)
    return Image(asset=asset, layers=layers, open_layer=open_layer, config=config)


def _descend(store: Store, name: str, blob: ManifestBlob, platform: str, limits: Limits) -> tuple[ManifestBlob, Json]:
    """From an index down to one manifest; an index within an index is followed a few steps."""
    for _ in range(4):
        document = json_object(blob.raw, f"the manifest of {name}")
        kind = manifest_kind(document, blob.media_type, name)
        if kind == "manifest":
            return blob, document
        entries = document.get("manifests")
        descriptors = [descriptor(e, "manifest") for e in entries] if isinstance(entries, list) else []
        chosen = choose_platform(descriptors, platform, name)
        blob = store.manifest(chosen.digest)
        if len(blob.raw) > limits.manifest_bytes:
            raise LimitError(f"the manifest of {name} is larger than {limits.manifest_bytes} bytes")
        verify(blob.raw, chosen)
    raise SourceError(f"{name} is an index of indexes too deep to be an image")


def manifest_kind(document: Json, media_type: str, name: str) -> str:
    """`index` or `manifest`; refuses Docker's schema 1 and artifacts that are not images."""
    if document.get("schemaVersion") == 1 or "fsLayers" in document:
        raise SourceError(
            f"{name} is in Docker's image format 1, which was retired because its content cannot be verified",
            "push it again with a current tool: docker pull and push, or skopeo copy --format v2s2",
        )
    kind = text(document.get("mediaType")) or media_type
    if "manifests" in document and "layers" in document:
        raise SourceError(f"the manifest of {name} claims to be both an index and a manifest")
    if kind in INDEXES or (kind not in MANIFESTS and "manifests" in document):
        return "index"
    if "layers" not in document or "config" not in document:
        raise SourceError(f"the manifest of {name} is neither an image nor an index")
    config = document["config"]
    config_type = text(config.get("mediaType")) if isinstance(config, dict) else ""
    if config_type not in CONFIGS:
        raise SourceError(f"{name} is an artifact ({config_type[:100] or 'of no stated type'}), not a container image")
    return "manifest"


def choose_platform(descriptors: list[Descriptor], platform: str, name: str) -> Descriptor:
    """The one entry for `platform`; without a wish the only real image there, or linux/amd64's."""
    images = [d for d in descriptors if d.media_type in (*INDEXES, *MANIFESTS, "") and not _attestation(d)]
    if not images:
        raise SourceError(f"{name} is an index without images")
    wish = platform or ("linux/amd64" if len(images) > 1 else "")
    found = [d for d in images if not wish or _matches(d.platform, wish)]
    if wish and not platform and not found and all(not d.platform for d in images):
        found = images
    if not found or (not platform and len({d.digest for d in found}) > 1):
        known = some(sorted({d.platform or "(not stated)" for d in images}))
        if not found:
            raise SourceError(f"{name} has no image for {wish}", f"choose one with --platform: {known}")
        raise SourceError(f"{name} has several images", f"choose one with --platform: {known}")
    return found[0]


def _attestation(entry: Descriptor) -> bool:
    """BuildKit lists its attestations as manifests for an unknown platform."""
    kinds = dict(entry.annotations)
    return kinds.get("vnd.docker.reference.type") == "attestation-manifest" or entry.platform == "unknown/unknown"


def _matches(have: str, wish: str) -> bool:
    """Whether an entry serves a wish; variants count only when both name one (v8 is arm64's default)."""
    have_parts, wish_parts = normal_platform(have).split("/"), normal_platform(wish).split("/")
    if have_parts[:2] != wish_parts[:2]:
        return False
    return len(have_parts) < 3 or len(wish_parts) < 3 or have_parts[2] == wish_parts[2]


def normal_platform(text: str) -> str:
    """`os/arch[/variant]` with the usual aliases resolved; a lone architecture means linux."""
    parts = text.lower().split("/")
    if len(parts) == 1:
        parts = ["linux", *parts]
    aliases = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "armel": "arm", "i386": "386"}
    parts[1] = aliases.get(parts[1], parts[1])
    if parts[1] == "arm64" and parts[2:] == ["v8"]:
        parts = parts[:2]
    return "/".join(parts)


def layers_of(config: Json, descriptors: list[Descriptor], name: str, limits: Limits) -> tuple[Layer, ...]:
    """Layers with their diffIDs and the history lines that made them."""
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or not all(isinstance(d, str) and DIGEST.fullmatch(d) for d in diff_ids):
        raise SourceError(f"the configuration of {name} has no valid list of layers (rootfs.diff_ids)")
    if len(diff_ids) != len(descriptors):
        count = f"{len(descriptors)} layers, its configuration {len(diff_ids)}"
        raise SourceError(f"the manifest of {name} lists {count}")
    if len(diff_ids) > limits.layers:
        raise LimitError(f"{name} has {len(diff_ids)} layers, more than {limits.layers}")
    history = _history(config, len(diff_ids))
    return tuple(
        Layer(
            index=index,
            diff_id=diff_id,
            digest=entry.digest,
            size=entry.size,
            media_type=entry.media_type,
            created_by=history[index][0],
            created=history[index][1],
        )
        for index, (diff_id, entry) in enumerate(zip(diff_ids, descriptors, strict=True))
    )


def _history(config: Json, count: int) -> list[tuple[str, str]]:
    """(created_by, created) for each layer: history entries that made no layer are passed over."""
    entries = config.get("history")
    made = [
        (text(entry.get("created_by")) or text(entry.get("comment")), text(entry.get("created")))
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and not entry.get("empty_layer")
    ]
    return made if len(made) == count else [("", "")] * count


def asset_of(config: Json, name: str, digest: str, image_id: str) -> Asset:
    """The asset that a configuration describes."""
    inner = config.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return Asset(
        kind="image",
        name=name,
        digest=digest,
        image_id=image_id,
        platform=platform_of(config),
        labels=_pairs(labels),
        created=text(config.get("created")),
    )


def descriptor(value: object, what: str) -> Descriptor:
    """A descriptor read from a document; SourceError where digest or size are not what they must be."""
    entry = value if isinstance(value, dict) else {}
    digest, size = entry.get("digest"), entry.get("size", -1)
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise SourceError(f"a {what} descriptor has no valid digest: {text(digest)[:100]!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise SourceError(f"the {what} descriptor of {digest} has no valid size")
    urls = entry.get("urls")
    return Descriptor(
        text(entry.get("mediaType")),
        digest,
        size,
        platform_of(entry.get("platform")),
        _pairs(entry.get("annotations")),
        tuple(text(url) for url in urls) if isinstance(urls, list) else (),
    )


def platform_of(value: object) -> str:
    """`os/arch[/variant]` of a document that states these three; what it does not state is left out."""
    entry = value if isinstance(value, dict) else {}
    parts = [text(entry.get("os")), text(entry.get("architecture")), text(entry.get("variant"))]
    return "/".join(part for part in parts if part)


def text(value: object) -> str:
    """A string from a document; nothing for what is none, and without the half characters that JSON can state."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def some(names: list[str], most: int = 20) -> str:
    """Names for a hint, not too many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((text(k), text(v)) for k, v in value.items())) if isinstance(value, dict) else ()


def read_blob(store: Store, at: Descriptor, limit: int) -> bytes:
    """A small blob, whole and verified."""
    if at.size > limit:
        raise LimitError(f"{at.digest} is {at.size} bytes, more than {limit}")
    parts, total = [], 0
    for piece in store.blob(at.digest, at.size):
        parts.append(piece)
        total += len(piece)
        if total > at.size:
            break
    data = b"".join(parts)
    verify(data, at)
    return data


def verify(data: bytes, at: Descriptor) -> None:
    """Raise DigestError unless size and digest are those of the descriptor."""
    if len(data) != at.size:
        raise DigestError(f"{at.digest} is {len(data)} bytes, its descriptor says {at.size}")
    if digest_of(data, at.digest.partition(":")[0]) != at.digest:
        raise DigestError(f"the content of {at.digest} has another digest")


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """`sha256:…` of bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class _TwiceError(ValueError):
    """A document states one thing twice."""


_READ = frozenset(
    {"architecture", "config", "diff_ids", "digest", "layers", "manifests", "mediatype", "rootfs", "size"}
)


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object without repeated keys. Engines written in Go find fields whatever their case, and take the last."""
    found = dict(pairs)
    if len(found) == len(pairs) and len({key.lower() for key in found}) == len(pairs):
        return found
    seen = set()
    for key, _ in pairs:
        name = key.lower() if key.lower() in _READ else key
        if name in seen:
            raise _TwiceError(key)
        seen.add(name)
    return found


def json_object(raw: bytes, what: str) -> Json:
    """A JSON object from untrusted bytes; SourceError for anything else."""
    try:
        value = json.loads(raw, object_pairs_hook=_unambiguous)
    except _TwiceError as error:
        raise SourceError(f"{what} states {str(error)[:100]!r} twice, which two readers may take differently") from None
    except (ValueError, RecursionError):
        raise SourceError(f"{what} is not valid JSON") from None
    if not isinstance(value, dict):
        raise SourceError(f"{what} is not a JSON object")
    return value
