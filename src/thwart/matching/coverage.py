"""What could not be judged, as diagnostics: nothing that was not held against advisories looks clean."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from thwart.core.ecosystems import SYSTEM_TYPES
from thwart.core.finding import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from thwart.core.advisory import Knowledge
    from thwart.core.package import Package, Release

_SHOWN = 8


def end_of_life(release: Release | None, knowledge: Knowledge, today: date) -> Iterator[Diagnostic]:
    """A release past its free security support: no advisory means nothing then."""
    ended = knowledge.end_of_life(release.id, release.version) if release is not None else None
    if release is not None and ended is not None and today > ended:
        yield Diagnostic(
            slug="end-of-life",
            message=f"{_called(release)} has had no security support since {ended.isoformat()}: "
            "new defects are neither fixed nor listed",
            incomplete=False,
            hint="move to a supported release",
        )


def unjudged(packages: Iterable[Package], release: Release | None) -> Iterator[Diagnostic]:
    """Packages for whose ecosystem the database has nothing: one diagnostic each for system and language packages."""
    system: list[Package] = []
    language: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        if package.type in SYSTEM_TYPES:
            system.append(package)
        else:
            language[package.ecosystem or package.type].append(package)
    if system:
        yield Diagnostic(
            slug="no-advisories",
            message=f"no advisories are known for {_called(release)}: "
            f"{_count(system)} installed by its package manager {_were(system)} not judged",
            hint="build the database with the advisories of this distribution's release",
        )
    for name, members in sorted(language.items()):
        yield Diagnostic(
            slug="unsupported-ecosystem",
            message=f"no advisories are known for the ecosystem {name}: {_count(members)} {_were(members)} not judged",
            hint=f"among them {_names(members)}",
        )


def unordered(by_scheme: dict[str, list[Package]], bounds: dict[str, set[str]]) -> Iterator[Diagnostic]:
    """Packages whose version, and advisories whose bounds, the ecosystem's own rules cannot order."""
    for ecosystem, members in sorted(by_scheme.items()):
        yield Diagnostic(
            slug="unordered-version",
            message=f"{_count(members)} of {ecosystem} {_have(members)} a version that its rules do not order, "
            "so only advisories that list the very version could match",
            hint=", ".join(sorted({f"{member.full_name} {member.version}" for member in members})[:_SHOWN]),
        )
    for ecosystem, versions in sorted(bounds.items()):
        yield Diagnostic(
            slug="unordered-advisory",
            message=f"advisories of {ecosystem} on installed packages name {len(versions)} "
            f"version{'s' if len(versions) != 1 else ''} that its rules do not order, and were not applied there",
            hint=", ".join(sorted(versions)[:_SHOWN]),
        )


def no_version(packages: list[Package], known: list[Package]) -> Iterator[Diagnostic]:
    """Packages without a version; findings can be missing when the database knows defects of any of them."""
    if not packages:
        return
    unapplied = {id(package) for package in known}
    unnamed = [package for package in packages if id(package) not in unapplied]
    told = []
    if known:
        they, whose = ("have", "their") if _several(known) else ("has", "its")
        told.append(f"{_names(known)} {they} no version, so {whose} advisories could not be applied")
    if unnamed:
        they, them = ("have", "any of them") if _several(unnamed) else ("has", "it")
        told.append(f"{_names(unnamed)} {they} no version, but no advisory names {them}")
    yield Diagnostic(
        slug="no-version",
        message="; ".join(told),
        incomplete=bool(known),
        hint="build from a tagged version" if any(package.type == "golang" for package in packages) else "",
    )


def _called(release: Release | None) -> str:
    if release is None:
        return "this system, which does not say what release it is"
    return release.name or release.distro


def _count(packages: list[Package]) -> str:
    return f"{len(packages)} package{'s' if len(packages) != 1 else ''}"


def _were(packages: list[Package]) -> str:
    return "were" if len(packages) != 1 else "was"


def _have(packages: list[Package]) -> str:
    return "have" if len(packages) != 1 else "has"


def _several(packages: list[Package]) -> bool:
    """Whether `_names` lists several."""
    return len({package.full_name for package in packages}) != 1


def _names(packages: list[Package]) -> str:
    names = sorted({package.full_name for package in packages})
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def silent(owners: Iterable[str]) -> list[Diagnostic]:
    """Findings were set aside in favour of a distribution of whose advisories only a part is known."""
    names = sorted(owners)
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    message = (
        f"upstream's findings on what {', '.join(names[:_SHOWN])}{more} installed were set aside for the distribution's word, "
        "which is not among the data here"
    )
    return [Diagnostic(slug="distribution-silent", message=message, hint="thwart db update")]
