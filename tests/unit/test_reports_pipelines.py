"""The formats that pipelines and spreadsheets read: csv, markdown, github, junit."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import pytest

from tests.unit import report_fixtures as given
from thwart.reports import RenderOptions, write
from thwart.reports.markdown import code, plain

PLAIN = RenderOptions()


def text(format_: str, name: str) -> str:
    return write(format_, given.REPORTS[name], PLAIN).decode()


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text("csv", name))))


def test_csv_has_a_row_for_everything() -> None:
    found = rows("suppressed")
    assert [row["row"] for row in found] == ["finding"] * 7 + ["suppressed"] * 3
    curl = found[0]
    assert (curl["package"], curl["fixed_version"], curl["cvss"], curl["layer"]) == (
        "curl",
        "7.88.1-10+deb12u8",
        "8.1",
        "4",
    )
    assert found[7]["expires"] == "2027-01-31"
    assert rows("incomplete")[-2]["state"] == "incomplete"


def test_csv_calculates_nothing() -> None:
    cells = [cell for row in rows("hostile") for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert any(cell.startswith("'=cmd") for cell in cells)


def test_markdown_tables_keep_their_columns() -> None:
    for name in ("findings", "hostile"):
        table = [line for line in text("markdown", name).splitlines() if line.startswith("|")]
        assert len(table) > 2
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {6}


def test_markdown_of_a_hostile_report_has_no_links_and_no_markup_of_its_own() -> None:
    library = pytest.importorskip("markdown_it", reason="needs markdown-it-py")
    page = library.MarkdownIt("commonmark", {"html": True}).enable("table").render(text("markdown", "hostile"))
    assert "<table>" in page
    assert not re.search(r"<(script|img|!--)", page)
    assert re.findall(r'href="([^"]*)"', page) == []
    assert "https://evil" not in re.sub(r"`[^`]*`", "", text("markdown", "hostile"))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("- a", r"\- a"),
        ("1. a", r"\1. a"),
        ("@team", r"\@team"),
        ("a|b", r"a\|b"),
        ("[x](y)", r"\[x\](y)"),
        ("# h", r"\# h"),
    ],
)
def test_markdown_takes_words_as_they_stand(words: str, shown: str) -> None:
    assert plain(words) == shown
    assert code("a`b") == "`a'b`"


def test_github_commands() -> None:
    lines = text("github", "findings").splitlines()
    assert lines[0].startswith(
        "::error file=var/lib/dpkg/status,title=upgrade openssl to 3.0.15-1~deb12u1::closes 4 findings: 2 critical, 1 high"
    )
    assert lines[-1].startswith("::error title=deny%3A registry.example%3A5000/shop/web%3A1.27::11 findings")
    assert text("github", "clean").startswith("::notice title=allow")
    assert "::error title=incomplete%3A layer-unreadable::layer 4 is cut off" in text("github", "incomplete")


def test_github_commands_cannot_be_injected() -> None:
    for line in text("github", "hostile").splitlines():
        assert re.match(r"::(error|warning|notice|debug) ?[^:]*::", line), line


def test_junit_counts() -> None:
    root = ElementTree.fromstring(text("junit", "suppressed"))
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped"), suite.get("errors")) == (
        "10",
        "7",
        "3",
        "0",
    )
    assert len(suite.findall("testcase")) == 10
    assert suite.get("timestamp") == "2026-11-23T12:00:00"
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "high: curl 7.88.1-10+deb12u5 is affected by CVE-2026-0010"
    assert (failure.text or "").startswith(
        "upgrade curl to 7.88.1-10+deb12u8; EPSS 31%; severity; layer 4 of 6: RUN apt-get"
    )
    assert ElementTree.fromstring(text("junit", "incomplete"))[0].get("errors") == "1"
    assert ElementTree.fromstring(text("junit", "clean"))[0].get("tests") == "1"


@pytest.mark.parametrize("name", given.REPORTS)
def test_junit_is_xml(name: str) -> None:
    root = ElementTree.fromstring(text("junit", name))
    assert len(root) == len(given.REPORTS[name])
