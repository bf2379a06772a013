"""The formats that pipelines and spreadsheets read: csv, markdown, github, junit."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

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
        "::error file=var/lib/dpkg/status,title=upgrade openssl to 3.0.15-1~deb12u1::closes 3 defects in 2 packages:"
        " 1 critical, 1 high, 1 medium, CVE-2026-0001 (known exploited, ransomware, EPSS 94%25); layer 2 of 6: "
    )
    assert lines[-1].startswith("::error title=deny%3A registry.example%3A5000/shop/web%3A1.27::11 findings")
    assert text("github", "clean").startswith("::notice title=allow")
    assert "::error title=incomplete%3A layer-unreadable::layer 4 is cut off" in text("github", "incomplete")


def test_sentences_of_the_gate_are_called_what_they_are() -> None:
    verdict = replace(given.DENY, doubts=("nobody rated 3 findings",), notes=("2 findings did not count",))
    judged = [(given.FOUND, verdict)]
    lines = write("markdown", judged, RenderOptions()).decode().splitlines()
    assert [line for line in lines if line.startswith("- **")] == [
        "- **deny**: 5 findings are high or worse",
        "- **deny**: CVE-2026-0001 is known to be exploited",
        "- **unknown**: nobody rated 3 findings",
        "- **note**: 2 findings did not count",
    ]
    last = write("github", judged, RenderOptions()).decode().splitlines()[-1]
    assert last.endswith("exploited; unknown: nobody rated 3 findings; note: 2 findings did not count")
    (facts,) = json.loads(write("json", judged, RenderOptions()))["reports"]
    assert facts["verdict"]["doubts"] == ["nobody rated 3 findings"]
    assert facts["verdict"]["notes"] == ["2 findings did not count"]
    sarif = write("sarif", judged, RenderOptions()).decode()
    assert "nobody rated 3 findings" in sarif
    assert "2 findings did not count" in sarif


def test_markdown_counts_defects_and_marks_them() -> None:
    row = next(line for line in text("markdown", "findings").splitlines() if line.startswith("| openssl"))
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert cells[1:3] == ["3 in 2 packages", "1 critical, 1 high, 1 medium"]
    named = cells[4].split(", [")
    assert named[0].endswith("**(known exploited, ransomware, EPSS 94%)**")
    assert not any("**" in one for one in named[1:])


def test_what_only_development_needs_says_so_in_every_format() -> None:
    finding = given.vulnerability("CVE-2026-0050", given.BABEL, given.H, "7.1.1", epss=0.2)
    judged = [(given.report(findings=(finding,)), given.DENY)]

    def shown(name: str) -> str:
        return write(name, judged, RenderOptions()).decode()

    assert "now 7.1.0 (dev only)" in shown("text")
    assert "| @babel/core" not in shown("markdown")
    assert " to `7.1.1`, dev only |" in shown("markdown")
    assert "closes 1 defect: 1 high, dev only, CVE-2026-0050 (EPSS 20%25); layer 6" in shown("github")
    assert shown("html").count('<span class="chip">dev only</span>') == 2
    assert ",npm,dev,7.1.1," in shown("csv")
    assert "; EPSS 20%; dev only; " in shown("sarif")


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
