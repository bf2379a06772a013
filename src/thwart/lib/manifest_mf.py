"""The main section of a jar's manifest.

Source: JAR File Specification, "JAR Manifest" and "Notes on Manifest and Signature Files": lines of at most 72 bytes,
ended by CR LF, LF or CR, continued by a line that begins with one space; the main section ends at an empty line.
"""

from __future__ import annotations

import re

_END = re.compile(rb"(?>\r\n|\n|\r)(?:\r|\n)")
_LICENCES = 16 * 1024  # characters
_LINE = re.compile(rb"\r\n|\n|\r")


def main_attributes(data: bytes) -> dict[str, str]:
    """Attributes by lower-case name (names ignore case). Of a name that comes twice the last counts, as in Java.

    Continuation may cut a UTF-8 sequence, so lines are joined before they are decoded.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    end = _END.search(data)
    out: dict[str, list[bytes]] = {}
    last: list[bytes] | None = None
    for line in _LINE.split(data[: end.start()] if end else data):
        if line.startswith(b" "):
            if last is not None:
                last.append(line[1:])
            continue
        name, colon, value = line.partition(b":")
        last = [value] if colon else None
        if last is not None:
            out[name.strip().lower().decode("utf-8", "replace")] = last
    return {name: b"".join(parts).decode("utf-8", "replace").strip() for name, parts in out.items()}


def bundle_licences(value: str) -> tuple[str, ...]:
    """The licences of a `Bundle-License` header (OSGi Core 8, 3.2.1.13): names or addresses, without attributes."""
    out = []
    for clause in _outside_quotes(value[:_LICENCES], ","):
        name = _outside_quotes(clause, ";")[0].strip().strip('"').strip()
        if name and name != "<<EXTERNAL>>":
            out.append(name)
    return tuple(dict.fromkeys(out))


def _outside_quotes(text: str, mark: str) -> list[str]:
    out = [""]
    for number, piece in enumerate(text.split('"')):
        if number % 2:
            out[-1] += f'"{piece}"'
            continue
        first, *rest = piece.split(mark)
        out[-1] += first
        out += rest
    return out
