"""Rules that open more than a rule should: the whole world, everything, the metadata service."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members
from thwart.lib.intervals import WIDTHS, Address, parse_address
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look, fields
from thwart.network.model import ALLOW, EGRESS, INGRESS, BlockPeer, OutsidePeer, Peer, Policy, Rule

_METADATA = (parse_address("169.254.169.254"), parse_address("fd00:ec2::254"))


@check("open-to-the-world", Severity.MEDIUM)
def open_to_the_world(look: Look) -> Iterator[Finding]:
    """A rule allows every address: `0.0.0.0/0` or `::/0`, whatever is excepted, or ClusterNetworkPolicy's like.

    `medium` where it does so on every port, `low` where ports are given: an entrance has to be open to be one.
    """
    for number, policy, direction, rule in _allowing(look):
        for place, peer in enumerate(rule.peers or ()):
            if _is_world(peer):
                to = "may connect to" if direction == EGRESS else "is open to"
                where = look.model.ports.describe(_mask(look, number, direction, rule)) if rule.ports else "every port"
                yield Finding(
                    check="open-to-the-world",
                    severity=Severity.LOW if rule.ports else Severity.MEDIUM,
                    sentence=f"what it selects {to} {_shown(peer)} on {where}",
                    fix="name the blocks that are meant"
                    if rule.ports
                    else "name the blocks and the ports that are meant",
                    place=look.place(policy, (*rule.pointer, fields(direction), place)),
                )


@check("allow-all", Severity.MEDIUM)
def allow_all(look: Look) -> Iterator[Finding]:
    """A rule without peers and without ports (`- {}`) allows everything in its direction: the policy guards nothing there.

    For egress `low`: whoever lists egress rules and then allows all wants to say so.
    """
    for _, policy, direction, rule in _allowing(look):
        if rule.peers is None and rule.ports is None and not rule.doubt:
            word = "from" if direction == INGRESS else "to"
            yield Finding(
                check="allow-all",
                severity=Severity.MEDIUM if direction == INGRESS else Severity.LOW,
                sentence=f"{direction} rule {rule.index + 1} allows everything {word} everyone, outside addresses too",
                fix="name the peers and the ports that are meant",
                place=look.place(policy, rule.pointer),
            )


@check("metadata-service", Severity.MEDIUM)
def metadata_service(look: Look) -> Iterator[Finding]:
    """Egress by ipBlock reaches 169.254.169.254 (or fd00:ec2::254) on TCP 80: the cloud's metadata service.

    On most clouds that address hands out the node's credentials. Except it from blocks that hold it.
    """
    for _, policy, direction, rule in _allowing(look):
        if direction != EGRESS:
            continue
        for place, peer in enumerate(rule.peers or ()):
            if isinstance(peer, BlockPeer):
                held = [a for a in _METADATA if _holds(peer, a) and _on_80(look, rule, a)]
                narrow = peer.block.first == peer.block.last
                if held and not narrow:
                    yield Finding(
                        check="metadata-service",
                        severity=Severity.MEDIUM,
                        sentence=f"{_shown(peer)} holds {held[0]}, the metadata service of most clouds",
                        fix=f"add {held[0]}/{WIDTHS[held[0].version]} to its except",
                        place=look.place(policy, (*rule.pointer, "to", place)),
                    )


def _allowing(look: Look) -> Iterator[tuple[int, Policy, str, Rule]]:
    return (found for found in look.rules() if found[3].action == ALLOW)


def _is_world(peer: Peer) -> bool:
    if isinstance(peer, OutsidePeer):
        return True
    if not isinstance(peer, BlockPeer):
        return False
    return peer.block.first == 0 and peer.block.last == (1 << WIDTHS[peer.block.version]) - 1


def _shown(peer: Peer) -> str:
    if isinstance(peer, BlockPeer):
        bits = WIDTHS[peer.block.version] - (peer.block.last - peer.block.first).bit_length()
        return f"{Address(peer.block.version, peer.block.first)}/{bits}"
    return "every address outside"


def _mask(look: Look, number: int, direction: str, rule: Rule) -> int:
    classes = look.destinations(number, direction, rule)
    return look.model.ports.mask(rule.ports, look.model.classes[next(members(classes), 0)])


def _holds(peer: BlockPeer, address: Address) -> bool:
    block = peer.block
    inside = block.version == address.version and block.first <= address.value <= block.last
    return inside and not any(hole.first <= address.value <= hole.last for hole in peer.excepted)


def _on_80(look: Look, rule: Rule, address: Address) -> bool:
    at = look.model.classes[look.outside_class(address)]
    return bool(look.model.ports.mask(rule.ports, at) & look.model.ports.bit("TCP", 80))
