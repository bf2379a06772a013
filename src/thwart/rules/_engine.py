"""Files through families through rules; findings with places out."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from thwart.core.advisory import Severity
from thwart.core.edit import Add, Lines
from thwart.core.finding import Diagnostic, Evidence, Finding, Fix, Ignore
from thwart.core.locate import leads, written
from thwart.core.package import Location
from thwart.core.rule import Control, Rule
from thwart.lib import inline
from thwart.lib.documents import DocumentError
from thwart.rules import FAMILIES, Outcome, ids
from thwart.rules._source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from thwart.rules import Family, Member, Options, Subject
    from thwart.rules._frameworks import Framework
    from thwart.rules._view import Hit

# Priority of a finding without a package: nobody knows whether it is exploited, so that the severity decides.
_PRIORITIES = {Severity.CRITICAL: 80.0, Severity.HIGH: 60.0, Severity.MEDIUM: 40.0, Severity.LOW: 20.0}
_CONFIDENCES = {"high": 1.0, "medium": 0.75, "low": 0.5}


class Engine:
    """One run over any number of files."""

    def __init__(self, options: Options) -> None:
        self._framework = _framework(options.framework)
        if self._framework is not None and self._framework.minor is not None:
            options = replace(options, minor=self._framework.minor)
        self._options = options
        self._families = FAMILIES.load()
        self._chosen: dict[str, dict[type, list[Member]]] = {}
        self._ran: dict[str, Member] = {}
        self._findings: list[Finding] = []
        self._ignores: list[Ignore] = []
        self._diagnostics: list[Diagnostic] = []
        self._crashes: dict[str, list[str]] = {}
        self._partial: dict[str, str] = {}  # files with parts of documents, each with one of them
        self._documents = 0
        self._judged: set[type] = set()  # classes of subjects that were met

    def take(self, path: str, data: bytes) -> None:
        """Judge one file by the rules of every family that claims it."""
        source = Source(path, data, self._options.limits)
        before = self._documents
        for family in self._families.values():
            if family.named(path) and family.claims(source):
                self._read(family, source)
        if self._documents > before:
            self._ignores += self._comments(source)

    def _read(self, family: Family, source: Source) -> None:
        members = self._members(family)
        if not members:  # the framework asks nothing of such documents
            return
        seen = -1
        try:
            for subject in family.read(source, self._options):
                if isinstance(subject, Diagnostic):
                    self._diagnostics.append(subject)
                    continue
                if subject.document != seen:
                    seen = subject.document
                    self._documents += 1
                self._judged.add(type(subject))
                self._findings += self._judge(members.get(type(subject), ()), subject, source)
        except DocumentError as error:
            place = f"line {error.line}: " if error.line else ""
            self._diagnostics.append(Diagnostic(slug="unreadable", message=f"{place}{error.reason}", path=source.path))

    def _members(self, family: Family) -> dict[type, list[Member]]:
        """The family's rules that are asked for, by what they judge."""
        if family.name not in self._chosen:
            chosen: dict[type, list[Member]] = {}
            asked = {one.id for one in self._framework.controls} if self._framework else None
            for member in family.members.load().values():
                if asked is None or asked.intersection(member.rule.references):
                    chosen.setdefault(member.target, []).append(member)
                    self._ran[member.rule.id] = member
            self._chosen[family.name] = chosen
        return self._chosen[family.name]

    def _judge(self, members: Iterable[Member], subject: Subject, source: Source) -> Iterable[Finding]:
        hits: dict[str, dict[str, list[Hit]]] = {}
        for member in members:
            try:
                for hit in member.run(subject):
                    hits.setdefault(member.rule.id, {}).setdefault(hit.part, []).append(hit)
            except Exception as error:  # noqa: BLE001 - a rule that fails has not judged, and the others go on
                told = f"{subject.name} in {source.path} ({type(error).__name__}: {error})"
                self._crashes.setdefault(member.rule.id, []).append(told)
        if not hits:
            return ()
        if self._framework is None and subject.partial:
            self._only_stated(hits, subject, source)
        self._drop(hits)
        return [
            self._finding(self._ran[name], part, found, subject, source)
            for name, parts in hits.items()
            for part, found in parts.items()
        ]

    def _only_stated(self, hits: dict[str, dict[str, list[Hit]]], subject: Subject, source: Source) -> None:
        """Of a part of a document, leave out what is only missing."""
        root = source.values()[subject.document]
        for parts in hits.values():
            for part, found in list(parts.items()):
                parts[part] = [hit for hit in found if leads(root, hit.pointer)]
                if not parts[part]:
                    del parts[part]
        self._partial.setdefault(source.path, subject.name)

    def _drop(self, hits: dict[str, dict[str, list[Hit]]]) -> None:
        """Leave out what another rule says better; for a framework, what a control that has no objection replaces."""
        if self._framework is None:
            for name in list(hits):
                for better in self._ran[name].covered_by:
                    for part in hits.get(better, ()):
                        hits[name].pop(part, None)
            return
        refused = {reference for name in hits for reference in self._ran[name].rule.references}
        replaced = {
            one for control in self._framework.controls if control.id not in refused for one in control.overrides
        }
        for name in [name for name in hits if replaced.intersection(self._ran[name].rule.references)]:
            del hits[name]

    def _finding(self, member: Member, part: str, hits: list[Hit], subject: Subject, source: Source) -> Finding:
        rule = member.rule
        whole = f"{part} of {subject.name}" if part else subject.name
        evidence = tuple(_evidence(hit, subject.document, source) for hit in hits)
        return Finding(
            id=rule.id,
            message=f"{whole} {'; '.join(dict.fromkeys(hit.phrase for hit in hits))}",
            severity=rule.severity,
            confidence=rule.confidence,
            state="fixed" if rule.fix else "unfixed",
            fix=_fix(rule, hits, subject.document),
            priority=_PRIORITIES.get(rule.severity, 10.0) * _CONFIDENCES.get(rule.confidence, 1.0),
            because=(rule.title,),
            locations=tuple(dict.fromkeys(one.location for one in evidence)),
            kind="rule",
            subject=whole,
            evidence=evidence,
            references=rule.references,
        )

    def _comments(self, source: Source) -> Iterable[Ignore]:
        """Comments that speak of rules which were asked, or of what may be a misspelt one."""
        if inline.MARK not in source.data:
            return
        every = ids()
        for one in inline.comments(source.data):
            known = [name for name in one.ids if name in every or get_close_matches(name, every, 1, 0.8)]
            if not one.ids or any(name in self._ran or name not in every for name in known):
                yield Ignore(path=source.path, line=one.line, ids=one.ids, reason=one.reason)

    def outcome(self, unread: Iterable[Diagnostic] = ()) -> Outcome:
        """Everything that was found."""
        self._diagnostics[:0] = unread
        parts = [_part(path, name) for path, name in self._partial.items()]
        crashes = [_crash(name, told) for name, told in sorted(self._crashes.items())]
        findings = sorted(self._findings, key=_order)
        found = {finding.id for finding in findings}
        return Outcome(
            findings=tuple(findings),
            ignores=tuple(self._ignores),
            diagnostics=(*self._diagnostics, *parts, *crashes),
            rules=tuple(member.rule for name, member in sorted(self._ran.items()) if name in found),
            controls=tuple(self._controls(findings)),
            documents=self._documents,
        )

    def _controls(self, findings: list[Finding]) -> Iterable[Control]:
        if self._framework is None:
            return
        for asked in self._framework.controls:
            rules = tuple(name for name, one in sorted(self._ran.items()) if asked.id in one.rule.references)
            count = sum(asked.id in finding.references for finding in findings)
            unknown = bool(self._diagnostics) or bool(self._crashes.keys() & set(rules))
            met = any(self._ran[name].target in self._judged for name in rules)
            status = "fail" if count else "unknown" if unknown else "pass" if met else "not-applicable"
            yield Control(
                framework=self._framework.name,
                id=asked.id,
                title=asked.title,
                status=status,
                findings=count,
                rules=rules,
            )


