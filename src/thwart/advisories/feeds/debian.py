"""The Debian security tracker's JSON: source package, issue, release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Damaged, Document, Entry, Left, Record, decoder, json_error
from thwart.core.advisory import Advisory, Affected, Range
from thwart.lib.debian import SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_HEAD = re.compile(rb'\s*\{\s*"[^"]{1,200}"\s*:\s*\{\s*"(?:CVE-\d{4}-|TEMP-)[0-9A-F-]+"\s*:\s*\{')
_URGENCIES = frozenset({"low", "medium", "high"})


class _Release(msgspec.Struct, gc=False):
    status: str = ""
    fixed_version: str | None = None
    urgency: str | None = None
    nodsa: str | None = None
    nodsa_reason: str | None = None


class _Issue(msgspec.Struct, gc=False):
    releases: dict[str, _Release] | list[msgspec.Raw] = {}  # an empty one is written as a list


_PACKAGES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ISSUES = msgspec.json.Decoder(dict[str, _Issue])


def ecosystem(codename: str) -> str:
    """`Debian:12` for `bookworm`; `Debian:sid` for sid, and the code name for a release that is not known yet."""
    return f"Debian:{SERIES.get(codename, codename)}"


def _accepts(document: Document) -> bool:
    return _HEAD.match(document.head) is not None


@decoder(accepts=_accepts, label="Debian tracker")
def debian(document: Document, limits: Limits) -> Iterator[Record]:
    """One record for each package and issue, `DEBIAN-CVE-…` as OSV calls them, with a statement for each release.

    Packages are decoded one after the other: the file has some 60 MB.
    """
    del limits
    try:
        packages = _PACKAGES.decode(document.data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise json_error(error) from None
    for name, raw in packages.items():
        try:
            issues = _ISSUES.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            yield Damaged(name, str(error))
            continue
        for issue, facts in issues.items():
            yield from _entry(name, issue, facts)


def _entry(name: str, issue: str, facts: _Issue) -> Iterator[Record]:
    if not isinstance(facts.releases, dict) or not facts.releases:
        yield Left("no-release")
        return
    own = f"DEBIAN-{issue}" if issue.startswith("CVE-") else issue
    yield Entry(
        Advisory(id=own, source="Debian", upstream=(issue,) if own != issue else ()),
        tuple(statement(own, codename, name, release) for codename, release in facts.releases.items()),
    )


def statement(advisory: str, codename: str, name: str, release: _Release) -> Affected:
    """What the tracker says of one release.

    `resolved` in version 0 never was affected. `open` is unfixed; why it will stay so is the tracker's word:
    end-of-life and unimportant are urgencies, ignored and postponed are reasons for no DSA.
    """
    urgency = (release.urgency or "").rstrip("*").strip()
    word = urgency if urgency in ("unimportant", "end-of-life") else ""
    fixed = (release.fixed_version or "").strip()
    ranges: tuple[Range, ...] = (Range("0"),)
    if release.status == "undetermined":
        word = "undetermined"
    elif release.status == "resolved" and fixed == "0":
        ranges, word = (), "not-affected"
    elif release.status == "resolved" and fixed:
        ranges = (Range("0", fixed=fixed),)
        word = "unimportant" if word == "unimportant" else ""
    elif release.status == "resolved":
        word = "undetermined"  # mended, but in which version is not said
    elif not word and (release.nodsa is not None or release.nodsa_reason):
        word = release.nodsa_reason or "no-dsa"
    severity = urgency if urgency in _URGENCIES else ""
    return Affected(advisory, ecosystem(codename), name, ranges, status=word, severity=severity)
