"""Which operating system release a tree is, and the OSV ecosystem whose advisories speak of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from thwart.catalogers import cataloger
from thwart.core.errors import ParseError
from thwart.core.limits import KIB, Limits
from thwart.core.package import File, FileFacts, Release
from thwart.lib import osrelease
from thwart.lib.debian import SERIES

_BYTES = 256 * KIB  # a release file is a few hundred bytes; more is not one
_USED = frozenset({"ID", "ID_LIKE", "PRETTY_NAME", "VERSION", "VERSION_CODENAME", "VERSION_ID", "VARIANT_ID"})
_NO_ID = "linux"  # os-release(5): the default of ID

# Best first. A distribution's own file outranks `redhat-release`, in which Oracle Linux calls itself Red Hat,
# and `debian_version`, which Ubuntu keeps from Debian.
PRECEDENCE = (
    "etc/os-release",
    "usr/lib/os-release",
    "etc/oracle-release",
    "etc/rocky-release",
    "etc/almalinux-release",
    "etc/centos-release",
    "etc/fedora-release",
    "etc/system-release",
    "etc/redhat-release",
    "etc/lsb-release",
    "etc/alpine-release",
    "etc/debian_version",
)

_NAMES = (  # beginnings of the one-line files, longest first
    ("red hat enterprise linux coreos", "rhcos"),
    ("red hat enterprise linux", "rhel"),
    ("oracle linux server", "ol"),
    ("oracle linux", "ol"),
    ("amazon linux", "amzn"),
    ("rocky linux", "rocky"),
    ("centos", "centos"),
    ("almalinux", "almalinux"),
    ("fedora", "fedora"),
    ("vmware photon", "photon"),
    ("cbl-mariner", "mariner"),
    ("azure linux", "azurelinux"),
    ("ubuntu", "ubuntu"),
    ("debian", "debian"),
    ("alpine", "alpine"),
)


@cataloger(*PRECEDENCE)
def release(file: File, limits: Limits) -> FileFacts:  # noqa: ARG001 - a release file has a bound of its own
    """Read one release file; `choose` decides between several.

    `os-release(5)` and `lsb-release` are assignments, the others one line of text. A file that names no system
    gives no release.
    """
    if len(file.data) > _BYTES:
        raise ParseError(f"a release file of {len(file.data)} bytes is not a release file")
    text = file.data.decode("utf-8", "replace")
    name = file.path.rpartition("/")[2]
    problems: tuple[tuple[str, str], ...] = ()
    if name == "os-release":
        stated, problems = _os_release(text)
    elif name == "lsb-release":
        stated = _lsb_release(text)
    elif name == "debian_version":
        stated = _debian_version(text)
    elif name == "alpine-release":
        stated = _alpine_release(text)
    else:
        stated = _one_line(text)
    if stated is not None:
        stated = replace(stated, ecosystem=ecosystem(stated))
    return FileFacts(cataloger="release", path=file.path, release=stated, problems=problems)


def choose(releases: Mapping[str, Release]) -> Release | None:
    """The release of a tree from those stated by its files, by path; None when none is stated.

    The first of `PRECEDENCE` that names a system wins. A Debian `os-release` without a version (testing, unstable
    before they said their codename) is completed from `debian_version`.
    """
    named = [releases[path] for path in PRECEDENCE if path in releases]
    best = next((one for one in named if one.id != _NO_ID), named[0] if named else None)
    if best is None or best.id != "debian" or best.version or best.codename:
        return best
    other = releases.get("etc/debian_version")
    if other is None:
        return best
    whole = replace(best, version=other.version.partition(".")[0], codename=other.codename)
    return replace(whole, ecosystem=ecosystem(whole))


def _os_release(text: str) -> tuple[Release | None, tuple[tuple[str, str], ...]]:
    values, broken = osrelease.parse(text)
    problems = tuple(("os-release", f"the value of {key} has no closing quote") for key in broken if key in _USED)
    if not values:
        return None, problems
    found = Release(
        id=values.get("ID", "") or _NO_ID,
        version=values.get("VERSION_ID", ""),
        codename=values.get("VERSION_CODENAME", "") or values.get("UBUNTU_CODENAME", ""),
        name=values.get("PRETTY_NAME", "") or values.get("NAME", ""),
        variant=values.get("VARIANT_ID", ""),
        id_like=tuple(values.get("ID_LIKE", "").split()),
    )
    if found.id.lower() == "openeuler":  # VERSION_ID leaves out the service pack, of which the ecosystem is made
        found = replace(found, variant=found.variant or _in_brackets(values.get("VERSION", "")))
    return found, problems


def _lsb_release(text: str) -> Release | None:
    values, _ = osrelease.parse(text)
    stated = values.get("DISTRIB_ID", "")
    if not stated:
        return None
    return Release(
        id=_id(stated),
        version=values.get("DISTRIB_RELEASE", ""),
        codename=values.get("DISTRIB_CODENAME", ""),
        name=values.get("DISTRIB_DESCRIPTION", "") or stated,
    )


def _debian_version(text: str) -> Release | None:
    """`12.5`, or `trixie/sid` for testing and unstable alike."""
    stated = text.strip()
    if not stated or "\n" in stated:
        return None
    name = f"Debian GNU/Linux {stated}"
    if stated[0].isdigit():
        return Release(id="debian", version=stated, name=name)
    codename, _, unstable = stated.partition("/")
    known = codename in SERIES or "sid" in (codename, unstable)  # derivatives write names of their own here
    return Release(id="debian", codename=codename, name=name) if known else None


def _alpine_release(text: str) -> Release | None:
    stated = text.strip()
    if not stated or not stated[0].isdigit() or "\n" in stated:
        return None
    return Release(id="alpine", version=stated, name=f"Alpine Linux {stated}")


def _one_line(text: str) -> Release | None:
    """`CentOS Linux release 7.9.2009 (Core)`: the form of Red Hat's family."""
    line = text.strip().partition("\n")[0].strip()
    name, found, rest = line.partition(" release ")
    version = rest.split(" ", 1)[0] if found else ""
    if not version or not version[0].isdigit():
        name, version = line, ""
        if "stream" not in line.lower():
            return None
    codename = _in_brackets(rest)
    return Release(id=_id(name), version=version, codename=codename, name=line)


