"""A table as `nft -j -f` reads it. Source: libnftables-json(5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from thwart.lib.intervals import Address, Span, blocks_of
from thwart.network.enforcement.names import quoted
from thwart.network.enforcement.ruleset import (
    ADDRESS,
    Addresses,
    Chain,
    Counted,
    Doors,
    Elements,
    Family,
    In,
    Known,
    Line,
    Logged,
    Looked,
    Neighbours,
    Refused,
    Services,
    Statement,
    Table,
    Tcp,
    Verdict,
    Ways,
)
from thwart.network.enforcement.text import NEIGHBOURS

Object = dict[str, Any]
_IP = {4: "ip", 6: "ip6"}


def write_json(table: Table) -> str:
    """The table as a document for `nft -j -f`: loading it replaces what an earlier one of its name said, at once."""
    named = {"table": {"family": "inet", "name": table.name}}
    commands: list[Object] = [
        {"metainfo": {"json_schema_version": 1}},
        {"add": named},
        {"delete": named},
        {"add": named},
    ]
    commands += ({"add": found} for found in _found(table))
    return json.dumps({"nftables": commands}, indent=1) + "\n"


def _found(table: Table) -> Iterator[Object]:
    inside = {"family": "inet", "table": table.name}
    for name, elements in table.sets.items():
        yield {"set": {**inside, "name": name, **_set(elements)}}
    for chain in table.chains:
        yield {"chain": {**inside, "name": chain.name, **_base(chain)}}
    for name, (version, targets) in table.maps.items():
        found = [[str(Address(version, value)), {"goto": {"target": chain}}] for value, chain in targets.items()]
        kind = {"type": ADDRESS[version], "map": "verdict", **({"elem": found} if found else {})}
        yield {"map": {**inside, "name": name, **kind}}
    for chain in table.chains:
        for line in chain.lines:
            yield {"rule": {**inside, "chain": chain.name, **_line(line)}}


def _base(chain: Chain) -> Object:
    if not chain.hook:
        return {}
    return {"type": "filter", "hook": chain.hook, "prio": chain.priority, "policy": "accept"}


def _set(elements: Elements) -> Object:
    if isinstance(elements, Services):
        found: list[Any] = [{"concat": [protocol.lower(), _ports(span)]} for protocol, span in elements.spans]
        return {"type": ["inet_proto", "inet_service"], "flags": ["interval"], "elem": found}
    address = ADDRESS[elements.version]
    if isinstance(elements, Addresses):
        found = [_block(elements.version, span) for span in elements.spans]
        return {"type": address, "flags": ["interval"], "elem": found}
    if isinstance(elements, Doors):
        found = [
            {"concat": [str(Address(elements.version, where)), protocol.lower(), number]}
            for where, protocol, number in elements.doors
        ]
        return {"type": [address, "inet_proto", "inet_service"], "elem": found}
    return {"type": [address, address], "elem": [_way(elements, *way) for way in elements.ways]}


def _way(elements: Ways, source: int, destination: int) -> Object:
    return {"concat": [str(Address(elements.version, source)), str(Address(elements.version, destination))]}


def _ports(span: Span) -> int | Object:
    return span.first if span.first == span.last else {"range": [span.first, span.last]}


def _block(version: int, span: Span) -> str | Object:
    first, last = str(Address(version, span.first)), str(Address(version, span.last))
    size = span.last - span.first + 1
    if size == 1:
        return first
    if size & (size - 1) == 0 and span.first % size == 0:
        return {"prefix": {"addr": first, "len": int(blocks_of(version, span)[0].partition("/")[2])}}
    return {"range": [first, last]}


def _line(line: Line) -> Object:
    found: Object = {"expr": [_statement(one) for one in line.statements]}
    return {**found, "comment": quoted(line.comment)} if line.comment else found


def _statement(one: Statement) -> Object:
    if isinstance(one, In):
        return _is(_matched(one.what, one.version), f"@{one.set}")
    if isinstance(one, Looked):
        return {"vmap": {"key": _matched(one.what, one.version), "data": f"@{one.map}"}}
    if isinstance(one, Family):
        return _is({"meta": {"key": "nfproto"}}, f"ipv{one.version}")
    if isinstance(one, Known):
        return {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}
    if isinstance(one, Neighbours):
        return _is(_payload("icmpv6", "type"), {"set": list(NEIGHBOURS)})
    if isinstance(one, Tcp):
        return _is({"meta": {"key": "l4proto"}}, "tcp")
    if isinstance(one, Counted):
        return {"counter": None}
    if isinstance(one, Logged):
        return {"log": {"prefix": quoted(one.prefix), "group": one.group}}
    if isinstance(one, Refused):
        return {"reject": {"type": "tcp reset"} if one.reset else {"type": "icmpx", "expr": "admin-prohibited"}}
    return _verdict(one)


def _verdict(one: Verdict) -> Object:
    return {one.what: {"target": one.target} if one.target else None}


def _is(left: Object, right: Any) -> Object:  # noqa: ANN401 - a value of the schema
    return {"match": {"op": "==", "left": left, "right": right}}


def _payload(protocol: str, field: str) -> Object:
    return {"payload": {"protocol": protocol, "field": field}}


def _matched(what: str, version: int) -> Object:
    ip = _IP.get(version, "")
    source, destination = _payload(ip, "saddr"), _payload(ip, "daddr")
    service = [{"meta": {"key": "l4proto"}}, _payload("th", "dport")]
    return {
        "source": source,
        "destination": destination,
        "service": {"concat": service},
        "door": {"concat": [destination, *service]},
        "way": {"concat": [source, destination]},
    }[what]
