"""`thwart net`: network policy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from thwart.cli._screen import plain
from thwart.core.errors import SourceError, UsageError

if TYPE_CHECKING:
    from thwart.api._net import Network
    from thwart.network.model import Answer, Reason

_WORDS = {True: "allowed", False: "denied", None: "unknown"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `thwart net`."""
    parser.description = "Who can talk to whom in a cluster, and which policy, rule and line decides."
    parser.epilog = (
        "exit codes: 0 answered, 2 usage or an object that the API server would refuse, 3 incomplete or unknown, "
        "4 could not read"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    map_ = verbs.add_parser("map", help="everything: who reaches whom, on which ports")
    map_.add_argument(
        "-o", "--output", metavar="FORMAT[=FILE]", default="text", help="text, json, csv, markdown, dot or mermaid"
    )
    eval_ = verbs.add_parser("eval", help="answer flows, one JSON object a line")
    eval_.add_argument("--flows", metavar="FILE", default="-", help="the flows (default: standard input)")
    for verb in (map_, eval_):
        verb.add_argument("paths", nargs="+", metavar="PATH", help="manifests: files, folders, or - for standard input")
    explain = verbs.add_parser("explain", help="one flow: which policy, which rule, which line decided")
    explain.add_argument("source", metavar="FROM", help="namespace/pod, namespace/Kind/name or an address")
    explain.add_argument("destination", metavar="TO", help="the same")
    explain.add_argument("port", nargs="?", metavar="PORT[/PROTOCOL]", help="a number (default: every port)")
    explain.add_argument(
        "-f", "--file", action="append", default=[], metavar="PATH", help="manifests; may repeat (default: .)"
    )
    explain.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry out `thwart net VERB`; the exit code."""
    verbs = {"map": _map, "eval": _eval, "explain": _explain}
    return verbs[arguments.verb](arguments)


def _load(paths: Iterable[str]) -> Network | None:
    """The network; None after every object that is refused has been told."""
    from thwart.api._net import RefusedError, load_network
    from thwart.cli import complain

    chosen = list(paths)
    try:
        network = load_network(chosen, stdin=sys.stdin.buffer.read() if "-" in chosen else None)
    except RefusedError as error:
        for sentence in error.sentences:
            complain(error.slug, sentence)
        return None
    for one in network.diagnostics:
        place = f"{one.path}: " if one.path else ""
        sys.stderr.write(plain(f"{'warning' if one.incomplete else 'note'}[{one.slug}]: {place}{one.message}") + "\n")
        if one.hint:
            sys.stderr.write(plain(f"hint: {one.hint}") + "\n")
    return network


def _map(arguments: argparse.Namespace) -> int:
    from thwart.api._net import map_formats, map_network

    name, equals, file = arguments.output.partition("=")
    if name not in map_formats():
        raise UsageError(f"there is no map format {name}", f"one of {', '.join(map_formats())}")
    if equals and not file:
        raise UsageError(f"-o {arguments.output} names no file", f"write -o {name} for standard output")
    network = _load(arguments.paths)
    if network is None:
        return 2
    written = map_network(network, name)
    if file and file != "-":
        try:
            Path(file).write_text(written, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    else:
        sys.stdout.write(_harmless(written) if name == "text" else written)
    return 3 if network.incomplete else 0


def _harmless(text: str) -> str:
    return "".join(plain(line) + "\n" for line in text.splitlines())


def _eval(arguments: argparse.Namespace) -> int:
    from thwart.api._net import answer_flows

    if arguments.flows == "-" and "-" in arguments.paths:
        raise UsageError("manifests and flows cannot both come from standard input", "write --flows FILE")
    network = _load(arguments.paths)
    if network is None:
        return 2
    seen = set()
    with _opened(arguments.flows) as flows:
        for line, state in answer_flows(network, flows):
            sys.stdout.buffer.write(line)
            seen.add(state)
    sys.stdout.buffer.flush()
    if "malformed" in seen:
        return 2
    return 3 if network.incomplete or "unknown" in seen else 0


def _opened(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from None


def _explain(arguments: argparse.Namespace) -> int:
    from thwart.api._net import ask, ask_all, find_party

    protocol, port = _port(arguments.port)
    network = _load(arguments.file or ["."])
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


def _port(text: str | None) -> tuple[str, int]:
    if text is None:
        return "", 0
    number, _, protocol = text.partition("/")
    protocol = protocol.upper() or "TCP"
    good = number.isascii() and number.isdigit() and len(number) < 6 and 1 <= int(number) <= 65535
    if not good or protocol not in ("TCP", "UDP", "SCTP"):
        raise UsageError(f"{text} is not a port", "write 80, 53/UDP or 3868/SCTP")
    return protocol, int(number)


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
            sys.stdout.write(plain(f"  {direction} of {owner}: {_sentence(reason)}") + "\n")
        if not reasons and answer.allowed and not any(r.effect == "self" for r in answer.because):
            sys.stdout.write(plain(f"  {direction} of {owner}: no policy restricts it") + "\n")
    for reason in answer.because:
        if not reason.direction:
            sys.stdout.write(plain(f"  {reason.text}") + "\n")


def _sentence(reason: Reason) -> str:
    if not reason.policy:
        return reason.text
    name = f"{reason.namespace}/{reason.policy}" if reason.namespace else reason.policy
    place = f" ({reason.path}:{reason.line})" if reason.line else f" ({reason.path})"
    rule = f", rule {reason.rule + 1}," if reason.rule >= 0 else ""
    effect = "selects it and no rule allows this" if reason.effect == "isolates" else reason.effect
    if reason.effect == "unknown":
        effect = f"may decide either way{': ' + reason.text if reason.text else ''}"
    return f"{reason.kind} {name}{rule} {effect}{place}"
