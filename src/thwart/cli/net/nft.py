"""`thwart net nft`: the policies as packet filters of nftables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from thwart.cli._screen import plain
from thwart.cli.net._common import load, split_output, take_paths, write
from thwart.core.errors import UsageError
from thwart.core.finding import Diagnostic

_FORMATS = ("text", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "-o", "--output", metavar="FORMAT[=FILE]", default="text", help="text (nft -f) or json (nft -j -f)"
    )
    parser.add_argument("--table", metavar="NAME", default="thwart", help="name of the inet table (default: thwart)")
    parser.add_argument(
        "--deny",
        choices=("reject", "drop"),
        default="reject",
        help="tell the sender of what is denied, or do not (default: reject)",
    )
    parser.add_argument("--counters", action="store_true", help="count what each rule met")
    parser.add_argument("--log-group", type=int, metavar="N", default=-1, help="tell NFLOG group N what is denied")
    parser.add_argument("--log-allowed", action="store_true", help="and what a rule allows")
    parser.add_argument(
        "--address",
        action="append",
        default=[],
        metavar="NAMESPACE/NAME=IP[,IP]",
        help="addresses of a pod or workload that the manifests do not tell; may repeat",
    )
    parser.add_argument(
        "--strict", action="store_true", help="write nothing when the rules would say less than the policies"
    )
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.prove import compile_network, refuse_doubt
    from thwart.network.enforcement import Options, is_identifier, write_json, write_text

    name, file = split_output(arguments.output, _FORMATS)
    if not is_identifier(arguments.table):
        raise UsageError(f"{arguments.table!r} is not the name of a table", "use letters, digits and _, at most 32")
    if not -1 <= arguments.log_group <= 65535:
        raise UsageError(f"{arguments.log_group} is not an NFLOG group", "use a number from 0 to 65535")
    if arguments.log_allowed and arguments.log_group < 0:
        raise UsageError("--log-allowed needs --log-group")
    addresses = dict(_address(text) for text in arguments.address)
    network = load(arguments.paths)
    if network is None:
        return 2
    options = Options(
        table=arguments.table,
        deny=arguments.deny,
        log_group=arguments.log_group,
        log_allowed=arguments.log_allowed,
        counters=arguments.counters,
    )
    table = compile_network(network, options, addresses)
    if arguments.strict:
        refuse_doubt(network, table)
    tell(table.diagnostics)
    write(write_text(table) if name == "text" else write_json(table), file)
    return 3 if network.incomplete or any(one.incomplete for one in table.diagnostics) else 0


def tell(diagnostics: Iterable[Diagnostic]) -> None:
    """Say on standard error what the reader must know."""
    for one in diagnostics:
        place = f"{one.path}: " if one.path else ""
        sys.stderr.write(plain(f"{'warning' if one.incomplete else 'note'}[{one.slug}]: {place}{one.message}") + "\n")
        if one.hint:
            sys.stderr.write(plain(f"hint: {one.hint}") + "\n")


def _address(text: str) -> tuple[str, list[str]]:
    name, equals, addresses = text.partition("=")
    if not equals or "/" not in name:
        raise UsageError(f"{text!r} names no pod and address", "write --address shop/db=192.0.2.1")
    return name, addresses.split(",")
