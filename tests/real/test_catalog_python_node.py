"""Python's and Node's catalogers on what the real tools write, judged by the tools' own answers."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import canonicalize_name

from thwart.catalogers import MEMBERS
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

Named = set[tuple[str, str]]

MANIFEST = {
    "name": "demo",
    "version": "1.0.0",
    "dependencies": {"express": "4.17.1", "lodash4": "npm:lodash@4.17.15", "@babel/code-frame": "7.0.0"},
    "devDependencies": {"mocha": "9.0.0"},
    "optionalDependencies": {"fsevents": "2.3.2"},
}
PROJECT = """
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = ["flask==2.2.0", "requests[socks]"]
[project.optional-dependencies]
pg = ["psycopg2-binary"]
[dependency-groups]
dev = ["pytest<8"]
"""


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} on PATH")
    return found


def run(folder: Path, *command: str, expect: int | None = 0) -> str:
    """Standard output; a tool that cannot reach its registry is a reason to skip."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if expect is not None and done.returncode != expect:
        if any(word in done.stderr for word in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "error sending request")):
            pytest.skip(f"{command[0]} cannot reach its registry")
        raise AssertionError(done.stderr[-2000:])
    return done.stdout


def read(cataloger: str, file: Path, path: str = "") -> FileFacts:
    member = MEMBERS.get(cataloger)
    assert member is not None
    data = file.read_bytes()
    return member.parse(File(path=path or file.name, data=data, size=len(data)), Limits())


def named(facts: FileFacts, *scopes: str) -> Named:
    chosen = [found for found in facts.found if not scopes or found.scope in scopes]
    return {(f"{found.namespace}/{found.name}".lstrip("/"), found.version) for found in chosen}


def walk(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in tree.get("dependencies", {}).items():
        yield name, entry
        yield from walk(entry)


def as_npm_sees(folder: Path, *flags: str) -> Named:
    """`npm ls` without what it could not place; the alias is called by its real name."""
    tree = json.loads(run(folder, tool("npm"), "ls", "--all", "--json", *flags, expect=None))
    return {
        ("lodash" if name == "lodash4" else name, entry["version"]) for name, entry in walk(tree) if "version" in entry
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "package.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


@pytest.mark.parametrize("generation", ["1", "2", "3"])
def test_npm_lockfiles(project: Path, generation: str) -> None:
    flags = ("--package-lock-only", "--lockfile-version", generation, "--no-audit", "--no-fund")
    run(project, tool("npm"), "install", *flags)
    facts = read("package_lock", project / "package-lock.json")
    assert facts.problems == ()
    assert all(found.line for found in facts.found)
    assert named(facts) == as_npm_sees(project, "--package-lock-only")
    assert named(facts, "", "optional") == as_npm_sees(project, "--package-lock-only", "--omit=dev")


def test_npm_installed(project: Path) -> None:
    run(project, tool("npm"), "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
    found: Named = set()
    for file in project.rglob("package.json"):
        path = str(file.relative_to(project))
        facts = read("node_installed", file, path)
        assert facts.problems == (), path
        found |= named(facts)
    assert found == as_npm_sees(project)


@pytest.mark.parametrize(
    "command", [("pnpm", "install", "--lockfile-only"), ("yarn", "install", "--ignore-scripts", "--non-interactive")]
)
def test_other_node_lockfiles_hold_what_was_asked_for(project: Path, command: tuple[str, ...]) -> None:
    run(project, tool(command[0]), *command[1:])
    lock = next(file for file in (project / "pnpm-lock.yaml", project / "yarn.lock") if file.exists())
    facts = read(lock.name.replace("-", "_").rpartition(".")[0] + "_lock" * (lock.name == "yarn.lock"), lock)
    assert facts.problems == ()
    asked = {("express", "4.17.1"), ("lodash", "4.17.15"), ("@babel/code-frame", "7.0.0"), ("mocha", "9.0.0")}
    assert asked <= named(facts)
    assert not [found for found in facts.found if found.name in ("demo", "lodash4")]


def test_uv_lockfile_and_its_exports(project: Path) -> None:
    uv = tool("uv")
    run(project, uv, "lock", "-q")
    facts = read("uv_lock", project / "uv.lock")
    assert facts.problems == ()

    def export(*flags: str) -> Named:
        plain = ("--frozen", "-q", "--no-header", "--no-annotate", "--no-emit-project", "-o", "requirements.txt")
        run(project, uv, "export", *plain, *flags)
        return named(read("requirements_txt", project / "requirements.txt"))

    assert named(facts, "") == export("--no-dev")
    assert named(facts, "", "optional") == export("--no-dev", "--all-extras")
    assert named(facts) == export("--all-groups", "--all-extras")
    run(
        project,
        uv,
        "export",
        "--frozen",
        "-q",
        "--all-groups",
        "--all-extras",
        "--no-emit-project",
        "-o",
        "pylock.toml",
    )
    assert named(read("pylock_toml", project / "pylock.toml")) == named(facts)


def test_installed_distributions_of_this_interpreter() -> None:
    found: Named = set()
    wanted: Named = set()
    for folder in {Path(place) for place in sys.path if place.endswith("-packages") and Path(place).is_dir()}:
        for one in importlib.metadata.distributions(path=[str(folder)]):
            wanted.add((canonicalize_name(one.metadata["Name"]), one.version))
        for file in (
            *folder.glob("*.dist-info/METADATA"),
            *folder.glob("*.egg-info/PKG-INFO"),
            *folder.glob("*.egg-info"),
        ):
            if file.is_file():
                facts = read("python_installed", file, os.fspath(file.relative_to(folder)))
                assert facts.problems == ()
                found |= named(facts)
    assert found == wanted
    assert found
