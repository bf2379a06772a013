"""The layout that Alpine's security database introduced and Wolfi and Chainguard took over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Damaged, Document, Entry, Left, Record, json_error
from thwart.core.advisory import Advisory, Affected, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9_]+)+")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,8}")


class _Fixes(msgspec.Struct, gc=False):
    name: str
    secfixes: dict[str, list[str] | None] | None = None


class _Package(msgspec.Struct, gc=False):
    pkg: _Fixes


class Header(msgspec.Struct, gc=False):
    """What a file says of itself."""

    urlprefix: str = ""
    reponame: str = ""
    distroversion: str = ""
    packages: list[msgspec.Raw] | None = None


_HEADER = msgspec.json.Decoder(Header)
_PACKAGE = msgspec.json.Decoder(_Package)


def is_secdb(document: Document) -> bool:
    """Whether the document has this layout."""
    return {"packages", "urlprefix"} <= document.keys


def header(document: Document) -> Header:
    """The file's own words, with its packages undecoded; `ParseError` when it is none of this layout."""
    try:
        return _HEADER.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise json_error(error) from None


def entries(top: Header, ecosystem: str, source: str, prefix: str) -> Iterator[Record]:
    """Statements of every package: one for each issue that an entry names.

    A version of `0` says that the package never was affected. An entry may be one string with several ids
    (`CVE-2020-1 XSA-3`): each CVE gets its statement, and what else is named beside it is related to it.
    """
    for raw in top.packages or ():
        try:
            package = _PACKAGE.decode(raw).pkg
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            yield Damaged(ecosystem, str(error))
            continue
        for version, issues in (package.secfixes or {}).items():
            for text in issues or ():
                yield from _issue(text, version, ecosystem, package.name, source, prefix)


def _issue(text: str, version: str, ecosystem: str, name: str, source: str, prefix: str) -> Iterator[Record]:
    ids = list(dict.fromkeys(_ID.findall(text)))
    if not ids:
        yield Left("no-id")
        return
    subjects = [one for one in ids if _CVE.fullmatch(one)] or ids[:1]
    related = tuple(one for one in ids if one not in subjects)
    never = version.strip() in ("0", "")
    for subject in subjects:
        own = subject if subject.startswith(prefix) else f"{prefix}{subject}"
        yield Entry(
            Advisory(id=own, source=source, upstream=(subject,) if own != subject else (), related=related),
            (
                Affected(
                    own,
                    ecosystem,
                    name,
                    () if never else (Range("0", fixed=version.strip()),),
                    status="not-affected" if never else "",
                ),
            ),
        )
