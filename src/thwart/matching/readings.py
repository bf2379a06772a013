"""Statements read against a subject: which of them speak of it, and what they say of its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.matching.model import Reading, Subject
from thwart.matching.order import Order, listed, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from thwart.core.advisory import Affected, Knowledge, Range
    from thwart.matching.ecosystems import Family


def read(family: Family, subject: Subject, knowledge: Knowledge, order: Order) -> tuple[list[Reading], set[str]]:
    """Every statement on the subject, and the versions on the way that could not be ordered."""
    unordered: set[str] = set()
    readings: list[Reading] = []
    for statement, version in _statements(subject, knowledge):
        confidence = family.fits(statement, subject)
        if confidence:
            readings.append(_reading(family, statement, version, order, confidence, unordered))
    return (_any_build(readings, order) if family.one_build else readings), unordered


def _statements(subject: Subject, knowledge: Knowledge) -> Iterator[tuple[Affected, str]]:
    asked: set[tuple[str, str]] = set()
    for key in subject.keys:
        if (key.ecosystem, key.name) not in asked:
            asked.add((key.ecosystem, key.name))
            for statement in knowledge.affected(key.ecosystem, key.name):
                yield statement, key.version


def _reading(
    family: Family, statement: Affected, version: str, order: Order, confidence: str, unordered: set[str]
) -> Reading:
    if family.clears(statement.status):
        return Reading(statement, version, hit=False, open=False, cleared=True, fixes=(), confidence=confidence)
    hit = open_ = passed = False
    fixes: list[str] = []
    for stretch in statement.ranges:
        inside = within(order, version, stretch)
        if inside is None:
            unordered.update(_unreadable(order, version, stretch))
            continue
        if inside:
            hit = True
            open_ = open_ or not (stretch.fixed or stretch.last)
        if stretch.fixed:
            above = order.key(version) < order.key(stretch.fixed)
            passed = passed or not above
            if above:
                fixes.append(stretch.fixed)
    if not hit and listed(order, version, statement):
        hit = True
        open_ = not fixes
    return Reading(statement, version, hit, open_, passed and not hit, tuple(fixes), confidence)


def _unreadable(order: Order, version: str, stretch: Range) -> Iterator[str]:
    return (bound for bound in (version, *stretch) if bound and order.key(bound) is None)


def _any_build(readings: Iterable[Reading], order: Order) -> list[Reading]:
    """An erratum that lists several builds of one package mends it with each of them: the least of them is enough."""
    by_erratum: dict[str, list[Reading]] = {}
    for reading in readings:
        by_erratum.setdefault(reading.statement.advisory, []).append(reading)
    return [reading for erratum in by_erratum.values() for reading in _least_build(erratum, order)]


def _least_build(erratum: list[Reading], order: Order) -> list[Reading]:
    if any(reading.cleared for reading in erratum):
        return [reading._replace(hit=False, open=False, cleared=True) for reading in erratum]
    builds = {fixed for reading in erratum for fixed in reading.fixes}
    if len(builds) < 2:
        return erratum
    least = order.ascending(builds)[0]
    return [reading for reading in erratum if not reading.fixes or least in reading.fixes]
