"""From bytes to instructions: lines, then the arguments by each instruction's own rules, then what is wrong with them."""

from __future__ import annotations

from msgspec import Struct, field

from thwart.lib import _dockerfile_arguments as cut
from thwart.lib._dockerfile_check import INSTRUCTIONS, complaint
from thwart.lib._dockerfile_model import Dockerfile, Flag, Heredoc, Instruction, Pair, Word
from thwart.lib._dockerfile_text import LINE_MAX, SPACE, Lines, Problem, Span, Text, line_span, split_lines
from thwart.lib.documents import DocumentError

_HEREDOC_INSTRUCTIONS = frozenset({"ADD", "COPY", "RUN"})
_COMMAND_FORMS = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL"})
_LIST_FORMS = frozenset({"ADD", "COPY", "VOLUME"})
_ONE_TEXT = frozenset({"MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"})
_ONBUILD_DEPTH_MAX = 8  # one more than one is refused by a build already


class _Reader(Struct):
    lines: Lines
    instructions: list[Instruction] = field(default_factory=list)

    def read(self, max_instructions: int) -> None:
        while (source := self.lines.logical()) is not None:
            if len(self.instructions) >= max_instructions:
                raise DocumentError(f"more than {max_instructions} instructions", source.place(0)[0])
            self._one(source)

    def _one(self, source: Text) -> None:
        last = self.lines.next
        comments = tuple(self.lines.comments)
        self.lines.comments.clear()
        problems: list[tuple[str, str]] = []
        instruction = _instruction(source, 0, self.lines.escape, problems, 0)
        heredocs = self._heredocs(instruction, problems)
        start = instruction.span[:2]  # of the keyword: what stands before it may be an empty continued line
        end = Span(*start, *_end(self.lines, last, self.lines.next, source))
        trigger = instruction.trigger
        if trigger is not None and heredocs:
            trigger.heredocs = heredocs
        instruction.span, instruction.comments, instruction.heredocs = end, comments, heredocs
        if not problems:
            found = complaint(instruction)
            if found is None and trigger is not None:
                found = complaint(trigger)
            problems += [found] if found else []
        self.lines.problems += [Problem(end, *found) for found in problems]
        self.instructions.append(instruction)

    def _heredocs(self, instruction: Instruction, problems: list[tuple[str, str]]) -> tuple[Heredoc, ...]:
        holder = instruction.trigger or instruction
        if holder.name not in _HEREDOC_INSTRUCTIONS or holder.exec_form or "<<" not in instruction.source.text:
            return ()
        try:
            words = cut.heredoc_words(instruction.source.text)
        except cut.RefusedError as refused:
            problems.append((refused.slug, str(refused)))
            return ()
        return tuple(self._heredoc(word, problems) for word in words)

    def _heredoc(self, word: cut.HeredocWord, problems: list[tuple[str, str]]) -> Heredoc:
        first = self.lines.next
        lines = self.lines.lines
        end = first
        closed = False
        while end < len(lines) and not closed:
            bare = lines[end].rstrip("\r\n")
            closed = (bare.lstrip("\t") if word.chomp else bare) == word.name
            end += 1
        if not closed:
            problems.append(
                ("open-heredoc", f"the here-document {word.name[:40]!r} is not closed; all that follows is its content")
            )
        self.lines.next = end
        content = "".join(lines[first : end - closed])
        return Heredoc(word.name, content, word.expand, word.chomp, word.descriptor, first + 1, end, closed)


def _end(lines: Lines, last: int, after: int, source: Text) -> tuple[int, int]:
    if after > last:
        return after, len(lines.lines[after - 1].rstrip("\r\n")) + 1
    if not source.text:
        return source.place(0)
    line, column = source.place(len(source.text) - 1)
    return line, column + 1


def _instruction(source: Text, start: int, escape: str, problems: list[tuple[str, str]], depth: int) -> Instruction:
    text = source.text
    begin, end = cut.strip(text, start, len(text))
    blank = cut.BLANKS.search(text, begin, end)
    keyword = text[begin : blank.start() if blank else end]
    rest = blank.end() if blank else end
    pieces, rest = cut.flags(text, rest, end, escape)
    body = cut.strip(text, rest, end)
    flags = tuple(_flag(source, piece) for piece in pieces)
    name = keyword.upper()
    found = Instruction(name=name, keyword=keyword, span=source.span(begin, end), source=source, body=body, flags=flags)
    try:
        _fill(found, escape, problems, depth)
    except cut.RefusedError as refused:
        problems.append((refused.slug, str(refused)))
        if body[0] < body[1]:
            found.args = (Word(text[slice(*body)], source.span(*body)),)
    return found


def _flag(source: Text, piece: cut.Piece) -> Flag:
    name, equals, value = piece.text.removeprefix("--").partition("=")
    return Flag(name, value if equals else None, source.span(piece.start, piece.end))


