"""What is inside: bytes of one file in, the packages it states out. One file per package database or lockfile kind."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts
from thwart.core.registry import Registry

Parse = Callable[[File, Limits], FileFacts]
Ranges = Callable[[bytes, int], tuple[tuple[int, int], ...]]


class Cataloger(Struct, frozen=True, kw_only=True):
    """A member: which paths it wants, on which targets, and the parser.

    `magic` asks for every regular file that begins with these bytes, whatever its name. Such a member names
    `ranges`: given the file's first 4096 bytes and its size, the further (offset, length) stretches to keep.
    """

    name: str
    parse: Parse
    paths: tuple[str, ...] = ()
    images: bool = True
    directories: bool = True
    magic: bytes = b""
    ranges: Ranges | None = None


MEMBERS: Registry[Cataloger] = Registry(__name__)


def cataloger(
    *paths: str,
    images: bool = True,
    directories: bool = True,
    magic: bytes = b"",
    ranges: Ranges | None = None,
) -> Callable[[Parse], Parse]:
    """Register a parser under its function's name. See `Cataloger` for the arguments.

    The parser gets a `File` and `Limits`, touches nothing else, and returns `FileFacts` or raises `ParseError`.
    """

    def register(parse: Parse) -> Parse:
        name = getattr(parse, "__name__", "")
        member = Cataloger(
            name=name,
            parse=parse,
            paths=paths,
            images=images,
            directories=directories,
            magic=magic,
            ranges=ranges,
        )
        MEMBERS.add(name, member)
        return parse

    return register
