"""Changes of a container as edits of the command line that makes it, or of the unit that stands for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from thwart.core.edit import Edit, Lines
from thwart.lib.run_arguments import UNKNOWN, Given

if TYPE_CHECKING:
    from thwart.rules.commands._lines import Line, Place
    from thwart.rules.container._settings import Change

_OPTIONS = {
    "cap_drop": "cap-drop",
    "cpus": "cpus",
    "memory": "memory",
    "pids_limit": "pids-limit",
    "read_only": "read-only",
    "restart": "restart",
    "security_opt": "security-opt",
}
_KEYS = {  # of Quadlet's units; whatever has none is an option of PodmanArgs
    "cap_drop": "DropCapability={}",
    "pids_limit": "PidsLimit={}",
    "read_only": "ReadOnly=true",
}
_NO_NEW_PRIVILEGES = "no-new-privileges:true"


def edits(line: Line, lines: list[str]) -> Callable[[Change], Edit | None]:
    """What turns a change into an edit; None for those that a person has to make.

    Args:
        line: the command.
        lines: of its file, without their ends.
    """
    editor = _Editor(line, lines)
    return editor.edit


class _Editor:
    def __init__(self, line: Line, lines: list[str]) -> None:
        self._line = line
        self._lines = lines

    def edit(self, change: Change) -> Edit | None:
        if change.verb in ("put", "include"):
            return self._add(change)
        given = self._given(change)
        if given is None or not given.known:
            return None
        if change.verb == "replace":
            return self._exchange(given, str(change.value))
        return self._take(given)

    def _add(self, change: Change) -> Edit | None:
        name = _OPTIONS.get(change.field)
        if name is None or (change.verb == "put" and self._line.run.last(name) is not None):
            return None
        option = f"--{name}" if change.value is True else f"--{name} {_text(change.value)}"
        if self._line.unit:
            return self._key(change, option)
        return self._at(
            self._line.places[self._line.run.verb_at], self._line.run.verb, f"{self._line.run.verb} {option}"
        )

    def _key(self, change: Change, option: str) -> Edit:
        """A key of its own, before the image's."""
        if change.field == "security_opt" and change.value == _NO_NEW_PRIVILEGES:
            text = "NoNewPrivileges=true"
        else:
            text = _KEYS.get(change.field, f"PodmanArgs={option}").format(_text(change.value))
        number = self._line.place[0]
        return Lines(first=number, last=number - 1, text=f"{text}\n")

    def _given(self, change: Change) -> Given | None:
        """The option that a setting comes from, if it alone comes from its place."""
        place = change.said.where.place if change.said is not None else None
        found = [one for one in self._line.run.options if self._line.places[one.at] == place]
        return found[0] if len(found) == 1 and not self._line.unit else None

    def _exchange(self, given: Given, value: str) -> Edit | None:
        return self._at(self._line.places[given.value_at], given.value, value, within=given.at == given.value_at)

    def _take(self, given: Given) -> Edit | None:
        """Without the option: all its words, where they stand together as they are meant."""
        number, column = self._line.places[given.at]
        text = self._text(number)
        rest = text[column - 1 :]
        for spelled in _spellings(given):
            after = rest[len(spelled) : len(spelled) + 1]
            if rest.startswith(spelled) and after in ("", " ", "\t"):
                kept = text[: column - 1] + rest[len(spelled) :].lstrip(" \t")
                return Lines(first=number, last=number, text=f"{kept.rstrip()}\n")
        return None

    def _at(self, place: Place, old: str, new: str, *, within: bool = False) -> Edit | None:
        """Another text in the place of one word, or of the end of one."""
        number, column = place
        text = self._text(number)
        at = text.find(old, column - 1) if within else column - 1
        if not old or UNKNOWN in old or at < 0 or not text.startswith(old, at) or " " in text[column - 1 : at]:
            return None
        return Lines(first=number, last=number, text=f"{text[:at]}{new}{text[at + len(old) :]}\n")

    def _text(self, number: int) -> str:
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _spellings(given: Given) -> list[str]:
    """How an option and its value are written without quotes."""
    names = [f"--{given.name}", *({"network": ["--net"], "volume": ["-v"], "user": ["-u"]}.get(given.name, []))]
    if given.at == given.value_at:
        return [spelled for name in names for spelled in (f"{name}={given.value}", *([name] if given.on else []))]
    return [f"{name}{between}{given.value}" for name in names for between in (" ", "  ")]
