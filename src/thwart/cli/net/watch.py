"""`thwart net watch`: flow logs as they come, against policies and against what is usual."""

from __future__ import annotations

import argparse
import math
import sys

from thwart.cli._screen import plain
from thwart.cli.net._common import load, take_paths
from thwart.cli.net._flows import take_flows
from thwart.cli.net.verify import take_intents
from thwart.core.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Watch recorded flows: denied ones, those that got through though policies deny them, those never seen before, "
        "port scans and sources that behave unlike what was learned."
    )
    parser.epilog = (
        "exit codes: 0 nothing but policies at work, 1 something to look into, 3 unknown, unmatched or unreadable"
    )
    take_flows(parser)
    parser.add_argument("--follow", action="store_true", help="wait for more at the end of the file")
    parser.add_argument("--idle", metavar="SECONDS", type=float, help="with --follow: stop after so long without news")
    parser.add_argument(
        "--intents", action="append", default=[], metavar="FILE", help="tell flows that these forbid; may repeat"
    )
    parser.add_argument("--baseline", metavar="FILE", default="", help="what is usual, learned before")
    parser.add_argument(
        "--learn", metavar="FILE", default="", help="write what this log teaches (on top of --baseline)"
    )
    parser.add_argument("--window", metavar="SECONDS", type=int, help="length of a window (default: 300)")
    parser.add_argument("--score", metavar="NUMBER", type=float, default=6.0, help="score that is unusual (default: 6)")
    parser.add_argument(
        "--scan-ports", metavar="N", type=int, default=15, help="without a baseline: ports of a scan (15)"
    )
    parser.add_argument(
        "--scan-destinations",
        metavar="N",
        type=int,
        default=30,
        help="without a baseline: destinations of a sweep (30)",
    )
    parser.add_argument(
        "--repeat", metavar="SECONDS", type=float, default=3600.0, help="tell a flow again after (3600)"
    )
    parser.add_argument("--metrics", metavar="FILE", default="", help="write counters in Prometheus' text format")
    parser.add_argument("-o", "--output", metavar="FORMAT", default="json", help="json (one object a line) or text")
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.verify import forbidding
    from thwart.api.net.watch import Watch, event_lines
    from thwart.network.watching.scoring import Bounds

    write, end = event_lines(arguments.output)
    _check(arguments)
    if [*arguments.paths, *arguments.flows].count("-") > 1:
        raise UsageError("standard input can be read once only", "name a file for the flows or for the manifests")
    intents = take_intents(arguments.intents, [*arguments.paths, *arguments.flows]) if arguments.intents else ()
    network = load(arguments.paths) if intents is not None else None
    if network is None:
        return 2
    watch = Watch(
        network=network,
        flows=arguments.flows,
        format=arguments.format,
        year=arguments.year,
        pods_in=arguments.pods_in,
        follow=arguments.follow,
        idle=arguments.idle,
        window=arguments.window or 0,
        repeat=arguments.repeat,
        baseline=arguments.baseline,
        learn=arguments.learn,
        metrics=arguments.metrics,
        forbidden=forbidding(network, intents) if intents else None,
        bounds=Bounds(score=arguments.score, ports=arguments.scan_ports, destinations=arguments.scan_destinations),
    )
    for event in watch.run():
        sys.stdout.write(_line(write(event), arguments.output))
        sys.stdout.flush()
    for line in end(watch):
        sys.stdout.write(_line(line, arguments.output))
    if watch.alarming:
        return 1
    return 3 if watch.incomplete else 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.window is not None and not 1 <= arguments.window <= 86400:
        raise UsageError("a window is 1 to 86400 seconds long")
    if not 0 < arguments.score < math.inf:  # nan, too, would let nothing be unusual
        raise UsageError("--score needs a number above 0")
    if arguments.scan_ports < 1 or arguments.scan_destinations < 1:
        raise UsageError("--scan-ports and --scan-destinations need numbers above 0")
    if not arguments.repeat >= 0:
        raise UsageError("--repeat needs a number of seconds, 0 to tell every flow every time")
    if arguments.idle is not None and not arguments.idle >= 0:
        raise UsageError("--idle needs a number of seconds")


def _line(text: str, output: str) -> str:
    return (plain(text) if output == "text" else text) + "\n"
