"""A rule as the room holds it, and its page, which is the docstring of its file."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from thwart.core.advisory import Severity
from thwart.core.registry import Registry
from thwart.core.rule import Rule
from thwart.rules._view import Hit

Run = Callable[[Any], Iterable[Hit]]

_SECTION = re.compile(r"^(Fix|Bad|Good):[ \t]*(.*)$", re.MULTILINE)


class Member(Struct, frozen=True, kw_only=True):
    """A rule and the function that judges subjects of the class `target`.

    `covered_by` names rules that say the same and more: where one of them finds the same part of a subject, this rule
    is silent, unless a framework asks for both.
    """

    rule: Rule
    target: type
    run: Run
    covered_by: tuple[str, ...] = ()


def register(
    members: Registry[Member],
    target: type,
    severity: Severity,
    *,
    family: str,
    language: str,
    confidence: str = "high",
    references: tuple[str, ...] = (),
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """A decorator that makes a member of the function: the module's name is the rule's, its docstring the page."""

    def add(run: Run) -> Run:
        module = run.__module__.rpartition(".")[2]
        told = page(str(run.__globals__.get("__doc__") or ""))
        rule = Rule(
            id=module.replace("_", "-"),
            family=family,
            severity=severity,
            confidence=confidence,
            language=language,
            references=references,
            **told,
        )
        members.add(module, Member(rule=rule, target=target, run=run, covered_by=covered_by))
        return run

    return add


def page(docstring: str) -> dict[str, str]:
    """The parts of a page: `title`, `why`, `fix`, `bad` and `good`; empty where one is not there."""
    text = inspect.cleandoc(docstring)
    marks = list(_SECTION.finditer(text))
    title, _, why = text[: marks[0].start() if marks else len(text)].partition("\n")
    parts = {"title": title.strip().rstrip("."), "why": _flowing(why), "fix": "", "bad": "", "good": ""}
    for mark, end in zip(marks, [*(one.start() for one in marks), len(text)][1:], strict=True):
        body = text[mark.end() : end]
        parts[mark[1].lower()] = (
            _flowing(f"{mark[2]}{body}") if mark[1] == "Fix" else inspect.cleandoc(body).strip("\n")
        )
    return parts


def _flowing(text: str) -> str:
    """Paragraphs with one line each."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))
