"""What a policy may ask for: one file per clause; the folder is the index.

A clause looks at a report from which accepted findings are gone already, and yields its objections. What it cannot know is
an objection too, marked `unknown`: it is never green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct

from thwart.core.registry import Registry
from thwart.core.report import Report


class Objection(NamedTuple):
    """Why a report does not meet a clause, in a sentence; `unknown`: nobody can tell whether it does."""

    sentence: str
    unknown: bool = False


class Case(NamedTuple):
    """What is judged, and the day."""

    report: Report
    today: date


Judge = Callable[[Case, Any], Iterable[Objection]]  # the value is one that `Refuse` had no objection to
Refuse = Callable[[object], str]  # what is wrong with a stated value; empty where nothing is


class Member(Struct, frozen=True, kw_only=True):
    """A clause: what it asks, in words, the check of its value, and its judgement."""

    name: str
    about: str
    refuse: Refuse
    judge: Judge


CLAUSES: Registry[Member] = Registry(__name__)


def clause(about: str, refuse: Refuse) -> Callable[[Judge], Judge]:
    """Register a clause under its module's name, with `-` for `_`."""

    def add(judge: Judge) -> Judge:
        module = judge.__module__.rpartition(".")[2]
        CLAUSES.add(module, Member(name=module.replace("_", "-"), about=about, refuse=refuse, judge=judge))
        return judge

    return add


def yes(value: object) -> str:
    """A value that is true or false."""
    return "" if isinstance(value, bool) else "must be true or false"


def days(value: object) -> str:
    """A value that is a number of days."""
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 36_500
    return "" if fine else "must be a number of days"


def texts(value: object) -> str:
    """A value that is a list of texts, at least one: an empty list would allow or ask for nothing unseen."""
    fine = isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value)
    return "" if fine else "must be a list of texts, with at least one"


def day(stated: str) -> date | None:
    """The day of a moment as strangers state it (ISO 8601); None when it is none, so that no clause takes it for recent."""
    try:
        return date.fromisoformat(stated[:10])
    except ValueError:
        return None


def named(names: Iterable[str], most: int = 3) -> str:
    """A few names for a sentence."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
