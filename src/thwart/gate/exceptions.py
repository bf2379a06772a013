"""Accepted risks: which findings they set aside, and what has become of them."""

from __future__ import annotations

from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.finding import Diagnostic, Finding, Suppressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from thwart.core.report import Asset, Exception_

_SOON = timedelta(days=7)


class _Rule(NamedTuple):
    stated: Exception_
    last: date | None  # the last day on which it holds; None when it lacks something
    lacks: str


class Exceptions:
    """A policy's exceptions on one day, for one asset. The first that fits a finding sets it aside.

    An exception names the finding's id, or any alias or advisory of it, in any case of letters. `asset`, `package`
    and `path` are globs in which `*` also crosses slashes, and all that are given must fit: the asset's name
    or digest; the package's name, its source's or its purl; every path on which the finding lies.
    """

    def __init__(self, stated: Iterable[Exception_], asset: Asset, today: date) -> None:
        self._rules = [_rule(one) for one in stated]
        self._asset = asset
        self._today = today
        self._matched = [0] * len(self._rules)

    def accept(self, finding: Finding) -> Suppressed | None:
        """The finding set aside, or None when no exception in force fits it. Also counts what expired ones would fit."""
        names = {name.casefold() for name in (finding.id, *finding.aliases, *finding.advisories)}
        accepted: Suppressed | None = None
        for index, rule in enumerate(self._rules):
            if rule.last is None or not self._fits(rule.stated, finding, names):
                continue
            self._matched[index] += 1
            if accepted is None and rule.last >= self._today:
                accepted = _suppressed(rule.stated, finding)
        return accepted

    def diagnostics(self) -> Iterator[Diagnostic]:
        """Exceptions that lack something, have expired, will within a week, or fitted nothing; none makes a report incomplete."""
        for rule, matched in zip(self._rules, self._matched, strict=True):
            stated = rule.stated
            if rule.last is None:
                yield _diagnostic(
                    "invalid-exception", f"the exception for {stated.id or 'no id'} {rule.lacks}, so it does not count"
                )
            elif rule.last < self._today:
                active = (
                    f"{matched} finding{'s count' if matched != 1 else ' counts'} again"
                    if matched
                    else "it fits no finding"
                )
                yield _diagnostic(
                    "expired-exception", f"the exception for {stated.id} expired on {stated.expires}: {active}", stated
                )
            elif not matched:
                yield _diagnostic("unused-exception", f"the exception for {stated.id} fits no finding", stated)
            elif rule.last - self._today <= _SOON:
                days = (rule.last - self._today).days
                when = "today" if days == 0 else f"in {days} day{'s' if days != 1 else ''}"
                yield _diagnostic(
                    "expiring-exception", f"the exception for {stated.id} expires {when}, on {stated.expires}", stated
                )

    def _fits(self, stated: Exception_, finding: Finding, names: set[str]) -> bool:
        if stated.id.casefold() not in names:
            return False
        if stated.asset and not _any(stated.asset, (self._asset.name, self._asset.digest)):
            return False
        if stated.package and not _any(stated.package, _called(finding)):
            return False
        return not stated.path or _every(stated.path, [place.path for place in finding.locations])


def _rule(stated: Exception_) -> _Rule:
    lacking = [name for name in ("id", "reason", "owner", "expires") if not getattr(stated, name).strip()]
    if lacking:
        return _Rule(stated, None, f"has no {' and no '.join(lacking)}")
    try:
        return _Rule(stated, date.fromisoformat(stated.expires), "")
    except ValueError:
        return _Rule(stated, None, f"expires on {stated.expires!r}, which is not a date")


def _suppressed(stated: Exception_, finding: Finding) -> Suppressed:
    agreed = [f"approved by {stated.approver}"] if stated.approver else []
    agreed += [stated.ticket] if stated.ticket else []
    reason = f"{stated.reason} ({', '.join(agreed)})" if agreed else stated.reason
    return Suppressed(finding=finding, by="exception", reason=reason, owner=stated.owner, expires=stated.expires)


def _called(finding: Finding) -> tuple[str, ...]:
    package = finding.package
    return (package.full_name, package.name, package.source, package.purl) if package is not None else ()


def _any(glob: str, names: Iterable[str]) -> bool:
    return any(name and fnmatchcase(name, glob) for name in names)


def _every(glob: str, paths: list[str]) -> bool:
    """A finding on several paths is accepted only where all of them are; one without a path by none."""
    bare = glob.removeprefix("/")
    return bool(paths) and all(fnmatchcase(path.removeprefix("/"), bare) for path in paths)


def _diagnostic(slug: str, message: str, stated: Exception_ | None = None) -> Diagnostic:
    hint = f"owner: {stated.owner}" if stated is not None and stated.owner else ""
    return Diagnostic(slug=slug, message=message, incomplete=False, hint=hint)
