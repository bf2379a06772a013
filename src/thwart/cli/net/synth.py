"""`thwart net synth`: the least policies that let given traffic through, proved."""

from __future__ import annotations

import argparse
import io
import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain
from thwart.cli.net._common import load, opened, split_output, take_paths, write
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.api.net.synth import Synthesizer
    from thwart.network.synthesis.asking import Options

_GENERALIZE = ("none", "labels", "workload", "namespace")
_SHORTEST = {4: 8, 6: 16}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Write the least policies that allow given connections, and prove that they allow no others."
    asked = parser.add_argument_group("what is asked for (give at least one)")
    asked.add_argument("--flows", metavar="FILE", action="append", default=[], help="a flow log, or - (repeatable)")
    asked.add_argument("--format", metavar="FORMAT", default="auto", help="the format of the logs (default: auto)")
    asked.add_argument("--year", metavar="YEAR", type=int, default=0, help="the year of log times that lack it")
    asked.add_argument(
        "--pods-in", metavar="CIDR", action="append", default=[], help="addresses that are given to pods"
    )
    asked.add_argument("--include-denied", action="store_true", help="ask for flows that were denied, too")
    asked.add_argument("--intents", metavar="FILE", action="append", default=[], help="what intents want to be allowed")
    asked.add_argument(
        "--from-manifests",
        action="store_true",
        help="hosts that environment, arguments and ConfigMaps name, and routes",
    )
    asked.add_argument("--ingress-from", metavar="NS[/LABELS]", default="", help="who carries out Ingress and routes")
    asked.add_argument("--dns", choices=("asked", "all"), default="asked", help="let every pod resolve names")
    made = parser.add_argument_group("what is written")
    made.add_argument("--dialect", metavar="NAME", default="kubernetes", help="kubernetes, cilium or calico")
    made.add_argument(
        "--namespace", metavar="NAME", action="append", help="hold only its pods to policies (repeatable)"
    )
    made.add_argument("--generalize", choices=_GENERALIZE, default="none", help="how far pods may stand for others")
    made.add_argument(
        "--cidr-generalize", metavar="BITS[,BITS6]", help="merge addresses to blocks, not wider than this"
    )
    made.add_argument("--ingress-only", action="store_true", help="isolate ingress only")
    made.add_argument("--egress-only", action="store_true", help="isolate egress only")
    made.add_argument("--no-default-deny", action="store_true", help="isolate only pods that something is asked for")
    made.add_argument(
        "--keep-existing", action="store_true", help="add to the existing policies instead of replacing them"
    )
    made.add_argument("-o", "--output", metavar="FORMAT[=FILE]", default="yaml", help="yaml or json")
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from thwart.api.net.synth import SynthesisError, Synthesizer, synth_json, synth_summary
    from thwart.network.synthesis.report import incomplete

    name, file = split_output(arguments.output, ("yaml", "json"))
    options = _options(arguments)
    _check(arguments)
    stdin = _kept_input() if "-" in arguments.paths else None
    network = load(arguments.paths)
    if network is None:
        return 2
    synthesizer = Synthesizer(network, options, arguments.pods_in)
    _ask(arguments, synthesizer, stdin)
    made = synthesizer.make()
    for line in synth_summary(made, options):
        sys.stderr.write(plain(line) + "\n")
    if name == "json":
        write(synth_json(made, options), file)
    if not made.proof.holds:
        raise SynthesisError("the policies do not allow exactly what was asked for, and were not written")
    if name == "yaml":
        write(made.text, file)
    return 3 if network.incomplete or incomplete(made) else 0


def _kept_input() -> bytes:
    """Standard input, which can still be read once more afterwards: manifests are looked at twice."""
    data = sys.stdin.buffer.read()
    sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    return data


def _check(arguments: argparse.Namespace) -> None:
    if not (arguments.flows or arguments.intents or arguments.from_manifests):
        raise UsageError("nothing is asked for", "give --flows FILE, --intents FILE or --from-manifests")
    if [*arguments.flows, *arguments.intents, *arguments.paths].count("-") > 1:
        raise UsageError("only one thing can come from standard input")
    if arguments.ingress_from and not arguments.from_manifests:
        raise UsageError("--ingress-from says who carries out routes, which only --from-manifests reads")


def _ask(arguments: argparse.Namespace, synthesizer: Synthesizer, stdin: bytes | None) -> None:
    from thwart.api.net.synth import read_manifests

    for flows in arguments.flows:
        synthesizer.add_flows(flows, arguments.format, year=arguments.year, denied=arguments.include_denied)
    if arguments.intents:
        files = []
        for intents in arguments.intents:
            with opened(intents) as stream:
                files.append((intents, stream.read()))
        synthesizer.add_intents(files)
    if arguments.from_manifests:
        synthesizer.add_manifests(read_manifests(arguments.paths, stdin=stdin), arguments.ingress_from)
    if arguments.dns == "all":
        synthesizer.add_dns()


def _options(arguments: argparse.Namespace) -> Options:
    from thwart.api.net.synth import synth_dialects
    from thwart.network.model import EGRESS, INGRESS
    from thwart.network.synthesis.asking import Options

    if arguments.ingress_only and arguments.egress_only:
        raise UsageError("--ingress-only and --egress-only exclude each other")
    if arguments.dialect not in synth_dialects():
        raise UsageError(f"there is no dialect {arguments.dialect}", f"one of {', '.join(synth_dialects())}")
    directions = frozenset(
        {INGRESS} if arguments.ingress_only else {EGRESS} if arguments.egress_only else {INGRESS, EGRESS}
    )
    return Options(
        dialect=arguments.dialect,
        generalize=arguments.generalize,
        prefixes=_prefixes(arguments.cidr_generalize),
        directions=directions,
        default_deny=not arguments.no_default_deny,
        keep_existing=arguments.keep_existing,
        namespaces=frozenset(arguments.namespace) if arguments.namespace else None,
    )


def _prefixes(text: str | None) -> tuple[tuple[int, int], ...]:
    """`24` or `24,64` as the shortest prefix of each family."""
    found = {4: 32, 6: 128}
    for version, part in zip(found, text.split(",") if text is not None else (), strict=False):
        number = int(part) if part.isascii() and part.isdigit() and len(part) < 4 else -1
        if not _SHORTEST[version] <= number <= found[version]:
            hint = f"write a prefix from {_SHORTEST[version]} to {found[version]} for IPv{version}, as in 24 or 24,64"
            raise UsageError(f"{part!r} is not a length of a prefix here", hint)
        found[version] = number
    if text is not None and text.count(",") >= len(found):
        raise UsageError("--cidr-generalize takes one length for IPv4, and one for IPv6 after a comma")
    return tuple(found.items())
