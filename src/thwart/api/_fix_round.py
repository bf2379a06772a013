"""One round of fixing: which edits to make, what they do to the files, and whether anything got worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.core.finding import Finding, Fix
from thwart.core.report import Asset, Report

if TYPE_CHECKING:
    from thwart.api._fix import FixOptions
    from thwart.fixes import Mended
    from thwart.rules import Outcome

Files = dict[str, bytes]


class Step(Struct, frozen=True, kw_only=True):
    """What the edits of one rule did: contents before and after, by path. `follow` are commands to run afterwards."""

    rule: str
    title: str
    findings: list[Finding]
    changes: dict[str, tuple[bytes | None, bytes]]
    follow: tuple[str, ...] = ()

    def then(self, other: Step) -> Step:
        """The same with more of the same rule."""
        changes = dict(self.changes)
        for path, (before, after) in other.changes.items():
            changes[path] = (changes[path][0] if path in changes else before, after)
        follow = tuple(dict.fromkeys((*self.follow, *other.follow)))
        return replace(self, findings=[*self.findings, *other.findings], changes=changes, follow=follow)


class Left(Struct):
    """What was not closed, by the reason."""

    unsafe: list[Finding] = field(default_factory=list)
    refused: list[tuple[Finding, str]] = field(default_factory=list)
    manual: list[Finding] = field(default_factory=list)


class Round:
    """The files as they are so far, and what is known of them."""

    def __init__(self, options: FixOptions, files: Files, today: date) -> None:
        self._options = options
        self._today = today
        self._refused: dict[str, str] = {}
        self._covered = _covered()
        self.files = dict(files)
        self.outcome = self._judge(self.files)

    def run(self) -> list[Step]:
        """Make the edits that can be made now; nothing where none can."""
        steps: list[Step] = []
        after = dict(self.files)
        for path, findings in self._candidates().items():
            for step in self._mend(path, findings):
                steps.append(step)
                after |= {name: new for name, (_, new) in step.changes.items()}
        if not steps:
            return []
        outcome = self._judge(after)
        worse = self._worse(self.outcome, outcome, [one for step in steps for one in step.findings])
        if worse:
            return self._without(steps, worse)
        self.files, self.outcome = after, outcome
        return _by_rule(steps)

    def left(self) -> Left:
        """What is still there."""
        left = Left()
        for finding in self._open(self.outcome):
            fix = self._fix(finding)
            if finding.fingerprint in self._refused:
                left.refused.append((finding, self._refused[finding.fingerprint]))
            elif fix is None or not fix.edits:
                left.manual.append(finding)
            elif not fix.safe:
                left.unsafe.append(finding)
            else:
                left.refused.append((finding, "it was still there after as many rounds as are made"))
        return left

    def _judge(self, files: Files) -> Outcome:
        from thwart import rules

        chosen = rules.Options(limits=self._options.limits, today=self._today.isoformat(), beside=files.get)
        return rules.check(sorted(files.items()), chosen)

    def _open(self, outcome: Outcome) -> list[Finding]:
        """Findings that nobody has accepted, of the rules that are asked for."""
        from thwart.api import decide

        report = Report(
            asset=Asset(kind="documents", name="fix"),
            tool_version="",
            created="",
            findings=outcome.findings,
            ignores=outcome.ignores,
            rules=outcome.rules,
        )
        chosen = decide(report, self._options.policy, self._today)[0].findings
        asked = self._options.rules
        return [one for one in chosen if one.kind == "rule" and (not asked or one.id in asked)]

    def _fix(self, finding: Finding) -> Fix | None:
        from thwart.fixes.given import given_edits

        given = self._options.given
        if given is not None:
            data = self.files.get(finding.locations[0].path, b"")
            mend = given_edits(finding, data, given, self._options.limits)
            if mend is not None:
                return Fix(
                    title=finding.fix.title if finding.fix else finding.id,
                    kind="edit",
                    safe=mend.safe,
                    edits=mend.edits,
                )
        return finding.fix

    def _candidates(self) -> dict[str, list[tuple[Finding, Fix]]]:
        """Findings with edits that may be made, by file; the worst first."""
        found: dict[str, list[tuple[Finding, Fix]]] = {}
        for finding in sorted(self._open(self.outcome), key=lambda one: (-one.severity, one.id)):
            fix = self._fix(finding)
            if fix is None or not fix.edits or finding.fingerprint in self._refused:
                continue
            if fix.safe or self._options.unsafe:
                found.setdefault(finding.locations[0].path, []).append((finding, fix))
        return dict(sorted(found.items()))

    def _mend(self, path: str, chosen: list[tuple[Finding, Fix]]) -> list[Step]:
        """The steps of one file that leave it no worse, judged alone."""
        before = self._judge({path: self.files[path]})
        kept: list[tuple[Finding, Fix]] = []
        self._keep(path, before, kept, self._able(path, chosen))
        return self._steps(path, kept)

    def _keep(
        self, path: str, before: Outcome, kept: list[tuple[Finding, Fix]], more: list[tuple[Finding, Fix]]
    ) -> None:
        """Add findings to those whose edits leave the file no worse; where they make it worse, each half of them."""
        objection = self._objection(path, before, [*kept, *more]) if more else ""
        if not objection:
            kept += more
        elif len(more) == 1:
            self._refused[more[0][0].fingerprint] = objection
        else:
            half = len(more) // 2
            self._keep(path, before, kept, more[:half])
            self._keep(path, before, kept, more[half:])

    def _able(self, path: str, chosen: list[tuple[Finding, Fix]]) -> list[tuple[Finding, Fix]]:
        """Those whose edits can be made together."""
        mended = self._made(path, chosen)
        for number, reason in mended.refused.items():
            self._refused[chosen[number][0].fingerprint] = reason
        passed = mended.refused.keys() | mended.later
        return [one for number, one in enumerate(chosen) if number not in passed]

    def _made(self, path: str, chosen: Sequence[tuple[Finding, Fix]]) -> Mended:
        from thwart.fixes import mend

        return mend(self.files[path], [fix.edits for _, fix in chosen], self._options.limits)

    def _objection(self, path: str, before: Outcome, chosen: Sequence[tuple[Finding, Fix]]) -> str:
        """What is wrong with the file after these edits; empty when nothing is."""
        mended = self._made(path, chosen)
        if mended.refused or mended.later:
            return next(iter(mended.refused.values()), "it cannot be made together with the others")
        after = self._judge({path: mended.data})
        worse = self._worse(before, after, [finding for finding, _ in chosen])
        return worse[0][1] if worse else ""

    def _worse(self, before: Outcome, after: Outcome, closed: Sequence[Finding]) -> list[tuple[str, str]]:
        """Paths at which something got worse, each with what did.

        A finding that another one had covered, which is gone now, has not come: it was there and is told now.
        """
        gaps = Counter((one.slug, one.path) for one in before.diagnostics)
        more = Counter((one.slug, one.path) for one in after.diagnostics if one.incomplete) - gaps
        found = [(path, f"after it, there is {slug}") for slug, path in more]
        was = Counter(one.fingerprint for one in before.findings)
        now = Counter(one.fingerprint for one in after.findings)
        meant = {one.fingerprint for one in closed}
        gone = {one.id for one in before.findings if now[one.fingerprint] < was[one.fingerprint]}
        for one in after.findings:
            path = one.locations[0].path
            if one.fingerprint in meant and now[one.fingerprint] >= was[one.fingerprint]:
                found.append((path, f"{one.id} is still found after it"))
            elif now[one.fingerprint] > was[one.fingerprint] and not gone & self._covered.get(one.id, frozenset()):
                found.append((path, f"it would bring {one.id}: {one.message[:200]}"))
        return found

    def _steps(self, path: str, chosen: list[tuple[Finding, Fix]]) -> list[Step]:
        """One step for each rule, each with the edits of all before it."""
        steps = []
        state, made = self.files[path], dict[str, str]()
        order = list(dict.fromkeys(finding.id for finding, _ in chosen))
        for number, rule in enumerate(order):
            mended = self._made(path, [one for one in chosen if one[0].id in order[: number + 1]])
            changes: dict[str, tuple[bytes | None, bytes]] = {}
            if mended.data != state:
                changes[path] = (state, mended.data)
            for name, text in mended.made.items():
                if name not in made:
                    beside = _beside(path, name)
                    changes[beside] = (self.files.get(beside), text.encode())
            state, made = mended.data, mended.made
            if changes:
                mine = [finding for finding, _ in chosen if finding.id == rule]
                title = next(fix.title for finding, fix in chosen if finding.id == rule)
                steps.append(Step(rule=rule, title=title, findings=mine, changes=changes))
        return steps

    def _without(self, steps: list[Step], worse: list[tuple[str, str]]) -> list[Step]:
        """Give up the files in which the whole got worse, or all where it cannot be told which did it, and try again."""
        touched = {path for step in steps for path in step.changes}
        reasons = {path: reason for path, reason in worse if path in touched}
        for step in steps:
            for finding in step.findings:
                path = finding.locations[0].path
                if path in reasons or not reasons:
                    self._refused[finding.fingerprint] = reasons.get(path, worse[0][1])
        return self.run()


def _by_rule(steps: Iterable[Step]) -> list[Step]:
    """The steps of all files, those of one rule together: the worst first, as each file has them."""
    ordered = sorted(steps, key=lambda one: (-max(finding.severity for finding in one.findings), one.rule))
    joined: dict[str, Step] = {}
    for one in ordered:
        joined[one.rule] = joined[one.rule].then(one) if one.rule in joined else one
    return list(joined.values())


def _beside(path: str, name: str) -> str:
    folder, _, _ = path.rpartition("/")
    return f"{folder}/{name}" if folder else name


def _covered() -> dict[str, frozenset[str]]:
    """The rules that hide a finding of each rule."""
    from thwart.rules import FAMILIES

    return {
        member.rule.id: frozenset(member.covered_by)
        for family in FAMILIES.load().values()
        for member in family.members.load().values()
    }
