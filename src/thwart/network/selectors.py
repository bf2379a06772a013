"""Label selectors: canonical, interned, and checked as the API server checks them.

Sources: k8s.io/apimachinery pkg/labels (meaning), pkg/apis/meta/v1/validation and pkg/util/validation (syntax).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class Requirement(NamedTuple):
    """One condition on one key; `values` are sorted and empty for Exists and DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


Selector = tuple[Requirement, ...]  # all must hold; sorted, so that equal selectors are equal tuples
EVERYTHING: Selector = ()


class Expression(msgspec.Struct, forbid_unknown_fields=True):
    """`matchExpressions[]` as written."""

    key: str | None = None
    operator: str | None = None
    values: list[str | None] | None = None


class LabelSelector(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A label selector as written."""

    match_labels: dict[str, str | None] | None = None
    match_expressions: list[Expression] | None = None


class Invalid(Exception):  # noqa: N818 - a verdict about an object
    """The API server would refuse this; `pointer` leads to the field."""

    def __init__(self, pointer: tuple[str | int, ...], why: str) -> None:
        super().__init__(why)
        self.pointer = pointer
        self.why = why


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy a selector. NotIn and DoesNotExist hold for a key that is absent."""
    return all(_holds(requirement, labels) for requirement in selector)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement
    if operator == "In":
        return labels.get(key) in values  # an absent key is None, which no value is
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (operator == "Exists")


def compile_selector(written: LabelSelector | None, pointer: tuple[str | int, ...]) -> Selector:
    """The canonical form of a selector; one that is not given matches everything, as an empty one does.

    Raises:
        Invalid: a key, value or operator that the API server refuses.
    """
    if written is None:
        return EVERYTHING
    found = set()
    for key, value in (written.match_labels or {}).items():
        check_key(key, (*pointer, "matchLabels", key))
        check_value(value or "", (*pointer, "matchLabels", key))
        found.add(Requirement(key, "In", (value or "",)))
    for index, expression in enumerate(written.match_expressions or ()):
        found.add(_requirement(expression, (*pointer, "matchExpressions", index)))
    return tuple(sorted(found))


def _requirement(expression: Expression, pointer: tuple[str | int, ...]) -> Requirement:
    operator = expression.operator or ""
    values = tuple(sorted({value or "" for value in expression.values or ()}))
    if operator not in _OPERATORS:
        raise Invalid((*pointer, "operator"), f"{operator!r} is not a valid selector operator")
    if operator in ("In", "NotIn") and not values:
        raise Invalid((*pointer, "values"), f"values must be given when the operator is {operator}")
    if operator in ("Exists", "DoesNotExist") and values:
        raise Invalid((*pointer, "values"), f"values may not be given when the operator is {operator}")
    key = expression.key or ""
    check_key(key, (*pointer, "key"))
    for index, value in enumerate(expression.values or ()):
        check_value(value or "", (*pointer, "values", index))
    return Requirement(key, operator, values)


def check_key(key: str, pointer: tuple[str | int, ...]) -> None:
    """A label key: an optional DNS subdomain and a slash, then a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    if slash and not (0 < len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix)):
        raise Invalid(pointer, f"the prefix of the label key {shown(key)} is not a DNS subdomain")
    if not (0 < len(name) <= 63 and _NAME.fullmatch(name)):
        raise Invalid(
            pointer, f"the label key {shown(key)} is not a name of at most 63 letters, digits, '-', '_' and '.'"
        )


def check_value(value: str, pointer: tuple[str | int, ...]) -> None:
    """A label value: empty, or a name of at most 63 characters."""
    if len(value) > 63 or (value and not _NAME.fullmatch(value)):
        raise Invalid(
            pointer, f"the label value {shown(value)} is not a name of at most 63 letters, digits, '-', '_' and '.'"
        )


def shown(text: str) -> str:
    """Text quoted, and cut when it is long."""
    return repr(text if len(text) <= 80 else text[:77] + "...")


def describe(selector: Selector) -> str:
    """A selector as `kubectl -l` writes it."""
    return ",".join(map(_describe, selector)) or "everything"


def _describe(requirement: Requirement) -> str:
    key, operator, values = requirement
    if operator == "Exists":
        return key
    if operator == "DoesNotExist":
        return f"!{key}"
    if len(values) == 1:
        return f"{key}{'=' if operator == 'In' else '!='}{values[0]}"
    return f"{key} {'in' if operator == 'In' else 'notin'} ({', '.join(values)})"
