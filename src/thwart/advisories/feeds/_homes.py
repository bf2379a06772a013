"""Whose record an id is, and what the homes of records write in their own way."""

from __future__ import annotations

import re
from functools import lru_cache

from thwart.advisories.schema import own_cve

# Prefix of an id -> the database that gives it out (OSV schema, "id", and the records' own).
_HOMES = {
    "ALBA": "AlmaLinux",
    "ALEA": "AlmaLinux",
    "ALSA": "AlmaLinux",
    "ALPINE": "Alpine",
    "AZL": "Azure Linux",
    "BELL": "BellSoft",
    "BIT": "Bitnami",
    "CGA": "Chainguard",
    "CVE": "CVE",
    "DEBIAN": "Debian",
    "DLA": "Debian",
    "DSA": "Debian",
    "DTSA": "Debian",
    "ECHO": "Echo",
    "EEF": "Erlang",
    "FOPSA": "FriendsOfPHP",
    "GHSA": "GitHub",
    "GO": "Go",
    "HSEC": "Haskell",
    "JLSEC": "Julia",
    "MAL": "OpenSSF malicious packages",
    "MGASA": "Mageia",
    "MINI": "MinimOS",
    "NSWG": "Node.js",
    "OESA": "openEuler",
    "OSV": "OSS-Fuzz",
    "PSF": "Python Software Foundation",
    "PYSEC": "PyPA",
    "RETIREJS": "Retire.js",
    "RHBA": "Red Hat",
    "RHEA": "Red Hat",
    "RHSA": "Red Hat",
    "RLSA": "Rocky Linux",
    "ROOT": "Root",
    "RSEC": "R",
    "RUBYSEC": "RubySec",
    "RUSTSEC": "RustSec",
    "RXSA": "Rocky Linux",
    "SUSE": "SUSE",
    "UBUNTU": "Ubuntu",
    "USN": "Ubuntu",
    "openSUSE": "SUSE",
}

# Databases whose record says what a distribution does about an issue: it is about the CVEs it names, not equal to one.
DISTRIBUTIONS = frozenset(
    {
        "AlmaLinux",
        "Alpine",
        "Azure Linux",
        "BellSoft",
        "Chainguard",
        "Debian",
        "Echo",
        "Mageia",
        "MinimOS",
        "Red Hat",
        "Rocky Linux",
        "Root",
        "SUSE",
        "Ubuntu",
        "openEuler",
    }
)

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,8}")
_ISSUE = re.compile(r"(?:CVE-[0-9]{4}-[0-9]{4,8}|GHSA(?:-[a-z0-9]{4}){3}|GO-[0-9]{4}-[0-9]+)")
_WORD = re.compile(r"(Critical|Important|Moderate|Low): ")
_STREAM = re.compile(r"(?<![\w:])[A-Za-z0-9_.+-]+:[A-Za-z0-9_.+-]+(?![\w:])")
_UBUNTU_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{2}")
_QUALIFIER = re.compile(r"[?&]([a-z]+)=([^&#]*)")
_SIG = re.compile(r"rocky-linux-[0-9.-]*?-?(sig-[a-z-]+)")


def home(advisory_id: str) -> str:
    """The database that gives out this id: `GitHub`, `Debian`, …; the id's own prefix when it is not known."""
    prefix = advisory_id.partition("-")[0]
    return _HOMES.get(prefix, prefix or "unknown")


def subjects(
    advisory_id: str, aliases: list[str], upstream: list[str], related: list[str], references: bytes
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Aliases, upstream and related of a distribution's record, told apart.

    What it is about may stand in any of the three, depending on the distribution and the year, or only in its
    references; and `UBUNTU-CVE-2024-1` stands for `CVE-2024-1`.
    """
    named = [own_cve(item) or item for item in (*upstream, *aliases, *related)]
    about = [item for item in named if _CVE.fullmatch(item)]
    if not about and not own_cve(advisory_id):
        about = [found.decode() for found in re.findall(_CVE.pattern.encode(), references)]
    issues = [item for item in (*upstream, *aliases) if _ISSUE.fullmatch(item)]
    if advisory_id.startswith("CGA-"):  # older records name everything in `related`
        issues += [item for item in related if _ISSUE.fullmatch(item)]
    own = own_cve(advisory_id)
    found = tuple(dict.fromkeys([*([own] if own else []), *about, *issues]))
    rest = (item for item in (*upstream, *related) if item not in found and own_cve(item) not in found)
    left = tuple(dict.fromkeys(item for item in rest if item != advisory_id))
    return tuple(item for item in aliases if item not in found), found, left


def summary_word(summary: str) -> str:
    """The vendor's severity word at the start of a summary (`Moderate: nodejs:20 security update`), or nothing."""
    found = _WORD.match(summary)
    return found[1] if found else ""


def summary_stream(summary: str) -> str:
    """The module stream that a summary names (`nodejs:20`); nothing when it names none or several."""
    names = set(_STREAM.findall(_WORD.sub("", summary, count=1)))
    return names.pop() if len(names) == 1 else ""


def is_modular(version: str) -> bool:
    """Whether an rpm version was built in a module (`.module_el9.7.0+…`, `.module+el8.5.0+…`)."""
    return ".module_el" in version or ".module+el" in version


@lru_cache(maxsize=4096)
def ubuntu(ecosystem: str) -> tuple[str, str]:
    """An Ubuntu ecosystem as release and channel: `Ubuntu:Pro:18.04:LTS` is `Ubuntu:18.04:LTS` with channel `pro`."""
    parts = ecosystem.split(":")[1:]
    place = next((place for place, part in enumerate(parts) if _UBUNTU_VERSION.fullmatch(part)), -1)
    if place < 0:
        return ecosystem, ""
    before, after = parts[:place], parts[place + 1 :]
    suffix = ":LTS" if after[:1] == ["LTS"] else ""
    channel = "-".join(before + after[bool(suffix) :]).lower()
    return f"Ubuntu:{parts[place]}{suffix}", channel


def purl_limits(purl: str) -> tuple[tuple[str, ...], str]:
    """Architectures and channel that a purl's qualifiers restrict a statement to."""
    if "?" not in purl or ("arch=source" in purl and "rocky" not in purl):
        return (), ""
    qualifiers = dict(_QUALIFIER.findall(purl))
    arch = qualifiers.get("arch", "")
    special = _SIG.fullmatch(qualifiers.get("distro", ""))
    arches = () if arch in ("", "source", "src", "noarch", "all", "any") else (arch,)
    return arches, special[1] if special else ""
