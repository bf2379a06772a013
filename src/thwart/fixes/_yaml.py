"""From a changed value to the smallest change of the text: splices, guided by the places of what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from thwart.fixes._tree import LINE_END, MendError, Node, line_end, line_start
from thwart.fixes._values import same
from thwart.fixes._writing import inline, json_lines, lines
from thwart.lib.yaml_positions import YamlMap


class Splice(NamedTuple):
    """The characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class Style(NamedTuple):
    """How a file is written: its line breaks, and how far its mappings and its lists are indented below their keys."""

    newline: str = "\n"
    step: int = 2
    dash: int = 2


class _Seat(NamedTuple):
    """Where a value stands: `lead` is behind the colon or dash before it; what is below it is further right than `column`."""

    lead: int
    column: int
    flow: bool
    listed: bool = False


def style_of(text: str, roots: list[Node]) -> Style:
    """What most of the file does."""
    found = LINE_END.search(text)
    steps: Counter[int] = Counter()
    dashes: Counter[int] = Counter()
    stack = [root for root in roots if not root.flow]
    while stack:
        node = stack.pop()
        for key, value in zip(node.keys, node.values, strict=False):
            if value.flow or not value.values:
                continue
            further = (value.keys[0] if value.kind == "map" else value).place[1] - key.place[1]
            if value.kind == "map":
                steps[further] += 1
            elif not value.anchor:  # a list with an anchor begins at the anchor
                dashes[further] += 1
        stack += [one for one in node.values if not one.flow and one.kind in ("map", "list")]
    step = steps.most_common(1)[0][0] if steps else 2
    dash = dashes.most_common(1)[0][0] if dashes else step
    return Style(found[0] if found else "\n", step if 1 <= step <= 9 else 2, dash if 0 <= dash <= 9 else 2)


