"""Files through families through rules; findings with places out."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.core.advisory import Severity
from thwart.core.edit import Add, Lines
from thwart.core.finding import Diagnostic, Evidence, Finding, Fix, Ignore
from thwart.core.locate import leads, written
from thwart.core.package import Location
from thwart.core.rule import Control, Rule
from thwart.lib import inline
from thwart.lib.documents import DocumentError
from thwart.rules import FAMILIES, Outcome, ids, rules
from thwart.rules._controls import Run, answers
from thwart.rules._source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from thwart.core.custom import CustomRule
    from thwart.rules import Family, Member, Options, Subject
    from thwart.rules._custom import Custom
    from thwart.rules._frameworks import Framework
    from thwart.rules._view import Hit

# Priority of a finding without a package: nobody knows whether it is exploited, so that the severity decides.
_PRIORITIES = {Severity.CRITICAL: 80.0, Severity.HIGH: 60.0, Severity.MEDIUM: 40.0, Severity.LOW: 20.0}
_CONFIDENCES = {"high": 1.0, "medium": 0.75, "low": 0.5}
_MOST_KEPT = 8_000_000  # bytes of files that stay parsed until the end of the run, where findings may lead into them


class Engine:
    """One run over any number of files."""

    def __init__(self, options: Options) -> None:
        self._framework = _framework(options.framework)
        if self._framework is not None and self._framework.minor is not None:
            options = replace(options, minor=self._framework.minor)
        self._options = options
        self._families = FAMILIES.load()
        self._custom = _custom(options.custom)
        self._own: dict[str, frozenset[str]] = {}  # ids of the user's own rules for each family
        self._chosen: dict[str, dict[type, list[Member]]] = {}
        self._ran: dict[str, Member] = {}
        self._findings: list[Finding] = []
        self._ignores: list[Ignore] = []
        self._diagnostics: list[Diagnostic] = []
        self._crashes: dict[str, list[str]] = {}
        self._partial: dict[str, str] = {}  # files with parts of documents, each with one of them
        self._documents = 0
        self._images: dict[str, None] = {}  # what documents run, in the order in which they were met
        self._bases: dict[str, None] = {}  # what they build on
        self._judged: set[type] = set()  # classes of subjects that were met
        self._gaps: set[str] = set()  # families of which something could not be read
        self._notes: dict[str, list[tuple[Source, object]]] = {}  # what families keep for the end
        self._noted: Source | None = None  # the last file of which they did
        self._kept = 0  # bytes of such files that are still parsed

    def take(self, path: str, data: bytes) -> None:
        """Judge one file by the rules of every family that claims it."""
        source = Source(path, data, self._options.limits, self._options.beside)
        before = self._documents
        for family in self._families.values():
            if family.named(path) and family.claims(source):
                self._read(family, source)
        if self._documents > before:
            self._ignores += self._comments(source)
        if source is self._noted and self._kept + len(data) <= _MOST_KEPT:
            self._kept += len(data)
        else:
            source.forget()

    def _read(self, family: Family, source: Source) -> None:
        members = self._members(family)
        if not members and not self._own.get(family.name):  # the framework asks nothing of such documents
            return
        seen = -1
        try:
            for subject in family.read(source, self._options):
                if isinstance(subject, Diagnostic):
                    self._tell(subject, family)
                    continue
                if subject.document != seen:
                    seen = subject.document
                    self._documents += 1
                self._judged.add(type(subject))
                self._images.update(dict.fromkeys(getattr(subject, "images", ())))
                self._bases.update(dict.fromkeys(getattr(subject, "bases", ())))
                if family.together is not None and (note := family.together.note(subject)) is not None:
                    self._notes.setdefault(family.name, []).append((source, note))
                    self._noted = source
                self._findings += self._judge(members.get(type(subject), ()), subject, source, family.name)
        except DocumentError as error:
            place = f"line {error.line}: " if error.line else ""
            self._tell(Diagnostic(slug="unreadable", message=f"{place}{error.reason}", path=source.path), family)

    def _tell(self, diagnostic: Diagnostic, family: Family) -> None:
        self._diagnostics.append(diagnostic)
        if diagnostic.incomplete:
            self._gaps.add(family.name)

    def _together(self) -> None:
        """Judge how the documents of all files fit each other."""
        for name, notes in self._notes.items():
            family = self._families[name]
            if family.together is None:
                continue
            members = self._members(family)
            for source, subject in family.together.subjects(notes):
                self._judged.add(type(subject))
                self._findings += self._judge(members.get(type(subject), ()), subject, source, family.name)

    def _members(self, family: Family) -> dict[type, list[Member]]:
        """The family's rules that are asked for, by what they judge."""
        if family.name not in self._chosen:
            chosen: dict[type, list[Member]] = {}
            for member in family.members.load().values():
                if self._asked(member.rule):
                    chosen.setdefault(member.target, []).append(member)
                    self._ran[member.rule.id] = member
            if self._custom is not None:
                own = {one.rule.id: one for one in self._custom.members(family.name) if self._asked(one.rule)}
                self._own[family.name] = frozenset(own)
                self._ran |= own
            self._chosen[family.name] = chosen
        return self._chosen[family.name]

    def _asked(self, rule: Rule) -> bool:
        return self._framework is None or any(one.answered_by(rule) for one in self._framework.controls)

    def _judge(self, members: Iterable[Member], subject: Subject, source: Source, family: str) -> Iterable[Finding]:
        hits: dict[str, dict[str, list[Hit]]] = {}
        for member in members:
            try:
                for hit in member.run(subject):
                    hits.setdefault(member.rule.id, {}).setdefault(hit.part, []).append(hit)
            except Exception as error:  # noqa: BLE001 - a rule that fails has not judged, and the others go on
                told = f"{subject.name} in {source.path} ({type(error).__name__}: {error})"
                self._crashes.setdefault(member.rule.id, []).append(told)
        if self._custom is not None and self._own[family]:
            self._judge_custom(self._custom, hits, subject, source, family)
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

    def _judge_custom(
        self, custom: Custom, hits: dict[str, dict[str, list[Hit]]], subject: Subject, source: Source, family: str
    ) -> None:
        """By the rules that the user states; what is only a part may have elsewhere whatever they miss in it."""
        if subject.partial:
            if not source.template:  # of which the family tells
                self._partial.setdefault(source.path, subject.name)
            return
        for name, hit, error in custom.judge(family, subject, source, self._own[family]):
            if hit is not None:
                hits.setdefault(name, {}).setdefault(hit.part, []).append(hit)
            else:
                self._crashes.setdefault(name, []).append(f"{subject.name} in {source.path} ({error})")

    def _only_stated(self, hits: dict[str, dict[str, list[Hit]]], subject: Subject, source: Source) -> None:
        """Of a part of a document, leave out what is only missing."""
        for parts in hits.values():
            for part, found in list(parts.items()):
                parts[part] = [hit for hit in found if _stated(hit, subject.document, source)]
                if not parts[part]:
                    del parts[part]
        if not source.template:  # of which the family tells
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
        confidence = min(rule.confidence, getattr(subject, "confidence", "high"), key=_CONFIDENCES.__getitem__)
        return Finding(
            id=rule.id,
            message=f"{whole} {'; '.join(dict.fromkeys(hit.phrase for hit in hits))}",
            severity=rule.severity,
            confidence=confidence,
            state="fixed" if rule.fix else "unfixed",
            fix=_fix(rule, hits, subject.document, source),
            priority=_PRIORITIES.get(rule.severity, 10.0) * _CONFIDENCES[confidence],
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
        every = [*ids(), *(name for own in self._own.values() for name in own)]
        for one in inline.comments(source.data):
            known = [name for name in one.ids if name in every or get_close_matches(name, every, 1, 0.8)]
            if not one.ids or any(name in self._ran or name not in every for name in known):
                yield Ignore(path=source.path, line=one.line, ids=one.ids, reason=one.reason)

    def outcome(self, unread: Iterable[Diagnostic] = ()) -> Outcome:
        """Everything that was found."""
        self._together()
        self._diagnostics[:0] = self._unread(unread)
        parts = [_part(path, name) for path, name in self._partial.items()]
        own: frozenset[str] = frozenset().union(*self._own.values())
        crashes = [_crash(name, told, own=name in own) for name, told in sorted(self._crashes.items())]
        once = {
            (one.id, one.subject, one.evidence): one for one in self._findings
        }  # several files may lead to one place
        findings = sorted(once.values(), key=_order)
        found = {finding.id for finding in findings}
        return Outcome(
            findings=tuple(findings),
            ignores=tuple(self._ignores),
            diagnostics=(*self._diagnostics, *parts, *crashes),
            rules=tuple(member.rule for name, member in sorted(self._ran.items()) if name in found),
            controls=tuple(self._controls(findings)),
            documents=self._documents,
            images=tuple(self._images),
            bases=tuple(self._bases),
        )

    def _controls(self, findings: list[Finding]) -> Iterable[Control]:
        if self._framework is None:
            return
        every = {rule.id: rule for rule in (*rules(), *(member.rule for member in self._ran.values()))}
        homes = {
            family.name: {*(one.rule.id for one in family.members.load().values()), *self._own.get(family.name, ())}
            for family in self._families.values()
        }
        met = {name for name, member in self._ran.items() if member.target in self._judged}
        run = Run(
            met=met | self._custom.met if self._custom else met,
            crashed=set(self._crashes),
            unread={name for family in self._gaps for name in homes[family]},
        )
        yield from answers(self._framework, sorted(every.values(), key=lambda one: one.id), findings, run)

    def _unread(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        """What could not be read concerns the families that may know it by its name, or, by a strange name, all of them."""
        told = list(diagnostics)
        for one in told:
            path = f"{one.path}/Chart.yaml" if one.slug == "chart-not-rendered" else one.path
            if one.incomplete:
                self._gaps |= {name for name, family in self._families.items() if family.named(path)} or {
                    *self._families
                }
        return told


def _framework(name: str) -> Framework | None:
    if not name:
        return None
    from thwart.rules._frameworks import framework_of

    return framework_of(name)


def _custom(stated: tuple[CustomRule, ...]) -> Custom | None:
    if not stated:
        return None
    from thwart.rules._custom import Custom

    return Custom(stated)


def _fix(rule: Rule, hits: list[Hit], document: int, source: Source) -> Fix | None:
    """The rule's fix; with edits where every hit has some, because half of them would close nothing, all in one file."""
    title = rule.fix.partition(". ")[0].partition("\n")[0].rstrip(".")
    if not title:
        return None
    mends = [(hit, hit.mend) for hit in hits if hit.mend is not None]
    if len(mends) < len(hits) or len({(hit.file or source).path for hit in hits}) > 1:
        return Fix(title=title, kind="edit", safe=False)
    edits = [
        one
        if isinstance(one, Lines | Add)
        else replace(one, document=document if hit.document is None else hit.document)
        for hit, mend in mends
        for one in mend.edits
    ]
    kind = "add" if edits and all(isinstance(one, Add) for one in edits) else "edit"
    return Fix(title=title, kind=kind, safe=all(mend.safe for _, mend in mends), edits=tuple(edits))


def _stated(hit: Hit, document: int, source: Source) -> bool:
    """Whether it stands somewhere, and is not what is missing."""
    values = (hit.file or source).values()
    number = document if hit.document is None else hit.document
    return hit.place is not None or (number < len(values) and leads(values[number], hit.pointer))


def _evidence(hit: Hit, document: int, source: Source) -> Evidence:
    if hit.at is not None:
        return Evidence(phrase=hit.phrase, location=hit.at, pointer=written(hit.pointer))
    source, document = hit.file or source, document if hit.document is None else hit.document
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


def _crash(name: str, told: list[str], *, own: bool) -> Diagnostic:
    more = f" and on {len(told) - 1} more" if len(told) > 1 else ""
    return Diagnostic(
        slug="rule-crashed",
        message=f"the rule {name} failed on {told[0]}{more}, so that it judged nothing there",
        hint="ask with has(…) for what may be missing"
        if own
        else "this is a defect of thwart: please report it with the document",
    )


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    place = finding.locations[0]
    return place.path, place.line, place.column, finding.id, finding.subject
