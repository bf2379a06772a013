"""rpm's headers and the three containers that hold them, against writers of our own and the SQLite library."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.catalogers.rpm import rpm, split_source
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts
from thwart.lib import rpmdb
from thwart.lib.rpmdb import header as tag

Value = str | int | list[str] | list[int]
KINDS = {"H": 3, "I": 4}


def header(values: dict[int, Value], order: list[tuple[int, Value]] | None = None, wide: str = "I") -> bytes:
    """A header blob; `order` adds entries behind those of `values`."""
    index, store = b"", b""
    for number, value in [*values.items(), *(order or [])]:
        kind, count, data, step = 6, 1, b"", 1
        if isinstance(value, str):
            data = value.encode() + b"\0"
        else:
            many = value if isinstance(value, list) else [value]
            count = len(many)
            texts = [one for one in many if isinstance(one, str)]
            numbers = [one for one in many if isinstance(one, int)]
            if texts:
                kind, data = 8, b"".join(one.encode("utf-8", "surrogateescape") + b"\0" for one in texts)
            else:
                kind, step = KINDS[wide], struct.calcsize(f">{wide}")
                data = struct.pack(f">{len(numbers)}{wide}", *numbers)
        store += b"\0" * (-len(store) % step)
        index += struct.pack(">IIiI", number, kind, len(store), count)
        store += data
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


def package(name: str, **more: Value) -> bytes:
    values: dict[int, Value] = {tag.NAME: name, tag.VERSION: "1", tag.RELEASE: "2", tag.ARCH: "x86_64"}
    return header(values | {getattr(tag, key.upper()): value for key, value in more.items()})


def ndb(blobs: list[bytes], pages: int = 1) -> bytes:
    slots, body, block = b"", b"", pages * 256
    for number, blob in enumerate(blobs, start=1):
        blocks = (16 + len(blob) + 12 + 15) // 16
        slots += struct.pack("<4sIII", b"Slot", number, block, blocks)
        head = struct.pack("<4sIII", b"BlbS", number, 1, len(blob))
        body += (head + blob).ljust(blocks * 16 - 12, b"\0") + b"BlbE" + bytes(8)
        block += blocks
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    start = struct.pack("<4sIIII", b"RpmP", 0, 1, pages, len(blobs) + 1).ljust(32, b"\0")
    return start + slots + free * ((pages * 4096 - 32 - len(slots)) // 16) + body


def database(tmp_path: Path, rows: list[bytes], page: int = 4096, table: str = "Packages") -> bytes:
    file = tmp_path / "rpmdb.sqlite"
    file.unlink(missing_ok=True)
    with sqlite3.connect(file) as connection:
        connection.execute(f"pragma page_size={page}")
        connection.execute("create table Name (key text not null, hnum integer not null, idx integer not null)")
        connection.execute(f"create table '{table}' (hnum integer primary key autoincrement, blob blob not null)")
        connection.executemany(f"insert into '{table}' (blob) values (?)", [(row,) for row in rows])
    connection.close()
    return file.read_bytes()


def read(data: bytes, limits: Limits | None = None) -> FileFacts:
    return rpm(File(path="var/lib/rpm/Packages", data=data), limits or Limits())


def blobs(data: bytes) -> tuple[list[bytes], list[str]]:
    told: list[str] = []
    return list(rpmdb.blobs(data, told.append)), told


# headers


def test_values_of_every_kind() -> None:
    one = rpmdb.Header(header({1000: "text", 1001: ["a", "bc", ""], 1002: [1, 2**32 - 1], 1003: 7}))
    assert one.string(1000) == "text"
    assert one.string(1001) == "a"
    assert one.strings(1001) == ["a", "bc", ""]
    assert one.strings(1000) == ["text"]
    assert one.numbers(1002) == (1, 2**32 - 1)
    assert one.numbers(1003) == (7,)
    assert rpmdb.Header(header({1030: [0o40755, 0o100644]}, wide="H")).numbers(1030) == (0o40755, 0o100644)


def test_absent_values_are_empty() -> None:
    one = rpmdb.Header(header({1000: "text", 1003: 7}))
    assert (one.string(1001), one.strings(1001), one.numbers(1001)) == ("", [], ())
    assert (one.string(1003), one.strings(1003), one.numbers(1000)) == ("", [], ())  # of another type


def test_the_last_entry_of_a_tag_counts() -> None:
    assert rpmdb.Header(header({1000: "region"}, [(1000, "dribble")])).string(1000) == "dribble"


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0" * 7,
        struct.pack(">II", 0, 0),
        struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF),
        header({1000: "x"})[:-1],
        header({1000: "x"}) + b"\0",
    ],
)
def test_lengths_must_add_up(blob: bytes) -> None:
    with pytest.raises(rpmdb.DamageError):
        rpmdb.Header(blob)


def entry(kind: int, offset: int, count: int, store: bytes = b"abc\0") -> rpmdb.Header:
    return rpmdb.Header(struct.pack(">IIIIiI", 1, len(store), 1000, kind, offset, count) + store)


@pytest.mark.parametrize(
    ("kind", "offset", "count"),
    [
        (6, 4, 1),
        (6, -1, 1),
        (6, 2**31 - 1, 1),
        (8, 0, 5),
        (8, 0, 2),
        (8, 0, 2**32 - 1),
        (4, 1, 1),
        (4, 0, 2),
        (4, 0, 2**31),
    ],
)
def test_values_outside_of_the_store(kind: int, offset: int, count: int) -> None:
    one = entry(kind, offset, count)
    value = {6: one.string, 8: one.strings, 4: one.numbers}[kind]
    with pytest.raises(rpmdb.DamageError):
        value(1000)


def test_text_without_an_end() -> None:
    with pytest.raises(rpmdb.DamageError, match="without an end"):
        entry(6, 0, 1, b"abc").string(1000)


def test_values_are_bounded() -> None:
    with pytest.raises(rpmdb.DamageError, match="values"):
        entry(8, 0, 1_000_001, b"\0" * 1_000_001).strings(1000)


def test_paths_leave_out_folders_and_what_is_not_on_disk() -> None:
    files: dict[int, Value] = {
        tag.BASENAMES: ["a", "b", "dir", "gone"],
        tag.DIRNAMES: ["/usr/bin/", "/opt/"],
        tag.DIRINDEXES: [0, 1, 1, 0],
        tag.FILESTATES: [0, 0, 0, 2],
    }
    assert list(rpmdb.Header(header(files)).paths()) == ["/usr/bin/a", "/opt/b", "/opt/dir"]
    modes = [0o100755, 0o100644, 0o40755, 0o100644]
    assert list(rpmdb.Header(header(files | {tag.FILEMODES: modes})).paths()) == ["/usr/bin/a", "/opt/b"]
    assert list(rpmdb.Header(header({tag.OLDFILENAMES: ["/bin/sh"]})).paths()) == ["/bin/sh"]


@pytest.mark.parametrize("indexes", [[0, 2], [0], [0, 2**32 - 1]])
def test_folders_must_fit(indexes: list[int]) -> None:
    files: dict[int, Value] = {tag.BASENAMES: ["a", "b"], tag.DIRNAMES: ["/x/", "/y/"], tag.DIRINDEXES: indexes}
    with pytest.raises(rpmdb.DamageError, match="fit together"):
        list(rpmdb.Header(header(files)).paths())


# packages


@pytest.mark.parametrize(("epoch", "version"), [(None, "1-2"), (0, "1-2"), (1, "1:1-2"), (20, "20:1-2")])
def test_epochs(epoch: int | None, version: str) -> None:
    more: dict[str, Value] = {} if epoch is None else {"epoch": epoch}
    assert read(ndb([package("p", **more)])).found[0].version == version


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("openssl-3.0.7-16.el9_2.src.rpm", ("openssl", "3.0.7-16.el9_2")),
        ("java-17-openjdk-17.0.9-1.nosrc.rpm", ("java-17-openjdk", "17.0.9-1")),
        ("a-b-1.src.rpm", ("a", "b-1")),
        ("-1-2.src.rpm", ("", "")),
        ("x.src.rpm", ("", "")),
        ("openssl-3.0.7-16.x86_64.rpm", ("", "")),
        ("(none)", ("", "")),
        ("", ("", "")),
    ],
)
def test_source_packages(file: str, expected: tuple[str, str]) -> None:
    assert split_source(file) == expected


def test_without_a_source_a_package_is_its_own() -> None:
    found = read(ndb([package("p", epoch=3)])).found[0]
    assert (found.source, found.source_version) == ("p", "1-2")


def test_keys_are_not_packages() -> None:
    key = header({tag.NAME: "gpg-pubkey", tag.VERSION: "7b18f9ba", tag.RELEASE: "6b044281"})
    assert [one.name for one in read(ndb([key, package("p"), package("gpg-pubkey")])).found] == ["p", "gpg-pubkey"]


def test_one_bad_header_does_not_hide_the_others() -> None:
    facts = read(ndb([package("a"), b"garbage", header({tag.VERSION: "1"}), package("b")]))
    assert [one.name for one in facts.found] == ["a", "b"]
    assert [slug for slug, _ in facts.problems] == ["rpm-header", "rpm-header"]


def test_bad_files_do_not_hide_the_package() -> None:
    facts = read(ndb([package("a", basenames=["x"], dirnames=["/"], dirindexes=[9])]))
    assert [one.name for one in facts.found] == ["a"]
    assert facts.owns == ()
    assert "files of 'a'" in facts.problems[0][1]


def test_packages_are_bounded() -> None:
    facts = read(ndb([package(f"p{number}") for number in range(4)]), Limits(packages=2))
    assert [one.name for one in facts.found] == ["p0", "p1"]
    assert [slug for slug, _ in facts.problems] == ["limit"]


def test_names_are_text_and_paths_are_bytes() -> None:
    raw = package("p?", basenames=["\udcff"], dirnames=["/opt/"], dirindexes=[0]).replace(b"p?\0", b"p\xff\0")
    facts = read(ndb([raw]))
    assert facts.found[0].name == "p\ufffd"
    assert facts.owns[0].path == "opt/\udcff"


# SQLite


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([1, 2, 100, 440, 477, 478, 500, 4061, 4062, 9000, 70_000]), max_size=40),
    page=st.sampled_from([512, 1024, 4096, 65536]),
    gone=st.sets(st.integers(1, 40), max_size=20),
)
def test_sqlite_rows_are_those_of_the_library(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], page: int, gone: set[int]
) -> None:
    rows = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    folder = tmp_path_factory.mktemp("db")
    database(folder, rows, page)
    connection = sqlite3.connect(folder / "rpmdb.sqlite")
    with connection:
        connection.executemany("delete from Packages where hnum = ?", [(number,) for number in gone])
    expected = [row[0] for row in connection.execute("select blob from Packages order by hnum")]
    connection.close()
    assert blobs((folder / "rpmdb.sqlite").read_bytes()) == (expected, [])


def test_sqlite_with_many_rows_has_inner_pages(tmp_path: Path) -> None:
    rows = [struct.pack(">I", number) * 30 for number in range(5000)]
    assert blobs(database(tmp_path, rows, 512)) == (rows, [])


def test_sqlite_in_utf_16(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("pragma encoding='UTF-16le'")
        connection.execute("create table Packages (hnum integer primary key, blob blob not null)")
        connection.execute("insert into Packages values (1, x'0102')")
    connection.close()
    assert blobs((tmp_path / "db").read_bytes()) == ([b"\1\2"], [])


@pytest.mark.parametrize(
    "statement",
    [
        "create view Packages as select 1 as hnum, zeroblob(100) as blob",
        "create table Other (hnum integer primary key, blob blob)",
        "create index Packages on Name (hnum)",
    ],
)
def test_only_a_table_will_do(tmp_path: Path, statement: str) -> None:
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("create table Name (key text, hnum integer, idx integer)")
        connection.execute(statement)
    connection.close()
    with pytest.raises(ParseError, match="no table Packages"):
        read((tmp_path / "db").read_bytes())


def test_an_empty_table_is_no_problem(tmp_path: Path) -> None:
    facts = read(database(tmp_path, []))
    assert (facts.found, facts.problems) == ((), ())


def test_sqlite_whose_log_was_left_says_so(tmp_path: Path) -> None:
    data = bytearray(database(tmp_path, [], table="Elsewhere"))
    data[18:20] = b"\2\2"
    with pytest.raises(ParseError, match="write-ahead log"):
        read(bytes(data))


def test_sqlite_pages_that_lead_in_circles(tmp_path: Path) -> None:
    rows = [struct.pack(">I", number) * 30 for number in range(500)]
    data = bytearray(database(tmp_path, rows, 512))
    inner = [at for at in range(512, len(data), 512) if data[at] == 5]
    assert inner
    for at in inner:  # every inner page leads to itself
        data[at + 8 : at + 12] = (at // 512 + 1).to_bytes(4, "big")
    got, told = blobs(bytes(data))
    assert len(got) < len(rows)
    assert "the database has more than one way to the same page" in told


def test_sqlite_rows_that_lie_upon_each_other(tmp_path: Path) -> None:
    data = bytearray(database(tmp_path, [b"x" * 3000]))
    leaf = next(at for at in range(4096, len(data), 4096) if data[at] == 13 and b"xxx" in data[at : at + 4096])
    cell = data[leaf + 8 : leaf + 10]
    data[leaf + 3 : leaf + 5] = (400).to_bytes(2, "big")
    data[leaf + 8 : leaf + 8 + 800] = cell * 400
    got, told = blobs(bytes(data))
    assert sum(map(len, got)) <= len(data)
    assert told[-1] == "the rows of the database lie upon each other"


def test_sqlite_overflow_that_ends_early(tmp_path: Path) -> None:
    data = database(tmp_path, [b"y" * 20_000, b"z" * 100])
    got, told = blobs(data[: len(data) - 4096])
    assert b"z" * 100 in got
    assert told


# ndb


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_ndb_rows_are_those_written(rows: list[bytes]) -> None:
    assert blobs(ndb(rows, pages=2)) == (rows, [])


@pytest.mark.parametrize(
    ("at", "value"),
    [(4, 1), (12, 0), (12, 99)],
)
def test_ndb_heads_that_cannot_be(at: int, value: int) -> None:
    data = bytearray(ndb([package("p")]))
    data[at : at + 4] = value.to_bytes(4, "little")
    with pytest.raises(ParseError):
        read(bytes(data))


def test_ndb_slots_that_lead_astray() -> None:
    data = bytearray(ndb([package("a"), package("b"), package("c")]))
    data[32 + 8 : 32 + 12] = (2**31).to_bytes(4, "little")  # the first package lies beyond the end
    data[48 : 48 + 4] = b"none"
    facts = read(bytes(data))
    assert [one.name for one in facts.found] == ["c"]
    assert len(facts.problems) == 2


def test_ndb_slots_that_repeat() -> None:
    data = bytearray(ndb([package("a", vendor="v" * 5000)]))
    for at in range(48, 4096, 16):
        data[at : at + 16] = data[32:48]
    got, told = blobs(bytes(data))
    assert sum(map(len, got)) <= len(data)
    assert told == ["the slots of the database lead to the same places again and again"]


# Berkeley DB: databases that its own tools wrote are in tests/data


BDB = Path(__file__).resolve().parent.parent / "data/catalogers/rpm/bdb-little/var/lib/rpm/Packages"


def pages_of(data: bytearray, kind: int) -> list[int]:
    return [at for at in range(0, len(data), 4096) if data[at + 25] == kind]


def test_bdb_chains_that_lead_in_circles() -> None:
    data = bytearray(BDB.read_bytes())
    for at in pages_of(data, 7):
        data[at + 16 : at + 20] = (at // 4096).to_bytes(4, "little")
        data[at + 22 : at + 24] = (8).to_bytes(2, "little")
    got, told = blobs(bytes(data))
    assert got == []
    assert len(told) >= 4


def test_bdb_items_that_lie_upon_each_other() -> None:
    data = bytearray(BDB.read_bytes())
    at = pages_of(data, 13)[0]
    count = 1000
    data[at + 20 : at + 22] = count.to_bytes(2, "little")
    offsets = [4000, 100] * (count // 2)  # each value: the bytes from 100 to 4000
    data[at + 26 : at + 26 + 2 * count] = struct.pack(f"<{count}H", *offsets)
    data[at + 100] = 1
    got, told = blobs(bytes(data))
    assert sum(map(len, got)) <= len(data)
    assert told[-1] == "the items of the database lie upon each other"


@pytest.mark.parametrize(
    ("at", "value"),
    [(16, b"\x63\0\0\0"), (20, b"\0\0\0\0"), (20, b"\1\x10\0\0"), (24, b"\1"), (26, b"\1")],
)
def test_bdb_heads_that_rpm_never_writes(at: int, value: bytes) -> None:
    data = bytearray(BDB.read_bytes())
    data[at : at + len(value)] = value
    with pytest.raises(ParseError):
        read(bytes(data))


@pytest.mark.parametrize("name", ["sqlite", "sqlite-small-pages", "ndb", "bdb-little", "bdb-big"])
def test_containers_agree(name: str) -> None:
    """One set of packages in every container (ndb is of another rpm, which gave other times of installation)."""
    folder = BDB.parents[4]
    (file,) = (one for one in (folder / name).rglob("*") if one.is_file() and one.suffix != ".expected")
    facts = read(file.read_bytes())
    expected = read(BDB.read_bytes())
    assert sorted(facts.found) == sorted(expected.found)
    assert sorted(facts.owns) == sorted(expected.owns)
    assert not facts.problems
