"""Go modules: what a go.mod requires, and what stands in for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from thwart.catalogers import cataloger
from thwart.catalogers._golang import module, standard_library, toolchain
from thwart.core.errors import ParseError
from thwart.core.limits import MIB, Limits
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 16 * MIB  # golang.org/x/mod/zip.MaxGoMod: the go command reads no larger one
_LINE = 64 * 1024
_BLOCKS = frozenset({"module", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore"})
_VERBS = _BLOCKS | {"go", "toolchain"}
_TOKEN = re.compile(
    r"[ \t\r]+|(?P<comment>//.*)|(?P<mark>[()\[\]{},])"
    r'|(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<word>(?!["`])(?:(?!//|/\*)[^\s()\[\]{},\x00-\x1f\x7f])+)'
)
_GO = re.compile(r"([1-9][0-9]*)\.(0|[1-9][0-9]*)(\.(?:0|[1-9][0-9]*))?([a-z]+[0-9]+)?")
_VERSION = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_FOLDER = re.compile(r"\.\.?(?:[/\\].*)?|[/\\].*|[A-Za-z]:.*", re.DOTALL)


class _Line(NamedTuple):
    number: int
    verb: str
    args: tuple[str, ...]


class _Mod:
    """What the lines of one file say."""

    def __init__(self) -> None:
        self.known = 0
        self.go: tuple[str, int] = ("", 0)
        self.toolchain: tuple[str, int] = ("", 0)
        self.requires: list[tuple[str, str, int]] = []
        self.excludes: set[tuple[str, str]] = set()
        self.replaces: dict[tuple[str, str], tuple[str, str]] = {}
        self.problems: list[tuple[str, str]] = []

    def add(self, line: _Line) -> None:
        """Take one directive in; what breaks the grammar becomes a problem."""
        args = line.args
        if line.verb not in _VERBS:
            self.wrong(line.number, f"has the unknown directive {line.verb[:60]!r}")
            return
        self.known += 1
        if line.verb in ("require", "exclude"):
            self._version_of(line)
        elif line.verb == "replace":
            self._replace(line)
        elif line.verb == "go" and len(args) == 1 and _GO.fullmatch(args[0]):
            self.go = (args[0], line.number)
        elif line.verb == "toolchain" and len(args) == 1:
            self.toolchain = (args[0], line.number)
        elif line.verb in ("go", "toolchain"):
            self.wrong(line.number, f"has no version after {line.verb}")

    def wrong(self, number: int, reason: str) -> None:
        """Note what cannot be read, at most 100 times."""
        if len(self.problems) < 100:
            self.problems.append(("go-mod", f"line {number} {reason}"))

    def _version_of(self, line: _Line) -> None:
        if len(line.args) != 2 or not line.args[0]:
            self.wrong(line.number, f"is not `{line.verb} module version`")
            return
        path, version = line.args
        if not _VERSION.fullmatch(version):
            self.wrong(line.number, f"names no version of {path[:200]}: {version[:60]!r}")
            version = ""
        if line.verb == "exclude":
            self.excludes.add((path, version))
        else:
            self.requires.append((path, version, line.number))

    def _replace(self, line: _Line) -> None:
        args = line.args
        arrow = 1 if args[1:2] == ("=>",) else 2
        new = args[arrow + 1 :]
        if (
            args[arrow : arrow + 1] != ("=>",)
            or not 1 <= len(new) <= 2
            or (len(new) == 1) != bool(_FOLDER.fullmatch(new[0]))
        ):
            self.wrong(line.number, "is not `replace module [version] => module version` or `=> ./folder`")
            return
        self.replaces[args[0], args[1] if arrow == 2 else ""] = (new[0], new[1] if len(new) == 2 else "")


@cataloger("**/go.mod", images=False)
def go_mod(file: File, limits: Limits) -> FileFacts:
    """Required modules with replacements applied, and the standard library as the go and toolchain lines tell it.

    Source: Go Modules Reference, "go.mod files" (lexical elements, grammar, each directive). From Go 1.17 on the
    file lists every module that the build needs; for an older one that is said as a problem.
    """
    if len(file.data) > min(_MOST, limits.file_bytes):
        raise ParseError("go.mod is larger than the go command accepts (16 MiB)")
    try:
        text = file.data.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("go.mod is not UTF-8") from None
    mod = _Mod()
    for line in _lines(text, mod):
        mod.add(line)
    if not mod.known:
        raise ParseError("not a go.mod file: it has no directive", 1)
    found = tuple(dict.fromkeys([*_library(mod), *(_required(mod, *one) for one in mod.requires)]))
    problems = [*mod.problems, *_incomplete(mod)]
    if len(found) > limits.packages:
        problems.append(("limit", f"go.mod with {len(found)} modules: only the first {limits.packages} are listed"))
    return FileFacts(cataloger="go_mod", path=file.path, found=found[: limits.packages], problems=tuple(problems))


def _lines(text: str, mod: _Mod) -> Iterator[_Line]:
    """Directives; a line within a block gets the verb of its block. Lines that cannot be lexed become problems."""
    block = ""
    for number, raw in enumerate(text.split("\n"), 1):
        tokens = _tokens(raw) if len(raw) <= _LINE else None
        if tokens is None:
            mod.wrong(number, "cannot be read")
        elif block:
            if tokens == [")"]:
                block = ""
            elif tokens:
                yield _Line(number, block, tuple(tokens))
        elif len(tokens) == 2 and tokens[1] == "(":
            block = tokens[0]
            if block not in _BLOCKS:
                mod.wrong(number, f"opens a block of the unknown kind {block[:60]!r}")
        elif tokens and tokens[1:] != ["(", ")"]:
            yield _Line(number, tokens[0], tuple(tokens[1:]))
    if block:
        mod.wrong(number, f"ends the file within a {block[:60]} block")


def _tokens(raw: str) -> list[str] | None:
    """Words, punctuation and unquoted strings of one line, without its comment; None when it breaks the grammar."""
    out: list[str] = []
    at = 0
    while at < len(raw):
        known = _TOKEN.match(raw, at)
        if known is None:
            return None
        at = known.end()
        if known["string"]:
            text = _unquoted(known["string"])
            if text is None:
                return None
            out.append(text)
        elif known["mark"] or known["word"]:
            out.append(known[0])
    return out


def _unquoted(text: str) -> str | None:
    """A string's value; escapes as far as JSON and Go agree on them, which covers every module path."""
    if text[0] == "`" or "\\" not in text:
        return text[1:-1]
    try:
        value = str(json.loads(text))
        value.encode()  # refuses half of a surrogate pair
    except ValueError:
        return None
    return value


