"""Scopes from a lockfile's own graph, for the formats that write down edges instead of scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node")
Edges = Callable[[Node], Iterable[Node]]


def scopes(roots: Mapping[str, Iterable[Node]], edges: Edges[Node], optional: Edges[Node]) -> dict[Node, str]:
    """The strongest scope by which each node is reached: run-time, then `optional`, then `dev`.

    `roots` are the direct dependencies by scope. What a run-time node needs only optionally is `optional`.
    Nodes that nothing reaches are left out. Linear in nodes and edges.
    """
    known: dict[Node, str] = {}
    _spread(known, "", roots.get("", ()), edges)
    asides = [aside for node in list(known) for aside in optional(node)]
    _spread(known, "optional", [*roots.get("optional", ()), *asides], lambda node: [*edges(node), *optional(node)])
    _spread(known, "dev", roots.get("dev", ()), lambda node: [*edges(node), *optional(node)])
    return known


def _spread(known: dict[Node, str], scope: str, starts: Iterable[Node], edges: Edges[Node]) -> None:
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in known:
            known[node] = scope
            waiting.extend(edges(node))
