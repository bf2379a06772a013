"""`thwart net lint`: what is wrong, useless or surprising in the policies."""

from __future__ import annotations

import argparse

from thwart.cli.net._common import harmless, load, split_output, take_paths, write

_SEVERITIES = ("critical", "high", "medium", "low", "none")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Rules that do nothing, policies that select nothing, conflicts between tiers, openings."
    parser.epilog = (
        "exit codes: 0 nothing as severe as --fail-on, 1 something is, 2 usage or an object that the API server would "
        "refuse, 3 incomplete, 4 could not read"
    )
    parser.add_argument(
        "--fail-on",
        choices=_SEVERITIES,
        default="high",
        help="exit 1 when a finding is at least so severe (default: high)",
    )
    parser.add_argument(
        "--at-least", choices=_SEVERITIES[:-1], default="low", help="leave out findings that are less severe"
    )
    parser.add_argument("--only", metavar="CHECK", action="append", default=[], help="run this check; may repeat")
    parser.add_argument("--skip", metavar="CHECK", action="append", default=[], help="leave this check out; may repeat")
    parser.add_argument(
        "--tenant-label",
        metavar="KEY",
        default="",
        help="a label of namespaces: those with different values are tenants",
    )
    parser.add_argument("-o", "--output", metavar="FORMAT[=FILE]", default="text", help="text, json or sarif")
    take_paths(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    from msgspec.structs import replace

    from thwart.api.net.lint import FORMATS, lint_network, write_lint
    from thwart.core.advisory import Severity

    name, file = split_output(arguments.output, FORMATS)
    network = load(arguments.paths)
    if network is None:
        return 2
    report = lint_network(network, tenant_label=arguments.tenant_label, only=arguments.only, skip=arguments.skip)
    least = Severity.of(arguments.at_least)
    shown = replace(report, findings=tuple(one for one in report.findings if one.severity >= least))
    written = write_lint(shown, name)
    write(harmless(written) if name == "text" and not file else written, file)
    if arguments.fail_on != "none":
        bound = Severity.of(arguments.fail_on)
        if any(one.severity >= bound for one in report.findings):
            return 1
    return 3 if network.incomplete else 0
