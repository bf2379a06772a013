"""A map for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.formats import map_format
from thwart.network.mapping import Map


@map_format
def dot(found: Map) -> str:
    """The map as a digraph: a box for each namespace, an edge for each pair, its ports as the label."""
    lines = ["digraph network {", "  rankdir=LR;", "  node [shape=box];"]
    for area in sorted({group.namespace for group in found.groups}):
        inside = [group for group in found.groups if group.namespace == area]
        nodes = [f"    n{group.number} [label={_quoted(', '.join(group.names[:3]))}];" for group in inside]
        if area:
            lines += [f"  subgraph {_quoted('cluster_' + area)} {{", f"    label={_quoted(area)};", *nodes, "  }"]
        else:
            lines += nodes
    lines += _edges(found)
    return "\n".join([*lines, "}"]) + "\n"


def _edges(found: Map) -> Iterator[str]:
    for one in found.connections:
        style = ", style=dashed" if one.unknown else ""
        label = _quoted(found.ports(one) + (" ?" if one.unknown else ""))
        sources = one.sources
        for destination in one.destinations:
            for source in sources:
                yield f"  n{source} -> n{destination} [label={label}{style}];"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
