"""Distributions of rpm packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.matching.ecosystems import Family, family

if TYPE_CHECKING:
    from thwart.core.advisory import Affected
    from thwart.core.package import Package
    from thwart.matching.model import Subject

_MODULAR = re.compile(r"\.module[_+]")  # `.module+el8.9.0+…` of Red Hat, `.module_el8.9.0+…` of AlmaLinux
_UNNAMED = "?"
_ANY_ARCH = frozenset({"", "noarch", "src", "(none)"})


class Rpm(Family):
    """Asks for the binary package; a modular build is held against its own module stream only."""

    distribution = True
    one_build = True

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """Advisories list every binary package."""
        return ((package.name, package.version),) if package.version else ()

    def fix_target(self, package: Package) -> str:
        """The source: its binary packages are built and upgraded together."""
        return package.source or package.name

    def stream(self, package: Package) -> str:
        """`nodejs:18` of `nodejs:18:8060020220523160029:ad008a3a`."""
        name, _, rest = package.module.partition(":")
        stream = rest.partition(":")[0]
        if name and stream:
            return f"{name}:{stream}"
        return _UNNAMED if _MODULAR.search(package.version) else ""

    def arch(self, package: Package) -> str:
        """The architecture of the installed build."""
        return package.arch

    def fits(self, statement: Affected, subject: Subject) -> str:
        """Same architecture, and same module stream as far as both sides name it."""
        if statement.arches and subject.arch not in _ANY_ARCH and subject.arch not in statement.arches:
            return ""
        modular = bool(statement.channel) or any(_MODULAR.search(r.fixed or r.last) for r in statement.ranges)
        if modular != bool(subject.stream):
            # A statement without a fix says nothing of builds: it may mean the modular one too.
            return "medium" if not modular and _unbuilt(statement) else ""
        return _same_stream(statement, subject) if modular else "high"


def _unbuilt(statement: Affected) -> bool:
    return not any(stretch.fixed or stretch.last for stretch in statement.ranges)


def _same_stream(statement: Affected, subject: Subject) -> str:
    """Both are modular. Where one side does not name its stream, judge by what streams are named after.

    Most streams are the first parts of the version of the module's main package (`nodejs:18`, `perl:5.30`): when the
    installed version begins with a stream's, a fix of the same stream does too.
    """
    if statement.channel and subject.stream != _UNNAMED:
        return "high" if statement.channel == subject.stream else ""
    stream = (statement.channel or subject.stream).partition(":")[2]
    ours = _begins(subject.keys[0].version, stream)
    theirs = any(_begins(stretch.fixed or stretch.last, stream) for stretch in statement.ranges)
    if not stream or ours == theirs:
        return "medium" if stream and ours else "low"
    return ""


def _begins(version: str, stream: str) -> bool:
    plain = version.partition(":")[2] or version
    return plain == stream or plain.startswith((f"{stream}.", f"{stream}-"))


@family("AlmaLinux")
class AlmaLinux(Rpm):
    """`AlmaLinux:9`."""

    vendor = "AlmaLinux"


@family("Red Hat")
class RedHat(Rpm):
    """Product streams: `Red Hat:enterprise_linux:9::baseos`.

    Extended streams (`rhel_eus:9.2`, `rhel_aus`, `rhel_e4s`) have fixes of their own, and nothing in an image says
    that it follows one: only the main stream is asked.
    """

    vendor = "Red Hat"

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """Every repository of the stated product, also where the database leaves them out."""
        major = stated.rpartition(":")[2].partition(".")[0]
        whole = (f"Red Hat:{major}", f"Red Hat:enterprise_linux:{major}")
        product = f"Red Hat:enterprise_linux:{major}::"
        names = {name for name in (stated, *whole) if name in known}
        return tuple(sorted(names | {name for name in known if name.startswith(product)}))


class BySource(Rpm):
    """Feeds that name source packages, some of them binary ones too."""

    def names(self, package: Package) -> tuple[tuple[str, str], ...]:
        """The binary package, then its source; a source rpm's file name leaves out the epoch, the build's has it."""
        if not package.version:
            return ()
        source = (
            package.source or package.name,
            _with_epoch(package.source_version or package.version, package.version),
        )
        return tuple(dict.fromkeys(((package.name, package.version), source)))


def _with_epoch(version: str, build: str) -> str:
    epoch, colon, _ = build.partition(":")
    return version if ":" in version or not colon else f"{epoch}:{version}"


@family("Rocky Linux")
class Rocky(BySource):
    """`Rocky Linux:9`."""

    vendor = "Rocky Linux"


@family("Oracle Linux")
class Oracle(Rpm):
    """`Oracle Linux:9`."""

    vendor = "Oracle"

    def fits(self, statement: Affected, subject: Subject) -> str:
        """Ksplice builds live apart: their versions say so, and compare only among themselves."""
        theirs = any(".ksplice" in stretch.fixed for stretch in statement.ranges)
        ours = ".ksplice" in subject.keys[0].version
        return super().fits(statement, subject) if theirs == ours else ""


@family("Amazon Linux")
class Amazon(Rpm):
    """`Amazon Linux:2`, `Amazon Linux:2023`."""

    vendor = "Amazon"


@family("Fedora")
class Fedora(Rpm):
    """`Fedora:40`."""

    vendor = "Fedora"


@family("Azure Linux")
class AzureLinux(BySource):
    """`Azure Linux:3`."""

    vendor = "Microsoft"


@family("Photon OS")
class Photon(BySource):
    """`Photon OS:5.0`."""

    vendor = "Photon"


@family("SUSE", "openSUSE")
class Suse(BySource):
    """Products by their marketing name: `SUSE:Linux Enterprise Server 15 SP5`, `openSUSE:Leap 15.6`.

    An image of a product is built from the repositories of its modules, which are ecosystems of their own.
    """

    vendor = "SUSE"

    def ecosystems(self, stated: str, known: frozenset[str]) -> tuple[str, ...]:
        """The product, and the modules of the same version: `SUSE:Linux Enterprise Module for Basesystem 15 SP5`."""
        names = {stated} & known
        version = re.search(r"\d+(?: SP\d+)?\Z", stated)
        if version and stated.startswith("SUSE:Linux Enterprise"):
            module = re.compile(rf"SUSE:Linux Enterprise (?:Module .*|Server(?: .*)?) {version[0]}(?:-LTSS)?\Z")
            names |= {name for name in known if module.match(name)}
        return tuple(sorted(names))


@family("openEuler")
class OpenEuler(BySource):
    """`openEuler:22.03-LTS-SP3`."""

    vendor = "openEuler"


@family("Mageia")
class Mageia(BySource):
    """`Mageia:9`."""

    vendor = "Mageia"
