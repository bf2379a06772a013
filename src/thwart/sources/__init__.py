"""Where assets come from: a reference in, an asset with a bounded, read-only view of its layers or files out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from thwart.core.config import Registry
from thwart.core.finding import Diagnostic
from thwart.core.layer import LayerFacts, MemberStream, Problem
from thwart.core.package import Layer
from thwart.core.report import Asset


class ManifestBlob(NamedTuple):
    """A manifest or index as its store holds it; `digest` is computed from `raw`."""

    raw: bytes
    media_type: str
    digest: str


class Store(Protocol):
    """A place that holds manifests and blobs: a registry, an OCI layout, an archive."""

    def manifest(self, reference: str) -> ManifestBlob:
        """The manifest for a tag or a digest."""

    def blob(self, digest: str, size: int, urls: tuple[str, ...] = ()) -> Iterator[bytes]:
        """A blob in pieces, not yet verified; `size` and `urls` are what its descriptor says."""


class Image(Struct, frozen=True, kw_only=True):
    """An image: its layers, lowest first, each a stream of members whose digests are verified as it is read."""

    asset: Asset
    layers: tuple[Layer, ...]
    open_layer: Callable[[Layer], MemberStream]
    config: Mapping[str, object] = field(default_factory=dict)
    ready: Mapping[str, LayerFacts] = field(default_factory=dict)  # by diffID: already read on the way
    diagnostics: tuple[Diagnostic, ...] = ()


class Files(Struct, frozen=True, kw_only=True):
    """A root file system or a directory, read as one layer."""

    asset: Asset
    open: Callable[[], MemberStream]
    problems: Callable[[], tuple[Problem, ...]] = tuple


class OpenOptions(Struct, frozen=True, kw_only=True):
    """How to open a target.

    `platform` is `os/arch[/variant]`; what `registries` say of a host stands in where the flags say nothing;
    `progress` is told of bytes received, from any thread.
    """

    platform: str = ""
    plain_http: bool = False
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    offline: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    registries: tuple[Registry, ...] = ()
    progress: Callable[[int], None] | None = None


Source = Image | Files
