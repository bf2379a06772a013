"""Shell programs: what is run, with what words, and whose failure counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.lib import shell


def argvs(text: str) -> list[tuple[str | None, ...]]:
    found = shell.commands(shell.parse(text))
    assert not found.unparsed, found.unparsed
    return [one.command.argv for one in found.found]


def one(text: str) -> shell.Simple:
    (found,) = shell.commands(shell.parse(text)).found
    return found.command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ("a", "b", "c")),
        ("a 'b c' \"d e\" f\\ g", ("a", "b c", "d e", "f g")),
        ("a \\\n  b # c d", ("a", "b")),
        ("a b#c", ("a", "b#c")),
        ("a \"\\$b\\n\" $'c\\n\\x41'", ("a", "$b\\n", "c\nA")),
        ('a $b "${c:-d}" x$(e)', ("a", None, None, None)),
        ("a ''", ("a", "")),
        ("a {b,c} *.d ~/e", ("a", "{b,c}", "*.d", "~/e")),
        ("a if then }", ("a", "if", "then", "}")),
    ],
)
def test_words(text: str, words: tuple[str | None, ...]) -> None:
    assert argvs(text)[0] == words


def test_parts_are_kept() -> None:
    word = one('a "x${b:-y$c}z"').words[1]
    assert word.static is None
    assert word.known == "x\ufffcz"
    parameter = word.parts[1]
    assert isinstance(parameter, shell.Parameter)
    assert (parameter.name, parameter.operation, parameter.quoted) == ("b", ":-", True)
    assert one("a *.b").words[1].pattern
    assert not one("a '*.b'").words[1].pattern


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a && b || c; d & e\nf", "abcdef"),
        ("a | b |& c", "abc"),
        ("(a; b) && { c; }", "abc"),
        ("if a; then b; elif c; then d; else e; fi", "abcde"),
        ("while a; do b; done; until c; do d; done", "abcd"),
        ("for x in 1 2; do a; done; for x; do b; done; for ((i=0; i<3; i++)); do c; done", "abc"),
        ("case $x in a|b) a ;; (c) b ;& *) c; esac", "abc"),
        ("f() { a; }; function g { b; }; function h() (c)", "abc"),
        ("! a; time b", "ab"),
        ("[[ a == b && c =~ ^(x|y)$ ]] && a; (( 1 + 2 )) || b", "ab"),
        ("a $(b `c`)", "abc"),
        ("a <(b) >(c)", "abc"),
        ('a "${x:-$(b)}" $((1 + $(c)))', "abc"),
        ("a <<E\n$(b)\nE\nc", "abc"),
        ("a <<'E'\n$(x)\nE\nb", "ab"),
        ("a `b \\`c\\``", "abc"),
        ("a=$(b) c", "cb"),
        ("select x in 1; do a; done; coproc b", "ab"),
    ],
)
def test_every_command_is_found(text: str, expected: str) -> None:
    names = [words[0] for words in argvs(text) if words]
    assert "".join(name or "?" for name in names) == expected


def test_places() -> None:
    text = "a && \\\n  b 'c d' | e \"$(f g)\""
    found = {one.command.name: one.command for one in shell.commands(shell.parse(text)).found}
    for name in "abef":
        command = found[name]
        assert text[command.start : command.end].startswith(name)
    word = found["b"].words[1]
    assert text[word.start : word.end] == "'c d'"


def test_places_between_backquotes() -> None:
    text = "a `b \\`c d\\` e`"
    for one in shell.commands(shell.parse(text)).found:
        assert text[one.command.start] == one.command.name


def test_assignments_and_redirections() -> None:
    command = one("A=1 B+=$x C=(1 2) d[3]=4 run 2>&1 >/dev/null <<<word")
    assert [(a.name, a.append, a.value and a.value.static) for a in command.assignments] == [
        ("A", False, "1"),
        ("B", True, None),
        ("C", False, None),
        ("d", False, "4"),
    ]
    assert [word.static for word in command.assignments[2].elements or ()] == ["1", "2"]
    assert [(r.operator, r.descriptor, r.target.static) for r in command.redirects] == [
        (">&", "2", "1"),
        (">", "", "/dev/null"),
        ("<<<", "", "word"),
    ]


def test_heredocs() -> None:
    first, second = one("cat <<-A <<'B'\n\tx $y\n\tA\n$z\nB\n").redirects
    assert first.body is not None
    assert second.body is not None
    assert (first.body.static, second.body.static) == (None, "$z\n")
    assert first.body.known == "\tx \ufffc\n"
    assert not one("cat <<A\nx\n").redirects[0].closed


def test_pipelines_are_known() -> None:
    found = shell.commands(shell.parse("curl x | sudo sh")).found
    assert isinstance(found[0].piped_into, shell.Simple)
    assert found[0].piped_into.argv == ("sudo", "sh")
    assert found[1].piped_from is found[0].command


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("a", ""),
        ("a; b", "a"),
        ("set -e; a; b", "s"),
        ("a && b", ""),
        ("a && b; c", "ab"),
        ("a || b", "a"),
        ("a && b || c", "ab"),
        ("a | b", "a"),
        ("set -o pipefail && a | b", ""),
        ("set -eux -o pipefail; a | b; c", "s"),
        ("set -e; set +e; a; b", "sa"),
        ("(set -e; a; b); c; d", "sabc"),
        ("a & b", "a"),
        ("set -e; if a; then b; fi; c", "sa"),
        ("! a", "a"),
        ("{ a; b; } | c", "ab"),
        ("set -e; a $(b)", "sb"),
        ("set -e; a=$(b); c", "s"),
    ],
)
def test_whose_failure_is_ignored(text: str, ignored: str) -> None:
    found = shell.commands(shell.parse(text)).found
    assert "".join((one.command.name or "?")[0] for one in found if one.failure_ignored) == ignored


def test_options_that_the_shell_starts_with() -> None:
    found = shell.commands(shell.parse("a | b; c"), errexit=True, pipefail=True).found
    assert not any(one.failure_ignored for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "a 'b",
        'a "b',
        "if a; then b",
        "a && ",
        "| a",
        "a;;",
        "(a",
        "a)",
        "$(a",
        "`a",
        "{ a",
        "case x in",
        "a ( b",
        "${",
        ";",
        "fi",
    ],
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    found = shell.commands(shell.parse("ok\n" + text))
    assert len(found.unparsed) == 1
    assert found.unparsed[0].reason
    assert found.found[0].command.name == "ok"


@pytest.mark.parametrize(
    "unit", ["(", "$(", "{ ", "((", "$((", "if a; then ", "${a:-", '"$(', "<(", "case a in a) ", "[[ ", "f() { "]
)
def test_depth_is_bounded(unit: str) -> None:
    assert shell.commands(shell.parse(unit * 3000)).unparsed


def test_sizes_are_bounded() -> None:
    assert shell.parse("a" * 20, max_size=10).unparsed
    assert shell.parse("a;" * 20, max_commands=10).unparsed
    assert shell.parse("a\0b").unparsed


PIECES = st.sampled_from(
    [
        "a",
        " ",
        "\n",
        ";",
        "&&",
        "||",
        "|",
        "&",
        "(",
        ")",
        "{ ",
        "}",
        "$",
        "${",
        "$(",
        "$((",
        "))",
        "`",
        '"',
        "'",
        "\\",
        "<<E\n",
        "E\n",
        "if ",
        "then ",
        "fi",
        "for x in ",
        "do ",
        "done",
        "case x in ",
        "esac",
        ";;",
        "[[ ",
        " ]]",
        "#",
        "=",
        "<",
        ">",
        "f()",
        "!",
        "*",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_whatever_is_written_is_read_or_told(text: str) -> None:
    found = shell.commands(shell.parse(text))
    for one in found.found:
        assert 0 <= one.command.start <= one.command.end <= len(text)
        for word in one.command.words:
            assert one.command.start <= word.start < word.end <= one.command.end
    for missing in found.unparsed:
        assert missing.end == len(text)
