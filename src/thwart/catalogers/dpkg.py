"""Packages of dpkg (Debian, Ubuntu, distroless) from its status database, and the files they own."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from thwart.catalogers import cataloger
from thwart.catalogers._ownership import ownable, take
from thwart.catalogers._problems import Problems
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts, Found, Owned

_FIELDS = {name: name.decode() for name in (b"package", b"status", b"version", b"architecture", b"source")}
_LONGEST = max(map(len, _FIELDS))
_ABSENT = frozenset({"not-installed", "config-files"})
_PRESENT = frozenset(
    {"installed", "half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"}
)
_VALUE = 4096  # characters of a folded value
_LISTS = (".list", ".md5sums")
# What dpkg keeps beside a package's record, and distroless images put into `status.d`.
_OTHERS = (
    ".preinst",
    ".postinst",
    ".prerm",
    ".postrm",
    ".config",
    ".conffiles",
    ".templates",
    ".triggers",
    ".shlibs",
    ".symbols",
    ".sha256sums",
)

Stanza = dict[str, str]


@cataloger(
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/*",
    "var/lib/dpkg/info/*.list",
    "var/lib/dpkg/info/*.md5sums",
)
def dpkg(file: File, limits: Limits) -> FileFacts:
    """Read a status database (`deb822(5)`, `dpkg(1)` "package states") or one package's list of files.

    A package counts when its files are on disk: any state but `not-installed` and `config-files`. One without a
    `Status` counts too: the records of distroless have none. Without a `Source`, a package is its own source,
    and a source without a version in brackets has that of the package (`deb-control(5)`).
    """
    name = file.path.rpartition("/")[2]
    problems = Problems()
    if name.endswith(_LISTS):
        package = name.rpartition(".")[0].partition(":")[0]
        owns = take((Owned(path, package) for path in _owned_paths(file.data, name)), limits, problems)
        return FileFacts(cataloger="dpkg", path=file.path, owns=owns, problems=problems.all())
    if name.endswith(_OTHERS):
        return FileFacts(cataloger="dpkg", path=file.path)
    found: list[Found] = []
    for line, stanza in _stanzas(file.data, problems):
        one = _found(line, stanza, problems)
        if one is None:
            continue
        if len(found) >= limits.packages:
            problems.add("limit", f"more than {limits.packages} packages: the rest from line {line} is not read")
            break
        found.append(one)
    return FileFacts(cataloger="dpkg", path=file.path, found=tuple(found), problems=problems.all())


def _found(line: int, stanza: Stanza, problems: Problems) -> Found | None:
    if not _on_disk(stanza, problems):
        return None
    name, version = stanza.get("package", ""), stanza.get("version", "")
    if not name or not version:
        problems.add("dpkg-record", f"the record at line {line} has no {'name' if not name else 'version'}")
        return None
    source, _, bracket = stanza.get("source", "").partition("(")
    return Found(
        name=name,
        version=version,
        type="deb",
        arch=stanza.get("architecture", ""),
        source=source.strip() or name,
        source_version=bracket.partition(")")[0].strip() or version,
        line=line,
    )


def _on_disk(stanza: Stanza, problems: Problems) -> bool:
    status = stanza.get("status")
    if status is None:
        return True
    words = status.lower().split(None, 3)
    state = words[2] if len(words) == 3 else ""
    if state not in _PRESENT and state not in _ABSENT:
        name = stanza.get("package", "")
        problems.add("dpkg-status", f"the status {status[:80]!r} of {name[:80]!r} is not one that dpkg writes")
    return state not in _ABSENT


def _stanzas(data: bytes, problems: Problems) -> Iterator[tuple[int, Stanza]]:
    """Records between lines that are empty or blank, with their first lines; only fields that are asked for are kept."""
    stanza: Stanza = {}
    start, key = 0, ""
    for number, line in enumerate(BytesIO(data), start=1):
        if line[0] in b" \t" and not line.isspace():
            if key and len(stanza[key]) < _VALUE:  # these fields are one line each, but the format allows to fold them
                stanza[key] = f"{stanza[key]} {_text(line)}".strip()
            continue
        if line.isspace():
            if start:
                yield start, stanza
            stanza, start, key = {}, 0, ""
            continue
        start = start or number
        raw, colon, value = line.partition(b":")
        key = _FIELDS.get(raw.strip().lower(), "") if len(raw) <= _LONGEST + 1 else ""
        if not colon and line[0] != ord("#"):
            problems.add("dpkg-line", f"line {number} is neither a field nor the continuation of one")
            key = ""
            if problems.hopeless:
                break
        elif key in stanza:
            problems.add("dpkg-line", f"line {number} states the {key} of a package again")
            key = ""
        elif key:
            stanza[key] = _text(value)
    if start:
        yield start, stanza


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "replace")


def _owned_paths(data: bytes, name: str) -> Iterator[str]:
    """Ownable paths of a `.md5sums` (relative, after the sum) or of a `.list` (absolute, folders before their content).

    A list does not tell folders from files: a path that the next one begins with is a folder.
    """
    sums = name.endswith(".md5sums")
    last = ""
    for line in BytesIO(data):
        path = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        path = path.partition("  ")[2].removeprefix("./") if sums else path.lstrip("/")
        if last and not path.startswith(f"{last}/"):
            yield last
        last = path if ownable(path) else ""
    if last:
        yield last
