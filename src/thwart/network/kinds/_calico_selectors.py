"""Calico's selector expressions: read, evaluated on labels, and rewritten.

Source: projectcalico/calico, libcalico-go/lib/selector (tokenizer and parser for the syntax, parser/ast.go for the
meaning, updateprocessors/rules.go for prefixes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from thwart.network.model import Pointer
from thwart.network.selectors import Invalid, shown

MAX_LENGTH = 1 << 16  # Calico's own bound is 1,024 since its schema has one; older releases have none
MAX_DEPTH = 100  # parentheses in parentheses

NAMESPACE = "projectcalico.org/namespace"
ACCOUNT = "projectcalico.org/serviceaccount"
ORCHESTRATOR = "projectcalico.org/orchestrator"
NAME = "projectcalico.org/name"
OF_NAMESPACE, OF_ACCOUNT = "pcns.", "pcsa."  # labels that endpoints have from their namespace and service account

IN, NOT_IN, HAS = "in", "not in", "has"
CONTAINS, STARTS, ENDS = "contains", "starts with", "ends with"


class Test(Struct, frozen=True):
    """One condition on one label. All but `not in` are false where the label is absent."""

    __test__ = False  # not for pytest
    key: str
    operator: str
    values: tuple[str, ...] = ()


class Every(Struct, frozen=True):
    """All parts hold; `all()` has none."""

    parts: tuple[Expression, ...] = ()


class Some(Struct, frozen=True):
    """A part holds."""

    parts: tuple[Expression, ...]


class Unless(Struct, frozen=True):
    """The part does not hold."""

    part: Expression


class Global(Struct, frozen=True):
    """`global()`: what is in no namespace."""


Expression = Test | Every | Some | Unless | Global
ALL = Every()


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_LABEL = r"[A-Za-z0-9_./-]+"
_STRING = r"\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
_MARK = r"(?P<mark>==|!=|&&|\|\||[(){},!])"
_WORDS = rf"has\([ \t]*(?P<has>{_LABEL})[ \t]*\)|(?P<all>all\([ \t]*\))|(?P<global>global\([ \t]*\))"
_ANYWHERE = re.compile(rf"{_STRING}|{_MARK}|{_WORDS}|(?P<label>{_LABEL})")
_OPERATORS = (
    r"(?P<contains>contains)|(?P<starts>starts[ \t]*with)|(?P<ends>ends[ \t]*with)|(?P<notin>not[ \t]*in)|(?P<in>in)"
)
_AFTER_LABEL = re.compile(rf"{_STRING}|{_MARK}|{_OPERATORS}")
_BLANK = re.compile(r"[ \t]*")
_COMPARED = {"==": IN, "!=": NOT_IN, "contains": CONTAINS, "starts": STARTS, "ends": ENDS}
_END = _Token("end", "", 0)


class _UnreadableError(Exception):
    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at
        self.why = why


def parse(text: str, pointer: Pointer) -> Expression:
    """The expression that a selector's text stands for; an empty one is `all()`.

    Raises:
        Invalid: it does not follow the grammar, or is beyond a bound.
    """
    if len(text) > MAX_LENGTH:
        raise Invalid(pointer, f"a selector of {len(text)} characters is longer than the {MAX_LENGTH} that are read")
    try:
        return _Parser(_tokens(text)).whole()
    except _UnreadableError as error:
        raise Invalid(
            pointer, f"the selector {shown(text)} is wrong at character {error.at + 1}: {error.why}"
        ) from None


def _tokens(text: str) -> list[_Token]:
    """The words of a selector. Operators are words only right after a label, as in Calico: labels may be called so."""
    found: list[_Token] = []
    at = _BLANK.match(text).end()  # type: ignore[union-attr]  # matches the empty string too
    while at < len(text):
        pattern = _AFTER_LABEL if found and found[-1].kind == "label" else _ANYWHERE
        match = pattern.match(text, at)
        if match is None:
            raise _UnreadableError(at, _missing(text[at], after_label=pattern is _AFTER_LABEL))
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind in ("double", "single"):
            kind = "string"
        elif kind == "mark":
            kind = value
        found.append(_Token(kind, value, at))
        at = _BLANK.match(text, match.end()).end()  # type: ignore[union-attr]
    found.append(_Token("end", "", len(text)))
    return found


def _missing(character: str, *, after_label: bool) -> str:
    if character in "'\"":
        return "the closing quote is missing"
    return "an operator is missing" if after_label else "this is no part of a selector"


class _Parser:
    """Recursive descent: `||` binds least, then `&&`, then `!`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        if self._next.kind == "end":
            return ALL
        found = self._some()
        if self._next.kind != "end":
            raise _UnreadableError(self._next.at, "the selector should have ended here")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _want(self, kind: str, why: str) -> _Token:
        token = self._take()
        if token.kind != kind:
            raise _UnreadableError(token.at, why)
        return token

    def _some(self) -> Expression:
        parts = [self._every()]
        while self._next.kind == "||":
            self._take()
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self) -> Expression:
        parts = [self._operation()]
        while self._next.kind == "&&":
            self._take()
            parts.append(self._operation())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _operation(self) -> Expression:
        negated = False
        while self._next.kind == "!":
            self._take()
            negated = not negated
        found = self._atom(self._take())
        return Unless(found) if negated else found

    def _atom(self, token: _Token) -> Expression:
        if token.kind == "has":
            return Test(token.text, HAS)
        if token.kind == "all":
            return ALL
        if token.kind == "global":
            return Global()
        if token.kind == "label":
            return self._test(token.text)
        if token.kind != "(":
            raise _UnreadableError(token.at, "an expression is missing")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _UnreadableError(token.at, f"more than {MAX_DEPTH} parentheses are open, and no more are read")
        found = self._some()
        self._want(")", "a ) is missing")
        self._depth -= 1
        return found

    def _test(self, key: str) -> Expression:
        operator = self._take()
        if operator.kind in _COMPARED:
            value = self._want("string", "a quoted value is missing").text
            return Test(key, _COMPARED[operator.kind], (value,))
        if operator.kind in ("in", "notin"):
            self._want("{", "a set in braces is missing")
            return Test(key, IN if operator.kind == "in" else NOT_IN, self._set())
        raise _UnreadableError(operator.at, "an operator is missing")

    def _set(self) -> tuple[str, ...]:
        values = set()
        while self._next.kind == "string":
            values.add(self._take().text)
            if self._next.kind != ",":
                break
            self._take()
        self._want("}", "a } is missing")
        return tuple(sorted(values))


