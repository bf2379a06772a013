"""`thwart net map`: everything."""

from __future__ import annotations

import argparse

from thwart.cli.net._common import harmless, load, split_output, take_paths, write


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT[=FILE]",
        default="text",
        help="text, json, csv, markdown, dot, mermaid, svg or html",
    )
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net import map_formats, map_network

    name, file = split_output(arguments.output, map_formats())
    network = load(arguments.paths)
    if network is None:
        return 2
    written = map_network(network, name)
    write(harmless(written) if name == "text" and not file else written, file)
    return 3 if network.incomplete else 0
