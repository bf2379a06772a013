"""ipBlocks that hold pods, and exceptions that except nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members, pack
from thwart.lib.intervals import WIDTHS, Address, Block
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look, adds, fields, some
from thwart.network.model import ALLOW, BlockPeer, Policy, Rule


@check("block-holds-pods", Severity.LOW)
def block_holds_pods(look: Look) -> Iterator[Finding]:
    """An ipBlock holds addresses of pods or nodes that were read, although blocks are for addresses outside.

    Pod addresses change, and whether a block means pods differs between plugins: most match them, Cilium never does
    (kubernetes.io, "network policies", wants addresses outside the cluster). Blocks of everything are passed over.
    """
    addresses = _Addresses(look)
    for _, policy, direction, rule in look.rules():
        for place, peer in enumerate(rule.peers or ()):
            names = addresses.inside(peer) if isinstance(peer, BlockPeer) and _prefix(peer.block) else []
            if names and isinstance(peer, BlockPeer):
                yield Finding(
                    check="block-holds-pods",
                    severity=Severity.LOW,
                    sentence=f"{_text(peer.block)} holds addresses of {some(names)}",
                    fix="select pods by their labels, and except the cluster's own blocks",
                    place=look.place(policy, (*rule.pointer, fields(direction), place, "ipBlock", "cidr")),
                )


class _Addresses:
    """The addresses of pods and nodes, sorted."""

    def __init__(self, look: Look) -> None:
        found: dict[int, list[tuple[int, str]]] = {4: [], 6: []}
        for endpoint in look.world.endpoints:
            for address in endpoint.addresses:
                name = f"{endpoint.namespace}/{endpoint.workload.partition('/')[2]}"
                found[address.version].append((address.value, name))
        for node in look.world.nodes:
            for address in node.addresses:
                found[address.version].append((address.value, f"node {node.name}"))
        self._found = {version: sorted(pairs) for version, pairs in found.items()}
        self._values = {version: [value for value, _ in pairs] for version, pairs in self._found.items()}

    def inside(self, peer: BlockPeer, most: int = 50) -> list[str]:
        """Names of what has an address in a block, in order."""
        version = peer.block.version
        names: dict[str, None] = {}
        at = bisect_right(self._values[version], peer.block.first - 1)
        for value, name in self._found[version][at:]:
            if value > peer.block.last or len(names) >= most:
                break
            if not any(hole.first <= value <= hole.last for hole in peer.excepted):
                names[name] = None
        return sorted(names)


@check("except-without-effect", Severity.MEDIUM)
def except_without_effect(look: Look) -> Iterator[Finding]:
    """What an ipBlock excepts is allowed by another peer or rule to everything that the policy selects.

    `except` takes out of its own block only; peers, rules and policies add up (kubernetes.io, "network policies"), so
    that a wider block elsewhere gives it back. Decided exactly, for all ports of the rule.
    """
    holes = _Holes(look)
    for number, policy, direction, rule in look.rules():
        if rule.action != ALLOW or not adds(policy):
            continue
        for place, peer in enumerate(rule.peers or ()):
            for index, hole in enumerate(peer.excepted if isinstance(peer, BlockPeer) else ()):
                by = _given_back(look, number, direction, rule, holes.classes(hole))
                if by is not None:
                    pointer = (*rule.pointer, fields(direction), place, "ipBlock", "except", index)
                    yield Finding(
                        check="except-without-effect",
                        severity=Severity.MEDIUM,
                        sentence=f"except {_text(hole)} has no effect: {by[1]} allows it again",
                        fix="except it there too, or take the wider block out",
                        place=look.place(policy, pointer),
                        others=(look.place(by[0], by[2].pointer),),
                    )


class _Holes:
    """The classes that have addresses in a hole."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._spans: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        for number in members(look.outside):
            for version, span in look.model.classes[number].spans:
                self._spans[version].append((span.first, span.last, number))
        for spans in self._spans.values():
            spans.sort()
        self._starts = {version: [first for first, _, _ in spans] for version, spans in self._spans.items()}
        of = look.model.partition.of_endpoint
        inside = ((a, of[id(endpoint)]) for endpoint in look.world.endpoints for a in endpoint.addresses)
        self._inside = sorted((address.version, address.value, number) for address, number in inside)
        self._known: dict[Block, int] = {}

    def classes(self, hole: Block) -> int:
        """The classes with addresses in it, as a set."""
        if hole not in self._known:
            self._known[hole] = self._classes(hole)
        return self._known[hole]

    def _classes(self, hole: Block) -> int:
        first = bisect_left(self._inside, (hole.version, hole.first, 0))
        last = bisect_left(self._inside, (hole.version, hole.last + 1, 0))
        bits = pack({number for _, _, number in self._inside[first:last]}, len(self._look.model.classes))
        spans = self._spans[hole.version]
        at = max(0, bisect_right(self._starts[hole.version], hole.first) - 1)
        for first, last, number in spans[at:]:
            if first > hole.last:
                break
            if last >= hole.first:
                bits |= 1 << number
        return bits


def _given_back(look: Look, number: int, direction: str, rule: Rule, hole: int) -> tuple[Policy, str, Rule] | None:
    """A rule that allows everything in the hole again, wherever the policy applies."""
    own = look.subject(number)
    if not own or not hole:
        return None
    for other in look.model.planes[4].selecting(next(members(own))):
        policy = look.policies[other]
        if not adds(policy) or own & ~look.subject(other):
            continue
        for again in policy.rules(direction):
            whole = again.ports is None or again.ports == rule.ports
            if whole and again.action == ALLOW and not again.doubt and not hole & ~look.peers(again):
                what = "another peer of the rule" if again is rule else f"rule {again.index + 1} of {policy.name}"
                return policy, what, again
    return None


def _prefix(block: Block) -> int:
    return WIDTHS[block.version] - (block.last - block.first).bit_length()


def _text(block: Block) -> str:
    return f"{Address(block.version, block.first)}/{_prefix(block)}"
