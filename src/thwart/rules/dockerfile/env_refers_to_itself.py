"""A variable is used in the ENV that sets it.

All values of one ENV are worked out before any is set: the variable has its old value there, or none.

Fix: Split the ENV in two.

Bad:
    FROM registry.example.test/base:1.2
    ENV HOME_DIR=/srv BIN=$HOME_DIR/bin

Good:
    FROM registry.example.test/base:1.2
    ENV HOME_DIR=/srv
    ENV BIN=$HOME_DIR/bin
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.dockerfile import Instruction, Pair
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import Change, mended

_USED = re.compile(r"(?<!\\)\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@dockerfile_rule(Severity.LOW, "hadolint:DL3044")
def env_refers_to_itself(file: File) -> Iterator[Hit]:
    """A variable that another pair of the same ENV sets, and that has no value before."""
    yield from mended(file, list(_found(file)))


def _found(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for stage, step in file.steps("ENV"):
        earlier: set[str] = set()
        for pair in step.instruction.pairs:
            used = set(_USED.findall(pair.value.text)) if pair.value and not pair.value.text.startswith("'") else set()
            wrong = sorted(name for name in used & earlier if step.environment.get(name) is None)
            if wrong:
                hit = file.hit(pair.name.span, f"uses {wrong[0][:80]} in the ENV that sets it", stage)
                yield hit, _split(file, step.instruction, pair)
            earlier.add(pair.name.text)


def _split(file: File, instruction: Instruction, pair: Pair) -> tuple[Change, ...]:
    """An ENV of its own from this pair on, where the whole is on one line."""
    at = pair.name.span
    if instruction.line != instruction.span.end_line:
        return ()
    before = file.lines[at.line - 1][: at.column - 1]
    return (Change(at.line, len(before.rstrip()) + 1, at.line, at.column, f"\n{instruction.keyword} "),)
