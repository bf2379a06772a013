"""YAML from strangers: bounded in size, depth and number of nodes, every key and item with its place.

Built on libyaml's events and a stack of our own, so that no depth of input reaches Python's.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import yaml
    from yaml.events import AliasEvent, Event, NodeEvent, ScalarEvent


class Place(NamedTuple):
    """1-based line and column."""

    line: int
    column: int


class YamlMap(dict[Any, Any]):
    """A mapping that knows where it begins, where each key and value stands, and which keys were given twice.

    A key given twice keeps its last value and is listed in `repeated`; the mapping that is a document says with `repeats`
    whether anything in it does that. Keys merged by `<<` keep the places of their source.
    """

    __slots__ = ("keys_at", "place", "repeated", "repeats", "values_at")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[Any, Place] = {}
        self.values_at: dict[Any, Place] = {}
        self.repeated: list[tuple[Any, Place]] | tuple[()] = ()
        self.repeats = False


class YamlList(list[Any]):
    """A sequence that knows where it and each item begin."""

    __slots__ = ("items_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.items_at: list[Place] = []


def load_all(
    data: bytes, *, max_bytes: int, max_depth: int, max_nodes: int, typed: bool = True, schema: str = "core"
) -> tuple[Any, ...]:
    """The values of all documents in the stream; an empty stream has none.

    `typed` resolves plain scalars by the core schema (YAML 1.2.2 section 10.3.2): null, true/false, numbers; without it
    every scalar is its text, which is what versions like `1.10` need. Tags other than the core ones are passed over.
    With the `schema` `kubernetes`, plain scalars are resolved as sigs.k8s.io/yaml does for kubectl: YAML 1.1's words for
    booleans, octal numbers with a leading 0, underscores in numbers; and every key is text.
    Aliases are shared objects and count towards `max_nodes` with all that they expand to.

    Raises:
        DocumentError: malformed, or beyond a bound.
    """
    import yaml

    if len(data) > max_bytes:
        raise DocumentError(f"YAML of {len(data)} bytes, more than the {max_bytes} allowed")
    resolve = _text if not typed else _kubernetes if schema == "kubernetes" else _core
    builder = _Builder(max_depth, max_nodes, resolve)
    try:
        return builder.documents(yaml.CSafeLoader(data))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        raise DocumentError(f"not YAML: {error.reason}", data.count(b"\n", 0, error.position) + 1) from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"not YAML: {' '.join(str(error).split())}") from None


_MERGE = object()
_ABSENT = object()
_ITEM = object()
# how plain scalars begin that may be something else than text, and the merge key
_SUSPECT = frozenset(["", *"~nNtTfFyYoO.+-0123456789<"])


class _Frame:
    """A container under construction. Its `key` waits for a value; or it is _ABSENT, or, in a sequence, always _ITEM."""

    __slots__ = ("anchor", "key", "key_at", "merges", "node", "weight")

    def __init__(self, node: YamlMap | YamlList, key: object, anchor: str | None, weight: int) -> None:
        self.node: Any = node  # `key` says which of the two
        self.anchor = anchor
        self.weight = weight  # nodes counted before this one
        self.key = key
        self.key_at = node.place
        self.merges: list[object] = []


class _Builder:
    """Every scalar of every document passes through: what looks unrolled here is what costs."""

    def __init__(self, max_depth: int, max_nodes: int, resolve: Callable[[ScalarEvent], object]) -> None:
        self._max_depth = max_depth
        self._max_nodes = max_nodes
        self._resolve = resolve
        self._key_text = _key_text if resolve is _kubernetes else _same
        self._nodes = 0
        self._repeats = False  # in this document
        self._frame = _Frame(YamlList(Place(1, 1)), _ITEM, None, 0)  # the stream, whose items are documents
        self._above: list[_Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}

    def documents(self, events: yaml.CSafeLoader) -> tuple[Any, ...]:
        from yaml import events as kinds

        handlers: dict[type, Callable[[Any], None]] = {
            kinds.ScalarEvent: self._scalar,
            kinds.MappingStartEvent: self._mapping,
            kinds.SequenceStartEvent: self._sequence,
            kinds.MappingEndEvent: self._close,
            kinds.SequenceEndEvent: self._close,
            kinds.AliasEvent: self._alias,
            kinds.DocumentStartEvent: lambda _: self._anchors.clear(),
        }
        end = kinds.StreamEndEvent
        while True:
            event = events.get_event()
            kind = type(event)
            if kind is end:
                return tuple(self._frame.node)
            handler = handlers.get(kind)
            if handler is not None:
                handler(event)

    def _scalar(self, event: ScalarEvent) -> None:
        mark: Any = event.start_mark
        place = _tuple(Place, (mark.line + 1, mark.column + 1))
        self._nodes += 1
        if self._nodes > self._max_nodes:
            self._count(0, place)
        frame = self._frame
        value: Any = event.value
        key = frame.key is _ABSENT
        if value[:1] in _SUSPECT:
            if key and value == "<<" and event.implicit[0]:
                frame.key = _MERGE
                return
            value = self._resolve(event)
            if key:
                value = self._key_text(value)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        if key:
            frame.key, frame.key_at = value, place
        else:
            self._attach(frame, value, place)

    def _mapping(self, event: NodeEvent) -> None:
        self._open(event, YamlMap(_place(event)), _ABSENT)

    def _sequence(self, event: NodeEvent) -> None:
        self._open(event, YamlList(_place(event)), _ITEM)

    def _open(self, event: NodeEvent, node: YamlMap | YamlList, key: object) -> None:
        self._count(1, node.place)
        if len(self._above) >= self._max_depth:
            raise DocumentError(f"YAML is nested more than {self._max_depth} deep", node.place.line)
        if event.anchor is not None:
            self._anchors[event.anchor] = (_ABSENT, 0)
        self._above.append(self._frame)
        self._frame = _Frame(node, key, event.anchor, self._nodes - 1)

    def _close(self, _: Event) -> None:
        frame = self._frame
        for merged in frame.merges:
            _merge(frame.node, merged)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.node, self._nodes - frame.weight)
        self._frame = self._above.pop()
        if self._repeats and not self._above:
            self._repeats = False
            if isinstance(frame.node, YamlMap):
                frame.node.repeats = True
        self._attach(self._frame, frame.node, frame.node.place)

    def _alias(self, event: AliasEvent) -> None:
        place = _place(event)
        if event.anchor not in self._anchors:
            raise DocumentError(f"YAML alias *{event.anchor} has no anchor", place.line)
        value, weight = self._anchors[event.anchor]
        if value is _ABSENT:
            raise DocumentError(f"YAML alias *{event.anchor} stands inside its own anchor", place.line)
        self._count(weight, place)
        self._attach(self._frame, value, place)

    def _count(self, more: int, place: Place) -> None:
        self._nodes += more
        if self._nodes > self._max_nodes:
            raise DocumentError(f"YAML of more than {self._max_nodes} nodes", place.line)

    def _attach(self, frame: _Frame, value: object, place: Place) -> None:
        key, node = frame.key, frame.node
        if key is _ITEM:
            node.append(value)
            node.items_at.append(place)
            return
        if key is _ABSENT:
            if isinstance(value, dict | list):
                raise DocumentError("YAML key is not a scalar", place.line)
            frame.key, frame.key_at = value, place
            return
        frame.key = _ABSENT
        if key is _MERGE:
            frame.merges.append(value)
            return
        if key in node:
            node.repeated = node.repeated or []
            node.repeated.append((key, frame.key_at))
            self._repeats = True
        node[key] = value
        node.keys_at[key] = frame.key_at
        node.values_at[key] = place


_tuple: Any = tuple.__new__  # half the time of Place(..), and called for every node


def _place(event: Event) -> Place:
    mark: Any = event.start_mark  # only hand-made events have none
    place: Place = _tuple(Place, (mark.line + 1, mark.column + 1))
    return place


def _merge(node: YamlMap | YamlList, merged: object) -> None:
    """Fill in what `node` does not say itself; earlier sources win (yaml.org/type/merge)."""
    for source in _sources(merged):
        for key, value in source.items():
            if key not in node and isinstance(node, YamlMap):
                node[key] = value
                node.keys_at[key] = source.keys_at[key]
                node.values_at[key] = source.values_at[key]


def _sources(merged: object) -> Iterator[YamlMap]:
    for source in merged if isinstance(merged, YamlList) else (merged,):
        if isinstance(source, YamlMap):
            yield source


_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"


def _text(event: ScalarEvent) -> object:
    return event.value


def _same(value: object) -> object:
    return value


def _core(event: ScalarEvent) -> object:
    """A scalar's value; quoted text and whatever no rule claims stays text."""
    text: str = event.value
    tag: str | None = event.tag
    core = tag is not None and tag.startswith(_TAG) and tag != _TAG + "str"
    if not event.implicit[0] and not core:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[:1] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if math.isinf(number) else number  # too large to be a number here
    return text


