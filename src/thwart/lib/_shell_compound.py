"""Compound commands of a shell: what begins with a reserved word or a parenthesis and has its own end.

Source: POSIX.1-2024, XCU 2.9.4 and 2.9.5; the Bash manual, 3.2.5 and 3.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from thwart.lib._shell_tree import AndOr, Command, Compound, Pipeline, Redirect, Script, Simple, Word
from thwart.lib._shell_words import ShellSyntaxError, WordReader, is_name

BLANK = re.compile(r"(?:[ \t]++|\\\n)*+")
CASE_END = re.compile(r";;&|;;|;&")
NO_WORDS: frozenset[str] = frozenset()


class CompoundReader(WordReader):
    """Reads compound commands; the parser of lists, a subclass, reads what is in them."""

    def _blank(self) -> None:
        raise NotImplementedError

    def _linebreaks(self) -> None:
        raise NotImplementedError

    def _expect(self, mark: str, opened: int) -> None:
        raise NotImplementedError

    def _keyword(self) -> str:
        raise NotImplementedError

    def _list(self, stops: frozenset[str]) -> Script:
        raise NotImplementedError

    def _some(self, stops: frozenset[str]) -> Script:
        raise NotImplementedError

    def _command(self) -> Command:
        raise NotImplementedError

    def _redirect(self) -> Redirect | None:
        raise NotImplementedError

    def _ahead(self) -> str:
        raise NotImplementedError

    def _compound(self, kind: str, read: Callable[[Compound], None]) -> Compound:
        self.deeper()
        compound = Compound(kind, "", (), (), (), (), self.place(self.at), 0)
        self.at += len(kind)
        read(compound)
        redirects: list[Redirect] = []
        while (redirect := self._redirect()) is not None:
            redirects.append(redirect)
        compound.redirects += tuple(redirects)
        compound.end = self.place(self.at)
        self.depth -= 1
        return compound

    def _subshell(self, compound: Compound) -> None:
        opened = self.at - 1
        if self.text.startswith("(", self.at, self.end) and self._is_arithmetic(self.at + 1):
            compound.kind = "(("
            compound.words = (self._arithmetic_word(),)
            return
        compound.bodies = (self._some(NO_WORDS),)
        self._expect(")", opened)

    def _arithmetic_word(self) -> Word:
        start = self.at - 1
        self.at += 1
        return Word(self._arithmetic_parts(), self.place(start), self.place(self.at))

    def _braced(self, compound: Compound) -> None:
        opened = self.at
        compound.bodies = (self._some(frozenset("}")),)
        self._expect("}", opened)

    def _if(self, compound: Compound) -> None:
        tests, bodies = [], []
        opened = self.at
        while True:
            tests.append(self._some(frozenset({"then"})))
            self._expect("then", opened)
            bodies.append(self._some(frozenset({"elif", "else", "fi"})))
            keyword = self._keyword()
            if keyword != "elif":
                break
            self.at += 4
        if keyword == "else":
            self.at += 4
            bodies.append(self._some(frozenset({"fi"})))
        self._expect("fi", opened)
        compound.tests, compound.bodies = tuple(tests), tuple(bodies)

    def _while(self, compound: Compound) -> None:
        compound.tests = (self._some(frozenset({"do"})),)
        self._do(compound)

    def _do(self, compound: Compound) -> None:
        opened = self.at
        self._linebreaks()
        if self._keyword() == "{" and compound.kind in ("for", "select"):
            self.at += 1
            self._braced(compound)
            return
        self._expect("do", opened)
        compound.bodies = (self._some(frozenset({"done"})),)
        self._expect("done", opened)

    def _for(self, compound: Compound) -> None:
        self._blank()
        if self.text.startswith("((", self.at, self.end) and compound.kind == "for":
            self.at += 1
            compound.words = (self._arithmetic_word(),)
            self._separator()
            self._do(compound)
            return
        word = self.word()
        if word is None or word.static is None or not is_name(word.static):
            raise ShellSyntaxError(f"{compound.kind} takes the name of a variable", self.at)
        compound.name = word.static
        self._linebreaks()
        if self._keyword() == "in":
            self.at += 2
            compound.words = self._words()
        self._separator()
        self._do(compound)

    def _separator(self) -> None:
        self._blank()
        if self.text.startswith(";", self.at, self.end):
            self.at += 1

    def _words(self) -> tuple[Word, ...]:
        words: list[Word] = []
        while True:
            self._blank()
            word = self.word()
            if word is None:
                return tuple(words)
            words.append(word)

    def _case(self, compound: Compound) -> None:
        opened = self.at
        self._blank()
        word = self.word()
        if word is None:
            raise ShellSyntaxError("case has nothing to compare", self.at)
        self._expect("in", opened)
        words: list[Word] = [word]
        bodies: list[Script] = []
        while True:
            self._linebreaks()
            if self._keyword() == "esac":
                break
            words += self._patterns()
            bodies.append(self._list(frozenset({"esac"})))
            match = CASE_END.match(self.text, self.at, self.end)
            if match is None:
                break
            self.at = match.end()
        self._expect("esac", opened)
        compound.words, compound.bodies = tuple(words), tuple(bodies)

    def _patterns(self) -> list[Word]:
        opened = self.at
        if self.text.startswith("(", self.at, self.end):
            self.at += 1
        patterns: list[Word] = []
        while True:
            self._blank()
            word = self.word()
            if word is None:
                raise ShellSyntaxError("a pattern of case is missing", opened)
            patterns.append(word)
            self._blank()
            if not self.text.startswith("|", self.at, self.end):
                break
            self.at += 1
        if not self.text.startswith(")", self.at, self.end):
            raise ShellSyntaxError("a pattern of case does not end in )", opened)
        self.at += 1
        return patterns

    def _function(self, compound: Compound) -> None:
        self._blank()
        word = self.word()
        if word is None:
            raise ShellSyntaxError("a function without a name", self.at)
        compound.name = word.known
        self._blank()
        if self.text.startswith("(", self.at, self.end):
            after = BLANK.match(self.text, self.at + 1, self.end)
            if after is not None and self.text.startswith(")", after.end(), self.end):
                self.at = after.end() + 1
        self._function_body(compound)

    def _function_body(self, compound: Compound) -> None:
        self._linebreaks()
        start = self.at
        body = self._command()
        if isinstance(body, Simple):
            raise ShellSyntaxError("the body of a function is not a compound command", start)
        compound.bodies = (_alone(body),)

    def _coproc(self, compound: Compound) -> None:
        self._blank()
        compound.bodies = (_alone(self._command()),)

    def _test(self, compound: Compound) -> None:
        opened = self.at
        words: list[Word] = []
        while True:
            self._linebreaks()
            if self.at >= self.end:
                raise ShellSyntaxError("[[ is not closed", opened)
            if self.text.startswith("]]", self.at, self.end):
                self.at += 2
                break
            word = self.word()
            if word is not None:
                words.append(word)
            elif self.text[self.at] in "()<>|&;":
                self.at += 1
            else:
                raise ShellSyntaxError(f"{self._ahead()!r} is not expected in [[", self.at)
        compound.words = tuple(words)


def _alone(command: Command) -> Script:
    start, end = command.start, command.end
    pipeline = Pipeline((command,), False, False, start, end)
    return Script((AndOr((pipeline,), (), False, start, end),), start, end)


COMPOUNDS: dict[str, Callable[[CompoundReader, Compound], None]] = {
    "{": CompoundReader._braced,  # noqa: SLF001 - a table of this class's own methods
    "if": CompoundReader._if,  # noqa: SLF001
    "while": CompoundReader._while,  # noqa: SLF001
    "until": CompoundReader._while,  # noqa: SLF001
    "for": CompoundReader._for,  # noqa: SLF001
    "select": CompoundReader._for,  # noqa: SLF001
    "case": CompoundReader._case,  # noqa: SLF001
    "function": CompoundReader._function,  # noqa: SLF001
    "coproc": CompoundReader._coproc,  # noqa: SLF001
    "[[": CompoundReader._test,  # noqa: SLF001
}
