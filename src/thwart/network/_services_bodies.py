"""What an object says outside of `spec` and `status`: annotations, and the bodies of Endpoints and EndpointSlices.

A typed pass over a dump builds heads and specs only, as those are all that a hundred thousand pods need. The few objects
that say more are looked up in a second pass, which is made only when one of them is met.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from thwart.core.limits import DEFAULT, Limits
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.network.documents import MAX_VALUES, Item
from thwart.network.origins import JsonOrigin, YamlOrigin
from thwart.network.selectors import Invalid

T = TypeVar("T")


class _Items(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


class _Meta(msgspec.Struct):
    annotations: dict[str, str | None] | None = None


class _Annotated(msgspec.Struct):
    metadata: _Meta | None = None


class Bodies:
    """The objects of one file, by the order in which they were read."""

    def __init__(self, data: bytes = b"", limits: Limits = DEFAULT) -> None:
        self._data = data
        self._limits = limits
        self._marks: dict[bytes, bool] = {}
        self._raw: list[msgspec.Raw] | None = None
        self.met = -1  # the number of the object that is being read

    def decode(self, item: Item, type_: type[T]) -> T | None:
        """The whole object in this shape; None when it is not to be had.

        Raises:
            Invalid: it has another shape.
        """
        whole = self._whole(item)
        if whole is None:
            return None
        try:
            return Item(item.api, item.kind, item.meta, item.origin, whole, None).spec(type_)
        except Invalid as invalid:
            raise Invalid(invalid.pointer[1:], invalid.why.removeprefix("spec.")) from None

    def annotations(self, item: Item, mark: bytes) -> dict[str, str]:
        """The annotations; none where the file does not hold the mark that their keys have."""
        if not isinstance(item.origin, YamlOrigin) and not self._holds(mark):
            return {}
        try:
            found = self.decode(item, _Annotated)
        except Invalid:
            return {}
        if found is None or found.metadata is None:
            return {}
        return {key: value or "" for key, value in (found.metadata.annotations or {}).items()}

    def _holds(self, mark: bytes) -> bool:
        """Whether the file holds a key with the mark; one can be written with escapes."""
        if mark not in self._marks:
            self._marks[mark] = mark in self._data or b"\\u" in self._data
        return self._marks[mark]

    def _whole(self, item: Item) -> object:
        if isinstance(item.origin, YamlOrigin):
            return item.origin.root
        if not isinstance(item.origin, JsonOrigin):
            return None
        if self._raw is None:
            self._raw = self._objects()
        return self._raw[self.met] if 0 <= self.met < len(self._raw) else None

    def _objects(self) -> list[msgspec.Raw]:
        try:
            top = json_bounded.load_as(self._data, _Items, max_bytes=self._limits.file_bytes, max_items=MAX_VALUES)
        except DocumentError:
            top = None
        if top is None:
            return []
        return top.items if top.items is not None else [msgspec.Raw(self._data)]
