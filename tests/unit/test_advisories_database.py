"""Reading a database: look-ups, refusals with one clear sentence, many readers at once, the embedded one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from thwart.advisories import bundle, embedded
from thwart.advisories.build import build
from thwart.advisories.database import Database
from thwart.core.advisory import Support
from thwart.core.errors import DatabaseError

TODAY = date(2026, 1, 1)


def osv(name: str, package: str, ecosystem: str = "npm", **fields: Any) -> dict[str, Any]:
    ranges = [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2"}]}]
    affected = [{"package": {"name": package, "ecosystem": ecosystem}, "ranges": ranges}]
    return {"id": name, "modified": "2025-01-01T00:00:00Z", "affected": affected, **fields}


def write(folder: Path) -> Path:
    feeds = folder / "feeds"
    feeds.mkdir(parents=True)
    for number in range(20):
        record = osv(f"GHSA-aaaa-{number}", f"p{number}", aliases=[f"CVE-2024-10{number:02d}"])
        (feeds / f"{number}.json").write_text(json.dumps(record))
    (feeds / "dsa.json").write_text(
        json.dumps(osv("DSA-1-1", "openssl", "Debian:12", upstream=["CVE-2024-1000", "CVE-2024-1001"]))
    )
    (feeds / "epss.csv").write_text("cve,epss,percentile\nCVE-2024-1000,0.5,0.9\n")
    (feeds / "debian.csv").write_text(
        "version,codename,series,created,release,eol,eol-lts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30\n"
    )
    (feeds / "ubuntu.csv").write_text(
        "version,codename,series,created,release,eol,eol-esm\n22.04 LTS,J,jammy,2021,2022,2027-06-01,2032-04-09\n"
    )
    lines = (
        "adns limited x\ngolang.* limited x\ngolang-1.19 non-supported 1.19-1 2025-01-01 x\ngolang-fine supported x\n"
    )
    (feeds / "security-support.deb12").write_text(lines)
    build([feeds], folder / "db", today=TODAY)
    return folder / "db"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("database"))


@pytest.fixture
def copy(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(place, tmp_path / "copy"))


class TestLookUps:
    def test_knowledge(self, place: Path) -> None:
        with Database.open(place) as database:
            assert [one.advisory for one in database.affected("npm", "p3")] == ["GHSA-aaaa-3"]
            assert database.affected("npm", "nothing") == ()
            assert database.affected("Nix", "p3") == ()
            assert database.ecosystems() == {"npm", "Debian:12"}
            record = database.advisory("DSA-1-1")
            assert record is not None
            assert (record.source, record.upstream) == ("Debian", ("CVE-2024-1000", "CVE-2024-1001"))
            assert database.advisory("dsa-1-1") is None
            facts = database.cve("CVE-2024-1000")
            assert facts is not None
            assert (facts.epss, facts.percentile) == (0.5, 0.9)
            assert database.cve("CVE-2024-1001") is None
            assert database.cve("nonsense") is None

    def test_hostile_names(self, place: Path) -> None:
        with Database.open(place) as database:
            for name in ("'; DROP TABLE package;--", "a\0b", "\ud800", "x" * 100_000, ""):
                assert database.affected("npm", name) == ()
                assert database.advisory(name) is None

    def test_end_of_life(self, place: Path) -> None:
        with Database.open(place) as database:
            assert database.end_of_life("debian", "12") == date(2028, 6, 30)  # the LTS team's support is free
            assert database.end_of_life("debian", "bookworm") == date(2028, 6, 30)
            assert database.end_of_life("ubuntu", "22.04") == date(2027, 6, 1)  # ESM is not
            assert database.end_of_life("debian", "99") is None
            assert database.release_dates("ubuntu", "22.04")["eol-esm"] == "2032-04-09"

    def test_support(self, place: Path) -> None:
        with Database.open(place) as database:
            assert database.support("Debian:12", "adns") == Support("Debian:12", "adns", "limited")
            assert database.support("Debian:12", "golang-defaults") == Support("Debian:12", "golang.*", "limited")
            assert database.support("Debian:12", "golang-1.19") == Support(
                "Debian:12", "golang-1.19", "ended", "1.19-1", "2025-01-01"
            )
            assert database.support("Debian:12", "golang-fine") is None
            assert database.support("Debian:11", "adns") is None

    def test_explain_by_id_alias_and_upstream(self, place: Path) -> None:
        with Database.open(place) as database:
            found = database.explain(" cve-2024-1000 ")
            assert found.id == "CVE-2024-1000"
            assert [one.id for one in found.advisories] == ["DSA-1-1", "GHSA-aaaa-0"]
            assert {(one.ecosystem, one.name) for one in found.affected} == {("npm", "p0"), ("Debian:12", "openssl")}
            assert [one.epss for one in found.cves] == [0.5]
            found = database.explain("ghsa-AAAA-0")
            assert (found.id, [one.id for one in found.cves]) == ("GHSA-aaaa-0", ["CVE-2024-1000"])
            nothing = database.explain("CVE-1999-0001")
            assert (nothing.advisories, nothing.affected, nothing.cves) == ((), (), ())

    def test_a_future_database_is_not_of_negative_age(self, place: Path) -> None:
        with Database.open(place) as database:
            assert database.info(date(2000, 1, 1)).age_days == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "is empty"),
            (b"SQLite", "not an SQLite file"),
            (b"x" * 8192, "not an SQLite file"),
            (b"SQLite format 3\0" + bytes(84), "pages that its header says"),
        ],
    )
    def test_no_database(self, tmp_path: Path, content: bytes, sentence: str) -> None:
        (tmp_path / "db").write_bytes(content)
        with pytest.raises(DatabaseError, match=sentence) as caught:
            Database.open(tmp_path / "db")
        assert caught.value.exit_code == 4
        assert caught.value.hints

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="there is no advisory database"):
            Database.open(tmp_path / "db")
        with pytest.raises(DatabaseError, match="cannot read"):
            Database.open(tmp_path)

    def test_of_another_program(self, tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "db")
        connection.execute("CREATE TABLE t(a)")
        connection.close()
        with pytest.raises(DatabaseError, match="another program"):
            Database.open(tmp_path / "db")

    @pytest.mark.parametrize(("schema", "word", "hint"), [(99, "newer", "upgrade thwart"), (0, "older", "db update")])
    def test_of_another_schema(self, copy: Path, schema: int, word: str, hint: str) -> None:
        connection = sqlite3.connect(copy)
        connection.execute(f"PRAGMA user_version={schema}")
        connection.close()
        with pytest.raises(DatabaseError, match=word) as caught:
            Database.open(copy)
        assert hint in " ".join(caught.value.hints)

    def test_truncated(self, copy: Path) -> None:
        data = copy.read_bytes()
        copy.write_bytes(data[: len(data) // 2])
        with pytest.raises(DatabaseError, match="pages that its header says"):
            Database.open(copy)

    def test_left_in_wal_mode_or_in_the_middle(self, copy: Path) -> None:
        connection = sqlite3.connect(copy)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        with pytest.raises(DatabaseError, match="WAL"):
            Database.open(copy)

    def test_a_journal_beside_it(self, copy: Path) -> None:
        copy.with_name(copy.name + "-journal").write_bytes(b"x")
        with pytest.raises(DatabaseError, match="being changed"):
            Database.open(copy)

    def test_views_and_triggers(self, copy: Path) -> None:
        connection = sqlite3.connect(copy)
        connection.execute("CREATE VIEW v AS SELECT 1")
        connection.close()
        with pytest.raises(DatabaseError, match="views or triggers"):
            Database.open(copy)

    def test_every_flipped_byte_is_found_or_harmless(self, copy: Path) -> None:
        """Whatever byte is changed: opening, looking up and verifying raise `DatabaseError` or nothing."""
        data = copy.read_bytes()
        found = 0
        used = [at for at in range(100, len(data)) if data[at]]
        for at in used[::29]:
            copy.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
            try:
                with Database.open(copy) as database:
                    database.affected("npm", "p3")
                    database.advisory("DSA-1-1")
                    database.info(TODAY)
                    database.explain("CVE-2024-1000")
                    database.verify(thorough=True)
            except DatabaseError:
                found += 1
        assert found > len(used[::29]) // 2

    def test_changed_content_does_not_verify(self, copy: Path) -> None:
        with Database.open(copy) as database:
            assert database.verify(thorough=True) == database.digest
        connection = sqlite3.connect(copy)
        connection.execute("DELETE FROM package WHERE name = 'p3'")
        connection.commit()
        connection.close()
        with Database.open(copy) as database, pytest.raises(DatabaseError, match="digest"):
            database.verify()

    def test_it_cannot_be_written(self, copy: Path) -> None:
        with Database.open(copy) as database, pytest.raises(sqlite3.OperationalError):
            database._connection.execute("DELETE FROM package")


class TestManyReaders:
    def test_threads_share_one(self, place: Path) -> None:
        wrong: list[object] = []

        def read(database: Database) -> None:
            for number in range(200):
                found = database.affected("npm", f"p{number % 20}")
                if [one.advisory for one in found] != [f"GHSA-aaaa-{number % 20}"]:
                    wrong.append(found)

        with Database.open(place) as database:
            threads = [threading.Thread(target=read, args=(database,)) for _ in range(8)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
        assert wrong == []

    def test_processes_while_it_is_replaced(self, place: Path, tmp_path: Path) -> None:
        target = tmp_path / "db"
        shutil.copy(place, target)
        script = (
            "import sys; from pathlib import Path; from thwart.advisories.database import Database\n"
            "for n in range(60):\n"
            "    with Database.open(Path(sys.argv[1])) as d:\n"
            "        assert d.affected('npm', 'p3')[0].advisory == 'GHSA-aaaa-3'; d.verify()\n"
        )
        readers = [subprocess.Popen([sys.executable, "-c", script, str(target)]) for _ in range(3)]
        while any(one.poll() is None for one in readers):
            shutil.copy(place, tmp_path / "next")
            (tmp_path / "next").replace(target)
        assert [one.returncode for one in readers] == [0, 0, 0]


@pytest.fixture
def carried(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small database in the place of the one that the package carries; gives the cache folder."""
    import hashlib

    from thwart.advisories.pack import packed

    data = place.read_bytes()
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "built": "2025-01-01"}
    (tmp_path / "x.zst").write_bytes(packed(data, 3))
    (tmp_path / "x.json").write_text(json.dumps(facts))
    monkeypatch.setattr(embedded, "_PACKED", tmp_path / "x.zst")
    monkeypatch.setattr(embedded, "_FACTS", tmp_path / "x.json")
    return tmp_path / "cache"


