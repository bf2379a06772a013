"""What every output format must do, whichever it is: a new file in the room is tested here without being named."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.unit import report_fixtures as given
from thwart.core.errors import UsageError
from thwart.reports import ALIASES, RenderOptions, format_of, formats, write

FORMATS = formats()
PLAIN = RenderOptions()
# What may move a cursor, reorder a line or hide: none of it may come from a report.
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def test_the_formats_that_are_promised() -> None:
    assert {"cyclonedx", "html", "json-v1", "sarif", "spdx", "text"} <= set(FORMATS)


@pytest.mark.parametrize("name", given.REPORTS)
@pytest.mark.parametrize("format_", FORMATS)
def test_every_report_in_every_format(format_: str, name: str) -> None:
    document = write(format_, given.REPORTS[name], PLAIN)
    assert document.endswith(b"\n")
    found = UNSAFE.search(document.decode("utf-8", "strict"))
    assert found is None, repr(found)
    assert document == write(format_, given.REPORTS[name], PLAIN)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_long_name_does_not_swell_the_document(format_: str) -> None:
    assert len(write(format_, given.REPORTS["hostile"], PLAIN)) < 600_000


@pytest.mark.parametrize("format_", FORMATS)
def test_an_incomplete_report_says_so(format_: str) -> None:
    partial = write(format_, given.REPORTS["incomplete"], PLAIN).decode()
    assert "incomplete" in partial.lower()
    assert "layer 4 is cut off" in partial
    clean = write(format_, given.REPORTS["clean"], PLAIN).decode()
    assert "layer 4 is cut off" not in clean


@pytest.mark.parametrize("format_", FORMATS)
def test_packages_only_tells_of_no_finding(format_: str) -> None:
    document = write(format_, [(given.HIDDEN, given.ALLOW)], RenderOptions(packages_only=True)).decode()
    assert "CVE-2026-" not in document
    if format_ in ("text", "html", "json-v1", "cyclonedx", "spdx", "csv", "markdown"):
        assert "zlib1g" in document


@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "spdx"])
def test_what_is_suppressed_is_visible(format_: str) -> None:
    document = write(format_, given.REPORTS["suppressed"], RenderOptions(verbose=True)).decode()
    assert "only reads archives that our own build wrote" in document


def test_no_reports_are_no_document() -> None:
    with pytest.raises(ValueError, match="no report"):
        write("text", [], PLAIN)


def test_an_unknown_format_is_met_with_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        format_of("sarfi")
    assert "sarfi" in caught.value.sentence
    assert caught.value.hints[0] == "did you mean sarif?"
    for name in ("", "__init__", "_view", "JSON", "json_v2", "../text", "x" * 10_000):
        with pytest.raises(UsageError):
            format_of(name)


def test_aliases_lead_to_formats_or_to_nothing_yet() -> None:
    assert format_of("json").name == "json-v1"
    assert format_of("json-v1").media_type == "application/json"
    for alias, name in ALIASES.items():
        assert alias not in FORMATS
        assert name in FORMATS or name == "markdown"


def loaded(code: str) -> set[str]:
    run = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_listing_formats_imports_none() -> None:
    names = loaded("from thwart.reports import formats; formats()")
    assert {name for name in names if name.startswith("thwart.reports.")} == set()


@pytest.mark.parametrize("format_", FORMATS)
def test_importing_a_format_imports_no_other(format_: str) -> None:
    names = loaded(f"from thwart.reports import format_of; format_of({format_!r})")
    members = {name.removeprefix("thwart.reports.") for name in names if name.startswith("thwart.reports.")}
    assert {name for name in members if not name.startswith("_")} == {format_.replace("-", "_")}
    assert "jinja2" not in names
    if format_ == "text":
        assert not names & {"json", "urllib.parse"}
