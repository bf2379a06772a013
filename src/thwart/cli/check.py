"""`thwart check`."""

from __future__ import annotations

import argparse
import gc
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from thwart.api import CheckOptions, check, decide
from thwart.api._own_rules import own_rules
from thwart.cli import _baseline, _policy
from thwart.cli._output import emit, outputs
from thwart.cli._settings import load_config
from thwart.core.config import SEVERITIES, Config, resolve
from thwart.core.report import Policy
from thwart.rules import NEWEST


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = (
        "Judge documents by rules: Dockerfiles, Compose files, Kubernetes manifests, docker run lines and units."
    )
    parser.epilog = "exit codes: 0 clean, 1 the gate says deny, 2 usage, 3 incomplete, 4 could not read"
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder or -")
    parser.add_argument(
        "--framework",
        metavar="NAME[@VERSION]",
        default="",
        help="answer the controls of a standard, and no others: pss-restricted@1.30, cis-docker, cis-kubernetes@1.8, nsa, "
        "nist-800-190; any finding denies unless --fail-on says otherwise",
    )
    parser.add_argument(
        "--kubernetes-version",
        type=_minor,
        metavar="1.MINOR",
        help="the version that manifests are for, where no framework says it (default: the newest)",
    )
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="FORMAT[=FILE]", help="may repeat; default: text"
    )
    gate = parser.add_argument_group("deciding")
    gate.add_argument("--fail-on", metavar="SEVERITY", help=f"{', '.join(SEVERITIES)} (default: high)")
    gate.add_argument("--on-incomplete", metavar="fail|warn", help="what an incomplete report means (default: fail)")
    gate.add_argument("--exit-zero", action="store_true", help="exit 0 whatever was found")
    _policy.configure(gate)
    _baseline.configure(gate)
    run = parser.add_argument_group("running")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")
    run.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    run.add_argument("-v", "--verbose", action="store_true", help="show every place of a finding")


def run(arguments: argparse.Namespace) -> int:
    """Check, decide, write."""
    gc.disable()  # what is found lives as long as the process, and forms no cycles
    wanted = outputs(arguments.output)
    config = load_config(arguments.config)
    policy = _policy.applied(arguments, replace(_asked(arguments, config), baseline=_baseline.read(arguments)))
    options = CheckOptions(
        framework=arguments.framework,
        minor=arguments.kubernetes_version,
        custom=own_rules(config, trusted=arguments.config is not None),
    )
    stdin = sys.stdin.buffer.read() if "-" in arguments.paths else None
    report = check(arguments.paths, replace(options, stdin=stdin))
    judged = decide(report, policy, datetime.now(UTC).date())
    _policy.note(arguments, "gate", [judged])
    _baseline.write(arguments, [judged[0]])
    emit(wanted, [judged], color=arguments.color, verbose=arguments.verbose)
    code = judged[1].exit_code
    return 0 if arguments.exit_zero and code in (1, 3) else code


def _minor(text: str) -> int:
    """The minor version of Kubernetes 1, for argparse."""
    match = re.fullmatch(r"v?1\.(0|[1-9][0-9]{0,2})", text)
    if match is None or int(match[1]) > NEWEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a version from 1.0 to 1.{NEWEST}")
    return int(match[1])


def _asked(arguments: argparse.Namespace, config: Config | None) -> Policy:
    """What the gate asks for. A framework says no to whatever fails one of its controls, however severe."""
    flags: dict[str, str | bool | None] = {"fail-on": arguments.fail_on, "on-incomplete": arguments.on_incomplete}
    chosen = resolve(flags, os.environ, config)
    policy = replace(chosen.policy, only_fixed=False)
    if arguments.framework and arguments.fail_on is None:
        return replace(policy, fail_on="negligible")
    return policy
