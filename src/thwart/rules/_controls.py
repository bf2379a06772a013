"""The answers to a framework's controls, from what rules ran, met and found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.core.rule import Control

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from thwart.core.finding import Finding
    from thwart.core.rule import Rule
    from thwart.rules._frameworks import Framework


class Run(Struct, frozen=True, kw_only=True):
    """What happened, by ids of rules: which met something to judge, which failed, which lacked what could not be read."""

    met: set[str]
    crashed: set[str]
    unread: set[str]


def answers(framework: Framework, rules: Sequence[Rule], findings: Sequence[Finding], run: Run) -> Iterator[Control]:
    """One answer for each control.

    In this order: what was found fails it; what could not be judged leaves it `unknown`; a rule that met something to
    judge and found nothing passes it; with rules and nothing to judge it is `not-applicable`, without any `manual`.
    """
    for asked in framework.controls:
        names = [rule.id for rule in rules if asked.answered_by(rule)]
        count = sum(finding.id in names and asked.concerns(finding) for finding in findings)
        deciding = {rule.id for rule in rules if asked.decided_by(rule)}
        if count:
            status = "fail"
        elif not deciding:
            status = "manual"
        elif (run.crashed | run.unread) & deciding:
            status = "unknown"
        else:
            status = "pass" if run.met & deciding else "not-applicable"
        yield Control(
            framework=framework.name, id=asked.id, title=asked.title, status=status, findings=count, rules=tuple(names)
        )
