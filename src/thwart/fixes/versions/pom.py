"""Maven's `pom.xml`: the versions of dependencies, and the properties that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from msgspec import Struct, field

from thwart.fixes.versions import ByHand, Edited, Upgrade

_PROPERTY = re.compile(r"\$\{\s*([^${}\s]{1,256})\s*\}")
_PINNED = re.compile(r"\[\s*([^,\[\]()\s]+)\s*\]")
_DEPTH = 64
_NODES = 200_000
_STEPS = 16  # of properties that name properties
_HOMES = (
    ("dependencies",),
    ("dependencyManagement", "dependencies"),
    ("profiles", "profile", "dependencies"),
)


class _Node(Struct):
    """An element: its name, where its tags begin in the bytes, its children."""

    name: str
    start: int
    end: int = 0
    children: list[_Node] = field(default_factory=list)


class _Value(Struct, frozen=True):
    """The text of an element and where it stands, without the white space around it."""

    text: str
    start: int
    end: int


def edited(text: str, upgrade: Upgrade) -> Edited | None:
    """The project with the new version in place of the old one: where a dependency states it, is managed, or names a
    property. None where no dependency has it.

    Raises:
        ByHand: the version is put together from parts, or a range.
    """
    pom = _Pom(text)
    places: dict[int, _Value] = {}
    bold = ""
    for dependency in pom.named(upgrade.name):
        found = pom.version(dependency)
        if found is None or found.text != upgrade.installed:
            continue
        places[found.start] = found
        shared = pom.shared(found, upgrade.name.partition(":")[0])
        bold = bold or (f"{shared} has the same property" if shared else "")
    if not places:
        return None
    data = pom.data
    for at in sorted(places, reverse=True):
        data = data[:at] + upgrade.target.encode() + data[places[at].end :]
    return Edited(text=data.decode(), bold=bold)


class _Pom:
    """One project and its places, which count bytes."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        root = _read(self.data)
        self._homes = [node for home in _HOMES for node in _all([root], home)]
        properties = next((one for one in root.children if one.name == "properties"), None)
        self._properties = {one.name: one for one in properties.children} if properties else {}

    def named(self, name: str) -> Iterator[_Node]:
        """The dependencies of that group and artifact."""
        for home in self._homes:
            for one in home.children:
                if one.name == "dependency" and self._name(one) == name:
                    yield one

    def version(self, dependency: _Node) -> _Value | None:
        """The version that a dependency has, where it is written; None where it states none or another file does.

        Raises:
            ByHand: it is put together from parts.
        """
        stated = self._child(dependency, "version")
        for _ in range(_STEPS):
            if stated is None:
                return None
            pinned = _PINNED.fullmatch(stated.text)
            if pinned is not None:
                start = stated.start + stated.text.encode().index(pinned[1].encode(), 1)
                stated = _Value(pinned[1], start, start + len(pinned[1].encode()))
            found = _PROPERTY.fullmatch(stated.text)
            if found is None:
                if "${" in stated.text:
                    raise ByHand("its version is put together from parts")
                return stated
            node = self._properties.get(found[1])
            stated = self._value(node) if node else None
        return None

    def shared(self, place: _Value, group: str) -> str:
        """Who else uses the property that stands there, beside dependencies of the same group; empty for nobody."""
        name = next((one for one, node in self._properties.items() if node.start < place.start < node.end), "")
        if not name:
            return ""
        used = len(re.findall(rf"\$\{{\s*{re.escape(name)}\s*\}}", self.data.decode()))
        own = 0
        for home in self._homes:
            for one in home.children:
                version = self._child(one, "version") if one.name == "dependency" else None
                found = _PROPERTY.fullmatch(version.text) if version else None
                if found is not None and found[1] == name and self._name(one).partition(":")[0] == group:
                    own += 1
        return "something else" if used > own else ""

    def _name(self, dependency: _Node) -> str:
        parts = [self._child(dependency, key) for key in ("groupId", "artifactId")]
        return ":".join(self._resolved(one.text) if one else "" for one in parts)

    def _resolved(self, text: str) -> str:
        def replaced(found: re.Match[str]) -> str:
            node = self._properties.get(found[1])
            value = self._value(node) if node else None
            return value.text if value else found[0]

        return _PROPERTY.sub(replaced, text)

    def _child(self, node: _Node, name: str) -> _Value | None:
        found = next((one for one in node.children if one.name == name), None)
        return self._value(found) if found else None

    def _value(self, node: _Node) -> _Value | None:
        """The text of an element that has nothing but text."""
        start = self.data.find(b">", node.start) + 1
        raw = self.data[start : node.end]
        if node.children or not 0 < start <= node.end or any(mark in raw for mark in (b"<", b"&")):
            return None
        bare = raw.strip()
        start += len(raw) - len(raw.lstrip())
        return _Value(bare.decode(), start, start + len(bare)) if bare else None


def _all(nodes: list[_Node], path: tuple[str, ...]) -> list[_Node]:
    for name in path:
        nodes = [one for node in nodes for one in node.children if one.name == name]
    return nodes


def _read(data: bytes) -> _Node:
    """The elements of a document.

    Raises:
        ByHand: it is not well-formed, or has a document type declaration, or is no project.
    """
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.UseForeignDTD(True)  # so that `&oslash;` is skipped, as Maven does; nothing is loaded
    open_ = [_Node("", 0)]
    count = 0

    def begin(name: str, _: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > _NODES or len(open_) > _DEPTH:
            raise ByHand("it is too deep or has too many elements")
        node = _Node(name.rpartition(" ")[2], parser.CurrentByteIndex)
        open_[-1].children.append(node)
        open_.append(node)

    def end(_: str) -> None:
        open_.pop().end = parser.CurrentByteIndex

    def refuse(*_: object) -> None:
        raise ByHand("it has a document type declaration")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise ByHand("it is not well-formed") from None
    if open_[0].children[0].name != "project":
        raise ByHand("it is no project")
    return open_[0].children[0]
