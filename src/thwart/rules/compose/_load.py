"""From the files of a Compose project to its services: overrides laid over, `include` and `extends` followed.

Source: the Compose Specification, "Merge", "Include", and "Services" (`extends`). Only files that lie beside the first one,
and that the caller lets be read, are followed; what is missing is told, and the service is then not complete.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from thwart.core.finding import Diagnostic
from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import YamlList, YamlMap
from thwart.rules.compose._interpolate import dotenv
from thwart.rules.compose._nodes import Builder, Node, merged, unique, without_reset
from thwart.rules.container._settings import Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from thwart.rules import Source

BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")  # the first that is there counts
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_SECTIONS = ("services", "networks", "volumes")
_MOST_FILES = 200
_DEEPEST = 100  # files that include each other, services that extend each other
_MOST_TOLD = 20


class Model(Struct):
    """A project: its sections, each with merged entries; `lacking` are services whose base could not be read."""

    sections: dict[str, dict[str, Node]] = field(default_factory=lambda: {name: {} for name in _SECTIONS})
    name: str = ""
    version: Where | None = None
    lacking: set[str] = field(default_factory=set)
    unset: bool = False  # whether a variable has no value


class _Chain(NamedTuple):
    """Services that extend each other, from `root` on, each as its file and its name."""

    root: str
    above: tuple[tuple[str, str], ...]
    values: Mapping[str, str]
    lacking: set[str]


class Loader:
    """Reads one project. `problems` are what could not be followed or is not as Compose wants it."""

    def __init__(self) -> None:
        self.problems: list[Diagnostic] = []
        self._builder = Builder()
        self._roots: dict[tuple[int, int], list[Node]] = {}  # by the file and the variables that were put in
        self._files: set[str] = set()

    def load(self, files: list[Source]) -> Model:
        """The project of these files, each laid over those before it.

        Raises:
            DocumentError: the first of them cannot be read.
        """
        model = Model()
        self._lay(model, files, _variables(files[0]), ())
        if self._builder.tagged:
            for section in model.sections.values():
                for one in section.values():
                    without_reset(one)
        model.unset = self._builder.unset
        return model

    def tell(self, node: Where | Node | None, sentence: str, *, incomplete: bool = True, path: str = "") -> None:
        """A diagnostic, with the place of a node."""
        where = node.where if isinstance(node, Node) else node
        place = ""
        if where is not None and where.file is not None:
            path = path or where.file.path
            line = where.file.place(where.document, where.pointer).line
            place = f"line {line}: " if line else ""
        one = Diagnostic(slug="compose-problem", message=f"{place}{sentence}", path=path, incomplete=incomplete)
        if len(self.problems) < _MOST_TOLD and one not in self.problems:
            self.problems.append(one)

    def _lay(self, model: Model, files: list[Source], values: Mapping[str, str], above: tuple[str, ...]) -> None:
        for index, file in enumerate(files):
            try:
                roots = self._documents(file, values)
            except DocumentError as error:
                if index == 0 and not above:
                    raise
                self._unread(file, error)
                continue
            for root in roots:
                self._document(model, root, file, values, above)

    def _unread(self, file: Source, error: DocumentError) -> None:
        place = f"line {error.line}: " if error.line else ""
        self.problems.append(Diagnostic(slug="unreadable", message=f"{place}{error.reason}", path=file.path))

    def _documents(self, file: Source, values: Mapping[str, str]) -> list[Node]:
        key = (id(file), id(values))
        if key not in self._roots:
            roots = [
                self._builder.build(one, file, index, values)
                for index, one in enumerate(file.values())
                if isinstance(one, dict)
            ]
            if file.path not in self._files:
                self._repeated(file)
            self._files.add(file.path)
            self._roots[key] = [_legacy(root) for root in roots]
        return self._roots[key]

    def _repeated(self, file: Source) -> None:
        """Tell of keys that were given twice, which Compose refuses."""
        left: list[object] = list(file.values())
        seen: set[int] = set()
        while left:
            node = left.pop()
            if id(node) in seen or not isinstance(node, YamlMap | YamlList):
                continue
            seen.add(id(node))
            if isinstance(node, YamlMap):
                for key, place in node.repeated:
                    told = (
                        f"line {place.line}: {str(key)[:80]!r} stands twice in one mapping, where the last one counts"
                    )
                    self.tell(None, told, incomplete=False, path=file.path)
                left += node.values()
            else:
                left += node

    def _document(
        self, model: Model, root: Node, file: Source, values: Mapping[str, str], above: tuple[str, ...]
    ) -> None:
        if not above:
            name, version = root.at("name"), root.at("version")
            model.name = str(name.value) if name is not None and not name.unset else model.name
            model.version = version.where if version is not None else model.version
        own = Model(lacking=model.lacking)
        for section in _SECTIONS:
            found = root.at(section)
            if found is not None and not isinstance(found.value, dict):
                self.tell(found, f"{section} is no mapping, so that nothing in it was judged")
            own.sections[section] = dict(found.mapping) if found is not None else {}
        self._include(own, root.at("include"), file, values, (*above, file.path))
        services = own.sections["services"]
        for key in list(services):
            self._extended(key, services, _Chain(key, ((file.path, key),), values, model.lacking))
        own.sections["services"] = {key: unique(one) for key, one in services.items()}
        for section in _SECTIONS:
            into = model.sections[section]
            for key, one in own.sections[section].items():
                if one.tag == "reset":
                    into.pop(key, None)
                elif key in into:
                    into[key] = merged(into[key], one)
                else:
                    into[key] = one

    # -- include ------------------------------------------------------------------------------------------------------

    def _include(
        self, own: Model, included: Node | None, file: Source, values: Mapping[str, str], above: tuple[str, ...]
    ) -> None:
        if included is None:
            return
        if not isinstance(included.value, list):
            self.tell(included, "include is no list, so that nothing of it was judged")
        for one in included.items:
            paths = one.at("path") if isinstance(one.value, dict) else one
            names = [] if paths is None else paths.items or [paths]
            files = [found for name in names if (found := self._file(name, file, "included")) is not None]
            if not files:
                continue
            if files[0].path in above or len(above) > _DEEPEST:
                self.tell(one, f"{files[0].path} includes itself")
                continue
            inner = Model(lacking=own.lacking)
            self._lay(inner, files, {**self._environment(one, files[0], file), **values}, above)
            for section in _SECTIONS:
                into = own.sections[section]
                for key, node in inner.sections[section].items():
                    into[key] = merged(node, into[key]) if key in into else node

    def _environment(self, one: Node, first: Source, file: Source) -> dict[str, str]:
        stated = one.at("env_file") if isinstance(one.value, dict) else None
        if stated is None:
            return _variables(first)
        found: dict[str, str] = {}
        for name in stated.items or [stated]:
            beside = file.beside(name.value) if isinstance(name.value, str) else None
            found |= dotenv(beside.data) if beside is not None else {}
        return found

    def _file(self, name: Node, file: Source, how: str) -> Source | None:
        """The file that a value names; None, told, where it cannot be had."""
        path = name.value
        if not isinstance(path, str) or name.unset:
            self.tell(name, f"what is {how} here has no name that is known, so that it was not judged")
            return None
        found = None if "://" in path or path.startswith(("git@", "oci:")) else file.beside(path)
        if found is None:
            self.tell(name, f"{path[:200]!r}, which is {how} here, is not at hand, so that it was not judged")
        elif len(self._files) >= _MOST_FILES:
            self.tell(name, f"a project of more than {_MOST_FILES} files")
            return None
        return found

    # -- extends ------------------------------------------------------------------------------------------------------

    def _extended(self, key: str, services: dict[str, Node], chain: _Chain) -> Node:
        """A service with what it extends below it."""
        service = services[key]
        extends = service.at("extends") if isinstance(service.value, dict) else None
        if extends is None:
            return service
        base = self._base(key, extends, services, chain)
        if base is None:
            chain.lacking.add(chain.root)
            return service
        result = merged(base, service)
        rest = {one: node for one, node in result.mapping.items() if one != "extends"}
        services[key] = Node(rest, service.where) if isinstance(result.value, dict) else result
        return services[key]

    def _base(self, key: str, extends: Node, services: dict[str, Node], chain: _Chain) -> Node | None:
        """What a service extends; None, told, where it cannot be had."""
        name = extends.at("service") if isinstance(extends.value, dict) else extends
        other = extends.at("file") if isinstance(extends.value, dict) else None
        file = extends.where.file
        if name is None or not isinstance(name.value, str) or name.unset or file is None:
            self.tell(extends, f"what service {key} extends has no name that is known")
            return None
        if other is not None:
            file, services = self._services(other, file, chain.values)
            if file is None:
                return None
        here = (file.path, name.value)
        if here in chain.above:
            self.tell(extends, f"service {key} extends itself")
        elif len(chain.above) > _DEEPEST:
            self.tell(extends, f"more than {_DEEPEST} services extend each other")
        elif name.value not in services:
            self.tell(extends, f"service {key} extends {name.value[:80]!r}, which is not in {file.path}")
        else:
            return self._extended(name.value, services, chain._replace(above=(*chain.above, here)))
        return None

    def _services(self, other: Node, file: Source, values: Mapping[str, str]) -> tuple[Source | None, dict[str, Node]]:
        """The services of a file that one names; no file, told, where it cannot be had."""
        found = self._file(other, file, "extended")
        if found is None:
            return None, {}
        try:
            roots = self._documents(found, values)
        except DocumentError as error:
            self._unread(found, error)
            return None, {}
        return found, {
            name: unique(one) for root in roots if (at := root.at("services")) for name, one in at.mapping.items()
        }


def files_of(source: Source) -> list[Source]:
    """The files that Compose reads together with this one, in their order; this one alone where it is none of those."""
    name = posixpath.basename(source.path)
    if name not in BASES and name not in OVERRIDES:
        return [source]
    base = next((one for one in map(source.beside, BASES) if one is not None), None)
    over = next((one for one in map(source.beside, OVERRIDES) if one is not None), None)
    if base is None or over is None or source not in (base, over):
        return [source]
    return [base, over]


def _variables(file: Source) -> dict[str, str]:
    beside = file.beside(".env")
    return dotenv(beside.data) if beside is not None else {}


def _legacy(root: Node) -> Node:
    """A file of the first format, where services stand at the root, as one of today."""
    if "services" in root.mapping or not root.mapping:
        return root
    services = {key: one for key, one in root.mapping.items() if "image" in one.mapping or "build" in one.mapping}
    if len(services) != len(root.mapping):
        return root
    return Node({"services": Node(services, root.where)}, root.where)
