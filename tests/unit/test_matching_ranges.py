"""Which versions a statement holds, and which fix is named."""

from __future__ import annotations

import pytest

from tests.unit.matching_memory import Memory, affected, ids, package, record, run, slugs


@pytest.mark.parametrize(
    ("spans", "version", "hit"),
    [
        (["0..2.0"], "1.9", True),
        (["0..2.0"], "2.0", False),
        (["..2.0"], "0.dev1", True),
        (["1.0..2.0"], "0.9", False),
        (["1.0..2.0"], "1.0", True),
        (["1.0..2.0"], "1.0rc1", False),
        (["1.0..=2.0"], "2.0", True),
        (["1.0..=2.0"], "2.0.1", False),
        (["1.0.."], "99", True),
        (["1.0.."], "0.9", False),
        (["1.0..1.5", "2.0..2.5"], "1.6", False),
        (["1.0..1.5", "2.0..2.5"], "2.4", True),
        (["2.0..2.5", "1.0..1.5"], "1.0", True),
        ([], "1.0", False),
    ],
)
def test_a_range_holds_what_it_introduces_and_not_what_is_fixed(spans: list[str], version: str, hit: bool) -> None:
    memory = Memory(affected("PYSEC-1", "PyPI", "thing", *spans), record("PYSEC-1"))
    assert ids(run(memory, package(f"pypi/thing@{version}"))) == (["PYSEC-1"] if hit else [])


@pytest.mark.parametrize(
    ("version", "hit"), [("1.0", True), ("1.0.0", True), ("v1.0", True), ("1.1", False), ("2.5", True)]
)
def test_a_list_of_versions_joins_the_ranges(version: str, hit: bool) -> None:
    memory = Memory(affected("PYSEC-1", "PyPI", "thing", "2.0..3.0", versions=("1.0", "0.9")), record("PYSEC-1"))
    assert bool(ids(run(memory, package(f"pypi/thing@{version}")))) is hit


def test_two_statements_of_one_record_are_a_union() -> None:
    memory = Memory(
        affected("GHSA-1", "npm", "thing", "0..1.5"), affected("GHSA-1", "npm", "thing", "2.0..2.5"), record("GHSA-1")
    )
    for version, hit in (("1.4", True), ("1.5", False), ("2.0", True), ("2.5", False)):
        assert bool(run(memory, package(f"npm/thing@{version}")).findings) is hit


def _fix(memory: Memory, purl: str) -> str:
    (finding,) = run(memory, package(purl)).findings
    return finding.fix.version if finding.fix else ""


def test_the_fix_is_that_of_the_installed_line() -> None:
    memory = Memory(
        affected("GHSA-1", "npm", "thing", "1.0.0..1.5.0", "2.0.0..2.5.0", "3.0.0..3.1.0"), record("GHSA-1")
    )
    assert _fix(memory, "npm/thing@1.2.0") == "1.5.0"
    assert _fix(memory, "npm/thing@2.2.0") == "2.5.0"
    (finding,) = run(memory, package("npm/thing@2.2.0")).findings
    assert finding.fix is not None
    assert [stretch.fixed for stretch in finding.fix.again] == ["3.1.0"]


def test_with_several_records_the_fix_satisfies_all() -> None:
    memory = Memory(
        affected("GHSA-1", "PyPI", "thing", "0..1.5"),
        affected("PYSEC-1", "PyPI", "thing", "0..1.6"),
        record("GHSA-1", aliases=("CVE-2024-1000",)),
        record("PYSEC-1", aliases=("CVE-2024-1000",)),
    )
    assert _fix(memory, "pypi/thing@1.0") == "1.6"


def test_a_line_without_a_fix_takes_the_next_one_that_has_it() -> None:
    memory = Memory(affected("GHSA-1", "npm", "thing", "1.0.0..=1.9.9", "2.0.0..2.5.0"), record("GHSA-1"))
    assert _fix(memory, "npm/thing@1.2.0") == "2.5.0"


def test_no_fix_is_named_that_a_record_still_calls_affected() -> None:
    memory = Memory(
        affected("GHSA-1", "npm", "thing", "0..1.5.0"),
        affected("GHSA-2", "npm", "thing", "0.."),
        record("GHSA-1", aliases=("CVE-2024-1000",)),
        record("GHSA-2", aliases=("CVE-2024-1000",)),
    )
    (finding,) = run(memory, package("npm/thing@1.0.0")).findings
    assert (finding.state, finding.fix) == ("unfixed", None)


def test_a_version_without_an_order_matches_only_when_listed_and_says_so() -> None:
    memory = Memory(
        affected("GHSA-1", "npm", "thing", "0.."),
        affected("GHSA-2", "npm", "thing", versions=("build of 2008",)),
        affected("GHSA-3", "npm", "thing", "0..1.0.0", versions=("0.9.0",)),
        *map(record, ("GHSA-1", "GHSA-2", "GHSA-3")),
    )
    matches = run(memory, package("npm/thing@build of 2008"))
    assert ids(matches) == ["GHSA-2"]
    assert slugs(matches) == ["unordered-version"]
    assert matches.diagnostics[0].incomplete


def test_a_bound_without_an_order_is_said() -> None:
    memory = Memory(affected("GHSA-1", "npm", "thing", "0..next release"), record("GHSA-1"))
    matches = run(memory, package("npm/thing@1.0.0"))
    assert not matches.findings
    assert slugs(matches) == ["unordered-advisory"]
    assert "next release" in matches.diagnostics[0].hint


def test_a_question_is_asked_once_for_equal_packages() -> None:
    memory = Memory(affected("GHSA-1", "npm", "thing", "0..2.0.0"), record("GHSA-1"))
    matches = run(memory, *(package("npm/thing@1.0.0") for _ in range(50)))
    assert len(matches.findings) == 50
    assert memory.asked.count(("npm", "thing")) == 1
