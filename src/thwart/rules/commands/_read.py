"""A file's command lines as containers, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from thwart.core.finding import Diagnostic
from thwart.lib.documents import DocumentError
from thwart.rules.commands._container import container
from thwart.rules.commands._documents import documents
from thwart.rules.commands._lines import Line, Unread
from thwart.rules.commands._makefiles import makefiles
from thwart.rules.commands._scripts import scripts
from thwart.rules.commands._units import quadlets, services

if TYPE_CHECKING:
    from thwart.core.limits import Limits
    from thwart.rules import Source
    from thwart.rules.container import Container

_READERS: dict[str, Callable[[str], Iterator[Line | Unread]]] = {
    "script": scripts,
    "markdown": documents,
    "restructured": partial(documents, restructured=True),
    "service": services,
    "quadlet": quadlets,
    "makefile": makefiles,
}
_MOST_LINES = 20_000  # command lines of one file
_MOST_TOLD = 20  # problems of one file
_MAX_BYTES = 16 << 20


def read_file(source: Source, kind: str, limits: Limits) -> Iterator[Container | Diagnostic]:
    """The containers of a file's command lines, in order.

    Raises:
        DocumentError: it is no text, or too large.
    """
    most = min(_MAX_BYTES, limits.file_bytes)
    if len(source.data) > most:
        raise DocumentError(f"larger than {most} bytes")
    if b"\0" in source.data:
        raise DocumentError("binary: it has a NUL byte")
    text = source.data.decode("utf-8-sig", "replace")
    teller = _Teller(source.path, example=kind in ("markdown", "restructured"))
    lines = text.split("\n")
    count = 0
    for one in islice(_READERS[kind](text), _MOST_LINES + 1):
        if isinstance(one, Unread):
            teller.unread(one)
        elif count == _MOST_LINES:
            teller.unread(Unread(one.place[0], f"more than {_MOST_LINES} commands"))
        else:
            made = container(one, count, lines)
            teller.line(one, made)
            count += 1
            yield made
    yield from teller.told()


class _Teller:
    """What could not be read or is not known, in few sentences. Of examples nobody expects that they are complete."""

    def __init__(self, path: str, *, example: bool) -> None:
        self._path = path
        self._example = example
        self._problems: list[tuple[int, str]] = []
        self._vague: list[int] = []

    def unread(self, one: Unread) -> None:
        """A part of the file without a meaning."""
        self._problems.append(
            (one.line, f"commands cannot be read from here on, so that no rule judged them: {one.reason}")
        )

    def line(self, line: Line, made: Container) -> None:
        """Options that neither program has, and settings that nobody knows."""
        for name, at in line.run.strange[:3]:
            option = name[:60] if name.startswith("-") else f"-{name}" if len(name) == 1 else f"--{name[:60]}"
            sentence = f"no rule knows the option {option} of {line.run.program} {line.run.verb}, or what belongs to it"
            self._problems.append((line.places[at][0], sentence))
        if made.unknown:
            self._vague.append(line.place[0])

    def told(self) -> Iterator[Diagnostic]:
        """The diagnostics."""
        for number, sentence in sorted(self._problems)[:_MOST_TOLD]:
            yield self._diagnostic(f"line {number}: {sentence}", incomplete=not self._example)
        if self._problems[_MOST_TOLD:]:
            more = f"{len(self._problems) - _MOST_TOLD} more problems"
            yield self._diagnostic(more, incomplete=not self._example)
        if self._vague:
            count = "1 command line has" if len(self._vague) == 1 else f"{len(self._vague)} command lines have"
            place = "line" if len(self._vague) == 1 else "first in line"
            sentence = (
                f"{count} settings that variables decide, so that rules judged only the rest ({place} {self._vague[0]})"
            )
            yield self._diagnostic(sentence, incomplete=False)

    def _diagnostic(self, sentence: str, *, incomplete: bool) -> Diagnostic:
        return Diagnostic(slug="command-problem", message=sentence[:500], path=self._path, incomplete=incomplete)
