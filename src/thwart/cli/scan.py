"""`thwart scan`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from thwart.api import ScanOptions, decide
from thwart.api._own_rules import own_rules
from thwart.cli import _baseline, _policy, _scanning, _vex
from thwart.cli._output import emit, outputs
from thwart.cli._settings import data_dir
from thwart.core.config import SEVERITIES, Settings
from thwart.core.errors import ConfigError
from thwart.core.report import Report

_LONGEST = 86_400


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = (
        "Find known vulnerabilities in images, root file systems and directories, and what an attacker could use in images "
        "and running engines."
    )
    parser.epilog = "exit codes: 0 clean, 1 the gate says deny, 2 usage, 3 incomplete, 4 could not reach or open"
    _scanning.configure(parser)
    parser.add_argument(
        "--framework",
        metavar="NAME[@VERSION]",
        default="",
        help="answer the controls of a standard: cis-docker, nist-800-190",
    )
    engine = parser.add_argument_group("of running engines")
    engine.add_argument(
        "--observe", type=_seconds, default=0.0, metavar="SECONDS", help="watch what containers use, and suggest limits"
    )
    engine.add_argument("--approved", type=Path, metavar="FILE", help="digests of images that may run, one a line")
    gate = parser.add_argument_group("deciding")
    gate.add_argument("--fail-on", metavar="SEVERITY", help=f"{', '.join(SEVERITIES)} (default: high)")
    gate.add_argument("--only-fixed", action="store_true", default=None, help="deny only what an upgrade closes")
    gate.add_argument("--on-incomplete", metavar="fail|warn", help="what an incomplete report means (default: fail)")
    gate.add_argument("--exit-zero", action="store_true", help="exit 0 whatever was found")
    _policy.configure(gate)
    gate.add_argument("--trust-policy", type=Path, metavar="FILE", help="who must vouch for images from registries")
    _vex.configure(gate)
    _baseline.configure(gate)
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
    config = _scanning.load_config(arguments.config)
    vex = _vex.read(arguments, config)
    policy = _policy.applied(arguments, replace(chosen.policy, baseline=_baseline.read(arguments), vex=vex))
    options = ScanOptions(
        database=arguments.db,
        framework=arguments.framework,
        custom=own_rules(config, trusted=arguments.config is not None),
        observe=arguments.observe,
        approved=_approved(arguments.approved),
    )
    done = _scanning.run_targets(arguments, chosen, options)
    today = datetime.now(UTC).date()
    reports = (
        [_vouched(arguments, chosen, report) for report in done.reports] if arguments.trust_policy else done.reports
    )
    judged = [decide(report, policy, today) for report in reports]
    _policy.note(arguments, "scan", judged)
    _baseline.write(arguments, [report for report, _ in judged])
    if judged:
        emit(wanted, judged, color=arguments.color, verbose=arguments.verbose)
    code = _scanning.worst(done.code, *(verdict.exit_code for _, verdict in judged))
    return 0 if arguments.exit_zero and code in (1, 3) else code


def _seconds(text: str) -> float:
    """A time to watch, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to {_LONGEST}")
    return seconds


def _approved(path: Path | None) -> tuple[str, ...] | None:
    """The digests of a list; None where there is none."""
    if path is None:
        return None
    from thwart.api._engine import approved_digests

    try:
        return approved_digests(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise ConfigError(f"the list {path} cannot be read: {error.strerror}") from None


def _vouched(arguments: argparse.Namespace, chosen: Settings, report: Report) -> Report:
    """The report with the trust policy's word on its image."""
    if not report.asset.reference:
        return report
    from thwart.api import _verify

    options = _verify.VerifyOptions(source=_scanning.opening(arguments, chosen), state=data_dir())
    trusting = _verify.from_file(arguments.trust_policy)
    judgement = _verify.judge_scanned(report.asset.reference, report.asset.digest, trusting, options)
    return replace(report, vouched=_verify.vouched(judgement))
