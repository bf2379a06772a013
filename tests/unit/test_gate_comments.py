"""`# thwart: ignore[ID] reason` in a repository's own files, from the file to the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from thwart import Report, ScanOptions, Verdict, decide, scan


def judged(root: Path, *lines: str, name: str = "requirements.txt") -> tuple[Report, Verdict]:
    (root / name).write_text("\n".join(lines) + "\n")
    return decide(scan(f"dir:{root}", ScanOptions()))


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


@pytest.mark.parametrize(
    "lines",
    [
        ("pyyaml==5.3  # thwart: ignore[{id}] only trusted files are loaded",),
        ("# thwart: ignore[{id}] only trusted files are loaded", "pyyaml==5.3"),
        ("pyyaml==5.3  # thwart: ignore[{alias}, CVE-1999-1] only trusted files are loaded",),
    ],
)
def test_a_comment_with_a_reason_sets_its_finding_aside(lines: tuple[str, ...], tmp_path: Path) -> None:
    before, _ = judged(tmp_path, "pyyaml==5.3")
    finding = next(one for one in before.findings if one.aliases)
    names = {"id": finding.id, "alias": finding.aliases[0].lower()}
    after, _ = judged(tmp_path, *(line.format(**names) for line in lines))
    assert ids(before) - ids(after) == {finding.id}
    aside = [one for one in after.suppressed if one.by == "inline"]
    assert [(one.finding.id, one.reason) for one in aside] == [(finding.id, "only trusted files are loaded")]


def test_a_comment_without_a_reason_does_not_count(tmp_path: Path) -> None:
    before, _ = judged(tmp_path, "pyyaml==5.3")
    name = before.findings[0].id
    after, _ = judged(tmp_path, f"pyyaml==5.3  # thwart: ignore[{name}]")
    assert ids(after) == ids(before)
    assert [d.slug for d in after.diagnostics if d.path] == ["invalid-ignore"]


@pytest.mark.parametrize("comment", ["# thwart: ignore[CVE-1999-1] gone", "# thwart: ignore[] gone"])
def test_a_comment_that_ignores_nothing_is_told(comment: str, tmp_path: Path) -> None:
    report, _ = judged(tmp_path, f"pyyaml==5.3  {comment}")
    assert [d.slug for d in report.diagnostics if d.path] == ["unused-ignore"]


def test_every_place_of_a_finding_needs_its_comment(tmp_path: Path) -> None:
    before, _ = judged(tmp_path, "pyyaml==5.3")
    name = before.findings[0].id
    judged(tmp_path, "pyyaml==5.3", name="dev-requirements.txt")
    comment = f"pyyaml==5.3  # thwart: ignore[{name}] why"
    assert name in ids(judged(tmp_path, comment)[0])
    assert name not in ids(judged(tmp_path, comment, name="dev-requirements.txt")[0])