def satisfies(value: str, test: Test) -> bool:
    """Whether a label's value passes a test."""
    if test.operator == HAS:
        return True
    if test.operator in (IN, NOT_IN):
        return (value in test.values) == (test.operator == IN)
    wanted = test.values[0]
    if test.operator == CONTAINS:
        return wanted in value
    return value.startswith(wanted) if test.operator == STARTS else value.endswith(wanted)


def holds(expression: Expression, labels: Mapping[str, str], *, complete: bool = True) -> bool | None:
    """Whether labels satisfy an expression; None where that hangs on labels that are not known (not `complete`).

    What Calico sets itself is always known.
    """
    if isinstance(expression, Test):
        value = labels.get(expression.key)
        if value is not None:
            return satisfies(value, expression)
        known = complete or expression.key.startswith((OF_NAMESPACE, "projectcalico.org/"))
        return expression.operator == NOT_IN if known else None
    if isinstance(expression, Unless):
        found = holds(expression.part, labels, complete=complete)
        return None if found is None else not found
    if isinstance(expression, Global):
        return NAMESPACE not in labels
    decisive = isinstance(expression, Some)
    unsure = False
    for part in expression.parts:
        found = holds(part, labels, complete=complete)
        if found is decisive:
            return decisive
        unsure = unsure or found is None
    return None if unsure else not decisive


def both(parts: Iterable[Expression]) -> Expression:
    """All of the parts."""
    found = tuple(parts)
    return found[0] if len(found) == 1 else Every(found)


def prefixed(expression: Expression, prefix: str) -> Expression:
    """The same about labels that endpoints have from their namespace or service account."""
    if isinstance(expression, Test):
        return Test(prefix + expression.key, expression.operator, expression.values)
    if isinstance(expression, Unless):
        return Unless(prefixed(expression.part, prefix))
    if isinstance(expression, Global):
        return expression
    return type(expression)(tuple(prefixed(part, prefix) for part in expression.parts))


def grounded(expression: Expression, key: str) -> Expression:
    """The same with `all()` meaning what has the label, and `global()` what has not."""
    if isinstance(expression, Test):
        return expression
    if isinstance(expression, Unless):
        return Unless(grounded(expression.part, key))
    if isinstance(expression, Global):
        return Unless(Test(key, HAS))
    if not expression.parts:
        return Test(key, HAS)
    return type(expression)(tuple(grounded(part, key) for part in expression.parts))


def mentions_global(text: str) -> bool:
    """Whether `global()` stands in a selector; Calico looks for it anywhere in the text."""
    return "global(" in text
