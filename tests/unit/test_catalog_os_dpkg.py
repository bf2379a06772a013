"""dpkg's status database and lists beyond the cases of tests/data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.catalogers import MEMBERS
from thwart.catalogers.dpkg import dpkg
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts
from thwart.lib.pathtable import PathTable

STATUS = "var/lib/dpkg/status"
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789+.-", min_size=1, max_size=12)


def read(text: str | bytes, path: str = STATUS, limits: Limits | None = None) -> FileFacts:
    return dpkg(File(path=path, data=text if isinstance(text, bytes) else text.encode()), limits or Limits())


@pytest.mark.parametrize(
    "path",
    [
        "var/lib/dpkg/available",
        "var/lib/dpkg/status-old",
        "var/lib/dpkg/info/libc6.postinst",
        "srv/var/lib/dpkg/status",
        "var/lib/dpkg/status.d/a/b",
    ],
)
def test_not_wanted(path: str) -> None:
    member = MEMBERS.get("dpkg")
    assert member is not None
    table = PathTable((pattern, member.name) for pattern in member.paths)
    assert table.match(path) == ()
    assert table.match(STATUS) == ("dpkg",)


@pytest.mark.parametrize(
    ("state", "there"),
    [
        ("installed", True),
        ("half-installed", True),
        ("unpacked", True),
        ("half-configured", True),
        ("triggers-awaited", True),
        ("triggers-pending", True),
        ("config-files", False),
        ("not-installed", False),
    ],
)
def test_states(state: str, there: bool) -> None:
    facts = read(f"Package: p\nStatus: deinstall ok {state}\nVersion: 1\n")
    assert bool(facts.found) is there
    assert facts.problems == ()


def test_a_state_that_dpkg_does_not_know_counts_and_is_told() -> None:
    facts = read("Package: p\nStatus: install ok vanished\nVersion: 1\n")
    assert [one.name for one in facts.found] == ["p"]
    assert [slug for slug, _ in facts.problems] == ["dpkg-status"]


@given(
    st.lists(
        st.tuples(WORD, WORD, WORD, st.none() | st.tuples(WORD, st.none() | WORD)),
        max_size=6,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_written_is_read(
    packages: list[tuple[str, str, str, tuple[str, str | None] | None]], end: str, upper: bool
) -> None:
    lines: list[str] = []
    for name, version, arch, source in packages:
        fields = {"Package": name, "Status": "install ok installed", "Version": version, "Architecture": arch}
        if source:
            fields["Source"] = f"{source[0]} ({source[1]})" if source[1] else source[0]
        lines += [f"{key.upper() if upper else key}: {value}" for key, value in fields.items()]
        lines += ["Description: short", " long", " .", " Version: not this", ""]
    facts = read(end.join(lines))
    assert [(one.name, one.version, one.arch) for one in facts.found] == [one[:3] for one in packages]
    for one, (name, version, _, source) in zip(facts.found, packages, strict=True):
        assert one.source == (source[0] if source else name)
        assert one.source_version == ((source[1] if source else None) or version)
    assert facts.problems == ()


def test_lines_are_those_of_the_file() -> None:
    facts = read("\n\nPackage: a\nVersion: 1\n\n\nPackage: b\nVersion: 1\n")
    assert [one.line for one in facts.found] == [3, 7]


def test_packages_are_bounded() -> None:
    text = "".join(f"Package: p{number}\nVersion: 1\n\n" for number in range(5))
    facts = read(text, limits=Limits(packages=3))
    assert [one.name for one in facts.found] == ["p0", "p1", "p2"]
    assert facts.problems == (("limit", "more than 3 packages: the rest from line 10 is not read"),)
    assert read(text, limits=Limits(packages=5)).problems == ()


def test_a_folded_value_does_not_grow_for_ever() -> None:
    facts = read("Package: a\nVersion: 1\nSource: x\n" + " y\n" * 50_000)
    assert len(facts.found[0].source) < 5000


def test_junk_is_given_up() -> None:
    facts = read("junk\n" * 1_000_000 + "\nPackage: late\nVersion: 1\n")
    assert facts.found == ()
    assert facts.problems[-1][1].endswith("the rest of it is not read")


def test_bytes_that_are_no_text() -> None:
    facts = read(b"Package: a\xff\nVersion: 1\n")
    assert facts.found[0].name == "a\ufffd"
    owns = read(b"/usr/bin/a\xff\n", "var/lib/dpkg/info/a.list").owns
    assert [one.path for one in owns] == ["usr/bin/a\udcff"]  # as the archive's own names are


@pytest.mark.parametrize(
    ("name", "package"),
    [("libc6:amd64.list", "libc6"), ("git.list", "git"), ("python3.11.list", "python3.11")],
)
def test_the_package_of_a_list(name: str, package: str) -> None:
    facts = read("/.\n/usr\n/usr/bin\n/usr/bin/x\n", f"var/lib/dpkg/info/{name}")
    assert [tuple(one) for one in facts.owns] == [("usr/bin/x", package)]


def test_folders_of_a_list_are_left_out_and_their_neighbours_are_not() -> None:
    text = "/opt\n/opt/tool\n/opt/tool/run\n/opt/tool-more\n/opt/tools"
    facts = read(text, "var/lib/dpkg/info/tool.list")
    assert [one.path for one in facts.owns] == ["opt/tool/run", "opt/tool-more", "opt/tools"]
