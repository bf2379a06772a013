"""Distinguished names as trust policies write them: the subset of RFC 4514 that identities of the Notary Project use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from thwart.trust._case import RefusedError

if TYPE_CHECKING:
    from cryptography import x509

_MANDATORY = ("C", "ST", "O")
_ALIASES = {"S": "ST"}
_ATTRIBUTE = re.compile(
    r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*=((?:\\[0-9A-Fa-f]{2}|\\[ \"#+,;<=>\\]|[^\\\"+,;<>\0])*)(,|\Z)"
)
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.17": "POSTALCODE",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}


def parse(text: str) -> Mapping[str, str]:
    """A name's attributes by their short types, such as `C`; each once, `C`, `ST` and `O` among them.

    Raises:
        RefusedError: it is no such name.
    """
    found: list[tuple[str, str]] = []
    at = 0
    while True:
        match = _ATTRIBUTE.match(text, at)
        if match is None:
            raise RefusedError("name", f"{text[:200]!r} is not a distinguished name of single attributes (RFC 4514)")
        kind, value = match[1].upper(), match[2]
        if value.lstrip().startswith("#"):
            raise RefusedError("name", f"{text[:200]!r} has a value in hexadecimal, which is not supported")
        found.append((_SHORT.get(kind, _ALIASES.get(kind, kind)), _unescaped(_trimmed(value))))
        at = match.end()
        if not match[3]:
            return _whole(found, text)


def of(subject: x509.Name) -> Mapping[str, str]:
    """The same of a certificate's subject.

    Raises:
        RefusedError: it has several attributes of a kind or together, or lacks a mandatory one.
    """
    shown = subject.rfc4514_string()
    if any(len(list(rdn)) > 1 for rdn in subject.rdns):
        raise RefusedError("name", f"the subject {shown[:200]!r} has attributes of several values")
    pairs = [(one.oid.dotted_string, one.value) for one in subject]
    return _whole(
        [(_SHORT.get(oid, oid), value if isinstance(value, str) else value.hex()) for oid, value in pairs], shown
    )


def within(wanted: Mapping[str, str], name: Mapping[str, str]) -> bool:
    """Whether a name has everything that is wanted."""
    return wanted.items() <= name.items()


def _whole(pairs: list[tuple[str, str]], text: str) -> Mapping[str, str]:
    attributes = dict(pairs)
    if len(attributes) != len(pairs):
        raise RefusedError("name", f"{text[:200]!r} has an attribute twice")
    missing = [name for name in _MANDATORY if not attributes.get(name)]
    if missing:
        raise RefusedError("name", f"{text[:200]!r} lacks {' and '.join(missing)}: C, ST and O are mandatory")
    return attributes


def _trimmed(value: str) -> str:
    """Blanks around a value are not of it, unless the last is escaped."""
    bare = value.strip(" ")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2
    return bare + " " if escaped else bare


def _unescaped(value: str) -> str:
    def plain(match: re.Match[str]) -> str:
        return bytes.fromhex(match[1].replace("\\", "")).decode() if match[1] else match[2]

    try:
        return _ESCAPED.sub(plain, value)
    except UnicodeDecodeError:
        raise RefusedError("name", f"{value[:200]!r} is not UTF-8") from None
