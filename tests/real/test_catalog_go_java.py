"""Go and Java programs made by their own tools, read back; `go version -m` is the oracle for Go."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from thwart.catalogers.go_binary import go_binary, ranges
from thwart.catalogers.go_mod import go_mod
from thwart.catalogers.java_archive import java_archive
from thwart.catalogers.pom_xml import pom_xml
from thwart.core.limits import DEFAULT
from thwart.core.package import HEAD, File, FileFacts, NeedRanges, Part

pytestmark = pytest.mark.real

MAIN = (
    'package main\n\nimport "example.com/lib"\n\nvar version = "none"\n\nfunc main() { println(lib.Name(), version) }\n'
)
LIBRARY = 'package main\n\nimport "C"\nimport "example.com/lib"\n\n//export Name\nfunc Name() *C.char { return C.CString(lib.Name()) }\n\nfunc main() {}\n'
MODULE = (
    "module example.com/acme/app\n\ngo 1.18\n\nrequire example.com/lib v1.2.3\n\nreplace example.com/lib => ./lib\n"
)


def tool(name: str) -> str:
    """The tool's path; the test is skipped when there is none."""
    path = shutil.which(name) or shutil.which(name, path="/usr/local/go/bin")
    if path is None:
        pytest.skip(f"no {name} on this machine")
    return path


