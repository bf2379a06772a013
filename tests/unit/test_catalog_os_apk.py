"""apk's installed database beyond the cases of tests/data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thwart.catalogers.apk import apk
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts

FILE = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=12)
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=12)


def read(text: str, limits: Limits | None = None) -> FileFacts:
    return apk(File(path="lib/apk/db/installed", data=text.encode()), limits or Limits())


@given(st.lists(st.tuples(WORD, WORD, st.none() | WORD, st.lists(st.tuples(WORD, FILE), max_size=3)), max_size=5))
def test_what_is_written_is_read(packages: list[tuple[str, str, str | None, list[tuple[str, str]]]]) -> None:
    text = ""
    for name, version, origin, files in packages:
        text += f"C:Q1x=\nP:{name}\nV:{version}\nA:x86_64\nL:MIT\n" + (f"o:{origin}\n" if origin else "")
        text += (
            "".join(f"F:usr/bin/{folder}\nM:0:0:755\nR:{file}\na:0:0:755\nZ:Q1y=\n" for folder, file in files) + "\n"
        )
    facts = read(text)
    assert [(one.name, one.version, one.source) for one in facts.found] == [
        (name, version, origin or name) for name, version, origin, _ in packages
    ]
    assert {one.source_version == one.version for one in facts.found} <= {True}
    named = [(f"usr/bin/{folder}/{file}", name) for name, _, _, files in packages for folder, file in files]
    assert [tuple(one) for one in facts.owns] == named
    assert facts.problems == ()


def test_a_folder_does_not_outlive_its_record() -> None:
    facts = read("P:a\nV:1\nF:opt/a\nR:x\n\nP:b\nV:1\nR:y\n")
    assert [tuple(one) for one in facts.owns] == [("opt/a/x", "a"), ("y", "b")]


def test_the_first_of_a_field_counts() -> None:
    assert read("P:a\nV:1\nV:2\n").found[0].version == "1"


def test_packages_and_paths_are_bounded() -> None:
    text = "".join(f"P:p{number}\nV:1\nF:usr/bin\nR:a\nR:b\n\n" for number in range(4))
    assert [one.name for one in read(text, Limits(packages=2)).found] == ["p0", "p1"]
    few = read(text, Limits(entries=5))
    assert len(few.owns) <= 5
    assert [slug for slug, _ in few.problems] == ["limit"]
    assert read(text, Limits(entries=8, packages=4)).problems == ()


def test_junk_is_given_up() -> None:
    facts = read("junk\n" * 500_000 + "\nP:late\nV:1\n")
    assert facts.found == ()
    assert facts.problems[-1][1].endswith("the rest of it is not read")
