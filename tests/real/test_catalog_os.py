"""Package databases made by dpkg and rpm themselves, held against what these programs say is installed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import subprocess
from pathlib import Path

import pytest

from thwart.catalogers._ownership import ownable
from thwart.catalogers.dpkg import dpkg
from thwart.catalogers.rpm import rpm, split_source
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts
from thwart.lib import osrelease

pytestmark = pytest.mark.real

DPKG_FORMAT = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"
RPM_FORMAT = (
    "%{NAME}\t%{EPOCH}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{VENDOR}\t%{LICENSE}\t%{MODULARITYLABEL}\n"
)
GONE = ("config-files", "not-installed")


def tools(*names: str) -> None:
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*command: str | Path, text: str | None = None) -> str:
    result = subprocess.run(
        list(map(str, command)), input=text, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert result.returncode == 0, f"{command[0]}: {result.stderr}"
    return result.stdout


# dpkg


def told_by_dpkg(folder: Path) -> list[tuple[str, ...]]:
    lines = run("dpkg-query", f"--admindir={folder}", "-W", "-f", DPKG_FORMAT).splitlines()
    rows = [tuple(line.split("\t")) for line in lines]
    return sorted(row[1:] for row in rows if row[0] not in GONE)


def read_by_us(status: Path) -> list[tuple[str, ...]]:
    facts = dpkg(File(path="var/lib/dpkg/status", data=status.read_bytes()), Limits())
    assert facts.problems == ()
    return sorted((one.name, one.version, one.arch, one.source, one.source_version) for one in facts.found)


def build_deb(folder: Path, control: dict[str, str], files: list[str], conffile: str = "") -> Path:
    root = folder / control["Package"] / control["Architecture"]
    (root / "DEBIAN").mkdir(parents=True)
    text = {"Maintainer": "Example <deb@example.test>", "Description": "a test\n more of it", **control}
    (root / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in text.items()))
    if conffile:
        (root / "DEBIAN/conffiles").write_text(f"/{conffile}\n")
    for name in [*files, *([conffile] if conffile else [])]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    made = folder / f"{control['Package']}_{control['Architecture']}.deb"
    run("dpkg-deb", "--build", root, made)
    return made


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with packages in several states; no maintainer script runs."""
    tools("dpkg", "dpkg-deb", "dpkg-query")
    folder, root = tmp_path_factory.mktemp("debs"), tmp_path_factory.mktemp("debroot")
    for name in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / name).mkdir(parents=True)
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()
    arch = run("dpkg", "--print-architecture").strip()
    installed = [
        ({"Package": "plain", "Version": "1.0-1", "Architecture": "all"}, ["usr/bin/plain", "usr/share/doc/plain/README"], ""),
        ({"Package": "libsame1", "Version": "2:3.1-1+b2", "Architecture": arch, "Multi-Arch": "same",
          "Source": "same (2:3.1-1)"}, ["usr/lib/libsame.so.1", "usr/lib/python3/dist-packages/same-3.1.egg-info/PKG-INFO"], ""),
        ({"Package": "renamed", "Version": "1~rc1", "Architecture": arch, "Source": "origin"}, ["usr/libexec/renamed.d/run.me"], ""),
        ({"Package": "leaves-conffile", "Version": "7", "Architecture": "all"}, ["opt/x"], "etc/leaves.conf"),
    ]  # fmt: skip
    made = [build_deb(folder, *one) for one in installed]
    unpacked = build_deb(folder, {"Package": "unpacked", "Version": "5", "Architecture": "all"}, ["usr/bin/unpacked"])
    base = ("dpkg", f"--root={root}", "--force-not-root", "--force-bad-path", "--no-triggers")
    run(*base, "-i", *made)
    run(*base, "--unpack", unpacked)
    run(*base, "-r", "leaves-conffile")
    return root


def test_dpkg_states_and_sources(debian: Path) -> None:
    expected = told_by_dpkg(debian / "var/lib/dpkg")
    assert [row[0] for row in expected] == ["libsame1", "plain", "renamed", "unpacked"]
    assert read_by_us(debian / "var/lib/dpkg/status") == expected