def _framework(name: str) -> Framework | None:
    if not name:
        return None
    from thwart.rules._frameworks import framework_of

    return framework_of(name)


def _fix(rule: Rule, hits: list[Hit], document: int) -> Fix | None:
    """The rule's fix; with edits where every hit has some, because half of them would close nothing."""
    title = rule.fix.partition(". ")[0].partition("\n")[0].rstrip(".")
    if not title:
        return None
    mends = [hit.mend for hit in hits if hit.mend is not None]
    if len(mends) < len(hits):
        return Fix(title=title, kind="edit", safe=False)
    edits = [
        one if isinstance(one, Lines | Add) else replace(one, document=document) for mend in mends for one in mend.edits
    ]
    kind = "add" if edits and all(isinstance(one, Add) for one in edits) else "edit"
    return Fix(title=title, kind=kind, safe=all(mend.safe for mend in mends), edits=tuple(edits))


def _evidence(hit: Hit, document: int, source: Source) -> Evidence:
    line, column = hit.place or source.place(document, hit.pointer)[:2]
    return Evidence(
        phrase=hit.phrase,
        location=Location(path=source.path, line=line, column=column),
        pointer=written(hit.pointer),
        source="" if hit.hidden else source.line(line, feeds=hit.place is not None),
    )


def _part(path: str, name: str) -> Diagnostic:
    return Diagnostic(
        slug="partial-manifest",
        message=f"{name} is a patch, so that rules judged what it says and not what it leaves out",
        path=path,
        incomplete=False,
        hint="check what it is a part of: kubectl kustomize FOLDER | thwart check -",
    )


def _crash(name: str, told: list[str]) -> Diagnostic:
    more = f" and on {len(told) - 1} more" if len(told) > 1 else ""
    return Diagnostic(
        slug="rule-crashed",
        message=f"the rule {name} failed on {told[0]}{more}, so that it judged nothing there",
        hint="this is a defect of thwart: please report it with the document",
    )


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    place = finding.locations[0]
    return place.path, place.line, place.column, finding.id, finding.subject
