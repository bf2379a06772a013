"""debian-security-support's lists: source packages whose support is limited, or ends before the release's."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from thwart.advisories.feeds import Damaged, Document, Record, decoder
from thwart.advisories.scoring import day
from thwart.core.advisory import Support
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_NAME = re.compile(r"security-support(-ended)?\.deb(\d+)")
_LINE = re.compile(r"(\S+)\s+(limited|supported|non-supported)(?:\s+(\S+)\s+(\d{4}-\d{2}-\d{2}))?")
_ENDED = re.compile(r"(\S+)\s+(\S+)\s+(\d{4}-\d{2}-\d{2})")


def _accepts(document: Document) -> bool:
    return _NAME.fullmatch(PurePosixPath(document.name).name) is not None


@decoder(accepts=_accepts, label="Debian support")
def debian_support(document: Document, limits: Limits) -> Iterator[Record]:
    """`limited` or `ended` for a package; a name may end in `.*`, which stands for every name that begins so."""
    found = _NAME.fullmatch(PurePosixPath(document.name).name)
    if found is None:
        raise ParseError("the file's name does not say which release it is about")
    lines = document.data.decode("utf-8", "replace").splitlines()
    if len(lines) > limits.entries:
        raise ParseError("more rows than the limits allow")
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        one = _ended(line) if found[1] else _stated(line)
        if one is None:
            yield Damaged(document.name, f"line {number} names no kind of support")
        else:
            yield one._replace(ecosystem=f"Debian:{found[2]}")


def _stated(line: str) -> Support | None:
    found = _LINE.match(line)
    if found is None:
        return None
    if found[2] != "non-supported":
        return Support("", found[1], found[2])
    return Support("", found[1], "ended", found[3] or "", day(found[4]))


def _ended(line: str) -> Support | None:
    found = _ENDED.match(line)
    return Support("", found[1], "ended", found[2], day(found[3])) if found else None
