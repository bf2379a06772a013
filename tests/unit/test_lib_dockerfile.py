"""Dockerfiles: the grammar as BuildKit has it, places that a patch can use, and what the stages come to."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thwart.lib import dockerfile as df
from thwart.lib.documents import DocumentError


def one(text: str) -> df.Instruction:
    return df.parse("FROM a\n" + text).instructions[1]


def slugs(text: str) -> list[str]:
    return [problem.slug for problem in df.parse(text).problems if problem.fatal]


def texts(words: tuple[df.Word, ...]) -> list[str]:
    return [word.text for word in words]


def at(text: str, span: df.Span) -> str:
    """What stands at a span of one line."""
    assert span.line == span.end_line
    return text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]


def test_directives_end_at_the_first_other_line() -> None:
    file = df.parse("# syntax=docker/dockerfile:1\n# escape=`\n# hello\n# check=skip=all\nFROM a\n")
    assert [(one.name, one.value) for one in file.directives] == [("syntax", "docker/dockerfile:1"), ("escape", "`")]
    assert file.escape == "`"
    assert file.directive("check") is None


def test_escape_directive_changes_continuation() -> None:
    file = df.parse("# escape=`\nFROM a\nRUN dir C:\\`\n  D:\\\nUSER b\n")
    assert [one.name for one in file.instructions] == ["FROM", "RUN", "USER"]
    assert file.instructions[1].body_text == "dir C:\\  D:\\"


def test_places_inside_continuations() -> None:
    text = "FROM a\nRUN apt-get install \\  \n    # why\n\n    curl \\\n    wget\n"
    run = df.parse(text).instructions[1]
    script = run.script()
    assert script is not None
    start = script.text.index("wget")
    assert script.span(start, start + 4) == df.Span(6, 5, 6, 9)
    assert script.place(script.text.index("curl")) == (5, 5)
    assert run.span == df.Span(2, 1, 6, 9)
    assert [one.slug for one in df.parse(text).problems] == ["empty-continuation"]


def test_byte_order_mark_and_crlf() -> None:
    file = df.parse(b"\xef\xbb\xbfFROM a\r\nRUN b \\\r\n  c\r\n")
    assert [one.keyword for one in file.instructions] == ["FROM", "RUN"]
    assert file.instructions[1].body_text == "b   c"
    assert file.instructions[1].span.end_column == 4


def test_doubled_escape_does_not_continue() -> None:
    assert len(df.parse("FROM a\nRUN b \\\\\nRUN c\n").instructions) == 3


@pytest.mark.parametrize(
    ("written", "exec_form", "words"),
    [
        ('["a", "b\\n\\u00e9"]', True, ["a", "b\né"]),
        ("[]", True, []),
        ('["a",]', False, ['["a",]']),
        ("['a']", False, ["['a']"]),
        ('["a"] b', False, ['["a"] b']),
        ('["a', False, ['["a']),
        ('["\\ud800"]', True, ["\ufffd"]),
    ],
)
def test_json_form_or_shell_form(written: str, exec_form: bool, words: list[str]) -> None:
    run = one(f"RUN {written}\n")
    assert (run.exec_form, texts(run.args)) == (exec_form, words)


def test_json_of_other_things_is_refused() -> None:
    assert slugs('FROM a\nCMD ["a", 1]\n') == ["json-not-strings"]


def test_json_words_have_their_places() -> None:
    text = 'FROM a\nCMD ["sh", \\\n  "-c"]\n'
    word = df.parse(text).instructions[1].args[1]
    assert at(text, word.span) == '"-c"'


def test_flags_and_their_places() -> None:
    text = "FROM a\nCOPY --from=b --chown=1:2 --link x y\n"
    copy = df.parse(text).instructions[1]
    assert [(flag.name, flag.value) for flag in copy.flags] == [("from", "b"), ("chown", "1:2"), ("link", None)]
    assert at(text, copy.flags[1].span) == "--chown=1:2"
    assert copy.flag("link") == ""
    assert copy.flag("chmod") is None
    assert texts(copy.args) == ["x", "y"]


def test_pairs_with_quotes_and_the_old_form() -> None:
    env = one("ENV a=\"b c\" d='e' f=g\\ h\n")
    assert [(pair.name.text, pair.value and pair.value.text) for pair in env.pairs] == [
        ("a", '"b c"'),
        ("d", "'e'"),
        ("f", "g\\ h"),
    ]
    old = one("ENV a b=c d\n")
    assert [(pair.name.text, pair.value and pair.value.text, pair.legacy) for pair in old.pairs] == [
        ("a", "b=c d", True)
    ]
    assert one("ARG a b=c\n").pairs[0].value is None


def test_heredocs_of_all_sorts() -> None:
    text = "FROM a\nRUN <<-A cat 3<<'B' \\\n # c\n x\n\tone\n\tA\ntwo\nB\nUSER u\n"
    file = df.parse(text)
    first, second = file.instructions[1].heredocs
    assert (first.name, first.content, first.chomp, first.expand, first.line) == ("A", "\tone\n", True, True, 5)
    assert (second.name, second.content, second.expand, second.descriptor) == ("B", "two\n", False, 3)
    assert file.instructions[2].name == "USER"
    assert file.instructions[1].span.end_line == 8


def test_lone_heredoc_is_the_program() -> None:
    script = one("RUN <<-EOF\n\tset -e\n\t\tcurl x\nEOF\n").script()
    assert script is not None
    assert script.text == "set -e\ncurl x\n"
    assert script.place(script.text.index("curl")) == (4, 3)


def test_heredoc_given_to_a_program_is_put_together() -> None:
    script = one("RUN cat <<EOF > /x\nhello\nEOF\n").script()
    assert script is not None
    assert script.text == "cat <<EOF > /x\nhello\nEOF"
    assert script.place(script.text.index("hello")) == (3, 1)


def test_sources_are_not_heredocs() -> None:
    copy = one("COPY a <<EOF b/ /x/\nhi\nEOF\n")
    assert texts(copy.sources) == ["a", "b/"]
    assert copy.args[-1].text == "/x/"


def test_heredocs_only_where_they_belong() -> None:
    assert one("CMD cat <<EOF\n").heredocs == ()
    assert one('RUN ["a", "<<EOF"]\n').heredocs == ()
    assert slugs("FROM a\nRUN <<EOF\nUSER b\n") == ["open-heredoc"]
    assert slugs("FROM a\nCOPY x <<EOF\nEOF\n") == ["heredoc-destination"]


def test_onbuild_holds_an_instruction() -> None:
    text = "FROM a\nONBUILD COPY --from=b <<EOF /x\nhi\nEOF\n"
    trigger = df.parse(text).instructions[1].trigger
    assert trigger is not None
    assert (trigger.name, trigger.flag("from"), trigger.heredocs[0].content) == ("COPY", "b", "hi\n")
    assert at(text, trigger.args[1].span) == "/x"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("RUN a\n", "before-from"),
        ("ARG a\n", "no-from"),
        ("", "no-instructions"),
        ("FROM a\nFOO b\n", "unknown-instruction"),
        ("FROM\n", "bad-from"),
        ("FROM a b\n", "bad-from"),
        ("FROM a AS 1\n", "bad-stage-name"),
        ("FROM a\nCOPY b\n", "missing-arguments"),
        ("FROM a\nCOPY --foo=1 b c\n", "unknown-flag"),
        ("FROM a\nCOPY --from=1 --from=2 b c\n", "flag-twice"),
        ("FROM a\nCOPY --chown b c\n", "flag-without-value"),
        ("FROM a\nCOPY --link=maybe b c\n", "flag-not-boolean"),
        ("FROM a\nENV a=b c\n", "no-equals"),
        ("FROM a\nENV a\n", "missing-arguments"),
        ("FROM a\nENV =b\n", "blank-name"),
        ("FROM a\nSHELL sh -c\n", "not-json"),
        ("FROM a\nUSER\n", "missing-arguments"),
        ("FROM a\nRUN --network=lan b\n", "bad-network"),
        ("FROM a\nRUN --security=none b\n", "bad-security"),
        ("FROM a\nRUN --mount=type=bind,from=$x b\n", "variable-in-from"),
        ("FROM a\nHEALTHCHECK --interval=3 CMD b\n", "bad-duration"),
        ("FROM a\nHEALTHCHECK --retries=-1 CMD b\n", "bad-retries"),
        ("FROM a\nHEALTHCHECK NONE b\n", "none-with-arguments"),
        ("FROM a\nHEALTHCHECK HTTP b\n", "bad-healthcheck"),
        ("FROM a\nONBUILD FROM b\n", "bad-trigger"),
        ("FROM a\nONBUILD ONBUILD RUN b\n", "bad-trigger"),
        ("# escape=x\nFROM a\n", "bad-escape"),
        ("# escape=`\n# escape=`\nFROM a\n", "directive-twice"),
        ("FROM a\n\\\n", "no-instruction"),
        ("FROM a\nRUN " + "b" * 70_000 + "\n", "long-line"),
    ],
)
def test_mistakes_are_told(text: str, slug: str) -> None:
    assert slug in slugs(text)


def test_the_rest_is_read_after_a_mistake() -> None:
    file = df.parse("FROM a\nENV x\nFOO y\nUSER z\n")
    assert [one.keyword for one in file.instructions] == ["FROM", "ENV", "FOO", "USER"]
    assert [problem.span.line for problem in file.problems] == [2, 3]


def test_binary_and_huge_are_errors() -> None:
    with pytest.raises(DocumentError) as caught:
        df.parse(b"FROM a\nRUN \0\n")
    assert caught.value.line == 2
    with pytest.raises(DocumentError):
        df.parse("FROM a\n", max_bytes=3)
    with pytest.raises(DocumentError):
        df.parse("FROM a\n" * 5, max_instructions=4)


VALUES = {"v": "foo.bar.foo/x", "e": ""}


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("$v-${v}", "foo.bar.foo/x-foo.bar.foo/x"),
        ("a'$v'\"$e\"", "a$v"),
        ("\\$v", "$v"),
        ("${u:-w}", "w"),
        ("${e-w}", ""),
        ("${e:-w}", "w"),
        ("${v:+w}${u+w}", "w"),
        ("${v?m}", "foo.bar.foo/x"),
        ("${v#*.}", "bar.foo/x"),
        ("${v##*.}", "foo/x"),
        ("${v%.*}", "foo.bar"),
        ("${v%%.*}", "foo"),
        ("${v/foo/f}", "f.bar.foo/x"),
        ("${v//foo/f}", "f.bar.f/x"),
        ("${v//o*r/-}", "f-.foo/x"),
        ("${v#f?o}", ".bar.foo/x"),
        ("${u:-${v%%.*}}", "foo"),
        ("$$ $", " $"),
        ('"a\\"b\\c"', 'a"b\\c'),
    ],
)
def test_expansion(word: str, result: str) -> None:
    expanded = df.expand(word, VALUES.get)
    assert (expanded.text, expanded.error) == (result, "")


@pytest.mark.parametrize("word", ["${v", "${}", "'a", '"a', "${v:#x}", "${u:?no}", "${v^}", "${v/a", "${v#\\a}"])
def test_expansion_that_fails_leaves_the_word(word: str) -> None:
    expanded = df.expand(word, VALUES.get)
    assert expanded.error
    assert expanded.text == word


def test_expansion_tells_what_had_no_value() -> None:
    assert df.expand("$u$v${w:-$x}", VALUES.get).unset == ("u", "x", "w")


def test_expansion_words() -> None:
    assert df.expand('a "b c" $s d\\ e', {"s": "1 2"}.get).words == ("a", "b c", "1", "2", "d e")


def test_stages_bases_and_defaults() -> None:
    text = (
        "ARG TAG=1\nARG BASE=debian:$TAG\nFROM $BASE AS Build\nFROM build AS next\nFROM scratch\n"
        "COPY --from=0 a b\nCOPY --from=BUILD a b\nCOPY --from=nginx a b\nRUN --mount=from=next,target=/n true\n"
    )
    build = df.evaluate(df.parse(text))
    first, second, third = build.stages
    assert (first.base.text, first.name, first.parent) == ("debian:1", "build", None)
    assert (second.parent, third.scratch) == (0, True)
    assert [(need.how, need.stage, need.image) for need in third.needs] == [
        ("from", None, "scratch"),
        ("copy", 0, ""),
        ("copy", 0, ""),
        ("copy", None, "nginx"),
        ("mount", 1, ""),
    ]
    assert build.needed == {0, 1, 2}
    assert df.evaluate(df.parse(text), build_args={"TAG": "2"}).stages[0].base.text == "debian:2"
    assert df.evaluate(df.parse(text), target="next").needed == {0, 1}


def test_arguments_before_from_need_to_be_named_again() -> None:
    text = "ARG a=1\nFROM x\nUSER u$a\nARG a\nUSER u$a\nARG TARGETARCH\nUSER $TARGETARCH\n"
    users = [one for one in df.evaluate(df.parse(text)).stages[0].steps if one.instruction.name == "USER"]
    assert [step.expand(step.instruction.args[0].text).text for step in users] == ["u", "u1", "amd64"]


def test_values_are_those_before_the_instruction() -> None:
    stage = df.evaluate(df.parse("FROM x\nENV a=1\nENV a=2 b=$a\nENV c=$a\n")).stages[0]
    assert {name: setting.value.text for name, setting in stage.env.items()} == {"a": "2", "b": "1", "c": "2"}


def test_the_final_user_is_inherited_from_the_stage_below() -> None:
    build = df.evaluate(
        df.parse("FROM x AS a\nARG u=app\nUSER $u\nWORKDIR /srv\nWORKDIR in\nFROM a\nARG p='2 3'\nEXPOSE 1 $p\n")
    )
    final = build.final
    assert final is not None
    assert final.user is not None
    assert (final.user.value.text, final.user.instruction.line, final.workdir) == ("app", 3, "/srv/in")
    assert [port.value.text for port in final.ports] == ["1", "2", "3"]
    assert [stage.index for stage in build.lineage(final)] == [1, 0]


def test_onbuild_runs_in_the_next_stage_only() -> None:
    build = df.evaluate(df.parse("FROM x AS a\nONBUILD USER u\nFROM a AS b\nFROM b\n"))
    assert [stage.user is not None for stage in build.stages] == [False, True, True]
    assert [len(stage.steps) for stage in build.stages] == [1, 1, 0]


def test_shell_changes_the_dialect() -> None:
    text = (
        'FROM x\nRUN a\nSHELL ["/bin/bash", "-eo", "pipefail", "-c"]\nRUN b\nSHELL ["powershell", "-command"]\nRUN c\n'
    )
    steps = df.evaluate(df.parse(text)).stages[0].steps
    programs = [step.program() for step in steps if step.instruction.name == "RUN"]
    assert [program and (program.dialect, program.errexit, program.pipefail) for program in programs] == [
        ("sh", False, False),
        ("bash", True, True),
        ("", False, False),
    ]


def test_windows_bases_have_no_posix_shell() -> None:
    step = df.evaluate(df.parse("FROM example.test/windows/servercore:1\nRUN a\n")).stages[0].steps[0]
    assert step.shell == ("cmd", "/S", "/C")


def test_shebang_decides_who_reads_a_heredoc() -> None:
    step = df.evaluate(df.parse("FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nprint()\nEOF\n")).stages[0].steps[0]
    program = step.program()
    assert program is not None
    assert (program.interpreter, program.dialect) == (("python3",), "")


def test_mounts() -> None:
    step = (
        df.evaluate(df.parse("FROM a\nENV d=/x\nRUN --mount=type=secret,id=k,dst=$d,required b\n")).stages[0].steps[1]
    )
    (mount,) = step.mounts()
    assert (mount.kind, mount.target, mount.options["id"], mount.options["required"]) == ("secret", "/x", "k", "")


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("FROM $x\n", "no-base"),
        ("FROM a\nCOPY --from=3 b c\n", "no-such-stage"),
        ("FROM a\nCOPY --from=late b c\nFROM d AS late\n", "stage-not-before"),
        ("FROM a AS me\nCOPY --from=me b c\n", "stage-not-before"),
        ("FROM a\nCOPY --from=$x b c\n", "variable-in-from"),
        ("FROM a\nUSER ${x:?none}\n", "bad-substitution"),
        ("FROM a AS b\nFROM c AS B\n", "stage-twice"),
        ("FROM a\n" * 501, "too-many-stages"),
    ],
)
def test_mistakes_between_stages(text: str, slug: str) -> None:
    assert slug in [problem.slug for problem in df.evaluate(df.parse(text)).problems]


def test_values_that_double_stay_bounded() -> None:
    build = df.evaluate(df.parse("FROM a\nENV a=xxxxxxxx\n" + "ENV a=$a$a\n" * 60))
    assert max(len(setting.value.text) for setting in build.stages[0].env.values()) < 200_000
    assert build.problems


PIECES = st.sampled_from(
    [
        "FROM a\n",
        "RUN ",
        "COPY ",
        "ENV ",
        "ONBUILD ",
        "<<E",
        "E\n",
        "\\\n",
        "\n",
        "#",
        '["a"',
        "]",
        "$",
        "{",
        "}",
        '"',
        "'",
        "--from=",
        " ",
        "a",
        "=",
        "HEALTHCHECK ",
        "\t",
        "\r\n",
        "é",
        "${x#",
        "*",
        "/",
    ]
)


@example("\\\n FROM a\n")
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_whatever_is_written_every_part_has_its_place(text: str) -> None:
    file = df.parse(text)
    lines = text.split("\n")
    for instruction in file.instructions:
        assert 1 <= instruction.span.line <= instruction.span.end_line <= len(lines)
        first = lines[instruction.span.line - 1]
        assert first[instruction.span.column - 1 :].startswith(instruction.keyword[:1])
        spans = [word.span for word in instruction.args] + [flag.span for flag in instruction.flags]
        for span in spans:
            assert span.end_column <= len(lines[span.end_line - 1]) + 1
    for stage in df.evaluate(file).stages:
        for step in stage.steps:
            step.mounts()
            step.program()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        df.evaluate(df.parse(data))
    except DocumentError as error:
        assert error.reason
