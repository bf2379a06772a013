"""`thwart scan`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from thwart.api import decide
from thwart.cli import _scanning
from thwart.cli._output import emit, outputs
from thwart.core.config import SEVERITIES


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Find known vulnerabilities in images, root file systems and directories."
    parser.epilog = "exit codes: 0 clean, 1 the gate says deny, 2 usage, 3 incomplete, 4 could not reach or open"
    _scanning.configure(parser)
    gate = parser.add_argument_group("deciding")
    gate.add_argument("--fail-on", metavar="SEVERITY", help=f"{', '.join(SEVERITIES)} (default: high)")
    gate.add_argument("--only-fixed", action="store_true", default=None, help="deny only what an upgrade closes")
    gate.add_argument("--on-incomplete", metavar="fail|warn", help="what an incomplete report means (default: fail)")
    gate.add_argument("--exit-zero", action="store_true", help="exit 0 whatever was found")
    gate.add_argument(
        "--db", type=Path, metavar="FILE", help="advisory database (default: your own, else the embedded)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Scan, decide, write."""
    wanted = outputs(arguments.output)
    flags = {
        "fail-on": arguments.fail_on,
        "only-fixed": arguments.only_fixed,
        "on-incomplete": arguments.on_incomplete,
    }
    chosen = _scanning.settings(arguments, flags)
    done = _scanning.run_targets(arguments, chosen, database=arguments.db, packages_only=False)
    today = datetime.now(UTC).date()
    judged = [decide(report, chosen.policy, today) for report in done.reports]
    if judged:
        emit(wanted, judged, color=arguments.color, verbose=arguments.verbose)
    code = _scanning.worst(done.code, *(verdict.exit_code for _, verdict in judged))
    return 0 if arguments.exit_zero and code in (1, 3) else code
