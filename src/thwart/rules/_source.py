"""A file as rules see it: parsed once, whoever asks, with places that are worked out only when there is something to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thwart.core.limits import Limits
    from thwart.lib.yaml_positions import Place

MAX_NODES = 4_000_000  # values of one file
LONGEST = 400  # characters of a line that are shown
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_ESCAPES = (b"\\x", b"\\u", b"\\U")


class Source:
    """One file: its name and its bytes. `values` and `place` speak of the YAML or JSON documents in it."""

    __slots__ = ("_lines", "_placed", "_values", "data", "limits", "path")

    def __init__(self, path: str, data: bytes, limits: Limits) -> None:
        self.path = path
        self.data = data
        self.limits = limits
        self._values: tuple[object, ...] | DocumentError | None = None
        self._placed: tuple[object, ...] | None = None
        self._lines: dict[bool, list[str]] = {}

    @property
    def coded(self) -> bool:
        """Whether a word of the text may be there without its bytes: escapes, or another encoding than UTF-8."""
        return b"\0" in self.data or self.data.startswith(_BOMS) or any(one in self.data for one in _ESCAPES)

    def values(self) -> tuple[object, ...]:
        """The value of each document.

        Raises:
            DocumentError: neither YAML nor JSON, or beyond a bound.
        """
        if self._values is None:
            try:
                self._values = self._read()
            except DocumentError as error:
                self._values = error
        if isinstance(self._values, DocumentError):
            raise self._values
        return self._values

    def _read(self) -> tuple[object, ...]:
        if self.data.lstrip()[:1] in (b"{", b"["):
            from thwart.lib import json_bounded

            depth, size = self.limits.json_depth, self.limits.file_bytes
            try:
                return (json_bounded.load(self.data, max_bytes=size, max_depth=depth, max_items=MAX_NODES),)
            except DocumentError as error:
                try:
                    return self._yaml()  # a flow mapping
                except DocumentError:
                    raise error from None
        return self._yaml()

    def _yaml(self) -> tuple[object, ...]:
        from thwart.lib.yaml_positions import load_all

        self._placed = load_all(
            self.data,
            max_bytes=self.limits.yaml_bytes,
            max_depth=self.limits.json_depth,
            max_nodes=MAX_NODES,
            schema="kubernetes",
        )
        return self._placed

    def place(self, document: int, pointer: Sequence[str | int]) -> Place:
        """Where a pointer into a document leads, or what lacks it; (0, 0) in JSON that is no YAML or too large for it."""
        from thwart.core.locate import locate
        from thwart.lib.yaml_positions import Place

        if self._placed is None:
            try:
                self._yaml()
            except DocumentError:  # JSON with tabs, or with escapes that YAML does not have
                self._placed = ()
        if not self._placed or document >= len(self._placed):
            return Place(0, 0)
        return locate(self._placed[document], pointer)

    def line(self, number: int, *, feeds: bool = False) -> str:
        """The text of a line, counted from 1, no longer than a reader can use. With `feeds`, only a line feed ends a line."""
        if feeds not in self._lines:
            encoding = "utf-16" if self.data.startswith(_BOMS) else "utf-8-sig"
            text = self.data.decode(encoding, "replace")
            self._lines[feeds] = text.split("\n") if feeds else text.splitlines()
        lines = self._lines[feeds]
        found = lines[number - 1] if 0 < number <= len(lines) else ""
        return found.rstrip()[:LONGEST]
