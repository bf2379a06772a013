"""Baselines: the findings of one day, so that from then on only what is new counts."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from thwart.core.errors import ConfigError
from thwart.core.finding import Diagnostic, Finding, Suppressed
from thwart.core.report import Baselined
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from thwart.core.report import Asset, Report

SCHEMA = "thwart-baseline-v1"
LARGEST = 64 << 20
_VALUES = 5_000_000
_DEPTH = 4
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_SHOWN = 3


class Baseline:
    """A baseline, for one asset. A finding that it knows does not count, unless it is in more places than it was."""

    def __init__(self, stated: Iterable[Baselined], asset: Asset) -> None:
        self._asset = asset.name
        self._places: dict[str, int] = {}
        self._left: dict[str, str] = {}  # of this asset, what no finding has met so far
        for one in stated:
            self._places[one.fingerprint] = max(one.places, self._places.get(one.fingerprint, 0))
            if one.asset == asset.name:
                self._left[one.fingerprint] = one.id

    def accept(self, finding: Finding) -> Suppressed | None:
        """The finding set aside, or None when it is new."""
        if not self._places:
            return None
        self._left.pop(finding.fingerprint, None)
        if _places(finding) > self._places.get(finding.fingerprint, 0):
            return None
        return Suppressed(finding=finding, by="baseline", reason="it is in the baseline")

    def diagnostics(self) -> Iterator[Diagnostic]:
        """What the baseline has and nothing found any more."""
        if self._left:
            counts = Counter(self._left.values())
            shown = ", ".join(
                name if many == 1 else f"{name} ({many})" for name, many in sorted(counts.items())[:_SHOWN]
            )
            more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
            count = f"{len(self._left)} finding{'s' if len(self._left) != 1 else ''}"
            yield Diagnostic(
                slug="baseline-gone",
                message=f"{count} of the baseline {'are' if len(self._left) != 1 else 'is'} gone: {shown}{more}",
                incomplete=False,
                hint="write it anew with --write-baseline, so that they count if they come back",
            )


def _places(finding: Finding) -> int:
    """In how many places it is: a fingerprint has one rule, subject and file, which may break the rule more than once."""
    return max(1, len(finding.evidence))


def write(reports: Iterable[Report]) -> bytes:
    """What counts in judged reports, and what their baseline set aside, as a baseline of its own."""
    entries: dict[tuple[str, str], dict[str, object]] = {}
    for report in reports:
        known = (one.finding for one in report.suppressed if one.by == "baseline")
        for finding in (*report.findings, *known):
            entries[report.asset.name, finding.fingerprint] = {
                "asset": report.asset.name,
                "id": finding.id,
                "where": finding.subject or (finding.package.full_name if finding.package else ""),
                "fingerprint": finding.fingerprint,
                "places": _places(finding),
            }
    rows = sorted(entries.values(), key=lambda one: [str(one[key]) for key in ("asset", "id", "where", "fingerprint")])
    text = json.dumps({"schema": SCHEMA, "findings": rows}, indent=1, ensure_ascii=True)
    return f"{text}\n".encode()


def read(data: bytes, path: str) -> tuple[Baselined, ...]:
    """The findings of a baseline file.

    Raises:
        ConfigError: it is none.
    """
    try:
        document = json_bounded.load(data, max_bytes=LARGEST, max_depth=_DEPTH, max_items=_VALUES)
    except DocumentError as error:
        raise _no_baseline(path, error.reason) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _no_baseline(path, f"it does not say that its schema is {SCHEMA}")
    rows = document.get("findings")
    if not isinstance(rows, list):
        raise _no_baseline(path, "it has no list of findings")
    return tuple(_row(row, index, path) for index, row in enumerate(rows))


def _row(row: object, index: int, path: str) -> Baselined:
    texts = [row.get(key) for key in ("fingerprint", "id", "asset")] if isinstance(row, dict) else []
    places = row.get("places", 1) if isinstance(row, dict) else 0
    if not texts or not all(isinstance(text, str) for text in texts) or not _FINGERPRINT.fullmatch(str(texts[0])):
        raise _no_baseline(path, f"finding {index + 1} lacks a fingerprint, an id or an asset")
    if not isinstance(places, int) or isinstance(places, bool) or places < 1:
        raise _no_baseline(path, f"finding {index + 1} has no number of places")
    return Baselined(fingerprint=str(texts[0]), id=str(texts[1]), asset=str(texts[2]), places=places)


def _no_baseline(path: str, why: str) -> ConfigError:
    return ConfigError(f"{path} is no baseline: {why}", "write one with --write-baseline FILE")
