"""The smallest changes, for `thwart net explain`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from thwart.cli._screen import plain

if TYPE_CHECKING:
    from thwart.network.changes import Changes, Shown

_SHOWN = 5  # ways that a terminal gets; JSON has all


def tell_changes(changes: Changes) -> None:
    """Write them below an answer."""
    if changes.wanted is None:
        _say("to make it known:")
        for sentence in changes.missing:
            _say(f"  {sentence}")
        return
    verb = "allow" if changes.wanted else "deny"
    if not changes.sets:
        _say(f"no small change of policies or labels would {verb} it")
        return
    sets = changes.sets[:_SHOWN]
    used = sorted({number for one in sets for number in one})
    letters = {number: letter(place) for place, number in enumerate(used)}
    ways = ", or ".join("+".join(letters[number] for number in one) for one in sets)
    _say(f"to {verb} it, any of: {ways}" if len(sets) > 1 else f"to {verb} it: {ways}")
    told: dict[str, str] = {}
    for number in used:
        edit = changes.edits[number]
        _say(f"  {letters[number]}. {edit.direction + ': ' if edit.direction else ''}{edit.sentence}{_place(edit)}")
        first = told.setdefault(edit.snippet, letters[number])
        for line in edit.snippet.splitlines() if first == letters[number] else [f"the same as in {first}"]:
            if edit.snippet:
                _say(f"       {line}")
    rest = len(changes.sets) - len(sets)
    if rest or changes.cut:
        _say(f"  {'at least ' if changes.cut else ''}{rest} more: --json lists {'the first ' if changes.cut else ''}"
             f"{len(changes.sets)}")  # fmt: skip


def encode_changes(changes: Changes) -> dict[str, object]:
    """The same for JSON."""
    if changes.wanted is None:
        return {"to": None, "unknown": list(changes.missing)}
    return {
        "to": "allowed" if changes.wanted else "denied",
        "complete": not changes.cut,
        "sets": [[letter(number) for number in one] for one in changes.sets],
        "edits": {letter(number): _encode(edit) for number, edit in enumerate(changes.edits)},
    }


def _encode(edit: Shown) -> dict[str, object]:
    found: dict[str, object] = {
        "action": edit.action,
        "direction": edit.direction,
        "kind": edit.kind,
        "namespace": edit.namespace,
        "name": edit.name,
        "pointer": "".join(f"/{step}" for step in edit.pointer),
        "rule": edit.rule if edit.rule >= 0 else None,
        "label": edit.key,
        "value": edit.value,
        "file": edit.path,
        "line": edit.line or None,
        "sentence": edit.sentence,
        "snippet": edit.snippet,
    }
    return {key: value for key, value in found.items() if value not in ("", None)}


def letter(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    name = ""
    while number >= 0:
        name = chr(ord("A") + number % 26) + name
        number = number // 26 - 1
    return name


def _place(edit: Shown) -> str:
    if not edit.path:
        return ""
    return f" ({edit.path}:{edit.line})" if edit.line else f" ({edit.path})"


def _say(line: str) -> None:
    sys.stdout.write(plain(line) + "\n")
