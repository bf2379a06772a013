"""What the dialects share: label selectors, and when ports are better listed than given as a range."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.lib.intervals import Block, Span, blocks_of
from thwart.network.model import LAST_PORT
from thwart.network.selectors import Selector
from thwart.network.synthesis.asking import Ports, PortSet

NAME = "kubernetes.io/metadata.name"
_LISTED = 8  # some network plug-ins read only the first port of a range: short ones are spelled out


def label_selector(selector: Selector, prefix: str = "") -> dict[str, object]:
    """A `LabelSelector`; `prefix` goes before each key."""
    found: dict[str, object] = {}
    labels = {prefix + one.key: one.values[0] for one in selector if one.operator == "In" and len(one.values) == 1}
    expressions: list[object] = [
        {"key": prefix + one.key, "operator": one.operator, **({"values": list(one.values)} if one.values else {})}
        for one in selector
        if one.operator != "In" or len(one.values) != 1
    ]
    if labels:
        found["matchLabels"] = labels
    if expressions:
        found["matchExpressions"] = expressions
    return found


def block_text(block: Block) -> str:
    """A block as `address/prefix`."""
    return blocks_of(block.version, Span(block.first, block.last))[0]


def listed(ports: PortSet) -> Iterator[Ports]:
    """The ports, short ranges one by one."""
    for protocol, first, last in ports:
        if last - first < _LISTED:
            for number in range(first, last + 1):
                yield Ports(protocol, number, number)
        else:
            yield Ports(protocol, first, last)


def whole(ports: Ports) -> bool:
    """Whether these are all ports of the protocol."""
    return (ports.first, ports.last) == (1, LAST_PORT)
