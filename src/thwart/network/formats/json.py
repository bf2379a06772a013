"""A map for programs: `thwart-net-map-v1`."""

from __future__ import annotations

import msgspec

from thwart._version import __version__
from thwart.network.formats import map_format
from thwart.network.mapping import Connection, Map


@map_format
def json(found: Map) -> str:
    """Groups, connections between sets of groups, the matrix of namespaces, and what could not be done."""
    document = {
        "schema": "thwart-net-map-v1",
        "tool": {"name": "thwart", "version": __version__},
        "groups": [
            {"id": g.number, "what": g.what, "namespace": g.namespace, "names": g.names, "pods": g.pods}
            for g in found.groups
        ],
        "connections": [_connection(found, one) for one in found.connections],
        "matrix": None
        if found.matrix is None
        else [{"from": here, "to": there, "reach": word} for (here, there), word in sorted(found.matrix.items())],
        "diagnostics": [
            {"slug": d.slug, "message": d.message, "path": d.path, "incomplete": d.incomplete}
            for d in found.model.world.diagnostics
        ],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def _connection(found: Map, one: Connection) -> dict[str, object]:
    return {
        "from": one.sources,
        "to": one.destinations,
        "allowed": "unknown" if one.unknown else True,
        "ports": [
            {"protocol": protocol, "first": span.first, "last": span.last}
            for protocol, span in found.model.ports.spans(one.ports)
        ],
    }
