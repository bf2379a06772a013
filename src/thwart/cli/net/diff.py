"""`thwart net diff`: what a change opens and closes."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain
from thwart.cli.net._common import harmless, split_output, write
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.api.net.diff import Side


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("old", metavar="OLD", help="manifests before: a file, a folder, or - for standard input")
    parser.add_argument("new", metavar="NEW", help="manifests after")
    parser.add_argument(
        "--with", dest="also", action="append", default=[], metavar="PATH", help="manifests of both sides; may repeat"
    )
    parser.add_argument(
        "--intents", action="append", default=[], metavar="FILE", help="tell which intents break; may repeat"
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 when a connection differs")
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="FORMAT[=FILE]", help="text, json or markdown"
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.diff import diff_networks, difference_formats, write_difference
    from thwart.cli.net.verify import take_intents

    outputs = [split_output(one, difference_formats()) for one in arguments.output or ["text"]]
    if sum(not file or file == "-" for _, file in outputs) > 1:
        raise UsageError("two formats cannot both go to standard output", "write -o FORMAT=FILE")
    given = [arguments.old, arguments.new, *arguments.also]
    intents = take_intents(arguments.intents, given)
    if intents is None:
        return 2
    sides = _sides(arguments)
    if sides is None:
        return 2
    difference = diff_networks(*sides, intents)
    for name, file in outputs:
        written = write_difference(difference, name)
        write(harmless(written) if name == "text" and not file else written, file)
    if arguments.exit_code and difference.reach_differs:
        return 1
    return 3 if difference.uncertain or any(side.incomplete for side in sides) else 0


def _sides(arguments: argparse.Namespace) -> tuple[Side, Side] | None:
    """Both worlds; None after every object that is refused has been told."""
    from thwart.api.net import RefusedError
    from thwart.api.net.diff import load_side
    from thwart.cli import complain

    stdin = sys.stdin.buffer.read() if "-" in (arguments.old, arguments.new, *arguments.also) else None
    found = []
    for path in (arguments.old, arguments.new):
        try:
            found.append(load_side([path, *arguments.also], stdin=stdin))
        except RefusedError as error:
            for sentence in error.sentences:
                complain(error.slug, sentence)
    if len(found) < 2:
        return None
    for one in dict.fromkeys(diagnostic for side in found for diagnostic in side.diagnostics):
        place = f"{one.path}: " if one.path else ""
        sys.stderr.write(plain(f"{'warning' if one.incomplete else 'note'}[{one.slug}]: {place}{one.message}") + "\n")
        if one.hint:
            sys.stderr.write(plain(f"hint: {one.hint}") + "\n")
    return found[0], found[1]
