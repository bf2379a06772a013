"""From a symbolic pointer into a document to line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.lib.yaml_positions import Place, YamlList, YamlMap

if TYPE_CHECKING:
    from collections.abc import Sequence

Pointer = tuple[str | int, ...]


def locate(root: object, pointer: Sequence[str | int]) -> Place:
    """Where the pointer leads: the key of a mapping or the item of a list.

    A pointer to what is missing leads to the deepest thing that is there and lacks it. (1, 1) without any place.
    """
    place = root.place if isinstance(root, YamlMap | YamlList) else Place(1, 1)
    node = root
    for step in pointer:
        if isinstance(node, YamlMap) and step in node:
            place, node = node.keys_at[step], node[step]
        elif isinstance(node, YamlList) and isinstance(step, int) and 0 <= step < len(node):
            place, node = node.items_at[step], node[step]
        else:
            break
    return place


def leads(root: object, pointer: Sequence[str | int]) -> bool:
    """Whether the pointer leads to something other than null."""
    node = root
    for step in pointer:
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int):
            node = node[step] if 0 <= step < len(node) else None
        else:
            return False
    return node is not None


def written(pointer: Sequence[str | int]) -> str:
    """The pointer as RFC 6901 writes it: `/spec/containers/0`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in pointer)
