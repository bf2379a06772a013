"""The places of everything in a YAML or JSON text: where each node begins and ends, and how it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    import yaml
    from yaml.events import CollectionEndEvent, NodeEvent

LINE_END = re.compile(r"\r\n|\n|\r")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


class MendError(Exception):
    """An edit cannot be made in this text without changing more than it says; the reason in words."""


class Node(Struct, eq=False):
    """One node. `start` and `end` count characters; `end` is that of the last thing written in it, not of what follows.

    `kind` is `map`, `list`, `scalar` or `alias`. `place` is line and column from 1. Of a mapping, `keys` and `values`
    belong together; a list has `values` alone. `kept` is a block scalar whose last blank lines are part of it.
    """

    kind: str
    start: int
    end: int
    place: tuple[int, int]
    flow: bool = False
    anchor: str = ""
    kept: bool = False
    keys: list[Node] = field(default_factory=list)
    values: list[Node] = field(default_factory=list)


def trees(text: str, *, json: bool) -> list[Node]:
    """The root of each document of a text that the bounded loader has read before, which bounds depth and number.

    With `json`, what JSON has and YAML has not is looked at as something else of the same length.

    Raises:
        MendError: it is JSON that is no YAML all the same.
    """
    import yaml

    if json:
        text = _PAIR.sub("x" * 12, text.replace("\t", " "))
    builder = _Builder(text)
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        raise MendError("the places of what is in it cannot be told") from None
    return builder.roots


def line_end(text: str, at: int) -> int:
    """Where the line of that character ends, before its line break."""
    found = LINE_END.search(text, at)
    return found.start() if found else len(text)


def line_start(text: str, at: int) -> int:
    """Where the line of that character begins."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


class _Builder:
    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[Node] = []
        self._pending: list[Node | None] = []  # the key that waits for its value, of each open mapping
        self.roots: list[Node] = []

    def take(self, event: yaml.Event) -> None:
        """Go one event further."""
        from yaml import events as kinds

        if isinstance(event, kinds.CollectionStartEvent):
            node = self._node("map" if isinstance(event, kinds.MappingStartEvent) else "list", event)
            node.flow = bool(event.flow_style)
            self._stack.append(node)
            self._pending.append(None)
        elif isinstance(event, kinds.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, kinds.ScalarEvent):
            node = self._node("scalar", event)
            if event.style in ("|", ">"):
                self._block(node)
            self._attach(node)
        elif isinstance(event, kinds.AliasEvent):
            self._attach(self._node("alias", event))

    @staticmethod
    def _node(kind: str, event: NodeEvent) -> Node:
        begin: Any = event.start_mark  # only hand-made events have none
        end: Any = event.end_mark
        return Node(kind, begin.index, end.index, (begin.line + 1, begin.column + 1), anchor=event.anchor or "")

    def _block(self, node: Node) -> None:
        """A block scalar ends before the blank lines behind it, unless it keeps them."""
        head = self._text[node.start : line_end(self._text, node.start)].partition("#")[0]
        node.kept = "+" in head
        if not node.kept:
            node.end = node.start + len(self._text[node.start : node.end].rstrip())

    def _close(self, event: CollectionEndEvent) -> None:
        end: Any = event.end_mark
        node = self._stack.pop()
        self._pending.pop()
        if node.flow:
            node.end = end.index
        elif node.values:
            node.end = max(node.values[-1].end, node.keys[-1].end if node.keys else 0)
            node.kept = node.values[-1].kept
        self._attach(node)

    def _attach(self, node: Node) -> None:
        if not self._stack:
            self.roots.append(node)
            return
        parent = self._stack[-1]
        if parent.kind == "list":
            parent.values.append(node)
        elif self._pending[-1] is None:
            self._pending[-1] = node
        else:
            parent.keys.append(self._pending[-1])
            parent.values.append(node)
            self._pending[-1] = None
