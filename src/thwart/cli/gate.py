"""`thwart gate`: decide again from saved reports, and test policies."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.api import decide
from thwart.api._gate import read_reports
from thwart.cli import _baseline, _policy, _vex
from thwart.cli._output import emit, outputs
from thwart.cli._scanning import worst
from thwart.cli._screen import plain
from thwart.cli._settings import load_config
from thwart.core.config import SEVERITIES, resolve
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.core.report import Policy, Verdict
    from thwart.gate.policy_file import PolicyTest

_DENIED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = (
        "Decide again from saved reports (-o json) of scan, check and net verify, without a rescan. "
        "`thwart gate test --policy FILE` runs the cases that stand beside a policy."
    )
    parser.epilog = (
        "exit codes: 0 clean, 1 the gate says deny (or a case fails), 2 usage, 3 incomplete, 4 could not read"
    )
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="saved report, -, or the word test")
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="FORMAT[=FILE]", help="may repeat; default: text"
    )
    gate = parser.add_argument_group("deciding")
    gate.add_argument("--fail-on", metavar="SEVERITY", help=f"{', '.join(SEVERITIES)} (default: high)")
    gate.add_argument("--only-fixed", action="store_true", default=None, help="deny only what an upgrade closes")
    gate.add_argument("--on-incomplete", metavar="fail|warn", help="what an incomplete report means (default: fail)")
    gate.add_argument("--exit-zero", action="store_true", help="exit 0 whatever was found")
    gate.add_argument("--today", type=_day, metavar="DATE", help="judge as on this day (default: today)")
    _policy.configure(gate)
    _vex.configure(gate)
    _baseline.configure(gate)
    run = parser.add_argument_group("running")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")
    run.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    run.add_argument("-v", "--verbose", action="store_true", help="name every finding and reason")


def _day(text: str) -> date:
    """A day, for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2027-01-31") from None


def run(arguments: argparse.Namespace) -> int:
    """Read, decide, write."""
    if arguments.reports == ["test"]:
        return _test(arguments)
    wanted = outputs(arguments.output)
    policy = _asked(arguments)
    today = arguments.today or datetime.now(UTC).date()
    stdin = sys.stdin.buffer.read() if "-" in arguments.reports else None
    judged = [decide(report, policy, today) for report in read_reports(arguments.reports, stdin)]
    _policy.note(arguments, "gate", judged)
    _baseline.write(arguments, [report for report, _ in judged])
    emit(wanted, judged, color=arguments.color, verbose=arguments.verbose)
    code = worst(*(verdict.exit_code for _, verdict in judged))
    return 0 if arguments.exit_zero and code in (1, 3) else code


def _asked(arguments: argparse.Namespace) -> Policy:
    flags: dict[str, str | bool | None] = {
        "fail-on": arguments.fail_on,
        "only-fixed": arguments.only_fixed,
        "on-incomplete": arguments.on_incomplete,
    }
    config = load_config(arguments.config)
    policy = resolve(flags, os.environ, config).policy
    vex = _vex.read(arguments, config)
    return _policy.applied(arguments, replace(policy, baseline=_baseline.read(arguments), vex=vex))


def _test(arguments: argparse.Namespace) -> int:
    """Run the cases of a policy: a saved report each, and the decision that it must get."""
    if arguments.policy is None:
        raise UsageError("a policy is to be tested", "name it: thwart gate test --policy FILE")
    file = _policy.load(arguments.policy)
    if not file.tests:
        raise UsageError(f"{arguments.policy} has no tests", "write [[tests]] with name, report and expect")
    failed = 0
    for case in file.tests:
        path = arguments.policy.parent / case.report
        verdicts = [
            decide(report, file.policy, case.today or arguments.today or datetime.now(UTC).date())[1]
            for report in read_reports([str(path)])
        ]
        wrong = _wrong(case, verdicts)
        failed += bool(wrong)
        sys.stdout.write(plain(f"{'FAILED' if wrong else 'ok'}  {case.name}{f': {wrong}' if wrong else ''}") + "\n")
    sys.stdout.write(f"{len(file.tests)} tests, {failed} failed\n")
    return _DENIED if failed else 0


def _wrong(case: PolicyTest, verdicts: list[Verdict]) -> str:
    """Why a case fails; empty when it does not."""
    for verdict in verdicts:
        reasons = (*verdict.reasons, *verdict.doubts, *verdict.notes)
        if verdict.decision != case.expect:
            return f"{case.expect} was expected and the gate says {verdict.decision}: {'; '.join(reasons)}"
        if case.because and not any(case.because in reason for reason in reasons):
            return f"no reason says {case.because!r}: {'; '.join(reasons)}"
    return ""
