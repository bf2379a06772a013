"""Rules that a user states without code: an expression in CEL that must hold for what it judges.

As a ValidatingAdmissionPolicy of Kubernetes has it: `expression` is true where all is well, and `object` is the object.
An expression that cannot be evaluated has judged nothing, so that the report is incomplete; it never passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from thwart.core.errors import ConfigError
from thwart.core.rule import Rule
from thwart.lib.cel import Cel, EvaluationError, Program
from thwart.lib.documents import DocumentError
from thwart.rules._member import Member
from thwart.rules._view import Hit, Pointer, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from thwart.core.custom import CustomRule
    from thwart.rules import Source, Subject

_VARIABLES = {
    "kubernetes": frozenset({"object", "pod", "containers"}),
    "dockerfile": frozenset({"object"}),
    "compose": frozenset({"object"}),
    "image": frozenset({"object"}),
}
_EACH = {"container": "kubernetes", "instruction": "dockerfile", "stage": "dockerfile"}
_LANGUAGES = {"dockerfile": "dockerfile", "image": "json"}
_LONGEST = 300  # characters of a message that an expression makes


class _Compiled(NamedTuple):
    stated: CustomRule
    member: Member
    holds: Program
    message: Program | None
    pods: bool  # whether it judges pods, and not objects


class _Thing(NamedTuple):
    """What an expression is asked about: variables for it, and how a finding names and places it."""

    variables: Mapping[str, object] | None  # None where there is no way to them
    pointer: Pointer = ()
    part: str = ""
    place: tuple[int, int] | None = None
    document: int | None = None


class Judged(NamedTuple):
    """What a rule finds in a subject, or why it cannot tell."""

    rule: str
    hit: Hit | None = None
    error: str = ""


class Custom:
    """The stated rules of one run, compiled. `met` has the ids of those that met something to judge."""

    def __init__(self, stated: Iterable[CustomRule]) -> None:
        self.met: set[str] = set()
        self._cel = Cel()
        self._rules: dict[str, list[_Compiled]] = {}
        taken: dict[str, str] = {}
        for one in stated:
            _refuse_twice(one, taken)
            self._rules.setdefault(one.family, []).append(self._compiled(one))

    def _compiled(self, stated: CustomRule) -> _Compiled:
        if stated.for_each and _EACH[stated.for_each] != stated.family:
            _refuse(stated, f"has for-each {stated.for_each}, which is of {_EACH[stated.for_each]}")
        known = _VARIABLES[stated.family] | ({stated.for_each} if stated.for_each else frozenset())
        holds = self._program(stated, "expression", stated.expression, known)
        message = None
        if stated.message_expression:
            message = self._program(stated, "message-expression", stated.message_expression, known)
        used = holds.variables | (message.variables if message else frozenset())
        rule = Rule(
            id=stated.id,
            title=stated.title.strip().rstrip("."),
            family=stated.family,
            severity=stated.severity,
            why=stated.why,
            fix=stated.fix,
            bad=stated.bad,
            good=stated.good,
            language=_LANGUAGES.get(stated.family, "yaml"),
            references=stated.references,
        )
        pods = bool(stated.for_each == "container" or used & {"pod", "containers"})
        return _Compiled(stated, Member(rule=rule, target=object, run=lambda _: ()), holds, message, pods)

    def _program(self, stated: CustomRule, key: str, text: str, known: frozenset[str]) -> Program:
        try:
            program = self._cel.compile(text)
        except EvaluationError as error:
            _refuse(stated, f"has an {key} that is no CEL: {error}")
        strange = sorted(program.variables - known)
        if strange:
            _refuse(stated, f"speaks of {strange[0]}, which is none of {', '.join(sorted(known))}")
        missing = sorted(program.functions)
        if missing:
            _refuse(stated, f"calls {missing[0]}, which is no function that thwart has")
        return program

    def rules(self) -> list[Rule]:
        """Every rule, by family, each in the order in which they were stated."""
        return [one.member.rule for compiled in self._rules.values() for one in compiled]

    def members(self, family: str) -> list[Member]:
        """The rules for a family's documents, as the engine knows rules."""
        return [one.member for one in self._rules.get(family, ())]

    def judge(self, family: str, subject: Subject, source: Source, wanted: frozenset[str]) -> Iterator[Judged]:
        """What the wanted rules find in the subject. What a rule cannot judge is told once, and ends it."""
        groups: dict[tuple[bool, str], list[_Compiled]] = {}
        for one in self._rules.get(family, ()):
            if one.member.rule.id in wanted and _concerned(one, subject):
                self.met.add(one.member.rule.id)
                groups.setdefault((one.pods, one.stated.for_each), []).append(one)
        failed: set[str] = set()
        for group in groups.values():
            for thing in _things(group[0], subject, source):  # each is handed over once, for all rules
                for one in group:
                    if one.member.rule.id not in failed:
                        for judged in self._judged(one, thing):
                            failed |= {judged.rule} if judged.error else set()
                            yield judged

    def _judged(self, one: _Compiled, thing: _Thing) -> Iterator[Judged]:
        name = one.member.rule.id
        try:
            yield from [Judged(name, hit) for hit in self._found(one, thing)]
        except EvaluationError as error:
            yield Judged(name, error=str(error))

    def _found(self, one: _Compiled, thing: _Thing) -> Iterator[Hit]:
        if thing.variables is None:
            raise EvaluationError("it does not stand in one place of the file")
        found = self._cel.evaluate(one.holds, thing.variables)
        if not isinstance(found, bool):
            raise EvaluationError("the expression gives neither true nor false")
        if not found:
            pointer = (*thing.pointer, *one.stated.pointer) if thing.place is None else ()
            yield Hit(pointer, self._phrase(one, thing), thing.part, place=thing.place, document=thing.document)

    def _phrase(self, one: _Compiled, thing: _Thing) -> str:
        if one.message is not None:
            made = self._cel.evaluate(one.message, thing.variables or {})
            if isinstance(made, str) and made.strip():
                return " ".join(made.split())[:_LONGEST]
        return one.stated.message or f"breaks the rule {one.stated.id}: {one.member.rule.title}"


