"""Archives that cannot be sought in: standard input, and compressed archives. One pass reads every layer met on the way."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from thwart.core.errors import SourceError
from thwart.core.layer import CannotReopen, LayerFacts, MemberStream
from thwart.core.limits import Limits
from thwart.lib.inflate import InflateError, inflate
from thwart.lib.tarstream import TarError, TarStream
from thwart.sources import Image
from thwart.sources._container import Container
from thwart.sources._verified import LayerTar

Read = Callable[[Callable[[], MemberStream]], LayerFacts]
Open = Callable[[Container], Image]


class Collected:
    """The small files of an archive, and of the large ones the size: a `Container` without the layers' content."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._small: dict[str, bytes] = {}
        self._sizes: dict[str, int] = {}
        self._links: dict[str, str] = {}
        self.digests: dict[str, tuple[str, str]] = {}
        self.facts: dict[str, LayerFacts] = {}

    def names(self) -> list[str]:
        """See `Container`."""
        return [*self._sizes, *self._links]

    def add(self, name: str, size: int, content: bytes | None) -> None:
        """Note a file, with its content when it is small."""
        self._sizes[name] = size
        if content is not None:
            self._small[name] = content

    def link(self, name: str, target: str) -> None:
        """Note a link to another member (older `docker save` wrote equal layers once)."""
        self._links[name] = target

    def real(self, name: str) -> str:
        """The member that a name stands for."""
        for _ in range(8):
            name = self._links.get(name, name)
        return name

    def size(self, name: str) -> int:
        """See `Container`."""
        return self._sizes.get(self.real(name), -1)

    def open(self, name: str) -> Iterator[bytes]:
        """See `Container`; layers cannot be opened again."""
        content = self._small.get(self.real(name))
        if content is None:
            raise SourceError(f"{self._what} cannot be read twice, and {name} is needed again")
        return iter((content,))


def read_archive(chunks: Iterator[bytes], what: str, read: Read, limits: Limits) -> Collected:
    """Read a whole archive in one pass, layers included.

    Args:
        chunks: the archive, compressed or not.
        what: its name in messages.
        read: turns a layer's members into facts.
    """
    collected = Collected(what)
    inflated = inflate(chunks, max_bytes=limits.layer_bytes, max_ratio=limits.ratio)
    tar = TarStream(inflated, max_members=limits.entries)
    try:
        for member in tar:
            name = member.name.removeprefix("./")
            if member.kind == "0":
                _take(tar, name, member.size, collected, read, limits)
            elif member.kind == "2":
                collected.link(name, posixpath.normpath(f"/{name}/../{member.link}").lstrip("/"))
            elif member.kind == "1":
                collected.link(name, member.link.removeprefix("./"))
    except (TarError, InflateError) as error:
        raise SourceError(f"{what} cannot be read: {error}") from None
    return collected


def _take(tar: TarStream, name: str, size: int, collected: Collected, read: Read, limits: Limits) -> None:
    head = tar.head(1)
    if size <= limits.config_bytes and head in (b"{", b"["):
        collected.add(name, size, tar.read(limits.config_bytes))
        return
    collected.add(name, size, None)
    layer = LayerTar(tar.content(), "", size, "", limits)
    opened = False

    def once() -> MemberStream:
        nonlocal opened
        if opened:
            raise CannotReopen
        opened = True
        return layer

    try:
        collected.facts[name] = read(once)
        collected.digests[name] = layer.digests
    except SourceError:
        # not a layer, or a damaged one: known only when the manifest has been read, which then misses it
        return


def facts_by_diff_id(collected: Collected, image: Image, promised: dict[int, str]) -> dict[str, LayerFacts]:
    """The facts of an image's layers; SourceError when one is missing, damaged, or not what the image says.

    Args:
        promised: the archive member that holds each layer.
    """
    ready = {}
    for layer in image.layers:
        name = collected.real(promised[layer.index])
        if name not in collected.facts:
            raise SourceError(f"layer {promised[layer.index]} cannot be read")
        digest, diff_id = collected.digests[name]
        promised_blob = (layer.digest, layer.size) if layer.digest else (digest, collected.size(name))
        if diff_id != layer.diff_id or (digest, collected.size(name)) != promised_blob:
            raise SourceError(f"the content of layer {promised[layer.index]} is not what the image says")
        ready[layer.diff_id] = collected.facts[name]
    return ready
