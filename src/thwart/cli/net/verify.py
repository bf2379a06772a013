"""`thwart net verify`: intents as tests."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from thwart.cli.net._common import harmless, load, opened, split_output, take_paths, write
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.network.intents.form import Intent
    from thwart.network.intents.outcome import Verdict

FORMATS = "text, json, junit or markdown; may repeat (default: text)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--intents", action="append", required=True, metavar="FILE", help="what must hold; may repeat, - is stdin"
    )
    parser.add_argument("-o", "--output", action="append", default=[], metavar="FORMAT[=FILE]", help=FORMATS)
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.verify import verdict_formats, verify_network, write_verdict

    outputs = [split_output(one, verdict_formats()) for one in arguments.output or ["text"]]
    if sum(not file or file == "-" for _, file in outputs) > 1:
        raise UsageError("two formats cannot both go to standard output", "write -o FORMAT=FILE")
    intents = take_intents(arguments.intents, arguments.paths)
    if intents is None:
        return 2
    network = load(arguments.paths)
    if network is None:
        return 2
    verdict = verify_network(network, intents)
    for name, file in outputs:
        written = write_verdict(verdict, name)
        write(harmless(written) if name == "text" and not file else written, file)
    return _code(verdict)


def take_intents(files: list[str], paths: list[str]) -> tuple[Intent, ...] | None:
    """The intents of files; None after every mistake in them has been told."""
    from thwart.api.net.verify import read_intents
    from thwart.cli import complain
    from thwart.core.limits import DEFAULT
    from thwart.network.intents.reading import IntentsError

    if [*files, *paths].count("-") > 1:
        raise UsageError("standard input can be read only once", "write a file's name in place of one -")
    read = []
    for name in files:
        with opened(name) as file:
            read.append((name, file.read(DEFAULT.yaml_bytes + 1)))
    try:
        return read_intents(read)
    except IntentsError as error:
        *first, last = error.sentences
        for sentence in first:
            complain(error.slug, sentence)
        complain(error.slug, last, *error.hints)
        return None


def _code(verdict: Verdict) -> int:
    if verdict.count("broken") or verdict.count("empty"):
        return 1
    return 3 if verdict.count("unknown") or verdict.unread else 0
