"""A map as a table: one line for each source, destination and stretch of ports."""

from __future__ import annotations

import csv as library
import io

from thwart.network.formats import map_format
from thwart.network.mapping import Map

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@map_format
def csv(found: Map) -> str:
    """The map as RFC 4180."""
    buffer = io.StringIO()
    rows = library.writer(buffer)
    rows.writerow(["from_namespace", "from", "to_namespace", "to", "protocol", "first_port", "last_port", "allowed"])
    for one in found.connections:
        allowed = "unknown" if one.unknown else "true"
        spans = found.model.ports.spans(one.ports)
        sources = one.sources
        for destination in one.destinations:
            there = found.groups[destination]
            for source in sources:
                here = found.groups[source]
                for protocol, (first, last) in spans:
                    ends = (here.namespace, _names(here.names), there.namespace, _names(there.names))
                    rows.writerow([*ends, protocol, first, last, allowed])
    return buffer.getvalue()


def _names(names: tuple[str, ...]) -> str:
    text = " ".join(names)
    return f"'{text}" if text.startswith(_FORMULA) else text
