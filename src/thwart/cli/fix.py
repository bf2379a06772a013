"""`thwart fix`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.api._fix import FixOptions, FixPlan, plan_fix
from thwart.api._fix_packages import RULE as PACKAGES
from thwart.cli._screen import plain
from thwart.cli._settings import cache_dir, data_dir, load_config
from thwart.core.config import resolve
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import DEFAULT

if TYPE_CHECKING:
    from thwart.api._fix_writing import Unwritten
    from thwart.core.finding import Finding
    from thwart.fixes.given import Given

_SHOWN = 20
_WARNINGS = frozenset({"no-network-fix", "stale-database"})


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Print the patch that closes what `check` finds, and upgrades what `scan` finds; or write it."
    parser.epilog = (
        "exit codes: 0 nothing to fix, or with --apply all written; 1 there is a patch, or with --apply a fix was refused; "
        "2 usage; 3 incomplete; 4 could not read"
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file or folder")
    parser.add_argument("--apply", action="store_true", help="write the files")
    parser.add_argument("--unsafe-fixes", action="store_true", help="edits too that may change what a program does")
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="ID",
        help="only its findings, or those of an advisory; may repeat",
    )
    parser.add_argument("-o", "--output", choices=("patch", "json"), default="patch", help="default: patch")
    known = parser.add_argument_group("what you know")
    known.add_argument("--lock", metavar="FILE", help="digests of images: JSON, TOML, or lines `image:tag@sha256:…`")
    known.add_argument("--observed", metavar="FILE", help="memory and cpu of containers, as JSON by name")
    known.add_argument("--default-memory", metavar="SIZE", default="256Mi", help="of other containers (default: 256Mi)")
    known.add_argument("--default-cpu", metavar="CPU", default="500m", help="of other containers (default: 500m)")
    known.add_argument(
        "--intents", action="append", default=[], metavar="FILE", help="what network policies must allow"
    )
    run = parser.add_argument_group("running")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")
    run.add_argument("--db", type=Path, metavar="FILE", help="advisory database (default: your own, else the embedded)")


def run(arguments: argparse.Namespace) -> int:
    """Plan, print, write."""
    plan = plan_fix(arguments.paths, _options(arguments))
    if arguments.output == "json":
        sys.stdout.write(json.dumps(_document(plan), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(plan.patch)
        sys.stdout.buffer.flush()
    unwritten: list[Unwritten] = []
    if arguments.apply:
        from thwart.api._fix_writing import write_plan

        unwritten = write_plan(plan, arguments.paths)
    for line in _summary(plan, arguments, unwritten):
        sys.stderr.write(plain(line) + "\n")
    return _code(plan, unwritten, applied=arguments.apply)


def _code(plan: FixPlan, unwritten: Sequence[Unwritten], *, applied: bool) -> int:
    if unwritten:
        return 4
    if plan.refused if applied else plan.files:
        return 1
    return 3 if any(one.incomplete for one in plan.diagnostics) else 0


def _options(arguments: argparse.Namespace) -> FixOptions:
    if arguments.intents and not arguments.unsafe_fixes:
        raise UsageError("network policies cut traffic that no intent speaks of", "add --unsafe-fixes to --intents")
    settings = resolve({}, os.environ, load_config(arguments.config))
    return FixOptions(
        unsafe=arguments.unsafe_fixes,
        rules=frozenset(arguments.rule),
        policy=settings.policy,
        given=_given(arguments),
        intents=tuple((name, _read(name)) for name in arguments.intents),
        database=arguments.db,
        data=data_dir(),
        cache=cache_dir(),
        today=datetime.now(UTC).date(),
    )


def _given(arguments: argparse.Namespace) -> Given:
    from thwart.fixes.given import Given, needs_of, read_lock, read_observed

    default = {"memory": arguments.default_memory, "cpu": arguments.default_cpu}
    return Given(
        lock=read_lock(arguments.lock, _read(arguments.lock)) if arguments.lock else {},
        observed=read_observed(arguments.observed, _read(arguments.observed)) if arguments.observed else {},
        default=needs_of("the default", default),
    )


def _read(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            data = file.read(DEFAULT.yaml_bytes + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not the name of a file"
        raise SourceError(f"{name} cannot be read: {why}") from None
    if len(data) > DEFAULT.yaml_bytes:
        raise UsageError(f"{name} is larger than {DEFAULT.yaml_bytes} bytes")
    return data


def _summary(plan: FixPlan, arguments: argparse.Namespace, unwritten: Sequence[Unwritten]) -> Iterator[str]:
    for section in plan.sections:
        files = len({change.path for change in section.changes})
        closed = f"closes {_count(len(section.findings), 'finding')}" if section.findings else section.title
        yield f"{section.title if section.rule == PACKAGES else section.rule}: {closed} in {_count(files, 'file')}"
    yield from _unmade(plan)
    for file in unwritten:
        yield f"error[write]: {file.path} was not written: {file.reason}"
    for gap in plan.diagnostics:
        if gap.incomplete:
            yield f"incomplete[{gap.slug}]: {gap.message[:500]} ({gap.path})"
        elif gap.slug in _WARNINGS:
            yield f"warning[{gap.slug}]: {gap.message[:500]}"
    if plan.unsafe:
        yield f"{_count(len(plan.unsafe), 'finding')} more with --unsafe-fixes: {_tally(plan.unsafe)}"
    if plan.manual:
        yield f"{_count(len(plan.manual), 'finding')} only by hand: {_tally(plan.manual)}"
    for command in dict.fromkeys(command for section in plan.sections for command in section.follow):
        yield f"then: {command}"
    yield _last(plan, arguments, len(unwritten))


def _unmade(plan: FixPlan) -> Iterator[str]:
    """What was refused, and what only a human can upgrade."""
    for one in plan.refused[:_SHOWN]:
        yield f"refused[{one.finding.id}]: {_where(one.finding)}: {one.reason}"
    if plan.refused[_SHOWN:]:
        yield f"refused: {len(plan.refused) - _SHOWN} more"
    for hint in plan.advice[:_SHOWN]:
        yield f"by hand: {hint.path}: {hint.title}, which closes {_count(len(hint.findings), 'finding')}: {hint.reason}"
    if plan.advice[_SHOWN:]:
        yield f"by hand: {_count(len(plan.advice) - _SHOWN, 'upgrade')} more"


def _last(plan: FixPlan, arguments: argparse.Namespace, unwritten: int) -> str:
    closed = sum(len(section.findings) for section in plan.sections)
    if not plan.files:
        return "nothing to fix"
    by = f"changes of {_count(len(plan.files) - unwritten, 'file')}"
    told = f"{_count(closed, 'finding')} closed by {by}" if closed else by
    names = " ".join(arguments.paths)
    if arguments.apply:
        return f"{told}, written; next: thwart check {names}"
    where = "" if plan.base == Path.cwd() else f" -d {plan.base}"
    return f"{told}, nothing written; next: thwart fix {names} --apply, or patch -p1{where}"


def _where(finding: Finding) -> str:
    place = finding.locations[0]
    return f"{place.path}:{place.line}"


def _tally(findings: Sequence[Finding]) -> str:
    counted = Counter(one.package.full_name if one.package else one.id for one in findings).most_common()
    shown = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counted[:_SHOWN])
    return f"{shown} and {len(counted) - _SHOWN} more" if counted[_SHOWN:] else shown


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _document(plan: FixPlan) -> dict[str, object]:
    """The plan for programs, `thwart-fix-v1`."""
    from thwart._version import __version__
    from thwart.fixes import unified

    return {
        "schema": "thwart-fix-v1",
        "tool": {"name": "thwart", "version": __version__},
        "base": str(plan.base),
        "sections": [
            {
                "rule": section.rule,
                "title": section.title,
                "closes": [_told(one) for one in section.findings],
                "files": sorted({change.path for change in section.changes}),
                "then": list(section.follow),
                "patch": unified(section.changes).decode("utf-8", "replace"),
            }
            for section in plan.sections
        ],
        "unsafe": [_told(one) for one in plan.unsafe],
        "refused": [{**_told(one.finding), "reason": one.reason} for one in plan.refused],
        "manual": [_told(one) for one in plan.manual],
        "by_hand": [
            {
                "title": one.title,
                "path": one.path,
                "reason": one.reason,
                "closes": [_told(each) for each in one.findings],
            }
            for one in plan.advice
        ],
        "incomplete": [
            {"slug": one.slug, "message": one.message, "path": one.path} for one in plan.diagnostics if one.incomplete
        ],
    }


def _told(finding: Finding) -> dict[str, object]:
    place = finding.locations[0]
    return {
        "rule": finding.id,
        "subject": finding.subject or (finding.package.full_name if finding.package else ""),
        "path": place.path,
        "line": place.line,
        "severity": finding.severity.name.lower(),
        "fingerprint": finding.fingerprint,
    }