def _id(name: str) -> str:
    lowered = name.lower()
    return next((known for start, known in _NAMES if lowered.startswith(start)), lowered.replace(" ", "-"))


def _in_brackets(text: str) -> str:
    return text.partition("(")[2].partition(")")[0].strip()


def ecosystem(found: Release) -> str:
    """OSV ecosystem of a release, by the names in the OSV schema's list; empty where no advisories are known to apply.

    Names that OSV does not define, for feeds of other origin: `Amazon Linux:2023`, `Oracle Linux:9`, `Fedora:40`.
    Red Hat's are product streams of which `os-release` does not tell: `Red Hat:enterprise_linux:9` is the
    beginning of those of a release (`Red Hat:enterprise_linux:9::baseos`), for which matching looks.
    Derivatives (Raspbian, Kali, Linux Mint, CentOS Stream) build other versions than the system that they are
    like, so its advisories do not apply to them; CentOS Linux rebuilt Red Hat's.
    """
    rule = _RULES.get(found.id.lower())
    return rule(found) if rule else ""


def _major(prefix: str) -> Callable[[Release], str]:
    def rule(found: Release) -> str:
        major = found.version.partition(".")[0]
        return f"{prefix}:{major}" if major.isdecimal() else ""

    return rule


def _whole(prefix: str) -> Callable[[Release], str]:
    return lambda found: f"{prefix}:{found.version}" if found.version else ""


