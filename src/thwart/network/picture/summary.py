"""What the picture says, in sentences."""

from __future__ import annotations

from thwart.core.finding import Diagnostic
from thwart.network.assumptions import assumptions
from thwart.network.mapping import Map
from thwart.network.model import INGRESS
from thwart.network.picture.names import counted, told
from thwart.network.picture.survey import SHOWN_NAMESPACES, Survey

_MOST_NOTES = 12


def headline(survey: Survey) -> str:
    """How open it is, in one or two sentences."""
    spaces = survey.namespaces
    if not spaces:
        return "No pods were read, so there is nothing to reach."
    many = len(spaces)
    exposed = len(survey.open_to_outside)
    unguarded = sum(INGRESS not in area.closed for area in spaces)
    if many == 1:
        first = "is open to the outside" if exposed else "is closed to the outside"
        second = "has no default deny for ingress" if unguarded else "denies ingress by default"
        but = "but" if bool(exposed) != bool(unguarded) else "and"
        return f"The namespace {told(spaces[0].name)} {first} {but} {second}."
    first = f"The outside reaches {_share(exposed, many)} namespaces"
    second = (
        f"{_share(unguarded, many)} have no default deny for ingress" if unguarded else "all deny ingress by default"
    )
    unknown = sum(reach.doubtful for reach in survey.reach.values())
    third = f" Something is unknown in {counted(unknown, 'cell')} of the matrix." if unknown else ""
    return f"{first}; {second}.{third}"


def _share(count: int, whole: int) -> str:
    return f"{'all' if count == whole else 'none' if not count else f'{count:,}'} of {whole:,}"


def counts(found: Map) -> list[tuple[str, str, str]]:
    """What was read: a word, a number, what is in it."""
    world = found.model.world
    kinds: dict[str, int] = {}
    for policy in world.policies:
        kinds[policy.kind] = kinds.get(policy.kind, 0) + 1
    made = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
    pods = sum(group.what == "pod" for group in found.groups)
    return [
        ("Namespaces", f"{len(world.namespaces):,}", ""),
        ("Pods and workloads", f"{len(world.endpoints):,}", f"policies tell {counted(pods, 'kind')} apart"),
        ("Nodes", f"{len(world.nodes):,}", ""),
        ("Policies", f"{len(world.policies):,}", made),
        ("Not modelled", f"{len(world.unmodelled):,}", "what they could change is unknown"),
    ][: 5 if world.unmodelled else 4]


def subtitle(survey: Survey) -> str:
    """How to read the matrix, and what is not in it."""
    if not survey.left_out:
        return "Rows are where connections begin, columns where they end. Namespaces that are alike stand together."
    return (
        f"Rows are where connections begin, columns where they end. {SHOWN_NAMESPACES} of"
        f" {len(survey.namespaces):,} namespaces are shown: those that the outside reaches, then those without default"
        f" deny, then the largest. The other {survey.left_out:,} are one row and one column."
    )


def diagnostics(found: Map) -> list[Diagnostic]:
    """What could not be read, then what is taken for granted."""
    every = [*found.model.world.diagnostics, *assumptions(found.model.world)]
    return sorted(every, key=lambda one: not one.incomplete)


def notes(survey: Survey) -> list[str]:
    """The same as lines, the first of them."""
    every = diagnostics(survey.found)
    lines = [f"{'Incomplete: ' if one.incomplete else ''}{told(one.message)}" for one in every[:_MOST_NOTES]]
    return [*lines, f"{len(every) - _MOST_NOTES:,} more notes"] if len(every) > _MOST_NOTES else lines
