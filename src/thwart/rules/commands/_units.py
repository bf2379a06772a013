"""Command lines in systemd's service units, and Quadlet's container units, which Podman turns into such lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from thwart.lib.run_arguments import UNKNOWN, Given, RunLine
from thwart.lib.run_arguments import options as read_options
from thwart.rules.commands._lines import Line, Place, Unread, line_of
from thwart.rules.commands._scripts import about

if TYPE_CHECKING:
    from thwart.lib.dockerfile import Text

_SPACE = " \t"
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_CODES = re.compile(r"x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")
# keys that come to one option each; a value is the option's
_ONE = {
    "CgroupsMode": "cgroups",
    "ContainerName": "name",
    "Entrypoint": "entrypoint",
    "HealthCmd": "health-cmd",
    "HostName": "hostname",
    "IP": "ip",
    "IP6": "ip6",
    "Memory": "memory",
    "PidsLimit": "pids-limit",
    "Pod": "pod",
    "ShmSize": "shm-size",
    "User": "user",
    "UserNS": "userns",
    "WorkingDir": "workdir",
}
_MANY = {
    "AddDevice": "device",
    "EnvironmentFile": "env-file",
    "ExposeHostPort": "expose",
    "GroupAdd": "group-add",
    "Mount": "mount",
    "Network": "network",
    "PublishPort": "publish",
    "Secret": "secret",
    "Tmpfs": "tmpfs",
    "Ulimit": "ulimit",
    "Volume": "volume",
}
_WORDS = {
    "AddCapability": "cap-add",
    "DropCapability": "cap-drop",
    "Environment": "env",
    "Label": "label",
    "Sysctl": "sysctl",
}
_SWITCH = {"ReadOnly": "read-only", "RunInit": "init", "EnvironmentHost": "env-host"}
_SECURITY = {
    "SecurityLabelType": "label=type:",
    "SecurityLabelLevel": "label=level:",
    "SecurityLabelFileType": "label=filetype:",
    "SeccompProfile": "seccomp=",
    "AppArmor": "apparmor=",
    "Mask": "mask=",
    "Unmask": "unmask=",
}
_SECURITY_SWITCH = {
    "NoNewPrivileges": "no-new-privileges",
    "SecurityLabelDisable": "label=disable",
    "SecurityLabelNested": "label=nested",
}
_TRUE = frozenset({"1", "yes", "true", "on"})


class Setting(NamedTuple):
    """`key=value` of a section, continuations joined."""

    section: str
    key: str
    value: Text
    place: Place


class _Word(NamedTuple):
    text: str
    place: Place
    several: bool = False


def services(text: str) -> Iterator[Line | Unread]:
    """The lines of `ExecStart=` and its like (systemd.service(5), "Command lines")."""
    found = list(_settings(text))
    known = _environment(found)
    for one in found:
        if one.section == "Service" and one.key.startswith("Exec") and about(one.value.text):
            yield from _executed(one, known)


def _executed(setting: Setting, known: Mapping[str, str]) -> Iterator[Line | Unread]:
    raw = setting.value.text
    bare = raw.lstrip("@-:+!|")
    prefix = raw[: len(raw) - len(bare)]
    words = _words(setting.value.part(len(prefix), len(raw)))
    if isinstance(words, Unread):
        yield words
        return
    if ":" not in prefix:
        words = [one for word in words for one in _expanded(word, known)]
    if "@" in prefix:  # the second word is what the program is told that it is called
        del words[1:2]
    command: list[_Word] = []
    for word in [*words, _Word(";", (0, 0))]:
        if word.text != ";":
            command.append(word)
            continue
        several = {at for at, one in enumerate(command) if one.several}
        line = line_of([one.text for one in command], [one.place for one in command], several)
        if line is not None:
            yield line
        else:
            yield from _shell(command)
        command = []


def _shell(command: list[_Word]) -> Iterator[Line | Unread]:
    """`/bin/sh -c "docker run …"`, which is the shell's to read."""
    from thwart.lib.dockerfile import Text
    from thwart.rules._programs import SHELLS, started, unwrapped
    from thwart.rules.commands._scripts import program

    bare, _ = unwrapped(tuple(one.text for one in command))
    if bare and bare[0].rpartition("/")[2] in SHELLS:
        inner = started(bare[1:])[2]
        place = next((one.place for one in command if one.text == inner), (0, 0))
        if about(inner):
            yield from program(Text(inner, (0,), (place,)))


def _settings(text: str) -> Iterator[Setting]:
    """systemd.syntax(7): sections, comments, and lines that a backslash continues, between which comments may stand."""
    from thwart.lib.dockerfile import Text

    section, lines, at = "", text.split("\n"), 0
    while at < len(lines):
        line, number = lines[at].rstrip("\r"), at + 1
        at += 1
        bare = line.strip(_SPACE)
        if not bare or bare[0] in "#;":
            continue
        if bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1]
            continue
        key, equals, value = line.partition("=")
        column = len(line) - len(value.lstrip(_SPACE)) + 1
        parts, starts, places, size = [], [], [], 0
        value = value.strip(_SPACE)
        while True:
            goes_on = value.endswith("\\")
            piece = value[:-1] + " " if goes_on else value
            parts.append(piece)
            starts.append(size)
            places.append((number, column))
            size += len(piece)
            while goes_on and at < len(lines) and lines[at].lstrip(_SPACE)[:1] in ("#", ";"):
                at += 1
            if not goes_on or at >= len(lines):
                break
            number, value = at + 1, lines[at].strip(_SPACE + "\r")
            column = len(lines[at]) - len(lines[at].lstrip(_SPACE)) + 1
            at += 1
        if equals:
            first = (places[0][0], len(line) - len(line.lstrip(_SPACE)) + 1)
            yield Setting(section, key.strip(_SPACE), Text("".join(parts), tuple(starts), tuple(places)), first)


