"""What is wrong, useless or surprising in a set of policies. One file per family of checks; each says why it matters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from thwart.core.advisory import Severity
from thwart.core.registry import Registry
from thwart.network.engine import Model
from thwart.network.lint._finding import Finding, Place
from thwart.network.lint._look import Look
from thwart.network.lint._writing import SCHEMA, Report, as_json, as_sarif, text

__all__ = [
    "MEMBERS",
    "SCHEMA",
    "Check",
    "Finding",
    "Place",
    "Report",
    "as_json",
    "as_sarif",
    "check",
    "lint",
    "text",
]

Run = Callable[[Look], Iterator[Finding]]


class Check(Struct, frozen=True, kw_only=True):
    """One check: its name, the severity of its worst findings, and why it matters (its docstring)."""

    slug: str
    severity: Severity
    run: Run
    explanation: str

    @property
    def title(self) -> str:
        """The first sentence of the explanation."""
        return " ".join(self.explanation.split("\n\n")[0].split())


MEMBERS: Registry[Check] = Registry(__name__)


def check(slug: str, severity: Severity) -> Callable[[Run], Run]:
    """Register a check; its docstring is what people read about it."""

    def register(run: Run) -> Run:
        explanation = inspect.getdoc(run) or ""
        MEMBERS.add(slug, Check(slug=slug, severity=severity, run=run, explanation=explanation))
        return run

    return register


def lint(model: Model, *, tenant_label: str = "", only: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Every finding, sorted by file, line and check; each once.

    Args:
        model: the world to look at.
        tenant_label: the label of namespaces that says whose they are; empty for no tenants.
        only: names of checks; none for all.
    """
    look = Look(model, tenant_label)
    chosen = frozenset(only)
    found: dict[Finding, None] = {}
    for slug, one in MEMBERS.load().items():
        if not chosen or slug in chosen:
            found.update(dict.fromkeys(one.run(look)))
    return tuple(sorted(found, key=lambda f: (f.place.path, f.place.line, f.check, f.what, f.sentence)))
