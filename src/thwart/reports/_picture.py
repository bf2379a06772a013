"""The geometry of the pictures: shares of a whole, as percentages that an SVG can use. No markup."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.upgrades import FixGroup, risk
from thwart.reports._view import many, tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from thwart.core.finding import Finding
    from thwart.reports._view import View

STAIRS_SHOWN = 12
STRATA_SHOWN = 40


class Slice(NamedTuple):
    """A coloured stretch of a bar: from `start`, `length` long, both in per cent of the bar's full length."""

    word: str
    number: int
    start: float
    length: float


def slices(findings: Iterable[Finding], whole: int) -> list[Slice]:
    """A bar of findings by severity, the worst first; `whole` findings are the full length."""
    drawn, start = [], 0.0
    for word, count in tally(findings):
        length = 100.0 * count / max(whole, 1)
        drawn.append(Slice(word, count, round(start, 3), round(length, 3)))
        start += length
    return drawn


class Stair(NamedTuple):
    """One upgrade's step down: it takes `removed` per cent of the risk and leaves `left` per cent."""

    rank: int
    group: FixGroup
    removed: float
    left: float


class Staircase(NamedTuple):
    """All upgrades in order. `more` are those past the shown ones, together; `unfixed` is what no upgrade removes.

    `more_closes` counts defects, each id once; `closed` counts findings.
    """

    steps: tuple[Stair, ...]
    more: int
    more_closes: int
    more_removed: float
    unfixed: float
    removed: float
    closed: int


def staircase(view: View, shown: int = STAIRS_SHOWN) -> Staircase:
    """How the risk falls, upgrade by upgrade. The whole is the risk of all groups and of what has no upgrade."""
    groups = view.groups
    rest = risk(view.unfixed)
    total = sum(group.risk for group in groups) + rest
    steps, left = [], 100.0
    for rank, group in enumerate(groups[:shown], 1):
        removed = 100.0 * group.risk / total if total else 0.0
        left = max(0.0, left - removed)
        steps.append(Stair(rank, group, round(removed, 3), round(left, 3)))
    unfixed = 100.0 * rest / total if total else 0.0
    later = groups[shown:]
    return Staircase(
        steps=tuple(steps),
        more=len(later),
        more_closes=len({finding.id for group in later for finding in group.findings}),
        more_removed=round(max(0.0, left - unfixed), 3) if later else 0.0,
        unfixed=round(unfixed, 3),
        removed=round(100.0 - unfixed, 3) if total else 0.0,
        closed=sum(len(group.findings) for group in groups),
    )


class Stratum(NamedTuple):
    """A layer, or a file that lists packages where there are no layers; several empty layers are one stratum."""

    name: str
    line: str
    size: int
    packages: int
    findings: tuple[Finding, ...]
    share: float  # of the report's risk, per cent
    bar: tuple[Slice, ...]
    crowd: float  # packages, per cent of the stratum that has the most


def strata(view: View) -> list[Stratum]:
    """Where packages and findings come from, lowest layer first."""
    places = _layers(view) if view.report.layers else _files(view)
    whole = max((len(place.findings) for place in places), default=0)
    crowd = max((place.packages for place in places), default=0)
    total = sum(risk(place.findings) for place in places)
    return [
        place._replace(
            bar=tuple(slices(place.findings, whole)),
            crowd=round(100.0 * place.packages / crowd, 3) if crowd else 0.0,
            share=round(100.0 * risk(place.findings) / total, 3) if total else 0.0,
        )
        for place in places
    ]


def _stratum(name: str, line: str, size: int, packages: int, findings: Sequence[Finding]) -> Stratum:
    return Stratum(name, line, size, packages, tuple(findings), 0.0, (), 0.0)


def _layers(view: View) -> list[Stratum]:
    inside = _counted(view, lambda layer, _: layer)
    found: list[Stratum] = []
    empty: list[str] = []
    for layer in view.report.layers:
        packages, findings = inside.pop(layer.diff_id, (0, []))
        if packages or findings:
            found += _gap(empty)
            empty = []
            line = view.history_of(layer.diff_id)
            found.append(_stratum(str(layer.index + 1), line, layer.size, packages, findings))
        else:
            empty.append(str(layer.index + 1))
    found += _gap(empty)
    others = [(packages, findings) for packages, findings in inside.values()]
    if others:
        findings = [finding for _, several in others for finding in several]
        found.append(_stratum("", "in no layer of this image", 0, sum(count for count, _ in others), findings))
    return found


def _gap(empty: Sequence[str]) -> list[Stratum]:
    if not empty:
        return []
    name = empty[0] if len(empty) == 1 else f"{empty[0]}–{empty[-1]}"
    return [_stratum(name, f"{many(len(empty), 'layer')} without packages", 0, 0, ())]


def _files(view: View) -> list[Stratum]:
    inside = _counted(view, lambda _, path: path)
    ranked = sorted(inside.items(), key=lambda item: (-risk(item[1][1]), item[0]))
    shown = [_stratum("", path or "place not known", 0, *counts) for path, counts in ranked[:STRATA_SHOWN]]
    rest = [counts for _, counts in ranked[STRATA_SHOWN:]]
    if rest:
        findings = [finding for _, several in rest for finding in several]
        shown.append(_stratum("", f"{many(len(rest), 'more file')}", 0, sum(count for count, _ in rest), findings))
    return shown


def _counted(view: View, choose: Callable[[str, str], str]) -> dict[str, tuple[int, list[Finding]]]:
    """Packages and findings by what `choose` makes of their layer and their first path."""
    packages: Counter[str] = Counter()
    findings: dict[str, list[Finding]] = {}
    for package in view.report.packages:
        packages[choose(package.layer, package.locations[0].path if package.locations else "")] += 1
    for finding in view.report.findings:
        owner = finding.package
        places = finding.locations or (owner.locations if owner else ())
        layer = owner.layer if owner else places[0].layer if places else ""
        findings.setdefault(choose(layer, places[0].path if places else ""), []).append(finding)
    return {key: (packages[key], findings.get(key, [])) for key in {**packages, **findings}}
