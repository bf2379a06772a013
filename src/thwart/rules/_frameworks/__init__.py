"""Frameworks: standards as lists of controls, each answered by the rules that carry its reference."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

from thwart.core.errors import UsageError
from thwart.core.registry import Registry


class Asked(NamedTuple):
    """One control. `overrides` are controls that it replaces: where it has no objection, theirs does not count."""

    id: str  # as rules refer to it: `pss:runAsNonRoot`
    title: str
    overrides: tuple[str, ...] = ()


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
