"""Frameworks: standards as lists of controls, each answered by the rules that carry its reference."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.errors import UsageError
from thwart.core.registry import Registry

if TYPE_CHECKING:
    from thwart.core.finding import Finding
    from thwart.core.rule import Rule


class Asked(NamedTuple):
    """One control, in our own words, and how its rules are known.

    They are those that carry `reference` (which is the id, unless a version of the framework numbers otherwise) and those
    named in `rules`. Where `keys` are given, only what a rule finds at one of these keys of a document concerns the control.
    Where `families` are given, rules of others can fail the control and not pass it: a build step without privileges says
    nothing about the containers that will run. `overrides` are controls that it replaces: where it has no objection, theirs does not count.
    """

    id: str  # `pss:runAsNonRoot`
    title: str
    overrides: tuple[str, ...] = ()
    reference: str = ""
    rules: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    families: tuple[str, ...] = ()

    def answered_by(self, rule: Rule) -> bool:
        """Whether the rule judges what the control asks; of a whole section, whatever is in it."""
        key = self.reference or self.id
        return rule.id in self.rules or any(one == key or one.startswith(f"{key}.") for one in rule.references)

    def decided_by(self, rule: Rule) -> bool:
        """Whether the rule, finding nothing, passes the control."""
        return self.answered_by(rule) and (not self.families or rule.family in self.families)

    def concerns(self, finding: Finding) -> bool:
        """Whether a finding of one of its rules is about the control."""
        return not self.keys or any(one.pointer.rpartition("/")[2] in self.keys for one in finding.evidence)


class Framework(NamedTuple):
    """A framework at one version. `minor` is the version of Kubernetes that manifests are judged for."""

    name: str
    controls: tuple[Asked, ...]
    minor: int | None = None


Make = Callable[[str], Framework]  # of a version, which may be empty

MEMBERS: Registry[Make] = Registry(__name__)


def framework_of(text: str) -> Framework:
    """The framework called `NAME` or `NAME@VERSION`.

    Raises:
        UsageError: there is no such framework or version.
    """
    name, _, version = text.partition("@")
    known = MEMBERS.load()
    if name not in known:
        near = [f"did you mean {word}?" for word in get_close_matches(name.lower(), known, 1)]
        raise UsageError(f'there is no framework "{name}"', *near, f"choose one of {', '.join(known)}")
    return known[name](version)


def version_of(name: str, given: str, known: tuple[str, ...]) -> str:
    """The version asked for, or the newest, which is the last of those known.

    Raises:
        UsageError: it is not known.
    """
    if given in ("", "latest"):
        return known[-1]
    version = given.removeprefix("v")
    if version not in known:
        raise UsageError(f"{name} is not known at version {given!r}", f"give latest, or one of {', '.join(known)}")
    return version
