"""The database file: its tables, and how facts are written in them.

Every row is one key and one text. The text holds lines; a line has fields between tabs, lists between unit separators,
parts between record separators. Trailing empty fields are left out. All of a package's statements lie in one row, so
that one look-up by primary key finds them, and neighbouring rows resemble each other, so that the file shrinks well.
"""

from __future__ import annotations

import re

from thwart.advisories.vectors import pack, score_of
from thwart.core.advisory import Advisory, Affected, CveFacts, Exploited, Range, Score

SCHEMA = 1
APPLICATION_ID = 0x54485754  # "THWT" in the SQLite header
ITEM = "\x1f"
PART = "\x1e"

TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ecosystem(id INTEGER PRIMARY KEY, name TEXT NOT NULL, feeds TEXT NOT NULL);
CREATE TABLE advisory(id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE package(ecosystem INTEGER, name TEXT, data TEXT NOT NULL, PRIMARY KEY(ecosystem, name)) WITHOUT ROWID;
CREATE TABLE cve(id INTEGER PRIMARY KEY, data TEXT NOT NULL);
"""

_CVE = re.compile(r"CVE-(\d{4})-(\d{4,8})", re.ASCII)
_SEPARATORS = re.compile(r"[-_.]+")


def cve_key(cve_id: str) -> int | None:
    """Integer key of a CVE id, in the order of year and number; None for what is no CVE id."""
    found = _CVE.fullmatch(cve_id)
    return int(found[1]) * 100_000_000 + int(found[2]) if found else None


def cve_id(key: int) -> str:
    """The CVE id of a key."""
    return f"CVE-{key // 100_000_000}-{key % 100_000_000:04d}"


def normal(ecosystem: str, name: str) -> str:
    """A package name as it is a key: PEP 503 for PyPI, lower case where the ecosystem folds, else exact."""
    base = ecosystem.partition(":")[0]
    if base == "PyPI":
        return _SEPARATORS.sub("-", name).lower()
    return name.lower() if base in _FOLDED else name


_FOLDED = frozenset({"NuGet", "Packagist"})


def clean(text: str) -> str:
    """Text without control characters and lone surrogates, so that it can neither break a line nor the encoding."""
    if text.isprintable():
        return text
    return "".join(c if c >= " " and c != "\x7f" and not "\ud800" <= c <= "\udfff" else "\ufffd" for c in text)


def join(fields: list[str]) -> str:
    """Fields as one line."""
    return "\t".join(fields).rstrip("\t")


def _fields(line: str, count: int) -> list[str]:
    fields = line.split("\t")
    return fields if len(fields) >= count else fields + [""] * (count - len(fields))


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(ITEM)) if text else ()


def _items(values: tuple[str, ...]) -> str:
    return ITEM.join(map(clean, values))


# -- ranges ------------------------------------------------------------------------------------------------------------


def pack_range(one: Range) -> str:
    """`fixed` alone when the range starts at the beginning; else `introduced`, `fixed`, `last` in parts."""
    start = "" if one.introduced in ("", "0") else clean(one.introduced)
    fixed = clean(one.fixed)
    if one.last:
        return PART.join((start, fixed, clean(one.last)))
    return fixed if not start and fixed else f"{start}{PART}{fixed}"


def unpack_range(text: str) -> Range:
    """The range of a packed text."""
    parts = text.split(PART)
    if len(parts) == 1:
        return Range("0", text)
    return Range(parts[0] or "0", parts[1], parts[2] if len(parts) > 2 else "")


# -- symbols -----------------------------------------------------------------------------------------------------------


def pack_symbols(symbols: tuple[str, ...]) -> str:
    """`package.Symbol`s grouped by package: the package is written once."""
    groups: dict[str, list[str]] = {}
    for symbol in map(clean, symbols):
        slash = symbol.rfind("/") + 1
        dot = symbol.find(".", slash)
        # A package's last element may itself hold dots (`gopkg.in/yaml.v3`): those stay in the symbol's part, and
        # joining the two with a dot gives the same text back.
        cut = dot if 0 <= dot < len(symbol) - 1 else len(symbol)
        groups.setdefault(symbol[:cut], []).append(symbol[cut + 1 :])
    return ITEM.join(PART.join((package, *names)) for package, names in groups.items())


def unpack_symbols(text: str) -> tuple[str, ...]:
    """The symbols of a packed text."""
    found: list[str] = []
    for group in text.split(ITEM) if text else ():
        package, *names = group.split(PART)
        found.extend(f"{package}.{name}" if name else package for name in names)
    return tuple(found)


# -- statements on packages --------------------------------------------------------------------------------------------


_PLAIN = Affected("", "", "")[4:]


def pack_affected(one: Affected) -> str:
    """A statement without its key (ecosystem, name) and advisory. Most say nothing but their ranges."""
    if one[4:] == _PLAIN:
        return ITEM.join(map(pack_range, one.ranges))
    return join(
        [
            ITEM.join(map(pack_range, one.ranges)),
            clean(one.status),
            clean(one.channel),
            clean(one.severity),
            _items(one.arches),
            _items(one.systems),
            pack_symbols(one.symbols),
            _items(one.versions),
        ]
    )


def unpack_affected(ecosystem: str, name: str, line: str) -> Affected:
    """The statement of one line of a package's row. The plain one, with one range, is the one that must be fast."""
    fields = line.split("\t")
    count = len(fields)
    if count == 1:
        return Affected(fields[0], ecosystem, name)
    text = fields[1]
    ranges = tuple(map(unpack_range, text.split(ITEM))) if PART in text or ITEM in text else _from_start(text)
    if count == 2:
        return Affected(fields[0], ecosystem, name, ranges)
    if count == 3:
        return Affected(fields[0], ecosystem, name, ranges, (), fields[2])
    advisory, _, status, channel, severity, arches, systems, symbols, versions = _fields(line, 9)[:9]
    return Affected(
        advisory,
        ecosystem,
        name,
        ranges,
        _list(versions),
        status,
        channel,
        severity,
        _list(arches),
        unpack_symbols(symbols),
        _list(systems),
    )


def _from_start(fixed: str) -> tuple[Range, ...]:
    return (Range("0", fixed),) if fixed else ()


# -- scores, advisories, CVEs ------------------------------------------------------------------------------------------


class Interned:
    """Small numbers for the names of sources, and the packed forms of scores, most of which come again and again."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._scores: dict[Score, str] = {}

    def number(self, name: str) -> str:
        """The name's number, as text."""
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return str(self._numbers[name])

    def score(self, one: Score) -> str:
        """A score as one item of a list."""
        packed = self._scores.get(one)
        if packed is None:
            value = f"{one.score:g}" if one.score >= 0 else ""
            packed = PART.join((self.number(clean(one.source)), clean(pack(one.system, one.vector)), value))
            if len(self._scores) < _MOST_SCORES:
                self._scores[one] = packed
        return packed


_MOST_SCORES = 100_000


def pack_scores(scores: tuple[Score, ...], sources: Interned) -> str:
    """Scores as a list; equal ones once."""
    return ITEM.join(dict.fromkeys(map(sources.score, scores))) if scores else ""


def unpack_scores(text: str, sources: list[str]) -> tuple[Score, ...]:
    """The scores of a packed list."""
    found = []
    for item in text.split(ITEM) if text else ():
        source, packed, score = item.split(PART)
        found.append(score_of(sources[int(source)], packed, score))
    return tuple(found)


def own_cve(advisory_id: str) -> str:
    """The CVE that a distribution's id carries (`DEBIAN-CVE-2024-1` is about `CVE-2024-1`), or an empty string."""
    start = advisory_id.find("CVE-")
    return advisory_id[start:] if start > 0 and cve_key(advisory_id[start:]) is not None else ""


def pack_advisory(one: Advisory, sources: Interned) -> str:
    """A record without its id. An upstream that the id itself names is written `=`."""
    own = own_cve(one.id)
    return join(
        [
            sources.number(clean(one.source)),
            _items(one.aliases),
            ITEM.join("=" if own and upstream == own else clean(upstream) for upstream in one.upstream),
            _items(one.related),
            one.published,
            one.modified,
            pack_scores(one.scores, sources),
            clean(one.informational),
            "" if one.reviewed else "u",
        ]
    )


def unpack_advisory(advisory_id: str, line: str, sources: list[str]) -> Advisory:
    """The record of a row."""
    source, aliases, upstream, related, published, modified, scores, informational, flags = _fields(line, 9)[:9]
    return Advisory(
        id=advisory_id,
        source=sources[int(source)],
        aliases=_list(aliases),
        upstream=tuple((own_cve(advisory_id) or item) if item == "=" else item for item in _list(upstream)),
        related=_list(related),
        published=published,
        modified=modified,
        scores=unpack_scores(scores, sources),
        informational=informational,
        reviewed="u" not in flags,
    )


def pack_cve(one: CveFacts, sources: Interned) -> str:
    """Facts on a CVE without its id."""
    kev = PART.join((one.kev.added, one.kev.due, "r" if one.kev.ransomware else "")) if one.kev else ""
    return join(
        [
            pack_scores(one.scores, sources),
            "" if one.epss is None else f"{one.epss:g}",
            "" if one.percentile is None else f"{one.percentile:g}",
            kev,
            one.published,
            _items(one.cwes),
            "r" if one.rejected else "",
        ]
    )


def is_exploited(line: str) -> bool:
    """Whether a row's facts name an entry of the KEV catalogue, without unpacking the rest."""
    fields = line.split("\t", 4)
    return len(fields) > 3 and fields[3] != ""


def unpack_cve(key: int, line: str, sources: list[str]) -> CveFacts:
    """The facts of a row."""
    scores, epss, percentile, kev, published, cwes, flags = _fields(line, 7)[:7]
    added, due, ransomware = [*kev.split(PART), "", ""][:3] if kev else ("", "", "")
    return CveFacts(
        id=cve_id(key),
        scores=unpack_scores(scores, sources),
        epss=float(epss) if epss else None,
        percentile=float(percentile) if percentile else None,
        kev=Exploited(added=added, due=due, ransomware=ransomware == "r") if kev else None,
        published=published,
        cwes=_list(cwes),
        rejected="r" in flags,
    )
