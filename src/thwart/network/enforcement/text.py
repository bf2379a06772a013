"""A table as nftables reads it from a file. Source: nftables(8)."""

from __future__ import annotations

from collections.abc import Iterator

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
)

NEIGHBOURS = ("nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert")
_IP = {4: "ip", 6: "ip6"}
_STEP = 8  # elements in a line


def write_text(table: Table) -> str:
    """The table as a file for `nft -f`: loading it replaces what an earlier one of its name said, at once."""
    head = f"# made by thwart; policies: {table.policies}, pods and hosts with rules: {table.pods}\n"
    replace = f"table inet {table.name}\ndelete table inet {table.name}\n"
    return head + replace + "\n".join(("table inet " + table.name + " {", *_body(table), "}", ""))


def _body(table: Table) -> Iterator[str]:
    for name, elements in table.sets.items():
        yield from _set(name, elements)
    for name, (version, targets) in table.maps.items():
        found = [f"{Address(version, value)} : goto {chain}" for value, chain in targets.items()]
        yield from _collection(f"map {name}", f"type {ADDRESS[version]} : verdict", "", found)
    for chain in table.chains:
        yield from _chain(chain)


def _set(name: str, elements: Elements) -> Iterator[str]:
    interval = "flags interval"
    if isinstance(elements, Addresses):
        found = [block(elements.version, span) for span in elements.spans]
        yield from _collection(f"set {name}", f"type {ADDRESS[elements.version]}", interval, found)
    elif isinstance(elements, Services):
        found = [f"{protocol.lower()} . {_ports(span)}" for protocol, span in elements.spans]
        yield from _collection(f"set {name}", "type inet_proto . inet_service", interval, found)
    elif isinstance(elements, Doors):
        kind = f"type {ADDRESS[elements.version]} . inet_proto . inet_service"
        found = [f"{Address(elements.version, a)} . {protocol.lower()} . {n}" for a, protocol, n in elements.doors]
        yield from _collection(f"set {name}", kind, "", found)
    else:
        kind = f"type {ADDRESS[elements.version]} . {ADDRESS[elements.version]}"
        v = elements.version
        found = [f"{Address(v, source)} . {Address(v, destination)}" for source, destination in elements.ways]
        yield from _collection(f"set {name}", kind, "", found)


def block(version: int, span: Span) -> str:
    """Addresses as one address, one block or a range."""
    if span.first == span.last:
        return str(Address(version, span.first))
    size = span.last - span.first + 1
    if size & (size - 1) == 0 and span.first % size == 0:
        return blocks_of(version, span)[0]
    return f"{Address(version, span.first)}-{Address(version, span.last)}"


def _ports(span: Span) -> str:
    return str(span.first) if span.first == span.last else f"{span.first}-{span.last}"


def _collection(head: str, kind: str, flags: str, elements: list[str]) -> Iterator[str]:
    yield f"  {head} {{"
    yield f"    {kind}"
    if flags:
        yield f"    {flags}"
    if elements:
        yield "    elements = {"
        for at in range(0, len(elements), _STEP):
            yield f"      {', '.join(elements[at : at + _STEP])},"
        yield "    }"
    yield "  }"


def _chain(chain: Chain) -> Iterator[str]:
    yield f"  chain {chain.name} {{"
    if chain.hook:
        yield f"    type filter hook {chain.hook} priority {chain.priority}; policy accept;"
    for line in chain.lines:
        yield f"    {_line(line)}"
    yield "  }"


def _line(line: Line) -> str:
    comment = f' comment "{quoted(line.comment)}"' if line.comment else ""
    return " ".join(map(_statement, line.statements)) + comment


def _statement(one: Statement) -> str:
    if isinstance(one, In):
        return f"{_matched(one.what, one.version)} @{one.set}"
    if isinstance(one, Looked):
        return f"{_matched(one.what, one.version)} vmap @{one.map}"
    if isinstance(one, Family):
        return f"meta nfproto ipv{one.version}"
    if isinstance(one, Known):
        return "ct state established,related"
    if isinstance(one, Neighbours):
        return f"icmpv6 type {{ {', '.join(NEIGHBOURS)} }}"
    if isinstance(one, Tcp):
        return "meta l4proto tcp"
    if isinstance(one, Counted):
        return "counter"
    if isinstance(one, Logged):
        return f'log prefix "{quoted(one.prefix)}" group {one.group}'
    if isinstance(one, Refused):
        return "reject with tcp reset" if one.reset else "reject with icmpx admin-prohibited"
    return _verdict(one)


def _verdict(one: Verdict) -> str:
    return f"{one.what} {one.target}" if one.target else one.what


def _matched(what: str, version: int) -> str:
    source, destination = (f"{_IP.get(version, '')} {end}" for end in ("saddr", "daddr"))
    service = "meta l4proto . th dport"
    return {
        "source": source,
        "destination": destination,
        "service": service,
        "door": f"{destination} . {service}",
        "way": f"{source} . {destination}",
    }[what]
