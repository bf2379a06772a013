"""Edits of texts: what they mean is what is written, and nothing else changes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.core.edit import Add, Append, Drop, Edit, Lines, Put
from thwart.core.errors import UsageError
from thwart.fixes import Change, mend, unified
from thwart.fixes._values import applied, ordered, same
from thwart.fixes.given import Needs, read_lock, read_observed
from thwart.lib.yaml_positions import load_all


def put(value: object, *pointer: str | int, document: int = 0) -> Put:
    return Put(pointer=pointer, value=value, document=document)


def made(text: str, *edits: Edit) -> str:
    """The text with each edit, which must not be refused."""
    mended = mend(text.encode(), [[one] for one in edits])
    assert mended.refused == {}
    assert not mended.later
    return mended.data.decode()


def refusal(text: str, *edits: Edit) -> str:
    mended = mend(text.encode(), [edits])
    assert mended.data == text.encode()
    return mended.refused[0]


CASES: dict[str, tuple[str, Sequence[Edit], str]] = {
    "a value keeps what is behind it": ("a: 1   # why\nb: 2\n", [put(3, "a")], "a: 3   # why\nb: 2\n"),
    "a text keeps its quotes": ("a: 'x'\nb: \"x\"\n", [put("y", "a"), put("y", "b")], "a: 'y'\nb: \"y\"\n"),
    "a null before a comment": ("a: # todo\nb: 2\n", [put(1, "a")], "a: 1 # todo\nb: 2\n"),
    "a mapping under a null": ("a: # todo\nb: 2\n", [put(1, "a", "x")], "a: # todo\n  x: 1\nb: 2\n"),
    "a mapping in empty braces": ("a: {}  # t\nb: 2\n", [put(1, "a", "x")], "a:  # t\n  x: 1\nb: 2\n"),
    "a key behind the last": ("a:\n  b: 1\n\n# end\nc: 1\n", [put(2, "a", "d")], "a:\n  b: 1\n  d: 2\n\n# end\nc: 1\n"),
    "no line feed at the end": ("a:\n  b: 1", [put(2, "a", "c")], "a:\n  b: 1\n  c: 2"),
    "carriage returns": ("a:\r\n  b: 1\r\n", [put(2, "a", "c"), put(3, "d")], "a:\r\n  b: 1\r\n  c: 2\r\nd: 3\r\n"),
    "its own indentation": ("a:\n    b:\n        c: 1\n", [put(2, "a", "d", "e")], "a:\n    b:\n        c: 1\n    d:\n        e: 2\n"),
    "lists not indented": ("a:\n- x\nb: 1\n", [put([1], "c")], "a:\n- x\nb: 1\nc:\n- 1\n"),
    "lists indented": ("a:\n  - x\nb: 1\n", [put([1], "c")], "a:\n  - x\nb: 1\nc:\n  - 1\n"),
    "an entry": ("a:\n  - x # one\n\nb: 1\n", [Append(pointer=("a",), value="z")], "a:\n  - x # one\n  - z\n\nb: 1\n"),
    "an entry that is there": ("a: [x, z]\n", [Append(pointer=("a",), value="z")], "a: [x, z]\n"),
    "an entry in brackets": ("a: [x] # c\n", [Append(pointer=("a",), value="z")], "a: [x, z] # c\n"),
    "a list that was not there": ("a: 1\n", [Append(pointer=("b",), value="z")], "a: 1\nb:\n  - z\n"),
    "a key in braces": ("a: {b: 1, c: 2} # d\n", [put(True, "a", "e")], "a: {b: 1, c: 2, e: true} # d\n"),
    "braces over lines": ("a: {\n  b: 1\n}\n", [put(2, "a", "c")], "a: {\n  b: 1,\n  c: 2\n}\n"),
    "a block of text before": ("a:\n  b: |\n    x\n    y\n\nc: 1\n", [put(1, "a", "d")], "a:\n  b: |\n    x\n    y\n  d: 1\n\nc: 1\n"),
    "a block that keeps its end": ("a:\n  b: |+\n    x\n\nc: 1\n", [put(1, "a", "d")], "a:\n  b: |+\n    x\n\n  d: 1\nc: 1\n"),
    "a block replaced": ("a: |\n  x\n  y\nb: 1\n", [put("z", "a")], "a: z\nb: 1\n"),
    "a list replaced": ("a: # c\n- x\n- y\nb: 1\n", [put("z", "a")], "a: z # c\nb: 1\n"),
    "the second document": ("a: 1\n---\n# two\nb: 1\n...\n", [put(2, "c", document=1)], "a: 1\n---\n# two\nb: 1\nc: 2\n...\n"),
    "a merge": ("x: &x {p: 1}\nw:\n  <<: *x\n  q: 2\n", [put(3, "w", "p")], "x: &x {p: 1}\nw:\n  <<: *x\n  q: 2\n  p: 3\n"),
    "an alias is written out": ("x: &x {p: 1}\nw: *x\nz: 1\n", [put(3, "w", "q")], "x: &x {p: 1}\nw:\n  p: 1\n  q: 3\nz: 1\n"),
    "words that are no text": ("a: 1\n", [put("yes", "b"), put("1e3", "c"), put("0o7", "d")], 'a: 1\nb: "yes"\nc: "1e3"\nd: "0o7"\n'),
    "a key removed": ("a: 1\nb: 2 # b\nc: 3\n", [Drop(pointer=("b",))], "a: 1\nc: 3\n"),
    "the first key of an entry": ("a:\n  - b: 1\n    c: 2\n", [Drop(pointer=("a", 0, "b"))], "a:\n  - c: 2\n"),
    "the last key": ("a:\n  b: 1\nc: 1\n", [Drop(pointer=("a", "b"))], "a: {}\nc: 1\n"),
    "the last entry": ("a: # c\n  - b\nc: 1\n", [Drop(pointer=("a", 0))], "a: [] # c\nc: 1\n"),
    "entries by the old numbers": ("a: [1, 2, 3]\n", [Drop(pointer=("a", 0)), Drop(pointer=("a", 2))], "a: [2]\n"),
    "lines with their comments": ("a:\n  - 1\n  - 2 # x\n  - 3", [Drop(pointer=("a", 2))], "a:\n  - 1\n  - 2 # x"),
    "what is not there": ("a: 1\n", [Drop(pointer=("b", "c"))], "a: 1\n"),
    "a document more": ("a: 1", [Add(text="b: 1\n")], "a: 1\n---\nb: 1\n"),
    "tabs in JSON": ('{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n', [put({"d": [1]}, "a", "c")], '{\n\t"a": {\n\t\t"b": 1,\n\t\t"c": {\n\t\t\t"d": [\n\t\t\t\t1\n\t\t\t]\n\t\t}\n\t}\n}\n'),
    "JSON on a line": ('{"a": {}}', [put("x", "a", "b")], '{"a": {"b": "x"}}'),
    "JSON with characters that YAML has not": ('{"a": "\\ud83d\\ude00", "b": 1}\n', [put(2, "b")], '{"a": "\\ud83d\\ude00", "b": 2}\n'),
    "letters of every kind": ("ä: 'ö' # ü 😀\nb: 1\n", [put("é", "b")], "ä: 'ö' # ü 😀\nb: é\n"),
    "an empty file": ("# nothing\na:\n", [put({"b": []}, "a")], "# nothing\na:\n  b: []\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_what_it_says_and_nothing_else(name: str) -> None:
    text, edits, wanted = CASES[name]
    assert made(text, *edits) == wanted
    assert made(wanted, *(one for one in edits if not isinstance(one, Drop | Add))) == wanted, "twice is once"


def test_the_order_of_fixes_does_not_matter() -> None:
    text = "spec:\n  containers:\n    - name: a\n      x: 1\n    - name: b\n"
    edits: list[Edit] = [
        put(False, "spec", "containers", 0, "securityContext", "privileged"),
        put(["ALL"], "spec", "containers", 0, "securityContext", "capabilities", "drop"),
        put("1Mi", "spec", "containers", 1, "resources", "limits", "memory"),
        Drop(pointer=("spec", "containers", 0, "x")),
    ]
    values = {json.dumps(load(made(text, *some))) for some in (edits, edits[::-1], [*edits, *edits])}
    assert len(values) == 1


def test_fixes_that_contradict_are_told_apart() -> None:
    text = b"a: {b: 1}\n"
    groups: list[list[Edit]] = [
        [put(2, "a", "b")],
        [put(3, "a", "b")],
        [put({"c": 1}, "a")],
        [Drop(pointer=("a",))],
        [put(2, "a", "b")],
    ]
    mended = mend(text, groups)
    assert mended.data == b"a: {b: 2, c: 1}\n" or sorted(mended.refused) == [1, 3]
    assert "another fix writes something else at /a/b" in mended.refused[1]


@pytest.mark.parametrize(
    ("text", "edit", "why"),
    [
        ("x: &x {p: 1}\ny: *x\n", put(2, "x", "p"), "anchored as &x"),
        ("a: text\n", put(1, "a", "b"), "/a is not a mapping"),
        ("a: [1]\n", put(1, "a", 4), "leads out of a list"),
        ("a: {{ .Values.x }}\n  - b", put(1, "a"), "it cannot be read: line"),
        ("a: 1\n", put(1, "b", document=3), "no document 4"),
        ("? a\n: 1\n", put(2, "a"), "form that is not edited"),
        ("x: &x {p: 1}\nw:\n  <<: *x\n  q: 1\n", Drop(pointer=("w", "p")), "somewhere else"),
        ("{}", Add(text="a: 1"), "only one document"),
        ("a\n", Lines(first=4, last=4, text="b\n"), "no lines 4 to 4"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(text: str, edit: Edit, why: str) -> None:
    assert why in refusal(text, edit)


def test_a_file_that_is_no_text_is_refused() -> None:
    assert "not text" in mend(b"a: \xff\n", [[put(1, "a")]]).refused[0]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_byte_order_marks_stay(mark: bytes) -> None:
    encoding = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}[mark]
    mended = mend(mark + "a: ö\nb: 1\n".encode(encoding), [[put(2, "b")]])
    assert mended.data == mark + "a: ö\nb: 2\n".encode(encoding)


def test_one_bad_fix_does_not_spoil_the_others() -> None:
    mended = mend(b"x: &x {p: 1}\ny: *x\nz: 1\n", [[put(2, "x", "p")], [put(2, "z")]])
    assert mended.data == b"x: &x {p: 1}\ny: *x\nz: 2\n"
    assert list(mended.refused) == [0]


# -- lines -----------------------------------------------------------------------------------------------------------------


def test_lines_are_replaced_inserted_and_removed() -> None:
    text = "FROM a\nRUN b\nRUN c\nCMD d\n"
    edits = [
        Lines(first=2, last=2, text="RUN x && \\\n  y\n"),
        Lines(first=4, last=3, text="USER 1\n"),
        Lines(first=3, last=3, text=""),
    ]
    assert made(text, *edits) == "FROM a\nRUN x && \\\n  y\nUSER 1\nCMD d\n"
    assert made("a\r\nb", Lines(first=2, last=2, text="c\r\nd\n")) == "a\r\nc\r\nd"
    assert made("a", Lines(first=2, last=1, text="b\n")) == "a\nb"


def test_lines_that_overlap_come_later() -> None:
    mended = mend(b"a\nb\nc\n", [[Lines(first=1, last=2, text="x\n")], [Lines(first=2, last=3, text="y\n")]])
    assert mended.data == b"x\nc\n"
    assert mended.later == {1}


# -- any document ----------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b", "name", "yes", "x y", "1", "é", "~", "#", "it's", 'say "x"', ""])
SCALARS = st.one_of(WORDS, st.integers(-5, 5), st.booleans(), st.none())
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)


class Writer:
    """Writes a value as YAML in a style that is drawn anew for every node."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._step = draw(st.sampled_from([2, 3, 4]))
        self._dash = draw(st.sampled_from([0, 2]))

    def document(self, value: object) -> str:
        if isinstance(value, dict) and value:
            return "\n".join(self.lines(value, 0)) + "\n"
        return json.dumps(value) + "\n"

    def scalar(self, value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    def note(self) -> str:
        return str(self._draw(st.sampled_from(["", "", " # note", "   # it's: [x"])))

    def lines(self, value: Any, depth: int) -> list[str]:
        made = []
        pad = " " * depth
        for key, one in value.items() if isinstance(value, dict) else ((None, one) for one in value):
            if self._draw(st.integers(0, 6)) == 0:
                made += self._draw(st.sampled_from([[""], [f"{pad}# comment"], ["# far left", ""]]))
            head = f"{pad}-" if key is None else f"{pad}{self.scalar(key)}:"
            nested = isinstance(one, dict | list) and one and self._draw(st.integers(0, 2))
            if not nested:
                empty = one is None and key is not None and self._draw(st.booleans())
                made.append(head + ("" if empty else " " + self.scalar(one)) + self.note())
            elif key is None:
                inner = self.lines(one, depth + 2)
                plain = inner[0].strip() and not inner[0].lstrip().startswith("#")
                made += [f"{head} {inner[0][depth + 2 :]}", *inner[1:]] if plain else [f"{head} {self.scalar(one)}"]
            else:
                deeper = self._step if isinstance(one, dict) else self._dash
                made += [head + self.note(), *self.lines(one, depth + deeper)]
        return made


def load(text: str) -> Any:
    return load_all(text.encode(), max_bytes=1 << 20, max_depth=64, max_nodes=10_000, schema="kubernetes")[0]


@st.composite
def edits_of(draw: Any, value: Any) -> list[Edit]:
    places: list[tuple[str | int, ...]] = []
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while stack:
        pointer, node = stack.pop()
        places.append(pointer)
        steps = (
            list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
        )
        stack += [((*pointer, step), one) for step, one in steps]
    chosen: list[Edit] = []
    for _ in range(draw(st.integers(1, 4))):
        pointer = draw(st.sampled_from(places))
        kind = draw(st.integers(0, 3))
        if kind == 0 and pointer:
            chosen.append(Drop(pointer=pointer))
        elif kind == 1:
            chosen.append(Append(pointer=pointer, value=draw(VALUES)))
        else:
            more = tuple(draw(st.lists(st.sampled_from(["new", "b", "yes"]), min_size=0 if pointer else 1, max_size=2)))
            chosen.append(Put(pointer=(*pointer, *more), value=draw(VALUES)))
    return chosen


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_edit_of_any_document_is_exact_or_refused(data: Any) -> None:
    value = data.draw(st.dictionaries(WORDS, VALUES, min_size=1, max_size=4))
    text = Writer(data.draw).document(value)
    old = load(text)
    chosen = data.draw(edits_of(old))
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    raw = text.replace("\n", newline).encode()
    mended = mend(raw, [[one] for one in chosen])
    kept = [one for number, one in enumerate(chosen) if number not in mended.refused]
    wanted = old
    for one in ordered(one for one in kept if isinstance(one, Put | Append | Drop)):
        wanted = applied(wanted, one)
    assert same(load(mended.data.decode()), wanted)
    if not kept:
        assert mended.data == raw


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_new_key_leaves_every_line_as_it_was(data: Any) -> None:
    value = data.draw(st.dictionaries(WORDS, VALUES, min_size=1, max_size=4))
    text = Writer(data.draw).document(value)
    mended = mend(text.encode(), [[put(data.draw(VALUES), "brand", "new")]])
    assert not mended.refused
    before, after = text.splitlines(), mended.data.decode().splitlines()
    head = next((n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(before))
    rest = len(before) - head
    assert not rest or before[head:] == after[-rest:]


@settings(max_examples=200, deadline=None)
@given(text=st.binary(max_size=60) | st.text(alphabet="a:-{}[]#|>&*<!?'\"\n\r\t ,%@`~", max_size=40).map(str.encode))
def test_any_bytes_are_edited_or_refused(text: bytes) -> None:
    edits: list[list[Edit]] = [
        [put(1, "a", "b")],
        [Append(pointer=("a", "c"), value=2)],
        [Drop(pointer=("b",))],
        [Add(text="x: 1\n")],
    ]
    mended = mend(text, edits)
    assert len(mended.refused) < len(edits) or mended.data == text


def test_deep_documents() -> None:
    deep = "a: " + "{a: " * 200 + "1" + "}" * 200 + "\nb: 1\n"
    assert made(deep, put(2, "b")) == deep.replace("b: 1", "b: 2")
    assert "nested more than" in refusal("[" * 500 + "]" * 500, put(2, "b"))


def test_many_edits_of_one_file_with_one_that_is_wrong() -> None:
    items = "".join(f"  - name: c{number}\n    image: x\n" for number in range(500))
    edits = [[put("1Gi", "items", number, "limits", "memory")] for number in range(500)]
    edits.insert(300, [put(1, "items", 3, "name", "x")])
    mended = mend(f"items:\n{items}".encode(), edits)
    assert list(mended.refused) == [300]
    assert mended.data.count(b"    limits:\n      memory: 1Gi\n") == 500


# -- patches ---------------------------------------------------------------------------------------------------------------

PAIRS = {
    "plain.yaml": (b"a\nb\nc\nd\ne\nf\ng\nh\ni\n", b"a\nB\nc\nd\ne\nf\ng\nh\nI\nj\n"),
    "with space.yaml": (b"a\nb", b"a\nc"),
    "crlf.yaml": (b"a\r\nb\r\n", b"a\r\nb\r\nc\r\n"),
    "t\u00e4st.yaml": (b"a\n", b"a\n\n"),
    "deep/new.yaml": (None, b"x: 1\n"),
    "end.yaml": (b"a", b"a\n"),
}


@pytest.mark.parametrize("tool", ["git", "patch"])
def test_tools_apply_the_patch(tool: str, tmp_path: Path) -> None:
    for name, (before, _) in PAIRS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if before is not None:
            path.write_bytes(before)
    diff = unified(Change(name, before, after) for name, (before, after) in PAIRS.items())
    command = ["git", "apply", "-"] if tool == "git" else ["patch", "-p1", "--binary"]
    subprocess.run(command, cwd=tmp_path, input=b"# closes something\n" + diff, check=True, capture_output=True)
    assert {name: (tmp_path / name).read_bytes() for name in PAIRS} == {
        name: after for name, (_, after) in PAIRS.items()
    }


def test_what_does_not_change_is_no_patch() -> None:
    assert unified([Change("a", b"x", b"x")]) == b""


# -- what the user gives ---------------------------------------------------------------------------------------------------

DIGEST = "sha256:" + "ab" * 32


def test_locks_in_every_form() -> None:
    wanted = read_lock("l.txt", f"# pins\nbase.example.test/a:1@{DIGEST}\n".encode())
    assert read_lock("l.json", json.dumps({"base.example.test/a:1": DIGEST}).encode()) == wanted
    assert read_lock("l.toml", f'"base.example.test/a:1" = "{DIGEST}"\n'.encode()) == wanted
    assert list(wanted.values()) == [DIGEST]


@pytest.mark.parametrize("text", ["", "base:1\n", "base:1@sha256:1\n", "{", "Base Image@" + DIGEST])
def test_a_lock_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(UsageError):
        read_lock("lock", text.encode())


def test_what_was_observed() -> None:
    assert read_observed("o", b'{"web": {"memory": "200Mi", "cpu": "250m"}}') == {"web": Needs("200Mi", "250m")}
    for bad in (
        b"[]",
        b'{"web": {}}',
        b'{"web": {"memory": "much"}}',
        b'{"web": {"disk": "1Gi"}}',
        b'{"web": {"cpu": "1Gi"}}',
    ):
        with pytest.raises(UsageError):
            read_observed("o", bad)
