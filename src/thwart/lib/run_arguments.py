"""The arguments of `docker run`, `docker create` and their like for Podman, read as their programs read them.

The grammar is that of the library both use (GNU's long options, single letters in clusters), without options after the
image: `-itd`, `-p8080:80`, `-p=8080:80`, `--name=web`, `--name web`, and `--`, after which no option follows. The options
are those of Docker 28 and Podman 5 with the old and hidden names that these still take.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container, Sequence
from typing import NamedTuple

from msgspec import Struct

UNKNOWN = "\ufffc"  # stands in a word for what is not known of it
PROGRAMS = frozenset({"docker", "podman"})

_SWITCH_NAMES = """
    detach disable-content-trust env-host help http-proxy init interactive no-healthcheck no-hostname no-hosts
    oom-kill-disable passwd privileged publish-all quiet read-only read-only-tmpfs replace rm rmi rootfs
    sig-proxy tls-verify tty unsetenv-all use-api-socket
"""
_VALUED_NAMES = """
    add-host annotation arch attach authfile blkio-weight blkio-weight-device cap-add cap-drop cert-dir
    cgroup-conf cgroup-parent cgroupns cgroups chrootdirs cidfile conmon-pidfile cpu-count cpu-percent
    cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems creds
    decryption-key detach-keys device device-cgroup-rule device-read-bps device-read-iops device-write-bps
    device-write-iops dns dns-option dns-search domainname entrypoint env env-file env-merge expose gidmap gpus
    group-add group-entry health-cmd health-interval health-log-destination health-max-log-count
    health-max-log-size health-on-failure health-retries health-start-interval health-start-period
    health-startup-cmd health-startup-interval health-startup-retries health-startup-success
    health-startup-timeout health-timeout hostname hosts-file hostuser image-volume init-ctr init-path
    intel-rdt-closid io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label label-file link
    link-local-ip log-driver log-opt mac-address memory memory-reservation memory-swap memory-swappiness mount
    name network network-alias oom-score-adj os passwd-entry personality pid pidfile pids-limit platform pod
    pod-id-file preserve-fd preserve-fds publish pull rdt-class requires restart retry retry-delay runtime
    sdnotify seccomp-policy secret security-opt shm-size shm-size-systemd signature-policy stop-signal
    stop-timeout storage-opt subgidname subuidname sysctl systemd timeout tmpfs tz uidmap ulimit umask unsetenv
    user userns uts variant volume volume-driver volumes-from workdir
