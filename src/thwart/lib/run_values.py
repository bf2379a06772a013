"""Values of the options that make containers, as Docker, Podman and Compose read them: sizes, ports, mounts, limits.

Each reader takes a text and gives None for what it cannot read. `UNKNOWN` in a text stands for what is not known of it;
a reader gives what it can say all the same, or None.
"""

from __future__ import annotations

import csv
import posixpath
import re
from typing import NamedTuple

from thwart.lib.run_arguments import UNKNOWN

_SIZE = re.compile(r"(-?\d{1,18}(?:\.\d{1,9})?)[ ]?(?:([kKmMgGtTpP])(?:i?[bB])?|[bB])?")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
PROPAGATIONS = frozenset({"shared", "rshared", "slave", "rslave", "private", "rprivate"})
_ADDRESS = re.compile(r"[0-9A-Za-z.:%\[\]*_-]*")
_PERMISSIONS = re.compile(r"[rwm]{1,3}")
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_FRACTION = re.compile(r"\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}")
_INTEGER = re.compile(r"[+-]?\d{1,18}")


class PortText(NamedTuple):
    """A published port; ranges as first and last, 0 for any free port of the host or one that is not known."""

    address: str
    published: tuple[int, int]
    target: tuple[int, int]
    protocol: str


class MountText(NamedTuple):
    """What is mounted; `path` is the absolute path of a bind, where it is known."""

    kind: str
    source: str
    target: str
    read_only: bool
    propagation: str
    path: str


def size(text: str) -> int | None:
    """Bytes of `512m`, `1.5g`, `1GiB`, `-1` (docker/go-units, `RAMInBytes`: powers of 1024)."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()]) if found[2] else int(float(found[1]))


def integer(text: str) -> int | None:
    """A whole number."""
    return int(text) if _INTEGER.fullmatch(text) else None


def fraction(text: str) -> float | None:
    """A number of CPUs."""
    return float(text) if _FRACTION.fullmatch(text) else None


def port(text: str) -> PortText | None:
    """`[[address:][published]:]target[/protocol]`, both ends possibly ranges; IPv6 addresses with or without brackets."""
    rest, _, protocol = text.strip().partition("/")
    address = ""
    if rest.startswith("["):
        address, closed, rest = rest[1:].partition("]:")
        if not closed:
            return None
    pieces = rest.split(":")
    if len(pieces) > 2 and not address:
        address, pieces = ":".join(pieces[:-2]), pieces[-2:]
    elif len(pieces) == 2 and UNKNOWN in pieces[0]:
        return None  # the address may be in what is not known
    target = span(pieces[-1])
    published = span(pieces[-2]) if len(pieces) > 1 and pieces[-2] else (0, 0)
    if target is None or published is None or len(pieces) > 2:
        return None
    if not _ADDRESS.fullmatch(address) or (protocol and not (protocol.isascii() and protocol.isalpha())):
        return None
    return PortText(address.strip("[]"), published, target, protocol.lower() or "tcp")


def span(text: str) -> tuple[int, int] | None:
    """The first and the last of `80` or `8000-8010`; (0, 0) where they are not known."""
    if UNKNOWN in text:
        return (0, 0)
    found = _PORTS.fullmatch(text)
    if found is None:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    return (first, last) if first <= last < 65536 else None


def volume(text: str) -> MountText | None:
    """`[source:]target[:options]`; a source that is a path makes it a bind. Drives of Windows are no separators.

    A source that ends with a known part of a path is a bind, whatever stands before that: no volume's name has a slash.
    """
    pieces = _pieces(text)
    if len(pieces) > 3 or not all(pieces):
        return None
    if len(pieces) == 1:
        return None if UNKNOWN in text else MountText("volume", "", text, False, "", "")
    source, target = pieces[0], pieces[1]
    bind = is_path(source)
    if UNKNOWN in source and not bind:
        return None
    options = pieces[2].split(",") if len(pieces) > 2 else []
    propagation = next((one for one in reversed(options) if one in PROPAGATIONS), "")
    read_only = next((one == "ro" for one in reversed(options) if one in ("ro", "rw")), False)
    return MountText(
        "bind" if bind else "volume", source, _shown(target), read_only, propagation, absolute(source) if bind else ""
    )


def _pieces(text: str) -> list[str]:
    pieces, begin = [], 0
    for index, char in enumerate(text):
        drive = index - begin == 1 and text[begin].isalpha() and text[index + 1 : index + 2] in ("\\", "/")
        if char == ":" and not (drive and (begin or _WINDOWS.match(text))):
            pieces.append(text[begin:index])
            begin = index + 1
    return [*pieces, text[begin:]]


def is_path(source: str) -> bool:
    """Whether the source of a mount is a path of the host, not a volume's name."""
    return source.startswith((".", "/", "~", "\\\\")) or "/" in source or re.match(r"[A-Za-z]:", source) is not None


