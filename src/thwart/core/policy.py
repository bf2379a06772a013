"""What a policy asks beyond a severity: clauses, each with the way in which it counts."""

from __future__ import annotations

from msgspec import Struct

MODES = ("enforce", "warn", "dry-run")


class Clause(Struct, frozen=True, kw_only=True):
    """One thing that the gate asks for: `name` is a file in `gate/clauses`, with `-` for `_`; `value` is as stated.

    `mode` is `enforce`, `warn` (a breach is told) or `dry-run` (it is told as what would have been denied).
    """

    name: str
    value: object
    mode: str = "enforce"
