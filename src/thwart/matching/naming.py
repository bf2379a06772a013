"""What a defect is called: the ids that a record covers, and which of several names comes first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from thwart.core.advisory import Advisory

_CVE = re.compile(r"CVE-(\d{4})-(\d{4,})\Z")
_OF_CVE = re.compile(r"(?:[A-Z]+-)*(CVE-\d{4}-\d{4,})\Z")  # UBUNTU-CVE-…, DEBIAN-CVE-…, ALPINE-CVE-…, BELL-CVE-…
_NO_DEFECT = re.compile(r"(?:AL|RH|RL|EL|RX|CE)(?:BA|EA)-|SUSE-[RFO]U-|openSUSE-[RFO]U-")  # bug-fix, enhancement errata


def is_cve(name: str) -> bool:
    """Whether the name is a CVE id."""
    return _CVE.match(name) is not None


def cve_within(name: str) -> str:
    """The CVE that an id is made from (`UBUNTU-CVE-2024-1` is one), or empty."""
    match = _OF_CVE.match(name)
    return match[1] if match else ""


def covered(advisory_id: str, record: Advisory | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The defects that a distribution's record speaks of, and further names when it is only one.

    A record made for one CVE covers that. An advisory covers the CVEs that it was made from (`upstream`, or
    `aliases` in older data); errata of Red Hat's family name them as `related`. One without any is a defect of
    its own, unless its id says that it is no security update at all.
    """
    own = cve_within(advisory_id)
    if own or record is None:
        return ((own or advisory_id,), ())
    stated = (*record.upstream, *record.aliases)
    cves = _cves(stated) or _cves(record.related)
    others = tuple(dict.fromkeys(name for name in stated if not cve_within(name)))
    if cves:
        return cves, (others if len(cves) == 1 else ())
    if _NO_DEFECT.match(advisory_id):
        return (), ()
    return (_first(others) if record.upstream and others else advisory_id,), others


def cves_of(advisory_id: str, record: Advisory | None) -> set[str]:
    """The CVEs that a record calls itself by."""
    return {advisory_id} if is_cve(advisory_id) else set(filter(is_cve, record.aliases if record else ()))


def ranked(names: Iterable[str]) -> list[str]:
    """CVEs by year and number, then GHSA, then the rest by text: the first is what the defect is called."""
    return sorted(set(names), key=_rank)


class Group(NamedTuple):
    """Records of one defect, and all its names, best first."""

    names: list[str]
    records: set[str]


def groups(records: Mapping[str, Advisory | None]) -> list[Group]:
    """Records (by id) joined by common aliases, transitively.

    Two CVEs are two defects unless the very same records name both: a record that names one of them alone tells them
    apart. A record that names several then belongs to each instead of joining them.
    """
    named = {name: {name, *(record.aliases if record else ())} for name, record in records.items()}
    found: list[Group] = []
    for members in _joined(named):
        cves = {name: cves_of(name, records[name]) for name in sorted(members)}
        alike: dict[tuple[str, ...], set[str]] = {}
        for cve in sorted(set().union(*cves.values())):
            alike.setdefault(tuple(name for name, own in cves.items() if cve in own), set()).add(cve)
        if len(alike) < 2:
            found.append(Group(ranked(set().union(*(named[name] for name in members))), members))
        else:
            found += _apart(named, cves, list(alike.values()))
    return found


def _apart(named: Mapping[str, set[str]], cves: Mapping[str, set[str]], defects: Sequence[set[str]]) -> list[Group]:
    """One group for each set of CVEs that nothing tells apart; a record without a CVE goes where it shares a name."""
    placed = [{name for name, own in cves.items() if own & defect} for defect in defects]
    own = [{name for name in members if cves[name] <= defect} for members, defect in zip(placed, defects, strict=True)]
    for name in (name for name, stated in cves.items() if not stated):
        near = [place for place, members in enumerate(own) if any(named[name] & named[other] for other in members)]
        for place in near or [0]:
            placed[place].add(name)
            own[place].add(name)
    found = []
    for defect, members, alone in zip(defects, placed, own, strict=True):
        stated = set().union(members, *(named[name] for name in alone))
        found.append(Group(ranked(defect | {name for name in stated if not is_cve(name)}), members))
    return found


def _joined(named: Mapping[str, set[str]]) -> list[set[str]]:
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for own, names in named.items():
        for name in names:
            parent[root(name)] = root(own)
    joined: dict[str, set[str]] = {}
    for own in named:
        joined.setdefault(root(own), set()).add(own)
    return list(joined.values())


def _cves(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cve for cve in map(cve_within, names) if cve))


def _first(names: Iterable[str]) -> str:
    return ranked(names)[0]


def _rank(name: str) -> tuple[int, int, int, str]:
    match = _CVE.match(name)
    if match:
        return 0, int(match[1]), int(match[2][:18]), name
    return (1 if name.startswith("GHSA-") else 2), 0, 0, name
