"""Packages of a language are installed without versions.

Whatever was published last, by whoever has the name by then, is in the next image.

Fix: Name versions (`pip install flask==3.1.0`), or install from a lock file. No edit is offered: which version is wanted is
not in the file.

Bad:
    FROM registry.example.test/base:1.2
    RUN pip install --no-cache-dir flask

Good:
    FROM registry.example.test/base:1.2
    RUN pip install --no-cache-dir flask==3.1.0
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import UNKNOWN, Call

_PINNED = {
    "pip": re.compile(r"===?|@|^[./]|/|\.(?:whl|zip|gz)$|<|~="),
    "npm": re.compile(r".@(?!latest$|next$)|^[./~]|:|/.*/|\.(?:tgz|tar|tar\.gz)$"),
    "gem": re.compile(r":[0-9]|\.gem$"),
    "go": re.compile(r"@(?!latest$|master$|main$)|^[./]|^[^./]+(?:/|$)|\.go$"),
    "cargo": re.compile(r"@[0-9=^~]"),
}
_VERBS = {
    "pip": ("install",),
    "npm": ("install", "i", "add"),
    "gem": ("install", "i"),
    "go": ("install", "get", "run"),
    "cargo": ("install",),
}
_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)(?:\+\w+)?://[^/#]*(?P<path>[^#]*)(?P<fragment>#?)")
_NPM_TAKES = frozenset({
    "--loglevel", "--registry", "--prefix", "-C", "--cache", "--userconfig", "--globalconfig", "--tag", "--omit", "--include",
    "-w", "--workspace", "--install-strategy", "--fetch-retries", "--fetch-timeout", "--maxsockets", "--before", "--script-shell",
})  # fmt: skip
_VERSION = {"gem": ("-v", "--version"), "cargo": ("--version", "--vers", "--git", "--path", "--rev", "--tag")}
_TAKES = frozenset(
    [
        "-r",
        "-c",
        "-e",
        "-i",
        "-f",
        "-t",
        "-v",
        "--requirement",
        "--constraint",
        "--editable",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--target",
        "--trusted-host",
        "--platform",
        "--python-version",
        "--prefix",
        "--root",
        "--registry",
        "--cache",
        "--version",
        "--install-dir",
        "--bindir",
        "--source",
        "--document",
        "--timeout",
        "--retries",
        "--git",
        "--path",
        "--rev",
        "--tag",
        "--features",
        "--cache-dir",
        "--only-binary",
        "--no-binary",
        "-g:never",
        "-ldflags",
        "-tags",
        "-p",
    ]
)


@dockerfile_rule(
    Severity.LOW,
    "slsa:pinned",
    "hadolint:DL3013",
    "hadolint:DL3016",
    "hadolint:DL3028",
    "hadolint:DL3062",
    confidence="medium",
)
def unpinned_language_packages(file: File) -> Iterator[Hit]:
    """Of the stages that the image is made of: packages by name for pip, npm, gem, go and cargo."""
    for run in file.runs:
        if run.stage.index not in file.build.needed:
            continue
        for call in run.calls:
            kind, words = manager(call)
            if kind and words[:1] and words[0] in _VERBS[kind] and not call.has(*_VERSION.get(kind, ())):
                loose = [word for word in named(words[1:], call) if not _pinned(kind, word)]
                if words[0] == "run":  # what follows the package is for it
                    loose = [word for word in [*named(words[1:], call)][:1] if word in loose]
                if loose and not call.has("-r", "--requirement", "-c", "--constraint"):
                    yield file.hit(call.span, f"installs {loose[0][:80]} by {kind} without a version", run.stage)


def _pinned(kind: str, word: str) -> bool:
    """Whether a version is named, or a file; of a repository, whether a branch, tag or commit is."""
    found = _REPOSITORY.match(word)
    if found:
        return bool(found["fragment"]) if kind == "npm" else "@" in found["path"]
    return _PINNED[kind].search(word) is not None


def manager(call: Call) -> tuple[str, list[str]]:
    """Which of the package managers it is, and its words from the verb on."""
    if re.fullmatch(r"pip[0-9.]*", call.name):
        return "pip", [word for word in call.words if word]
    if re.fullmatch(r"python[0-9.]*", call.name) and call.words[:2] == ("-m", "pip"):
        return "pip", list(call.words[2:])
    return (call.name, list(call.words)) if call.name in ("npm", "gem", "go", "cargo") else ("", [])


def named(words: list[str], call: Call) -> Iterator[str]:
    """The packages among the words; what only the build knows is left out, and pip's own update."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            if word == "--" and call.name == "gem":  # what follows is for the compiler
                return
            skip = word in (_NPM_TAKES if call.name == "npm" else _TAKES)
        elif word and UNKNOWN not in word and word not in ("pip", "setuptools", "wheel", "."):
            yield word