"""
_SWITCHES = frozenset(_SWITCH_NAMES.split())
_VALUED = frozenset(_VALUED_NAMES.split())
_ALIASES = {
    "dns-opt": "dns-option",
    "healthcheck-command": "health-cmd",
    "healthcheck-interval": "health-interval",
    "healthcheck-retries": "health-retries",
    "healthcheck-start-period": "health-start-period",
    "healthcheck-timeout": "health-timeout",
    "net": "network",
    "net-alias": "network-alias",
    "override-arch": "arch",
    "override-os": "os",
    "override-variant": "variant",
}
_LETTERS = {
    "a": "attach",
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "p": "publish",
    "P": "publish-all",
    "q": "quiet",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
_MAIN_SWITCHES = frozenset(  # before the command; `-D` and `-r` of one program are unknown to the other
    ("debug", "tls", "tlsverify", "version", "help", "remote", "syslog", "noout", "trace", "transient-store", *"Dvr")
)


class Given(NamedTuple):
    """An option as given: its long name, its value (`true` for a switch), the words that hold the name and the value."""

    name: str
    value: str
    at: int
    value_at: int

    @property
    def known(self) -> bool:
        """Whether all of the value is known."""
        return UNKNOWN not in self.value

    @property
    def on(self) -> bool | None:
        """What a switch says (Go's `strconv.ParseBool`); None where it is not known or not a truth value."""
        if self.value in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        return False if self.value in ("0", "f", "F", "false", "FALSE", "False") else None


class RunLine(Struct, frozen=True, kw_only=True):
    """A command that makes a container.

    `options` are in the order of the line; `image` is empty where the line has none, and `image_at` its word.
    `more` says that words which are not known may be, or hold, further options. `strange` are options that neither
    program has, with their words. `inside` is the command that the container is to run, which begins at `arguments`.
    """

    program: str
    verb: str
    verb_at: int
    options: tuple[Given, ...]
    image: str
    image_at: int
    arguments: int
    inside: tuple[str, ...] = ()
    more: bool = False
    strange: tuple[tuple[str, int], ...] = ()

    def all(self, name: str) -> list[Given]:
        """Every option of that name."""
        return [one for one in self.options if one.name == name]

    def last(self, name: str) -> Given | None:
        """The option of that name that counts where only one does."""
        return next((one for one in reversed(self.options) if one.name == name), None)

    @property
    def helps(self) -> bool:
        """Whether it asks for help, so that nothing runs."""
        return any(one.name == "help" for one in self.options)


def takes_value(name: str) -> bool | None:
    """Whether the option of that long name or single letter takes a value; None where there is no such option."""
    name = _LETTERS.get(name, _ALIASES.get(name, name))
    return True if name in _VALUED else False if name in _SWITCHES else None


def run_line(words: Sequence[str], several: Container[int] = ()) -> RunLine | None:
    """Read a command line whose first word is the program.

    Args:
        words: what the program gets, with `UNKNOWN` in place of what is not known.
        several: words that may come to any number of words, as an unquoted variable does.

    Returns:
        None for every other command.
    """
    if not words or posixpath.basename(words[0]) not in PROGRAMS:
        return None
    at = _verb(words)
    if at is None:
        return None
    reader = _Reader(words, several)
    image_at = reader.read(at + 1)
    found = image_at < len(words)
    return RunLine(
        program=posixpath.basename(words[0]),
        verb=words[at],
        verb_at=at,
        options=tuple(reader.options),
        image=words[image_at] if found else "",
        image_at=image_at if found else -1,
        arguments=min(image_at + 1, len(words)),
        inside=tuple(words[image_at + 1 :]),
        more=reader.more,
        strange=tuple(reader.strange),
    )


def options(words: Sequence[str]) -> tuple[list[Given], list[tuple[str, int]]]:
    """Options alone, as a Quadlet unit's `PodmanArgs=` gives them; and those that are none."""
    reader = _Reader(words, ())
    at = reader.read(0)
    strange = reader.strange
    if at < len(words):
        strange.append((words[at], at))
    return reader.options, strange


def _verb(words: Sequence[str]) -> int | None:
    """Which word is `run` or `create`; None for any other command."""
    at = _command(words, 1)
    if at < len(words) and words[at] == "container":
        at += 1
    return at if at < len(words) and words[at] in ("run", "create") else None


def _command(words: Sequence[str], at: int) -> int:
    """The first word that is not one of the program's own options, as far as those are known."""
    while at < len(words) and words[at].startswith(("-", UNKNOWN)):
        word = words[at]
        bare = word.lstrip("-")
        if word.startswith("-") and "=" not in word and bare not in _MAIN_SWITCHES and not _cluster(word):
            at += 1
        at += 1
    return at


def _cluster(word: str) -> bool:
    """`-Hunix:///x`, `-cremote`, `-Dv`: letters that need no further word."""
    return not word.startswith("--") and len(word) > 2


class _Reader:
    def __init__(self, words: Sequence[str], several: Container[int]) -> None:
        self.words = words
        self.several = several
        self.options: list[Given] = []
        self.strange: list[tuple[str, int]] = []
        self.more = False

    def read(self, at: int) -> int:
        """Read options from there on; the word that is none."""
        while at < len(self.words):
            word = self.words[at]
            if word == "--":
                return at + 1
            if at in self.several and word.startswith(UNKNOWN) and not _image(word):
                self.more = True
                at += 1
            elif len(word) > 1 and word.startswith("-"):
                at = self._long(at) if word.startswith("--") else self._short(at)
            else:
                return at
        return at

    def _long(self, at: int) -> int:
        name, equals, value = self.words[at][2:].partition("=")
        if UNKNOWN in name:
            self.more = True
            return at + 1
        name = _ALIASES.get(name, name)
        if name in _SWITCHES:
            self._add(name, value if equals else "true", at, at)
            return at + 1
        if name in _VALUED:
            return self._valued(name, value if equals else None, at)
        return self._unknown(name, at)

    def _short(self, at: int) -> int:
        letters = self.words[at][1:]
        for number, letter in enumerate(letters):
            name = _LETTERS.get(letter, "")
            rest = letters[number + 1 :]
            if name in _SWITCHES:
                if rest.startswith("="):
                    self._add(name, rest[1:], at, at)
                    return at + 1
                self._add(name, "true", at, at)
            elif name:
                return self._valued(name, rest.removeprefix("=") if rest else None, at)
            elif letter == UNKNOWN:
                self.more = True
                return at + 1
            else:
                return self._unknown(letter, at)
        return at + 1

    def _valued(self, name: str, value: str | None, at: int) -> int:
        if value is not None:
            self._add(name, value, at, at)
            return at + 1
        if at + 1 < len(self.words):
            self._add(name, self.words[at + 1], at, at + 1)
        else:
            self.strange.append((self.words[at], at))
        return at + 2

    def _unknown(self, name: str, at: int) -> int:
        """Neither program has it: perhaps a later one. Without `=` nobody can say whether the next word is its value."""
        self.strange.append((name, at))
        self.more = True
        following = self.words[at + 1] if at + 1 < len(self.words) else "-"
        valued = "=" in self.words[at] or following.startswith("-") or at + 2 >= len(self.words)
        return at + 1 if valued else at + 2

    def _add(self, name: str, value: str, at: int, value_at: int) -> None:
        self.options.append(Given(name, value, at, value_at))


def _image(word: str) -> bool:
    """Whether a word that is only known in part is the image: it goes on with a tag, a digest or a path."""
    return any(mark in word for mark in ("/", ":", "@"))