def _fill(found: Instruction, escape: str, problems: list[tuple[str, str]], depth: int) -> None:
    source, (start, end), name = found.source, found.body, found.name
    text = source.text
    if name in ("ENV", "LABEL", "ARG"):
        found.pairs = _pairs(source, start, end, escape, name)
    elif start == end or name not in INSTRUCTIONS:
        return
    elif name == "ONBUILD":
        if depth >= _ONBUILD_DEPTH_MAX:
            raise cut.RefusedError("bad-trigger", "ONBUILD cannot follow ONBUILD")
        found.trigger = _instruction(source.part(start, end), 0, escape, problems, depth + 1)
    elif name == "HEALTHCHECK":
        _fill_healthcheck(found)
    elif name in _ONE_TEXT:
        found.args = (Word(text[start:end], source.span(start, end)),)
    elif name in _COMMAND_FORMS:
        _fill_command(found)
    elif name not in _LIST_FORMS or not _fill_strings(found):
        found.args = _words(source, cut.blank_words(text, start, end))


def _fill_healthcheck(found: Instruction) -> None:
    source, (start, end) = found.source, found.body
    text = source.text
    middle = start
    while middle < end and text[middle] not in SPACE:
        middle += 1
    found.check = Word(text[start:middle], source.span(start, middle))
    found.body = cut.strip(text, middle, end)
    if found.body[0] < found.body[1]:
        _fill_command(found)


def _fill_command(found: Instruction) -> None:
    if not _fill_strings(found):
        found.args = (Word(found.body_text, found.source.span(*found.body)),)


def _fill_strings(found: Instruction) -> bool:
    strings = cut.json_list(found.source.text, *found.body)
    if strings is None:
        return False
    found.args, found.exec_form = _words(found.source, strings), True
    return True


def _words(source: Text, pieces: list[cut.Piece]) -> tuple[Word, ...]:
    return tuple(Word(piece.text, source.span(piece.start, piece.end)) for piece in pieces)


def _pairs(source: Text, start: int, end: int, escape: str, name: str) -> tuple[Pair, ...]:
    words = cut.quoted_words(source.text, start, end, escape)
    if name != "ARG" and words and "=" not in words[0].text:
        return (_legacy(source, start, end, name),)
    found = []
    for word in words:
        key, equals, value = word.text.partition("=")
        if not equals and name != "ARG":
            raise cut.RefusedError("no-equals", f"{name} has {word.text[:40]!r} where name=value is expected")
        at = word.start + len(key)
        value_word = Word(value, source.span(at + 1, word.end)) if equals else None
        found.append(Pair(Word(key, source.span(word.start, at)), value_word, legacy=False))
    return tuple(found)


def _legacy(source: Text, start: int, end: int, name: str) -> Pair:
    blank = cut.BLANKS.search(source.text, start, end)
    if blank is None:
        raise cut.RefusedError("missing-arguments", f"{name} needs a name and a value")
    key = Word(source.text[start : blank.start()], source.span(start, blank.start()))
    return Pair(key, Word(source.text[blank.end() : end], source.span(blank.end(), end)), legacy=True)


def parse(data: bytes | str, *, max_bytes: int = 4 << 20, max_instructions: int = 100_000) -> Dockerfile:
    """Read a Dockerfile. Columns count characters, without a byte order mark.

    Raises:
        DocumentError: larger than `max_bytes`, more than `max_instructions`, or binary. Every other mistake is a problem.
    """
    if len(data) > max_bytes:
        raise DocumentError(f"a Dockerfile of {len(data)} bytes, more than the {max_bytes} allowed")
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    if "\0" in text:
        raise DocumentError(
            "not a Dockerfile but binary: it has a NUL character", text.count("\n", 0, text.index("\0")) + 1
        )
    text = text.removeprefix("\ufeff")
    lines = Lines(split_lines(text))
    for number, line in enumerate(lines.lines, 1):
        if len(line) > LINE_MAX:
            lines.problems.append(
                Problem(line_span(number, lines.lines), "long-line", f"a line is longer than {LINE_MAX} characters")
            )
    if "\ufffd" in text and isinstance(data, bytes) and b"\xef\xbf\xbd" not in data:
        number = text.count("\n", 0, text.index("\ufffd")) + 1
        lines.problems.append(
            Problem(line_span(number, lines.lines), "not-utf-8", "a character is not UTF-8", fatal=False)
        )
    reader = _Reader(lines)
    reader.read(max_instructions)
    problems = [*lines.problems, *_order(reader.instructions)]
    return Dockerfile(
        instructions=tuple(reader.instructions),
        directives=tuple(lines.directives),
        escape=lines.escape,
        problems=tuple(sorted(problems, key=lambda problem: problem.span)),
    )


def _order(instructions: list[Instruction]) -> list[Problem]:
    """ARG alone may stand before the first FROM, and there must be one."""
    if not instructions:
        return [Problem(Span(1, 1, 1, 1), "no-instructions", "the file has no instructions")]
    problems: list[Problem] = []
    for instruction in instructions:
        if instruction.name == "FROM":
            return problems
        if instruction.name != "ARG" and instruction.name in INSTRUCTIONS:
            sentence = f"{instruction.name} stands before the first FROM; only ARG may"
            problems.append(Problem(instruction.span, "before-from", sentence))
    return [*problems, Problem(instructions[-1].span, "no-from", "there is no FROM, so there is nothing to build")]