class Weaver:
    """Makes the splices of one document."""

    def __init__(self, text: str, root: Node, style: Style, *, json: bool) -> None:
        self._text = text
        self._style = style
        self._json = json
        self._shared = _aliased(root)

    def weave(self, node: Node, old: object, new: object) -> list[Splice]:
        """What changes the text of the root from one value to the other. Entries may be added and changed, not removed.

        Raises:
            MendError: it cannot be done without changing something else.
        """
        column = node.place[1] - 1 if node.flow else -1
        return list(self._node(node, old, new, _Seat(node.start, column, flow=True)))

    def _node(self, node: Node, old: object, new: object, seat: _Seat) -> Iterator[Splice]:
        if same(old, new):
            return
        if node.anchor and node.kind != "alias" and node.anchor in self._shared:
            raise MendError(f"it is anchored as &{node.anchor}, so that others would change with it")
        if node.kind == "map" and node.values and isinstance(old, dict) and isinstance(new, dict) and new:
            yield from self._mapping(node, old, new)
        elif node.kind == "list" and node.values and isinstance(old, list) and isinstance(new, list) and new:
            yield from self._list(node, old, new)
        else:
            yield from self._replace(node, new, seat)

    def _mapping(self, node: Node, old: dict[object, object], new: dict[object, object]) -> Iterator[Splice]:
        names = self._names(node, old)
        column = node.keys[0].place[1] - 1
        for key, value in zip(node.keys, node.values, strict=True):
            name = names.get(key.place)
            if name is not None and not same(old[name], new.get(name)):
                colon = self._colon(key)
                yield from self._node(value, old[name], new.get(name), _Seat(colon, column, node.flow))
        own = {names.get(key.place) for key in node.keys}
        more = {name: value for name, value in new.items() if name not in own and not same(old.get(name, ...), value)}
        if more and node.flow:
            quoted = self._json or self._text[node.keys[0].start] == '"'
            yield from self._flow_entries(node, list(more.items()), quoted=quoted)
        elif more:
            yield self._below(node, column, self._lines(more))

    def _names(self, node: Node, old: dict[object, object]) -> dict[tuple[int, int], object]:
        """The keys that the mapping itself has, by their places; those that are merged into it are not among them."""
        if isinstance(old, YamlMap):
            return {(place.line, place.column): name for name, place in old.keys_at.items()}
        import json

        return {key.place: json.loads(self._text[key.start : key.end]) for key in node.keys}

    def _colon(self, key: Node) -> int:
        at = key.end
        while self._text[at : at + 1] in (" ", "\t") or (self._json and self._text[at : at + 1].isspace()):
            at += 1
        if self._text[at : at + 1] != ":":
            raise MendError("the key is written in a form that is not edited")
        return at + 1

    def _list(self, node: Node, old: list[object], new: list[object]) -> Iterator[Splice]:
        for value, before, after in zip(node.values, old, new, strict=False):
            if not same(before, after):
                dash = value.start if node.flow else self._dash(value) + 1
                column = dash - 1 - line_start(self._text, dash)
                yield from self._node(value, before, after, _Seat(dash, column, node.flow, listed=True))
        more = new[len(old) :]
        if more and node.flow:
            last = self._text[node.values[-1].start] if node.values[-1].start < node.end else ""
            yield from self._flow_entries(node, [(None, one) for one in more], quoted=self._json or last == '"')
        elif more:
            dash = self._dash(node.values[0])
            column = dash - line_start(self._text, dash)
            yield self._below(node, column, self._lines(more))

    def _dash(self, value: Node) -> int:
        """Where the dash before an entry of a block list is."""
        at = value.start - 1
        while at >= 0 and self._text[at] in " \t":
            at -= 1
        if at < 0 or self._text[at] != "-":
            raise MendError("the list is written in a form that is not edited")
        return at

    def _lines(self, value: object) -> list[str]:
        return list(lines(value, step=self._style.step, dash=self._style.dash))

    def _below(self, node: Node, column: int, made: list[str]) -> Splice:
        """Lines behind the last one of a node."""
        indented = [" " * column + line if line else "" for line in made]
        newline = self._style.newline
        if node.kept:  # its blank lines belong to it: what follows begins where it ends
            return Splice(node.end, node.end, newline.join([*indented, ""]))
        at = line_end(self._text, node.end)
        return Splice(at, at, newline + newline.join(indented))

    def _flow_entries(self, node: Node, more: list[tuple[object, object]], *, quoted: bool) -> Iterator[Splice]:
        """More entries between brackets or braces, behind the last and written as it is."""
        last = (node.keys or node.values)[-1]
        begin = line_start(self._text, last.start)
        indent = self._text[begin : last.start]
        alone = not indent.strip() and begin > node.start
        between = f",{self._style.newline}{indent}" if alone else ", "
        written = []
        for key, value in more:
            shown = self._shown(value, indent if alone else None, quoted=quoted)
            written.append(shown if key is None else f"{inline(key, quoted=quoted, within=True)}: {shown}")
        at = max(node.values[-1].end, last.end)
        yield Splice(at, at, between + between.join(written))

    def _shown(self, value: object, indent: str | None, *, quoted: bool) -> str:
        if self._json and indent is not None and value and isinstance(value, dict | list):
            step = "\t" if "\t" in indent else " " * self._style.step
            return json_lines(value, step, indent, self._style.newline)
        return inline(value, quoted=quoted, within=True)

    def _replace(self, node: Node, new: object, seat: _Seat) -> Iterator[Splice]:
        """Another value in the place of one."""
        if seat.flow:
            begin = line_start(self._text, node.start)
            line = self._text[begin : node.start]
            indent = line[: len(line) - len(line.lstrip())] if self._json and begin else None
            text = self._shown(new, indent, quoted=self._json or '"' in self._text[node.start : node.end])
            space = " " if node.start == node.end and self._text[node.start - 1 : node.start] in (":", ",") else ""
            yield Splice(node.start, node.end, space + text)
        elif isinstance(new, dict | list) and new:
            yield from self._replace_by_lines(node, new, seat)
        else:
            yield from self._replace_on_line(node, " " + self._like(node, new), seat)

    def _like(self, node: Node, new: object) -> str:
        """A value on one line; a text in the quotation marks of the one before it."""
        mark = self._text[node.start : node.end][:1]
        if isinstance(new, str) and mark == "'" and new.isprintable():
            return "'" + new.replace("'", "''") + "'"
        return inline(new, quoted=isinstance(new, str) and mark == '"' and new.isprintable())

    def _replace_on_line(self, node: Node, text: str, seat: _Seat) -> Iterator[Splice]:
        first = line_end(self._text, seat.lead)
        yield Splice(seat.lead, min(node.end, first) if node.start < first else seat.lead, text)
        if node.end > first:  # the lines below it
            yield Splice(first, node.end, "")

    def _replace_by_lines(self, node: Node, new: dict[object, object] | list[object], seat: _Seat) -> Iterator[Splice]:
        deeper = 2 if seat.listed else self._style.step if isinstance(new, dict) else self._style.dash
        made = [" " * (seat.column + deeper) + line for line in self._lines(new)]
        newline = self._style.newline
        first = line_end(self._text, seat.lead)
        if node.start == node.end or node.start > first:  # nothing behind the colon but a comment
            yield Splice(first, max(first, node.end), newline + newline.join(made))
            return
        yield Splice(seat.lead, node.end, "")
        last = line_end(self._text, node.end)
        yield Splice(last, last, newline + newline.join(made))

    def step(self, node: Node, value: object, step: str | int) -> tuple[Node, object]:
        """The node and the value that one step leads to.

        Raises:
            MendError: the node itself does not have it.
        """
        if node.kind == "map" and isinstance(value, dict):
            names = self._names(node, value)
            for key, one in zip(node.keys, node.values, strict=True):
                if names.get(key.place) == step:
                    return one, value[step]
        elif node.kind == "list" and isinstance(value, list) and isinstance(step, int) and step < len(node.values):
            return node.values[step], value[step]
        raise MendError("it comes from somewhere else, through an alias or a merge")

    def without(self, path: list[tuple[Node, object]], step: str | int) -> Splice:
        """The splice that removes a key or an entry.

        Args:
            path: the nodes from the root to what holds it, each with its value.
            step: the key or the number of the entry.
        """
        for node, _ in path:
            if node.kind == "alias" or node.anchor in self._shared:
                raise MendError("others share it through an anchor")
        node, value = path[-1]
        if node.kind == "map" and isinstance(value, dict):
            names = self._names(node, value)
            found = [number for number, key in enumerate(node.keys) if names.get(key.place) == step]
            if not found:
                raise MendError("it comes from somewhere else, through a merge")
            starts, number = [key.start for key in node.keys], found[0]
        elif isinstance(step, int):
            starts = [one.start if node.flow else self._dash(one) for one in node.values]
            number = step
        else:
            raise MendError("it is not there")
        ends = [max(one.end, key.end) for one, key in zip(node.values, node.keys or node.values, strict=True)]
        return self._cut(node, starts, ends, number)

    def _cut(self, node: Node, starts: list[int], ends: list[int], number: int) -> Splice:
        start, end = starts[number], ends[number]
        if len(starts) == 1:
            if node.flow:
                return Splice(start, end, "")
            return Splice(start, end, "{}" if node.kind == "map" else "[]")
        if node.flow:
            last = number + 1 == len(starts)
            return Splice(ends[number - 1], end, "") if last else Splice(start, starts[number + 1], "")
        begin = line_start(self._text, start)
        if self._text[begin:start].strip(" "):  # the dash of a list stands before it
            return Splice(start, starts[number + 1], "") if number + 1 < len(starts) else Splice(start, end, "")
        if node.values[number].kept:
            return Splice(begin, end, "")
        after = line_end(self._text, end)
        found = LINE_END.match(self._text, after)
        if found:
            return Splice(begin, found.end(), "")
        return Splice(max(begin - len(self._style.newline), 0), after, "")  # the last line of a file without an end


def _aliased(root: Node) -> frozenset[str]:
    """The anchors that an alias refers to."""
    found = set()
    stack = [root]
    while stack:
        node = stack.pop()
        stack += [*node.keys, *node.values]
        if node.kind == "alias":
            found.add(node.anchor)
    return frozenset(found)


def spliced(text: str, splices: list[Splice]) -> str:
    """The text with all splices made; those at one place in the order in which they were given.

    Raises:
        MendError: two of them overlap.
    """
    pieces, at = [], 0
    for one in sorted(splices, key=lambda one: (one.start, one.end)):
        if one.start < at:
            raise MendError("it overlaps another change")
        pieces += [text[at : one.start], one.text]
        at = one.end
    return "".join([*pieces, text[at:]])
