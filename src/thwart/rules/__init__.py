"""Rules: documents in, findings out. One folder per family of documents, one file per rule; the folder is the index.

A rule's file has a docstring with why it matters, a `Bad:` and a `Good:` example and a `Fix:`; it is the rule's page, its
help in every format, and its test. A rule sees views of a document, which never fail, and yields where it found what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from msgspec import Struct

from thwart.core.custom import CustomRule
from thwart.core.finding import Diagnostic, Finding, Ignore
from thwart.core.limits import DEFAULT, Limits
from thwart.core.registry import Registry
from thwart.core.rule import Control, Rule
from thwart.rules._member import Member
from thwart.rules._source import Source

NEWEST = 37  # the minor version of Kubernetes 1 that rules know up to


class Subject(Protocol):
    """What a rule judges: a part of a document."""

    @property
    def name(self) -> str:
        """What a reader calls it: `Deployment shop/web`."""

    @property
    def document(self) -> int:
        """Which document of its file it is in, from 0."""

    @property
    def partial(self) -> bool:
        """Whether it is only a part, such as a patch, so that what is missing may be elsewhere."""


class Together(Struct, frozen=True, kw_only=True):
    """What a family judges when all files have been read: how documents fit each other.

    `note` keeps of a subject what matters then, as small as it can be, or None; `subjects` makes of all that was kept,
    each with its file, what rules judge at the end.
    """

    note: Callable[[Any], object]
    subjects: Callable[[list[tuple[Source, Any]]], Iterator[tuple[Source, Subject]]]


class Family(Struct, frozen=True, kw_only=True):
    """A kind of documents and its rules.

    `named` tells from a path alone whether a file may be one; `claims` from a look at its bytes; `read` opens it and
    yields what its rules judge, and diagnostics of what they cannot. `read` may raise DocumentError. Importing a family's
    package imports none of its rules.
    """

    name: str
    named: Callable[[str], bool]
    claims: Callable[[Source], bool]
    read: Callable[[Source, Options], Iterator[Subject | Diagnostic]]
    members: Registry[Member]
    together: Together | None = None


class Options(Struct, frozen=True, kw_only=True):
    """How to judge.

    `framework` is `pss-restricted@1.30` and the like: only its controls are judged. `minor` is the version of Kubernetes
    that manifests are for, where no framework says it. `beside` reads a file that another one names, by its path; None
    where there is none or it may not be read. `today` is an ISO date: what has reached its end of life before it is told;
    empty, nothing is. `custom` are rules that the user states without code.
    """

    framework: str = ""
    minor: int = NEWEST
    beside: Callable[[str], bytes | None] | None = None
    limits: Limits = DEFAULT
    today: str = ""
    custom: tuple[CustomRule, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True):
    """Findings in the order of files and lines; what comments accept; what could not be judged; how many documents were.

    `images` are the names of those that documents run, `bases` of those that they build on.
    """

    findings: tuple[Finding, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    rules: tuple[Rule, ...] = ()
    controls: tuple[Control, ...] = ()
    documents: int = 0
    images: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()


FAMILIES: Registry[Family] = Registry(__name__)


def check(
    files: Iterable[tuple[str, bytes]], options: Options | None = None, unread: Iterable[Diagnostic] = ()
) -> Outcome:
    """Judge files by the rules of the families that they belong to.

    Args:
        files: names and contents. What is of no family is passed over.
        options: see `Options`.
        unread: what could not be read; asked when the files are at their end, and part of the answer.

    Raises:
        UsageError: there is no such framework or version of it.
    """
    from thwart.rules._engine import Engine

    engine = Engine(options or Options())
    for path, data in files:
        engine.take(path, data)
    return engine.outcome(unread)


def wanted(path: str) -> bool:
    """Whether any family may have rules for a file of this name."""
    return any(family.named(path) for family in FAMILIES.load().values())


def rules() -> list[Rule]:
    """Every rule, by its id; loads all families."""
    return sorted((one.rule for members in _registries() for one in members.load().values()), key=lambda rule: rule.id)


def rule_of(name: str) -> Rule | None:
    """The rule of that id; imports no other."""
    module = name.replace("-", "_")
    for members in _registries():
        member = members.get(module)
        if member is not None and member.rule.id == name:
            return member.rule
    return None


def ids() -> list[str]:
    """The id of every rule; imports none."""
    return sorted(name.replace("_", "-") for members in _registries() for name in members.names())


def _registries() -> list[Registry[Member]]:
    """Where the rules are; families that judge by the same rules have one together."""
    return list({id(family.members): family.members for family in FAMILIES.load().values()}.values())


def frameworks() -> list[str]:
    """What `Options.framework` may be, without versions."""
    from thwart.rules._frameworks import MEMBERS

    return list(MEMBERS.load())


__all__ = [
    "FAMILIES",
    "NEWEST",
    "Family",
    "Member",
    "Options",
    "Outcome",
    "Source",
    "Subject",
    "Together",
    "check",
    "frameworks",
    "ids",
    "rule_of",
    "rules",
    "wanted",
]
