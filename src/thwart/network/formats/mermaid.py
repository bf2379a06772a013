"""A map for Mermaid, which GitHub and GitLab draw in place."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.formats import map_format
from thwart.network.mapping import Map


@map_format
def mermaid(found: Map) -> str:
    """The map as a flowchart; dotted arrows are unknown."""
    lines = ["flowchart LR"]
    for number, area in enumerate(sorted({group.namespace for group in found.groups})):
        inside = [group for group in found.groups if group.namespace == area]
        nodes = [f"    n{group.number}[{_quoted(', '.join(group.names[:3]))}]" for group in inside]
        lines += [f"  subgraph s{number}[{_quoted(area)}]", *nodes, "  end"] if area else nodes
    lines += _edges(found)
    return "\n".join(lines) + "\n"


def _edges(found: Map) -> Iterator[str]:
    for one in found.connections:
        arrow = "-.->" if one.unknown else "-->"
        label = _quoted(found.ports(one))
        sources = one.sources
        for destination in one.destinations:
            for source in sources:
                yield f"  n{source} {arrow}|{label}| n{destination}"


def _quoted(text: str) -> str:
    escaped = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return '"' + escaped.replace("\n", " ") + '"'
