"""What all rules promise together: a fix by machine or the reason for none, and an answer to what other tools check."""

from __future__ import annotations

import pytest
from tools.generators import rule_coverage

from thwart import rules
from thwart.core.rule import Rule
from thwart.rules import Options, check

FILES = {
    "yaml": "example.yaml",
    "dockerfile": "Dockerfile",
    "image": ":image:",
    "compose": "compose.yaml",
    "json": "engine.json",
}
NO_EDIT = "no edit is offered"


@pytest.mark.parametrize("rule", rules.rules(), ids=lambda rule: rule.id)
def test_a_machine_writes_the_fix_or_the_page_says_why_not(rule: Rule) -> None:
    outcome = check([(FILES[rule.language], rule.bad.encode())], Options(today="2026-11-23"))
    found = [one for one in outcome.findings if one.id == rule.id]
    assert found
    assert NO_EDIT in rule.fix.lower() or all(one.fix is not None and one.fix.edits for one in found)


def test_every_rule_named_in_the_coverage_exists() -> None:
    known = set(rules.ids())
    rows = rule_coverage.rows()
    assert rows
    assert {name for row in rows for name in row.rules} <= known


def test_what_has_no_rule_has_a_reason() -> None:
    assert [row.canonical for row in rule_coverage.rows() if not row.rules and len(row.reason) < 10] == []


def test_no_row_is_answered_twice() -> None:
    every = [row.canonical for row in rule_coverage.rows()]
    assert len(every) == len(set(every))
