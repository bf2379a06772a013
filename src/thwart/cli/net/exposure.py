"""`thwart net exposure`: what is reachable from outside, and through which door."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain
from thwart.cli.net._common import harmless, load, split_output, take_paths, write
from thwart.core.errors import UsageError
from thwart.network.words import sentence

if TYPE_CHECKING:
    from thwart.api.net import Network
    from thwart.network.services import Service, ServiceAnswer, ServicePort

_FORMATS = ("text", "json", "csv", "markdown")
_WORDS = {True: "allowed", False: "denied", None: "unknown"}
_REACHED = {"all": "allowed", "some": "allowed to some endpoints", "none": "denied", "unknown": "unknown"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "-o", "--output", metavar="FORMAT[=FILE]", default="text", help="text, json, csv or markdown (default: text)"
    )
    parser.add_argument(
        "--service", metavar="NAMESPACE/NAME", help="who reaches one service, instead of the exposure of everything"
    )
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.exposure import expose, write_exposure

    formats = _FORMATS[:2] if arguments.service else _FORMATS
    name, file = split_output(arguments.output, formats)
    network = load(arguments.paths)
    if network is None:
        return 2
    if arguments.service:
        return _one_service(arguments.service, network, name, file)
    found = expose(network)
    written = write_exposure(network, found, name)
    write(harmless(written) if name == "text" and not file else written, file)
    return 3 if network.incomplete or found.unknown or any(one.incomplete for one in found.problems) else 0


def _one_service(name: str, network: Network, output: str, file: str) -> int:
    from thwart.api.net.exposure import find_service, reach_service, services_of

    namespace, slash, rest = name.partition("/")
    if not slash or not rest:
        raise UsageError(f"{name} is not a service", "name it as namespace/name")
    rest = rest.removeprefix("svc/").removeprefix("Service/")
    service = find_service(services_of(network), f"{namespace}/svc/{rest}")
    if service is None:
        raise UsageError(f"there is no service {name}", "name it as namespace/name")
    doubt = False
    lines, ports = [], []
    for reach, words in reach_service(network, service):
        doubt = doubt or bool(words["unknown"])
        lines += _reach_lines(service, reach.port, reach.endpoints, reach.doubt, words)
        ports.append({**_port(reach.port), "endpoints": reach.endpoints, "note": reach.doubt, **words})
    if output == "json":
        import json

        document = {"schema": "thwart-net-service-v1", "service": f"{namespace}/{rest}", "ports": ports}
        write(json.dumps(document, indent=1) + "\n", file)
    else:
        said = "\n".join(lines) + "\n"
        write(said if file else harmless(said), file)
    return 3 if network.incomplete or doubt else 0


def _port(port: ServicePort) -> dict[str, object]:
    return {"port": port.number, "protocol": port.protocol, "target": port.target}


def _reach_lines(
    service: Service, port: ServicePort, endpoints: int, doubt: str, words: dict[str, list[str]]
) -> list[str]:
    behind = f"{endpoints} pod{'s' if endpoints != 1 else ''} or workload{'s' if endpoints != 1 else ''}"
    lines = [f"{service.what}, {port.protocol} {port.number} -> {port.target}: {doubt or behind}"]
    heads = {"all": "<- ", "some": "<- (some of them) ", "unknown": "?- "}
    for state, head in heads.items():
        lines += [f"  {head}{name}" for name in words[state]]
    if not doubt and not any(words.values()):
        lines.append("  nothing reaches it")
    return lines


def tell_service(arguments: argparse.Namespace, answers: list[tuple[str, ServiceAnswer]], *, incomplete: bool) -> int:
    """What `thwart net explain` says when the destination is a service; the exit code."""
    if arguments.json:
        import json

        from thwart.network.flows import encode_service

        document = {
            "schema": "thwart-net-explain-v1",
            "from": arguments.source,
            "to": arguments.destination,
            "answers": [{"ports": ports, **encode_service(answer)} for ports, answer in answers],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        for ports, answer in answers:
            _tell(f"{arguments.source} -> {arguments.destination}, {ports}", answer)
    return 3 if incomplete or any(answer.state == "unknown" or answer.unknown for _, answer in answers) else 0


def _tell(flow: str, answer: ServiceAnswer) -> None:
    """Whether a service is reached, and what decided at each group of its endpoints."""
    from thwart.network.flows import name_of

    sys.stdout.write(plain(f"{_REACHED[answer.state]}: {flow}") + "\n")
    if answer.note:
        sys.stdout.write(plain(f"  {answer.note}") + "\n")
    for aim, found in answer.each:
        head = f"  {_WORDS[found.allowed]}: {name_of(aim)}, {aim.protocol} {aim.port}"
        sys.stdout.write(plain(head) + "\n")
        for reason in found.because:
            owner = f"{reason.direction}: " if reason.direction else ""
            sys.stdout.write(plain(f"    {owner}{sentence(reason)}") + "\n")
        if not found.because:
            sys.stdout.write("    no policy restricts it\n")
