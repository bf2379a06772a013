"""Every cataloger against its data folder; tests/data/catalogers/README.md tells the layout.

A cataloger that is dropped in as one file, with its folder of data, is found here without an edit.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields

from thwart.catalogers import MEMBERS, Cataloger
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import HEAD, File, FileFacts, NeedRanges, Part, Release
from thwart.lib.pathtable import PathTable

DATA = Path(__file__).resolve().parent.parent / "data" / "catalogers"
TINY = Limits(file_bytes=64, nested_depth=1, nested_bytes=64, nested_entries=2, json_depth=3, yaml_bytes=64, packages=1)
WRITE = bool(os.environ.get("THWART_WRITE_EXPECTED"))
CUTS = 40
FLIPS = 60
LARGE = 256 * 1024  # bytes; beyond this the damaged copies are fewer


class Case(NamedTuple):
    cataloger: str
    file: Path
    path: str  # inside the target

    @property
    def answer(self) -> Path:
        return self.file.with_name(self.file.name.removesuffix(".in") + ".expected")


def cases() -> list[Case]:
    found = []
    for file in sorted(DATA.glob("*/*/**/*")):
        if file.is_file() and file.suffix != ".expected":
            cataloger, _, *rest = file.relative_to(DATA).parts
            found.append(Case(cataloger, file, "/".join(rest).removesuffix(".in")))
    return found


CASES = cases()
IDS = [str(case.file.relative_to(DATA)) for case in CASES]
each_case = pytest.mark.parametrize("case", CASES, ids=IDS)


def member(name: str) -> Cataloger:
    found = MEMBERS.load().get(name)
    assert found is not None, f"no cataloger is called {name}"
    return found


def parse(one: Cataloger, path: str, data: bytes, limits: Limits) -> FileFacts:
    """Call the parser as the room's walk does: head and ranges for a member that asks for them, else all bytes."""
    if one.ranges is None:
        return one.parse(File(path=path, data=data, size=len(data)), limits)
    wanted = one.ranges(data[:HEAD], len(data))
    for _ in range(64):
        parts = tuple(Part(offset, data[offset : offset + length]) for offset, length in wanted)
        try:
            return one.parse(File(path=path, data=data[:HEAD], size=len(data), parts=parts), limits)
        except NeedRanges as request:
            more = request.ranges
        assert not set(more) <= set(wanted), "asked again for ranges that it already has"
        wanted = (*wanted, *more)
    raise AssertionError("asked for ranges without end")


def plain(facts: FileFacts) -> dict[str, Any]:
    """The facts as the `.expected` files spell them: defaults left out."""
    answer: dict[str, Any] = {}
    if facts.found:
        answer["found"] = [_row(found._asdict(), found._field_defaults) for found in facts.found]
    if facts.owns:
        answer["owns"] = [list(owned) for owned in facts.owns]
    if facts.release:
        defaults = {field.name: field.default for field in fields(Release) if field.default is not NODEFAULT}
        values = {field.name: getattr(facts.release, field.name) for field in fields(Release)}
        answer["release"] = _row(values, defaults)
    if facts.problems:
        answer["problems"] = [list(problem) for problem in facts.problems]
    return answer


def _row(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {key: _lists(value) for key, value in values.items() if key not in defaults or defaults[key] != value}


def _lists(value: Any) -> Any:
    return [_lists(one) for one in value] if isinstance(value, tuple) else value


def outcome(case: Case, data: bytes, limits: Limits) -> dict[str, Any]:
    """The answer in plain form, a ParseError included. Anything else that is raised fails the test."""
    one = member(case.cataloger)
    try:
        facts = parse(one, case.path, data, limits)
    except ParseError as error:
        refused = {"error": error.reason, "line": error.line}
    else:
        return _sound(case, facts)
    assert refused["error"]
    return refused if refused["line"] else {"error": refused["error"]}


def _sound(case: Case, facts: FileFacts) -> dict[str, Any]:
    assert isinstance(facts, FileFacts)
    assert facts.cataloger == case.cataloger
    assert facts.path == case.path
    for found in facts.found:
        assert found.name
        assert found.type
        assert all(isinstance(value, str) for value in (found.name, found.version, found.namespace, found.scope))
        " ".join((found.name, found.version, found.namespace, *found.licences)).encode()  # no lone surrogates
    return plain(facts)


def test_there_is_data() -> None:
    assert CASES


def test_every_member_has_data_and_all_data_a_member() -> None:
    folders = {folder.name for folder in DATA.iterdir() if folder.is_dir()}
    assert set(MEMBERS.load()) == folders


def test_no_answer_stands_without_its_input() -> None:
    answers = {file for file in DATA.glob("*/*/**/*.expected") if file.is_file()}
    assert answers - {case.answer for case in CASES} == set()


@each_case
def test_path_is_wanted(case: Case) -> None:
    one = member(case.cataloger)
    table = PathTable((pattern, one.name) for pattern in one.paths)
    by_magic = bool(one.magic) and case.file.read_bytes().startswith(one.magic)
    assert by_magic or table.match(case.path) == (one.name,)


@each_case
def test_expected(case: Case) -> None:
    got = outcome(case, case.file.read_bytes(), Limits())
    if WRITE and not case.answer.exists():
        case.answer.write_text(json.dumps(got, indent=1, ensure_ascii=False) + "\n")
    assert case.answer.exists(), f"no answer: write {case.answer.name} (README.md beside the data tells how)"
    assert got == json.loads(case.answer.read_text())


@each_case
def test_truncated(case: Case) -> None:
    data = case.file.read_bytes()
    cuts = CUTS if len(data) <= LARGE else 8
    for cut in {len(data) * step // cuts for step in range(cuts)} | {max(0, len(data) - 1)}:
        outcome(case, data[:cut], Limits())


@each_case
def test_bits_flipped(case: Case) -> None:
    data = case.file.read_bytes()
    dice = random.Random(str(case.file.relative_to(DATA)))
    for _ in range(FLIPS if len(data) <= LARGE else 8):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            if damaged:
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        outcome(case, bytes(damaged), Limits())


@each_case
def test_tiny_limits(case: Case) -> None:
    got = outcome(case, case.file.read_bytes(), TINY)
    assert len(got.get("found", [])) <= TINY.packages or "error" in got
