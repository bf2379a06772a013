"""Variables in Dockerfiles: quotes removed, `$x` and `${x...}` replaced, words split; as BuildKit does it, not as a shell.

Source: the Dockerfile reference, "Environment replacement"; POSIX.1-2024, XCU 2.6.2 and 2.14 for the patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct, field

from thwart.lib._dockerfile_text import SPACE

EXPANDED_MAX = 65_536  # characters; more is an error, so that values that double each other cannot fill the memory
NESTING_MAX = 40
_MATCH_STEPS_MAX = 2_000_000

_NAME = re.compile(r"[0-9]+|[@*#?\-$!]|[^\W\d]\w*")
_PATTERN_PARTS = re.compile(r"\\.|.", re.DOTALL)
_PLAIN_SPACES = "\t\r "


class ExpansionError(ValueError):
    """The word cannot be expanded; the message is one sentence."""


class Expansion(NamedTuple):
    """What a word became. `unset` are the names that had no value; with an `error` the text is what was written."""

    text: str
    words: tuple[str, ...]
    unset: tuple[str, ...] = ()
    error: str = ""


Lookup = Callable[[str], "str | None"]


def expand(word: str, lookup: Lookup, *, escape: str = "\\", quotes: bool = True) -> Expansion:
    """Replace the variables of `word`; `lookup` gives a value or None. Without `quotes` they are ordinary characters.

    Bash's `$1` in a replacement has no meaning; in BuildKit's `${x//p/$1}` it has one by accident, not copied here.
    """
    if not any(char in word for char in ("$", escape, "'", '"', "<")):
        return Expansion(word, tuple(word.split()) if word.isascii() else tuple(_split(word)))
    reader = Reader(word, lookup, escape, special_quotes=quotes)
    try:
        text, words = reader.run()
    except ExpansionError as error:
        return Expansion(word, (), tuple(dict.fromkeys(reader.unset)), str(error))
    return Expansion(text, tuple(words), tuple(dict.fromkeys(reader.unset)))


def _split(word: str) -> list[str]:
    return re.split(f"[{SPACE}]+", word.strip(SPACE)) if word.strip(SPACE) else []


class _Words(Struct):
    """Words as they grow: bare blanks separate, quoted or escaped ones do not."""

    done: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)

    def bare(self, text: str) -> None:
        if len(text) > 1 and text.isascii() and len(text.split(maxsplit=1)) == 1 and not text[0].isspace():
            stripped = text.rstrip()
            self.current.append(stripped)
            if len(stripped) < len(text):
                self.close()
            return
        for char in text:
            if char not in SPACE:
                self.current.append(char)
            else:
                self.close()

    def raw(self, text: str) -> None:
        if text:
            self.current.append(text)

    def close(self) -> None:
        if self.current:
            self.done.append("".join(self.current))
            self.current = []


class Reader(Struct):
    """One pass over a word. `keep_quotes`, `keep_escapes` and `keep_unset` leave the notation in the result."""

    word: str
    lookup: Lookup
    escape: str = "\\"
    special_quotes: bool = True
    keep_quotes: bool = False
    keep_escapes: bool = False
    keep_unset: bool = False
    unset: list[str] = field(default_factory=list)
    _at: int = 0
    _size: int = 0
    _depth: int = 0

    def run(self) -> tuple[str, list[str]]:
        """The expanded text and its words.

        Raises:
            ExpansionError: unbalanced quotes or braces, an unknown operator, `${x:?}` without a value, or too long.
        """
        return self._until("", self.keep_escapes, in_pattern=False)

    def _peek(self) -> str:
        return self.word[self._at : self._at + 1]

    def _next(self) -> str:
        char = self.word[self._at : self._at + 1]
        self._at += 1
        return char

    def _until(self, stop: str, keep_escapes: bool, *, in_pattern: bool) -> tuple[str, list[str]]:
        outer, self.keep_escapes = self.keep_escapes, keep_escapes
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise ExpansionError(f"substitutions are nested more than {NESTING_MAX} deep")
        result: list[str] = []
        words = _Words()
        closed = False
        while self._at < len(self.word):
            char = self._peek()
            if stop and char == stop:
                self._at += 1
                closed = True
                break
            if self._one(char, result, words, in_pattern):
                break
        words.close()
        if stop and not closed:
            raise ExpansionError(f"the statement ends before the closing {stop}")
        self._depth -= 1
        self.keep_escapes = outer
        return "".join(result), words.done

    def _one(self, char: str, result: list[str], words: _Words, in_pattern: bool) -> bool:
        """Take one character or one construct; True when an escape stands at the very end."""
        if char == "$":
            text = self._dollar()
            words.bare(text)
        elif char == "<":
            text = self._less()
            words.raw(text)
        elif char == "'" and self.special_quotes:
            text = self._single(in_pattern)
            words.raw(text)
        elif char == '"' and self.special_quotes:
            text = self._double(in_pattern)
            words.raw(text)
        else:
            self._at += 1
            if char == self.escape:
                following = self._next()
                text = (char if self.keep_escapes else "") + following
                words.raw(text)
                result.append(text)
                return not following
            words.bare(char)
            text = char
        self._grow(len(text))
        result.append(text)
        return False

    def _grow(self, more: int) -> None:
        self._size += more
        if self._size > EXPANDED_MAX + len(self.word) * 4:
            raise ExpansionError(f"the value would be longer than {EXPANDED_MAX} characters")

    def _less(self) -> str:
        self._at += 1
        if self._peek() != "<":
            return "<"
        self._at += 1
        start = self._at
        while self._peek() and self._peek() in _PLAIN_SPACES:
            self._at += 1
        return "<<" + self.word[start : self._at]

    def _single(self, in_pattern: bool) -> str:
        end = self.word.find("'", self._at + 1)
        if end < 0:
            raise ExpansionError("the closing single quote is missing")
        text = self.word[self._at + 1 : end]
        self._at = end + 1
        if in_pattern:
            text = text.replace(self.escape, self.escape * 2)
        return f"'{text}'" if self.keep_quotes else text

    def _double(self, in_pattern: bool) -> str:
        self._at += 1
        quote = '"' if self.keep_quotes else ""
        result = [quote]
        while True:
            char = self._peek()
            if not char:
                raise ExpansionError("the closing double quote is missing")
            if char == '"':
                self._at += 1
                return "".join([*result, quote])
            if char == "$":
                text = self._dollar()
                self._grow(len(text))
                result.append(text)
                continue
            self._at += 1
            if char == self.escape:
                char = self._escaped_in_double(char, in_pattern)
            result.append(char)

    def _escaped_in_double(self, char: str, in_pattern: bool) -> str:
        following = self._peek()
        if not following:
            return ""
        if following in ('"', "$", self.escape):
            self._at += 1
            return (char if self.keep_escapes else "") + following
        doubled = self.keep_escapes and (not self.keep_quotes or in_pattern)
        return char * 2 if doubled else char

    def _value(self, name: str) -> str | None:
        value = self.lookup(name)
        if value is None:
            self.unset.append(name)
        return value

    def _name(self) -> str:
        match = _NAME.match(self.word, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._value(name)
            return value if value is not None else f"${name}" if self.keep_unset else ""
        self._at += 1
        if self._peek() in ("", "{", "}", ":"):
            raise ExpansionError("a substitution ${} without a name, or without its end")
        name = self._name()
        operator = self._next()
        if operator == "}":
            value = self._value(name)
            return value if value is not None else f"${{{name}}}" if self.keep_unset else ""
        if operator == "/":
            return self._replace(name)
        return self._modified(name, operator)

    def _modified(self, name: str, operator: str) -> str:
        empty_counts = operator == ":"
        if empty_counts:
            operator = self._next()
        written = ":" * empty_counts + operator
        trims = operator in ("#", "%")
        if operator not in ("-", "+", "?", "#", "%") and not empty_counts:
            raise ExpansionError(f"${{{name}{written}...}} is no substitution")
        if empty_counts and trims:
            raise ExpansionError(f"${{{name}{written}...}} is no substitution")
        word, _ = self._until("}", trims, in_pattern=trims)
        value = self._value(name)
        if value is None and self.keep_unset:
            return f"${{{name}{written}{word}}}"
        missing = value is None or (empty_counts and not value)
        if operator == "-":
            return word if missing else value or ""
        if operator == "+":
            return "" if missing else word
        if operator == "?":
            if missing:
                raise ExpansionError(f"{name}: {word or 'has no value'}")
            return value or ""
        if not trims:
            raise ExpansionError(f"${{{name}{written}...}} is no substitution")
        return self._trim(value or "", word, operator)

    def _trim(self, value: str, word: str, operator: str) -> str:
        longest = word.startswith(operator)
        pattern = word[1:] if longest else word
        if operator == "#":
            end = _Glob(_pattern(pattern)).match(value, 0, longest=longest)
            return value if end is None else value[end:]
        backwards = "".join(_PATTERN_PARTS.findall(pattern)[::-1])
        end = _Glob(_pattern(backwards)).match(value[::-1], 0, longest=longest)
        return value if end is None else value[: len(value) - end]

    def _replace(self, name: str) -> str:
        everywhere = self._peek() == "/"
        self._at += everywhere
        pattern, _ = self._until("/", True, in_pattern=True)
        replacement, _ = self._until("}", True, in_pattern=False)
        value = self._value(name)
        if value is None and self.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        return _Glob(_pattern(pattern)).replace(value or "", replacement, everywhere=everywhere)


class _Any:
    """`*` and `?` of a pattern, which no character is equal to."""


_STAR, _ONE = _Any(), _Any()
_Token = str | _Any


def _pattern(text: str) -> list[_Token]:
    """The tokens of a pattern: characters, any one, any number; a backslash makes `*`, `?` and itself ordinary."""
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            following = text[at : at + 1]
            if following in ("}", "/") and following:
                continue
            if following not in ("*", "?", "\\") or not following:
                raise ExpansionError(f"the escape \\{following} in a pattern is not allowed")
            tokens.append(following)
            at += 1
        elif char == "*":
            if not tokens or tokens[-1] is not _STAR:
                tokens.append(_STAR)
        else:
            tokens.append(_ONE if char == "?" else char)
    return tokens


class _Glob:
    """A pattern as a set automaton: the states are the bits of a number, so no pattern makes it slow."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._stars = self._ones = 0
        self._chars: dict[str, int] = {}
        for bit, token in enumerate(tokens):
            if token is _STAR:
                self._stars |= 1 << bit
            elif token is _ONE:
                self._ones |= 1 << bit
            elif isinstance(token, str):
                self._chars[token] = self._chars.get(token, 0) | 1 << bit
        self._final = 1 << len(tokens)
        self._steps = 0

    def match(self, value: str, start: int, *, longest: bool) -> int | None:
        """Where a match that begins at `start` ends: the first or the last such place."""
        states = self._closed(1)
        found = start if states & self._final else None
        for at in range(start, len(value)):
            if not states or (found is not None and not longest):
                break
            states = self._step(states, value[at])
            if states & self._final:
                found = at + 1
        return found

    def replace(self, value: str, replacement: str, *, everywhere: bool) -> str:
        """`value` with the leftmost longest match replaced, or all of them."""
        result: list[str] = []
        at = last = 0
        size = 0
        while at <= len(value):
            end = self.match(value, at, longest=True)
            if end is None or (end == at == last and at > 0 and result):
                at += 1
                continue
            result += [value[last:at], replacement]
            size += at - last + len(replacement)
            if size > EXPANDED_MAX:
                raise ExpansionError(f"the value would be longer than {EXPANDED_MAX} characters")
            last = end
            at = end if end > at else at + 1
            if not everywhere:
                break
        return "".join([*result, value[last:]])

    def _closed(self, states: int) -> int:
        return states | (states & self._stars) << 1

    def _step(self, states: int, char: str) -> int:
        self._steps += 1 + (self._final.bit_length() >> 10)
        if self._steps > _MATCH_STEPS_MAX:
            raise ExpansionError("the pattern takes too long to match")
        if char == "\n":  # RE2's `.`, which the original uses, does not match it
            moved = states & self._chars.get(char, 0)
            return self._closed(moved << 1)
        moved = states & (self._chars.get(char, 0) | self._ones)
        return self._closed(moved << 1 | states & self._stars)
