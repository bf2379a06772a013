"""Where the parts of an object stand in its file; lines are worked out only when they are asked for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import YamlList, YamlMap, load_all
from thwart.network.model import Pointer


class JsonOrigin(Struct):
    """An object's `spec` in a JSON file, and the line that it begins on."""

    path: str
    base: int
    spec: bytes
    _root: object = None

    def line(self, pointer: Pointer) -> int:
        """See `Origin`; parses the spec once more, with places, when it is first asked."""
        if self.base <= 0 or pointer[:1] != ("spec",) or b"\n" not in self.spec:
            return max(self.base, 0)
        if self._root is None:
            try:
                self._root = load_all(self.spec, max_bytes=1 << 22, max_depth=64, max_nodes=1 << 18)[0]
            except (DocumentError, IndexError):  # JSON that is not YAML: tabs, escapes
                self._root = ()
        return self.base + _line_in(self._root, pointer[1:]) - 1

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Keys of the spec that are given more than once in one mapping, with the object's line."""
        found: list[str] = []

        def pairs(several: list[tuple[str, object]]) -> dict[str, object]:
            made = dict(several)
            if len(made) < len(several):
                found.extend(key for key, count in Counter(key for key, _ in several).items() if count > 1)
            return made

        try:
            json.loads(self.spec or b"null", object_pairs_hook=pairs)
        except (ValueError, RecursionError):  # what is wrong with it is told when it is decoded
            return
        yield from ((key, max(self.base, 0)) for key in found)


class YamlOrigin(Struct):
    """An object in a YAML file."""

    path: str
    root: YamlMap

    def line(self, pointer: Pointer) -> int:
        """See `Origin`."""
        return _line_in(self.root, pointer)

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Keys that are given more than once in one mapping, each with its line; the last one counts."""
        left: list[object] = [self.root]
        while left:
            node = left.pop()
            if isinstance(node, YamlMap):
                yield from ((str(key), place.line) for key, place in node.repeated)
            if isinstance(node, YamlMap | YamlList):
                left += node.values() if isinstance(node, YamlMap) else node


class NoOrigin(Struct):
    """An object in a document without places."""

    path: str

    def line(self, pointer: Pointer) -> int:  # noqa: ARG002 - the protocol has it
        """Always unknown."""
        return 0


def _line_in(node: object, pointer: Pointer) -> int:
    line = node.place.line if isinstance(node, YamlMap | YamlList) else 1
    for step in pointer:
        if isinstance(node, YamlMap) and step in node:
            line = node.keys_at[step].line
            node = node[step]
        elif isinstance(node, YamlList) and isinstance(step, int) and step < len(node):
            line = node.items_at[step].line
            node = node[step]
        else:
            break
    return line
