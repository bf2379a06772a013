"""Scan a target: open it, read what is inside, match it with what is known."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from thwart._version import __version__
from thwart.api._inventory import Reading, read_source
from thwart.core.custom import CustomRule
from thwart.core.limits import DEFAULT, Limits
from thwart.core.report import Report
from thwart.sources import Image, OpenOptions


class ScanOptions(Struct, frozen=True, kw_only=True):
    """How to scan.

    `database` is a database file, else the newest of the user's and the embedded one. `cache` is a folder for what
    layers hold; None remembers nothing. `packages_only` stops after the packages. `now` is the moment of judgement.
    `framework` is `cis-docker` and the like: rules answer its controls and no others. `custom` are the user's own rules.
    Of engines alone: for how many seconds `observe` watches what containers use, and the digests of `approved` images.
    """

    source: OpenOptions = field(default_factory=OpenOptions)
    database: Path | None = None
    data: Path | None = None  # folder of the user's own database
    cache: Path | None = None
    packages_only: bool = False
    limits: Limits = DEFAULT
    jobs: int = 0  # threads that read layers; 0 chooses
    now: datetime | None = None
    framework: str = ""
    custom: tuple[CustomRule, ...] = ()
    observe: float = 0.0
    approved: tuple[str, ...] | None = None


def scan(target: str, options: ScanOptions | None = None) -> Report:
    """Scan one target.

    Args:
        target: `nginx:1.27`, `image:…`, `archive:x.tar`, `oci:dir`, `rootfs:/`, `dir:.`, `engine:docker` or `-`.
        options: see `ScanOptions`.

    Returns:
        The report, not yet judged: `thwart.gate.decide` does that.

    Raises:
        SourceError: the target cannot be reached, opened or verified; UsageError: its name has several readings;
        DatabaseError: the advisory database is damaged or too new.
    """
    options = options or ScanOptions()
    if target.startswith("engine:") and not options.packages_only:
        return _engine(target.removeprefix("engine:"), options)
    now = options.now or datetime.now(UTC)
    watch = _Watch()
    watched = not options.packages_only
    reading = read_source(target, options.source, options.limits, options.cache, options.jobs, watched=watched)
    watch.lap("read")
    report = _report(reading, now)
    if not options.packages_only:
        report = _judge(report, options, now)
        watch.lap("match")
        report = _ruled(report, reading, options, now)
        watch.lap("rules")
    return replace(report, timings=tuple(watch.laps.items()))


def _engine(target: str, options: ScanOptions) -> Report:
    from thwart.api._engine import EngineCheckOptions, scan_engine
    from thwart.sources.engine import EngineOptions

    source = EngineOptions(environment=options.source.environment, observe=options.observe, limits=options.limits)
    checks = EngineCheckOptions(
        source=source,
        approved=options.approved,
        framework=options.framework,
        custom=options.custom,
        now=options.now,
    )
    return scan_engine(target, checks)


def _report(reading: Reading, now: datetime) -> Report:
    inventory, source = reading.inventory, reading.source
    return Report(
        asset=source.asset,
        tool_version=__version__,
        created=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        release=inventory.release,
        layers=source.layers if isinstance(source, Image) else (),
        packages=inventory.packages,
        diagnostics=inventory.diagnostics,
        ignores=inventory.ignores,
    )


def _judge(report: Report, options: ScanOptions, now: datetime) -> Report:
    from thwart import matching
    from thwart.api.database import Places, notes, open_database

    cache = options.cache / "db" if options.cache else None
    today = now.date()
    with open_database(Places(data_dir=options.data, cache_dir=cache, database=options.database)) as database:
        matches = matching.match(report.packages, report.release, database, today=today)
        info = database.info(today)
        told = notes(database, (package.ecosystem for package in report.packages), today)
    return replace(
        report,
        findings=tuple(matches.findings),
        suppressed=tuple(matches.suppressed),
        diagnostics=(*report.diagnostics, *matches.diagnostics, *told),
        database=info,
    )


def _ruled(report: Report, reading: Reading, options: ScanOptions, now: datetime) -> Report:
    """The same with what rules find in an image or a root file system."""
    notes = reading.inventory.notes
    if notes is None:
        return report
    from thwart import rules
    from thwart.api._image_rules import judge

    asked = rules.Options(
        framework=options.framework,
        custom=options.custom,
        limits=options.limits,
        today=now.date().isoformat(),
    )
    outcome = judge(reading.source, notes, now, asked)
    return replace(
        report,
        findings=(*report.findings, *outcome.findings),
        diagnostics=(*report.diagnostics, *outcome.diagnostics),
        rules=outcome.rules,
        controls=outcome.controls,
    )


class _Watch:
    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now
