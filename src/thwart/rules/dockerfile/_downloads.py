"""Downloads to files: which command writes which file, what uses it, and what verifies it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.rules._programs import SHELLS
from thwart.rules.dockerfile._commands import UNKNOWN, Call, Ran

_VERIFIERS = re.compile(
    r"(?:sha(?:1|224|256|384|512)?|md5|b2|b3|cksum)sum|shasum|gpgv?2?|cosign|minisign|signify|slsa-verifier|rpmkeys|"
    r"gosu-verify|sha256"
)
_OUTPUT = {"curl": ("-o", "--output"), "wget": ("-O", "--output-document"), "aria2c": ("-o", "--out")}
_INSTALLERS = {"dpkg": ("-i", "--install"), "rpm": ("-i", "-U", "-ivh", "-Uvh", "--install")}
_INTERPRETERS = re.compile(r"(?:python|perl|ruby|node|php)[0-9.]*")
_REMOTE = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)


def verifies(run: Ran) -> bool:
    """Whether a command of the RUN compares checksums or signatures; whatever they are of is believed."""
    return any(
        _VERIFIERS.fullmatch(call.name)
        or (call.name == "openssl" and call.words[:1] in (("dgst",), ("sha256",)))
        or (call.name in ("apt-key", "rpm") and call.has("--verify", "--checksig", "-K"))
        for call in run.calls
    )


def downloaded(call: Call) -> Iterator[str]:
    """The files that the command writes, as they are named."""
    options = _OUTPUT.get(call.name)
    addresses = [word for word in call.words if _REMOTE.match(word) and UNKNOWN not in word[:8]]
    if options is None or not addresses:
        return
    told = False
    for word, following in zip(call.words, (*call.words[1:], ""), strict=False):
        name = _named(word, following, options)
        if name:
            told = True
            if UNKNOWN not in name and not name.startswith(("/dev/", "-")):
                yield name
    if call.invocation is not None:
        for one in call.invocation.command.redirects:
            if one.operator in (">", ">|") and one.descriptor in ("", "1") and one.target.static:
                told = True
                yield one.target.static
    by_address = call.name == "wget" or any(re.fullmatch(r"-[A-Za-z]*O[A-Za-z]*|--remote-name", w) for w in call.words)
    for address in addresses if by_address and not told else ():
        name = address.split("?")[0].rstrip("/").rpartition("/")[2]
        if name and UNKNOWN not in name:
            yield name


def _named(word: str, following: str, options: tuple[str, str]) -> str:
    short, long = options
    if word.startswith(f"{long}="):
        return word.partition("=")[2]
    if word in (long, short):
        return following
    if word[:1] == "-" and word[1:2] != "-" and short[1] in word[1:]:
        rest = word[1:].partition(short[1])[2]
        return rest or following
    return ""


def uses(call: Call) -> Iterator[str]:
    """The files that the command runs, makes executable or installs; each also by its name in the current folder."""
    found: list[str] = []
    if call.name == "chmod" and len(call.operands) > 1 and ("x" in call.operands[0] or _odd(call.operands[0])):
        found = call.operands[1:]
    elif call.name in SHELLS or call.name in ("source", ".") or _INTERPRETERS.fullmatch(call.name):
        found = call.operands[:1]
    elif call.name in _INSTALLERS and call.has(*_INSTALLERS[call.name]):
        found = call.operands
    elif call.name in ("apt-get", "apt", "dnf", "yum") and "install" in call.operands:
        found = [word for word in call.operands if "/" in word or word.endswith((".deb", ".rpm"))]
    elif call.invocation is not None and call.invocation.command.words:
        found = [call.invocation.command.words[0].known]
        found = found if "/" in found[0] else []
    for word in found:
        yield word
        if word.startswith("./"):
            yield word[2:]


def _odd(mode: str) -> bool:
    """Whether an octal mode lets somebody run the file."""
    return mode.isdigit() and len(mode) < 6 and any(one in "1357" for one in mode[-3:])