class TestEmbedded:
    def only(self, cache: Path) -> Path:
        (one,) = cache.iterdir()
        return one

    def reads(self, database: Database) -> bool:
        with database:
            return len(database.affected("npm", "p3")) == 1

    def test_inflated_once(self, carried: Path) -> None:
        with embedded.open_default(carried, None) as database:
            assert database.origin == "embedded"
        first = self.only(carried).stat()
        assert self.reads(embedded.open_default(carried, None))
        second = self.only(carried).stat()
        assert (first.st_ino, first.st_mtime_ns) == (second.st_ino, second.st_mtime_ns)
        assert second.st_mode & 0o222 == 0

    @pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "link", "folder"])
    def test_a_changed_copy_is_inflated_anew(self, carried: Path, harm: str) -> None:
        embedded.open_default(carried, None).close()
        copy = self.only(carried)
        data = copy.read_bytes()
        copy.chmod(0o644)
        if harm == "link":
            copy.rename(carried.parent / "elsewhere")
            copy.symlink_to(carried.parent / "elsewhere")
        elif harm == "folder":
            copy.unlink()
            copy.mkdir()
        else:
            flipped = data[:500] + bytes([data[500] ^ 1]) + data[501:]
            copy.write_bytes({"truncate": data[:1000], "flip": flipped, "empty": b""}[harm])
        assert self.reads(embedded.open_default(carried, None))
        if harm != "folder":
            assert self.only(carried).read_bytes() == data

    def test_in_memory_without_a_cache(self, carried: Path, tmp_path: Path) -> None:
        assert self.reads(embedded.open_default(None, None))
        (tmp_path / "file").write_text("")
        assert self.reads(embedded.open_default(tmp_path / "file" / "cache", None))
        assert not carried.exists()

    def test_old_copies_of_other_versions_go(self, carried: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        carried.mkdir()
        (carried / "embedded-0123.sqlite").write_bytes(b"old")
        (carried / "other").write_bytes(b"not ours")
        embedded.open_default(carried, None).close()
        assert len(list(carried.iterdir())) == 3
        monkeypatch.setattr(embedded, "_KEPT_SECONDS", -1)
        next(one for one in carried.iterdir() if one.stat().st_size > 100).unlink()
        embedded.open_default(carried, None).close()
        assert sorted(one.name == "other" for one in carried.iterdir()) == [False, True]

    def test_processes_start_at_once(self, carried: Path, tmp_path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from thwart.advisories import embedded as e\n"
            "e._PACKED, e._FACTS = Path(sys.argv[1]), Path(sys.argv[2])\n"
            "with e.open_default(Path(sys.argv[3]), None) as d: assert len(d.affected('npm', 'p3')) == 1\n"
        )
        arguments = [sys.executable, "-c", script, str(tmp_path / "x.zst"), str(tmp_path / "x.json"), str(carried)]
        several = [subprocess.Popen(arguments) for _ in range(6)]
        assert [one.wait() for one in several] == [0] * 6
        assert len(list(carried.iterdir())) == 1

    @pytest.mark.parametrize("harm", ["size", "sha256", "packed", "json", "missing"])
    def test_a_damaged_package(self, carried: Path, tmp_path: Path, harm: str) -> None:
        facts = json.loads((tmp_path / "x.json").read_text())
        if harm == "size":
            facts["size"] += 1
        elif harm == "sha256":
            facts["sha256"] = "0" * 64
        (tmp_path / "x.json").write_text("{" if harm == "json" else json.dumps(facts))
        if harm == "packed":
            (tmp_path / "x.zst").write_bytes((tmp_path / "x.zst").read_bytes()[:-20])
        elif harm == "missing":
            (tmp_path / "x.zst").unlink()
        with pytest.raises(DatabaseError, match="embedded"):
            embedded.open_default(carried, None)
        assert not list(carried.iterdir()) if carried.exists() else True

    def test_which_one_is_used(self, carried: Path, place: Path, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        with embedded.open_default(carried, None, data) as database:
            assert database.origin == "embedded"
        shutil.copy(place, data / embedded.NAME)
        with embedded.open_default(carried, None, data) as database:
            assert database.origin == str(data / embedded.NAME)
        with pytest.raises(DatabaseError, match="there is no advisory database"):
            embedded.open_default(carried, tmp_path / "named", data)

    def test_what_the_package_really_carries(self, tmp_path: Path) -> None:
        with embedded.open_default(tmp_path / "c", None) as database:
            assert {"Debian:12", "Alpine:v3.20", "Ubuntu:22.04:LTS", "PyPI", "Go", "npm"} <= database.ecosystems()
            log4j = database.explain("CVE-2021-44228")
            assert {"Maven", "Debian:11"} <= {one.ecosystem for one in log4j.affected}
            assert database.verify() == database.digest
            assert all(feed.licence and feed.attribution != "not stated" and feed.date for feed in database.feeds())


class TestBundle:
    def test_export_and_import(self, place: Path, tmp_path: Path) -> None:
        manifest = bundle.export(place, tmp_path / "b.zst")
        assert bundle.import_(tmp_path / "b.zst", tmp_path / "data" / "db") == manifest
        assert (tmp_path / "data" / "db").read_bytes() == place.read_bytes()

    def test_every_harm_is_found_and_the_old_one_stays(self, place: Path, tmp_path: Path) -> None:
        bundle.export(place, tmp_path / "b.zst")
        data = (tmp_path / "b.zst").read_bytes()
        shutil.copy(place, tmp_path / "db")
        variants = [data[:100], data[:-1], b"", b"hello", data + b"x", place.read_bytes()]
        variants += [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(0, len(data), len(data) // 40)]
        for variant in variants:
            (tmp_path / "bad.zst").write_bytes(variant)
            try:
                bundle.import_(tmp_path / "bad.zst", tmp_path / "db")
            except DatabaseError as error:
                assert "\n" not in error.sentence
            assert (tmp_path / "db").read_bytes() == place.read_bytes()
        assert sorted(one.name for one in tmp_path.iterdir()) == ["b.zst", "bad.zst", "db"]

    def test_a_bundle_whose_database_was_changed(self, copy: Path, tmp_path: Path) -> None:
        connection = sqlite3.connect(copy)
        connection.execute("DELETE FROM package WHERE name = 'p3'")
        connection.commit()
        connection.close()
        with pytest.raises(DatabaseError, match="digest"):
            bundle.export(copy, tmp_path / "b.zst")

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="cannot import"):
            bundle.import_(tmp_path / "none", tmp_path / "db")


def test_reading_imports_nothing_heavy() -> None:
    script = "import sys, thwart.advisories.embedded; print([m for m in ('httpx', 'cvss', 'hashlib', 'tarfile') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"