def mount(text: str) -> MountText | None:
    """`type=bind,source=/x,target=/y,readonly` of `--mount`: fields of a line of CSV."""
    fields: dict[str, str] = {}
    try:
        cells = next(csv.reader([text]), [])
    except csv.Error:
        return None
    for cell in cells:
        key, equals, value = cell.partition("=")
        fields[key.strip().lower()] = value if equals else "true"
    if UNKNOWN in "".join(fields) or UNKNOWN in fields.get("type", ""):
        return None
    source = _first(fields, "source", "src")
    if UNKNOWN in source and "/" not in source:
        return None
    kind = fields.get("type", "volume").lower()
    read_only = _first(fields, "readonly", "ro") or "false"
    target = _first(fields, "target", "destination", "dst")
    path = absolute(source) if kind == "bind" else ""
    return MountText(kind, source, _shown(target), read_only not in _FALSE, fields.get("bind-propagation", ""), path)


def _first(fields: dict[str, str], *names: str) -> str:
    return next((fields[name] for name in names if name in fields), "")


def _shown(text: str) -> str:
    return "" if UNKNOWN in text else text


def absolute(source: str) -> str:
    """The path without `..`, `/` for separators; empty for one that is relative or not known to its end."""
    plain = source.replace("\\", "/")
    if not plain.startswith("/") or UNKNOWN in plain:
        return ""
    return posixpath.normpath("/" + plain.lstrip("/"))


def ulimit(text: str) -> tuple[str, int, int] | None:
    """`nofile=1024[:2048]`; -1 is no limit."""
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    first, last = integer(soft), integer(hard or soft)
    return None if first is None or last is None or not name else (name, first, last)


def device(text: str) -> tuple[str, str, str] | None:
    """`host[:target][:permissions]`: all three of them; a name of the container device interface is its own target."""
    pieces = text.split(":")
    if not pieces[0] or len(pieces) > 3 or UNKNOWN in text:
        return None
    if len(pieces) == 2 and not pieces[1].startswith("/") and _PERMISSIONS.fullmatch(pieces[1]):  # `/dev/x:rw`
        return pieces[0], pieces[0], pieces[1]
    return pieces[0], _at(pieces, 1) or pieces[0], _at(pieces, 2) or "rwm"


def _at(pieces: list[str], index: int) -> str:
    return pieces[index] if index < len(pieces) else ""


def restart(text: str) -> tuple[str, int] | None:
    """`no`, `always`, `on-failure[:tries]`, `unless-stopped`, and Podman's `never`: the policy and the most tries."""
    policy, _, most = text.partition(":")
    tries = integer(most or "0")
    if policy not in ("", "no", "never", "always", "on-failure", "unless-stopped") or tries is None:
        return None
    return ("no" if policy in ("", "never") else policy), tries


def option(text: str) -> str:
    """A security option with `=` between key and value, whichever separator was written."""
    at = min((index for index in (text.find("="), text.find(":")) if index >= 0), default=-1)
    return text if at < 0 else f"{text[:at]}={text[at + 1 :]}"


def capability(text: str) -> str:
    """A capability in upper case without `CAP_`."""
    return text.strip().upper().removeprefix("CAP_")
