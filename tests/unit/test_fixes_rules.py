"""Every rule whose findings carry edits: its bad example, fixed, is good, and nothing worse has come."""

from __future__ import annotations

from pathlib import Path

import pytest

from thwart import rules
from thwart.api._fix import FixOptions, plan_fix
from thwart.core.rule import Rule

SUFFIX = {
    "yaml": "example.yaml",
    "dockerfile": "Dockerfile",
    "compose": "compose.yaml",
    "shell": "start.sh",
    "markdown": "example.md",
}


def carried(rule: Rule) -> bool:
    """Whether the finding of the rule's own example has edits; false for rules of what is no document."""
    name = SUFFIX.get(rule.language, "")
    found = rules.check([(name, rule.bad.encode())]).findings if name else ()
    return any(one.id == rule.id and one.fix is not None and one.fix.edits for one in found)


MENDING = [rule for rule in rules.rules() if carried(rule)]


def test_there_are_rules_with_edits() -> None:
    assert len(MENDING) > 20


@pytest.mark.parametrize("rule", MENDING, ids=lambda rule: rule.id)
def test_the_bad_example_is_fixed(rule: Rule, tmp_path: Path) -> None:
    file = tmp_path / SUFFIX[rule.language]
    file.write_text(rule.bad + "\n")
    plan = plan_fix([str(file)], FixOptions(unsafe=True, rules=frozenset({rule.id})))
    assert plan.refused == ()
    before, after = plan.files[str(file)]
    assert before == file.read_bytes()
    old, new = (rules.check([(file.name, data)]) for data in (before, after))
    assert rule.id in {one.id for one in old.findings}
    assert rule.id not in {one.id for one in new.findings}
    assert not {one.slug for one in new.diagnostics if one.incomplete} - {one.slug for one in old.diagnostics}
    comments = [line.strip() for line in rule.bad.splitlines() if line.strip().startswith("#")]
    assert all(one in after.decode() for one in comments)


@pytest.mark.parametrize("rule", MENDING, ids=lambda rule: rule.id)
def test_fixing_twice_is_fixing_once(rule: Rule, tmp_path: Path) -> None:
    file = tmp_path / SUFFIX[rule.language]
    file.write_text(rule.bad + "\n")
    options = FixOptions(unsafe=True)
    plan = plan_fix([str(file)], options)
    file.write_bytes(plan.files[str(file)][1])
    assert plan_fix([str(file)], options).files == {}
