"""`thwart sbom`."""

from __future__ import annotations

import argparse

from thwart.api import ScanOptions, decide
from thwart.cli import _scanning
from thwart.cli._output import emit, outputs
from thwart.core.report import Policy


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "List the packages of a target; no advisory is looked at."
    parser.epilog = "exit codes: 0 complete, 2 usage, 3 incomplete, 4 could not reach or open"
    _scanning.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read and write packages."""
    wanted = outputs(arguments.output)
    chosen = _scanning.settings(arguments, {})
    done = _scanning.run_targets(arguments, chosen, ScanOptions(packages_only=True))
    policy = Policy(fail_on="none", on_incomplete=str(chosen["on-incomplete"]))
    judged = [decide(report, policy) for report in done.reports]
    if judged:
        emit(wanted, judged, color=arguments.color, packages_only=True, verbose=arguments.verbose)
    return _scanning.worst(done.code, *(verdict.exit_code for _, verdict in judged))
