"""`thwart rules`: what check looks for."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import to_builtins

from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.core.custom import CustomRule
    from thwart.core.rule import Rule


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `thwart rules`."""
    parser.description = "List the rules of check, each with its severity and family; your own among them."
    parser.epilog = "`thwart explain ID` shows the page of a rule"
    parser.add_argument(
        "--family", metavar="NAME", default="", help="only rules for these documents: kubernetes, dockerfile"
    )
    parser.add_argument(
        "--standard", metavar="NAME", default="", help="only rules of this standard: pss, cis-kubernetes"
    )
    parser.add_argument("--test", action="store_true", help="try your own rules on their examples, `bad` and `good`")
    parser.add_argument("--json", action="store_true", help="as JSON, with everything that the pages say")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")


def run(arguments: argparse.Namespace) -> int:
    """Print the list, or try the examples."""
    from thwart.api._check import rules
    from thwart.api._own_rules import as_rules, own_rules
    from thwart.cli._settings import load_config

    own = own_rules(load_config(arguments.config), trusted=arguments.config is not None)
    if arguments.test:
        return _test(own)
    every = sorted([*rules(), *as_rules(own)], key=lambda rule: rule.id)
    prefix = f"{arguments.standard}:" if arguments.standard else ""
    found = [rule for rule in every if arguments.family in ("", rule.family)]
    found = [rule for rule in found if not prefix or any(one.startswith(prefix) for one in rule.references)]
    if not found:
        families = ", ".join(sorted({rule.family for rule in every}))
        standards = ", ".join(sorted({one.partition(":")[0] for rule in every for one in rule.references}))
        raise UsageError("there is no such rule", f"families: {families}", f"standards: {standards}")
    if arguments.json:
        entries = [to_builtins(rule) | {"severity": rule.severity.word} for rule in found]
        sys.stdout.write(json.dumps({"schema": "thwart-rules-v1", "rules": entries}, indent=2) + "\n")
    else:
        _list(found)
    return 0


def _list(found: list[Rule]) -> None:
    wide = max(len(rule.id) for rule in found)
    for rule in found:
        sys.stdout.write(f"{rule.id:<{wide}}  {rule.severity.word:<8}  {rule.family:<10}  {rule.title}\n")
    sys.stdout.write(f"{len(found)} rules; next: thwart explain {found[0].id}\n")


def _test(own: tuple[CustomRule, ...]) -> int:
    """Exit 1 where an example says something else than it should, 0 where none does."""
    from thwart.api._own_rules import try_examples

    if not own:
        raise UsageError("there is no rule of your own to try", "state one: [[rules]] in thwart.toml")
    failed = untried = 0
    for rule in own:
        problems = try_examples(rule)
        failed += bool(problems)
        untried += not (rule.bad or rule.good)
        for problem in problems:
            sys.stdout.write(f"{rule.origin}: {rule.id}: {problem}\n")
    count = f"{len(own)} rule{'s' if len(own) != 1 else ''}"
    without = f", {untried} without examples" if untried else ""
    sys.stdout.write(f"{count}, {failed} failed{without}\n")
    return 1 if failed else 0
