"""A file as rules see it: parsed once, whoever asks, with places that are worked out only when there is something to tell."""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from thwart.core.limits import Limits
    from thwart.lib.yaml_positions import Place

MAX_NODES = 4_000_000  # values of one file
LONGEST = 400  # characters of a line that are shown
_MOST_PADDING = 32_000_000  # empty lines that are parsed for the places of documents in a broken file
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_ESCAPES = (b"\\x", b"\\u", b"\\U")
_BETWEEN = re.compile(
    rb"^---(?=[ \t\r\n]|$)", re.MULTILINE
)  # YAML 1.2.2, section 9.1.2: nothing else may begin a line so


class Source:
    """One file: its name and its bytes. `values` and `place` speak of the YAML or JSON documents in it.

    `template` says that it is a template, of which only what is stated literally is among the values.
    """

    __slots__ = ("_lines", "_near", "_placed", "_read_file", "_values", "broken", "data", "limits", "path", "template")

    def __init__(
        self, path: str, data: bytes, limits: Limits, read_file: Callable[[str], bytes | None] | None = None
    ) -> None:
        self.path = path
        self.data = data
        self.limits = limits
        self._values: tuple[object, ...] | DocumentError | None = None
        self._placed: tuple[object, ...] | None = None
        self._lines: dict[bool, list[str]] = {}
        self.broken: list[DocumentError] = []
        # a chart's template may be YAML by chance; any other file is one only if it cannot be read otherwise
        self.template = b"{{" in data and "/templates/" in f"/{path}" and path.endswith((".yaml", ".yml"))
        self._read_file = read_file
        self._near: dict[str, Source | None] = {}  # shared by all files that one leads to

    @property
    def coded(self) -> bool:
        """Whether a word of the text may be there without its bytes: escapes, or another encoding than UTF-8."""
        return b"\0" in self.data or self.data.startswith(_BOMS) or any(one in self.data for one in _ESCAPES)

    def values(self) -> tuple[object, ...]:
        """The value of each document. Of several, one that cannot be read is None, and is told in `broken`.

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

    def forget(self) -> None:
        """Let go of what was parsed; it is parsed again when somebody asks."""
        self._values = self._placed = None
        self._near = {}
        self._lines.clear()

    def beside(self, path: str) -> Source | None:
        """Another file, by its path from this one's folder; None where there is none, or none that may be read."""
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), path))
        if whole == posixpath.normpath(self.path):
            return self
        if whole not in self._near:
            data = self._read_file(whole) if self._read_file is not None and "\0" not in whole else None
            other = None if data is None else Source(whole, data, self.limits, self._read_file)
            if other is not None:
                other._near = self._near  # noqa: SLF001 - one of its own kind
            self._near[whole] = other
        return self._near[whole]

    def _yaml(self) -> tuple[object, ...]:
        from thwart.lib.go_template import literal

        data = literal(self.data) if self.template else self.data
        try:
            self._placed = self._load(data)
        except DocumentError as error:
            if b"{{" in self.data and not self.template:
                self.template = True
                return self._yaml()
            if not error.line or data.startswith(_BOMS):
                raise
            self._placed = self._piecemeal(data, error)
        return self._placed

    def _load(self, data: bytes) -> tuple[object, ...]:
        from thwart.lib.yaml_positions import load_all

        return load_all(
            data,
            max_bytes=self.limits.yaml_bytes,
            max_depth=self.limits.json_depth,
            max_nodes=MAX_NODES,
            schema="kubernetes",
        )

    def _piecemeal(self, data: bytes, error: DocumentError) -> tuple[object, ...]:
        """The documents one by one, None for each that cannot be read; raises `error` where that helps nothing.

        Each is parsed below as many empty lines as stand before it, so that places are those of the file.
        """
        starts = [0, *(mark.start() for mark in _BETWEEN.finditer(data)), len(data)]
        found: list[object] = []
        broken: list[DocumentError] = []
        above = padding = 0
        for begin, end in pairwise(starts):
            piece = data[begin:end]
            padding += above
            if padding > _MOST_PADDING:
                raise error
            try:
                found += self._load(b"\n" * above + piece)
            except DocumentError as one:
                broken.append(one)
                found.append(None)
            above += piece.count(b"\n")
        if all(one is None for one in found):
            raise error
        self.broken = broken
        return tuple(found)

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
