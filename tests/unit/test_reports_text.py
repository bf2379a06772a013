from __future__ import annotations

import re

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.conftest import ROOT
from tests.unit import report_fixtures as given
from thwart.core.finding import Diagnostic, Finding, Fix
from thwart.core.package import Location
from thwart.core.report import Verdict
from thwart.reports import RenderOptions, write
from thwart.reports._plain import clean, clip, scalar, uri_path
from thwart.reports._screen import columns, fit, flow, pad, wrap
from thwart.reports._view import View, history, many, only, state_of

ANSI = re.compile(r"\x1b\[[0-9;]*m")
LINK = re.compile(r"\x1b\]8;;([^\x1b]*)\x1b\\")


def drawn(name: str, **options: object) -> list[str]:
    return write("text", given.REPORTS[name], RenderOptions(**options)).decode().splitlines()  # type: ignore[arg-type]


def test_the_page_as_a_whole() -> None:
    expected = (ROOT / "tests/data/reports/findings.txt").read_text()
    assert "\n".join(drawn("findings", width=100)) + "\n" == expected


def test_the_last_line_says_it_all() -> None:
    assert drawn("findings")[-1] == (
        "11 findings (2 critical, 4 high, 2 medium, 1 low, 1 negligible, 1 unknown) of 10 defects in 7 of 9 packages,"
        " 0 suppressed, complete, database 2 days old, verdict deny; next: thwart explain CVE-2026-0001"
    )
    assert drawn("clean")[-1].startswith(
        "no findings in 9 packages, 0 suppressed, complete, database 2 days old, verdict allow"
    )
    assert drawn("incomplete")[-1].endswith(
        "incomplete (1), database 2 days old, verdict unknown; next: thwart help exit-codes"
    )
    assert drawn("empty")[-1].startswith("no packages found, so no findings, 0 suppressed, complete, no database")
    assert ", 3 suppressed, " in drawn("suppressed")[-1]
    assert " in 5 of 9 packages" in drawn("suppressed")[-1]
    assert "defects" not in drawn("suppressed")[-1]  # as many as findings


def test_many_reports_end_with_a_total() -> None:
    last = drawn("many")[-1]
    assert last.startswith("4 targets, 25 findings (6 critical, ")
    assert ") of 10 defects, " in last
    assert ", 1 incomplete, " in last
    assert "verdict deny; next: " in last


def test_the_command_is_quoted_and_one_that_exists() -> None:
    asset = replace(given.ASSET, name="a b; rm -rf $(x)\x1b[2J")
    assert View(replace(given.CLEAN, asset=asset), given.ALLOW).next_command == r"thwart sbom 'a b; rm -rf $(x)\x1b[2J'"
    old = replace(given.DATABASE, age_days=31)
    assert View(replace(given.FOUND, database=old), given.DENY).next_command == "thwart explain CVE-2026-0001"
    assert View(replace(given.CLEAN, database=old), given.ALLOW).next_command == "thwart db update"
    assert View(given.PARTIAL, given.DENY).next_command == "thwart explain CVE-2026-0001"
    assert View(given.PARTIAL, given.UNKNOWN).next_command == "thwart help exit-codes"
    hint = Diagnostic(slug="x", message="m", hint="thwart db build x")
    assert View(replace(given.CLEAN, diagnostics=(hint,)), given.UNKNOWN).next_command == "thwart db build x"


def test_groups_come_in_the_order_of_the_risk_that_they_remove() -> None:
    lines = drawn("findings")
    titles = [line.split("  ")[0] for line in lines if line.startswith("upgrade ")]
    assert titles == [
        "upgrade openssl to 3.0.15-1~deb12u1",
        "upgrade curl to 7.88.1-10+deb12u8",
        "upgrade qs to 6.7.3",
        "upgrade express to 4.17.3",
    ]
    openssl = lines[lines.index(next(line for line in lines if line.startswith("upgrade openssl"))) :]
    assert openssl[0].endswith(" 3  1 critical, 1 high, 1 medium")
    assert openssl[1].strip() == "now 3.0.13-1~deb12u1 in libssl3, openssl"
    assert openssl[2].strip().startswith("layer 2 of 6: RUN set -x && groupadd --system nginx && apt-get update")
    assert openssl[3].strip() == ("CVE-2026-0001 critical (known exploited, ransomware, EPSS 94%), CVE-2026-0002 high")


