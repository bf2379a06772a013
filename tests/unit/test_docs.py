"""The documents are true: everything that has a name is described, links lead somewhere, and what is shown is what happens."""

from __future__ import annotations

import ast
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest
from tools.generators import commands, errors

from tests.conftest import ROOT
from thwart._version import __version__
from thwart.catalogers._layer import DANGLING
from thwart.core import config
from thwart.core.errors import ConfigError
from thwart.gate import policy_file

SOURCE = ROOT / "src" / "thwart"
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]
SOON = "2027-03-31"  # the day in examples that must lie ahead: replaced by one that does


def ident(page: Path) -> str:
    return str(page.relative_to(ROOT))


def headings(page: Path) -> set[str]:
    """Headings of a page, as written but without marks of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {line.lstrip("#").strip().replace("`", "") for line in text.splitlines() if re.match(r"#{1,6} ", line)}


def rows(page: Path) -> set[str]:
    """What stands as code in the first cell of a table's row."""
    cells = (line.split(" | ")[0] for line in page.read_text().splitlines() if line.startswith("| "))
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


# -- everything that has a name ----------------------------------------------------------------------------------------


def test_every_command_and_option_is_described() -> None:
    from thwart.cli import COMMANDS

    page = REFERENCE / "commands.md"
    described = headings(page)
    flags = {flag for row in rows(page) for flag in row.split(" ")[0:2] for flag in flag.split(",")}
    for name in COMMANDS:
        assert f"thwart {name}" in described
        help_text = commands.parser(name).format_help()
        assert {flag for flag in re.findall(r"(?<![\w-])--[a-z-]+", help_text) if flag != "--help"} <= flags


def test_every_setting_and_key_is_described_and_has_its_variable() -> None:
    described = rows(REFERENCE / "configuration.md")
    variables = headings(REFERENCE / "environment.md")
    for keys in config.described().values():
        assert {one.key for one in keys} <= described
    assert set(map(config.variable, config.keys())) <= variables


def variables_read() -> set[str]:
    """Names that are looked up in an environment, found in the source."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            looked_up: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
                looked_up = node.args[:1] if "environ" in ast.unparse(node.func.value) else []
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.getenv", "_folder"):
                looked_up = node.args
            elif isinstance(node, ast.Subscript) and "environ" in ast.unparse(node.value):
                looked_up = [node.slice]
            elif isinstance(node, ast.Compare) and "environ" in ast.unparse(node.comparators[0]):
                looked_up = [node.left]
            found |= {one.value for one in looked_up if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return {name.upper() for name in found if re.fullmatch(r"[A-Z][A-Z_]+|[a-z]+_proxy", name)}


def test_every_variable_is_described() -> None:
    found = variables_read()
    assert {"THWART_CACHE_DIR", "THWART_TRACEBACK", "NO_PROXY", "DOCKER_CONFIG", "XDG_DATA_HOME", "CI"} <= found
    proxies = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}  # whose names are put together, or read by httpx
    assert found | proxies <= headings(REFERENCE / "environment.md")


def test_every_error_is_described_with_what_to_do() -> None:
    slugs = set(errors.slugs())
    assert {"usage", "config", "digest-mismatch", "database", "unauthorized"} <= slugs
    assert slugs | {"bug"} <= headings(REFERENCE / "errors.md")
    assert slugs | {"bug"} == set(errors.ADVICE)


SLUG = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
TELLERS = frozenset(
    {
        "problem",
        "_problem",
        "count",
        "summarise",
        "Problem",
        "_diagnostic",
        "_failed",
        "_note",
        "_tell",
        "_UnlistedError",
    }
)
NAMED = {"DANGLING": DANGLING}  # slugs that two places share
FAMILIES = {"feed-": {"feed-stale", "feed-missing"}}  # slugs with a part that the program puts in


def constants(*nodes: ast.expr) -> Iterator[str]:
    """Slugs among these expressions; of one that is put together, what stands in `FAMILIES`."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SLUG.fullmatch(node.value):
            yield node.value
        elif isinstance(node, ast.Name) and node.id in NAMED:
            yield NAMED[node.id]
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            yield from FAMILIES.get(str(node.values[0].value), ())


