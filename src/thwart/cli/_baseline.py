"""`--baseline` and `--write-baseline`, for every command that decides."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thwart.core.report import Baselined, Report


def configure(gate: argparse._ArgumentGroup) -> None:
    """The two flags."""
    gate.add_argument("--baseline", type=Path, metavar="FILE", help="count only what is not in this baseline")
    gate.add_argument("--write-baseline", type=Path, metavar="FILE", help="write what counts today as a baseline")


def read(arguments: argparse.Namespace) -> tuple[Baselined, ...] | None:
    """The baseline that was named; None without one."""
    if arguments.baseline is None:
        return None
    from thwart.gate import baseline

    try:
        with arguments.baseline.open("rb") as file:
            data = file.read(baseline.LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"the baseline {arguments.baseline} cannot be read: {error.strerror}",
            "write one with --write-baseline FILE",
        ) from None
    return baseline.read(data, str(arguments.baseline))


def write(arguments: argparse.Namespace, judged: Sequence[Report]) -> None:
    """Write the baseline, where one was asked for; it holds what counts, and what an older baseline sets aside."""
    if arguments.write_baseline is not None:
        from thwart.cli._output import save
        from thwart.gate import baseline

        save(arguments.write_baseline, baseline.write(judged))
