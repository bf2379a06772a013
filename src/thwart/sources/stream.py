"""Archives that cannot be sought in: standard input, and compressed archives. One pass reads every layer met on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thwart.core.errors import SourceError
from thwart.core.layer import CannotReopen, LayerFacts, MemberStream
from thwart.core.limits import Limits
from thwart.lib import inflate as inflater
from thwart.lib.inflate import InflateError, inflate
from thwart.lib.tarstream import TarError, TarStream
from thwart.sources import Image
from thwart.sources._container import follow, link_target
from thwart.sources._verified import LayerTar

Read = Callable[[Callable[[], MemberStream]], LayerFacts]
_HELD = 8  # times the limit of one configuration: what all documents of one archive may take


class Collected:
    """The small files of an archive, and of the large ones the size: a `Container` without the layers' content."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._small: dict[str, bytes] = {}
        self._sizes: dict[str, int] = {}
        self._links: dict[str, str] = {}
        self.digests: dict[str, tuple[str, str]] = {}
        self.facts: dict[str, LayerFacts] = {}
        self.trouble: dict[str, str] = {}  # why a member could not be read as a layer
        self.held = 0  # bytes of small files

    def names(self) -> list[str]:
        """See `Container`."""
        return [*self._sizes, *self._links]

    def add(self, name: str, size: int, content: bytes | None) -> None:
        """Note a file, with its content when it is small."""
        self._sizes[name] = size
        self._links.pop(name, None)
        if content is not None:
            self.held += len(content)
            self._small[name] = content

    def link(self, name: str, target: str) -> None:
        """Note a link to another member."""
        self._links[name] = target

    def real(self, name: str) -> str:
        """The member that a name stands for."""
        return follow(self._links, name)

    def size(self, name: str) -> int:
        """See `Container`."""
        return self._sizes.get(self.real(name), -1)

    def open(self, name: str) -> Iterator[bytes]:
        """See `Container`; CannotReopen for what was too large to keep."""
        content = self._small.get(self.real(name))
        if content is None:
            raise CannotReopen
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
            elif target := link_target(member):
                collected.link(name, target)
    except (TarError, InflateError) as error:
        raise SourceError(f"{what} cannot be read: {error}") from None
    return collected


def _take(tar: TarStream, name: str, size: int, collected: Collected, read: Read, limits: Limits) -> None:
    head = tar.head(512)
    if size <= limits.config_bytes and head[:1] in (b"{", b"[") and head[257:262] != b"ustar":
        collected.add(name, size, tar.read(limits.config_bytes))
        if collected.held > _HELD * limits.config_bytes:
            raise TarError(f"holds more than {_HELD * limits.config_bytes} bytes of JSON documents")
        return
    collected.add(name, size, None)
    if not _may_be_layer(head):
        collected.trouble[name] = "a wrong checksum in its first header, so that it is no tar archive"
        return
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
    except SourceError as error:
        # not a layer, or a damaged one: known only when the manifest has been read, which then misses it
        collected.trouble[name] = error.sentence


def _may_be_layer(head: bytes) -> bool:
    """Whether it is worth trying: compressed, empty, or with a number where a tar header has its checksum."""
    return bool(inflater.kind(head)) or not head.strip(b"\0") or head[148:156].strip(b" \0").isdigit()


def facts_by_diff_id(collected: Collected, image: Image, promised: dict[int, str]) -> dict[str, LayerFacts]:
    """The facts of an image's layers; SourceError when one is missing, damaged, or not what the image says.

    Args:
        promised: the archive member that holds each layer.
    """
    ready = {}
    for layer in image.layers:
        name = collected.real(promised[layer.index])
        if name not in collected.facts:
            why = collected.trouble.get(name, "the archive does not hold it")
            raise SourceError(f"layer {promised[layer.index]} cannot be read: {why.partition(': ')[2] or why}")
        digest, diff_id = collected.digests[name]
        promised_blob = (layer.digest, layer.size) if layer.digest else (digest, collected.size(name))
        if diff_id != layer.diff_id or (digest, collected.size(name)) != promised_blob:
            raise SourceError(f"the content of layer {promised[layer.index]} is not what the image says")
        ready[layer.diff_id] = collected.facts[name]
    return ready
