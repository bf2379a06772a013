"""Values of Compose files with the files that they stand in, and how one file's are laid over another's.

Source: the Compose Specification, "Merge" (mappings by key, sequences appended, `!reset` and `!override`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import YamlList, YamlMap
from thwart.rules.compose._interpolate import fill
from thwart.rules.container._settings import Where

if TYPE_CHECKING:
    from thwart.rules import Source
    from thwart.rules._view import Pointer

MAX_NODES = 250_000  # values of one project
_REPLACED = {("command",), ("entrypoint",), ("healthcheck", "test")}
_PAIRS = {  # lists of KEY=VALUE are mappings
    ("annotations",),
    ("build", "args"),
    ("build", "labels"),
    ("environment",),
    ("labels",),
    ("sysctls",),
    ("deploy", "labels"),
    ("extra_hosts",),
}
_NAMES = {("depends_on",), ("networks",), ("models",)}  # lists of names are mappings to nothing
_SEQUENCES = {("dns",), ("dns_opt",), ("dns_search",), ("env_file",), ("label_file",), ("tmpfs",)}  # one text is a list


class Node:
    """A value and where it stands. `value` is None, a scalar, a list of nodes or a mapping of names to nodes.

    `unset` are variables in it without a value, `outside` is whether any of its text stood in another file, `tag` is
    `reset` or `override` where it has that tag.
    """

    __slots__ = ("error", "outside", "tag", "unset", "value", "where")

    def __init__(self, value: Any, where: Where) -> None:  # noqa: ANN401 - whatever the document has
        self.value = value
        self.where = where
        self.unset: tuple[str, ...] = ()
        self.outside = False
        self.error = ""
        self.tag = ""

    def holding(self, value: Any) -> Node:  # noqa: ANN401 - as above
        """The same with another mapping or list in it."""
        node = Node(value, self.where)
        node.tag = self.tag
        return node

    @property
    def mapping(self) -> dict[str, Node]:
        """Its entries; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The entries of a list; none of anything else."""
        return self.value if isinstance(self.value, list) else []

    def at(self, *keys: str) -> Node | None:
        """The value there; None where it is missing or null."""
        node: Node | None = self
        for key in keys:
            node = node.mapping.get(key) if node is not None else None
        return node if node is not None and node.value is not None else None

    def walk(self) -> Iterator[Node]:
        """Itself and everything in it."""
        left = [self]
        while left:
            node = left.pop()
            yield node
            left += node.mapping.values() if isinstance(node.value, dict) else node.items


class Builder:
    """Makes nodes of documents, with variables put in; of no more values than one project may have."""

    def __init__(self) -> None:
        self._left = MAX_NODES
        self.unset = False  # whether any variable had no value
        self.tagged = False  # whether any file has `!reset` or `!override`

    def build(self, root: dict[str, object], file: Source, document: int, values: Mapping[str, str]) -> Node:
        """The nodes of a document, without its extensions, which only serve as anchors.

        Raises:
            DocumentError: there are too many.
        """
        tags = _tags(file)
        self.tagged = self.tagged or bool(tags)

        def make(value: object, pointer: Pointer, tag: str) -> Node:
            self._left -= 1
            if self._left < 0:
                raise DocumentError(f"a Compose project of more than {MAX_NODES} values")
            node = Node(value, Where(pointer, None, file, document))
            node.tag = tag
            if isinstance(value, YamlMap):
                node.value = {
                    key: make(one, (*pointer, key), tags.get(value.values_at[key], "") if tags else "")
                    for key, one in value.items()
                }
            elif isinstance(value, YamlList):
                node.value = [
                    make(one, (*pointer, index), tags.get(value.items_at[index], "") if tags else "")
                    for index, one in enumerate(value)
                ]
            elif isinstance(value, dict):
                node.value = {str(key): make(one, (*pointer, str(key)), "") for key, one in value.items()}
            elif isinstance(value, list):
                node.value = [make(one, (*pointer, index), "") for index, one in enumerate(value)]
            elif isinstance(value, str) and "$" in value:
                node.value, node.unset, node.outside, node.error = fill(value, values)
                self.unset = self.unset or bool(node.unset)
            return node

        sections = {key: make(one, (key,), "") for key, one in root.items() if not key.startswith("x-")}
        return Node(sections, Where((), None, file, document))


def _tags(file: Source) -> dict[tuple[int, int], str]:
    """Where `!reset` and `!override` stand, which the values do not tell."""
    if b"!reset" not in file.data and b"!override" not in file.data:
        return {}
    import yaml
    from yaml.events import NodeEvent

    found: dict[tuple[int, int], str] = {}
    try:
        for event in yaml.parse(file.data, Loader=yaml.CSafeLoader):
            if isinstance(event, NodeEvent) and getattr(event, "tag", None) in ("!reset", "!override"):
                mark: Any = event.start_mark
                found[mark.line + 1, mark.column + 1] = event.tag[1:]  # type: ignore[attr-defined]
    except (yaml.YAMLError, ValueError):  # of one document of several
        pass
    return found


def merged(base: Node, over: Node, path: tuple[str, ...] = ()) -> Node:
    """What a service comes to when `over` is laid over `base`; `path` leads from the service to the two."""
    if over.tag == "override" or base.value is None or path in _REPLACED:
        return over
    if over.value is None:
        return base
    if path == ("build",):
        base, over = (_context(one) if isinstance(one.value, str) else one for one in (base, over))
    if path == ("logging",) and _driver(base) and _driver(over) and _driver(base) != _driver(over):
        return over
    if path in _PAIRS:
        base, over = _paired(base), _paired(over)
    elif path in _NAMES:
        base, over = _named(base), _named(over)
    elif path in _SEQUENCES:
        base, over = _sequence(base), _sequence(over)
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        return Node(_mapping(base.value, over.value, path), base.where)
    if isinstance(base.value, list) and isinstance(over.value, list):
        return Node(_appended(base.value, over.value), base.where)
    return over


def _mapping(base: dict[str, Node], over: dict[str, Node], path: tuple[str, ...]) -> dict[str, Node]:
    result = dict(base)
    for key, one in over.items():
        if one.tag == "reset":
            result.pop(key, None)
        else:
            result[key] = merged(result[key], one, (*path, key)) if key in result and path not in _PAIRS else one
    return result


def _appended(base: list[Node], over: list[Node]) -> list[Node]:
    """The two lists one after the other, without texts that stand there already."""
    there = {one.value for one in base if isinstance(one.value, str)}
    return base + [
        one for one in over if one.tag != "reset" and not (isinstance(one.value, str) and one.value in there)
    ]


def unique(service: Node) -> Node:
    """A service with one volume and one device for each target: the last one, as Compose has it after each file."""
    found = dict(service.mapping)
    for key in ("volumes", "devices"):
        node = found.get(key)
        if node is not None and len(node.items) > 1:
            once = {_target(one, key) or index: one for index, one in enumerate(node.items)}
            found[key] = node.holding(list(once.values()))
    return service.holding(found) if isinstance(service.value, dict) else service


def _target(node: Node, key: str) -> str:
    """Where a volume or a device stands in the container: what it is known by."""
    if isinstance(node.value, dict):
        target = node.at("target")
        return str(target.value) if target is not None else ""
    from thwart.rules.compose._syntax import volume

    if not isinstance(node.value, str):
        return ""
    if key == "devices":
        parts = node.value.split(":")
        return parts[1] if len(parts) > 1 else parts[0]
    found = volume(node.value)
    return found.target if found is not None else ""


def _context(node: Node) -> Node:
    return Node({"context": node}, node.where)


def _driver(node: Node) -> object:
    found = node.at("driver")
    return found.value if found is not None else None


def _paired(node: Node) -> Node:
    return Node(pairs(node), node.where)


def _named(node: Node) -> Node:
    if isinstance(node.value, dict):
        return node
    return Node({str(one.value): Node(None, one.where) for one in node.items}, node.where)


def _sequence(node: Node) -> Node:
    return node if isinstance(node.value, list) else Node([node], node.where)


def pairs(node: Node, separators: str = "=") -> dict[str, Node]:
    """A mapping, or a list of `KEY=VALUE`, as a mapping; a key without a value has None."""
    if isinstance(node.value, dict):
        return node.value
    found: dict[str, Node] = {}
    for one in node.items:
        if not isinstance(one.value, str):
            continue
        at = min((i for i in map(one.value.find, separators) if i >= 0), default=-1)
        name, value = (one.value, None) if at < 0 else (one.value[:at], one.value[at + 1 :])
        child = Node(value, one.where)
        child.unset, child.outside = one.unset, one.outside
        found[name] = child
    return found


def without_reset(node: Node) -> Node:
    """The same without what `!reset` takes away, where there is nothing under it."""
    for one in node.walk():
        if isinstance(one.value, dict):
            one.value = {key: child for key, child in one.value.items() if child.tag != "reset"}
        elif isinstance(one.value, list):
            one.value = [child for child in one.value if child.tag != "reset"]
    return node