def _library(mod: _Mod) -> Iterator[Found]:
    """The standard library that builds: the toolchain's when the file names one, else a go line's with a patch release.

    `go 1.21` names a language version, which any later toolchain builds: nothing is known of the library then.
    """
    name, number = mod.toolchain
    release, _ = toolchain(name)
    if release:
        yield standard_library(release, "medium", number)
    else:
        known = _GO.fullmatch(mod.go[0])
        if known and known[3]:
            yield standard_library(mod.go[0], "medium", mod.go[1])


def _required(mod: _Mod, path: str, version: str, number: int) -> Found:
    new = mod.replaces.get((path, version)) or mod.replaces.get((path, ""))
    if new is None:
        return module(path, version, "low" if not version or (path, version) in mod.excludes else "high", number)
    if new[1] and _VERSION.fullmatch(new[1]):
        return module(*new, line=number)
    return module(path, version, "low", number)


def _incomplete(mod: _Mod) -> tuple[tuple[str, str], ...]:
    known = _GO.fullmatch(mod.go[0] or "1.16")  # Go Modules Reference, "go directive": none means go 1.16
    if not mod.requires or (known and (int(known[1]), int(known[2])) >= (1, 17)):
        return ()
    said = f"says go {mod.go[0]}" if mod.go[0] else "has no go line"
    return (("transitive", f"go.mod {said}: before go 1.17 it need not list modules that are required indirectly"),)
