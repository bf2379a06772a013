"""`thwart net eval`: flows in, answers out."""

from __future__ import annotations

import argparse
import sys

from thwart.cli.net._common import load, opened, take_paths
from thwart.core.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--flows", metavar="FILE", default="-", help="the flows (default: standard input)")
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net import answer_flows

    if arguments.flows == "-" and "-" in arguments.paths:
        raise UsageError("manifests and flows cannot both come from standard input", "write --flows FILE")
    network = load(arguments.paths)
    if network is None:
        return 2
    seen = set()
    with opened(arguments.flows) as flows:
        for line, state in answer_flows(network, flows):
            sys.stdout.buffer.write(line)
            seen.add(state)
    sys.stdout.buffer.flush()
    if "malformed" in seen:
        return 2
    return 3 if network.incomplete or "unknown" in seen else 0
