"""Manifests: line ends, continuation, sections; and licences of bundles."""

from __future__ import annotations

import pytest

from thwart.lib.manifest_mf import bundle_licences, main_attributes


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends_and_continuation(end: str) -> None:
    text = end.join(
        ("Manifest-Version: 1.0", "Implementation-Title: a very lo", " ng title", " ", "X-Y:z", "", "Name: b")
    )
    assert main_attributes(text.encode()) == {
        "manifest-version": "1.0",
        "implementation-title": "a very long title",
        "x-y": "z",
    }


def test_sections_after_the_first_do_not_count() -> None:
    data = b"A: 1\r\n\r\nName: org/x/\r\nImplementation-Version: 9\r\n"
    assert main_attributes(data) == {"a": "1"}


def test_a_sequence_cut_by_a_continuation_is_joined_first() -> None:
    raw = "Vendor: Müller".encode()
    assert main_attributes(raw[:9] + b"\n " + raw[9:]) == {"vendor": "Müller"}


def test_names_ignore_case_and_the_last_counts() -> None:
    assert main_attributes(b"AbC: 1\nabc: 2\n") == {"abc": "2"}


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b" continued\n", b"no colon\n more\n", b"\xff\xfe\x00\n", b"\xef\xbb\xbf"]
)
def test_scraps_give_nothing(data: bytes) -> None:
    assert main_attributes(data) == {}


def test_byte_order_mark() -> None:
    assert main_attributes(b"\xef\xbb\xbfA: 1") == {"a": "1"}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("Apache-2.0", ("Apache-2.0",)),
        (
            "https://example.test/a.txt, https://example.test/b.txt",
            ("https://example.test/a.txt", "https://example.test/b.txt"),
        ),
        ('"Apache-2.0";link="https://example.test/x,y";description="a;b"', ("Apache-2.0",)),
        ('MIT;description="one, two",BSD', ("MIT", "BSD")),
        ("<<EXTERNAL>>", ()),
        ("", ()),
        (",;,", ()),
        ('"', ()),
    ],
)
def test_bundle_licences(value: str, wanted: tuple[str, ...]) -> None:
    assert bundle_licences(value) == wanted
