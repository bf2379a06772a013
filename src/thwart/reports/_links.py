"""Where people read more about an advisory."""

from __future__ import annotations

LONGEST = 64  # no family has identifiers that come near


def advisory_address(identifier: str) -> str:
    """Where people read about an advisory; empty for an identifier of no known family."""
    plain = identifier.isascii() and identifier.replace("-", "").replace(":", "").isalnum()
    if not plain or len(identifier) > LONGEST:
        return ""
    family = identifier.partition("-")[0]
    if family == "CVE":
        return f"https://www.cve.org/CVERecord?id={identifier}"
    if family == "GHSA":
        return f"https://github.com/advisories/{identifier}"
    return f"https://osv.dev/vulnerability/{identifier}" if f" {family} " in _OSV else ""


def weakness(identifier: str) -> int:
    """The number of a weakness (`CWE-79` is 79); 0 for anything else."""
    number = identifier.removeprefix("CWE-")
    return int(number) if number != identifier and number.isdecimal() and number.isascii() and len(number) < 6 else 0


_OSV = (
    " ALPINE ALSA ASB BIT CGA CURL DEBIAN DLA DSA DTSA EEF ELSA GO HSEC KUBE MAL MINI OESA openSUSE OSV PSF PYSEC RHSA"
    " RLSA ROOT RSEC RUSTSEC SUSE UBUNTU USN V8 "
)
