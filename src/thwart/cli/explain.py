"""`thwart explain ID`: what is known of a CVE, a GHSA, a DSA, …, and the page of a rule."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from msgspec import to_builtins

from thwart.cli._screen import plain
from thwart.cli.db import add_database, places
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from thwart.core.advisory import Advisory, Affected, CveFacts, Explanation, Range, Score

_MOST = 40  # affected packages that are listed; `--json` has all


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `thwart explain`."""
    parser.add_argument("id", metavar="ID", help="CVE-2021-44228, GHSA-…, DSA-…, …, or a rule: run-as-root")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_database(parser)


def run(args: argparse.Namespace) -> int:
    """Print what is known; `UsageError` when nothing is."""
    if args.id.islower() and _rule(args.id, as_json=args.json):
        return 0
    from thwart.api import database as api_db

    found = api_db.explain(args.id, places(args))
    if not found.advisories and not found.cves:
        raise UsageError(
            f"the advisory database knows nothing of {args.id}",
            *_near(args.id),
            "`thwart db status` shows which feeds it has and how old they are",
        )
    if args.json:
        sys.stdout.write(json.dumps({"schema": "thwart-explain-v1", **to_builtins(found)}, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(map(plain, text(found))) + "\n")
    return 0


def _rule(name: str, *, as_json: bool) -> bool:
    """Print the page of a rule; whether there is one."""
    from thwart.api._check import rule_of

    rule = rule_of(name)
    if rule is None:
        return False
    if as_json:
        described = to_builtins(rule) | {"severity": rule.severity.word}
        sys.stdout.write(json.dumps({"schema": "thwart-rule-v1", **described}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{rule.id}\n\n{rule.page}\n")
    return True


def _near(name: str) -> list[str]:
    from difflib import get_close_matches

    from thwart.api._check import rule_ids

    return [f"did you mean the rule {near}?" for near in get_close_matches(name, rule_ids(), 1)]


def text(found: Explanation) -> list[str]:
    """The explanation as lines for people."""
    lines = [found.id]
    for facts in found.cves:
        lines += _cve(facts, own=facts.id == found.id)
    for one in found.advisories:
        lines += ["", *_advisory(one)]
    if found.affected:
        lines += ["", f"affected: {len(found.affected)} statements"]
        lines += [f"  {_affected(one)}" for one in sorted(found.affected, key=_order)[:_MOST]]
        if len(found.affected) > _MOST:
            lines.append(f"  … and {len(found.affected) - _MOST} more: --json lists them")
    return lines


def _order(one: Affected) -> tuple[str, str, str]:
    return one.ecosystem, one.name, one.advisory


def _cve(facts: CveFacts, *, own: bool) -> list[str]:
    lines = [] if own else ["", facts.id]
    if facts.rejected:
        lines.append("  rejected by the CVE programme")
    if facts.published:
        lines.append(f"  published {facts.published}")
    if facts.kev:
        ransomware = ", by ransomware too" if facts.kev.ransomware else ""
        due = f", to be mended by {facts.kev.due}" if facts.kev.due else ""
        lines.append(f"  exploited: in CISA's catalogue since {facts.kev.added}{due}{ransomware}")
    if facts.epss is not None:
        percentile = f", above {facts.percentile:.1%} of all CVEs" if facts.percentile is not None else ""
        lines.append(f"  EPSS {facts.epss:.2%} within 30 days{percentile}")
    if facts.cwes:
        lines.append(f"  weaknesses {', '.join(facts.cwes)}")
    return lines + [f"  {_score(one)}" for one in facts.scores]


def _advisory(one: Advisory) -> list[str]:
    days = f", {one.published}" if one.published else ""
    marks = [one.informational] if one.informational else []
    marks += [] if one.reviewed else ["not reviewed"]
    lines = [f"{one.id} ({one.source}{days}){f': {chr(44).join(marks)}' if marks else ''}"]
    for name, ids in (("same as", one.aliases), ("about", one.upstream), ("see also", one.related)):
        if ids:
            lines.append(f"  {name} {', '.join(ids)}")
    return lines + [f"  {_score(each)}" for each in one.scores]


def _score(one: Score) -> str:
    if one.system == "word":
        return f"{one.source}: {one.vector}"
    value = f"{one.score:.1f} {one.severity.word}" if one.score >= 0 else "not a valid vector"
    return f"{one.source}: {value} {one.vector}".rstrip()


def _affected(one: Affected) -> str:
    what = one.status or ", ".join(map(_range, one.ranges)) or f"{len(one.versions)} versions"
    if one.status and one.ranges and one.ranges[0].fixed:
        what += f" ({', '.join(map(_range, one.ranges))})"
    channel = f" [{one.channel}]" if one.channel else ""
    return f"{one.ecosystem} {one.name}{channel}: {what} ({one.advisory})"


def _range(one: Range) -> str:
    start = f"from {one.introduced} " if one.introduced not in ("", "0") else ""
    if one.fixed:
        return f"{start}fixed in {one.fixed}"
    return f"{start}up to {one.last}" if one.last else f"{start}not fixed"
