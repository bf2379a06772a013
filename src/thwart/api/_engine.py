"""Judge a running engine and its containers."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime

from msgspec import Struct, field

from thwart._version import __version__
from thwart.core.custom import CustomRule
from thwart.core.errors import UsageError
from thwart.core.report import Asset, Report
from thwart.sources.engine import EngineOptions, read_engine

_DIGEST = re.compile(r"(?:\S{1,512}@)?(sha256:[0-9a-f]{64})")


class EngineCheckOptions(Struct, frozen=True, kw_only=True):
    """How to judge an engine. `approved` are digests of images, None where there is no such list."""

    source: EngineOptions = field(default_factory=EngineOptions)
    approved: tuple[str, ...] | None = None
    framework: str = ""
    custom: tuple[CustomRule, ...] = ()
    now: datetime | None = None


def scan_engine(target: str, options: EngineCheckOptions) -> Report:
    """Judge an engine and its containers by the rules of engines and containers.

    Args:
        target: `docker`, `podman`, either with `/CONTAINER`, or `unix:///PATH.sock`.
        options: see `EngineCheckOptions`.

    Raises:
        UsageError: no engine is called that; SourceError: it cannot be asked.
    """
    from thwart import rules
    from thwart.rules.engine import suggested

    begun = time.perf_counter()
    engine = read_engine(target, options.source)
    document = dict(engine.document)
    if options.approved is not None:
        document["approved"] = list(options.approved)
    asked = time.perf_counter()
    now = options.now or datetime.now(UTC)
    asked_of = rules.Options(
        framework=options.framework,
        custom=options.custom,
        limits=options.source.limits,
        today=now.date().isoformat(),
    )
    outcome = rules.check([(f"engine:{engine.name}", json.dumps(document).encode())], asked_of)
    containers = document["containers"]
    return Report(
        asset=Asset(kind="engine", name=engine.name),
        tool_version=__version__,
        created=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        findings=suggested(outcome.findings, document),
        diagnostics=(*engine.diagnostics, *outcome.diagnostics),
        documents=len(containers) if isinstance(containers, list) else 0,
        rules=outcome.rules,
        controls=outcome.controls,
        images=outcome.images,
        bases=outcome.bases,
        timings=(("ask", asked - begun), ("check", time.perf_counter() - asked)),
    )


def approved_digests(text: str) -> tuple[str, ...]:
    """The digests of a list: one `sha256:…` or `NAME@sha256:…` a line; what follows a `#` is a remark.

    Raises:
        UsageError: a line is none, or there is no digest at all, which would refuse everything.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if bare:
            digest = _DIGEST.fullmatch(bare)
            if digest is None:
                raise UsageError(f"line {number} of the list of approved images is no digest: {bare[:80]}")
            found.append(digest[1])
    if not found:
        raise UsageError("the list of approved images is empty")
    return tuple(found)
