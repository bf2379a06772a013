"""Kubernetes objects out of YAML and JSON, typed as the API server types them, with their places.

A list of a hundred thousand pods is one pass of a typed JSON decoder; places in JSON are worked out only when asked for.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct, field

from thwart.core.limits import Limits
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import YamlMap, load_all
from thwart.network.model import Origin, Pointer
from thwart.network.origins import JsonOrigin, NoOrigin, YamlOrigin
from thwart.network.selectors import Invalid, shown

T = TypeVar("T")

MAX_VALUES = 40_000_000  # of one JSON file: about half a million pods
MAX_NODES = 4_000_000  # of one YAML file
_NOTHING = msgspec.Raw(b"null")
_MOST_UNKNOWN = 20  # fields that are dropped from one object
_FORBIDDEN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_SEPARATOR = re.compile(rb"^---(?=\s|\Z)", re.MULTILINE)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class Owner(msgspec.Struct):
    """`metadata.ownerReferences[]`."""

    kind: str | None = None
    name: str | None = None
    controller: bool | None = None


class Meta(msgspec.Struct, rename="camel"):
    """`metadata`."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str | None] | None = None
    annotations: dict[str, str | None] | None = None
    creation_timestamp: str | None = None
    owner_references: list[Owner] | None = None


class _RawHead(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None
    metadata: Meta | None = None
    spec: msgspec.Raw = _NOTHING
    specs: msgspec.Raw = _NOTHING
    status: msgspec.Raw = _NOTHING


class _RawTop(_RawHead, rename="camel"):
    items: list[_RawHead] | None = None


class _Head(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None
    metadata: Meta | None = None
    spec: Any = None
    specs: Any = None
    status: Any = None


class Item(Struct):
    """One object. `spec` and `status` decode on demand."""

    api: str
    kind: str
    meta: Meta
    origin: Origin
    _spec: object
    _status: object
    _specs: object = None  # of a kind that can have several
    unknown: list[Pointer] = field(default_factory=list)  # fields that the shape does not have

    def spec(self, type_: type[T]) -> T:
        """The spec in this shape; Invalid when it has another, as the API server's decoder would say.

        Fields that a shape forbids are dropped, as the API server drops them, and noted in `unknown`.
        """
        try:
            return _decode(self._spec, type_, "spec")
        except _UnknownField:
            return self._without_unknown(type_)

    def _without_unknown(self, type_: type[T]) -> T:
        spec = msgspec.json.decode(self._spec) if isinstance(self._spec, msgspec.Raw) else copy.deepcopy(self._spec)
        for _ in range(_MOST_UNKNOWN):
            try:
                return _decode(spec, type_, "spec")
            except _UnknownField as found:
                self.unknown.append(found.pointer)
                _drop(spec, found.pointer[1:])
        raise Invalid(self.unknown[0], f"it has more than {_MOST_UNKNOWN} fields that its kind does not know")

    def status(self, type_: type[T]) -> T | None:
        """The status in this shape; None when it has another: what a controller wrote is no claim of the user's."""
        try:
            return _decode(self._status, type_, "status")
        except Invalid:
            return None

    @property
    def content(self) -> object:
        """Something that is equal for equal specs."""
        found = (self._spec, self._specs)
        return tuple(bytes(one) if isinstance(one, msgspec.Raw) else one for one in found)

    @property
    def has_spec(self) -> bool:
        """Whether there is a spec."""
        return self._spec not in (None, _NOTHING)

    def several(self) -> list[Any] | None:
        """The entries of `specs`, which kinds of Cilium have; None where there is none."""
        try:
            found = msgspec.json.decode(self._specs) if isinstance(self._specs, msgspec.Raw) else self._specs
        except (msgspec.MsgspecError, RecursionError, ValueError):
            raise Invalid(("specs",), "it cannot be decoded") from None
        if found is not None and not isinstance(found, list):
            raise Invalid(("specs",), "specs must be a list")
        return found

    def with_spec(self, spec: object) -> Item:
        """The same object with another spec."""
        return Item(self.api, self.kind, self.meta, self.origin, spec, None)

    @property
    def name(self) -> str:
        """The object's name, or what it will begin with."""
        return self.meta.name or self.meta.generate_name or ""

    @property
    def namespace(self) -> str:
        """The namespace; `default` where none is given."""
        return self.meta.namespace or "default"

    @property
    def labels(self) -> dict[str, str]:
        """The object's labels."""
        return labels_of(self.meta)

    @property
    def what(self) -> str:
        """Kind, namespace and name, for messages."""
        return f"{self.kind} {self.meta.namespace + '/' if self.meta.namespace else ''}{self.name}"


def labels_of(meta: Meta | None) -> dict[str, str]:
    """The labels; a null value is an empty one, as Go decodes it."""
    if meta is None or not meta.labels:
        return {}
    return {key: value or "" for key, value in meta.labels.items()}


class _UnknownField(Invalid):
    """A field that the shape does not have; the last step of the pointer is its name."""


def _drop(spec: object, pointer: Pointer) -> None:
    for step in pointer[:-1]:
        spec = cast("Any", spec)[step]
    cast("Any", spec).pop(pointer[-1], None)


_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}  # one for each shape: making one takes longer than using it


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    if type_ not in _DECODERS:
        _DECODERS[type_] = msgspec.json.Decoder(type_)
    return _DECODERS[type_]


def _decode(value: object, type_: type[T], name: str) -> T:
    try:
        if isinstance(value, msgspec.Raw):
            return type_() if value == _NOTHING else _decoder(type_).decode(value)
        return msgspec.convert({} if value is None else value, type_)
    except msgspec.ValidationError as error:
        raise _misfit(error, (name,)) from None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Invalid((name,), "it cannot be decoded") from None


def _misfit(error: msgspec.ValidationError, root: Pointer) -> Invalid:
    sentence, _, path = str(error).partition(" - at `$")
    steps: list[str | int] = list(root)
    for name, index in _STEP.findall(path.rstrip("`")):
        if index == "...":
            break
        steps.append(name or int(index))
    unknown = _FORBIDDEN.match(sentence)
    if unknown:
        return _UnknownField((*steps, unknown[1]), f"there is no field {shown(unknown[1])}")
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    return Invalid(
        tuple(steps), f"{where}: {sentence[:1].lower()}{sentence[1:].replace('`', '').replace(' | null', '')}"
    )


def read_items(path: str, data: bytes, limits: Limits) -> Iterator[Item | tuple[Origin, str, Invalid]]:
    """The objects of one file, lists opened; in place of one that does not fit, its origin, what it is and why.

    Raises:
        DocumentError: the file is neither YAML nor JSON, or beyond a bound.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        top = json_bounded.load_as(data, _RawTop, max_bytes=limits.file_bytes, max_items=MAX_VALUES)
        if top is not None:
            yield from _raw_items(path, data, top)
            return
    try:
        documents = load_all(
            data, max_bytes=limits.yaml_bytes, max_depth=limits.json_depth, max_nodes=MAX_NODES, schema="kubernetes"
        )
    except DocumentError as error:
        if data.lstrip()[:1] not in (b"{", b"["):
            yield from _around(path, data, limits, error)
            return
        documents = (
            json_bounded.load(data, max_bytes=limits.file_bytes, max_depth=limits.json_depth, max_items=MAX_VALUES),
        )
    for document in documents:
        yield from _loose_items(path, document)


def _around(
    path: str, data: bytes, limits: Limits, error: DocumentError
) -> Iterator[Item | tuple[Origin, str, Invalid]]:
    """The documents around a broken one, as kubectl takes each by itself; then the error.

    Raises:
        DocumentError: always, once everything else was given.
    """
    starts = [0, *(found.start() for found in _SEPARATOR.finditer(data)), len(data)]
    lines = 0
    spent = 0
    for first, last in itertools.pairwise(starts):
        part = data[first:last]
        spent += lines + len(part)
        if len(starts) < 3 or spent > limits.yaml_bytes:  # lines are kept by blank ones, which must not add up
            break
        try:
            documents = load_all(
                b"\n" * lines + part,
                max_bytes=limits.yaml_bytes,
                max_depth=limits.json_depth,
                max_nodes=MAX_NODES,
                schema="kubernetes",
            )
        except DocumentError:
            documents = ()
        for document in documents:
            yield from _loose_items(path, document)
        lines += part.count(b"\n")
    raise error


def _raw_items(path: str, data: bytes, top: _RawTop) -> Iterator[Item]:
    heads: list[_RawHead] = top.items if top.items is not None else [top]
    listed = (top.kind or "List").removesuffix("List")
    multiline = data.count(b"\n", 0, 1 << 16) > 1
    lines = _Lines(data) if multiline else None
    for head in heads:
        kind = head.kind or listed  # `kubectl get --raw` leaves the kinds of items out
        api = head.api_version or top.api_version or ""
        origin: Origin
        if _wants_lines(kind):
            raw = bytes(head.spec if head.spec != _NOTHING else head.specs)
            origin = JsonOrigin(path, lines.find(raw) if lines else 1, raw)
        else:
            origin = JsonOrigin(path, 0 if multiline else 1, b"")
        yield Item(api, kind, head.metadata or Meta(), origin, head.spec, head.status, head.specs)


def _wants_lines(kind: str) -> bool:
    return "Polic" in kind or "Firewall" in kind or "Authentication" in kind


class _Lines:
    """Line numbers of pieces that are asked for in the order in which they stand in the file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._line = 1

    def find(self, piece: bytes) -> int:
        found = self._data.find(piece, self._at)
        if found < 0:
            return 0
        self._line += self._data.count(b"\n", self._at, found)
        self._at = found
        return self._line


def _loose_items(
    path: str, document: object, kind: str = "", api: str = ""
) -> Iterator[Item | tuple[Origin, str, Invalid]]:
    if document is None:
        return
    origin: Origin = YamlOrigin(path, document) if isinstance(document, YamlMap) else NoOrigin(path)
    if isinstance(document, dict) and not kind and _is_object(document) and not isinstance(document.get("kind"), str):
        yield origin, "an object", Invalid(("metadata",), "it has no kind")
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind") or kind or None, str):
        yield Item("", "", Meta(), origin, None, None)  # compose files, chart values: not ours to refuse
        return
    listed = str(document.get("kind") or kind)
    items = document.get("items")
    if listed.endswith("List") and isinstance(items, list):
        for item in items:
            yield from _loose_items(path, item, listed.removesuffix("List"), str(document.get("apiVersion") or ""))
        return
    if listed == "List" and items is not None:
        yield origin, listed, Invalid(("items",), "items must be a list")
        return
    try:
        head = msgspec.convert(document, _Head)
    except (msgspec.ValidationError, ValueError) as error:
        if not isinstance(error, msgspec.ValidationError):
            error = msgspec.ValidationError("it cannot be decoded")
        yield origin, listed or "an object", _misfit(error, ())
        return
    yield Item(
        head.api_version or api, head.kind or kind, head.metadata or Meta(), origin, head.spec, head.status, head.specs
    )


def _is_object(document: dict[object, object]) -> bool:
    """Whether it was meant for the API server: an API and a name, as charts' and tools' own files do not have them."""
    meta = document.get("metadata")
    return isinstance(document.get("apiVersion"), str) and isinstance(meta, dict) and bool(meta.get("name"))
