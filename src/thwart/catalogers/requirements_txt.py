"""pip's requirements files: what is pinned to one version."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._gather import Gather
from thwart.catalogers._python import TYPE, normalise
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_OPTION = re.compile(r"\s--?[A-Za-z].*")  # per-requirement options: --hash, --global-option, --config-settings
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*+(?:\[[^\]]*+\])?\s*+(?P<rest>.*)", re.DOTALL
)
_SPECIFIERS = re.compile(r"(?:(?:===|==|~=|!=|<=|>=|<|>)\s*+(?:[^\s,;=<>!~()]|!(?!=))++\s*+,?\s*+)+")
_PIN = re.compile(r"(?<![=<>!~])===?(?!=)\s*+([^\s,;]+)")
_MORE = frozenset({"-r", "--requirement", "-e", "--editable"})  # a constraint (-c) asks for nothing by itself


@cataloger("**/*requirements*.txt", "**/requirements/*.txt", images=False)
def requirements_txt(file: File, limits: Limits) -> FileFacts:
    """Requirements pinned with `==` or `===` (pip's "Requirements File Format", PEP 508, PEP 440).

    Whatever names no exact version (ranges, addresses, editables, includes) is one problem, `unpinned`, for the file.
    A pin behind an environment marker counts: it is installed somewhere.
    """
    if len(file.data) > limits.yaml_bytes:
        raise ParseError(f"a requirements file of {len(file.data)} bytes, more than the {limits.yaml_bytes} allowed")
    gather = Gather("requirements_txt", file, limits)
    for number, line in _logical(_decoded(file.data)):
        _read(line, number, gather)
    gather.summarise("unpinned", "requirements that name no exact version")
    gather.summarise("unreadable", "lines that are no requirements")
    return gather.facts()


def _decoded(data: bytes) -> str:
    """Text by byte order mark, else UTF-8. pip also obeys coding comments, but all that those can name here agree with
    UTF-8 on ASCII, and names and versions have nothing else."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) if encoding == "utf-8" else 0 :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at trailing backslashes, comments gone, each with the number of its first line."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        comment = line.lstrip().startswith("#")
        first = first if parts else number
        if line.endswith("\\") and not comment:
            parts.append(line.rstrip("\\"))
            continue
        parts.append("" if comment else line)
        yield from _bare(first, parts)
        parts = []
    yield from _bare(first, parts)


def _bare(number: int, parts: list[str]) -> Iterator[tuple[int, str]]:
    line = _COMMENT.sub("", "".join(parts)).strip()
    if line:
        yield number, line


def _read(line: str, number: int, gather: Gather) -> None:
    if line.startswith("-"):
        option = re.split(r"[=\s]", line, maxsplit=1)[0]
        if option in _MORE or option[:2] in _MORE:
            gather.count("unpinned", f"{line} on line {number}")
        return
    requirement = _OPTION.sub("", line).strip()
    match = _REQUIREMENT.fullmatch(requirement)
    clauses = match["rest"].partition(";")[0].strip().removeprefix("(").removesuffix(")").strip() if match else ""
    exact = [version for version in _PIN.findall(clauses) if not version.endswith(".*") and "$" not in version]
    if match is None or (clauses and not _SPECIFIERS.fullmatch(clauses)):
        addressed = clauses.startswith("@") or "/" in requirement
        gather.count("unpinned" if addressed else "unreadable", f"{requirement} on line {number}")
    elif exact:
        gather.add(Found(normalise(match["name"]), exact[0], TYPE, line=number))
    else:
        gather.count("unpinned", f"{match['name']} on line {number}")
