"""Words of a shell: quotes, expansions and substitutions, read in one pass without going back.

Source: POSIX.1-2024, XCU 2.2 "Quoting", 2.6 "Word Expansions"; the Bash manual, 3.1.2.4, 3.5.3 and 3.5.6.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.lib._shell_tree import Arithmetic, Literal, Parameter, Part, Substitution, Word

if TYPE_CHECKING:
    from thwart.lib._shell_tree import Script

_PLAIN = re.compile(r"[^ \t\n;&|<>()$`\"'\\]+")
_IN_DOUBLE = re.compile(r'[^"$`\\]+')
_IN_HEREDOC = re.compile(r"[^$`\\]+")
_IN_BRACES = re.compile(r"[^}$`\\\"']+")
_IN_ARITHMETIC = re.compile(r"[^()$`\\\"']+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!\-]")
_OPERATION = re.compile(r":?[-=?+]|##?|%%?|//?|/[#%]|\^\^?|,,?|@|:|\[")
_BACKQUOTED = re.compile(r"[^`\\]*(?:\\.[^`\\]*)*", re.DOTALL)
_SKIP_ARITHMETIC = re.compile(r"[^()\"'\\`]+")
_ANSI = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|c.|.)", re.DOTALL)
_ANSI_ONE = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


_ARITHMETIC_MAX = 20_000  # characters of one arithmetic expression


class ShellSyntaxError(Exception):
    """The program cannot be read on from `offset`."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class WordReader:
    """Reads words at `at`. The parser of commands, a subclass, reads what is substituted."""

    text: str
    end: int
    at: int
    depth: int
    max_depth: int
    origin: list[int] | None  # the offsets in the outermost text, when this one was made from it

    def place(self, offset: int) -> int:
        """The offset in the outermost text."""
        return offset if self.origin is None else self.origin[min(offset, len(self.origin) - 1)]

    def commands_until(self, stop: str) -> Script:
        """The commands up to `stop`, which is taken."""
        raise NotImplementedError

    def other_text(self, text: str, origin: list[int]) -> Script:
        """The commands of a text made from this one; `origin` has the offset of each of its characters."""
        raise NotImplementedError

    def deeper(self) -> None:
        """One level of nesting more; whoever calls it takes it back."""
        self.depth += 1
        if self.depth > self.max_depth:
            raise ShellSyntaxError(f"nested more than {self.max_depth} deep", self.at)

    def word(self) -> Word | None:
        """The word that begins here; None when none does."""
        start = self.at
        match = _PLAIN.match(self.text, start, self.end)
        if match is not None:
            self.at = match.end()
            if self.at == self.end or self.text[self.at] in " \t\n;&|)":
                return Word((Literal(match[0], False),), self.place(start), self.place(self.at))
            self.at = start
        parts: list[Part] = []
        while self.at < self.end and self._part(parts):
            pass
        return Word(tuple(parts), self.place(start), self.place(self.at)) if parts else None

    def _part(self, parts: list[Part]) -> bool:
        text, at = self.text, self.at
        match = _PLAIN.match(text, at, self.end)
        if match is not None:
            self.at = match.end()
            parts.append(Literal(match[0], False))
            if text.startswith("(", self.at, self.end) and match[0][-1] in "?*+@!":
                self._extended_pattern(parts)
            return True
        char = text[at]
        if char == "$":
            self._dollar(parts, quoted=False)
        elif char == "'":
            parts.append(Literal(self._single(), True))
        elif char == '"':
            self._double(parts)
        elif char == "\\":
            self._escape(parts)
        elif char == "`":
            parts.append(self._backquotes(quoted=False))
        elif char in "<>" and text.startswith("(", at + 1, self.end):
            self.at += 2
            parts.append(Substitution(char, self._substituted(), False))
        else:
            return False
        return True

    def _extended_pattern(self, parts: list[Part]) -> None:
        """`@(a|b)` and its like: the words of a pattern, taken as text."""
        level = 0
        self.deeper()
        while self.at < self.end:
            char = self.text[self.at]
            if char in "()|":
                self.at += 1
                level += (char == "(") - (char == ")")
                parts.append(Literal(char, False))
                if level == 0:
                    self.depth -= 1
                    return
            elif char in " \t\n;&<>":
                self.at += 1
                parts.append(Literal(char, False))
            elif not self._part_in_pattern(parts):
                break
        raise ShellSyntaxError("a pattern is not closed", self.at)

    def _part_in_pattern(self, parts: list[Part]) -> bool:
        match = _PLAIN.match(self.text, self.at, self.end)
        if match is None:
            return self._part(parts)
        self.at = match.end()
        parts.append(Literal(match[0], False))
        return True

    def _escape(self, parts: list[Part]) -> None:
        following = self.text[self.at + 1 : min(self.at + 2, self.end)]
        self.at = min(self.at + 2, self.end)
        if following != "\n":
            parts.append(Literal(following or "\\", True))

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1, self.end)
        if end < 0:
            raise ShellSyntaxError("a single quote is not closed", self.at)
        text = self.text[self.at + 1 : end]
        self.at = end + 1
        return text

    def _double(self, parts: list[Part]) -> None:
        opened = self.at
        self.at += 1
        before = len(parts)
        while True:
            if self.at >= self.end:
                raise ShellSyntaxError("a double quote is not closed", opened)
            if self.text[self.at] == '"':
                self.at += 1
                break
            self._quoted_part(parts, _IN_DOUBLE, '$`"\\')
        if len(parts) == before:
            parts.append(Literal("", True))

    def _quoted_part(self, parts: list[Part], plain: re.Pattern[str], escapable: str) -> None:
        match = plain.match(self.text, self.at, self.end)
        if match is not None:
            self.at = match.end()
            parts.append(Literal(match[0], True))
            return
        char = self.text[self.at]
        if char == "$":
            self._dollar(parts, quoted=True)
        elif char == "`":
            parts.append(self._backquotes(quoted=True))
        elif char == "\\":
            following = self.text[self.at + 1 : min(self.at + 2, self.end)]
            self.at = min(self.at + 2, self.end)
            if following != "\n":
                parts.append(Literal(following if following and following in escapable else char + following, True))
        else:
            self.at += 1
            parts.append(Literal(char, True))

    def heredoc_body(self, start: int, end: int) -> Word:
        """The body of a here-document whose end word is not quoted."""
        outer_end, outer_at = self.end, self.at
        self.at, self.end = start, end
        parts: list[Part] = []
        try:
            while self.at < self.end:
                self._quoted_part(parts, _IN_HEREDOC, "$`\\")
        finally:
            self.at, self.end = outer_at, outer_end
        return Word(tuple(parts), self.place(start), self.place(end))

    def _dollar(self, parts: list[Part], *, quoted: bool) -> None:
        text, at = self.text, self.at
        following = text[at + 1 : min(at + 2, self.end)]
        if following == "(":
            self._parenthesis(parts, quoted)
            return
        if following == "{":
            self.at += 2
            parts.append(self._braces(quoted))
            return
        if not quoted and following == "'":
            self.at += 1
            parts.append(Literal(self._ansi(), True))
            return
        if not quoted and following == '"':
            self.at += 1
            self._double(parts)
            return
        match = _PARAMETER.match(text, at + 1, self.end)
        if match is None:
            self.at += 1
            parts.append(Literal("$", quoted))
            return
        name = match[0] if not match[0].isdigit() else match[0][0]
        self.at = at + 1 + len(name)
        parts.append(Parameter(name, "", (), quoted))

    def _parenthesis(self, parts: list[Part], quoted: bool) -> None:
        if self.text.startswith("((", self.at + 1, self.end) and self._is_arithmetic(self.at + 3):
            self.at += 3
            parts.append(Arithmetic(self._arithmetic_parts(), quoted))
            return
        self.at += 2
        parts.append(Substitution("$", self._substituted(), quoted))

    def _substituted(self) -> Script:
        self.deeper()
        script = self.commands_until(")")
        self.depth -= 1
        return script

    def _is_arithmetic(self, at: int) -> bool:
        """Whether the parentheses opened before `at` close together, as those of arithmetic do (Bash manual, 3.5.5)."""
        level = 0
        end = min(self.end, at + _ARITHMETIC_MAX)
        while at < end:
            match = _SKIP_ARITHMETIC.match(self.text, at, end)
            if match is not None:
                at = match.end()
                continue
            char = self.text[at]
            if char == "(":
                level += 1
            elif char == ")":
                if level == 0:
                    return self.text.startswith("))", at, self.end)
                level -= 1
            elif char == "\\":
                at += 1
            elif char in "\"'":
                at = self.text.find(char, at + 1, end)
                if at < 0:
                    return False
            at += 1
        return False

    def _arithmetic_parts(self) -> tuple[Part, ...]:
        """Up to and with the closing `))`."""
        parts: list[Part] = []
        level = 0
        self.deeper()
        while self.at < self.end:
            char = self.text[self.at]
            if char == ")" and level == 0:
                if not self.text.startswith("))", self.at, self.end):
                    break
                self.at += 2
                self.depth -= 1
                return tuple(parts)
            if char in "()":
                level += 1 if char == "(" else -1
                self.at += 1
                parts.append(Literal(char, True))
            elif char == '"':
                self._double(parts)
            else:
                self._quoted_part(parts, _IN_ARITHMETIC, '$`\\"')
        raise ShellSyntaxError("arithmetic is not closed", self.at)

    def _braces(self, quoted: bool) -> Parameter:
        """After `${`, up to and with the closing brace."""
        opened = self.at
        self.deeper()
        prefix = ""
        text = self.text
        for mark in ("#", "!"):
            if text.startswith(mark, self.at, self.end) and not text.startswith("}", self.at + 1, self.end):
                match = _PARAMETER.match(text, self.at + 1, self.end)
                if match is not None and text[match.end() : match.end() + 1] in (
                    "}",
                    "[",
                    "*",
                    "@",
                    ":",
                    "-",
                    "#",
                    "%",
                    "/",
                ):
                    prefix = mark
                    self.at += 1
                    break
        match = _PARAMETER.match(text, self.at, self.end)
        if match is None:
            raise ShellSyntaxError("a substitution ${...} without a name", opened)
        self.at = match.end()
        found = _OPERATION.match(text, self.at, self.end)
        operation = found[0] if found else ""
        if (
            found is None
            and not text.startswith("}", self.at, self.end)
            and not (prefix == "!" and text[self.at] in "*@")
        ):
            raise ShellSyntaxError("a substitution ${...} that no shell knows", opened)
        self.at += len(operation)
        operand: list[Part] = []
        while self.at < self.end and text[self.at] != "}":
            self._operand_part(operand, quoted)
        if self.at >= self.end:
            raise ShellSyntaxError("a substitution ${...} is not closed", opened)
        self.at += 1
        self.depth -= 1
        return Parameter(match[0], prefix + operation, tuple(operand), quoted)

    def _operand_part(self, parts: list[Part], quoted: bool) -> None:
        char = self.text[self.at]
        if char == '"':
            self._double(parts)
        elif char == "'" and not quoted:
            parts.append(Literal(self._single(), True))
        elif char == "\\" and not quoted:
            self._escape(parts)
        elif char == "$":
            self._dollar(parts, quoted=quoted)
        else:
            self._quoted_part(parts, _IN_BRACES, '$`"\\}')

    def _ansi(self) -> str:
        """After `$`, a string of C escapes."""
        opened, at = self.at, self.at + 1
        while at < self.end and self.text[at] != "'":
            at += 2 if self.text[at] == "\\" else 1
        if at >= self.end:
            raise ShellSyntaxError("a single quote is not closed", opened)
        self.at = at + 1
        return _ANSI.sub(_ansi_escape, self.text[opened + 1 : at])

    def _backquotes(self, *, quoted: bool) -> Substitution:
        opened = self.at
        match = _BACKQUOTED.match(self.text, opened + 1, self.end)
        end = match.end() if match else opened + 1
        if not self.text.startswith("`", end, self.end):
            raise ShellSyntaxError("a backquote is not closed", opened)
        chars, origin = [], []
        at = opened + 1
        while at < end:
            escapable = '$`\\"' if quoted else "$`\\"
            if self.text[at] == "\\" and self.text[at + 1 : at + 2] in escapable and at + 1 < end:
                at += 1
            chars.append(self.text[at])
            origin.append(at)
            at += 1
        origin.append(end)
        self.deeper()
        script = self.other_text("".join(chars), origin)
        self.depth -= 1
        self.at = end + 1
        return Substitution("$", script, quoted)


def _ansi_escape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    if code[0] == "c" and len(code) > 1:
        return chr(ord(code[1]) & 0x1F)
    return _ANSI_ONE.get(code, code if code in "\\'\"?" else "\\" + code)


def is_name(text: str) -> bool:
    """Whether the text can name a variable."""
    return _NAME.fullmatch(text) is not None
