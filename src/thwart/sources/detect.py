"""What a target is: the prefix says so, else the file or folder it names, else an image reference."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from thwart.core.errors import SourceError, UsageError
from thwart.core.layer import LayerFacts, MemberStream
from thwart.core.limits import Limits
from thwart.core.report import Asset
from thwart.lib import inflate
from thwart.sources import Files, Image, OpenOptions, Source
from thwart.sources._container import Container, FolderContainer, TarContainer, file_pieces, opened, told
from thwart.sources._verified import LayerTar
from thwart.sources.layout import docker_members, open_docker_archive, open_layout
from thwart.sources.stream import Collected, facts_by_diff_id, read_archive
from thwart.sources.tree import VCS, VIRTUAL, FolderStream, check_folder

Read = Callable[[Callable[[], MemberStream]], LayerFacts]
PREFIXES = ("image", "archive", "oci", "rootfs", "dir")
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")
LATER = ("sbom", "cluster", "git")
ROOT_MARKS = (
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg",
    "lib/apk/db",
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
)


def open_target(target: str, options: OpenOptions, limits: Limits, read: Read) -> Source:
    """Open what the user named.

    Args:
        target: with or without a prefix; `-` is an archive on standard input.
        read: turns a layer's members into facts; needed for archives that can be read only once.

    Raises:
        UsageError: the name has several readings; SourceError: it cannot be opened.
    """
    prefix, _, rest = target.partition(":")
    if prefix == "engine":
        raise UsageError(
            "an engine has no packages of its own", "list those of an image it runs: thwart sbom image:NAME"
        )
    if prefix in LATER:
        raise UsageError(f"targets of the kind {prefix}: are not supported by this version", "see: thwart help targets")
    if prefix not in PREFIXES or not rest:
        prefix, rest = _guess(target)
    if prefix == "image":
        return _registry(rest, options, limits)
    if prefix == "archive":
        return _archive(rest, options, limits, read)
    if prefix == "oci":
        path, reference = split_path(rest)
        if stat.S_ISREG(_mode(path)):
            return _archive(rest, options, limits, read)
        check_folder(path)
        return open_layout(FolderContainer(path), str(path), reference, options, limits)
    return _files(prefix, Path(rest), options, limits)


def _guess(target: str) -> tuple[str, str]:
    if target == "-":
        return "archive", "-"
    path, _ = split_path(target)
    spelled = target.startswith(("/", "./", "../", "~")) or target in (".", "..")
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        if stat.S_ISREG(_mode(path / "oci-layout") or _mode(path / "index.json")):
            return "oci", target
        kind = "rootfs" if _is_root(path) else "dir"
        if not spelled and target == str(path) and "/" not in target.rstrip("/"):
            readings = f"thwart scan {kind}:{target}   or   thwart scan image:{target}"
            raise UsageError(f"{target} is a folder here and may be the name of an image too", f"say which: {readings}")
        return kind, target
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        return "archive", target
    if mode:
        raise SourceError(f"{path} is neither a file nor a folder")
    if spelled or target.endswith(ARCHIVES):
        raise SourceError(f"{target} does not exist", f"if it is the name of an image, write image:{target}")
    return "image", target


def split_path(text: str) -> tuple[Path, str]:
    """`PATH[:NAME]`, the longest path that exists."""
    path, cut = Path(text), len(text)
    while not _mode(path):
        cut = text.rfind(":", 0, cut)
        if cut <= 0:
            return Path(text), ""
        path = Path(text[:cut])
    return path, text[cut + 1 :]


def _mode(path: Path) -> int:
    """The file's type and permissions; 0 when there is none, or none that we may see."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _is_root(path: Path) -> bool:
    return any(os.path.lexists(path / mark) for mark in ROOT_MARKS)


def _registry(text: str, options: OpenOptions, limits: Limits) -> Source:
    from thwart.sources.pull import open_registry

    return open_registry(text, options, limits)


