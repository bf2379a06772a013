"""A download is run as it arrives.

What the server sends is run as root in the build, unseen and unverified. It may differ from what was sent yesterday, or be
cut off in the middle of a line; whoever has the server, or the name, has the image.

Fix: Download to a file, verify its checksum or signature, then run it; or install a package that is signed. No edit is
offered, as the checksum has to come from somebody who knows it.

Bad:
    FROM registry.example.test/base:1.2
    RUN curl -fsSL https://get.example.test/install.sh | sh

Good:
    FROM registry.example.test/base:1.2
    COPY install.sh.sha256 /tmp/
    RUN curl -fsSLo /tmp/install.sh https://get.example.test/install.sh && \\
        cd /tmp && sha256sum -c install.sh.sha256 && sh install.sh
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib import shell
from thwart.rules._programs import SHELLS
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call, names

_DOWNLOADERS = frozenset({"curl", "wget", "fetch", "http", "https", "aria2c", "lynx", "axel"})
_FARTHEST = 20  # commands of a pipe between the two, at most
_OTHERS = ("python", "perl", "ruby", "node", "php", "lua", "pwsh")


@dockerfile_rule(Severity.HIGH, "cis-docker:4.11", "nist-800-190:4.1.5", "slsa:pinned")
def curl_pipe_shell(file: File) -> Iterator[Hit]:
    """A downloader before an interpreter that reads its input, or within the words of one: `sh -c "$(curl …)"`."""
    for run in file.runs:
        for call in run.calls:
            if call.invocation is None:
                continue
            source = _piped(call, call.invocation) or _substituted(call, call.invocation)
            if source:
                yield file.hit(call.span, f"runs in {call.name} what {source} downloads", run.stage)


def _piped(call: Call, at: shell.Invocation) -> str:
    if not at.position or not _reads_input(call.name, call.words):
        return ""
    return next(
        (
            name
            for command in at.pipeline[max(at.position - _FARTHEST, 0) : at.position]
            for name in _downloaders(command)
        ),
        "",
    )


def _substituted(call: Call, at: shell.Invocation) -> str:
    if call.name not in SHELLS and call.name not in ("eval", "source", ".") and not call.name.startswith(_OTHERS):
        return ""
    words = [*at.command.words, *(one.target for one in at.command.redirects)]
    for word in words:
        for part in word.parts:
            if isinstance(part, shell.Substitution):
                for one in shell.commands(part.script).found:
                    for name in _downloaders(one.command):
                        return name
    return ""


def _downloaders(command: shell.Command) -> Iterator[str]:
    return (name for name, _ in names(command) if name in _DOWNLOADERS)


def _reads_input(name: str, words: tuple[str, ...]) -> bool:
    """Whether an interpreter takes its program from its input: no file, no -c, no module."""
    if name not in SHELLS and not name.startswith(_OTHERS):
        return False
    for word in words:
        if word in ("-", "-s", "/dev/stdin", "/proc/self/fd/0"):
            return True
        if not word.startswith(("-", "+")):
            return word in ("pipefail", "errexit", "nounset", "xtrace")
        if not word.startswith("--"):
            if name in SHELLS and "s" in word[1:]:
                return True
            if set(word[1:]) & set("c" if name in SHELLS else "cemrnp"):
                return False
    return True
