"""The matrix of namespaces: a row for each that sends, a column for each that receives."""

from __future__ import annotations

from collections.abc import Mapping

from thwart.network.classes import HOST, OUTSIDE, POD
from thwart.network.mapping import ALL, NONE
from thwart.network.model import EGRESS, INGRESS
from thwart.network.picture.names import columns, counted, short, told
from thwart.network.picture.shapes import Box, Drawing, Part, Path, Shape, Words, disc, number
from thwart.network.picture.survey import REST, Area, Reach, Survey

_WIDEST = 30  # columns of a head
_LETTER = 7.3  # pixels of a character of a head
_GAP = 10  # around what is no namespace
_SLANT = 0.707
NUMBERED = 24  # from this side on, a cell has room for a number


def matrix(survey: Survey, links: Mapping[tuple[str, str], str]) -> Drawing:
    """The drawing. `links` are the parts of the page that list what flows between two areas."""
    grid = _Grid(survey.areas)
    shapes: list[Shape] = [*grid.bands(), *grid.heads()]
    for here in survey.areas:
        shapes += grid.guard(here)
        for there in survey.areas:
            pair = (here.name, there.name)
            if pair in survey.reach:
                shapes.append(grid.cell(here, there, survey.reach[pair], links.get(pair, "")))
    return Drawing(
        width=grid.width,
        height=grid.height,
        title="Who reaches whom, by namespace",
        description=f"Rows are where connections begin, columns where they end. {_summary(survey)}",
        shapes=tuple(shapes),
    )


def _summary(survey: Survey) -> str:
    reaches = survey.reach.values()
    words = [
        f"{sum(one.certain == word for one in reaches)} pairs {meaning}"
        for word, meaning in ((ALL, "are wholly open"), ("some", "are partly open"), (NONE, "are closed"))
    ]
    return f"{', '.join(words)}; {sum(one.doubtful for one in reaches)} pairs are unknown in part."


