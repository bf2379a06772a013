"""`thwart db` and `thwart explain`: what is printed where, and exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from thwart.advisories.database import Database
from thwart.api import database as api_db
from thwart.cli import main

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2024-05-06T00:00:00Z"


@pytest.fixture
def feeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THWART_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("THWART_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "feeds"
    folder.mkdir()
    ranges = [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2"}]}]
    affected = [{"package": {"name": f"p{n}", "ecosystem": "npm"}, "ranges": ranges} for n in range(50)]
    severity = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    record = {"id": "GHSA-1", "modified": DAY, "aliases": ["CVE-2024-1000"], "affected": affected, "severity": severity}
    (folder / "a.json").write_text(json.dumps(record))
    (folder / "epss.csv").write_text("cve,epss,percentile\nCVE-2024-1000,0.5,0.9\n")
    (folder / "kev.csv").write_text(
        "cveID,dateAdded,dueDate,knownRansomwareCampaignUse\nCVE-2024-1000,2025-01-01,2025-02-02,Known\n"
    )
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_build_status_explain(feeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (feeds / "notes.md").write_text("hello")
    code, out, err = run(capsys, "db", "build", str(feeds))
    assert code == 0
    assert "1 advisories on 50 packages, facts on 1 CVEs" in out
    assert "note[feed-unrecognised]" in err
    assert (tmp_path / "data" / "thwart-db.sqlite").exists()
    code, out, _ = run(capsys, "db", "status")
    assert code == 0
    assert "GitHub" in out
    assert "CC-BY-4.0" in out
    code, out, _ = run(capsys, "db", "status", "--json")
    status = json.loads(out)
    assert {feed["name"] for feed in status["feeds"]} == {"GitHub", "FIRST EPSS", "CISA KEV"}
    assert status["counts"]["package"] == 50
    code, out, _ = run(capsys, "explain", "cve-2024-1000")
    assert code == 0
    assert out.startswith("CVE-2024-1000\n")
    for part in (
        "since 2025-01-01",
        "ransomware",
        "EPSS 50.00%",
        "GitHub: 9.8 critical",
        "npm p0: fixed in 2",
        "and 10 more",
    ):
        assert part in out
    code, out, _ = run(capsys, "explain", "GHSA-1", "--json")
    found = json.loads(out)
    assert (found["id"], len(found["affected"])) == ("GHSA-1", 50)


def test_damage_is_exit_3(feeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (feeds / "b.json").write_text('{"id": "GHSA-2", "affected": 5}')
    code, _, err = run(capsys, "db", "build", str(feeds))
    assert code == 3
    assert "warning[feed-damaged]" in err
    assert "b.json" in err


def test_wrong_names_are_exit_2(feeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (feeds / "notes.md").write_text("hello")
    for arguments in (["db", "build", str(feeds / "notes.md")], ["db", "build", str(feeds / "missing")], ["db"]):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert "error[usage]" in err
    code, _, err = run(capsys, "explain", "CVE-1999-99999")
    assert code == 2
    assert "knows nothing of CVE-1999-99999" in err


def test_a_damaged_database_is_exit_4(feeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad").write_bytes(b"not a database")
    code, out, err = run(capsys, "db", "status", "--db", str(tmp_path / "bad"))
    assert (code, out) == (4, "")
    assert "error[database]" in err
    assert "hint:" in err


def test_export_import_path(
    feeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, "db", "build", "-o", str(tmp_path / "db"), str(feeds))[0] == 0
    code, out, _ = run(capsys, "db", "export", "--db", str(tmp_path / "db"), str(tmp_path / "bundle"))
    assert code == 0
    assert "sha256" in out
    monkeypatch.setenv("THWART_DATA_DIR", str(tmp_path / "elsewhere"))
    assert run(capsys, "db", "import", str(tmp_path / "bundle"))[0] == 0
    code, out, _ = run(capsys, "db", "path")
    assert (code, out.strip()) == (0, str(tmp_path / "elsewhere" / "thwart-db.sqlite"))
    code, _, err = run(capsys, "db", "import", str(feeds / "a.json"))
    assert code == 4
    assert "no database bundle" in err


def test_update_without_a_network_keeps_what_is_there(feeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "db", "build", str(feeds))[0] == 0
    code, out, err = run(
        capsys, "db", "update", "--mirror", "http://127.0.0.1:9/none", "--feed", "kev", "--mirror", "nonsense"
    )
    assert (code, out) == (2, "")
    assert "no address of a mirror" in err
    assert run(capsys, "db", "status")[0] == 0


def test_an_update_is_refused_offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("THWART_OFFLINE", "1")
    code, out, err = run(capsys, "db", "update", "--mirror", "http://127.0.0.1:9/none")
    assert (code, out) == (2, "")
    assert "offline" in err


def test_stale_feeds_are_told_by_ecosystem(feeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import date

    run(capsys, "db", "build", "-o", str(tmp_path / "db"), str(feeds))
    with Database.open(tmp_path / "db") as database:
        found = api_db.notes(database, ["npm", "npm", "Nix"], date(2024, 8, 6))
        assert [(note.slug, note.incomplete) for note in found] == [("stale-database", False)]
        assert found[0].message.endswith("npm 2024-05-06")
        assert api_db.notes(database, ["npm"], date(2024, 5, 10)) == []


def test_an_ecosystem_known_only_in_part_is_told() -> None:
    from datetime import date

    from thwart.advisories.embedded import open_embedded

    with open_embedded(None) as database:
        found = api_db.notes(database, ["Debian:12", "Debian:11"], date(2026, 9, 1))
        assert [note.slug for note in found if "Debian:12" in note.message] == ["partial-advisories"]


def test_without_a_home(feeds: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THWART_DATA_DIR", "")
    monkeypatch.setenv("THWART_CACHE_DIR", "")
    code, _, err = run(capsys, "db", "build", str(feeds))
    assert code == 2
    assert "THWART_DATA_DIR" in err
    code, out, _ = run(capsys, "db", "path")
    assert code == 0
    assert "in memory" in out
