"""Selectors and peers as sets of classes, each worked out once: an inverted index under interned selectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from thwart.lib.bitsets import members, pack
from thwart.network.classes import HOST, OUTSIDE, POD, Class, Partition
from thwart.network.model import (
    NAME_LABEL,
    AccountPeer,
    AllOf,
    AnyOf,
    BlockPeer,
    Maybe,
    NamePeer,
    Namespace,
    NodePeer,
    Not,
    OutsidePeer,
    Peer,
    PodPeer,
    World,
)
from thwart.network.selectors import Requirement, Selector, matches


class Index:
    """Sets of classes for one address family (`blocks` of that family count)."""

    def __init__(self, partition: Partition, family: int) -> None:
        self._classes = partition.classes
        self.size = len(partition.classes)
        self.everyone = (1 << self.size) - 1
        self._world: World = partition.world
        self._pods = pack((i for i, c in enumerate(self._classes) if c.what == POD), self.size)
        self.hosts = pack((i for i, c in enumerate(self._classes) if c.what == HOST), self.size)
        self.outside = pack((i for i, c in enumerate(self._classes) if c.what == OUTSIDE), self.size)
        self._unplaced = pack(
            (i for i, c in enumerate(self._classes) if c.what != OUTSIDE and not c.families), self.size
        )
        self._run_as = self._by(lambda c: [(c.namespace, c.account)] if c.account else [])
        self._of_namespace = self._by(lambda c: [c.namespace] if c.what == POD else [])
        self._having = self._by(lambda c: c.labels if c.what == POD else ())
        self._valued = self._by(lambda c: c.labels.items() if c.what == POD else ())
        self._in_block = self._by(lambda c: c.blocks[family])
        self._block_number = {peer: number for number, peer in enumerate(partition.block_peers)}
        self._bits: dict[tuple[str, object], int] = {}
        self._selected: dict[Selector, int] = {}
        self._named: dict[str, list[Namespace]] = {}
        for namespace in self._world.namespaces.values():
            self._named.setdefault(namespace.labels.get(NAME_LABEL, ""), []).append(namespace)
        self._namespaces: dict[Selector, int] = {}
        self._peers: dict[tuple[Peer, bool], tuple[int, int]] = {}

    def _by(self, keys: Callable[[Class], Iterable[object]]) -> dict[object, list[int]]:
        found: dict[object, list[int]] = {}
        for number, one in enumerate(self._classes):
            for key in keys(one):
                found.setdefault(key, []).append(number)
        return found

    def _set(self, what: str, table: dict[object, list[int]], key: object) -> int:
        bits = self._bits.get((what, key))
        if bits is None:
            bits = self._bits[what, key] = pack(table.get(key, ()), self.size)
        return bits

    def namespace(self, name: str) -> int:
        """The pods of a namespace."""
        return self._set("namespace", self._of_namespace, name)

    def pods(self, peer: PodPeer) -> int:
        """The pods that a peer or a subject selects; never those in the host's network."""
        where = self.namespace(peer.namespace) if peer.namespace is not None else self._in_namespaces(peer.namespaces)
        return _both(where, self._labelled(peer.pods)) if peer.pods else where

    def _in_namespaces(self, selector: Selector) -> int:
        if not selector:
            return self._pods
        bits = self._namespaces.get(selector)
        if bits is None:
            bits = 0
            for namespace in self._candidates(selector):
                if matches(selector, namespace.labels):
                    bits |= self.namespace(namespace.name)
            self._namespaces[selector] = bits
        return bits

    def _candidates(self, selector: Selector) -> Iterable[Namespace]:
        """The namespaces that a selector can match: those that it names, if it does."""
        for key, operator, values in selector:
            if key == NAME_LABEL and operator == "In":
                return [namespace for name in values for namespace in self._named.get(name, ())]
        return self._world.namespaces.values()

    def _labelled(self, selector: Selector) -> int:
        bits = self._selected.get(selector)
        if bits is None:
            bits = self._pods
            for requirement in selector:
                bits = _both(bits, self._required(requirement))
            self._selected[selector] = bits
        return bits

    def _required(self, requirement: Requirement) -> int:
        key, operator, values = requirement
        if operator in ("Exists", "DoesNotExist"):
            bits = self._set("key", self._having, key)
        else:
            bits = 0
            for value in values:
                found = self._set("value", self._valued, (key, value))
                bits = bits | found if bits else found
        return bits if operator in ("Exists", "In") else self._pods & ~bits

    def peer(self, peer: Peer, *, allows: bool = False) -> tuple[int, int]:
        """The classes that a peer holds, and those that it may hold, for a rule that `allows` or one that does not.

        A pod whose address is not known is in no block that allows, but it may be in one that denies.
        """
        found = self._peers.get((peer, allows))
        if found is None:
            found = self._peers[peer, allows] = self._resolve(peer, allows)
        return found

    def _resolve(self, peer: Peer, allows: bool) -> tuple[int, int]:
        if isinstance(peer, PodPeer):
            return self.pods(peer), 0
        if isinstance(peer, BlockPeer):
            return self._set("block", self._in_block, self._block_number[peer]), 0 if allows else self._unplaced
        if isinstance(peer, NamePeer):
            return 0, self.outside
        if isinstance(peer, NodePeer):
            return self._nodes(peer)
        if isinstance(peer, AccountPeer):
            return self._accounts(peer), 0
        if isinstance(peer, OutsidePeer):
            return self.outside, 0
        return self._composed(peer, allows)

    def _composed(self, peer: AnyOf | AllOf | Not | Maybe, allows: bool) -> tuple[int, int]:
        if isinstance(peer, Not):
            sure, perhaps = self.peer(peer.part, allows=not allows)
            return self.everyone & ~sure & ~perhaps, perhaps & ~sure
        if isinstance(peer, Maybe):
            sure, perhaps = self.peer(peer.part, allows=allows)
            return 0, sure | perhaps
        found = [self.peer(part, allows=allows) for part in peer.parts]
        sure = perhaps = self.everyone if isinstance(peer, AllOf) else 0
        for here, maybe in found:
            if isinstance(peer, AllOf):
                sure, perhaps = sure & here, perhaps & (here | maybe)
            else:
                sure, perhaps = sure | here, perhaps | maybe
        return sure, perhaps & ~sure

    def _accounts(self, peer: AccountPeer) -> int:
        bits = 0
        for account in peer.accounts:
            bits |= self._set("account", self._run_as, account)
        return bits

    def _nodes(self, peer: NodePeer) -> tuple[int, int]:
        stated = {node.name: node for node in self._world.nodes if node.stated}
        sure, perhaps = [], []
        for number in members(self.hosts):
            node = stated.get(self._classes[number].node)
            if not peer.nodes or (node is not None and matches(peer.nodes, node.labels)):
                sure.append(number)
            elif node is None:
                perhaps.append(number)
        # without the nodes' own documents, an address outside may be one of theirs
        unknown = 0 if stated else self.outside
        return pack(sure, self.size), pack(perhaps, self.size) | unknown


def _both(here: int, there: int) -> int:
    """The intersection; one of the sets itself where it is one, as large sets had better be shared."""
    bits = here & there
    return there if bits == there else here if bits == here else bits
