"""The house keeps its own rules: purity of rooms, cheap start, one folder an index, a public API that exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import thwart
from tests.conftest import ROOT

SOURCE = ROOT / "src" / "thwart"
PURE = (
    "lib",
    "core",
    "catalogers",
    "matching",
    "rules",
    "network",
    "fixes",
    "trust",
    "gate",
    "reports",
    "advisories/feeds",
)
WORLD = frozenset(
    [
        "os",
        "socket",
        "subprocess",
        "random",
        "secrets",
        "time",
        "threading",
        "asyncio",
        "http",
        "httpx",
        "shutil",
        "tempfile",
        "sys",
        "signal",
        "select",
        "multiprocessing",
        "concurrent",
        "logging",
        "glob",
    ]
)
DEEDS = frozenset({"open", "print", "input", "exec", "eval", "breakpoint", "__import__"})
MOMENTS = frozenset({"now", "today", "utcnow"})


def modules(*rooms: str) -> list[Path]:
    return [path for room in rooms for path in sorted((SOURCE / room).rglob("*.py"))]


def impurities(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [f"imports {alias.name}" for alias in node.names if alias.name.partition(".")[0] in WORLD]
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").partition(".")[0] in WORLD or node.module == "urllib.request":
                found.append(f"imports {node.module}")
            if node.module == "pathlib" and any(alias.name == "Path" for alias in node.names):
                found.append("imports pathlib.Path")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in DEEDS:
                found.append(f"calls {node.func.id} at line {node.lineno}")
            if isinstance(node.func, ast.Attribute) and node.func.attr in MOMENTS:
                found.append(f"asks the clock at line {node.lineno}")
    return found


ALLOWED = {
    # the interpreter's version chooses between the standard library and its backport; nothing is read from the world
    "lib/zstd.py": ["imports sys"],
}


@pytest.mark.parametrize("path", modules(*PURE), ids=lambda path: str(path.relative_to(SOURCE)))
def test_rooms_are_pure(path: Path) -> None:
    assert impurities(path) == ALLOWED.get(str(path.relative_to(SOURCE)), [])


def loaded(*arguments: str) -> set[str]:
    """Modules that a command loads beyond those of a bare interpreter."""
    run = f"from thwart.cli import main\nmain({list(arguments)!r})\n"
    code = f"import sys\nbare = set(sys.modules)\n{run}print(*set(sys.modules) - bare, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_load_next_to_nothing(flag: str) -> None:
    ours = {name for name in loaded(flag) if name.partition(".")[0] == "thwart"}
    assert ours <= {"thwart", "thwart._version", "thwart.cli"}
    heavy = {"argparse", "json", "dataclasses", "msgspec", "httpx", "yaml", "jinja2", "sqlite3"}
    assert not heavy & loaded(flag)


def test_a_scan_of_a_folder_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    names = loaded("scan", str(tmp_path / "d"), "--no-cache", "--exit-zero")
    assert not {"httpx", "jinja2", "cvss", "yaml", "ssl", "asyncio"} & names


def test_the_public_names_exist_and_are_documented() -> None:
    for name in thwart.__all__:
        thing = getattr(thwart, name)
        assert name == "__version__" or thing.__doc__
    with pytest.raises(AttributeError):
        _ = thwart.no_such_thing
    assert (SOURCE / "py.typed").exists()


def test_functions_and_modules_stay_small() -> None:
    large = []
    for path in modules("."):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                prose = len((ast.get_docstring(node) or "").splitlines())
                if lines - prose > 60:
                    large.append(f"{path.name}:{node.name} has {lines} lines")
        if text.count("\n") > 450:
            large.append(f"{path.name} has {text.count(chr(10))} lines")
    assert large == []


def test_lock_files_hold_no_address() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    locks = [ROOT / name for name in tracked if name.endswith((".lock", ".in")) and "tests/data" not in name]
    assert locks
    for path in locks:
        hosts = re.findall(r"://([^/\"'\s]+)", path.read_text())
        assert all(host.endswith(".test") for host in hosts), (path, hosts)
