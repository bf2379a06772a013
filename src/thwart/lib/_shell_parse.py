"""The grammar of POSIX sh and what people use of bash: lists, pipelines, compound commands, redirections, here-documents.

Source: POSIX.1-2024, XCU 2.4, 2.7, 2.9 and 2.10; the Bash manual, chapter 3.
"""

from __future__ import annotations

import re

from thwart.lib._shell_compound import BLANK, CASE_END, COMPOUNDS, NO_WORDS, CompoundReader
from thwart.lib._shell_tree import (
    AndOr,
    Assignment,
    Command,
    Compound,
    Literal,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Unparsed,
    Word,
)
from thwart.lib._shell_words import ShellSyntaxError

_KEYWORD = re.compile(
    r"(?:if|then|elif|else|fi|while|until|for|select|case|esac|do|done|in|function|coproc|time|\[\[|\{|\}|!)(?=[ \t\n;&|<>()]|\\\n|\Z)"
)
_REDIRECT = re.compile(r"([0-9]+|\{[A-Za-z_]\w*\})?(<<<|<<-|<<|<>|<&|<(?!\()|>>|>&|>\||>(?!\()|&>>|&>)")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[[^\]\n]*\])?(\+?=)")
_DECLARES = frozenset({"declare", "typeset", "local", "export", "readonly"})