def _words(value: Text) -> list[_Word] | Unread:
    """systemd.syntax(7), "Quoting": quotes at the beginning of a word or in it, C escapes, and specifiers."""
    text, found, at = value.text, [], 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        start, parts, quote = at, [], ""
        while at < len(text) and (quote or text[at] not in _SPACE):
            char = text[at]
            if char == "\\" and at + 1 < len(text):
                piece, at = _escape(text, at + 1)
                parts.append(piece)
            elif char in "\"'" and quote in ("", char):
                quote = "" if quote else char
                at += 1
            elif char == "%" and at + 1 < len(text):
                parts.append("%" if text[at + 1] == "%" else UNKNOWN)
                at += 2
            else:
                parts.append(char)
                at += 1
        if quote:
            return Unread(value.place(start)[0], f"a quote {quote} is not closed")
        found.append(_Word("".join(parts), value.place(start)))
    return found


def _escape(text: str, at: int) -> tuple[str, int]:
    code = _CODES.match(text, at)
    if code is not None:
        digits = next(one for one in code.groups() if one)
        number = int(digits, 8 if code[2] else 16)
        return (chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else UNKNOWN), code.end()
    return _ESCAPES.get(text[at], text[at]), at + 1


def _environment(settings: list[Setting]) -> dict[str, str]:
    """What `Environment=` says, where no file may say otherwise."""
    known: dict[str, str] = {}
    for one in settings:
        if one.section == "Service" and one.key in ("EnvironmentFile", "PassEnvironment"):
            return {}
        if one.section == "Service" and one.key == "Environment":
            words = _words(one.value)
            pairs = [] if isinstance(words, Unread) else [word.text.partition("=") for word in words]
            known.update((name, value) for name, equals, value in pairs if equals and len(value) <= 400)
    return known


def _expanded(word: _Word, known: Mapping[str, str]) -> list[_Word]:
    """`${NAME}` is a part of one word, `$NAME` alone any number of words (systemd.service(5), "Command lines")."""
    alone = _VARIABLE.fullmatch(word.text)
    if alone is not None and alone[2]:
        value = known.get(alone[2])
        if value is None:
            return [_Word(UNKNOWN, word.place, "image" not in alone[2].lower())]
        return [_Word(one, word.place) for one in value.split()]

    def put(mark: re.Match[str]) -> str:
        if mark[0] == "$$":
            return "$"
        return known.get(mark[1], UNKNOWN) if mark[1] else mark[0]

    return [word._replace(text=_VARIABLE.sub(put, word.text))] if "$" in word.text else [word]


# -- Quadlet ---------------------------------------------------------------------------------------------------------------


def quadlets(text: str) -> Iterator[Line | Unread]:
    """The one container of a unit (podman-systemd.unit(5), "Container units"), as the command that it comes to."""
    given: list[Given] = []
    places: list[Place] = []
    image, image_at = "", -1
    for one in _settings(text):
        if one.section != "Container":
            continue
        found = _given(one)
        if isinstance(found, Unread):
            yield found
            continue
        if one.key in ("Image", "Rootfs"):
            image, image_at = _plain(one.value.text), len(places)
            places.append(one.place)
        for option in found:
            at = len(places)
            places.append(one.place)
            given.append(Given(option.name, option.value, at, at))
    if image_at >= 0:
        run = RunLine(
            program="podman",
            verb="run",
            verb_at=image_at,
            options=tuple(given),
            image=image,
            image_at=image_at,
            arguments=len(places),
        )
        yield Line(run=run, places=[*places, places[image_at]], unit=True)


def _given(setting: Setting) -> list[Given] | Unread:
    key, value = setting.key, _plain(setting.value.text)
    if key in _ONE or key in _MANY:
        return [_option(_ONE.get(key) or _MANY[key], value)] if value else []
    if key in _SWITCH:
        return [_option(_SWITCH[key], _truth(value))]
    if key in _SECURITY:
        return [_option("security-opt", f"{_SECURITY[key]}{value}")]
    if key in _SECURITY_SWITCH:
        return [_option("security-opt", _SECURITY_SWITCH[key])] if _truth(value) == "true" else []
    if key in _WORDS or key == "PodmanArgs":
        words = _words(setting.value)
        if isinstance(words, Unread):
            return words
        texts = [word.text for word in words]
        return read_options(texts)[0] if key == "PodmanArgs" else [_option(_WORDS[key], text) for text in texts]
    return []


def _option(name: str, value: str) -> Given:
    return Given(name, value, 0, 0)


def _plain(text: str) -> str:
    """A value with its specifiers, whose values the unit does not tell."""
    return re.sub(r"%(.)", lambda mark: "%" if mark[1] == "%" else UNKNOWN, text)


def _truth(value: str) -> str:
    return "true" if value.lower() in _TRUE else UNKNOWN if UNKNOWN in value else "false"
