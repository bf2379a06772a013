"""TOML from strangers: bounded in size and depth, and the lines at which the tables of an array begin."""

from __future__ import annotations

import re
from typing import Any

from thwart.lib.documents import DocumentError

_AT = re.compile(r"\(at line (\d+), column \d+\)$")
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+'"


def load(
    data: bytes, *, max_bytes: int, max_key_parts: int = 32, blank: re.Pattern[bytes] | None = None
) -> dict[str, Any]:
    """The document's root table (TOML 1.0); arrays and tables nest at most as deep as Python's own recursion allows.

    Keys of more than `max_key_parts` dotted parts are refused: the standard reader needs quadratic time for them.
    What `blank` matches is emptied first: a pattern of whole elements that the caller does not want to pay for.

    Raises:
        DocumentError: malformed, not UTF-8, larger than `max_bytes`, or beyond the other bounds.
    """
    import tomllib

    if len(data) > max_bytes:
        raise DocumentError(f"TOML of {len(data)} bytes, more than the {max_bytes} allowed")
    if blank is not None:
        data = blank.sub(b"", data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError("TOML is not UTF-8", data.count(b"\n", 0, error.start) + 1) from None
    _short_keys(text, max_key_parts)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise DocumentError("TOML is nested too deeply") from None
    except ValueError as error:
        raise _complaint(error) from None


def array_lines(data: bytes, name: str) -> list[int]:
    """The 1-based lines that hold `[[name]]`, in order. Text inside a multi-line string can look the same: compare
    the count with the number of tables read before trusting it."""
    lines = []
    line = 1
    last = 0
    for match in re.finditer(rb"^[ \t]*+\[\[[ \t]*+" + re.escape(name.encode()) + rb"[ \t]*+\]\]", data, re.MULTILINE):
        line += data.count(b"\n", last, match.start())
        last = match.start()
        lines.append(line)
    return lines


def _short_keys(text: str, most: int) -> None:
    suspects = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.count(".") >= most]
    if not suspects:
        return
    part = rf"(?:[A-Za-z0-9_-]++|{_QUOTED})[ \t]*+\.[ \t]*+"
    key = re.compile(rf"(?<![A-Za-z0-9_-])(?:{part}){{{most}}}")
    for number, line in suspects:
        if key.search(_without_values(line)):
            raise DocumentError(f"TOML key of more than {most} parts", number)


def _without_values(line: str) -> str:
    """The line without strings that no dot follows: those are values, whose dots mean nothing."""
    return re.sub(rf"(?:{_QUOTED})([ \t]*+\.)?", lambda match: match[0] if match[1] else "", line)


def _complaint(error: ValueError) -> DocumentError:
    sentence = str(error)
    at = _AT.search(sentence)
    if at is None:
        return DocumentError(f"not TOML: {sentence.partition(';')[0]}")
    return DocumentError(f"not TOML: {sentence[: at.start()].strip()}", int(at[1]))