def test_an_upgrade_shows_every_layer_it_touches() -> None:
    libcurl = given.deb("libcurl4", given.CURL.version, 1, source="curl")
    found = [given.vulnerability("CVE-2026-0010", one, given.H, "8") for one in (given.CURL, libcurl)]
    page = write("text", [(given.report(findings=tuple(found)), given.DENY)], RenderOptions()).decode()
    assert page.count("upgrade curl to 8") == 1
    assert "    now 7.88.1-10+deb12u5 in curl, libcurl4\n    layer 2 of 6: RUN set -x" in page
    assert page.index("    layer 2 of 6: ") < page.index("    layer 4 of 6: RUN apt-get install -y curl")
    nowhere = given.report(findings=tuple(found), layers=given.LAYERS[:2])
    page = write("text", [(nowhere, given.DENY)], RenderOptions()).decode()
    assert "    layer 2 of 2: " in page
    assert "\n    var/lib/dpkg/status\n" in page


def test_many_packages_of_one_upgrade_are_counted() -> None:
    several = [given.deb(f"lib{n}", "1", source="thing") for n in range(4)]
    found = tuple(given.vulnerability("CVE-2026-0010", one, given.H, "8") for one in several)
    lines = write("text", [(given.report(findings=found), given.DENY)], RenderOptions()).decode().splitlines()
    assert "    now 1 in 4 packages: lib0, lib1, lib2, lib3" in lines
    assert any(re.fullmatch(r"upgrade thing to 8 +1  1 high", line) for line in lines)


def test_a_defect_of_development_alone_says_so_beside_others() -> None:
    dev, run = given.npm("a", "1.0.0", scope="dev"), given.npm("a", "2.0.0")
    found = (
        given.vulnerability("CVE-2026-0001", dev, given.H, "3.0.0", priority=20),
        given.vulnerability("CVE-2026-0002", dev, given.H, "3.0.0", priority=10),
        given.vulnerability("CVE-2026-0002", run, given.H, "3.0.0", priority=20),
        given.vulnerability("CVE-2026-0003", given.BABEL, given.L),
    )
    page = write("text", [(given.report(findings=found), given.DENY)], RenderOptions()).decode()
    assert "    now 1.0.0, 2.0.0\n" in page
    assert "    CVE-2026-0001 high (dev only), CVE-2026-0002 high\n" in page
    assert "  @babel/core  1 low, dev only\n" in page


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (["dev"], "dev only"),
        (["test", "dev", "dev"], "dev and test only"),
        (["optional"], "optional only"),
        (["dev", ""], ""),
        ([""], ""),
        (["strange"], ""),
        ([], ""),
    ],
)
def test_only_what_nothing_that_runs_needs_is_told_apart(scopes: list[str], told: str) -> None:
    found = [given.vulnerability("CVE-2026-0001", given.npm("a", "1", scope=scope), given.H) for scope in scopes]
    assert only(found) == told


def test_marks_stand_at_the_defect_that_has_no_upgrade() -> None:
    found = (
        given.vulnerability("CVE-2026-0001", given.ZLIB, given.H, priority=20),
        given.vulnerability("CVE-2026-0002", given.ZLIB, given.L, kev=True, epss=0.5, priority=95),
    )
    page = write("text", [(given.report(findings=found), given.DENY)], RenderOptions()).decode()
    assert "  zlib  1 high, 1 low, CVE-2026-0002 (known exploited, ransomware, EPSS 50%)\n" in page