def cell_size(areas: int) -> int:
    """The side of a cell of a matrix of so many areas."""
    return max(15, min(44, 860 // max(areas, 1)))


class _Grid:
    """Where everything stands."""

    def __init__(self, areas: list[Area]) -> None:
        self.areas = areas
        self.size = cell_size(len(areas))
        self.slanted = self.size >= 22
        widest = max((min(columns(area.name), _WIDEST) for area in areas), default=0) * _LETTER
        self.guards = any(area.what == POD for area in areas)
        self.left = max(96.0, 12 + widest) + 16
        self.begin = self.left + (2 * self.small + 18 if self.guards else 0)
        reach = max(widest, 8 * _LETTER if self.guards else 0)
        self.top = 16 + (reach * _SLANT if self.slanted else reach) + 12
        self.at: dict[str, float] = {}
        place = 0.0
        before = ""
        for area in areas:
            place += _GAP if before and before != area.what else 0
            self.at[area.name] = place
            place += self.size
            before = area.what
        self.extent = place
        self.width = round(self.begin + place + (widest * _SLANT if self.slanted else 0) + 12)
        self.height = round(self.top + place + 6)

    @property
    def small(self) -> float:
        """The width of a mark for default deny."""
        return max(15, min(24, self.size * 0.7))

    def bands(self) -> list[Shape]:
        """What the axes mean."""
        y = self.top + self.extent
        return [
            Words(self.left - 16, self.top - 8, "from ↓  to →", "axis", "end"),
            *([] if not self.guards else [Path(f"M{number(self.begin - 9)} {number(self.top)}V{number(y)}", "hair")]),
        ]

    def heads(self) -> list[Shape]:
        """The names of rows and columns."""
        shapes: list[Shape] = []
        letters = "head" if self.size >= 20 else "head fine"
        for area in self.areas:
            middle = self.at[area.name] + self.size / 2
            look = letters if area.what == POD else letters + " edge"
            row = Words(self.left - 16, self.top + middle + 4, short(area.name, _WIDEST), look, "end")
            shapes += [Part((row,), _who(area)), self._column(area.name, self.begin + middle, look, _who(area))]
        if self.guards:
            for name, at in ((INGRESS, 0.5), (EGRESS, 1.5)):
                shapes.append(self._column(name, self.left + at * self.small, "head faint", ""))
        return shapes

    def _column(self, name: str, x: float, look: str, title: str) -> Part:
        if self.slanted:
            return Part((Words(x + 2, self.top - 8, short(name, _WIDEST), look, "start", -45),), title)
        return Part((Words(x + 4, self.top - 8, short(name, _WIDEST), look, "start", -90),), title)

    def guard(self, area: Area) -> list[Shape]:
        """Whether a policy isolates every pod of the namespace: a bar where it does, a red ring where none does."""
        if area.what != POD:
            return []
        shapes: list[Shape] = []
        y = self.top + self.at[area.name] + self.size / 2
        for slot, (way, verb) in enumerate(((INGRESS, "reaches"), (EGRESS, "leaves"))):
            x = self.left + (slot + 0.5) * self.small
            closed = way in area.closed
            mark: Shape = (
                Box(x - 2, y - self.small * 0.36, 4, self.small * 0.72, "wall", 1)
                if closed
                else disc(x, y, self.small * 0.25, "ring")
            )
            what = (
                f"a policy denies by default what {verb} it"
                if closed
                else f"no policy denies what {verb} it by default"
            )
            shapes.append(Part((mark,), f"{told(area.name)}: {what} ({way})"))
        return shapes

    def cell(self, here: Area, there: Area, reach: Reach, link: str) -> Part:
        """What one reaches of the other."""
        x, y = self.begin + self.at[there.name] + 1, self.top + self.at[here.name] + 1
        side = self.size - 2
        tone = "out" if OUTSIDE in (here.what, there.what) else "in"
        shapes: list[Shape] = []
        if reach.certain == NONE and not reach.doubtful:
            shapes = [Box(x, y, side, side, "cell", 2), disc(x + side / 2, y + side / 2, 1.5, "dot")]
        elif reach.certain == ALL:
            shapes = [Box(x, y, side, side, f"cell all {tone}", 2)]
        else:
            look = f"cell some {tone}" if reach.certain != NONE else "cell"
            shapes = [Box(x, y, side, side, look, 2), *self._inside(x, y, side, tone, reach)]
        if here.name == there.name:
            shapes.append(Box(x + 0.75, y + 0.75, side - 1.5, side - 1.5, "self", 2))
        return Part(tuple(shapes), f"{told(here.name)} to {told(there.name)}: {meaning(reach)}", link)

    def _inside(self, x: float, y: float, side: float, tone: str, reach: Reach) -> list[Shape]:
        shapes: list[Shape] = [hatched(x, y, side)] if reach.doubtful else []
        middle, base = x + side / 2, y + side / 2 + 4.5
        if side >= NUMBERED:
            text = "?" if reach.certain == NONE else _figure(reach.connected) if reach.possible else ""
            if text:
                shapes.append(Words(middle, base, text, "figure", "middle"))
        elif reach.certain != NONE:
            share = reach.connected / reach.possible if reach.possible else 0.4
            inner = side * (0.3 + 0.4 * min(share, 1) ** 0.5)
            shapes.append(Box(middle - inner / 2, y + (side - inner) / 2, inner, inner, f"inner {tone}", 1))
        return shapes


def _figure(count: int) -> str:
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 9_950 else f"{count // 1000}k" if count < 100_000 else ">99k"


def hatched(x: float, y: float, side: float) -> Path:
    """Slanted lines in a square."""
    lines = []
    step = side / 3
    for k in range(1, 6):
        at = k * step
        low, high = max(0.0, at - side), min(at, side)
        lines.append(f"M{number(x + low)} {number(y + at - low)}L{number(x + high)} {number(y + at - high)}")
    return Path("".join(lines), "hatch")


def meaning(reach: Reach) -> str:
    """What a cell says, in words."""
    known = {ALL: "every pod on every port", NONE: "nothing"}.get(reach.certain, "some")
    if reach.certain not in (ALL, NONE) and reach.possible:
        known += f": {reach.connected:,} of {counted(reach.possible, 'pair')} of workloads are connected"
    return known + ("; more is unknown" if reach.doubtful else "")


def _who(area: Area) -> str:
    if area.what == POD:
        open_ways = [way for way in (INGRESS, EGRESS) if way not in area.closed]
        state = f"no default deny for {' and '.join(open_ways)}" if open_ways else "denied by default both ways"
        return f"{told(area.name)}: {counted(area.pods, 'pod or workload', 'pods and workloads')}; {state}"
    if area.what == REST:
        return f"{area.name[1:-1]}: {counted(area.pods, 'pod or workload', 'pods and workloads')}, together"
    return "nodes, and pods in their network" if area.what == HOST else "addresses outside the cluster"
