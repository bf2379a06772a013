"""Programs that start another one: shells with `-c`, and wrappers such as sudo, as any family meets them."""

from __future__ import annotations

import posixpath

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"})
# wrappers, each with its options that take a word
_WRAPPERS: dict[str, frozenset[str]] = {
    "sudo": frozenset({"-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U", "--user", "--group", "--chdir", "--host"}),
    "doas": frozenset({"-u", "-C"}),
    "env": frozenset({"-u", "-C", "--unset", "--chdir"}),
    "exec": frozenset({"-a"}),
    "command": frozenset(),
    "builtin": frozenset(),
    "nohup": frozenset(),
    "time": frozenset({"-f", "-o"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "timeout": frozenset({"-k", "-s", "--kill-after", "--signal"}),
    "busybox": frozenset(),
    "eatmydata": frozenset(),
    "chronic": frozenset(),
}


def started(words: tuple[str, ...]) -> tuple[bool, bool, str]:
    """Of a shell's words: -e, -o pipefail, and the program of its -c."""
    errexit = pipefail = program = named = False
    for word in words:
        if named:
            errexit, pipefail, named = errexit or word == "errexit", pipefail or word == "pipefail", False
        elif word[:1] in ("-", "+") and not word.startswith("--"):
            errexit, program, named = errexit or "e" in word, program or "c" in word, word.endswith("o")
        elif not word.startswith("--"):
            return errexit, pipefail, word if program else ""
    return errexit, pipefail, ""


def unwrapped(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The command within `sudo -E env A=b nice -n 5 command`, and the names of what is around it."""
    at, wrappers = 0, []
    while at < len(words):
        name = posixpath.basename(words[at])
        if name not in _WRAPPERS:
            break
        wrappers.append(name)
        takes = _WRAPPERS[name]
        at += 1
        while at < len(words) and (words[at].startswith("-") or (name in ("env", "sudo") and "=" in words[at])):
            at += 2 if words[at] in takes else 1
        at += name == "timeout"
    return words[at:], tuple(wrappers)
