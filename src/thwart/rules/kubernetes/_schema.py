"""Objects against the API that Kubernetes publishes: which fields there are, and what they hold, in which version.

The table is made by tools/build_schemas.py. Kinds that it does not have, those of operators, are passed over.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from thwart.rules._view import Pointer

_MOST = 100  # mistakes of one object that are told
_NAMES = {
    "s": "text",
    "i": "a whole number",
    "n": "a number",
    "b": "true or false",
    "x": "a whole number or text",
    "q": "a quantity",
    "o": "a mapping",
    "[": "a list",
    "{": "a mapping",
    "#": "a mapping",
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "s": str,
    "i": int,
    "n": (int, float),
    "b": bool,
    "x": (int, str),
    "q": (int, float, str),
    "o": dict,
    "[": list,
    "{": dict,
    "#": dict,
}


# by a scalar's type, what takes it whatever its value is
_SCALARS: dict[type, tuple[str, ...]] = {
    str: ("s", "x", "q", "*"),
    bool: ("b", "*"),
    int: ("i", "x", "n", "q", "*"),
    float: ("n", "q", "*"),
}


class Mistake(NamedTuple):
    """What is wrong with a field: `kind` is `unknown`, `type` or `missing`."""

    kind: str
    pointer: Pointer
    phrase: str


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(pkgutil.get_data(__name__, "_schemas.json") or b"")
    return table


def mistakes(node: object, pointer: Pointer, api: str, kind: str, minor: int) -> list[Mistake]:
    """What the API server of that version refuses of an object, with strict validation of fields.

    Null is nothing everywhere, as for the server. An older version than the table knows gives none, a newer one is taken
    for the newest.
    """
    table = _table()
    minor = min(minor, table["last"])
    known = table["kinds"].get(f"{api}/{kind}")
    if known is None or not known[1] <= minor <= known[2]:
        return []
    found = []
    for mistake in _walk(node, pointer, f"#{known[0]}", minor):
        found.append(mistake)
        if len(found) == _MOST:
            break
    return found


def _walk(node: object, pointer: Pointer, what: str, minor: int) -> Iterator[Mistake]:
    left = [(node, pointer, what)]
    while left:
        node, pointer, what = left.pop()
        if node is None or what == "*":
            continue
        if not _fits(node, what[0]):
            yield Mistake("type", pointer, f"is {_called(node)} where {_NAMES[what[0]]} is asked for")
        elif isinstance(node, list):
            left += [(one, (*pointer, index), what[1:]) for index, one in enumerate(node)]
        elif isinstance(node, dict) and what[0] == "{":
            left += [(one, (*pointer, key), what[1:]) for key, one in node.items() if not _plain(one, what[1:])]
        elif isinstance(node, dict) and what[0] == "#":
            fields, _ = _shape(what[1:], minor)
            yield from _names(node, pointer, what[1:], minor)
            left += [
                (one, (*pointer, key), fields[key])
                for key, one in node.items()
                if key in fields and not _plain(one, fields[key])
            ]


def _names(node: dict[str, Any], pointer: Pointer, name: str, minor: int) -> Iterator[Mistake]:
    """Fields that there are not, and those that are required and missing."""
    fields, required = _shape(name, minor)
    for key in node:
        if key not in fields and not key.startswith("$"):  # a directive of kustomize's patches
            yield Mistake("unknown", (*pointer, key), _unknown(key, _table()["types"][name], minor))
    for field in required if pointer else ():
        if node.get(field) is None:
            yield Mistake("missing", (*pointer, field), f"lacks {field}, which is required")


def _plain(node: object, what: str) -> bool:
    """Whether it is nothing, or a scalar where such a one may be, as most of a manifest is."""
    return node is None or what in _SCALARS.get(type(node), ())


@cache
def _shape(name: str, minor: int) -> tuple[dict[str, str], list[str]]:
    """What each field of a type holds in a version, and which of them must be there."""
    fields = _table()["types"][name]
    held = {key: _held(spans, minor) for key, spans in fields.items()}
    required = [key for key, spans in fields.items() if (spans if isinstance(spans, str) else spans[0][0])[0] == "!"]
    return {key: what.removeprefix("!") for key, what in held.items() if what}, required


def _unknown(key: str, fields: dict[str, Any], minor: int) -> str:
    from difflib import get_close_matches

    if key in fields:
        spans = fields[key]
        when = f"only from 1.{spans[0][1]} to 1.{spans[-1][2]}" if spans[-1][2] < minor else f"from 1.{spans[0][1]} on"
        return f"has the field {key[:80]}, which is there {when}"
    close = get_close_matches(key[:80], list(fields), 1)
    return f"has the field {key[:80]}, which there is not" + (f" (is it {close[0]}?)" if close else "")


def _held(spans: str | list[list[Any]], minor: int) -> str:
    if isinstance(spans, str):
        return spans
    return next((str(what) for what, first, last in spans if first <= minor <= last), "")


def _fits(node: object, what: str) -> bool:
    if isinstance(node, bool):
        return what == "b"
    if what in "ix" and isinstance(node, float):
        return node.is_integer()
    return isinstance(node, _TYPES[what])


def _called(node: object) -> str:
    if isinstance(node, bool):
        return "true or false"
    if isinstance(node, int | float):
        return "a number"
    if isinstance(node, str):
        return "text"
    return "a list" if isinstance(node, list) else "a mapping"
