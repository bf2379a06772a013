"""Maven's project object model, as far as one file tells it.

Source: maven.apache.org POM reference ("Maven Coordinates", "Dependencies", "Dependency Management", "Properties")
and "Introduction to the Dependency Mechanism". What stands in a parent or an imported BOM is not in this file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from msgspec import Struct, field

from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 64
_NODES = 200_000
_TEXT = 4096  # characters of one value: no coordinate or licence name is longer
_EXPANSIONS = 16  # of properties within properties
_REFERENCE = re.compile(r"\$\{([^${}]{1,256})\}")


class Node(Struct):
    """An element: local name, 1-based line, own text, children."""

    name: str
    line: int = 0
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def child(self, name: str) -> Node | None:
        """The first child of that name."""
        return next((one for one in self.children if one.name == name), None)

    def all(self, *path: str) -> Iterator[Node]:
        """Every element that the path of names leads to."""
        nodes = [self]
        for name in path:
            nodes = [one for node in nodes for one in node.children if one.name == name]
        return iter(nodes)

    def value(self, *path: str) -> str:
        """The text of the first element that the path leads to, without white space around it; empty when none."""
        node: Node | None = self
        for name in path:
            node = node.child(name) if node else None
        return node.text.strip() if node else ""


class Dependency(NamedTuple):
    """A declared dependency; `version` is interpolated and managed, as far as this file goes."""

    group: str
    artifact: str
    version: str
    scope: str
    optional: bool
    line: int
    profile: str = ""
    type: str = "jar"
    classifier: str = ""


class _Tree:
    """Builds nodes from expat's events; any document type declaration is refused, so no entity can be declared."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.UseForeignDTD(True)  # so that `&oslash;` is skipped, as Maven does; nothing is loaded
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.open: list[Node] = [Node("")]
        self.count = 0

    def _doctype(self, *_: object) -> None:
        raise ParseError("document type declarations are not allowed in a POM", self.parser.CurrentLineNumber)

    def _start(self, name: str, _: dict[str, str]) -> None:
        self.count += 1
        if len(self.open) > _DEPTH or self.count > _NODES:
            raise ParseError("POM is too deep or has too many elements", self.parser.CurrentLineNumber)
        node = Node(name.rpartition(" ")[2], self.parser.CurrentLineNumber)
        self.open[-1].children.append(node)
        self.open.append(node)

    def _end(self, _: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        node = self.open[-1]
        if len(node.text) < _TEXT:
            node.text += text[: _TEXT - len(node.text)]


def parse(data: bytes) -> Node:
    """The `project` element.

    Raises:
        ParseError: when the document is not well-formed XML, has a document type declaration, is too deep, or is no POM.
    """
    tree = _Tree()
    try:
        tree.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ParseError(f"POM is not well-formed: {expat.ErrorString(error.code)}", error.lineno) from None
    except (ValueError, LookupError):
        raise ParseError("POM has an encoding that is not known") from None
    root = tree.open[0].children[0]
    if root.name != "project":
        raise ParseError(f"not a POM: the root element is {root.name[:60]!r}")
    return root


class Pom:
    """One project: coordinates, properties, dependencies, licences."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.parent = root.child("parent") or Node("parent")
        properties = root.child("properties")
        self._properties = {one.name: one.text.strip() for one in properties.children} if properties else {}
        self._resolved: dict[str, str] = {}
        self._managed: dict[tuple[str, str, str, str], Dependency] = {}
        for one in root.all("dependencyManagement", "dependencies", "dependency"):
            entry = self._dependency(one, "")
            self._managed.setdefault((entry.group, entry.artifact, entry.type, entry.classifier), entry)

    @property
    def coordinates(self) -> tuple[str, str, str]:
        """Group, artifact and version; group and version come from the parent when they are not given."""
        group = self.root.value("groupId") or self.parent.value("groupId")
        version = self.root.value("version") or self.parent.value("version")
        return self.text(group), self.text(self.root.value("artifactId")), self.text(version)

    @property
    def boms(self) -> tuple[Dependency, ...]:
        """The BOMs whose dependency management is imported."""
        return tuple(one for one in self._managed.values() if one.scope == "import" and one.type == "pom")

    @property
    def licences(self) -> tuple[str, ...]:
        """Names of the licences, as they are written; the address where there is no name."""
        found = (one.value("name") or one.value("url") for one in self.root.all("licenses", "license"))
        return tuple(dict.fromkeys(" ".join(one.split()) for one in found if one))

    def dependencies(self) -> Iterator[Dependency]:
        """Declared dependencies with what dependency management adds, then those of the profiles."""
        for one in self.root.all("dependencies", "dependency"):
            yield self._merged(self._dependency(one, ""))
        for profile in self.root.all("profiles", "profile"):
            always = profile.value("activation", "activeByDefault").lower() == "true"
            name = "" if always else profile.value("id") or "?"
            for one in profile.all("dependencies", "dependency"):
                yield self._merged(self._dependency(one, name))

    def _dependency(self, one: Node, profile: str) -> Dependency:
        return Dependency(
            self.text(one.value("groupId")),
            self.text(one.value("artifactId")),
            self.text(one.value("version")),
            self.text(one.value("scope")),
            self.text(one.value("optional")).lower() == "true",
            one.line,
            profile,
            self.text(one.value("type")) or "jar",
            self.text(one.value("classifier")),
        )

    def _merged(self, one: Dependency) -> Dependency:
        managed = self._managed.get((one.group, one.artifact, one.type, one.classifier))
        if managed is None:
            return one
        return one._replace(version=one.version or managed.version, scope=one.scope or managed.scope)

    def text(self, value: str, depth: int = 0) -> str:
        """The value with `${...}` replaced by what this file defines; a reference that leads nowhere stays."""
        if "${" not in value:
            return value
        done = _REFERENCE.sub(lambda found: self._resolve(found[1].strip(), found[0], depth), value)
        return done if len(done) <= _TEXT else value

    def _resolve(self, name: str, reference: str, depth: int) -> str:
        """One property, looked up once; one that leads back to itself, or too deep, stays a reference."""
        known = self._resolved.get(name)
        if known is None:
            self._resolved[name] = reference
            raw = self._defined(name) if depth < _EXPANSIONS else ""
            known = self._resolved[name] = self.text(raw, depth + 1) if raw else reference
        return known

    def _defined(self, name: str) -> str:
        if name in self._properties:
            return self._properties[name]
        short = name.removeprefix("project.").removeprefix("pom.")
        root, parent = self.root, self.parent
        known = {
            "groupId": root.value("groupId") or parent.value("groupId"),
            "artifactId": root.value("artifactId"),
            "version": root.value("version") or parent.value("version"),
            "parent.groupId": parent.value("groupId"),
            "parent.artifactId": parent.value("artifactId"),
            "parent.version": parent.value("version"),
        }
        return known.get(short, "")
