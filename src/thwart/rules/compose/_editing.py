"""How a change of a service is written into its Compose file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from thwart.core.edit import Append, Drop, Edit, Put
from thwart.rules.compose._nodes import Node
from thwart.rules.container._settings import Change, Where


def editor(where: Where, node: Node, keys: Mapping[str, str]) -> Callable[[Change], Edit | None]:
    """What edits a service: `keys` are those that fields are written under, empty where they have the field's name."""

    def edit(change: Change) -> Edit | None:
        if change.verb == "remove" and change.said is not None:
            return Drop(pointer=change.said.where.pointer)
        if change.verb == "replace" and change.said is not None:
            return Put(pointer=change.said.where.pointer, value=change.value)
        key = keys.get(change.field)
        if key is None:
            return None
        if change.verb == "include":
            return _append(node.at(key), (*where.pointer, key), change.value)
        return Put(pointer=(*where.pointer, *_steps(change.field, key, node)), value=change.value)

    return edit


def _append(there: Node | None, pointer: tuple[str | int, ...], value: object) -> Edit | None:
    """To a list in the same place only: one that another file has would be appended to by Compose itself."""
    return Append(pointer=pointer, value=value) if there is None or isinstance(there.value, list) else None


def _steps(field: str, key: str, node: Node) -> tuple[str, ...]:
    """Where a service keeps a limit: with its other limits."""
    deployed = {"memory": "memory", "cpus": "cpus", "pids_limit": "pids"}.get(field)
    if deployed is not None and node.at("deploy", "resources", "limits") is not None:
        return "deploy", "resources", "limits", deployed
    return (key or field,)
