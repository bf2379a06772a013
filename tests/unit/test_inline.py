"""Comments that accept a finding where it stands."""

from __future__ import annotations

import pytest

from thwart.lib.inline import Inline, comments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flask==1.0  # thwart: ignore[CVE-2023-1] not reachable", [Inline(1, ("CVE-2023-1",), "not reachable")]),
        ("a\nx v1 // thwart: ignore[A, B ,] why", [Inline(2, ("A", "B"), "why")]),
        ("  # thwart: ignore[A] the line below\nflask==1.0", [Inline(2, ("A",), "the line below")]),
        ("<v>1</v> <!-- thwart: ignore[A] why -->", [Inline(1, ("A",), "why")]),
        ("flask==1.0 # thwart: ignore[A]", [Inline(1, ("A",), "")]),
        ("flask==1.0 # thwart: ignore[] why", [Inline(1, (), "why")]),
        ("thwart: ignore[A] not a comment", []),
        ("# thwart:ignore[A] another spelling", []),
        ("# thwart: ignore A", []),
    ],
)
def test_comments(text: str, expected: list[Inline]) -> None:
    assert comments(text.encode()) == expected


def test_bytes_that_are_no_text_do_not_matter() -> None:
    assert comments(b"\xff\xfe\n# thwart: ignore[A] why\xff") == [Inline(3, ("A",), "why\ufffd")]


def test_a_line_without_end_takes_no_time() -> None:
    assert comments(b"# thwart: ignore[" * 200_000) == []
