"""The map: boxes of workloads in boxes of namespaces on the left, a lane for each bundle of connections on the right.

A lane is upright. A dot on it is where a connection may begin, an arrowhead where it may end, and its ports stand above.
Nothing crosses but straight lines, and no two labels meet.
"""

from __future__ import annotations

from collections.abc import Mapping

from thwart.network.classes import OUTSIDE, POD
from thwart.network.picture.bundles import SEVERAL, WITHIN, Bundle
from thwart.network.picture.names import columns, several, short, told
from thwart.network.picture.rows import Row
from thwart.network.picture.shapes import Box, Drawing, Part, Path, Shape, Words, disc, number
from thwart.network.picture.survey import Survey
from thwart.network.picture.wiring import Wiring

_LEFT = 292.0  # the width of a namespace's box
_ROW = 28.0
_HEAD = 28.0  # above the workloads of a namespace
_PITCH = 22.0  # between lanes
_LETTER = 7.3
_WIDEST = 27  # columns of a lane's label
_SLANT = 0.707
_HEADINGS = {SEVERAL: "to several", WITHIN: "within each"}
_PLAIN = {"(outside)": "the outside", "(nodes)": "nodes"}


def board(survey: Survey, wiring: Wiring, links: Mapping[str, str]) -> Drawing:
    """The drawing. `links` are the parts of the page that list what reaches an area."""
    plan = _Plan(survey, wiring)
    shapes: list[Shape] = [*plan.namespaces(), *plan.lanes(links)]
    return Drawing(
        width=plan.width,
        height=plan.height,
        title="Who reaches whom, by workload",
        description=f"{len(wiring.rows)} boxes and {len(wiring.bundles)} lines between them; the list below says the same.",
        shapes=tuple(shapes),
    )