def told(node: ast.AST) -> Iterator[str]:
    """Slugs of diagnostics that a piece of source tells."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "Reason":  # of a judgement on trust: `thwart verify` shows its sentence
            return
        yield from constants(*(word.value for word in node.keywords if word.arg == "slug"))
        on = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if name in TELLERS or (name == "add" and on.endswith("problems")):
            yield from constants(
                *[one for one in node.args if isinstance(one, ast.Constant) or getattr(one, "id", "") in NAMED][:1]
            )
        if name == "ZipError":
            yield from constants(*node.args[1:])
        if name == "append" and on.endswith("problems"):
            yield from (slug for one in node.args if isinstance(one, ast.Tuple) for slug in constants(one.elts[0]))
    elif isinstance(node, ast.Tuple) and all(isinstance(one, ast.Tuple) and len(one.elts) == 2 for one in node.elts):
        if len(node.elts) == 1 and isinstance(node.elts[0], ast.Tuple):
            yield from constants(node.elts[0].elts[0])
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[1], ast.JoinedStr):
        yield from constants(node.elts[0])
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("problems"):
        yield from constants(*(node.slice.elts[:1] if isinstance(node.slice, ast.Tuple) else ()))
    elif isinstance(node, ast.FunctionDef):
        named = [*zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)]
        yield from constants(*(default for argument, default in named if argument.arg == "slug"))


UNTOLD = (
    "feeds",
    "reports",
    "cli",
    "trust",
    "record",
)  # decoders count what they leave out; others show, or give reasons
CARRIED = "_dockerfile_"  # modules of lib whose slugs stand in the sentence of `dockerfile-problem`
BEFORE = {"network": "net"}  # rooms whose command is not there yet: nobody meets what they tell


def slugs_told() -> dict[str, str]:
    """Every slug with a file that tells it."""
    from thwart.cli import COMMANDS

    skipped = {*UNTOLD, *(room for room, command in BEFORE.items() if command not in COMMANDS)}
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if skipped & {*path.relative_to(SOURCE).parts[:-1]} or path.name.startswith(CARRIED):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for slug in told(node):
                found.setdefault(slug, ident(path))
    return found


def test_every_diagnostic_is_described() -> None:
    found = slugs_told()
    sample = {"unreadable", "unresolved", "rpm-database", "stale-database", "feed-missing", "packed", "damaged"}
    assert sample <= set(found)
    missing = {slug: where for slug, where in found.items() if slug not in headings(REFERENCE / "diagnostics.md")}
    assert missing == {}


def test_no_diagnostic_is_described_that_is_never_told() -> None:
    text = (REFERENCE / "diagnostics.md").read_text()
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= set(slugs_told())


def test_every_format_exit_code_and_reader_is_described() -> None:
    from thwart import catalogers, reports
    from thwart.advisories import feeds
    from thwart.matching.ecosystems import MEMBERS as FAMILIES_OF_ECOSYSTEMS

    page = REFERENCE / "formats.md"
    assert set(reports.formats()) <= rows(page) & headings(page)
    assert set(reports.ALIASES) <= {word for line in page.read_text().splitlines() for word in line.split("`")}
    codes = (REFERENCE / "exit-codes.md").read_text()
    assert all(f"| {code} |" in codes for code in (0, 1, 2, 3, 4, 130))
    compatibility = REFERENCE / "compatibility.md"
    assert set(catalogers.MEMBERS.load()) <= rows(compatibility)
    decoders = {path.stem for path in Path(feeds.__path__[0]).glob("[a-z]*.py")}
    assert decoders <= rows(compatibility)
    distributions = {name for name, one in FAMILIES_OF_ECOSYSTEMS.load().items() if one.distribution}
    assert distributions
    assert all(name in compatibility.read_text() for name in distributions)


def test_the_schema_of_the_configuration_agrees_with_its_reader() -> None:
    schema = json.loads((REFERENCE / "schema" / "thwart-config.schema.json").read_text())
    exception = {"id": "CVE-2024-1", "reason": "r", "owner": "o", "expires": "2027-01-31"}
    pair = {"client-cert": "c", "client-key": "k"}
    documents: list[tuple[dict[str, object], bool]] = [
        ({}, True),
        ({"fail-on": "critical", "only-fixed": True, "platform": "linux/arm64/v8"}, True),
        ({"exceptions": [exception], "registry": {"localhost:5000": {"plain-http": True, **pair}}}, True),
        ({"fail_on": "critical"}, False),
        ({"fail-on": "severe"}, False),
        ({"only-fixed": "yes"}, False),
        ({"platform": "linux"}, False),
        ({"exceptions": [{"id": "CVE-2024-1"}]}, False),
        ({"exceptions": [exception | {"reason": " "}]}, False),
        ({"registry": {"https://x/": {}}}, False),
        ({"registry": {"x": {"client-cert": "c"}}}, False),
    ]
    for document, good in documents:
        assert jsonschema.Draft202012Validator(schema).is_valid(document) is good, document
        assert accepted(document) is good, document


def accepted(document: dict[str, object]) -> bool:
    """Whether the reader takes the document."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in document.items() if not isinstance(value, dict | list)]
    exceptions = document.get("exceptions", [])
    registry = document.get("registry", {})
    assert isinstance(exceptions, list)
    assert isinstance(registry, dict)
    for table in exceptions:
        lines += ["[[exceptions]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    for host, table in registry.items():
        lines += [f'[registry."{host}"]', *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    try:
        config.parse("\n".join(lines), "thwart.toml")
    except ConfigError:
        return False
    return True


# -- pages -------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(page))
    return {text.replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", index.read_text())}
    assert {page for page in DOCS.rglob("*.md") if page != index} <= linked


def test_the_readme_fits_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 60


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


# -- what is shown is what happens -------------------------------------------------------------------------------------


class Fence(NamedTuple):
    """A fenced block: the line where it begins, its info string and its text."""

    line: int
    info: str
    text: str


def fences(page: Path) -> list[Fence]:
    text = page.read_text()
    found = re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Fence(text.count("\n", 0, one.start()) + 1, one[1].strip(), one[2]) for one in found]


def runs(fence: Fence) -> bool:
    return fence.info == "console" or (fence.info == WITH_KERNEL and has_kernel())


WITH_KERNEL = "console with-kernel"


def has_kernel() -> bool:
    """Whether network namespaces and nftables can be used, and tests with real components are asked for."""
    asked = os.environ.get("THWART_TEST_REAL") == "1" and os.geteuid() == 0
    return asked and all(map(shutil.which, ("ip", "nft")))


def steps(fence: Fence) -> list[tuple[str, list[str]]]:
    """Commands of a block, each with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in fence.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def unlike(shown: list[str], real: list[str]) -> str:
    """Why what was printed is not what is shown; empty when it is. `…` stands for any text, alone for any lines."""
    at, gap = 0, False
    for line in shown:
        if line == "…":
            gap = True
            continue
        like = re.compile(".*".join(map(re.escape, line.split("…"))))
        last = len(real) if gap else min(at + 1, len(real))
        found = next((index for index in range(at, last) if like.fullmatch(real[index].rstrip())), None)
        if found is None:
            return f"not printed{'' if gap else ' next'}: {line!r}"
        at, gap = found + 1, False
    return "" if gap or at == len(real) else f"printed but not shown: {real[at]!r}"


def test_the_comparison_of_outputs_can_fail() -> None:
    real = ["a 1", "b", "c"]
    assert not unlike(["a …", "…", "c"], real)
    assert not unlike(["…", "b", "…"], real)
    assert not unlike(["a 1", "b", "c"], real)
    for shown in (["a 1"], ["b", "…"], ["…", "d", "…"], ["a 1", "c"], [], ["…", "c", "b"]):
        assert unlike(shown, real)


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_blocks_of_commands_are_run_or_say_why_not(page: Path) -> None:
    for fence in fences(page):
        if fence.text.startswith("$ "):
            assert re.fullmatch(r"console(?: no-run: .{5,}| with-kernel)?", fence.info), (
                f"line {fence.line}: {fence.info!r}"
            )
        if runs(fence):
            assert fence.text.startswith("$ "), f"line {fence.line}"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built example, a cache, and `thwart` and `python` to be found first."""
    place = tmp_path_factory.mktemp("docs")
    shop = place / "examples" / "shop"
    shutil.copytree(ROOT / "examples" / "shop", shop, ignore=shutil.ignore_patterns("images"))
    build = [sys.executable, str(ROOT / "tools" / "build_shop_images.py"), "--output", str(shop / "images")]
    subprocess.run(build, check=True, capture_output=True)
    programs = place / "bin"
    programs.mkdir()
    for name, arguments in (("thwart", " -m thwart"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return place


class Desk:
    """A working folder of one page: below a repository's root of its own, with a data folder of its own."""

    def __init__(self, bench: Path, folder: Path) -> None:
        self.folder = folder
        (folder / ".git").mkdir()
        (folder / "examples").symlink_to(bench / "examples")
        kept = {name: value for name, value in os.environ.items() if name.startswith(("LANG", "LC_", "PYTHON"))}
        self.environment = kept | {
            "PATH": f"{bench / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "THWART_CACHE_DIR": str(bench / "cache"),
            "THWART_DATA_DIR": str(folder / "data"),
            "THWART_KEY_PASSPHRASE": "of the pages",
        }
        self.day = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=90)).isoformat()

    def write(self, fence: Fence) -> None:
        """Write a file that a page says to write."""
        (self.folder / fence.info.partition("file=")[2]).write_text(fence.text.replace(SOON, self.day))

    def run(self, program: list[str], script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def block(self, fence: Fence) -> list[tuple[str, list[str], list[str]]]:
        """Run a block in one shell; command, shown and printed lines of each step."""
        mark = "-- end of a step --"
        each = steps(fence)
        # the status of the step is what the next one finds in `$?`
        script = "".join(f"{command}\n__status=$?; echo; echo '{mark}'; (exit $__status)\n" for command, _ in each)
        printed = self.run(["bash", "-c"], script).stdout.replace(self.day, SOON).split(f"\n{mark}\n")
        return [
            (command, shown, output.splitlines()) for (command, shown), output in zip(each, printed[:-1], strict=True)
        ]


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(runs, fences(page)))], ids=ident)
def test_commands_print_what_is_shown(page: Path, bench: Path, tmp_path: Path) -> None:
    desk = Desk(bench, tmp_path)
    for fence in fences(page):
        if "file=" in fence.info:
            desk.write(fence)
        elif runs(fence):
            for command, shown, real in desk.block(fence):
                why = unlike(shown, real)
                assert not why, f"{page.name}, block at line {fence.line}: $ {command}\n{why}\n--\n" + "\n".join(real)


def test_programs_in_the_guide_to_python_run(bench: Path, tmp_path: Path) -> None:
    desk = Desk(bench, tmp_path)
    programs = [fence for fence in fences(DOCS / "guides" / "python-api.md") if fence.info == "python"]
    assert programs
    done = desk.run([sys.executable, "-c"], "\n".join(fence.text for fence in programs))
    assert done.returncode == 0, done.stdout


def test_files_of_configuration_in_pages_are_valid() -> None:
    for page in PAGES:
        for fence in fences(page):
            if fence.info.partition(" ")[0] == "toml" and "mistaken" not in fence.info:
                read = policy_file.parse if "policy" in fence.info else config.parse
                read(fence.text, f"{page.name}:{fence.line}")
