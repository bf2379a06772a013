"""Variables in the values of a Compose file, and the `.env` file that gives them values.

Source: the Compose Specification, "Interpolation", and "Environment file" for the syntax of `.env`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from thwart.lib.run_arguments import UNKNOWN

_MOST_NESTED = 16
_MOST_BYTES = 1 << 16  # of one value after variables
_START = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|(\{))")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]\s*(.*)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


class Filled(NamedTuple):
    """A text with its variables put in.

    `unset` are the names that have neither a value nor a default; `outside` is whether any of it stood elsewhere;
    `error` says that the text is none that Compose takes.
    """

    text: str
    unset: tuple[str, ...] = ()
    outside: bool = False
    error: str = ""


def fill(text: str, values: Mapping[str, str], depth: int = 0) -> Filled:
    """Put variables into a text: `$X`, `${X}`, `${X:-d}`, `${X-d}`, `${X:?e}`, `${X?e}`, `${X:+r}`, `${X+r}`, `$$`."""
    if "$" not in text:
        return Filled(text)
    parts: list[str] = []
    unset: list[str] = []
    outside, at, size = False, 0, 0
    for_next = _START.search(text)
    while for_next is not None:
        parts.append(text[at : for_next.start()])
        at = for_next.end()
        if for_next[1]:
            one = Filled("$")
        elif for_next[2]:
            one = _value(for_next[2], values)
        else:
            end = _closing(text, at)
            if end < 0 or depth >= _MOST_NESTED:
                return Filled(text, (), False, f"{text[for_next.start() : for_next.start() + 40]!r} is no variable")
            one = _braced(text[at:end], values, depth)
            at = end + 1
        if one.error:
            return one
        parts.append(one.text)
        unset += one.unset
        outside = outside or one.outside
        size += len(one.text)
        if size > _MOST_BYTES:
            return Filled(text, (), False, "variables make the value too long")
        for_next = _START.search(text, at)
    return Filled("".join([*parts, text[at:]]), tuple(unset), outside)


def _value(name: str, values: Mapping[str, str]) -> Filled:
    found = values.get(name)
    return Filled(UNKNOWN, (name,), True) if found is None else Filled(found, (), True)


def _closing(text: str, at: int) -> int:
    """Where the brace closes that was opened before `at`; -1 where it does not."""
    open_ = 1
    while at < len(text):
        if text[at] == "}":
            open_ -= 1
            if not open_:
                return at
        elif text.startswith("${", at):
            open_ += 1
            at += 1
        at += 1
    return -1


def _braced(inner: str, values: Mapping[str, str], depth: int) -> Filled:
    match = _NAME.match(inner)
    if match is None or (match[2] is None and match.end() != len(inner)):
        return Filled(inner, (), False, f"${{{inner[:40]}}} is no variable")
    name, operator, word = match[1], match[2] or "", inner[match.end() :]
    value = values.get(name)
    given = value is not None and (value != "" or not operator.startswith(":"))
    if operator.endswith("-"):
        return _value(name, values) if given else fill(word, values, depth + 1)
    if operator.endswith("+"):
        return fill(word, values, depth + 1) if given else Filled("", (), True)
    if operator.endswith("?") and not given:
        return Filled(UNKNOWN, (name,), True)
    return _value(name, values)


def dotenv(data: bytes) -> dict[str, str]:
    """The variables of a `.env` file. Lines that set none are passed over, as are values over several lines."""
    found: dict[str, str] = {}
    for line in data.decode("utf-8-sig", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        value = _unquoted(match[2], found)
        if value is not None:
            found[match[1]] = value
    return found


def _unquoted(text: str, known: Mapping[str, str]) -> str | None:
    """What is between quotes or before a comment; None where a quote does not close on the line, or a variable is unset."""
    if text[:1] == "'":
        end = text.find("'", 1)
        return None if end < 0 else text[1:end]
    if text[:1] == '"':
        match = re.match(r'"((?:[^"\\]|\\.)*)"', text)
        if match is None:
            return None
        value = re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[0]), match[1])
    else:
        value = re.split(r"\s#", text, maxsplit=1)[0].strip()
        value = "" if value.startswith("#") else value
    done = fill(value, known)
    return None if done.unset or done.error else done.text
