"""What the verbs that read flow logs share."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain

if TYPE_CHECKING:
    from thwart.api.net import Network


def take_flows(parser: argparse.ArgumentParser) -> None:
    """Let a verb read flow logs."""
    parser.add_argument("--flows", metavar="FILE", action="append", required=True, help="a flow log, or - (repeatable)")
    parser.add_argument("--format", metavar="FORMAT", default="auto", help="the format of the logs (default: auto)")
    parser.add_argument(
        "--pods-in", metavar="CIDR", action="append", default=[], help="addresses that are given to pods"
    )
    parser.add_argument("--year", metavar="YEAR", type=int, default=0, help="the year of log times that lack it")


def tell(network: Network) -> None:
    """What the reader of an answer must know, on standard error."""
    for one in network.diagnostics:
        place = f"{one.path}: " if one.path else ""
        sys.stderr.write(plain(f"{'warning' if one.incomplete else 'note'}[{one.slug}]: {place}{one.message}") + "\n")
        if one.hint:
            sys.stderr.write(plain(f"hint: {one.hint}") + "\n")