def test_every_sentence_of_the_gate_is_called_what_it_is() -> None:
    verdict = replace(given.DENY, doubts=("nobody rated 3",), notes=("2 did not count",))
    lines = write("text", [(given.FOUND, verdict)], RenderOptions()).decode().splitlines()
    assert lines[-6:-2] == [
        "deny: 5 findings are high or worse",
        "deny: CVE-2026-0001 is known to be exploited",
        "unknown: nobody rated 3",
        "note: 2 did not count",
    ]


def test_reasons_for_setting_aside_are_wrapped_and_whole() -> None:
    reason = "only reads archives that our own build wrote, " * 3 + "which the pipeline signs"
    aside = replace(given.SUPPRESSED[0], reason=reason)
    page = write("text", [(given.report(suppressed=(aside,)), given.ALLOW)], RenderOptions(width=60)).decode()
    assert f"1 by exception: {reason} (shop@shop.example, until 2027-01-31)" in " ".join(page.split())


def test_what_has_no_upgrade_is_folded_and_unfolds() -> None:
    short = "\n".join(drawn("findings"))
    assert "No upgrade closes 4 defects in 3 packages: 1 high, 1 low, 1 negligible, 1 unknown" in short
    assert "CVE-2026-0031" not in short
    long = "\n".join(drawn("findings", verbose=True))
    assert re.search(r"CVE-2026-0032 +high +perl-base 5\.36\.0-7\+deb12u1, no fix yet \(postponed\)", long)
    many_left = given.report(
        findings=tuple(given.vulnerability(f"CVE-2026-9{n}", given.deb(f"p{n}", "1"), given.L) for n in range(30))
    )
    page = write("text", [(many_left, given.ALLOW)], RenderOptions()).decode()
    assert "20 more packages with 20 defects: --verbose lists all" in page


def test_colours_only_when_asked() -> None:
    assert "\x1b" not in "\n".join(drawn("findings"))
    colored = "\n".join(drawn("findings", color=True))
    assert "\x1b[1;31mcritical\x1b[0m" in colored
    assert ANSI.sub("", colored) == "\n".join(drawn("findings"))


def test_links_only_when_asked() -> None:
    linked = "\n".join(drawn("findings", links=True, verbose=True))
    assert set(LINK.findall(linked)) >= {"https://www.cve.org/CVERecord?id=CVE-2026-0001", ""}
    assert LINK.sub("", linked) == "\n".join(drawn("findings", verbose=True))
    hostile = "\n".join(drawn("hostile", links=True, verbose=True))
    assert "evil" not in "".join(LINK.findall(hostile))


@pytest.mark.parametrize("width", [10, 40, 60, 79, 100, 200])
@pytest.mark.parametrize("name", ["findings", "suppressed", "hostile"])
def test_tables_keep_to_the_width(name: str, width: int) -> None:
    sentences = re.compile(
        r"(deny|unknown|note): |note\[|incomplete\[|    hint|    closes|No upgrade|\d+ findings"
    )  # never cut
    for line in drawn(name, width=width, verbose=True)[:-1]:
        if not sentences.match(line):
            assert columns(line) <= max(width, 40), line


def test_packages_only_is_a_table() -> None:
    lines = drawn("findings", packages_only=True)
    assert lines[4].split() == ["PACKAGE", "VERSION", "TYPE", "FROM"]
    assert any(re.match(r"zlib1g +1:1\.2\.13\.dfsg-1 +deb +layer 1 of 6, var/lib/dpkg/status", line) for line in lines)
    assert lines[-1] == "9 packages, complete; next: thwart scan registry.example:5000/shop/web:1.27"
    assert "CVE" not in "\n".join(lines)