class Parser(CompoundReader):
    """One text, read from front to back; every method leaves `at` behind what it took."""

    def __init__(
        self, text: str, max_depth: int, max_commands: int, depth: int = 0, origin: list[int] | None = None
    ) -> None:
        self.text = text
        self.end = len(text)
        self.at = 0
        self.depth = depth
        self.max_depth = max_depth
        self.commands_left = max_commands
        self.origin = origin
        self._pending: list[Redirect] = []

    def script(self) -> Script:
        """The whole text; what cannot be read is its last item."""
        items: list[AndOr | Unparsed] = []
        try:
            self._items(items, NO_WORDS)
            self._at_end()
        except ShellSyntaxError as error:
            start = items[-1].end if items else 0
            items.append(Unparsed(error.reason, start, self.end))
        return Script(tuple(items), 0, self.end)

    def _at_end(self) -> None:
        if self.at < self.end:
            raise ShellSyntaxError(f"{self._ahead()!r} is not expected here", self.at)

    def commands_until(self, stop: str) -> Script:
        """The commands up to `stop`, which is taken."""
        opened = self.at
        outer, self._pending = self._pending, []
        script = self._list(NO_WORDS)
        self._expect(stop, opened)
        self._pending = outer
        return script

    def other_text(self, text: str, origin: list[int]) -> Script:
        """The commands between backquotes."""
        places = [self.place(offset) for offset in origin]
        inner = Parser(text, self.max_depth, self.commands_left, self.depth, places)
        try:
            script = inner._list(NO_WORDS)
            inner._at_end()
        except ShellSyntaxError as error:
            raise ShellSyntaxError(error.reason, origin[min(error.offset, len(origin) - 1)]) from None
        self.commands_left = inner.commands_left
        return script

    def _ahead(self) -> str:
        return self.text[self.at : min(self.at + 10, self.end)]

    def _blank(self) -> None:
        if self.at >= self.end or self.text[self.at] not in " \t\\#":
            return
        match = BLANK.match(self.text, self.at, self.end)
        if match is not None:
            self.at = match.end()
        if self.text.startswith("#", self.at, self.end):
            end = self.text.find("\n", self.at, self.end)
            self.at = self.end if end < 0 else end

    def _linebreaks(self) -> None:
        self._blank()
        while self.at < self.end and self.text[self.at] == "\n":
            self._newline()
            self._blank()

    def _newline(self) -> None:
        self.at += 1
        pending, self._pending = self._pending, []
        for redirect in pending:
            self._body(redirect)

    def _body(self, redirect: Redirect) -> None:
        word = redirect.target
        name = word.static
        if name is None:
            name = self.text[word.start : word.end] if self.origin is None else word.known
        start = self.at
        while True:
            if self.at >= self.end:
                redirect.closed, body_end = False, self.end
                break
            line_end = self.text.find("\n", self.at, self.end)
            line_end = self.end if line_end < 0 else line_end
            line = self.text[self.at : line_end]
            if (line.lstrip("\t") if redirect.operator == "<<-" else line) == name:
                body_end, self.at = self.at, min(line_end + 1, self.end)
                break
            self.at = min(line_end + 1, self.end)
        if word.quoted:
            literal = Literal(self.text[start:body_end], True)
            redirect.body = Word((literal,), self.place(start), self.place(body_end))
        else:
            redirect.body = self.heredoc_body(start, body_end)

    def _expect(self, mark: str, opened: int) -> None:
        self._linebreaks()
        if mark.isalpha() or mark == "}":
            if self._keyword() != mark:
                raise ShellSyntaxError(f"{mark!r} is missing", min(self.at, self.end) if self.at < self.end else opened)
        elif not self.text.startswith(mark, self.at, self.end):
            raise ShellSyntaxError(f"{mark!r} is missing", opened)
        self.at += len(mark)

    def _keyword(self) -> str:
        match = _KEYWORD.match(self.text, self.at, self.end)
        return match[0] if match else ""

    def _list(self, stops: frozenset[str]) -> Script:
        start = self.at
        items: list[AndOr | Unparsed] = []
        self._items(items, stops)
        return Script(tuple(items), self.place(start), self.place(self.at))

    def _some(self, stops: frozenset[str]) -> Script:
        script = self._list(stops)
        if not script.items:
            raise ShellSyntaxError("a command is missing", self.at)
        return script

    def _items(self, items: list[AndOr | Unparsed], stops: frozenset[str]) -> None:
        while True:
            self._linebreaks()
            if self.at >= self.end or self.text[self.at] in ");" or self._keyword() in stops:
                return
            item = self._and_or()
            items.append(item)
            self._blank()
            if self.at >= self.end:
                return
            char = self.text[self.at]
            if char == "&":
                item.background = True
                self.at += 1
            elif char == ";":
                if CASE_END.match(self.text, self.at, self.end):
                    return
                self.at += 1
            elif char == ")":
                return
            elif char != "\n" and self._keyword() not in stops:
                raise ShellSyntaxError(f"{self._ahead()!r} is not expected here", self.at)
            if self.text.startswith(";", self.at, self.end) and not CASE_END.match(self.text, self.at, self.end):
                raise ShellSyntaxError("a command is missing before ;", self.at)

    def _and_or(self) -> AndOr:
        start = self.at
        pipelines = [self._pipeline()]
        operators: list[str] = []
        while True:
            self._blank()
            operator = self.text[self.at : min(self.at + 2, self.end)]
            if operator not in ("&&", "||"):
                break
            self.at += 2
            self._linebreaks()
            operators.append(operator)
            pipelines.append(self._pipeline())
        return AndOr(tuple(pipelines), tuple(operators), False, self.place(start), self.place(self.at))

    def _pipeline(self) -> Pipeline:
        start = self.at
        negated = both = timed = False
        while (keyword := self._keyword()) in ("!", "time"):
            self.at += len(keyword)
            negated ^= keyword == "!"
            timed |= keyword == "time"
            self._blank()
            if keyword == "time" and self.text.startswith("-p ", self.at, self.end):
                self.at += 3
                self._blank()
        if timed and (self.at >= self.end or self.text[self.at] in "\n;)"):
            return Pipeline((), negated, both, self.place(start), self.place(self.at))
        commands = [self._command()]
        while True:
            self._blank()
            if not self.text.startswith("|", self.at, self.end) or self.text.startswith("||", self.at, self.end):
                break
            self.at += 1
            if self.text.startswith("&", self.at, self.end):
                both = True
                self.at += 1
            self._linebreaks()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated, both, self.place(start), self.place(self.at))

    def _command(self) -> Command:
        self.commands_left -= 1
        if self.commands_left < 0:
            raise ShellSyntaxError("too many commands", self.at)
        if self.text.startswith("(", self.at, self.end):
            return self._compound("(", self._subshell)
        keyword = self._keyword()
        if not keyword:
            return self._simple()
        reader = COMPOUNDS.get(keyword)
        if reader is None:
            if keyword == "in":
                return self._simple()
            raise ShellSyntaxError(f"{keyword!r} is not expected here", self.at)
        return self._compound(keyword, lambda compound: reader(self, compound))

    def _redirect(self) -> Redirect | None:
        self._blank()
        match = _REDIRECT.match(self.text, self.at, self.end)
        if match is None:
            return None
        start, operator = self.at, match[2]
        self.at = match.end()
        self._blank()
        target = self.word()
        if target is None:
            raise ShellSyntaxError(f"nothing follows {operator}", start)
        redirect = Redirect(operator, match[1] or "", target, self.place(start), self.place(self.at))
        if operator in ("<<", "<<-"):
            self._pending.append(redirect)
            redirect.closed = False
        return redirect

    def _simple(self) -> Command:
        start = end = self.at
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self._blank()
            if self.at >= self.end or self.text[self.at] in "\n;|)":
                break
            redirect = self._redirect()
            if redirect is not None:
                redirects.append(redirect)
            elif not words and (assignment := self._assignment()) is not None:
                assignments.append(assignment)
            elif (word := self.word()) is not None:
                words.append(word)
                if len(words) == 1 and not assignments and self._defines():
                    return self._defined(word, start)
                if words[0].static in _DECLARES and self._array_follows():
                    words += self._elements()
            else:
                break
            end = self.at
        self.at = end if end > start else self.at
        if not words and not assignments and not redirects:
            raise ShellSyntaxError(f"{self._ahead()!r} is not expected here", self.at)
        return Simple(tuple(assignments), tuple(words), tuple(redirects), self.place(start), self.place(end))

    def _defines(self) -> bool:
        """Whether `()` follows the first word."""
        match = BLANK.match(self.text, self.at, self.end)
        return match is not None and self.text.startswith("(", match.end(), self.end)

    def _defined(self, word: Word, start: int) -> Compound:
        self._blank()
        self.at += 1
        self._blank()
        if not self.text.startswith(")", self.at, self.end):
            raise ShellSyntaxError("( is not expected here", self.at)
        self.at += 1
        self.deeper()
        compound = Compound("function", word.known, (), (), (), (), self.place(start), 0)
        self._function_body(compound)
        compound.end = self.place(self.at)
        self.depth -= 1
        return compound

    def _assignment(self) -> Assignment | None:
        match = _ASSIGNMENT.match(self.text, self.at, self.end)
        if match is None:
            return None
        start = self.at
        self.at = match.end()
        value = elements = None
        if self.text.startswith("(", self.at, self.end):
            elements = tuple(self._elements())
        else:
            value = self.word()
        subscript = (match[2] or "")[1:-1]
        return Assignment(
            match[1], subscript, match[3] == "+=", value, elements, self.place(start), self.place(self.at)
        )

    def _array_follows(self) -> bool:
        return self.text.startswith("=(", self.at - 1, self.end)

    def _elements(self) -> list[Word]:
        opened = self.at
        self.at += 1
        words: list[Word] = []
        while True:
            self._linebreaks()
            if self.text.startswith(")", self.at, self.end):
                self.at += 1
                return words
            word = self.word()
            if word is None:
                raise ShellSyntaxError("the list of an array is not closed", opened)
            words.append(word)