def _files(kind: str, path: Path, options: OpenOptions, limits: Limits) -> Source:
    if kind == "rootfs" and stat.S_ISREG(_mode(path)):

        def open_tar() -> MemberStream:
            return LayerTar(told(file_pieces(path), options.progress), "", -1, "", limits)

        return Files(asset=Asset(kind="rootfs", name=str(path)), open=open_tar)
    check_folder(path)
    skip_top = VIRTUAL if kind == "rootfs" and _mode(path / "proc" / "self") else frozenset()
    stream = FolderStream(path, limits, skip=VCS if kind == "dir" else frozenset(), skip_top=skip_top)
    name = str(path) if path.name.strip(".") else str(path.resolve())
    asset = Asset(kind="directory" if kind == "dir" else "rootfs", name=name)
    return Files(asset=asset, open=lambda: stream, problems=lambda: stream.problems)


def _archive(text: str, options: OpenOptions, limits: Limits, read: Read) -> Source:
    if text == "-" or text.startswith("-:"):
        if sys.stdin is None:
            raise SourceError("standard input is closed")
        return _once(sys.stdin.buffer, "standard input", text[2:], options, limits, read)
    path, reference = split_path(text)
    if stat.S_ISFIFO(_mode(path)):
        return _once(None, str(path), reference, options, limits, read)
    with opened(path) as file:
        head = file.read(512)
    if inflate.kind(head):
        return _once(None, str(path), reference, options, limits, read)
    if head[:1] in (b"{", b"["):
        raise UsageError(f"{path} is a JSON document; scanning SBOMs is not supported by this version")
    container = TarContainer(path, limits)
    if _looks_like_image(container):
        return _image(container, str(path), reference, options, limits)
    if any(name.startswith(ROOT_MARKS) for name in container.names()):
        return _files("rootfs", path, options, limits)
    raise SourceError(
        f"{path} is neither a docker-archive nor an OCI layout nor a root file system",
        "docker save -o FILE IMAGE, or skopeo copy IMAGE oci-archive:FILE, writes one that can be scanned",
    )


def _looks_like_image(container: Container) -> bool:
    return any(container.size(name) >= 0 for name in ("index.json", "manifest.json"))


def _image(container: Container, name: str, reference: str, options: OpenOptions, limits: Limits) -> Image:
    """A layout or a docker-archive. Recent engines write both into one file, where the layout may lack platforms."""
    if container.size("index.json") < 0:
        return open_docker_archive(container, name, reference, options, limits)
    try:
        return open_layout(container, name, reference, options, limits)
    except SourceError:
        if container.size("manifest.json") < 0:
            raise
        return open_docker_archive(container, name, reference, options, limits)


def _once(stdin: object, name: str, reference: str, options: OpenOptions, limits: Limits, read: Read) -> Source:
    chunks = _stdin(stdin) if stdin is not None else file_pieces(Path(name))
    collected = read_archive(told(chunks, options.progress), name, read, limits)
    if not _looks_like_image(collected):
        if (
            stdin is None
            and stat.S_ISREG(_mode(Path(name)))
            and any(member.startswith(ROOT_MARKS) for member in collected.names())
        ):
            return _files("rootfs", Path(name), options, limits)
        raise SourceError(f"{name} holds neither a docker-archive nor an OCI layout")
    image = _image(collected, name, reference, options, limits)
    return _with_facts(image, collected, limits, reference)


def _with_facts(image: Image, collected: Collected, limits: Limits, reference: str) -> Image:
    from msgspec.structs import replace

    if image.layers and not image.layers[0].digest:
        members = docker_members(collected, image.asset.name, reference, limits)
    else:
        members = [f"blobs/{layer.digest.replace(':', '/', 1)}" for layer in image.layers]
    return replace(image, ready=facts_by_diff_id(collected, image, dict(enumerate(members))))


def _stdin(stream: object) -> Iterator[bytes]:
    read = getattr(stream, "read1", None)
    try:
        while read is not None and (piece := read(1 << 20)):
            yield piece
    except OSError as error:
        raise SourceError(f"standard input cannot be read: {error.strerror}") from None