def run(*command: str | Path, at: Path, **more: str) -> str:
    done = subprocess.run(command, cwd=at, env={**os.environ, **more}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module with a dependency in a folder, so that nothing need be fetched."""
    root = tmp_path_factory.mktemp("source")
    (root / "lib").mkdir()
    (root / "shared").mkdir()
    (root / "go.mod").write_text(MODULE)
    (root / "main.go").write_text(MAIN)
    (root / "shared" / "main.go").write_text(LIBRARY)
    (root / "lib" / "go.mod").write_text("module example.com/lib\n\ngo 1.18\n")
    (root / "lib" / "lib.go").write_text('package lib\n\n// Name is a name.\nfunc Name() string { return "lib" }\n')
    return root


def catalog(path: Path) -> tuple[FileFacts, int]:
    """The facts and how often the file had to be read again."""
    data = path.read_bytes()
    wanted = list(ranges(data[:HEAD], len(data)))
    for again in range(6):
        parts = tuple(Part(offset, data[offset : offset + length]) for offset, length in wanted)
        try:
            return go_binary(File(path=path.name, data=data[:HEAD], size=len(data), parts=parts), DEFAULT), again
        except NeedRanges as request:
            wanted += request.ranges
    raise AssertionError("asks without end")


def oracle(path: Path) -> tuple[str, set[tuple[str, str]]]:
    """The release and the modules, replacements applied, that `go version -m` prints."""
    first, *lines = run(tool("go"), "version", "-m", path, at=path.parent).splitlines()
    modules: list[tuple[str, str]] = []
    for line in lines:
        word, *columns = line.strip("\t").split("\t")
        if word in ("mod", "dep"):
            modules.append((columns[0], columns[1]))
        elif word == "=>" and columns[1] != "(devel)":
            modules[-1] = (columns[0], columns[1])
    return first.rpartition(": go")[2].split()[0], {(name, "" if v == "(devel)" else v) for name, v in modules}


def check(path: Path, told: str = "") -> int:
    facts, again = catalog(path)
    release, modules = oracle(path)
    found = {(f"{one.namespace}/{one.name}".lstrip("/"), one.version) for one in facts.found}
    own = "example.com/acme/app"
    expected = {(name, told if name == own and told else version) for name, version in modules}
    assert found == expected | {("stdlib", release)}
    assert facts.problems == ()
    return again


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        ((), {"CGO_ENABLED": "0"}),
        (("-ldflags=-s -w",), {"CGO_ENABLED": "0"}),
        (("-trimpath", "-ldflags=-s -w -buildid="), {"CGO_ENABLED": "0"}),
        (("-buildmode=pie",), {}),
        ((), {"CGO_ENABLED": "0", "GOARCH": "arm64"}),
        ((), {"CGO_ENABLED": "0", "GOARCH": "386"}),
        ((), {"CGO_ENABLED": "0", "GOARCH": "s390x"}),
        ((), {"CGO_ENABLED": "0", "GOARCH": "mips"}),
    ],
)
def test_programs_of_go_s_own_linker(
    source: Path, tmp_path: Path, flags: tuple[str, ...], environment: dict[str, str]
) -> None:
    run(tool("go"), "build", "-buildvcs=false", *flags, "-o", tmp_path / "app", ".", at=source, **environment)
    assert check(tmp_path / "app") == 0


def test_version_that_the_linker_was_told(source: Path, tmp_path: Path) -> None:
    flags = "-ldflags=-X main.version=1.2.3"
    run(tool("go"), "build", "-buildvcs=false", flags, "-o", tmp_path / "app", ".", at=source, CGO_ENABLED="0")
    check(tmp_path / "app", told="v1.2.3")


@pytest.mark.parametrize("flags", [("-ldflags=-linkmode=external",), ("-buildmode=pie", "-ldflags=-linkmode=external")])
def test_programs_of_the_c_linker(source: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    tool("gcc")
    run(tool("go"), "build", "-buildvcs=false", *flags, "-o", tmp_path / "app", ".", at=source, CGO_ENABLED="1")
    assert check(tmp_path / "app") == 0


def test_program_of_the_c_linker_without_build_id(source: Path, tmp_path: Path) -> None:
    tool("gcc")
    flags = ("-buildmode=pie", "-ldflags=-linkmode=external -buildid=")
    run(tool("go"), "build", "-buildvcs=false", *flags, "-o", tmp_path / "app", ".", at=source, CGO_ENABLED="1")
    assert check(tmp_path / "app") <= 1


def test_shared_library(source: Path, tmp_path: Path) -> None:
    tool("gcc")
    target = tmp_path / "lib.so"
    run(
        tool("go"),
        "build",
        "-buildvcs=false",
        "-buildmode=c-shared",
        "-o",
        target,
        "./shared",
        at=source,
        CGO_ENABLED="1",
    )
    assert check(target) == 0


def test_after_strip(source: Path, tmp_path: Path) -> None:
    run(tool("go"), "build", "-buildvcs=false", "-o", tmp_path / "app", ".", at=source, CGO_ENABLED="0")
    run(tool("strip"), tmp_path / "app", at=tmp_path)
    assert check(tmp_path / "app") == 0


def test_the_go_command_itself() -> None:
    facts, again = catalog(Path(tool("go")).resolve())
    names = [one.name for one in facts.found]
    assert (names, again) == (["stdlib", "toolchain"], 0)
    assert facts.found[0].version == facts.found[1].version != ""


def test_programs_of_the_system_are_not_go() -> None:
    facts, again = catalog(Path(tool("ls")).resolve())
    assert (facts.found, facts.problems, again) == ((), (), 0)


def test_go_mod_as_the_go_command_reads_it(source: Path) -> None:
    facts = go_mod(File(path="go.mod", data=(source / "go.mod").read_bytes()), DEFAULT)
    listed = run(tool("go"), "list", "-m", "-f", "{{.Path}} {{.Version}}", "example.com/lib", at=source).split()
    assert [(f"{one.namespace}/{one.name}", one.version) for one in facts.found if one.namespace] == [
        (listed[0], listed[1])
    ]


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A jar by javac and jar, with a second one within."""
    root = tmp_path_factory.mktemp("java")
    javac, archiver = tool("javac"), tool("jar")
    (root / "A.java").write_text("package com.acme; public class A { }\n")
    run(javac, "-d", "classes", "A.java", at=root)
    (root / "inner.mf").write_text(
        f"Implementation-Title: inner\nImplementation-Version: 1.2.3\nBundle-License: {'x' * 90}\n"
    )
    run(archiver, "cfm", "inner-1.2.3.jar", "inner.mf", "-C", "classes", ".", at=root)
    folder = root / "outer" / "META-INF" / "maven" / "com.acme" / "outer"
    folder.mkdir(parents=True)
    (folder / "pom.properties").write_text("#made\ngroupId=com.acme\nartifactId=outer\nversion=4.5\n")
    (root / "outer" / "lib").mkdir()
    shutil.copy(root / "inner-1.2.3.jar", root / "outer" / "lib")
    run(archiver, "cf", "outer-4.5.jar", "-C", "outer", ".", at=root)
    return root / "outer-4.5.jar"


def test_archives_of_the_jar_tool(jar: Path) -> None:
    data = jar.read_bytes()
    facts = java_archive(File(path=jar.name, data=data, size=len(data)), DEFAULT)
    assert facts.problems == ()
    assert [(one.namespace, one.name, one.version, one.inner) for one in facts.found] == [
        ("com.acme", "outer", "4.5", ""),
        ("", "inner", "1.2.3", "lib/inner-1.2.3.jar"),
    ]
    assert facts.found[1].licences == ("x" * 90,)  # longer than a manifest's line


def test_archives_of_this_machine_s_maven_repository() -> None:
    root = Path("/usr/share/maven-repo")
    jars = [
        path for path in sorted(root.glob("**/*.jar")) if path.parent.name[0].isdigit() and ".x" not in path.parent.name
    ]
    if not jars:
        pytest.skip("no Debian Maven repository on this machine")
    wrong = []
    for path in jars:
        artifact, version = path.parent.parent.name, path.parent.name
        data = path.read_bytes()
        facts = java_archive(File(path=path.name, data=data, size=len(data)), DEFAULT)
        if not any(one.name == artifact for one in facts.found):
            wrong.append(f"{artifact} {version}: {[one.name for one in facts.found]}")
    assert len(wrong) <= len(jars) // 50, wrong


def test_poms_of_this_machine_s_maven_repository() -> None:
    poms = sorted(Path("/usr/share/maven-repo").glob("**/*.pom"))[:300]
    if not poms:
        pytest.skip("no Debian Maven repository on this machine")
    for path in poms:
        facts = pom_xml(File(path="pom.xml", data=path.read_bytes()), DEFAULT)
        assert all(slug == "unresolved" for slug, _ in facts.problems)
