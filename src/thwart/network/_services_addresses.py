"""Sets of addresses, exactly, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from thwart.lib.bitsets import members
from thwart.lib.intervals import WIDTHS, Block, Span, blocks_of, subtract, union
from thwart.network.classes import Class

Addresses = tuple[tuple[int, Span], ...]  # family and span; sorted, and none touches another of its family

EVERY: Addresses = tuple((version, Span(0, (1 << width) - 1)) for version, width in WIDTHS.items())
_SHOWN = 4  # blocks, before what is left out may read better


def whole(version: int) -> Addresses:
    """Every address of a family."""
    return ((version, Span(0, (1 << WIDTHS[version]) - 1)),)


def joined(spans: Iterable[tuple[int, Span]]) -> Addresses:
    """The same addresses, in canonical form."""
    by_family: dict[int, list[Span]] = {}
    for version, span in spans:
        by_family.setdefault(version, []).append(span)
    return tuple((version, span) for version in sorted(by_family) for span in union(by_family[version]))


def of_classes(classes: Sequence[Class], bits: int, versions: Iterable[int] = WIDTHS) -> Addresses:
    """The addresses of classes of outside ones."""
    wanted = set(versions)
    return joined((v, span) for number in members(bits) for v, span in classes[number].spans if v in wanted)


def of_blocks(blocks: Iterable[Block]) -> Addresses:
    """The addresses of blocks."""
    return joined((block.version, Span(block.first, block.last)) for block in blocks)


def without(found: Addresses, holes: Addresses) -> Addresses:
    """What is in the first and not in the second."""
    left = []
    for version in sorted({version for version, _ in found}):
        inner = [span for family, span in holes if family == version]
        left += [(version, part) for family, span in found if family == version for part in subtract(span, inner)]
    return joined(left)


def within(found: Addresses, bounds: Addresses) -> Addresses:
    """What is in both."""
    return without(found, without(EVERY, bounds))


def words(found: Addresses) -> tuple[str, ...]:
    """The set as blocks, or as everything with exceptions where that is shorter."""
    if not found:
        return ()
    if found == EVERY:
        return ("any address",)
    said: list[str] = []
    for version in sorted({version for version, _ in found}):
        spans = [span for family, span in found if family == version]
        if ((version, spans[0]),) == whole(version):
            said.append(f"any IPv{version} address")
            continue
        plain = [text for span in spans for text in blocks_of(version, span)]
        holes = [text for hole in subtract(whole(version)[0][1], spans) for text in blocks_of(version, hole)]
        if len(plain) > _SHOWN and len(holes) < len(plain):
            plain = [f"any IPv{version} address", *(f"except {text}" for text in holes)]
        said += plain
    return tuple(said)
