"""Fix documents: check them, make the edits that findings carry, check again, until nothing is left to do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from thwart.api._check import _below, _read
from thwart.api._fix_packages import RULE, Advice, is_advisory, package_fixes
from thwart.api._fix_round import Round, Step
from thwart.core.errors import SourceError, UsageError
from thwart.core.finding import Diagnostic, Finding
from thwart.core.limits import DEFAULT, Limits
from thwart.core.report import Policy

if TYPE_CHECKING:
    from thwart.api._fix_network import Policies
    from thwart.fixes import Change
    from thwart.fixes.given import Given

_ROUNDS = 10


class FixOptions(Struct, frozen=True, kw_only=True):
    """How to fix.

    `unsafe` makes edits too that may change what a program does. `rules` are the only ones whose findings are closed;
    empty, all are. `policy` has the exceptions: what is accepted is left alone. `given` are digests and limits that the
    user knows, see `thwart.fixes.given`. With `intents`, contents of files by name, network
    policies are made too, which count as unsafe. Vulnerable packages are found with the `database`, which with `data` and
    `cache` is as in `ScanOptions`; as rules, `vulnerable-package` names all of them and the id of an advisory some.
    """

    unsafe: bool = False
    rules: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)
    given: Given | None = None
    intents: tuple[tuple[str, bytes], ...] = ()
    database: Path | None = None
    data: Path | None = None
    cache: Path | None = None
    limits: Limits = DEFAULT
    today: date | None = None


class Refused(NamedTuple):
    """A finding whose edits were not made, and why."""

    finding: Finding
    reason: str


class Section(Struct, frozen=True, kw_only=True):
    """What one rule's edits change, after the sections before it. `changes` have paths below the plan's `base`.

    `follow` are commands to run afterwards.
    """

    rule: str
    title: str
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    follow: tuple[str, ...] = ()


class FixPlan(Struct, frozen=True, kw_only=True):
    """What to change and why.

    `files` are contents before (None for a new file) and after, by path. `unsafe` are findings whose edits were not asked
    for, `refused` those whose edits cannot be made, `manual` those that no edit closes. `advice` are upgrades that no edit
    makes.
    """

    base: Path
    sections: tuple[Section, ...] = ()
    files: dict[str, tuple[bytes | None, bytes]] = field(default_factory=dict)
    unsafe: tuple[Finding, ...] = ()
    refused: tuple[Refused, ...] = ()
    manual: tuple[Finding, ...] = ()
    advice: tuple[Advice, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def patch(self) -> bytes:
        """The unified diff of all sections, each with what it closes in front; `patch -p1` and `git apply` take it."""
        from thwart.fixes import unified

        return b"".join(_told(one) + unified(one.changes) for one in self.sections)


def plan_fix(paths: Iterable[str], options: FixOptions | None = None) -> FixPlan:
    """Find what to change, and change nothing.

    Args:
        paths: files and folders.
        options: see `FixOptions`.

    Raises:
        SourceError: a path that was named cannot be read.
        UsageError: there is no path, `-` is one, or there is no such rule.
    """
    options = options or FixOptions()
    named = list(paths)
    _check_names(named, options)
    unread: list[Diagnostic] = []
    noted: list[str] = []
    original = dict(_sources(named, options.limits, unread, noted))
    today = options.today or datetime.now(UTC).date()
    rounds = Round(options, original, today)
    steps: list[Step] = []
    for _ in range(_ROUNDS):
        made = rounds.run()
        if not made:
            break
        steps += made
    policies, told = _policies(named, rounds.files, options)
    upgrades = package_fixes(named, noted, dict(rounds.files), options, today)
    base = _base(named)
    left = rounds.left()
    files = {path: (original.get(path), data) for path, data in rounds.files.items() if original.get(path) != data}
    for changes in (policies.changes, *(one.changes for one in upgrades.steps)):
        for path, (before, after) in changes.items():
            files[path] = (files[path][0] if path in files else before, after)
    steps = [*_merged(steps), *upgrades.steps]
    return FixPlan(
        base=base,
        sections=(*(_section(one, base) for one in steps), *_network_section(policies, base)),
        files=files,
        unsafe=(*left.unsafe, *upgrades.unsafe),
        refused=tuple(Refused(*one) for one in (*left.refused, *upgrades.refused)),
        manual=tuple(left.manual),
        advice=tuple(upgrades.advice),
        diagnostics=(*unread, *rounds.outcome.diagnostics, *told, *upgrades.diagnostics),
    )


def _policies(named: list[str], files: dict[str, bytes], options: FixOptions) -> tuple[Policies, list[Diagnostic]]:
    """Network policies, where intents were given; what stood in the way is told."""
    from thwart.api._fix_network import Policies, network_fix

    if not options.intents or not options.unsafe:
        return Policies(changes={}), []
    made = network_fix(named, options.intents, files, options.limits)
    if not made.reason:
        return made, []
    message = f"no network policies were made: {made.reason}"
    return made, [Diagnostic(slug="no-network-fix", message=message, incomplete=False)]


def _network_section(made: Policies, base: Path) -> Iterator[Section]:
    from thwart.api._fix_network import RULE

    if made.changes:
        title = f"Isolate the pods of {', '.join(made.namespaces)}, and allow what the intents need"
        yield _section(Step(rule=RULE, title=title, findings=[], changes=dict(made.changes)), base)


def _check_names(named: Sequence[str], options: FixOptions) -> None:
    from thwart import rules

    if not named:
        raise UsageError("there is no path to fix")
    if "-" in named:
        raise UsageError("what comes from standard input cannot be fixed", "name a file or a folder")
    for one in options.rules - {*rules.ids(), RULE}:
        if not is_advisory(one):
            raise UsageError(f"there is no rule {one}", "see: thwart rules")


def _sources(
    named: Sequence[str], limits: Limits, unread: list[Diagnostic], noted: list[str]
) -> Iterator[tuple[str, bytes]]:
    """The files as they are written: neither what a kustomization makes of them, nor templates, which are no documents.

    One file is read once, whatever names and links lead to it. Those that speak of packages are noted.
    """
    from thwart.fixes.versions.kinds import speaks
    from thwart.rules import wanted

    seen: set[str] = set()
    for name in named:
        folder = Path(name).is_dir()
        failed: list[Diagnostic] = []
        for one in _below(Path(name), unread) if folder else (os.path.normpath(name),):
            real = os.path.realpath(one)
            if speaks(one):
                noted.append(one)
            if real in seen or (folder and (not wanted(one) or _template(Path(one)))):
                continue
            seen.add(real)
            yield from _read(one, limits, failed)
        if failed and not folder:
            raise SourceError(f"{name} cannot be read: {failed[0].message}")
        unread += failed


def _template(path: Path) -> bool:
    """Whether it is a template of a chart."""
    return any(one.name == "templates" and (one.parent / "Chart.yaml").exists() for one in path.parents)


def _base(named: Sequence[str]) -> Path:
    """The folder that the patch is for: the present one, or one that has all paths where that has not."""
    here = os.path.realpath(os.curdir)
    whole = [os.path.realpath(one) for one in named]
    if all(one == here or one.startswith(here.rstrip(os.sep) + os.sep) for one in whole):
        return Path(here)
    folders = [one if Path(one).is_dir() else os.path.dirname(one) for one in whole]  # noqa: PTH120
    return Path(os.path.commonpath(folders))


def _merged(steps: list[Step]) -> list[Step]:
    """Sections in the order in which they were made; a rule that went on in the next round goes on where it was."""
    joined: list[Step] = []
    for one in steps:
        if joined and joined[-1].rule == one.rule:
            joined[-1] = joined[-1].then(one)
        else:
            joined.append(one)
    return joined


def _section(step: Step, base: Path) -> Section:
    from thwart.fixes import Change

    def name(path: str) -> str:
        return Path(os.path.relpath(os.path.realpath(path), base)).as_posix()

    changes = (Change(name(path), before, after) for path, (before, after) in sorted(step.changes.items()))
    return Section(
        rule=step.rule, title=step.title, findings=tuple(step.findings), changes=tuple(changes), follow=step.follow
    )


def _told(section: Section) -> bytes:
    """Lines in front of a diff, which tools that apply it pass over."""
    subjects = {one.subject or f"{one.id} ({one.severity.word})" for one in section.findings}
    lines = [f"# closes {section.rule}: {_plain(section.title)}"]
    lines += [f"#   {_plain(subject)}" for subject in sorted(subjects)]
    lines += [f"# then: {_plain(command)}" for command in section.follow]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:200]
