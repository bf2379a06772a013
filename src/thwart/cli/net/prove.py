"""`thwart net prove`: the policies in the real kernel, against the engine's answers."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from thwart.cli.net._common import harmless, load, port_of, split_output, take_paths, write
from thwart.cli.net.nft import tell
from thwart.core.errors import UsageError
from thwart.network.words import sentence

if TYPE_CHECKING:
    from thwart.api.net.prove import Disagreement, Proof

_FORMATS = ("text", "json")
_SHOWN = 50  # disagreements, and connections without an answer


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("-o", "--output", metavar="FORMAT[=FILE]", default="text", help="text or json")
    parser.add_argument("--sample", type=int, metavar="N", default=48, help="pods that take part at most (default: 48)")
    parser.add_argument(
        "--probes", type=int, metavar="N", default=100_000, help="connections that are tried at most (default: 100000)"
    )
    parser.add_argument("--seed", type=int, metavar="S", default=0, help="chooses among pods and ports (default: 0)")
    parser.add_argument(
        "--ports",
        metavar="PORT[/PROTOCOL],…",
        default="",
        help="ports to try (default: both sides of every bound that a policy has)",
    )
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.prove import prove_network

    name, file = split_output(arguments.output, _FORMATS)
    for option in ("sample", "probes"):
        if getattr(arguments, option) < 1:
            raise UsageError(f"--{option} needs a number above 0")
    ports = tuple(dict.fromkeys(port_of(text.strip()) for text in arguments.ports.split(",") if text.strip()))
    network = load(arguments.paths)
    if network is None:
        return 2
    proof = prove_network(network, sample=arguments.sample, probes=arguments.probes, seed=arguments.seed, ports=ports)
    tell(proof.diagnostics)
    if name == "json":
        write(json.dumps(_document(proof), indent=2) + "\n", file)
    else:
        text = "\n".join(_lines(proof)) + "\n"
        write(text if file else harmless(text), file)
    if proof.disagreements:
        return 1
    incomplete = network.incomplete or any(one.incomplete for one in proof.diagnostics)
    return 3 if incomplete or proof.unknown or proof.silent or not proof.agree else 0


def _lines(proof: Proof) -> list[str]:
    cast = proof.cast
    tried = sum(proof.tried.values())
    who = f"{cast.pods} pods, {cast.hosts} hosts, {cast.outside} addresses outside"
    each = ", ".join(f"{protocol} {number:,}" for protocol, number in proof.tried.items())
    lines = [
        f"in the lab: {who}; {len(cast.boxes)} network namespaces ({proof.wiring})",
        f"tried: {tried:,} of {proof.possible:,} connections: {each}",
        f"kernel and engine agree: {proof.agree:,} (allowed {proof.allowed:,}, denied {proof.denied:,})",
        f"disagree: {len(proof.disagreements):,}; unknown: {proof.unknown:,}; no answer: {len(proof.silent):,}",
    ]
    for one in proof.disagreements[:_SHOWN]:
        lines += ["", *_told(one)]
    lines += [f"no answer: {one}" for one in proof.silent[:_SHOWN]]
    left = max(0, len(proof.disagreements) - _SHOWN) + max(0, len(proof.silent) - _SHOWN)
    if left:
        lines.append(f"and {left:,} more (-o json has all)")
    return lines


def _told(one: Disagreement) -> list[str]:
    """A disagreement, with both reasons."""
    kernel, engine = (_word(allowed) for allowed in (one.kernel, one.engine.allowed))
    lines = [f"disagree: {one.source} -> {one.destination} {one.protocol} {one.port}"]
    lines += [f"  engine: {engine}"]
    lines += [f"    {reason.direction or 'both'}: {sentence(reason)}" for reason in one.engine.because]
    lines += ["    no policy restricts it"] if not one.engine.because else []
    lines += [f"  kernel: {kernel}"]
    lines += [f"    met: {rule}" for rule in one.rules] or ["    met no rule of a policy"]
    return lines


def _word(allowed: bool | None) -> str:
    return "unknown" if allowed is None else "allowed" if allowed else "denied"


def _document(proof: Proof) -> dict[str, Any]:
    from thwart.network.flows import encode

    cast = proof.cast
    return {
        "schema": "thwart-net-prove-v1",
        "lab": {
            "pods": cast.pods,
            "hosts": cast.hosts,
            "outside": cast.outside,
            "namespaces": len(cast.boxes),
            "wiring": proof.wiring,
            "classes_left_out": cast.missing,
        },
        "ports": [f"{number}/{protocol}" for protocol, number in proof.ports],
        "possible": proof.possible,
        "tried": dict(proof.tried),
        "agree": {"allowed": proof.allowed, "denied": proof.denied},
        "unknown": proof.unknown,
        "silent": list(proof.silent),
        "disagreements": [
            {
                "from": one.source,
                "to": one.destination,
                "protocol": one.protocol,
                "port": one.port,
                "kernel": _word(one.kernel),
                "rules": list(one.rules),
                "engine": encode(one.engine),
            }
            for one in proof.disagreements
        ],
        "diagnostics": [
            {"slug": one.slug, "message": one.message, "path": one.path, "incomplete": one.incomplete}
            for one in proof.diagnostics
        ],
    }