def test_a_finding_in_a_document_has_its_place() -> None:
    finding = Finding(
        id="run-as-root",
        message="the container runs as root",
        severity=given.H,
        kind="rule",
        locations=(Location(path="Dockerfile", line=7),),
        fix=Fix(title="add USER 1000", kind="add"),
        state="fixed",
    )
    page = write("text", [(given.report(findings=(finding,)), given.DENY)], RenderOptions()).decode()
    assert "Dockerfile:7: high[run-as-root]: the container runs as root" in page
    assert "    fix: add USER 1000" in page


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        ("/bin/sh -c #(nop) ADD file:1 in / ", "ADD file:1 in /"),
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("RUN /bin/sh -c apt-get   update # buildkit", "RUN apt-get update"),
        ("|2 A=1 B=two words /bin/sh -c make", "RUN make"),
        ("RUN |1 A=1 /bin/sh -c make # buildkit", "RUN make"),
        ("COPY a b # buildkit", "COPY a b"),
        ("COPY x /bin/sh -c y", "COPY x /bin/sh -c y"),
        ("", ""),
    ],
)
def test_history_reads_like_a_dockerfile(created_by: str, shown: str) -> None:
    assert history(created_by) == shown


def test_why_there_is_no_upgrade() -> None:
    finding = given.vulnerability("CVE-1", given.ZLIB, given.H)
    assert state_of(finding) == "no fix yet"
    assert state_of(replace(finding, state="end-of-life", status="ignored")) == "release is out of support (ignored)"
    assert state_of(replace(finding, fix=Fix(title="t", version="2", paid=True))) == "fixed in 2 for subscribers"


def test_a_verdict_of_unknown_kind_is_the_worst() -> None:
    odd = [(given.CLEAN, given.ALLOW), (given.CLEAN, Verdict(decision="panic"))]
    assert "verdict panic" in write("text", odd, RenderOptions()).decode().splitlines()[-1]


@generated(st.text(st.characters(), max_size=80), st.integers(1, 60))
def test_fit_is_safe_and_never_too_wide(text: str, width: int) -> None:
    shown = fit(text, width)
    assert shown.isprintable()
    assert columns(shown) <= width
    if columns(clean(text)) <= width and len(text) <= 8 * width:
        assert shown == clean(text)


@generated(st.lists(st.text("ab", max_size=9), max_size=20), st.integers(1, 30))
def test_flow_keeps_every_item_in_order(items: list[str], width: int) -> None:
    rows = list(flow(items, width))
    assert [item for row in rows for item in row] == items
    assert all(len(row) == 1 or len(", ".join(row)) <= width for row in rows)


@generated(st.text(st.characters(), max_size=120), st.integers(2, 30), st.integers(1, 5))
def test_wrap_keeps_to_the_width_and_loses_nothing_in_silence(text: str, width: int, most: int) -> None:
    rows = wrap(text, width, most)
    assert len(rows) <= most
    assert all(columns(row) <= width for row in rows)
    if "…" not in "".join(rows):
        assert "".join(rows).replace(" ", "") == clean(text).replace(" ", "")


def test_wrap_breaks_between_words() -> None:
    assert wrap("one two three", 8, 3) == ["one two", "three"]
    assert wrap("one two three four five", 8, 2) == ["one two", "three …"]
    assert wrap("incomprehensible", 6, 3) == ["incomp", "rehens", "ible"]


@generated(st.text(st.characters(codec=None), max_size=60))
def test_scalar_and_uri_are_always_encodable(text: str) -> None:
    scalar(text).encode()
    uri = uri_path(text)
    assert uri.isascii()
    assert not uri.startswith("/")
    assert not set(uri) & set(' "<>\\^`{|}\n')


def test_paths_as_addresses() -> None:
    assert uri_path("/usr/lib/a b#c?d%.so") == "usr/lib/a%20b%23c%3Fd%25.so"
    assert uri_path("c:/x") == "./c:/x"
    assert uri_path("caf\udce9") == "caf%E9"
    assert uri_path("\ud83d") == "%ED%A0%BD"


def test_small_words() -> None:
    assert many(1, "package") == "1 package"
    assert many(1200, "package") == "1,200 packages"
    assert pad("界", 4) == "界  "
    assert clip("a\x1bb", 10) == r"a\x1bb"
    assert clip("abcdef", 4) == "abc…"
