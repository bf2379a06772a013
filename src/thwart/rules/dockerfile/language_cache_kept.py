"""The cache of npm, yarn, go or gem stays in the image.

What a package manager keeps for its next run is in the layer for good, and nothing reads it at run time.

Fix: Mount a cache (`RUN --mount=type=cache,target=/root/.npm`), or empty it in the same RUN: `npm cache clean --force`. No
edit is offered, as which of the two is right depends on the build.

Bad:
    FROM registry.example.test/base:1.2
    RUN npm ci

Good:
    FROM registry.example.test/base:1.2
    RUN npm ci && npm cache clean --force
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Ran

_FOLDERS = {
    "npm": "/root/.npm",
    "yarn": "/usr/local/share/.cache/yarn",
    "go": "/root/.cache/go-build",
}
_VERBS = {
    "npm": frozenset({"ci", "install", "i", "add", "clean-install", "install-clean"}),
    "yarn": frozenset({"install", "add"}),
    "go": frozenset({"build", "install", "get", "test"}),
}
_CLEANS = {"npm": ("cache",), "yarn": ("cache",), "go": ("clean",)}


@dockerfile_rule(Severity.NEGLIGIBLE, "cis-docker:4.3", "hadolint:DL3060", confidence="medium")
def language_cache_kept(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image; a mount of any cache, or a removal of any, is believed."""
    for run in file.shipped_runs:
        if any(mount.kind in ("cache", "tmpfs") for mount in run.step.mounts()):
            continue
        cleaned = {name for name, folder in _FOLDERS.items() if run.removes(folder) or _cleans(run, name)}
        for call in run.calls:
            folder = _FOLDERS.get(call.name)
            words = call.operands or (["install"] if call.name == "yarn" and not call.words else [])
            if folder is None or not words or words[0] not in _VERBS[call.name]:
                continue
            if call.name not in cleaned and not call.has("--cache", "--cache-folder"):
                yield file.hit(call.span, f"keeps the cache of {call.name} in a layer", run.stage)


def _cleans(run: Ran, name: str) -> bool:
    """`npm cache clean`, or an `rm` of a folder that is named as a cache."""
    return any(
        (call.name == name and call.operands[:1] and call.operands[0] in _CLEANS[name])
        or (call.name == "rm" and any("cache" in word or ".npm" in word for word in call.words))
        for call in run.calls
    )