def _refuse(stated: CustomRule, why: str) -> Any:  # noqa: ANN401 - never returns
    raise ConfigError(f"{stated.origin}: the rule {stated.id} {why}")


def _refuse_twice(stated: CustomRule, taken: dict[str, str]) -> None:
    from thwart.rules import ids

    if stated.id in taken:
        _refuse(stated, f"is already stated at {taken[stated.id]}")
    if stated.id in ids():
        _refuse(stated, "has the name of a rule that thwart has")
    taken[stated.id] = stated.origin


def _concerned(one: _Compiled, subject: Subject) -> bool:
    from thwart.rules.kubernetes import Object, Pod

    if one.stated.family == "compose":
        from thwart.rules.container import Container

        return isinstance(subject, Container)
    if one.stated.family != "kubernetes":
        return True
    if not isinstance(subject, Pod if one.pods else Object):
        return False
    owner = subject.object if isinstance(subject, Pod) else subject
    if one.stated.kinds and owner.kind not in one.stated.kinds:
        return False
    group = owner.api.rpartition("/")[0]
    return one.stated.api_groups is None or "*" in one.stated.api_groups or group in one.stated.api_groups


def _things(one: _Compiled, subject: Subject, source: Source) -> Iterator[_Thing]:
    """What the rule judges of a subject: the whole of it, or each of its parts."""
    if one.stated.family == "dockerfile":
        from thwart.rules._custom_dockerfile import things

        for variables, part, place in things(subject, one.stated.for_each):
            yield _Thing(variables, part=part, place=place)
    elif one.stated.family == "kubernetes":
        yield from _of_kubernetes(one, subject)
    elif isinstance(subject, View):
        yield _Thing({"object": subject.node}, subject.pointer)
    elif (where := getattr(subject, "where", None)) is not None:
        yield from _written(where, source)


def _of_kubernetes(one: _Compiled, subject: Any) -> Iterator[_Thing]:  # noqa: ANN401 - an object or a pod
    if not one.pods:
        yield _Thing({"object": subject.node}, subject.pointer)
        return
    pod = {
        "object": subject.object.node,
        "pod": subject.node,
        "containers": [container.node for container in subject.containers],
    }
    if not one.stated.for_each:
        yield _Thing(pod, subject.pointer)
        return
    for container in subject.containers:
        yield _Thing({**pod, "container": container.node}, container.pointer, container.part)


def _written(where: Any, source: Source) -> Iterator[_Thing]:  # noqa: ANN401 - where a container's settings stand
    """A service as its file has it."""
    try:
        node: Any = (where.file or source).values()[where.document]
        for step in where.pointer:
            node = node[step]
    except (DocumentError, LookupError, TypeError):
        yield _Thing(None)
        return
    yield _Thing({"object": node}, where.pointer, document=where.document)
