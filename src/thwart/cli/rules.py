"""`thwart rules`: what check looks for."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `thwart rules`."""
    parser.description = "List the rules of check, each with its severity and family."
    parser.epilog = "`thwart explain ID` shows the page of a rule"
    parser.add_argument(
        "--family", metavar="NAME", default="", help="only rules for these documents: kubernetes, dockerfile"
    )
    parser.add_argument(
        "--standard", metavar="NAME", default="", help="only rules of this standard: pss, cis-kubernetes"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with everything that the pages say")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    from thwart.api._check import rules
    from thwart.core.errors import UsageError

    found = [rule for rule in rules() if arguments.family in ("", rule.family)]
    prefix = f"{arguments.standard}:" if arguments.standard else ""
    found = [rule for rule in found if not prefix or any(one.startswith(prefix) for one in rule.references)]
    if not found:
        families = ", ".join(sorted({rule.family for rule in rules()}))
        standards = ", ".join(sorted({one.partition(":")[0] for rule in rules() for one in rule.references}))
        raise UsageError("there is no such rule", f"families: {families}", f"standards: {standards}")
    if arguments.json:
        entries = [asdict(rule) | {"severity": rule.severity.word} for rule in found]
        sys.stdout.write(json.dumps({"schema": "thwart-rules-v1", "rules": entries}, indent=2) + "\n")
        return 0
    wide = max(len(rule.id) for rule in found)
    for rule in found:
        sys.stdout.write(f"{rule.id:<{wide}}  {rule.severity.word:<8}  {rule.family:<10}  {rule.title}\n")
    sys.stdout.write(f"{len(found)} rules; next: thwart explain {found[0].id}\n")
    return 0
