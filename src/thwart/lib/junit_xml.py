"""JUnit XML, as pipelines read it: suites of cases that pass, fail, err or are skipped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PASSED, FAILURE, ERROR, SKIPPED = "", "failure", "error", "skipped"
LONGEST = 4000  # characters of a text; viewers cut or choke on more


class Case(Struct, frozen=True, kw_only=True):
    """A test. `outcome` is empty where it passed; `kind`, `message` and `text` say what is wrong otherwise."""

    name: str
    classname: str
    file: str = ""
    line: int = 0
    outcome: str = PASSED
    kind: str = ""
    message: str = ""
    text: str = ""


class Suite(Struct, frozen=True, kw_only=True):
    """Tests that belong together."""

    name: str
    cases: tuple[Case, ...]


def write(name: str, suites: Iterable[Suite]) -> str:
    """The document. Characters that XML 1.0 (section 2.2) cannot hold, or that are not printable, are visible escapes."""
    from xml.etree.ElementTree import Element, indent, tostring

    found = list(suites)
    counts = [_counts(suite) for suite in found]
    totals = {key: str(sum(int(count[key]) for count in counts)) for key in ("tests", "failures", "errors", "skipped")}
    root = Element("testsuites", {"name": clean(name), **totals})
    for suite, count in zip(found, counts, strict=True):
        element = Element("testsuite", {"name": clean(suite.name), **count, "time": "0"})
        element.extend(map(_case, suite.cases))
        root.append(element)
    indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _counts(suite: Suite) -> dict[str, str]:
    found = {"tests": str(len(suite.cases))}
    for name, outcome in (("failures", FAILURE), ("errors", ERROR), ("skipped", SKIPPED)):
        found[name] = str(sum(case.outcome == outcome for case in suite.cases))
    return found


def _case(case: Case) -> Element:
    from xml.etree.ElementTree import Element

    given = {"name": case.name, "classname": case.classname, "file": case.file, "line": str(case.line or "")}
    element = Element("testcase", {key: clean(value) for key, value in given.items() if value})
    if case.outcome:
        said = {"type": case.kind, "message": case.message}
        inner = Element(case.outcome, {key: clean(value) for key, value in said.items() if value})
        inner.text = "\n".join(map(clean, case.text.splitlines())) or None
        element.append(inner)
    return element


def clean(text: str) -> str:
    r"""Text without anything that is not printable, which becomes `\x1b` and the like, and not too long."""
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
