"""Mappings of a file, read strictly: unknown keys are mistakes with their line and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.lib.yaml_positions import YamlList, YamlMap
from thwart.network.selectors import shown


class Mistake(Exception):  # noqa: N818 - a verdict about a file
    """Something in an intents file that cannot be meant so."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


class Value(NamedTuple):
    """A node of the file, and its line. Scalars are text."""

    node: object
    line: int

    def text(self, what: str) -> str:
        """The value as text that is not empty."""
        if not isinstance(self.node, str) or not self.node:
            raise Mistake(self.line, f"{what} must be text")
        return self.node

    def flag(self, what: str) -> bool:
        """The value as true or false."""
        if self.node not in ("true", "false"):
            raise Mistake(self.line, f"{what} must be true or false")
        return self.node == "true"

    def items(self, what: str) -> list[Value]:
        """The items of a list; a single value is a list of one."""
        if not isinstance(self.node, YamlList):
            return [self]
        if not self.node:
            raise Mistake(self.line, f"{what} is an empty list")
        return [Value(node, at.line) for node, at in zip(self.node, self.node.items_at, strict=True)]

    def fields(self, what: str, known: Iterable[str]) -> Fields:
        """The value as a mapping that has no other keys."""
        if not isinstance(self.node, YamlMap):
            raise Mistake(self.line, f"{what} must be a mapping")
        return Fields(self.node, self.line, what, tuple(known))


class Fields:
    """A mapping whose keys are known."""

    def __init__(self, node: YamlMap, line: int, what: str, known: tuple[str, ...]) -> None:
        for key, place in node.repeated:
            raise Mistake(place.line, f"{what} has the key {shown(str(key))} twice")
        for key in node:
            if key not in known:
                raise Mistake(node.keys_at[key].line, f"{what} has no key {shown(str(key))}{meant(str(key), known)}")
        self._node = node
        self._what = what
        self.line = line

    def __contains__(self, key: str) -> bool:
        return key in self._node

    def __iter__(self) -> Iterator[str]:
        return iter(self._node)

    def get(self, key: str) -> Value | None:
        """The value of a key, if it is given."""
        if key not in self._node:
            return None
        return Value(self._node[key], self._node.values_at[key].line)

    def need(self, key: str) -> Value:
        """The value of a key that must be given."""
        found = self.get(key)
        if found is None:
            raise Mistake(self.line, f"{self._what} needs the key {key!r}")
        return found


def meant(word: str, known: Iterable[str]) -> str:
    """`: did you mean …?` where a known word is near."""
    import difflib

    if ")" in word:
        return ": a selector with commas needs quotes inside braces"
    near = difflib.get_close_matches(word[:100], list(known), 1)
    return f": did you mean {near[0]!r}?" if near else ""
