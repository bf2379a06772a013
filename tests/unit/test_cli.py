"""The command line's manners: streams, exit codes, errors with hints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.images import RELEASE, STATUS, layer, oci_layout, status, write_folder
from thwart.cli import COMMANDS, main


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("THWART_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("THWART_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("THWART_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def image(tmp_path: Path) -> str:
    """A layout with an openssl of Debian 11 that has known defects."""
    files = oci_layout(
        layer((STATUS, status(("openssl", "1.1.1k-1"))), ("etc/os-release", RELEASE.replace(b"12", b"11")))
    )
    return str(write_folder(files, tmp_path / "image"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert out.startswith(f"usage: thwart {command}")


def test_nothing_at_all_is_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys)[1] == run(capsys, "--help")[1]


def test_a_slip_of_the_finger_is_met_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "scna", "x")
    assert (code, out) == (2, "")
    assert "error[usage]" in err
    assert "did you mean: thwart scan" in err
    code, _, err = run(capsys, "scan", "x", "--fail-onn", "high")
    assert code == 2
    assert "did you mean --fail-on" in err


def test_a_scan_denies_and_says_why(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "scan", image)
    assert code == 1
    assert "upgrade openssl" in out
    assert err == ""


@pytest.mark.parametrize("flags", [["--fail-on", "none"], ["--exit-zero"]])
def test_a_scan_that_may_not_fail(flags: list[str], image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "scan", image, *flags)[0] == 0


def test_settings_come_from_flag_then_environment_then_file(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thwart.toml").write_text('fail-on = "none"\n')
    assert run(capsys, "scan", image)[0] == 0
    monkeypatch.setenv("THWART_FAIL_ON", "high")
    assert run(capsys, "scan", image)[0] == 1
    assert run(capsys, "scan", image, "--fail-on", "none")[0] == 0
    code, out, _ = run(capsys, "config", "show")
    assert code == 0
    assert "THWART_FAIL_ON" in out


def test_an_exception_sets_a_finding_aside(image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thwart.toml").write_text(
        '[[exceptions]]\nid = "CVE-2022-0778"\npackage = "openssl"\nreason = "r"\nowner = "o"\nexpires = 2999-01-01\n'
    )

    def found(*flags: str) -> tuple[set[str], set[str]]:
        report = json.loads(run(capsys, "scan", image, "-o", "json", *flags)[1])["reports"][0]
        return {one["id"] for one in report["findings"]}, {one["finding"]["id"] for one in report["suppressed"]}

    before, none = found("--config", os.devnull)
    after, aside = found()
    assert before - after == aside == {"CVE-2022-0778"}
    assert none == set()


def test_one_scan_many_formats(image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "scan", image, "-o", "json", "-o", "sarif=a.sarif", "-o", f"html={tmp_path / 'r.html'}")
    assert json.loads(out)
    assert json.loads((tmp_path / "a.sarif").read_text())["version"] == "2.1.0"
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["yaml"], "no output format"),
        (["json", "text"], "two formats cannot share"),
        (["json="], "names no file"),
        (["json=/nowhere/at/all.json"], "cannot be written"),
    ],
)
def test_outputs_that_cannot_be(outputs: list[str], words: str, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [flag for output in outputs for flag in ("-o", output)]
    code, _, err = run(capsys, "scan", image, *flags)
    assert code == 2
    assert words in err


def test_the_packages_only(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "sbom", image, "-o", "cyclonedx")
    assert code == 0
    assert any(c.get("purl", "").startswith("pkg:deb/debian/openssl@1.1.1k-1") for c in json.loads(out)["components"])


def test_one_bad_target_does_not_hide_the_others(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "scan", "./missing", image)
    assert code == 4
    assert "upgrade openssl" in out
    assert "error[source]: ./missing does not exist" in err


def test_an_incomplete_report_is_not_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "package-lock.json").write_text("{")
    assert run(capsys, "scan", "./d")[0] == 3
    assert run(capsys, "scan", "./d", "--on-incomplete", "warn")[0] == 0


def test_a_bug_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("thwart.cli._command", lambda *_: 1 // 0)
    code, _, err = run(capsys, "scan", "x")
    assert code == 3
    assert "error[bug]" in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_a_normal_end(image: str) -> None:
    command = f"{sys.executable} -m thwart scan {image} --exit-zero -v | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_hostile_names_reach_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "scan", "./\x1b[31mred\u202e")
    assert code == 4
    assert "\x1b" not in err
    assert "\u202e" not in err


@pytest.mark.parametrize("topic", ["targets", "exit-codes", "environment", "formats", "suppressing"])
def test_topics(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "help", topic)
    assert code == 0
    assert len(out) > 150


def test_no_such_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "help", "target")[0] == 2