_KUBERNETES_WORDS = {
    **_CONSTANTS,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_BASED = re.compile(
    r"([-+]?)(?:0([xX])([0-9a-fA-F]{1,16})|0([oO]?)([0-7]{1,22})|0([bB])([01]{1,64})|([1-9][0-9]{0,19}|0))"
)
_GO_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def _kubernetes(event: ScalarEvent) -> object:
    """A scalar as sigs.k8s.io/yaml (goyaml.v2, resolve.go) reads it."""
    text: str = event.value
    if not event.implicit[0] and (event.tag is None or not event.tag.startswith(_TAG) or event.tag == _TAG + "str"):
        return text
    if text in _KUBERNETES_WORDS:
        return _KUBERNETES_WORDS[text]
    if text[:1] not in "+-.0123456789":
        return text
    bare = text if text.startswith(".") else text.replace("_", "")
    whole = _BASED.fullmatch(bare)
    if whole:
        number = _go_integer(whole)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _GO_FLOAT.fullmatch(bare):
        value = float(bare)
        return text if math.isinf(value) else value
    return text


def _go_integer(match: re.Match[str]) -> int:
    sign, _, hexadecimal, _, octal, _, binary, decimal = match.groups()
    for digits, base in ((hexadecimal, 16), (octal, 8), (binary, 2), (decimal, 10)):
        if digits is not None:
            return int(sign + digits, base)
    raise AssertionError("one of the alternatives matched")


def _key_text(value: object) -> str:
    """A key that is no text, as JSON needs it (sigs.k8s.io/yaml, convertToJSONableObject)."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
