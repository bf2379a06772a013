"""What an instruction must have: its flags, the number of its arguments, its forms; the rules that end a build.

Source: the Dockerfile reference, and BuildKit's `instructions` package for what is really refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from thwart.lib._dockerfile_model import Flag, Instruction

Complaint = tuple[str, str]  # slug, sentence

_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATION_PART = re.compile(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

_NOTHING: dict[str, str] = {}
FLAGS: dict[str, dict[str, str]] = {
    "ADD": {
        "chown": "one",
        "chmod": "one",
        "link": "switch",
        "keep-git-dir": "switch",
        "checksum": "one",
        "unpack": "switch",
        "exclude": "many",
    },
    "COPY": {
        "chown": "one",
        "from": "one",
        "chmod": "one",
        "link": "switch",
        "exclude": "many",
        "parents": "switch",
    },
    "FROM": {"platform": "one"},
    "RUN": {"mount": "many", "network": "one", "security": "one", "device": "many"},
    "HEALTHCHECK": {
        "interval": "one",
        "timeout": "one",
        "start-period": "one",
        "start-interval": "one",
        "retries": "one",
    },
}
_ANY_FLAG = frozenset({"ARG", "STOPSIGNAL"})  # their flags are passed over, whatever they are

INSTRUCTIONS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


def complaint(instruction: Instruction) -> Complaint | None:
    """The first thing wrong with the instruction, None when a build takes it."""
    name = instruction.name
    if name not in INSTRUCTIONS:
        return _unknown(instruction)
    special = _SPECIAL.get(name)
    found = special(instruction) if special else None
    if found is None and name not in _ANY_FLAG and not _is_none_check(instruction):
        found = _flag_complaint(instruction.flags, FLAGS.get(name, _NOTHING), name)
    return found or (_values(instruction) if name in ("RUN", "HEALTHCHECK") else None)


def _unknown(instruction: Instruction) -> Complaint:
    if not instruction.keyword:
        return "no-instruction", "a line is continued, but no instruction follows"
    return "unknown-instruction", f"{instruction.keyword[:40]!r} is not an instruction"


def _flag_complaint(flags: tuple[Flag, ...], known: dict[str, str], name: str) -> Complaint | None:
    used: set[str] = set()
    for flag in flags:
        kind = known.get(flag.name)
        if kind is None:
            return "unknown-flag", f"{name} has no flag --{flag.name[:40]}"
        if flag.name in used and kind != "many":
            return "flag-twice", f"the flag --{flag.name} is given twice"
        used.add(flag.name)
        if (flag.value is None and kind != "switch") or (flag.value == "" and kind == "switch"):
            return "flag-without-value", f"the flag --{flag.name} has no value"
        if kind == "switch" and (flag.value or "true").lower() not in ("true", "false"):
            return "flag-not-boolean", f"the flag --{flag.name} takes true or false"
    return None


def _values(instruction: Instruction) -> Complaint | None:
    for flag in instruction.flags:
        value = flag.value or ""
        if flag.name == "network" and value not in ("default", "none", "host"):
            return "bad-network", f"{value!r} is not a network of a build: default, none or host"
        if flag.name == "security" and value not in ("insecure", "sandbox"):
            return "bad-security", f"{value!r} is not a security mode: insecure or sandbox"
        if flag.name == "mount" and any(_from_variable(part) for part in value.split(",")):
            return "variable-in-from", "from= of a mount takes no variables; name a stage instead"
    if instruction.name == "HEALTHCHECK" and not _is_none_check(instruction):
        return _timing(instruction)
    return None


def _from_variable(option: str) -> bool:
    key, equals, value = option.strip('"').partition("=")
    return bool(equals) and key.lower() == "from" and "$" in value and value.index("$") != len(value) - 1


def _timing(instruction: Instruction) -> Complaint | None:
    for flag in instruction.flags:
        value = flag.value or ""
        if not value:
            continue
        if flag.name == "retries":
            if not re.fullmatch(r"[-+]?[0-9]{1,10}", value, re.ASCII) or not 0 <= int(value) < 2**31:
                return "bad-retries", f"--retries={value[:40]} is not a number of tries"
            continue
        if not _DURATION.fullmatch(value):
            return "bad-duration", f"--{flag.name}={value[:40]} is not a duration such as 30s"
        seconds = duration(value)
        if seconds and seconds < 0.001:
            return "bad-duration", f"--{flag.name}={value[:40]} is less than a millisecond"
    return None


def duration(text: str) -> float:
    """Seconds of a duration such as `1m30s`; 0 when it is none."""
    if not _DURATION.fullmatch(text):
        return 0.0
    total = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return -total if text.startswith("-") else total


def _is_none_check(instruction: Instruction) -> bool:
    check = instruction.check
    return instruction.name == "HEALTHCHECK" and check is not None and check.text.upper() == "NONE"


def _at_least_one(instruction: Instruction) -> Complaint | None:
    if not instruction.args and not instruction.pairs:
        return "missing-arguments", f"{instruction.name} needs at least one argument"
    return None


def _exactly_one(instruction: Instruction) -> Complaint | None:
    return None if len(instruction.args) == 1 else ("missing-arguments", f"{instruction.name} needs an argument")


def _pairs(instruction: Instruction) -> Complaint | None:
    if any(not pair.name.text for pair in instruction.pairs):
        return "blank-name", f"a name in {instruction.name} is empty"
    return _at_least_one(instruction)


def _copy(instruction: Instruction) -> Complaint | None:
    if len(instruction.args) < 2:
        return "missing-arguments", f"{instruction.name} needs a source and a destination"
    if instruction.target_is_heredoc:
        return "heredoc-destination", f"a here-document cannot be the destination of {instruction.name}"
    return None


def _from(instruction: Instruction) -> Complaint | None:
    words = [word.text for word in instruction.args]
    if len(words) == 3 and words[1].lower() == "as":
        if not _STAGE_NAME.fullmatch(words[2].lower()):
            return "bad-stage-name", f"{words[2][:40]!r} cannot name a stage"
        return None
    if len(words) != 1:
        return "bad-from", "FROM takes an image, or an image, AS and a name"
    return None


def _healthcheck(instruction: Instruction) -> Complaint | None:
    check = instruction.check
    if check is None:
        return "missing-arguments", "HEALTHCHECK needs CMD or NONE"
    kind = check.text.upper()
    if kind == "NONE":
        return ("none-with-arguments", "HEALTHCHECK NONE takes no arguments") if instruction.args else None
    if kind != "CMD":
        return "bad-healthcheck", f"HEALTHCHECK knows CMD and NONE, not {check.text[:40]!r}"
    if not instruction.args:
        return "missing-arguments", "HEALTHCHECK CMD has no command"
    return None


def _onbuild(instruction: Instruction) -> Complaint | None:
    trigger = instruction.trigger
    if trigger is None:
        return "missing-arguments", "ONBUILD needs an instruction"
    if trigger.name in ("ONBUILD", "FROM", "MAINTAINER"):
        return "bad-trigger", f"{trigger.name} cannot follow ONBUILD"
    return None


def _shell(instruction: Instruction) -> Complaint | None:
    if not instruction.args:
        return "missing-arguments", "SHELL needs at least one argument"
    return None if instruction.exec_form else ("not-json", "SHELL takes a JSON array of strings")


def _volume(instruction: Instruction) -> Complaint | None:
    if any(not word.text.strip() for word in instruction.args):
        return "blank-name", "a path in VOLUME is empty"
    return _at_least_one(instruction)


_SPECIAL: dict[str, Callable[[Instruction], Complaint | None]] = {
    "ADD": _copy,
    "ARG": _pairs,
    "COPY": _copy,
    "ENV": _pairs,
    "EXPOSE": _at_least_one,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _pairs,
    "MAINTAINER": _exactly_one,
    "ONBUILD": _onbuild,
    "SHELL": _shell,
    "STOPSIGNAL": _exactly_one,
    "USER": _exactly_one,
    "VOLUME": _volume,
    "WORKDIR": _exactly_one,
}
