"""Decide again: saved reports of scans, checks and intents, judged by a policy without a rescan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from thwart._version import __version__
from thwart.api._files import read_file
from thwart.core.advisory import Severity
from thwart.core.errors import ParseError, UsageError
from thwart.core.finding import Diagnostic, Evidence, Finding
from thwart.core.limits import DEFAULT
from thwart.core.package import Location
from thwart.core.report import Asset, Report
from thwart.lib.documents import DocumentError

_INTENTS = "thwart-net-verify-v1"
_MOST = 256 << 20  # bytes of a saved report


def read_reports(paths: Iterable[str], stdin: bytes | None = None) -> list[Report]:
    """The reports in files (`-` is standard input), as they were before they were judged.

    Raises:
        SourceError: a file cannot be read; UsageError: it holds no report of Thwart.
    """
    return [
        report
        for path in paths
        for report in _reports(path, stdin or b"" if path == "-" else read_file(Path(path), _MOST))
    ]


def _reports(path: str, data: bytes) -> Iterator[Report]:
    from thwart.gate.reopened import reopened
    from thwart.lib import json_bounded
    from thwart.reports.json_v1 import read_all

    try:
        if _INTENTS.encode() in data[:200]:
            document = json_bounded.load(data, max_bytes=_MOST, max_depth=DEFAULT.json_depth, max_items=4_000_000)
            yield intents(path, document)
        else:
            yield from (reopened(report) for report, _ in read_all(data))
    except (ParseError, DocumentError) as error:
        why = error.reason if isinstance(error, ParseError) else str(error)
        raise UsageError(f"{path} is no report: {why}", "write one: thwart scan TARGET -o json=FILE") from error


def intents(path: str, document: Any) -> Report:  # noqa: ANN401 - a decoded document
    """What `thwart net verify -o json` wrote, as a report: a broken intent is a finding, an unknown one a gap.

    Raises:
        ParseError: it is no such document.
    """
    try:
        entries = document["intents"]
        findings = tuple(_broken(one) for one in entries if one["status"] in ("broken", "empty"))
        doubts = [one["name"] for one in entries if one["status"] not in ("held", "broken", "empty")]
        gaps = [str(one["message"]) for one in document.get("unread", ())]
    except (KeyError, TypeError, AttributeError) as error:
        raise ParseError(f"a verdict on intents lacks {error}") from error
    told = [f"nobody can tell whether this intent holds: {name}" for name in doubts]
    return Report(
        asset=Asset(kind="network", name=path),
        tool_version=__version__,
        created="",
        findings=findings,
        diagnostics=tuple(Diagnostic(slug="unknown-intent", message=one) for one in (*told, *gaps)),
        documents=len(entries),
    )


def _broken(one: dict[str, Any]) -> Finding:
    place = Location(path=str(one["file"]), line=int(one["line"]))
    phrase = "is broken" if one["status"] == "broken" else "speaks of nothing that there is"
    return Finding(
        id="broken-intent",
        message=f'the intent "{one["name"]}" {phrase}',
        severity=Severity.HIGH,
        state="unfixed",
        kind="rule",
        subject=str(one["name"]),
        locations=(place,),
        evidence=(Evidence(phrase=phrase, location=place),),
        priority=60.0,
    )
