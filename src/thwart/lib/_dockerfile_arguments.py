"""How the arguments of Dockerfile instructions are cut: flags, words, JSON lists, names with values, here-documents.

Source: the Dockerfile reference, "Shell and exec form", "Here-Documents", "ENV"; BuildKit's parser decides what falls back to what.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple, NoReturn

from thwart.lib._dockerfile_expand import ExpansionError, Reader
from thwart.lib._dockerfile_text import SPACE

BLANKS = re.compile(r"[\t\v\f\r ]+")
_NOT_BLANK = re.compile(r"[^\t\v\f\r ]+")
_FLAG_SPACE = "\t\n\v\f\r "  # flags are read byte by byte
HEREDOCS_MAX = 100
_JSON_DEPTH_MAX = 200

_JSON_BLANK = re.compile(r"[ \t\r\n]*")
_JSON_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"')
_HEREDOC = re.compile(r"(\d*)<<(-?)[\t\n\f\r ]*([^<]*)\Z", re.ASCII)


class Piece(NamedTuple):
    """A word of the argument text; `start` and `end` are offsets of what was written, `text` what it says."""

    text: str
    start: int
    end: int


class RefusedError(ValueError):
    """The arguments break a rule of the grammar: a slug and a sentence."""

    def __init__(self, slug: str, sentence: str) -> None:
        super().__init__(sentence)
        self.slug = slug


def strip(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without blanks at either end."""
    part = text[start:end]
    start += len(part) - len(part.lstrip(SPACE))
    return start, start + len(part.strip(SPACE))


def blank_words(text: str, start: int, end: int) -> list[Piece]:
    """Words between blanks; quotes mean nothing here."""
    return [Piece(match[0], match.start(), match.end()) for match in _NOT_BLANK.finditer(text, start, end)]


@lru_cache(maxsize=4)
def _word_pattern(escape: str) -> re.Pattern[str]:
    e, space = re.escape(escape), re.escape(SPACE)
    return re.compile(
        rf"""(?:[^{space}'"{e}]++|{e}.|{e}\Z|"(?:[^"{e}]++|{e}.|{e}\Z)*+(?:"|\Z)|'[^']*+(?:'|\Z))++""", re.DOTALL
    )


def quoted_words(text: str, start: int, end: int, escape: str) -> list[Piece]:
    """Words of ENV, LABEL and ARG: quotes and escapes join, and stay in the text."""
    part = text[start:end]
    words = []
    for match in _word_pattern(escape).finditer(part):
        word = match[0]
        if match.end() == len(part) and _ends_escaping(word, escape):
            word = word[:-1]
        if word:
            words.append(Piece(word, start + match.start(), start + match.end()))
    return words


def _ends_escaping(word: str, escape: str) -> bool:
    """Whether a lone escape, which says nothing, ends the last word."""
    if not word.endswith(escape):
        return False
    at, quote = 0, ""
    while at < len(word):
        char = word[at]
        if char == escape and quote != "'":
            if at + 1 == len(word):
                return True
            at += 1
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        at += 1
    return False


def flags(text: str, start: int, end: int, escape: str) -> tuple[list[Piece], int]:
    """The leading `--flags`, quotes and escapes resolved, and where the rest begins."""
    found: list[Piece] = []
    at = start
    while True:
        while at < end and text[at] in _FLAG_SPACE:
            at += 1
        if not text.startswith("--", at, end):
            return found, at
        word, after = _flag(text, at, end, escape)
        if word == "--":
            return found, after
        found.append(Piece(word, at, after))
        at = after


def _flag(text: str, start: int, end: int, escape: str) -> tuple[str, int]:
    chars: list[str] = []
    quote = ""
    at = start
    while at < end:
        char = text[at]
        if not quote and char in _FLAG_SPACE:
            break
        if char == escape:
            chars.append(text[at + 1 : min(at + 2, end)])
            at += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                chars.append(char)
        elif char in "'\"":
            quote = char
        else:
            chars.append(char)
        at += 1
    return "".join(chars), min(at, end)


def json_list(text: str, start: int, end: int) -> list[Piece] | None:
    """The strings of a JSON array; None when this is no JSON array and so means itself.

    Raises:
        RefusedError: a JSON array that has something else than strings.
    """
    start, end = strip(text, start, end)
    if not text.startswith("[", start, end):
        return None
    at = _blank(text, start + 1, end)
    words: list[Piece] = []
    if text.startswith("]", at, end):
        return words if at + 1 == end else None
    while True:
        match = _JSON_STRING.match(text, at, end)
        if match is None:
            _refuse_other_arrays(text[start:end])
            return None
        words.append(Piece(_decoded(match[0]), match.start(), match.end()))
        at = _blank(text, match.end(), end)
        mark = text[at : at + 1]
        if mark == "]":
            if _blank(text, at + 1, end) != end:
                return None
            return words
        if mark != "," or at >= end:
            return None
        at = _blank(text, at + 1, end)


def _blank(text: str, at: int, end: int) -> int:
    match = _JSON_BLANK.match(text, at, end)
    return match.end() if match else at


def _decoded(literal: str) -> str:
    if "\\" not in literal:
        return literal[1:-1]
    text = str(json.loads(literal))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if "\\u" in literal else text


def _refuse_other_arrays(text: str) -> None:
    if text.count("[") + text.count("{") > _JSON_DEPTH_MAX:
        return
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return
    raise RefusedError("json-not-strings", "the JSON form takes an array of strings only")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class HeredocWord(NamedTuple):
    """What a word like `<<-"EOF"` asks for."""

    name: str
    expand: bool
    chomp: bool
    descriptor: int


def heredoc_words(line: str) -> list[HeredocWord]:
    """The here-documents that an instruction's line opens, in order.

    Raises:
        RefusedError: a quote in such a word is not closed.
    """
    reader = Reader(line, _nothing, keep_quotes=True, keep_escapes=True, keep_unset=True)
    try:
        _, words = reader.run()
    except ExpansionError:
        return []
    words = [word for word in words if "<<" in word]
    if len(words) > HEREDOCS_MAX:
        raise RefusedError("too-many-heredocs", f"more than {HEREDOCS_MAX} here-documents in one instruction")
    found = (heredoc_word(word) for word in words)
    return [heredoc for heredoc in found if heredoc is not None]


def heredoc_word(word: str) -> HeredocWord | None:
    """The here-document that the word opens, if it does.

    Raises:
        RefusedError: a quote in it is not closed.
    """
    match = _HEREDOC.fullmatch(word)
    if match is None or not match[3]:
        return None
    try:
        _, bare = Reader(match[3], _nothing, keep_unset=True).run()
        if len(bare) != 1:
            return None
        _, written = Reader(match[3], _nothing, keep_unset=True, keep_quotes=True).run()
    except ExpansionError as error:
        raise RefusedError("bad-heredoc", f"the name of the here-document cannot be read: {error}") from None
    name = bare[0]
    expand = len(written) == 1 and _quotes(name) == _quotes(written[0])
    return HeredocWord(name, expand, match[2] == "-", int(match[1][:9] or 0))


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')


def _nothing(_: str) -> None:
    return None
