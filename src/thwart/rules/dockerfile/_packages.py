"""Package managers: what a command installs, removes or refreshes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from thwart.rules.dockerfile._commands import UNKNOWN, Call, Ran

APT = ("apt-get", "apt", "aptitude")
RPM = ("dnf", "microdnf", "yum", "tdnf", "dnf5")
_INSTALL = {
    **dict.fromkeys(APT, ("install",)),
    **dict.fromkeys(RPM, ("install", "localinstall", "groupinstall")),
    "zypper": ("install", "in"),
    "apk": ("add",),
}
_REMOVE = {
    **dict.fromkeys(APT, ("remove", "purge", "autoremove", "auto-remove")),
    **dict.fromkeys(RPM, ("remove", "erase", "autoremove")),
    "zypper": ("remove", "rm"),
    "apk": ("del",),
}
# options that take the next word
_TAKES = {
    **dict.fromkeys(APT, frozenset({"-o", "-t", "-c", "--option", "--target-release", "--default-release"})),
    **dict.fromkeys(RPM, frozenset({"-c", "-x", "-d", "-e", "-R"})),
    "zypper": frozenset({"-r", "--repo", "-R", "--root", "-t", "--type", "--from", "-p", "-C"}),
    "apk": frozenset({"-t", "--virtual", "-X", "--repository", "-p", "--root", "--keys-dir", "--cache-dir", "--wait"}),
}
_NAME = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@._+:/~*-]*")


class Action(NamedTuple):
    """What a package manager is told: its verb and the names after it; `call` is the command."""

    call: Call
    manager: str
    verb: str
    names: tuple[str, ...]

    @property
    def installs(self) -> bool:
        """Whether it installs packages."""
        return self.verb in _INSTALL[self.manager]

    @property
    def removes(self) -> bool:
        """Whether it removes some."""
        return self.verb in _REMOVE[self.manager]


def actions(run: Ran) -> Iterator[Action]:
    """What a RUN tells the package managers of distributions."""
    for call in run.calls:
        if call.name in _INSTALL:
            words = list(_operands(call.words, _TAKES[call.name]))
            if call.name in RPM and words[:1] == ["module"]:
                words = words[1:]
            if words:
                yield Action(call, call.name, words[0], tuple(words[1:]))


def package(word: str) -> str:
    """The name of a package without version, architecture and repository: `curl=8.5*` and `curl:amd64` are `curl`."""
    return re.split(r"[=<>~:@/]", word, maxsplit=1)[0].lower()


def _operands(words: tuple[str, ...], takes: frozenset[str]) -> Iterator[str]:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in takes
        elif word and (UNKNOWN in word or _NAME.match(word) or word.startswith((".", "/"))):
            yield word


def kept(run: Ran, packages: frozenset[str]) -> Iterator[tuple[Call, str, str]]:
    """Of these packages, each that a RUN installs and does not remove: command, name, and the word as written."""
    every = list(actions(run))
    removed = {package(name) for one in every if one.removes for name in one.names}
    for one in every:
        if not one.installs or removed.intersection(_virtual(one.call)):
            continue
        for word in one.names:
            name = package(word)
            if name in packages and name not in removed:
                yield one.call, name, word


def _virtual(call: Call) -> Iterator[str]:
    """The name that `apk add --virtual NAME` gives a group of packages."""
    for word, following in zip(call.words, (*call.words[1:], ""), strict=False):
        if word in ("-t", "--virtual"):
            yield package(following)
        elif word.startswith("--virtual="):
            yield package(word.removeprefix("--virtual="))