class _Plan:
    """Where everything stands."""

    def __init__(self, survey: Survey, wiring: Wiring) -> None:
        self.survey = survey
        self.wiring = wiring
        self.labels = {one: self._label(one) for one in wiring.bundles}
        heads = [self._heading(one.area) for one in wiring.bundles]
        longest = max(map(columns, [*self.labels.values(), *heads]), default=0) * _LETTER
        self.top = 20 + longest * _SLANT + 14
        self.padding = 0 if wiring.coarse else 5
        self.y: list[float] = []
        self.bands: dict[int, tuple[float, float]] = {}
        bottom = self._place_rows()
        self.x: dict[Bundle, float] = {}
        self.groups: dict[int, float] = {}
        right = self._place_lanes()
        self.right = right + 10
        self.far = self.right - _LEFT > 620  # the names again, at the other end
        again = max((columns(row.label) for row in wiring.rows), default=0) * _LETTER if self.far else 0
        self.width = round(self.right + max(longest * _SLANT, again) + 12)
        self.height = round(bottom + 8)

    def _place_rows(self) -> float:
        y = self.top
        for number_, area in enumerate(self.wiring.areas):
            inside = [row for row in self.wiring.rows if row.area == number_]
            if not inside:
                continue
            start = y
            y += _HEAD if area.what == POD and not self.wiring.coarse else self.padding
            for _ in inside:
                self.y.append(y + _ROW / 2)
                y += _ROW
            y += self.padding
            self.bands[number_] = (start, y)
            y += 1 if self.wiring.coarse else 12
        return y - 8

    def _place_lanes(self) -> float:
        x = _LEFT + 6
        before = -1
        for bundle in self.wiring.bundles:
            if bundle.area != before:
                x += 14 if before >= 0 else 8
                self.groups[bundle.area] = x + 6
                x += 10
                before = bundle.area
            x += _PITCH
            self.x[bundle] = x
        return x

    def _label(self, bundle: Bundle) -> str:
        ports = self.survey.found.model.ports.describe(bundle.ports) if bundle.ports else "several ports"
        words = "any port" if ports == "any" else ports
        return short(words, _WIDEST - 2) + (" ?" if bundle.unknown else "")

    def namespaces(self) -> list[Shape]:
        """The boxes, and a band from each across all lanes."""
        shapes: list[Shape] = []
        for number_, (start, end) in self.bands.items():
            area = self.wiring.areas[number_]
            look = "space" if area.what == POD else "space edge"
            shapes.append(Box(0.5, start, self.right - 0.5, end - start, "band", 5))
            if not self.wiring.coarse:
                shapes.append(Box(0.5, start, _LEFT, end - start, look, 5))
            if area.what == POD and not self.wiring.coarse:
                name = Words(12, start + 18, short(area.name, 30), "name")
                shapes.append(Part((name,), told(area.name)))
        for at, row in enumerate(self.wiring.rows):
            shapes.append(self._workload(at, row))
        return shapes

    def _workload(self, at: int, row: Row) -> Part:
        y = self.y[at]
        indent = 0.5 if self.wiring.coarse else 10.0
        shapes: list[Shape] = [
            Path(f"M{number(_LEFT)} {number(y)}H{number(self.right)}", "guide"),
            Box(indent, y - 11, _LEFT - 2 * indent, 22, "work", 4),
            Words(indent + 10, y + 4, row.label, "label"),
        ]
        if row.pods > 1:
            shapes.append(Words(_LEFT - indent - 8, y + 4, f"×{row.pods:,}", "count", "end"))
        if self.far:
            shapes.append(Words(self.right + 8, y + 4, row.label, "label faint"))
        area = self.wiring.areas[row.area]
        whose = f"{told(area.name)}: " if area.what == POD and not self.wiring.coarse else ""
        return Part(tuple(shapes), f"{whose}{row.title}")

    def lanes(self, links: Mapping[str, str]) -> list[Shape]:
        """The bundles, under the names of what they lead to."""
        shapes: list[Shape] = []
        for number_, x in self.groups.items():
            text = Words(x + 2, self.top - 10, self._heading(number_), "group", "start", -45)
            name = self._area_name(number_)
            shapes.append(Part((text,), f"what reaches {told(name)}" if name else "", links.get(name, "")))
            shapes.append(Path(f"M{number(x)} {number(self.top - 4)}V{number(self.height - 12)}", "hair"))
        shapes += [self._lane(bundle, links) for bundle in self.wiring.bundles]
        return shapes

    def _lane(self, bundle: Bundle, links: Mapping[str, str]) -> Part:
        x = self.x[bundle]
        ends = [self.y[at] for at in (*bundle.sources, *bundle.destinations)]
        look = self._look(bundle)
        shapes: list[Shape] = []
        if max(ends) > min(ends) and bundle.area != WITHIN:
            shapes.append(Path(f"M{number(x)} {number(min(ends))}V{number(max(ends))}", f"lane {look}"))
            # what a pointer can hit
            shapes.append(Box(x - 8, min(ends) - 8, 16, max(ends) - min(ends) + 16, "touch"))
        shapes += [disc(x, self.y[at], 4, f"from {look}") for at in bundle.sources]
        for at in bundle.destinations:
            y = self.y[at]
            tip = f"M{number(x - 15)} {number(y)}l9.5 -6v12z"
            if at not in bundle.sources:
                tip = f"M{number(x - 8)} {number(y)}l10 -6v12z"
            shapes.append(Path(tip, f"to {look}"))
        shapes.append(Words(x + 2, self.top - 10, self.labels[bundle], f"ports {look}", "start", -45))
        return Part(tuple(shapes), self._title(bundle), links.get(self._area_name(bundle.area), ""))

    def _look(self, bundle: Bundle) -> str:
        """Lines that cross the border of the cluster, of a namespace, or none."""
        sources, destinations = ({self.wiring.rows[at].area for at in ends} for ends in bundle[1:3])
        if any(self.wiring.areas[number_].what == OUTSIDE for number_ in sources | destinations):
            tone = "out"
        else:
            tone = "inner" if bundle.area == WITHIN or sources == destinations == {bundle.area} else "in"
        return f"{tone} doubt" if bundle.unknown else tone

    def _title(self, bundle: Bundle) -> str:
        ports = self.survey.found.model.ports.describe(bundle.ports) if bundle.ports else "several ports"
        here, there = (several([self._name(at) for at in ends], 160) for ends in (bundle.sources, bundle.destinations))
        state = ", but nobody can be certain" if bundle.unknown else ""
        there = "itself, each" if bundle.area == WITHIN else there
        return told(f"{here} → {there}: {'any port' if ports == 'any' else ports}{state}")

    def _name(self, at: int) -> str:
        row = self.wiring.rows[at]
        area = self.wiring.areas[row.area]
        return row.label if area.what != POD or self.wiring.coarse else f"{short(area.name, 40)}/{row.label}"

    def _area_name(self, area: int) -> str:
        return self.wiring.areas[area].name if area < len(self.wiring.areas) else ""

    def _heading(self, area: int) -> str:
        name = self._area_name(area)
        return _HEADINGS.get(area) or short(f"to {_PLAIN.get(name, name)}", _WIDEST)
