"""pip's cache stays in the image.

The cache holds every package a second time, and nothing reads it at run time.

Fix: Write `pip install --no-cache-dir`, set `PIP_NO_CACHE_DIR=1`, or mount a cache at `/root/.cache/pip`.

Bad:
    FROM registry.example.test/python:3.13
    RUN pip install -r requirements.txt

Good:
    FROM registry.example.test/python:3.13
    RUN pip install --no-cache-dir -r requirements.txt
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call, Ran
from thwart.rules.dockerfile._mending import flagged, mended

_SWITCH = "PIP_NO_CACHE_DIR"
_PIP = re.compile(r"pip(?:[0-9.]*)")
_PYTHON = re.compile(r"python(?:[0-9.]*)")


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", "hadolint:DL3042")
def pip_cache_kept(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image."""
    yield from mended(
        file, ((hit, flagged(call, "--no-cache-dir", "install")) for hit, call in _found(file)), safe=True
    )


def _found(file: File) -> Iterator[tuple[Hit, Call]]:
    for run in file.runs:
        if run.stage.index not in file.shipped or run.removes("/root/.cache/pip") or _mounted(run):
            continue
        if run.step.environment.get(_SWITCH) or _exported(run):  # "0" and "no" as well: pip 19.0 and later
            continue
        for call in run.calls:
            if "install" in call.operands and _is_pip(call) and "--no-cache-dir" not in call.words and not _set(call):
                yield file.hit(call.span, "keeps the cache of pip in a layer", run.stage), call


def _mounted(run: Ran) -> bool:
    """A mount at any user's cache."""
    return any(
        mount.kind in ("cache", "tmpfs") and ".cache" in mount.target for mount in run.step.mounts()
    ) or run.cached("/root/.cache/pip")


def _is_pip(call: Call) -> bool:
    if _PIP.fullmatch(call.name):
        return True
    return _PYTHON.fullmatch(call.name) is not None and call.words[:2] == ("-m", "pip")


def _set(call: Call) -> bool:
    """`PIP_NO_CACHE_DIR=1 pip install`."""
    assignments = call.invocation.command.assignments if call.invocation else ()
    return any(one.name == _SWITCH for one in assignments)


def _exported(run: Ran) -> bool:
    """`export PIP_NO_CACHE_DIR=1`."""
    words = (word for call in run.calls if call.name == "export" for word in call.words)
    return any(word.startswith(f"{_SWITCH}=") and word != f"{_SWITCH}=" for word in words)
