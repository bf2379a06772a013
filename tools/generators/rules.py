"""docs/reference/rules.md, from the docstrings of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from tools.generators import page, table

from thwart.core.rule import Rule
from thwart.rules import rules

PATH = "docs/reference/rules.md"
INTRODUCTION = (
    "What `thwart check` looks for; [the guide](../guides/check.md) tells how to run it. `thwart rules` lists the rules, "
    "`thwart explain RULE` shows one of these pages. A reference names the clause of a standard: `pss` are the checks of the "
    "Pod Security Standards, `cis-kubernetes` and `cis-docker` the CIS benchmarks, `nsa` the hardening guidance of NSA and "
    "CISA, `nist-800-190` NIST's guide to the security of containers; `hadolint` and `dockle` name the checks of these tools "
    "that ask the same."
)


def generate() -> Iterator[tuple[str, bytes]]:
    """The page."""
    parts: list[str] = []
    for family, members in groupby(
        sorted(rules(), key=lambda rule: (rule.family, rule.id)), key=lambda rule: rule.family
    ):
        found = list(members)
        rows = [(f"[{rule.id}](#{rule.id})", rule.severity.word, rule.title) for rule in found]
        parts += [f"## Rules for {family}", table(("rule", "severity", "finds"), rows), *map(_section, found)]
    yield PATH, page("Rules", INTRODUCTION, *parts)


def _section(rule: Rule) -> str:
    return f"### {rule.id}\n\n{rule.page}"
