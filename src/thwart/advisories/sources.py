"""Where the data comes from: licence and attribution of every feed, and the addresses from which it is downloaded."""

from __future__ import annotations

from typing import NamedTuple


class Home(NamedTuple):
    """Whose data it is and on which terms."""

    licence: str
    attribution: str
    url: str = ""
    partial: str = ""  # what its silence on a package does not mean, when it is all that is known of an ecosystem


class Download(NamedTuple):
    """One file of `db update`: its name, its path below a mirror and in the data folder, its official address."""

    name: str
    path: str
    url: str
    on_request: bool = False  # only when it is named: its licence asks for a decision


_CC_BY = "CC-BY-4.0"

# Keyed by the feed's name in the database: `Advisory.source` for OSV records, a decoder's label for the rest.
HOMES = {
    "AlmaLinux": Home("MIT", "AlmaLinux OS Foundation, AlmaLinux OSV database", "https://errata.almalinux.org"),
    "Alpine": Home("facts", "Alpine Linux security database (APKBUILD secfixes)", "https://secdb.alpinelinux.org"),
    "Azure Linux": Home("MIT", "Microsoft, Azure Linux vulnerability data"),
    "BellSoft": Home("MIT", "BellSoft, OSV database of Alpaquita and BellSoft Hardened Containers"),
    "Bitnami": Home("Apache-2.0", "Bitnami vulnerability database", "https://github.com/bitnami/vulndb"),
    "CISA KEV": Home("CC0-1.0", "CISA, Known Exploited Vulnerabilities catalogue", "https://www.cisa.gov/kev"),
    "CVE": Home("CC0-1.0", "CVE Program records with CISA's vulnrichment", "https://www.cve.org"),
    "CVSS vectors": Home("facts", "CVSS vectors published by CNAs, CISA ADP and NVD"),
    "Chainguard": Home(
        "Apache-2.0", "Chainguard and Wolfi advisories (until 2025-05-07, the last day of that licence)"
    ),
    "Debian": Home("facts", "Debian security team, DSA and DLA lists", "https://security-tracker.debian.org"),
    "Debian changelogs": Home(
        "facts",
        "changelogs of Debian source packages, as shipped in their binary packages",
        partial="from the changelogs of some seventy source packages: defects without a fix, and of others, are not known",
    ),
    "Debian support": Home("facts", "debian-security-support lists"),
    "Debian tracker": Home("facts", "Debian security tracker", "https://security-tracker.debian.org"),
    "End of life": Home("ISC, MIT", "distro-info-data (ISC); endoflife.date (MIT) where it was downloaded"),
    "FIRST EPSS": Home(
        "free use with attribution",
        "Jay Jacobs, Sasha Romanosky, Benjamin Edwards, Michael Roytman and Idris Adjerid (2021), "
        "Exploit Prediction Scoring System, Digital Threats Research and Practice 2(3); scores by FIRST.org",
        "https://www.first.org/epss",
    ),
    "FriendsOfPHP": Home("Unlicense", "FriendsOfPHP security advisories"),
    "GitHub": Home(_CC_BY, "GitHub Advisory Database", "https://github.com/advisories"),
    "Go": Home(_CC_BY, "Go vulnerability database", "https://vuln.go.dev"),
    "NVD": Home("public domain", "NIST National Vulnerability Database; not endorsed or certified by the NVD"),
    "Node.js": Home("MIT", "Node.js Security Working Group"),
    "OpenSSF malicious packages": Home("Apache-2.0", "OpenSSF malicious packages"),
    "PyPA": Home(_CC_BY, "PyPA advisory database", "https://github.com/pypa/advisory-database"),
    "Red Hat": Home(_CC_BY, "Red Hat security data", "https://access.redhat.com/security"),
    "Retire.js": Home("Apache-2.0", "Retire.js vulnerability repository"),
    "Rocky Linux": Home("BSD-3-Clause", "Rocky Enterprise Software Foundation, errata"),
    "RubySec": Home("public domain", "ruby-advisory-db", "https://rubysec.com"),
    "RustSec": Home("CC0-1.0", "RustSec advisory database", "https://rustsec.org"),
    "SUSE": Home("CC-BY-4.0", "SUSE security data"),
    "Ubuntu": Home(
        "facts", "Canonical, Ubuntu CVE tracker; its own OSV records are CC-BY-SA-4.0", "https://ubuntu.com/security"
    ),
    "Wolfi": Home("Apache-2.0 until 2025-05-07", "Wolfi advisories; later data is CC-BY-NC-ND-4.0"),
    "openEuler": Home("facts", "openEuler security advisories"),
}

UNKNOWN = Home("not stated", "not stated")

_OSV = "https://osv-vulnerabilities.storage.googleapis.com"
_OSV_ECOSYSTEMS = (
    "AlmaLinux",
    "Alpaquita",
    "Alpine",
    "BellSoft Hardened Containers",
    "Bitnami",
    "Chainguard",
    "Debian",
    "GitHub Actions",
    "Go",
    "Hex",
    "Maven",
    "NuGet",
    "Packagist",
    "Pub",
    "PyPI",
    "Red Hat",
    "Rocky Linux",
    "RubyGems",
    "SUSE",
    "SwiftURL",
    "Ubuntu",
    "Wolfi",
    "crates.io",
    "npm",
    "openEuler",
    "openSUSE",
)
_ALPINE = (*tuple(f"v3.{minor}" for minor in range(16, 25)), "edge")
_EOL = ("almalinux", "alpine-linux", "amazon-linux", "debian", "oracle-linux", "rhel", "rocky-linux", "ubuntu")

DOWNLOADS = (
    *(
        Download(
            f"osv-{name}",
            f"osv/{name}/all.zip",
            f"{_OSV}/{name.replace(' ', '%20')}/all.zip",
            on_request=name in ("Chainguard", "Wolfi"),
        )
        for name in _OSV_ECOSYSTEMS
    ),
    *(
        Download(
            f"alpine-{branch}-{part}",
            f"alpine/secdb/{branch}/{part}.json",
            f"https://secdb.alpinelinux.org/{branch}/{part}.json",
        )
        for branch in _ALPINE
        for part in ("main", "community")
    ),
    Download("wolfi", "wolfi/security.json", "https://packages.wolfi.dev/os/security.json", on_request=True),
    Download("debian", "debian/tracker.json", "https://security-tracker.debian.org/tracker/data/json"),
    Download(
        "kev",
        "kev/known_exploited_vulnerabilities.json",
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
    ),
    Download(
        "epss", "epss/epss_scores-current.csv.gz", "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
    ),
    *(
        Download(
            f"nvd-{year}",
            f"nvd/nvdcve-2.0-{year}.json.gz",
            f"https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-{year}.json.gz",
        )
        for year in range(2002, 2027)
    ),
    *(Download(f"eol-{name}", f"eol/{name}.json", f"https://endoflife.date/api/{name}.json") for name in _EOL),
)
