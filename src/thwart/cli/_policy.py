"""`--policy`, `--log`: what the gate asks for beyond the flags, and where its decisions are kept."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thwart.core.report import Policy, Report, Verdict
    from thwart.gate.policy_file import PolicyFile

_LARGEST = 1 << 20


def configure(gate: argparse._ArgumentGroup) -> None:
    """The two flags."""
    gate.add_argument("--policy", type=Path, metavar="FILE", help="what the gate asks for, instead of a severity alone")
    gate.add_argument("--log", type=Path, metavar="FOLDER", help="write the decision to this log (thwart log init)")


def load(path: Path) -> PolicyFile:
    """A policy file.

    Raises:
        ConfigError: it cannot be read, or is wrong.
    """
    from thwart.gate.policy_file import parse

    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"the policy {path} cannot be read: {why}") from None
    return parse(text, str(path))


def applied(arguments: argparse.Namespace, policy: Policy) -> Policy:
    """The policy of the file, where one was named, with the exceptions of both; flags of this run go over it."""
    if arguments.policy is None:
        return policy
    stated = load(arguments.policy).policy
    flags = {
        name: getattr(arguments, name, None) for name in ("fail_on", "on_incomplete", "only_fixed")
    }  # as the flags are called, and as the policy's fields are
    given = {name: value for name, value in flags.items() if value is not None}
    return replace(
        stated, exceptions=(*stated.exceptions, *policy.exceptions), baseline=policy.baseline, vex=policy.vex, **given
    )


def note(arguments: argparse.Namespace, kind: str, judged: Sequence[tuple[Report, Verdict]]) -> None:
    """Write each verdict, and the exceptions that it rests on, to the log that was named.

    Raises:
        RecordError: the log is damaged or of another key; SourceError: it cannot be written.
    """
    if arguments.log is None:
        return
    from thwart.api import record

    entries = [
        entry
        for report, verdict in judged
        for entry in (record.decision(kind, report, verdict), *record.exemptions(report))
    ]
    record.append(record.LogFiles(folder=arguments.log), entries)
