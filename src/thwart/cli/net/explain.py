"""`thwart net explain`: one flow, and what decided it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain
from thwart.cli.net._common import load, port_of, sentence

if TYPE_CHECKING:
    from thwart.network.model import Answer

_WORDS = {True: "allowed", False: "denied", None: "unknown"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("source", metavar="FROM", help="namespace/pod, namespace/Kind/name or an address")
    parser.add_argument("destination", metavar="TO", help="the same")
    parser.add_argument("port", nargs="?", metavar="PORT[/PROTOCOL]", help="a number (default: every port)")
    parser.add_argument(
        "-f", "--file", action="append", default=[], metavar="PATH", help="manifests; may repeat (default: .)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net import ask, ask_all, find_party

    protocol, port = port_of(arguments.port)
    network = load(arguments.file or ["."])
    if network is None:
        return 2
    source, destination = find_party(network, arguments.source), find_party(network, arguments.destination)
    if port:
        answers = [(f"{protocol} {port}", ask(network, source, destination, protocol, port))]
    else:
        answers = ask_all(network, source, destination)
    if arguments.json:
        _write_json(arguments, answers)
    else:
        for ports, answer in answers:
            _tell(arguments, ports, answer)
    return 3 if network.incomplete or any(answer.allowed is None for _, answer in answers) else 0


def _write_json(arguments: argparse.Namespace, answers: list[tuple[str, Answer]]) -> None:
    import json

    from thwart.network.flows import encode

    found = [{"ports": ports, **encode(answer)} for ports, answer in answers]
    document = {
        "schema": "thwart-net-explain-v1",
        "from": arguments.source,
        "to": arguments.destination,
        "answers": found,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _tell(arguments: argparse.Namespace, ports: str, answer: Answer) -> None:
    ends = f"{arguments.source} -> {arguments.destination}"
    sys.stdout.write(plain(f"{_WORDS[answer.allowed]}: {ends}, {ports}") + "\n")
    for direction in ("egress", "ingress"):
        reasons = [reason for reason in answer.because if reason.direction == direction]
        owner = arguments.source if direction == "egress" else arguments.destination
        for reason in reasons:
            sys.stdout.write(plain(f"  {direction} of {owner}: {sentence(reason)}") + "\n")
        if not reasons and answer.allowed and not any(r.effect == "self" for r in answer.because):
            sys.stdout.write(plain(f"  {direction} of {owner}: no policy restricts it") + "\n")
    for reason in answer.because:
        if not reason.direction:
            sys.stdout.write(plain(f"  {reason.text}") + "\n")
