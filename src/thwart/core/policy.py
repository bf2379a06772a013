"""What a policy asks beyond a severity: clauses, each with the way in which it counts."""

from __future__ import annotations

from dataclasses import dataclass

MODES = ("enforce", "warn", "dry-run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One thing that the gate asks for: `name` is a file in `gate/clauses`, with `-` for `_`; `value` is as stated.

    `mode` is `enforce`, `warn` (a breach is told) or `dry-run` (it is told as what would have been denied).
    """

    name: str
    value: object
    mode: str = "enforce"
