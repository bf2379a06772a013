"""Lint a network's policies: checks chosen, comments that accept findings honoured, source lines at hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.api.net._load import Network
from thwart.core.advisory import Severity
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.lib.inline import Inline
    from thwart.network.lint import Finding, Report

FORMATS = ("text", "json", "sarif")
_MOST_SOURCE = 8 << 20  # bytes of a file in which comments and lines are looked for


def lint_network(
    network: Network, *, tenant_label: str = "", only: Iterable[str] = (), skip: Iterable[str] = ()
) -> Report:
    """Every finding, apart from those that a comment `# thwart: ignore[check] reason` on its line accepts.

    Args:
        network: what was read.
        tenant_label: the namespace label that tells tenants apart; empty for none.
        only: checks to run; all where none is named.
        skip: checks to leave out.

    Raises:
        UsageError: there is no such check.
    """
    from thwart.network.lint import Report, lint

    known = checks()
    asked, left_out = set(only), set(skip)
    _known(asked | left_out, known)
    chosen = (asked or set(known)) - left_out
    found = lint(network.model, tenant_label=tenant_label, only=chosen) if chosen else ()
    kept, ignored = _accepted(network, found, chosen)
    return Report(
        findings=kept, ignored=ignored, policies=len(network.model.world.policies), incomplete=network.incomplete
    )


def checks() -> dict[str, tuple[str, Severity]]:
    """Every check: why it matters, and the severity of its worst findings."""
    from thwart.network.lint import MEMBERS

    return {slug: (one.explanation, one.severity) for slug, one in MEMBERS.load().items()}


def write_lint(report: Report, name: str) -> str:
    """The report in one of `FORMATS`."""
    from thwart._version import __version__
    from thwart.network.lint import as_json, as_sarif, text

    if name == "json":
        return as_json(report)
    if name == "sarif":
        return as_sarif(report, checks(), __version__)
    return text(report, _lines(report.findings))


def _known(names: Iterable[str], known: Iterable[str]) -> None:
    import difflib

    every = sorted(known)
    for name in sorted(names):
        if name not in every:
            near = difflib.get_close_matches(name, every, 1)
            hint = f"did you mean {near[0]}" if near else f"the checks are {', '.join(every)}"
            raise UsageError(f"there is no check {name}", hint)


def _accepted(
    network: Network, found: Iterable[Finding], chosen: set[str]
) -> tuple[tuple[Finding, ...], tuple[tuple[Finding, str], ...]]:
    """Findings that stay, with one for each comment that accepts nothing; and those that are accepted, with reasons."""
    comments = {path: marks for path in _paths(network) if (marks := _comments(path))}
    kept: list[Finding] = []
    ignored: list[tuple[Finding, str]] = []
    used: set[tuple[str, int, str]] = set()
    for finding in found:
        mark = _mark(finding, comments.get(finding.place.path, ()))
        if mark is not None:
            used.add((finding.place.path, mark.line, finding.check))
        if mark is not None and mark.reason:
            ignored.append((finding, mark.reason))
        else:
            kept.append(finding)
    kept += [
        _unused(path, mark, slug, used)
        for path, marks in comments.items()
        for mark in marks
        for slug in mark.ids
        if slug in chosen and ((path, mark.line, slug) not in used or not mark.reason)
    ]
    kept.sort(key=lambda one: (one.place.path, one.place.line, one.check, one.what, one.sentence))
    return tuple(kept), tuple(ignored)


def _unused(path: str, mark: Inline, slug: str, used: set[tuple[str, int, str]]) -> Finding:
    """The finding about a comment that is not followed, or that nothing needs."""
    from thwart.network.lint import Finding, Place

    useless = (path, mark.line, slug) not in used
    return Finding(
        check="unused-ignore",
        severity=Severity.LOW,
        sentence=f"the comment accepts {slug}, which is not found here"
        if useless
        else f"the comment accepts {slug} without a reason, and is not followed",
        fix="take the comment out" if useless else "write the reason behind the bracket",
        place=Place("comment", path, mark.line),
    )


def _mark(finding: Finding, marks: Iterable[Inline]) -> Inline | None:
    """The comment that speaks of a finding: on its line, or anywhere in the file for one without a line."""
    fitting = [mark for mark in marks if finding.check in mark.ids and finding.place.line in (0, mark.line)]
    return next((mark for mark in fitting if mark.reason), fitting[0] if fitting else None)


def _paths(network: Network) -> list[str]:
    """The files that have policies and may have comments; JSON has none."""
    found = {policy.origin.path for policy in network.model.world.policies}
    return sorted(path for path in found if not path.lower().endswith(".json"))


def _comments(path: str) -> list[Inline]:
    from thwart.lib.inline import comments

    return comments(_source(path))


def _source(path: str) -> bytes:
    """A file's bytes; empty where it cannot be read again: standard input, what a tool wrote."""
    try:
        file = Path(path)
        if path == "-" or not file.is_file() or file.stat().st_size > _MOST_SOURCE:
            return b""
        return file.read_bytes()
    except (OSError, ValueError):
        return b""


def _lines(found: Iterable[Finding]) -> dict[tuple[str, int], str]:
    wanted: dict[str, set[int]] = {}
    for finding in found:
        if finding.place.line:
            wanted.setdefault(finding.place.path, set()).add(finding.place.line)
    lines: dict[tuple[str, int], str] = {}
    for path, numbers in wanted.items():
        every = _source(path).split(b"\n")
        for number in numbers:
            if number <= len(every):
                lines[path, number] = every[number - 1].decode("utf-8", "replace").expandtabs(4)
    return lines
