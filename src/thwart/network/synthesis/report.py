"""What was made, for programs (`thwart-net-synth-v1`) and for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from thwart._version import __version__
from thwart.lib.intervals import WIDTHS
from thwart.network.synthesis.asking import (
    EVERY_PORT,
    Anyone,
    Nodes,
    Options,
    Outside,
    Peer,
    Pods,
    Tally,
    Whole,
    port_set,
)
from thwart.network.synthesis.dialects._parts import block_text
from thwart.network.synthesis.learning import DROPPED
from thwart.network.synthesis.making import Synthesis
from thwart.network.synthesis.proving import Difference

WORDS = {
    **DROPPED,
    "unreadable-flow": "it cannot be read",
    "unreadable-settings": "its settings cannot be read",
    "outside-name": "a host outside the cluster is named: a policy knows addresses only",
    "no-service": "a service is named that was not read",
    "too-many-blocks": "pods lie scattered among the addresses: name blocks without them",
    "too-many-pairs": "more pairs of workloads than can be written: name namespaces",
    "some": "some of a party is asked for, and which is not said",
}
HARMLESS = frozenset(("denied", "no-pod", "same-pod", "own-node", "other-protocol"))
_LISTED = 5


def incomplete(made: Synthesis) -> bool:
    """Whether a connection that somebody needs may be missing."""
    return bool(made.request.dropped.keys() - HARMLESS)


def json(made: Synthesis, options: Options) -> str:
    """Everything: the policies as objects, what they are for, what was left out, and the proof."""
    proof = made.proof
    document = {
        "schema": "thwart-net-synth-v1",
        "tool": {"name": "thwart", "version": __version__},
        "dialect": options.dialect,
        "generalize": options.generalize,
        "policies": made.documents,
        "asked": [
            {"from": _peer(source), "to": _peer(destination), "ports": _ports(ports), "because": made.request.why[pair]}
            for pair in sorted(made.request.edges, key=lambda pair: (str(pair), pair))
            for (source, destination), ports in ((pair, made.request.edges[pair]),)
        ],
        "left_out": [
            {"slug": slug, "records": tally.records, "flows": tally.flows, "example": tally.example}
            for slug, tally in sorted(made.request.dropped.items())
        ],
        "notes": [{"slug": slug, "message": sentence} for slug, sentence in made.request.notes],
        "together": [{"namespace": namespace, "workloads": names} for namespace, names in made.together],
        "without_dns": made.nameless,
        "existing": made.left,
        "verification": {
            "holds": proof.holds,
            "classes": proof.classes,
            "pieces_of_ports": proof.pieces,
            "counts": proof.counts,
            **{name: _differences(getattr(proof, name)) for name in ("missing", "unknown", "extra", "widened")},
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def _peer(peer: Peer) -> dict[str, object]:
    if isinstance(peer, Pods):
        return {"namespace": peer.namespace, "labels": dict(peer.labels)}
    if isinstance(peer, Whole):
        return {"namespace": peer.namespace}
    if isinstance(peer, Outside):
        return {
            "cidr": block_text(peer.block),
            **({"except": list(map(block_text, peer.excepted))} if peer.excepted else {}),
        }
    return {"anyone": True} if isinstance(peer, Anyone) else {"nodes": isinstance(peer, Nodes)}


def _ports(ports: Iterable[tuple[str, int, int]]) -> list[dict[str, object]]:
    found = port_set(ports)  # type: ignore[arg-type]
    if found == EVERY_PORT:
        return []
    return [{"protocol": protocol, "first": first, "last": last} for protocol, first, last in found]


def _differences(found: Iterable[Difference]) -> list[dict[str, str]]:
    return [{"from": one.source, "to": one.destination, "ports": one.ports} for one in found]


def summary(made: Synthesis, options: Options) -> Iterator[str]:
    """What happened, in lines for people."""
    namespaces = len({draft.namespace for draft in made.drafts})
    yield (
        f"{_many(len(made.drafts), 'policy', 'policies')} in {_many(namespaces, 'namespace')} "
        f"for {_many(len(made.request.edges), 'connection')} of workloads and addresses"
    )
    for slug, tally in sorted(made.request.dropped.items()):
        yield f"{'note' if slug in HARMLESS else 'warning'}[{slug}]: {_left_out(slug, tally)}"
    for slug, sentence in made.request.notes:
        yield f"note[{slug}]: {sentence}"
    for namespace, names in made.together:
        yield f"note[alike]: no label tells {' and '.join(names)} of {namespace} apart: what one may, all may"
    if made.nameless:
        yield (
            f"note[no-dns]: {_many(len(made.nameless), 'workload')} may connect, but not to the cluster's DNS, as "
            f"nothing asks for it: {_some(made.nameless)}"
        )
        yield "hint: give --dns all if they connect by name"
    if made.left:
        yield (
            f"note[existing]: {_many(len(made.left), 'existing policy', 'existing policies')} not taken into account, "
            f"which may allow more: {_some(made.left)}"
        )
        yield "hint: remove them when you apply these, or give --keep-existing"
    yield from _proof(made, options)


def _left_out(slug: str, tally: Tally) -> str:
    flows = f" ({tally.flows} flows)" if tally.flows != tally.records else ""
    return f"{tally.records}{flows} left out ({WORDS.get(slug, slug)}), for example {tally.example}"


def _proof(made: Synthesis, options: Options) -> Iterator[str]:
    proof = made.proof
    over = (
        f"over {_many(proof.classes, 'class', 'classes')} of endpoints and {_many(proof.pieces, 'piece')} of the ports"
    )
    if not proof.holds:
        for name, words in (
            ("missing", "asked for and denied"),
            ("unknown", "asked for and not certain"),
            ("extra", "open and not asked for"),
        ):
            found: tuple[Difference, ...] = getattr(proof, name)
            if found:
                yield f"not proved: {proof.counts[name]} {words}: {_some(tuple(map(_arrow, found)))}"
        return
    if proof.widened:
        count = proof.counts["widened"]
        blocks = () if dict(options.prefixes) == WIDTHS else ("--cidr-generalize",)
        peers = () if options.generalize == "none" else (f"--generalize {options.generalize}",)
        yield (
            f"widened: {_many(count, 'pair')} open beyond what was asked for, by {' and '.join((*peers, *blocks))}: "
            f"{_some(tuple(map(_arrow, proof.widened)))}"
        )
    yield f"proved {over}: everything asked for is allowed, and nothing else{' but that' if proof.widened else ''}"


def _arrow(one: Difference) -> str:
    return f"{one.source} -> {one.destination} ({one.ports})"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"
