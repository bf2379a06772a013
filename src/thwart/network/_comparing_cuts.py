"""Two worlds cut alike: what the policies of either look at tells classes apart in both.

Then a class that an edit leaves alone is the same set of pods before and after, with nearly the same number.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from thwart.network.model import ALLOW, NETWORK, AnyOf, Peer, Policy, PortMatch, Rule, World


class _Nowhere:
    """The origin of nothing."""

    path = ""

    def line(self, pointer: tuple[str | int, ...]) -> int:  # noqa: ARG002 - the protocol has it
        """Always unknown."""
        return 0


class _Cuts(NamedTuple):
    peers: dict[Peer, None]
    ports: dict[PortMatch, None]


def cut_alike(old: World, new: World) -> tuple[World, World]:
    """The same worlds with one policy more each, if needed, that selects nobody and looks at what the other's do."""
    here, there = _cuts(old), _cuts(new)
    return _also(old, here, there), _also(new, there, here)


def _cuts(world: World) -> _Cuts:
    found = _Cuts({}, {})
    for policy in world.policies:
        found.peers[policy.subject] = None
        for rule in (*policy.ingress, *policy.egress):
            found.peers.update(dict.fromkeys(rule.peers or ()))
            found.ports.update(dict.fromkeys(rule.ports or ()))
    return found


def _also(world: World, own: _Cuts, other: _Cuts) -> World:
    peers = tuple(peer for peer in other.peers if peer not in own.peers)
    ports = tuple(port for port in other.ports if port not in own.ports)
    if not (peers or ports):
        return world
    rule = Rule(index=0, action=ALLOW, peers=peers, ports=ports, pointer=())
    nobody = Policy(kind="", name="", namespace="", tier=NETWORK, subject=AnyOf(()), origin=_Nowhere(), ingress=(rule,))
    return msgspec.structs.replace(world, policies=(*world.policies, nobody))
