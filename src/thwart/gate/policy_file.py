"""The policy file: one TOML document with everything that the gate asks for, its exceptions and its own tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from thwart.core.config import SEVERITIES, exceptions
from thwart.core.errors import ConfigError
from thwart.core.policy import MODES, Clause
from thwart.core.report import Policy
from thwart.core.stated import Path, Stated, dotted, meant, positions, type_name
from thwart.gate.clauses import CLAUSES
from thwart.lib import toml_bounded
from thwart.lib.documents import DocumentError

_BYTES = 1 << 20
_WORDS: dict[str, tuple[str, ...]] = {"fail-on": SEVERITIES, "on-incomplete": ("fail", "warn"), "mode": MODES}
_TEST = ("name", "report", "expect", "because", "today")
_DECISIONS = ("allow", "warn", "unknown", "deny")


class PolicyTest(Struct, frozen=True, kw_only=True):
    """A case beside the policy: a saved report and the decision that it must get on a day.

    `because` is a text that must be among the reasons; `line` is where the case stands.
    """

    name: str
    report: str
    expect: str
    because: str = ""
    today: date | None = None
    line: int = 0


class PolicyFile(Struct, frozen=True, kw_only=True):
    """A policy and its tests."""

    policy: Policy
    tests: tuple[PolicyTest, ...] = ()


def parse(text: str, path: str) -> PolicyFile:
    """Read a policy.

    Raises:
        ConfigError: it is no TOML, has a key that means nothing or a value that cannot be, or asks for nothing.
    """
    try:
        document = toml_bounded.load(text.encode(), max_bytes=_BYTES)
    except DocumentError as error:
        raise ConfigError(f"{path}:{error.line or 1}: {error}") from None
    stated = Stated(path, dict(positions(text)))
    names = {name.replace("_", "-") for name in CLAUSES.names()}
    stated.known((), document, (*_WORDS, "only-fixed", *sorted(names), "exceptions", "tests"))
    if not set(document) - {"exceptions", "tests", "mode"}:
        stated.refuse((), "the policy asks for nothing", 'state a severity: fail-on = "high"')
    words = {key: _word(stated, key, document[key]) for key in _WORDS if key in document}
    only_fixed = document.get("only-fixed", False)
    if not isinstance(only_fixed, bool):
        stated.refuse(("only-fixed",), f"only-fixed must be true or false, not {type_name(only_fixed)}")
    clauses = tuple(_clause(stated, key, document[key]) for key in document if key in names)
    policy = Policy(
        fail_on=words.get("fail-on", "none" if clauses else "high"),
        on_incomplete=words.get("on-incomplete", "fail"),
        mode=words.get("mode", "enforce"),
        only_fixed=only_fixed,
        clauses=clauses,
        exceptions=tuple(exceptions(stated, (), document.get("exceptions", []))),
    )
    return PolicyFile(policy=policy, tests=tuple(_tests(stated, document.get("tests", []))))


def _word(stated: Stated, key: str, value: object) -> str:
    among = _WORDS[key]
    if not isinstance(value, str) or value not in among:
        stated.refuse((key,), f"{key} is {value!r}, which is none of {', '.join(among)}", *meant(str(value), among))
    return value


def _clause(stated: Stated, key: str, value: object) -> Clause:
    """A clause as `key = VALUE`, or as `key = {value = VALUE, mode = "warn"}`."""
    mode = "enforce"
    if isinstance(value, dict) and "value" in value:
        stated.known((key,), value, ("value", "mode"))
        mode = value.get("mode", "enforce")
        if mode not in MODES:
            stated.refuse((key, "mode"), f"mode is {mode!r}, which is none of {', '.join(MODES)}")
        value = value["value"]
    member = CLAUSES.get(key.replace("-", "_"))
    assert member is not None
    wrong = member.refuse(value)
    if wrong:
        stated.refuse((key,), f"{key} {wrong}")
    return Clause(name=key, value=value, mode=mode)


def _tests(stated: Stated, value: object) -> Iterator[PolicyTest]:
    where: Path = ("tests",)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        stated.refuse(where, "tests must be an array of tables: write [[tests]]")
    for index, table in enumerate(value):
        here = (*where, index)
        stated.known(here, table, _TEST)
        yield _test(stated, here, table)


def _test(stated: Stated, here: Path, table: Mapping[str, Any]) -> PolicyTest:
    lacking = [key for key in ("name", "report", "expect") if key not in table]
    if lacking:
        stated.refuse(here, f"the test lacks {' and '.join(lacking)}")
    texts = {key: stated.text(here, key, table[key]) for key in _TEST if key in table and key != "today"}
    if texts["expect"] not in _DECISIONS:
        stated.refuse((*here, "expect"), f"expect is {texts['expect']!r}, which is none of {', '.join(_DECISIONS)}")
    today = table.get("today")
    if today is not None and type(today) is not date:
        stated.refuse((*here, "today"), f"{dotted(('today',))} must be a date like 2027-01-31, not {type_name(today)}")
    return PolicyTest(**texts, today=today, line=stated.line(here))
