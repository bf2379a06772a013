"""What the verbs of `thwart net` share: reading manifests, ports, writing files."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from thwart.cli._screen import Progress, plain
from thwart.core.errors import SourceError, UsageError

if TYPE_CHECKING:
    from thwart.api.net import Network


def take_paths(parser: argparse.ArgumentParser) -> None:
    """Let a verb read manifests, named after its options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, charts, cluster:[CONTEXT], or -")


def load(paths: Iterable[str]) -> Network | None:
    """The network; None after every object that is refused has been told."""
    from thwart.api.net import RefusedError, load_network
    from thwart.cli import complain

    chosen = list(paths)
    progress = Progress(" ".join(chosen), quiet=False)
    try:
        stdin = sys.stdin.buffer.read() if "-" in chosen else None
        network = load_network(chosen, stdin=stdin, progress=progress)
    except RefusedError as error:
        for told in error.sentences:
            complain(error.slug, told)
        return None
    finally:
        progress.close()
    gc.freeze()  # what was read lives as long as the process: the collector need not look through it
    for one in network.diagnostics:
        place = f"{one.path}: " if one.path else ""
        sys.stderr.write(plain(f"{'warning' if one.incomplete else 'note'}[{one.slug}]: {place}{one.message}") + "\n")
        if one.hint:
            sys.stderr.write(plain(f"hint: {one.hint}") + "\n")
    return network


def write(text: str, file: str) -> None:
    """Write a document to a file, or to standard output where none is named."""
    if not file or file == "-":
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


def harmless(text: str) -> str:
    """Text for a terminal: what strangers named cannot steer it."""
    return "".join(plain(line) + "\n" for line in text.splitlines())


def split_output(output: str, formats: Iterable[str]) -> tuple[str, str]:
    """`FORMAT[=FILE]` as a format and a file, which is empty for standard output."""
    name, equals, file = output.partition("=")
    known = list(formats)
    if name not in known:
        raise UsageError(f"there is no format {name} here", f"one of {', '.join(known)}")
    if equals and not file:
        raise UsageError(f"-o {output} names no file", f"write -o {name} for standard output")
    return name, file


def opened(name: str) -> BinaryIO:
    """A file of flows; `-` is standard input."""
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not the name of a file"
        raise SourceError(f"{name or 'a path that is empty'} cannot be read: {why}") from None


def port_of(text: str | None) -> tuple[str, int]:
    """`80`, `53/UDP` as protocol and number; no text is no protocol and 0."""
    if text is None:
        return "", 0
    number, _, protocol = text.partition("/")
    protocol = protocol.upper() or "TCP"
    good = number.isascii() and number.isdigit() and len(number) < 6 and 1 <= int(number) <= 65535
    if not good or protocol not in ("TCP", "UDP", "SCTP"):
        raise UsageError(f"{text} is not a port", "write 80, 53/UDP or 3868/SCTP")
    return protocol, int(number)
