"""Edits of the documents in one YAML or JSON file, each held against what it means before it counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from thwart.core.edit import Append, Drop, Pointer, Put
from thwart.core.limits import Limits
from thwart.core.locate import written
from thwart.fixes._tree import MendError, Node, trees
from thwart.fixes._values import applied, contradict, ordered, same
from thwart.fixes._yaml import Splice, Weaver, spliced, style_of
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import load_all

DocumentEdit = Put | Append | Drop

_MAX_NODES = 4_000_000


class Documents(Struct, frozen=True):
    """A text, the values of its documents, and whether it is JSON."""

    text: str
    values: tuple[object, ...]
    json: bool
    limits: Limits

    @classmethod
    def read(cls, text: str, limits: Limits) -> Documents:
        """Read a file's text.

        Raises:
            MendError: it is neither YAML nor JSON, or beyond a bound.
        """
        data = text.encode()
        if text.lstrip()[:1] in ("{", "["):
            try:
                value = json_bounded.load(
                    data, max_bytes=limits.file_bytes, max_depth=limits.json_depth, max_items=_MAX_NODES
                )
            except DocumentError:
                pass  # a flow mapping
            else:
                return cls(text, (value,), True, limits)
        try:
            values = load_all(
                data,
                max_bytes=limits.yaml_bytes,
                max_depth=limits.json_depth,
                max_nodes=_MAX_NODES,
                schema="kubernetes",
            )
        except DocumentError as error:
            where = f"line {error.line}: " if error.line else ""
            raise MendError(f"it cannot be read: {where}{error.reason}") from None
        return cls(text, values, False, limits)

    def edited(self, edits: Iterable[DocumentEdit]) -> Documents:
        """The file with the edits made.

        Raises:
            MendError: one of them cannot be made, or not without changing something else.
        """
        chosen = ordered(edits)
        grown = self._grown([edit for edit in chosen if not isinstance(edit, Drop)])
        for edit in chosen:
            if isinstance(edit, Drop):
                grown = grown.without(edit)
        return grown

    def added(self, text: str, newline: str) -> Documents:
        """The file with one more document at its end.

        Raises:
            MendError: it is JSON, or the text is no document.
        """
        if self.json:
            raise MendError("a JSON file has only one document")
        more = Documents.read(text, self.limits)
        whole = self.text + (newline if self.text and not self.text.endswith(("\n", "\r")) else "")
        whole += "---" + newline + newline.join(text.removeprefix("---\n").splitlines()) + newline
        return self._proved(whole, (*self.values, *more.values))

    def _grown(self, edits: Sequence[Put | Append]) -> Documents:
        """With all edits that remove nothing, in one go."""
        wanted = list(self.values)
        for edit in edits:
            if not 0 <= edit.document < len(wanted):
                raise MendError(f"there is no document {edit.document + 1}")
            wanted[edit.document] = applied(wanted[edit.document], edit)
        if same(wanted, list(self.values)):
            return self
        roots = self._roots()
        style = style_of(self.text, roots)
        splices: list[Splice] = []
        for root, old, new in zip(roots, self.values, wanted, strict=True):
            if not same(old, new):
                splices += Weaver(self.text, root, style, json=self.json).weave(root, old, new)
        return self._proved(spliced(self.text, splices), tuple(wanted))

    def without(self, edit: Drop) -> Documents:
        """The file without what the pointer leads to; raises as `edited` does."""
        if not 0 <= edit.document < len(self.values):
            raise MendError(f"there is no document {edit.document + 1}")
        old = self.values[edit.document]
        new = applied(old, edit)
        if same(old, new):
            return self
        roots = self._roots()
        root = roots[edit.document]
        weaver = Weaver(self.text, root, style_of(self.text, roots), json=self.json)
        *above, last = edit.pointer
        path = _path(weaver, root, old, tuple(above))
        holder, _ = path[-1]
        if len(holder.values) == 1 and above and not holder.flow:
            cuts = weaver.weave(root, old, new)
        else:
            cuts = [weaver.without(path, last)]
        wanted = [*self.values[: edit.document], new, *self.values[edit.document + 1 :]]
        return self._proved(spliced(self.text, cuts), tuple(wanted))

    def _roots(self) -> list[Node]:
        roots = trees(self.text, json=self.json)
        if len(roots) != len(self.values):
            raise MendError("its documents cannot be told apart")
        return roots

    def _proved(self, text: str, wanted: tuple[object, ...]) -> Documents:
        """The new text, if it says exactly what is wanted."""
        made = Documents.read(text, self.limits)
        if made.json != self.json or not same(list(made.values), list(wanted)):
            raise MendError("it cannot be written here without changing something else")
        return made


def _path(weaver: Weaver, root: Node, value: object, pointer: Pointer) -> list[tuple[Node, object]]:
    path = [(root, value)]
    for step in pointer:
        node, value = path[-1]
        path.append(weaver.step(node, value, step))
    return path


class Claims:
    """What edits have been promised for one file, to tell who contradicts whom."""

    def __init__(self) -> None:
        self._at: dict[tuple[int, Pointer], list[DocumentEdit]] = {}
        self._below: dict[tuple[int, Pointer], list[DocumentEdit]] = {}

    def objection(self, edits: Iterable[DocumentEdit]) -> str:
        """Why the edits cannot be made with those that were promised; empty when they can."""
        for edit in edits:
            where, pointer = edit.document, edit.pointer
            related = list(self._below.get((where, pointer), ()))
            for length in range(len(pointer)):
                related += self._at.get((where, pointer[:length]), ())
            for other in related:
                if contradict(edit, other):
                    return f"another fix writes something else at {written(other.pointer)}"
        return ""

    def promise(self, edits: Iterable[DocumentEdit]) -> None:
        """Take note of edits."""
        for edit in edits:
            self._at.setdefault((edit.document, edit.pointer), []).append(edit)
            for length in range(len(edit.pointer) + 1):
                self._below.setdefault((edit.document, edit.pointer[:length]), []).append(edit)
