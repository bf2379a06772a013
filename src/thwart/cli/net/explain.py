"""`thwart net explain`: one flow, and what decided it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain
from thwart.cli.net._changes import encode_changes, tell_changes
from thwart.cli.net._common import load, port_of
from thwart.cli.net.exposure import tell_service
from thwart.core.errors import UsageError
from thwart.network.words import sentence

if TYPE_CHECKING:
    from thwart.api.net import Network
    from thwart.network.changes import Changes
    from thwart.network.explain import Party
    from thwart.network.model import Answer

_WORDS = {True: "allowed", False: "denied", None: "unknown"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("source", metavar="FROM", help="namespace/pod, namespace/Kind/name or an address")
    parser.add_argument("destination", metavar="TO", help="the same, or namespace/svc/name")
    parser.add_argument(
        "port", nargs="?", metavar="PORT[/PROTOCOL]", help="a number or a port's name (default: every port)"
    )
    parser.add_argument(
        "-f", "--file", action="append", default=[], metavar="PATH", help="manifests; may repeat (default: .)"
    )
    parser.add_argument(
        "--changes",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="tell the smallest changes that would turn the answer for PORT (default: yes)",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net import ask, ask_all, find_party
    from thwart.network.classes import OUTSIDE

    name = _name_of_port(arguments.port)
    protocol, port = ("", 0) if name else port_of(arguments.port)
    network = load(arguments.file or ["."])
    if network is None:
        return 2
    asked = _of_service(arguments, network, protocol, port)
    if asked is not None:
        return asked
    source, destination = find_party(network, arguments.source), find_party(network, arguments.destination)
    if {network.model.classes[one.number].what for one in (source, destination)} == {OUTSIDE}:
        raise UsageError("neither end is a pod or a node: network policies have no say", "name a pod for one end")
    wanted = _named(arguments, network, destination) if name else [(protocol, port)] if port else []
    if wanted:
        answers = [(f"{p} {n}", ask(network, source, destination, p, n)) for p, n in wanted]
    else:
        answers = ask_all(network, source, destination)
    changes = _changes(arguments, network, (source, destination), wanted)
    if arguments.json:
        _write_json(arguments, answers, changes)
    else:
        for number, (ports, answer) in enumerate(answers):
            _tell(arguments, ports, answer)
            if changes:
                tell_changes(changes[number])
    return 3 if network.incomplete or any(answer.allowed is None for _, answer in answers) else 0


def _name_of_port(text: str | None) -> str:
    """The name in `http` or `dns/UDP`; empty for numbers and for what can be neither."""
    head = (text or "").partition("/")[0]
    named = any(c.isalpha() for c in head) and all(c.isalnum() or c == "-" for c in head) and len(head) <= 15
    return head if named and head.isascii() and head.islower() else ""


def _named(arguments: argparse.Namespace, network: Network, destination: Party) -> list[tuple[str, int]]:
    """What the name of a port means at the destination."""
    from thwart.api.net.changes import named_ports

    name, _, protocol = arguments.port.partition("/")
    found = named_ports(network, destination, name, protocol.upper())
    if not found:
        raise UsageError(
            f"{arguments.destination} has no port called {arguments.port}", "write 80, 53/UDP or 3868/SCTP"
        )
    return found


def _changes(
    arguments: argparse.Namespace, network: Network, ends: tuple[Party, Party], wanted: list[tuple[str, int]]
) -> list[Changes]:
    from thwart.api.net.changes import find_changes

    names = arguments.source, arguments.destination
    return [find_changes(network, *ends, p, n, names=names) for p, n in wanted] if arguments.changes else []


def _of_service(arguments: argparse.Namespace, network: Network, protocol: str, port: int) -> int | None:
    """The exit code where the destination is a service (`namespace/svc/name` or its address), else None."""
    from thwart.api.net import find_party
    from thwart.api.net.exposure import ask_service, find_service, services_of

    services = services_of(network)
    service = find_service(services, arguments.destination)
    if service is None:
        return None
    source = find_party(network, arguments.source)
    name = _name_of_port(arguments.port)
    named = [(one.protocol, one.number) for one in service.ports if not name or one.name == name]
    if name and not named:
        raise UsageError(
            f"{arguments.destination} has no port called {name}", "name a port of the service, or a number"
        )
    wanted = [(protocol, port)] if port else named
    answers = [(f"{p} {n}", ask_service(network, services, source, service, p, n)) for p, n in wanted]
    return tell_service(arguments, answers, incomplete=network.incomplete)


def _write_json(arguments: argparse.Namespace, answers: list[tuple[str, Answer]], changes: list[Changes]) -> None:
    import json

    from thwart.network.flows import encode

    found = [{"ports": ports, **encode(answer)} for ports, answer in answers]
    for answer, change in zip(found, changes, strict=False):
        answer["changes"] = encode_changes(change)
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
