"""End-of-life dates: distro-info-data's CSV (Debian, Ubuntu) and endoflife.date's JSON (others, by file name)."""

from __future__ import annotations

import csv
import io
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from thwart.advisories.feeds import Document, Left, Record, ReleaseDates, decoder, json_error
from thwart.advisories.scoring import day
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_DATES = ("eol", "eol-lts", "eol-elts", "eol-server", "eol-esm", "eol-legacy")
_CYCLES = re.compile(rb'\s*\[\s*\{[^\]]{0,2000}"cycle"\s*:')
# endoflife.date's product names where os-release has another.
_IDS = {
    "alpine-linux": "alpine",
    "amazon-linux": "amzn",
    "almalinux": "almalinux",
    "oracle-linux": "ol",
    "rocky-linux": "rocky",
}


class _Cycle(msgspec.Struct, gc=False):
    cycle: str
    eol: str | bool = False
    codename: str | None = None


_LIST = msgspec.json.Decoder(list[_Cycle])


def _accepts(document: Document) -> bool:
    return document.head.startswith(b"version,codename,series,") or _CYCLES.match(document.head) is not None


@decoder(accepts=_accepts, label="End of life")
def eol(document: Document, limits: Limits) -> Iterator[Record]:
    """Days by release; the distribution is the file's name."""
    product = PurePosixPath(document.name).name.partition(".")[0].lower()
    if not product:
        raise ParseError("the file's name does not say which distribution it is about")
    if document.head.lstrip().startswith(b"["):
        yield from _cycles(document, product)
    else:
        yield from _rows(document, product, limits)


def _rows(document: Document, product: str, limits: Limits) -> Iterator[Record]:
    text = document.data.decode("utf-8-sig", "replace")
    try:
        for count, row in enumerate(csv.DictReader(io.StringIO(text, newline=""), strict=True)):
            if count > limits.entries:
                raise ParseError("more rows than the limits allow")
            dates = tuple((name, date) for name in _DATES if (date := day(row.get(name))))
            version = (row.get("version") or "").removesuffix(" LTS").strip()
            codename = (row.get("series") or "").strip()
            yield ReleaseDates(product, version, codename, dates) if version or codename else Left("no-id")
    except csv.Error as error:
        raise ParseError(f"not the CSV that was expected: {error}") from None


def _cycles(document: Document, product: str) -> Iterator[Record]:
    try:
        cycles = _LIST.decode(document.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise json_error(error) from None
    for one in cycles:
        date = day(one.eol) if isinstance(one.eol, str) else ""
        yield ReleaseDates(_IDS.get(product, product), one.cycle, one.codename or "", (("eol", date),) if date else ())
