"""Building a database: what is merged, what is left out, what is told, and that nothing half-done ever shows."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from thwart.advisories.archive import Budget, documents
from thwart.advisories.build import BuildResult, build
from thwart.advisories.database import Database
from thwart.advisories.feeds import Document
from thwart.core.advisory import Range
from thwart.core.errors import DatabaseError, ParseError, UsageError
from thwart.core.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TODAY = date(2026, 1, 1)


def osv(name: str, package: str = "p", ecosystem: str = "npm", fixed: str = "2", **fields: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
    affected = [{"package": {"name": package, "ecosystem": ecosystem}, "ranges": ranges}]
    return {"id": name, "modified": "2025-01-01T00:00:00Z", "affected": affected, **fields}


def zipped(records: Iterable[dict[str, Any]]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    return whole.getvalue()


def made(folder: Path, files: dict[str, bytes | list[dict[str, Any]]], **options: Any) -> tuple[BuildResult, Database]:
    feeds = folder / "feeds"
    for name, content in files.items():
        place = feeds / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else zipped(content))
    result = build([feeds], folder / "out" / "db", today=TODAY, **options)
    return result, Database.open(folder / "out" / "db")


class TestMerging:
    def test_the_same_record_in_two_archives_counts_once(self, tmp_path: Path) -> None:
        record = osv("GHSA-1", aliases=["CVE-2024-1000"])
        _, database = made(tmp_path, {"a/all.zip": [record], "b/all.zip": [record]})
        assert [one.ranges for one in database.affected("npm", "p")] == [(Range("0", "2"),)]
        assert database.counts["advisory"] == 1

    def test_the_newer_copy_of_a_record_replaces_the_older(self, tmp_path: Path) -> None:
        old = osv("GHSA-1", fixed="3", modified="2023-01-01T00:00:00Z", aliases=["CVE-2024-1000"])
        new = osv("GHSA-1", fixed="2", aliases=["CVE-2024-1001"])
        _, database = made(tmp_path, {"a.zip": [old], "b.zip": [new]})
        assert [one.ranges for one in database.affected("npm", "p")] == [(Range("0", "2"),)]
        record = database.advisory("GHSA-1")
        assert record is not None
        assert record.aliases == ("CVE-2024-1001",)

    def test_a_withdrawal_takes_older_copies_with_it(self, tmp_path: Path) -> None:
        gone = osv("GHSA-1", withdrawn="2025-02-02T00:00:00Z", modified="2025-02-02T00:00:00Z")
        result, database = made(tmp_path, {"a.zip": [osv("GHSA-1"), osv("GHSA-2", "q")], "b.zip": [gone]})
        assert database.advisory("GHSA-1") is None
        assert database.affected("npm", "p") == ()
        assert result.left == (("GitHub", "withdrawn", 1),)

    def test_one_id_from_two_feeds_is_joined(self, tmp_path: Path) -> None:
        secdb = {
            "urlprefix": "x",
            "distroversion": "v3.20",
            "packages": [{"pkg": {"name": "p", "secfixes": {"0": ["CVE-2024-1000"]}}}],
        }
        record = osv("ALPINE-CVE-2024-1000", ecosystem="Alpine:v3.20", severity=[{"type": "CVSS_V3", "score": "x"}])
        _, database = made(tmp_path, {"a.zip": [record], "main.json": json.dumps(secdb).encode()})
        assert {one.status for one in database.affected("Alpine:v3.20", "p")} == {"", "not-affected"}
        joined = database.advisory("ALPINE-CVE-2024-1000")
        assert joined is not None
        assert (joined.upstream, len(joined.scores)) == (("CVE-2024-1000",), 1)

    def test_names_fold_where_the_ecosystem_folds(self, tmp_path: Path) -> None:
        _, database = made(tmp_path, {"a.zip": [osv("PYSEC-1", "Zope_Interface", "PyPI"), osv("GHSA-2", "JSONStream")]})
        assert len(database.affected("PyPI", "zope.interface")) == 1
        assert len(database.affected("npm", "JSONStream")) == 1
        assert database.affected("npm", "jsonstream") == ()

    def test_facts_on_a_cve_come_together(self, tmp_path: Path) -> None:
        files: dict[str, Any] = {
            "epss_old.csv": b"#model_version:v,score_date:2025-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1000,0.1,0.2\n",
            "epss_new.csv": b"#model_version:v,score_date:2025-06-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1000,0.3,0.4\n",
            "kev.csv": b"cveID,dateAdded,dueDate\nCVE-2024-1000,2025-01-01,2025-02-02\nCVE-2024-1001,2025-01-01,2025-02-02\n",
            "other.zip": [osv("GHSA-1", aliases=["CVE-2024-1000"])],
        }
        _, database = made(tmp_path, files)
        facts = database.cve("CVE-2024-1000")
        assert facts is not None
        assert (facts.epss, facts.percentile) == (0.3, 0.4)
        assert facts.kev is not None
        assert facts.kev.added == "2025-01-01"

    def test_only_referenced_keeps_what_is_spoken_of_or_exploited(self, tmp_path: Path) -> None:
        rows = "".join(f"CVE-2024-100{n},0.1,0.2\n" for n in range(3))
        files: dict[str, Any] = {
            "epss.csv": f"cve,epss,percentile\n{rows}".encode(),
            "kev.csv": b"cveID,dateAdded,dueDate\nCVE-2024-1001,2025-01-01,2025-02-02\n",
            "other.zip": [osv("GHSA-1", aliases=["CVE-2024-1000"])],
        }
        _, database = made(tmp_path, files, only_referenced=True)
        assert [database.cve(f"CVE-2024-100{n}") is not None for n in range(3)] == [True, True, False]


class TestDates:
    def test_of_records_but_not_of_the_future(self, tmp_path: Path) -> None:
        records = [osv("GHSA-1"), osv("GHSA-2", modified="2027-01-01T00:00:00Z")]
        result, database = made(tmp_path, {"a.zip": records})
        assert [(feed.name, feed.date) for feed in result.feeds] == [("GitHub", "2025-01-01")]
        info = database.info(date(2025, 1, 11))
        assert (info.built, info.age_days, info.schema) == ("2025-01-01", 10, 1)

    def test_of_the_file_when_records_have_none(self, tmp_path: Path) -> None:
        feeds = tmp_path / "feeds"
        feeds.mkdir()
        (feeds / "GO-1.json").write_text(json.dumps(osv("GO-1", ecosystem="Go", modified="0001-01-01T00:00:00Z")))
        os.utime(feeds / "GO-1.json", (1_700_000_000, 1_700_000_000))
        assert build([feeds], tmp_path / "db", today=TODAY).feeds[0].date == "2023-11-14"

    def test_given_ones_overrule(self, tmp_path: Path) -> None:
        result, _ = made(tmp_path, {"a.zip": [osv("GHSA-1")]}, dates={"GitHub": "2024-05-05"}, built="2024-06-06")
        assert (result.feeds[0].date, result.built) == ("2024-05-05", "2024-06-06")

    def test_feeds_of_an_ecosystem(self, tmp_path: Path) -> None:
        _, database = made(tmp_path, {"a.zip": [osv("GHSA-1"), osv("DSA-1-1", ecosystem="Debian:12")]})
        assert [feed.name for feed in database.feeds("Debian:12")] == ["Debian"]
        assert [feed.licence for feed in database.feeds("npm")] == ["CC-BY-4.0"]
        assert database.feeds("Nix") == ()


class TestInputs:
    def test_wrapped_in_every_way(self, tmp_path: Path) -> None:
        def tarred(name: str, data: bytes) -> bytes:
            whole = io.BytesIO()
            with tarfile.open(fileobj=whole, mode="w:gz") as archive:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            return whole.getvalue()

        files: dict[str, Any] = {
            "plain.json": json.dumps(osv("GHSA-1")).encode(),
            "one.json.gz": gzip.compress(json.dumps(osv("GHSA-2")).encode()),
            "one.json.xz": lzma.compress(json.dumps(osv("GHSA-3")).encode()),
            "tree.tar.gz": tarred("a/GHSA-4.json", json.dumps(osv("GHSA-4")).encode()),
            "zip.zip": [osv("GHSA-5")],
        }
        nested = io.BytesIO()
        with zipfile.ZipFile(nested, "w") as archive:
            archive.writestr("inner.zip", zipped([osv("GHSA-6")]))
        files["nested.zip"] = nested.getvalue()
        result, database = made(tmp_path, files)
        assert result.problems == ()
        assert [one.advisory for one in database.affected("npm", "p")] == [f"GHSA-{n}" for n in range(1, 7)]

    def test_what_is_not_recognised_is_told(self, tmp_path: Path) -> None:
        result, _ = made(tmp_path, {"a.zip": [osv("GHSA-1")], "README.md": b"# hello", ".hidden": b"x"})
        assert [(one.slug, one.incomplete) for one in result.problems] == [("feed-unrecognised", False)]
        assert "README.md" in result.problems[0].message

    def test_a_named_file_must_be_a_feed(self, tmp_path: Path) -> None:
        (tmp_path / "x.txt").write_text("hello")
        with pytest.raises(UsageError, match="no format that is known"):
            build([tmp_path / "x.txt"], tmp_path / "db", today=TODAY)
        with pytest.raises(UsageError, match="does not exist"):
            build([tmp_path / "missing"], tmp_path / "db", today=TODAY)

    def test_nothing_in_is_an_error_not_an_empty_database(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        with pytest.raises(DatabaseError, match="no advisory was found"):
            build([tmp_path / "in"], tmp_path / "db", today=TODAY)
        assert not (tmp_path / "db").exists()

    def test_damaged_records_do_not_hide_their_neighbours(self, tmp_path: Path) -> None:
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            archive.writestr("1.json", json.dumps(osv("GHSA-1")))
            for number in range(30):
                archive.writestr(f"bad{number}.json", '{"id": "GHSA-bad", "affected": 5}')
            archive.writestr("cut.json", '{"id": "GHSA-cut"')
            archive.writestr("2.json", json.dumps(osv("GHSA-2")))
        result, database = made(tmp_path, {"a.zip": whole.getvalue()})
        assert len(database.affected("npm", "p")) == 2
        assert all(one.incomplete for one in result.problems)
        assert "11 further parts are damaged" in result.problems[-1].message

    @pytest.mark.parametrize("cut", [10, 200, -5])
    def test_a_truncated_zip_is_told(self, tmp_path: Path, cut: int) -> None:
        data = zipped(osv(f"GHSA-{n}") for n in range(50))[:cut]
        result, _ = made(tmp_path, {"bad.zip": data, "good.zip": [osv("GHSA-x")]})
        assert [(one.slug, one.incomplete) for one in result.problems] == [("feed-damaged", True)]

    def test_a_flipped_bit_in_a_zip_is_told(self, tmp_path: Path) -> None:
        data = bytearray(zipped(osv(f"GHSA-{n}") for n in range(50)))
        data[30 + len("GHSA-0.json") + 20] ^= 4  # in the first member's deflated bytes
        result, _ = made(tmp_path, {"bad.zip": bytes(data), "good.zip": [osv("GHSA-x")]})
        assert [one.slug for one in result.problems] == ["feed-damaged"]


class TestHostileArchives:
    def read(self, data: bytes, **limits: int) -> list[Document | ParseError]:
        return list(documents("x", data, "", Budget(Limits(**limits))))

    def test_every_truncation_and_flip_of_a_zip(self) -> None:
        data = zipped([osv("GHSA-1"), osv("GHSA-2")])
        whole = {one.name for one in self.read(data) if isinstance(one, Document)}
        for at in range(len(data)):
            for variant in (data[:at], data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]):
                try:
                    found = self.read(variant, entries=100, nested_bytes=1 << 20, file_bytes=1 << 20)
                except ParseError as error:
                    assert error.reason
                else:
                    assert len(found) <= max(len(whole), 1)

    def test_too_many_members(self) -> None:
        data = zipped(osv(f"GHSA-{n}") for n in range(50))
        with pytest.raises(ParseError, match="more than 10 files"):
            self.read(data, entries=10)

    def test_a_member_that_is_too_large(self) -> None:
        data = zipped([osv("GHSA-1", details="x" * 10_000)])
        (one,) = self.read(data, file_bytes=1000)
        assert isinstance(one, ParseError)
        assert "more than 1000" in one.reason

    def test_a_member_that_lies_about_its_size(self) -> None:
        data = bytearray(zipped([osv("GHSA-1", details="x" * 10_000)]))
        place = data.rfind(b"PK\x01\x02")
        data[place + 24 : place + 28] = (50).to_bytes(4, "little")
        (one,) = self.read(bytes(data))
        assert isinstance(one, ParseError)
        assert "another size" in one.reason

    def test_members_that_share_their_bytes(self) -> None:
        data = zipped([osv("GHSA-1", details=os.urandom(2000).hex())])
        start, end = data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
        entry, tail = data[start:end], bytearray(data[end:])
        copies = 100
        for place in (8, 10):
            tail[place : place + 2] = copies.to_bytes(2, "little")
        tail[12:16] = (len(entry) * copies).to_bytes(4, "little")
        with pytest.raises(ParseError, match="overlap"):
            self.read(data[:start] + entry * copies + bytes(tail))

    def test_a_bomb(self) -> None:
        with pytest.raises(ParseError, match="inflates to more"):
            self.read(gzip.compress(bytes(3 << 20)), nested_bytes=1 << 20)
        with pytest.raises(ParseError, match="bomb"):
            self.read(lzma.compress(bytes(8 << 20)), ratio=100)

    def test_nesting(self) -> None:
        data = json.dumps(osv("GHSA-1")).encode()
        for _ in range(12):
            data = gzip.compress(data)
        with pytest.raises(ParseError, match="nested too deeply"):
            self.read(data)

    def test_encrypted(self) -> None:
        data = bytearray(zipped([osv("GHSA-1")]))
        data[data.rfind(b"PK\x01\x02") + 8] |= 1
        (one,) = self.read(bytes(data))
        assert isinstance(one, ParseError)
        assert "encrypted" in one.reason

    def test_zip64(self) -> None:
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive, archive.open("a.json", "w", force_zip64=True) as member:
            member.write(b"{}")
        (one,) = self.read(whole.getvalue())
        assert isinstance(one, Document)
        assert one.data == b"{}"

    def test_truncated_tar(self) -> None:
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as archive:
            info = tarfile.TarInfo("a.json")
            info.size = 5000
            archive.addfile(info, io.BytesIO(bytes(5000)))
        with pytest.raises(ParseError, match="tar"):
            self.read(whole.getvalue()[:3000])


class TestSwap:
    def test_same_input_gives_the_same_bytes(self, tmp_path: Path) -> None:
        files: dict[str, Any] = {"a.zip": [osv(f"GHSA-{n}", f"p{n}", aliases=[f"CVE-2024-{n:04d}"]) for n in range(50)]}
        made(tmp_path / "1", files)
        made(tmp_path / "2", files)
        assert (tmp_path / "1/out/db").read_bytes() == (tmp_path / "2/out/db").read_bytes()

    def test_a_failed_build_leaves_the_old_one_and_no_rubbish(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made(tmp_path, {"a.zip": [osv("GHSA-1")]})
        before = (tmp_path / "out" / "db").read_bytes()

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("thwart.advisories.build.write", full)
        with pytest.raises(DatabaseError, match="No space left"):
            made(tmp_path, {"b.zip": [osv("GHSA-2")]})
        assert (tmp_path / "out" / "db").read_bytes() == before
        assert [one.name for one in (tmp_path / "out").iterdir()] == ["db"]

    def test_readers_of_the_old_one_go_on(self, tmp_path: Path) -> None:
        _, old = made(tmp_path, {"a.zip": [osv("GHSA-1")]})
        _, new = made(tmp_path, {"b.zip": [osv("GHSA-2")]})
        assert [one.advisory for one in old.affected("npm", "p")] == ["GHSA-1"]
        assert [one.advisory for one in new.affected("npm", "p")] == ["GHSA-1", "GHSA-2"]

    def test_killed_in_the_middle(self, tmp_path: Path) -> None:
        made(tmp_path, {"a.zip": [osv("GHSA-1")]})
        before = (tmp_path / "out" / "db").read_bytes()
        script = textwrap.dedent(
            """
            import os, signal, sys
            from datetime import date
            from pathlib import Path
            from thwart.advisories import build, writer
            def stop(new, place):
                print("ready", flush=True)
                signal.pause()
            build.swap_in = stop
            build.build([Path(sys.argv[1])], Path(sys.argv[2]), today=date(2026, 1, 1))
            """
        )
        arguments = [sys.executable, "-c", script, str(tmp_path / "feeds"), str(tmp_path / "out" / "db")]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGKILL)
        assert (tmp_path / "out" / "db").read_bytes() == before
        left = [one for one in (tmp_path / "out").iterdir() if one.name != "db"]
        assert len(left) == 1
        os.utime(left[0], (0, 0))
        made(tmp_path, {"b.zip": [osv("GHSA-2")]})
        assert [one.name for one in (tmp_path / "out").iterdir()] == ["db"]
