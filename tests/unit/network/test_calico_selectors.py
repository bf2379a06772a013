"""Calico's selector language (libcalico-go/lib/selector: tokenizer, parser and ast)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.network.kinds._calico_selectors import (
    ALL,
    MAX_DEPTH,
    MAX_LENGTH,
    Every,
    Some,
    Test,
    Unless,
    grounded,
    holds,
    parse,
    prefixed,
)
from thwart.network.selectors import Invalid

AT = ("spec", "selector")
LABELS = {"app": "web", "tier": "front-end", "empty": "", "a.b/c-d_e": "x", "in": "y", "has": "z", "not": "n"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True),
        ("  \t", True),
        ("all()", True),
        ("all( )", True),
        ("!all()", False),
        ("app == 'web'", True),
        ('app=="web"', True),
        ("app == 'db'", False),
        ("absent == ''", False),
        ("empty == ''", True),
        ("app != 'web'", False),
        ("absent != 'web'", True),
        ("app in {'web', 'db'}", True),
        ("app in{'web',}", True),
        ("app in {}", False),
        ("absent in {'web'}", False),
        ("app not in {'web'}", False),
        ("app notin {'web'}", False),
        ("absent not in {'web'}", True),
        ("app not in {}", True),
        ("has(app)", True),
        ("has( app )", True),
        ("has(absent)", False),
        ("! has(absent)", True),
        ("!!has(absent)", False),
        ("tier contains 't-e'", True),
        ("tier contains ''", True),
        ("absent contains ''", False),
        ("tier starts with 'front'", True),
        ("tier starts  with 'end'", False),
        ("tier startswith 'front'", True),
        ("tier ends with 'end'", True),
        ("absent ends with ''", False),
        ("a.b/c-d_e == 'x'", True),
        ("in == 'y' && has == 'z' && not == 'n'", True),  # operators are words only after a label
        ("app == 'db' || app == 'web' && has(absent)", False),  # && binds more
        ("(app == 'db' || app == 'web') && has(tier)", True),
        ("app == 'web' || app == 'db' && has(absent)", True),
        ("!app == 'web'", False),  # ! is about the whole comparison
        ("!(app == 'db') && !has(absent)", True),
        ("""app == "we'b" """, False),
        ("""app != 'we"b'""", True),
        ("((((has(app)))))", True),
    ],
)
def test_meaning(text: str, wanted: bool) -> None:
    assert holds(parse(text, AT), LABELS) is wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("app", "an operator is missing"),
        ("app = 'web'", "character 5"),
        ("app == web", "a quoted value is missing"),
        ("app == 'web", "the closing quote is missing"),
        ("app == ", "a quoted value is missing"),
        ("app in 'web'", "a set in braces is missing"),
        ("app in {'web'", "a } is missing"),
        ("app in {'web' 'db'}", "a } is missing"),
        ("app in {web}", "character 9"),
        ("has(app", "character"),
        ("has()", "character"),
        ("has (app)", "an operator is missing"),
        ("all", "an operator is missing"),
        ("(has(app)", "a ) is missing"),
        ("has(app))", "should have ended"),
        ("has(app) has(app)", "should have ended"),
        ("has(app) &&", "an expression is missing"),
        ("has(app) & has(app)", "character 10"),
        ("|| has(app)", "an expression is missing"),
        ("app == 'web'\n", "character 13"),  # only blanks and tabs are white
        ("app startwith 'x'", "an operator is missing"),
        ("!", "an expression is missing"),
        ("()", "an expression is missing"),
        ("app == 'ü' é", "no part of a selector"),
        ("(" * (MAX_DEPTH + 1) + "all()" + ")" * (MAX_DEPTH + 1), "parentheses"),
        ("x" * (MAX_LENGTH + 1), "longer"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text, AT)
    assert why in caught.value.why
    assert caught.value.pointer == AT
    assert len(caught.value.why) < 300


def test_the_greatest_depth_and_length_are_read_and_used() -> None:
    deep = parse("!(" * MAX_DEPTH + "has(app)" + ")" * MAX_DEPTH, AT)
    assert holds(deep, LABELS) is True  # an even number of negations
    many = " || ".join(f"k{number} == 'v'" for number in range(3000)) + " || has(app)"
    assert holds(parse(many, AT), LABELS) is True
    assert holds(parse("!" * 60_000 + "has(app)", AT), LABELS) is True


def test_labels_that_are_not_known_leave_an_expression_open() -> None:
    def found(text: str) -> bool | None:
        return holds(parse(text, AT), {"app": "web"}, complete=False)

    assert found("app == 'web'") is True
    assert found("tier == 'x'") is None
    assert found("tier != 'x'") is None
    assert found("!has(tier)") is None
    assert found("tier == 'x' && app == 'db'") is False
    assert found("tier == 'x' || app == 'web'") is True
    assert found("tier == 'x' && app == 'web'") is None
    assert found("has(projectcalico.org/namespace)") is False  # Calico sets these itself
    assert found("pcns.team != 'x'") is True


def test_prefixes_and_what_all_and_global_mean_of_namespaces() -> None:
    expression = parse("team == 'red' || !all() || global()", AT)
    assert prefixed(expression, "pcns.") == Some(
        (Test("pcns.team", "in", ("red",)), Unless(ALL), expression.parts[2])  # type: ignore[union-attr]
    )
    inside = Test("projectcalico.org/namespace", "has")
    assert grounded(expression, "projectcalico.org/namespace") == Some(
        (Test("team", "in", ("red",)), Unless(inside), Unless(inside))
    )
    assert grounded(Every((ALL, ALL)), "x") == Every((Test("x", "has"), Test("x", "has")))


@given(st.text(alphabet="ab=!&|(){},'\" \tinotswhcelrdg", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse(text, AT)
    except Invalid:
        return
    assert holds(expression, {"a": "b"}) in (True, False)