def _debian(found: Release) -> str:
    """By number; without one by codename. testing and unstable both carry testing's codename: the coming release."""
    number = found.version or SERIES.get(found.codename, "")
    if not number:
        return "Debian:sid"
    major, _, minor = number.partition(".")
    if not major.isdecimal():
        return ""
    return f"Debian:{major}" if int(major[:9]) > 6 else f"Debian:{major}.{minor.partition('.')[0] or '0'}"


def _ubuntu(found: Release) -> str:
    """Every April release of an even year since 2008 is one with long-term support, as was June 2006."""
    year, dot, month = found.version.partition(".")
    month = month.partition(".")[0]  # 14.04.5 in old files
    if not (dot and year.isdecimal() and month.isdecimal()):
        return ""
    lasting = (month == "04" and int(year[:4]) % 2 == 0) or (year, month) == ("6", "06")
    return f"Ubuntu:{year}.{month}{':LTS' if lasting else ''}"


def _alpine(found: Release) -> str:
    """The branch; snapshots of edge are `3.21.0_alpha20240807`, release candidates belong to their branch."""
    if "_alpha" in found.version or "edge" in found.version or "edge" in found.name.lower().split():
        return "Alpine:edge"
    parts = found.version.partition("_")[0].split(".")
    return f"Alpine:v{parts[0]}.{parts[1]}" if len(parts) > 1 and parts[0].isdecimal() and parts[1].isdecimal() else ""


def _centos(found: Release) -> str:
    if "stream" in found.name.lower():
        return ""
    return _major("Red Hat:enterprise_linux")(found)


def _amazon(found: Release) -> str:
    """Amazon Linux 1 counted in months: `2018.03`; point releases of the second and later do not matter."""
    major = found.version.partition(".")[0]
    if not major.isdecimal():
        return ""
    return "Amazon Linux:1" if major.startswith("201") else f"Amazon Linux:{major}"


def _open_euler(found: Release) -> str:
    """`22.03-LTS-SP3`; the part in brackets is in VERSION only (`22.03 (LTS-SP3)`)."""
    if not found.version:
        return ""
    return f"openEuler:{found.version}-{found.variant}" if "LTS" in found.variant else f"openEuler:{found.version}"


def _suse(found: Release) -> str:
    """SUSE's ecosystems are products by their marketing name, which is PRETTY_NAME (OSV schema)."""
    for maker in ("openSUSE", "SUSE"):
        if found.name.startswith(f"{maker} "):
            return f"{maker}:{found.name[len(maker) + 1 :].strip()}"
    return ""


_RULES: dict[str, Callable[[Release], str]] = {
    "debian": _debian,
    "ubuntu": _ubuntu,
    "alpine": _alpine,
    "wolfi": lambda _: "Wolfi",
    "chainguard": lambda _: "Chainguard",
    "minimos": lambda _: "MinimOS",
    "echo": lambda _: "Echo",
    "alpaquita": _whole("Alpaquita"),
    "bellsoft-hardened-containers": _whole("BellSoft Hardened Containers"),
    "almalinux": _major("AlmaLinux"),
    "rocky": _major("Rocky Linux"),
    "rhel": _major("Red Hat:enterprise_linux"),
    "centos": _centos,
    "ol": _major("Oracle Linux"),
    "amzn": _amazon,
    "fedora": _major("Fedora"),
    "azurelinux": _major("Azure Linux"),
    "mariner": _major("Azure Linux"),
    "photon": _whole("Photon OS"),
    "mageia": _major("Mageia"),
    "openeuler": _open_euler,
    "sles": _suse,
    "sled": _suse,
    "sles_sap": _suse,
    "sle_hpc": _suse,
    "sle-micro": _suse,
    "sl-micro": _suse,
    "suse-microos": _suse,
    "opensuse": _suse,
    "opensuse-leap": _suse,
    "opensuse-leap-micro": _suse,
    "opensuse-tumbleweed": _suse,
}