def test_dpkg_lists(debian: Path) -> None:
    lists = sorted((debian / "var/lib/dpkg/info").glob("*.list"))
    assert len(lists) >= 4
    for one in lists:
        name = one.name.removesuffix(".list")
        facts = dpkg(File(path=f"var/lib/dpkg/info/{one.name}", data=one.read_bytes()), Limits())
        told = run("dpkg-query", f"--admindir={debian}/var/lib/dpkg", "-L", name) if name != "leaves-conffile" else ""
        files = [path[1:] for path in told.splitlines() if (debian / path[1:]).is_file()]
        assert [owned.path for owned in facts.owns] == [path for path in files if ownable(path)]
        assert {owned.package for owned in facts.owns} <= {name.partition(":")[0]}


def test_dpkg_of_this_machine(tmp_path: Path) -> None:
    tools("dpkg-query")
    status = Path("/var/lib/dpkg/status")
    if not status.is_file():
        pytest.skip("this machine has no dpkg database")
    shutil.copy(status, tmp_path)  # somebody may be installing
    (tmp_path / "info").mkdir()
    expected = told_by_dpkg(tmp_path)
    assert expected
    assert read_by_us(tmp_path / "status") == expected


# rpm

SPECS = {
    "plain": """
Name: plain
Version: 1.2.3
Release: 4.el9
Summary: x
License: MIT AND BSD-3-Clause
Vendor: Example Project
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/share/doc/plain %{buildroot}/usr/lib/python3.11/site-packages/plain-1.2.3.dist-info
echo x > %{buildroot}/usr/bin/plain
echo x > %{buildroot}/usr/lib/python3.11/site-packages/plain-1.2.3.dist-info/METADATA
echo x > %{buildroot}/usr/share/doc/plain/README
%files
/usr/bin/plain
/usr/lib/python3.11/site-packages/plain-1.2.3.dist-info
/usr/share/doc/plain/README
""",
    "epoch-tool": """
Name: epoch-tool
Epoch: 2
Version: 0.9~rc1
Release: 1.fc40
Summary: x
License: GPL-2.0-or-later
ModularityLabel: tool:1.0:8060020220523160029:ad008a3a
%description
x
%package -n libepoch-tool
Epoch: 0
Version: 3.0
Summary: y
%description -n libepoch-tool
y
%install
mkdir -p %{buildroot}/usr/sbin %{buildroot}/usr/lib64
echo x > %{buildroot}/usr/sbin/epoch.tool
echo x > %{buildroot}/usr/lib64/libepoch.so.1
%files
/usr/sbin/epoch.tool
%files -n libepoch-tool
/usr/lib64/libepoch.so.1
""",
    "many-files": """
Name: many-files
Version: 20240101
Release: 1
Summary: x
License: Apache-2.0
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/libexec/many
for i in $(seq 1 800); do echo > %{buildroot}/usr/libexec/many/file-number-$i.txt; done
%files
/usr/libexec/many
""",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Built rpm files: plain, with epochs and a module, of two architectures, with many files."""
    tools("rpm", "rpmbuild")
    folder = tmp_path_factory.mktemp("rpms")
    for name, text in SPECS.items():
        (folder / f"{name}.spec").write_text(text)
        for arch in ("x86_64", "aarch64") if name == "epoch-tool" else ("x86_64",):
            run("rpmbuild", "-bb", "--quiet", "--target", arch, "--define", f"_topdir {folder}/top",
                "--define", "_buildhost build.example.test", folder / f"{name}.spec")  # fmt: skip
    return sorted((folder / "top/RPMS").rglob("*.rpm"))


def install(root: Path, backend: str, packages: list[Path]) -> Path:
    """Folder of a new database that holds these packages."""
    base = ("rpm", "--root", root, "--define", f"_db_backend {backend}", "--define", "_dbpath /var/lib/rpm")
    run(*base, "--initdb")
    folder = root / "var/lib/rpm"
    names = {"sqlite": "rpmdb.sqlite", "ndb": "Packages.db", "bdb": "Packages"}
    if not (folder / names[backend]).is_file():
        pytest.skip(f"this rpm does not write {backend} databases")
    run(*base, "-i", "--nodeps", "--noscripts", "--ignorearch", "--ignoreos", *packages)
    return folder


@pytest.fixture(scope="module")
def sqlite(packages: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("rpmroot"), "sqlite", packages)


def told_by_rpm(folder: Path) -> list[tuple[str, ...]]:
    rows = []
    for line in run("rpm", "--dbpath", folder, "-qa", "--qf", RPM_FORMAT).splitlines():
        name, epoch, version, arch, source, vendor, licence, module = (
            "" if column == "(none)" else column for column in line.split("\t")
        )
        version = f"{epoch}:{version}" if epoch not in ("", "0") else version
        rows.append((name, version, arch, *split_source(source), vendor, licence, module))
    return sorted(rows)


def rows(facts: FileFacts) -> list[tuple[str, ...]]:
    assert facts.problems == ()
    return sorted(
        (one.name, one.version, one.arch, one.source, one.source_version, one.vendor, *one.licences, one.module)
        for one in facts.found
    )


def read(path: Path) -> FileFacts:
    return rpm(File(path=f"var/lib/rpm/{path.name}", data=path.read_bytes()), Limits())


def files_told_by_rpm(folder: Path) -> list[tuple[str, str]]:
    form = "[%{FILENAMES}\t%{=NAME}\t%{FILEMODES:perms}\n]"
    lines = [line.split("\t") for line in run("rpm", "--dbpath", folder, "-qa", "--qf", form).splitlines()]
    return sorted((path[1:], name) for path, name, mode in lines if mode[0] != "d" and ownable(path[1:]))


def test_rpm_sqlite(sqlite: Path) -> None:
    facts = read(sqlite / "rpmdb.sqlite")
    expected = told_by_rpm(sqlite)
    assert len(expected) == 6
    assert rows(facts) == expected
    assert sorted(map(tuple, facts.owns)) == files_told_by_rpm(sqlite)
    assert len(facts.owns) > 800


def test_rpm_sqlite_after_removal(packages: list[Path], tmp_path: Path) -> None:
    folder = install(tmp_path, "sqlite", packages)
    base = ("rpm", "--root", tmp_path, "--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm")
    run(*base, "-e", "--nodeps", "--noscripts", "many-files", "plain")
    facts = read(folder / "rpmdb.sqlite")
    assert rows(facts) == told_by_rpm(folder)
    assert {one.name for one in facts.found} == {"epoch-tool", "libepoch-tool"}


def test_rpm_ndb(packages: list[Path], tmp_path: Path) -> None:
    folder = install(tmp_path, "ndb", packages)
    facts = read(folder / "Packages.db")
    assert rows(facts) == told_by_rpm(folder)
    assert sorted(map(tuple, facts.owns)) == files_told_by_rpm(folder)


@pytest.mark.parametrize("order", ["1234", "4321"])
def test_rpm_berkeley(sqlite: Path, tmp_path: Path, order: str) -> None:
    """rpm stopped writing these: the same headers, loaded into a hash by Berkeley DB's own tool."""
    tools("db5.3_load")
    connection = sqlite3.connect(sqlite / "rpmdb.sqlite")
    headers = connection.execute("select hnum, blob from Packages").fetchall()
    connection.close()
    pack = struct.Struct("<I" if order == "1234" else ">I").pack
    dump = ["VERSION=3", "format=bytevalue", "type=hash", f"db_lorder={order}", "db_pagesize=4096", "HEADER=END"]
    for key, value in [(0, pack(max(number for number, _ in headers))), *headers]:
        dump += [f" {pack(key).hex()}", f" {value.hex()}"]
    run("db5.3_load", tmp_path / "Packages", text="\n".join([*dump, "DATA=END", ""]))
    facts = read(tmp_path / "Packages")
    assert rows(facts) == told_by_rpm(sqlite)
    assert sorted(map(tuple, facts.owns)) == files_told_by_rpm(sqlite)


# os-release

OS_RELEASE = r"""# a comment
ID=debian
PRETTY_NAME="say \"hi\" for \$5, \`x\` and \\ and \n"
NAME='single $quoted \n "x"'
VERSION=es\ caped
VERSION_ID="12" # twelve
VARIANT=one'two'"three"
ID=last
EMPTY=
"""


def test_os_release_is_read_as_a_shell_reads_it(tmp_path: Path) -> None:
    tools("sh")
    file = tmp_path / "os-release"
    file.write_text(OS_RELEASE)
    values, broken = osrelease.parse(OS_RELEASE)
    assert broken == ()
    assert set(values) == {"ID", "PRETTY_NAME", "NAME", "VERSION", "VERSION_ID", "VARIANT", "EMPTY"}
    for name, value in values.items():
        assert run("sh", "-c", f'. "$0"; printf %s "${name}"', file) == value
