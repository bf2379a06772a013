"""`thwart net simulate`: recorded flows against policies that are not applied yet."""

from __future__ import annotations

import argparse
import sys

from thwart.cli._screen import plain
from thwart.cli.net._common import harmless, split_output, take_paths, write
from thwart.cli.net._flows import take_flows, tell
from thwart.core.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Replay recorded flows against proposed policies: what would be cut, how often, last when, and why."
    )
    parser.epilog = "exit codes: 0 nothing is cut, 1 something would be, 3 a flow is unknown, unmatched or unreadable"
    take_flows(parser)
    parser.add_argument("--add", metavar="PATH", action="append", default=[], help="proposed manifests on top of PATH")
    parser.add_argument("--against", metavar="PATH", action="append", default=[], help="the policies of today")
    parser.add_argument("-o", "--output", metavar="FORMAT[=FILE]", default="text", help="text, json, csv or markdown")
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net import RefusedError
    from thwart.api.net.simulate import simulate_network, simulation_formats, write_simulation
    from thwart.cli import complain

    format_, file = split_output(arguments.output, simulation_formats())
    manifests = [*arguments.paths, *arguments.add, *arguments.against]
    if [*manifests, *arguments.flows].count("-") > 1:
        raise UsageError("standard input can be read once only", "name a file for the flows or for the manifests")
    try:
        replay = simulate_network(
            arguments.paths,
            arguments.flows,
            add=arguments.add,
            against=arguments.against,
            format=arguments.format,
            year=arguments.year,
            pods_in=arguments.pods_in,
            stdin=sys.stdin.buffer.read() if "-" in manifests else None,
        )
    except RefusedError as error:
        for sentence in error.sentences:
            complain(error.slug, sentence)
        return 2
    tell(replay.network)
    text = write_simulation(replay.simulation, format_)
    write(harmless(text) if format_ == "text" else text, file)
    if format_ == "csv":  # a table has no room for what is in none of its lines
        for one in replay.simulation.troubles:
            lines = f"{one.count} line{'' if one.count == 1 else 's'}"
            sys.stderr.write(plain(f"warning[{one.slug}]: {one.file}:{one.line}: {one.message} ({lines})") + "\n")
    if replay.simulation.cuts:
        return 1
    return 3 if replay.incomplete else 0
