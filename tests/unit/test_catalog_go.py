"""Go programs and go.mod files: what is read, what is asked for, what is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.go_programs import DATA, MODULES, Program
from thwart.catalogers._golang import toolchain
from thwart.catalogers.go_binary import go_binary, ranges
from thwart.catalogers.go_mod import go_mod
from thwart.core.errors import ParseError
from thwart.core.limits import DEFAULT, Limits
from thwart.core.package import HEAD, File, FileFacts, NeedRanges, Part

WANTED = [
    ("", "stdlib", "1.22.3", "high"),
    ("example.com/acme", "app", "v1.4.0", "high"),
    ("github.com/gorilla", "mux", "v1.8.0", "high"),
    ("golang.org/x", "text", "v0.3.8", "high"),
    ("example.com/acme", "local", "v1.0.0", "low"),
    ("gopkg.in", "yaml.v3", "v3.0.1", "high"),
]


FOLDER = Path(__file__).resolve().parent.parent / "data" / "catalogers" / "go_binary"


@pytest.mark.parametrize("name", DATA)
def test_the_programs_kept_as_data_are_those_made_here(name: str) -> None:
    assert (FOLDER / name).read_bytes() == DATA[name].data()


def read(data: bytes, most: int = 8) -> tuple[FileFacts, int, int]:
    """The facts, how often the file was read again, and how many bytes were asked for at first."""
    wanted = list(ranges(data[:HEAD], len(data)))
    asked = sum(length for _, length in wanted)
    for again in range(most):
        parts = tuple(Part(offset, data[offset : offset + length]) for offset, length in wanted)
        try:
            return go_binary(File(path="bin/x", data=data[:HEAD], size=len(data), parts=parts), DEFAULT), again, asked
        except NeedRanges as request:
            more = request.ranges
        assert not set(more) <= set(wanted)
        wanted += more
    raise AssertionError("asks without end")


def rows(facts: FileFacts) -> list[tuple[str, str, str, str]]:
    return [(one.namespace, one.name, one.version, one.confidence) for one in facts.found]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("table", ["head", "tail", "none"])
def test_inline_strings_need_one_reading(bits: int, big: bool, table: str) -> None:
    facts, again, _ = read(Program(bits=bits, big=big, table=table).data())
    assert rows(facts) == WANTED
    assert again == 0
    assert facts.problems == ()


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("table", ["head", "tail", "none"])
def test_pointers_of_old_programs_are_followed(bits: int, big: bool, table: str) -> None:
    program = Program(bits=bits, big=big, table=table, pointers=True, version="go1.17.13")
    facts, again, _ = read(program.data())
    assert rows(facts) == [("", "stdlib", "1.17.13", "high"), *WANTED[1:]]
    assert again == 1  # the texts lie in the read-only segment: both in one further reading


def test_build_information_far_inside_the_writable_segment() -> None:
    facts, again, _ = read(Program(table="tail", lead=3 * 1024 * 1024).data())
    assert rows(facts) == WANTED
    assert again == 0


def test_without_build_id_the_section_name_tells() -> None:
    facts, again, asked = read(Program(table="tail", note=False, modules=f"{MODULES}build\ta={'b' * 4096}\n").data())
    assert rows(facts) == WANTED
    assert again == 1
    assert asked < 4096


def test_in_a_read_only_segment() -> None:
    facts, _, _ = read(Program(table="tail", writable=False).data())
    assert rows(facts) == WANTED


def test_section_names_far_from_their_headers_cost_one_reading_more() -> None:
    facts, again, _ = read(Program(table="tail", note=False, names_apart=True).data())
    assert rows(facts) == WANTED
    assert again == 2  # names, then the section


def test_a_text_that_looks_like_the_mark_is_passed_over() -> None:
    program = Program(table="none", lead=64).data()
    decoy = b"\xff Go buildinf:" + b"\x08\x02" + bytes(16) + b"\x05hello\x00"
    facts, _, _ = read(_with(program, 0x3000, decoy))
    assert rows(facts) == WANTED


def _with(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def test_a_program_of_another_language_is_silent_and_cheap() -> None:
    facts, again, asked = read(Program(table="tail", note=False, info=False).data())
    assert (facts.found, facts.problems, again) == ((), (), 0)
    assert asked < 4096


def test_a_go_program_without_build_information_says_so() -> None:
    facts, _, _ = read(Program(table="tail", info=False).data())
    assert facts.found == ()
    assert facts.problems[0][0] == "no-build-info"


def test_a_packed_program_says_so() -> None:
    facts, _, _ = read(Program(table="none", note=False, info=False, extra=b"UPX!" + bytes(12)).data())
    assert facts.problems[0][0] == "packed"


def test_relocatable_objects_and_scraps_are_not_looked_at() -> None:
    data = Program().data()
    relocatable = data[:16] + struct.pack("<H", 1) + data[18:]
    for scrap in (relocatable, b"\x7fELF", b"", data[:63], b"\x7fELF\x03\x01" + data[6:]):
        assert ranges(scrap[:HEAD], len(scrap)) == ()
        assert go_binary(File(path="x", data=scrap[:HEAD], size=len(scrap)), DEFAULT).found == ()


def test_absurd_offsets_are_bounded() -> None:
    data = Program(table="tail").data()
    for at in range(16, 64, 2):
        hostile = _with(data, at, b"\xff" * 8)
        assert sum(length for _, length in ranges(hostile[:HEAD], len(hostile))) <= 17 * 1024 * 1024
        assert all(0 <= offset < len(hostile) for offset, _ in ranges(hostile[:HEAD], len(hostile)))


def test_lying_length_is_refused() -> None:
    data = Program().data()
    at = data.index(b"\x08go1.22.3")
    with pytest.raises(ParseError, match="build information"):
        read(_with(data, at, b"\xff\xff\xff\xff\x7f"))
    with pytest.raises(ParseError, match="cut off"):
        read(_with(data, at, b"\xff\xff\x7f"))


@given(st.binary(max_size=300), st.integers(0, 0x3200))
@settings(max_examples=150, deadline=None)
def test_damage_never_surprises(junk: bytes, at: int) -> None:
    for program in (Program(table="tail"), Program(pointers=True), Program(table="none", bits=32)):
        data = _with(program.data(), at, junk)
        try:
            facts, _, _ = read(data)
        except ParseError:
            continue
        assert all(one.name for one in facts.found)


def main_of(modules: str, version: str = "go1.22.3") -> tuple[str, str]:
    facts, _, _ = read(Program(modules=modules, version=version).data())
    one = facts.found[1]
    return one.version, one.confidence


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ("-s -w -X main.version=1.2.3", "v1.2.3"),
        ("-X 'example.com/x/version.gitVersion=v1.28.3-rc.1' -X main.date=today", "v1.28.3-rc.1"),
        ("-X=main.Version=2.0", "v2.0"),
        ("-X example.com/dep.Version=9.9.9 -X main.version=1.0.0", "v1.0.0"),
        ("-X example.com/a.Version=9.9.9 -X example.com/b.Version=1.0.0", ""),
        ("-X main.apiVersion=1.2.3", ""),
        ("-X main.version=dev", ""),
        ("", ""),
    ],
)
def test_a_program_from_a_checkout_has_the_version_that_the_linker_was_told(flags: str, wanted: str) -> None:
    build = f'build\t-ldflags="{flags}"\n' if flags else ""
    assert main_of(f"mod\texample.com/x\t(devel)\t\n{build}") == (wanted, "low")


def test_versions_from_version_control_are_versions() -> None:
    pseudo = "v0.0.0-20240101000000-0123456789ab+dirty"
    assert main_of(f"mod\texample.com/x\t{pseudo}\t\n") == (pseudo, "high")


def test_placeholder_of_a_module_in_a_folder_is_no_version() -> None:
    text = "mod\tm\tv1.0.0\t\ndep\ta/b\tv0.0.0-00010101000000-000000000000\n=>\t./b\t(devel)\t\ndep\tc/d\t(devel)\t\n"
    facts, _, _ = read(Program(modules=text).data())
    assert rows(facts)[2:] == [("a", "b", "", "low"), ("c", "d", "", "low")]


def test_programs_of_the_distribution_are_the_toolchain() -> None:
    facts, _, _ = read(Program(modules="path\tcmd/go\nbuild\t-compiler=gc\n").data())
    assert rows(facts) == [("", "stdlib", "1.22.3", "high"), ("", "toolchain", "1.22.3", "high")]


def test_outside_module_mode_only_the_library_is_known() -> None:
    facts, _, _ = read(Program(modules="").data())
    assert rows(facts) == [("", "stdlib", "1.22.3", "high")]


@pytest.mark.parametrize("bad", ["dep\tonly-one-column\n", "=>\ta\tv1\th1:x\n", "dep\t\tv1.0.0\n"])
def test_lines_without_their_columns_are_refused(bad: str) -> None:
    with pytest.raises(ParseError, match="build information"):
        read(Program(modules="mod\tm\tv1.0.0\n=>\tn\tv1\th1:x\n" + bad).data())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("go1.22.3", ("1.22.3", "high")),
        ("go1.21rc2", ("1.21rc2", "high")),
        ("go1.21.0", ("1.21.0", "high")),
        ("go1.9beta1", ("1.9beta1", "high")),
        ("go1.22.3 X:boringcrypto", ("1.22.3", "high")),
        ("go1.20.10 (Red Hat 1.20.10-1.el9)", ("1.20.10", "medium")),
        ("go1.21.3-custom", ("1.21.3", "medium")),
        ("devel go1.23-0123456789 Mon Jan 1 00:00:00 2024 +0000", ("", "low")),
        ("devel +0123abc", ("", "low")),
        ("default", ("", "low")),
        ("", ("", "low")),
        ("go1.22.3x", ("", "low")),
    ],
)
def test_toolchain_names(name: str, wanted: tuple[str, str]) -> None:
    assert toolchain(name) == wanted


def test_module_count_is_bounded() -> None:
    facts = go_binary(File(path="x", data=Program().data()), Limits(packages=2))
    assert len(facts.found) == 2
    assert facts.problems[0][0] == "limit"


def mod(text: str, limits: Limits = DEFAULT) -> FileFacts:
    return go_mod(File(path="go.mod", data=text.encode()), limits)


def test_a_file_of_50_megabytes_is_refused() -> None:
    with pytest.raises(ParseError, match="16 MiB"):
        mod("module m\n" + "a" * 50_000_000)


def test_long_and_many_lines_are_linear() -> None:
    facts = mod("module m\nrequire a/b v1.0.0\n" + "x " * 100_000 + "\n" + '"' * 60_000 + "\n" + "(" * 60_000)
    assert rows(facts) == [("a", "b", "v1.0.0", "high")]
    assert len(facts.problems) == 4


def test_strings_that_are_no_text_are_refused() -> None:
    facts = mod('module m\ngo 1.21\nrequire "a\\ud800/b" v1.0.0\nrequire `c/d` v1.0.0\n')
    assert [one.name for one in facts.found] == ["d"]
    assert [slug for slug, _ in facts.problems] == ["go-mod"]


def test_not_utf8_is_refused() -> None:
    with pytest.raises(ParseError, match="UTF-8"):
        go_mod(File(path="go.mod", data=b"module \xff\n"), DEFAULT)


@given(st.text(alphabet='modulerqi v1.0/\n()"`=>,[]\\\t/', max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        facts = mod(text)
    except ParseError:
        return
    assert all(one.name for one in facts.found)


def test_the_module_lines_cover_what_the_format_knows() -> None:
    assert {line.partition("\t")[0] for line in MODULES.splitlines()} == {"path", "mod", "dep", "=>", "build"}
