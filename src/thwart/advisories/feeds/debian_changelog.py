"""Fixes that Debian's own changelogs name: the oldest entry that mentions a CVE (prepared as JSON by release).

Not the security tracker: it knows nothing of unfixed, ignored or never affected packages.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Dated, Document, Entry, Left, Record, decoder, json_error
from thwart.advisories.schema import cve_key
from thwart.core.advisory import Advisory, Affected, Range
from thwart.lib import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits


class _Fix(msgspec.Struct, gc=False):
    fixed_version: str
    date: str = ""


class _Meta(msgspec.Struct, gc=False):
    source_version: str = ""


class _Source(msgspec.Struct, gc=False):
    fixed: dict[str, _Fix] = {}
    meta: _Meta = msgspec.field(default_factory=_Meta)

    def version(self, fix: _Fix) -> str:
        """Where the fix came: a changelog names upstream's later version too, which the release's own comes before."""
        own = self.meta.source_version
        try:
            return own if own and versions.compare("dpkg", own, fix.fixed_version) < 0 else fix.fixed_version
        except versions.VersionError:
            return fix.fixed_version


class _File(msgspec.Struct, gc=False):
    ecosystem: str
    packages: dict[str, _Source]


_FILE = msgspec.json.Decoder(_File)


def _accepts(document: Document) -> bool:
    return {"release", "ecosystem", "packages"} <= document.keys


@decoder(accepts=_accepts, label="Debian changelogs")
def debian_changelog(document: Document, limits: Limits) -> Iterator[Record]:
    """`DEBIAN-CVE-…` statements that end with the fix; the newest changelog entry is the file's day."""
    del limits
    try:
        content = _FILE.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise json_error(error) from None
    newest = ""
    for name, source in content.packages.items():
        for issue, fix in source.fixed.items():
            if cve_key(issue) is None:
                yield Left("no-id")
                continue
            newest = max(newest, _day(fix.date))
            own = f"DEBIAN-{issue}"
            yield Entry(
                Advisory(id=own, source="Debian", upstream=(issue,)),
                (Affected(own, content.ecosystem, name, (Range("0", fixed=source.version(fix)),)),),
            )
    if newest:
        yield Dated(newest)


def _day(text: str) -> str:
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError):
        return ""
