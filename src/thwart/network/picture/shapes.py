"""What a drawing is made of. Lengths are in pixels, `look` names a style."""

from __future__ import annotations

from msgspec import Struct


class Box(Struct, frozen=True):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    look: str
    radius: float = 0


class Path(Struct, frozen=True):
    """Lines and curves, as SVG's `d` (SVG 2, section 9.3)."""

    d: str
    look: str


class Words(Struct, frozen=True):
    """A line of text. It begins, is centred or ends at `x` (`anchor`), and turns by `turn` degrees around its start."""

    x: float
    y: float
    text: str
    look: str
    anchor: str = "start"
    turn: int = 0


class Part(Struct, frozen=True):
    """Shapes that belong together, moved by `x` and `y`.

    `title` is told when a pointer rests on them, `link` leads to a part of the page.
    """

    shapes: tuple[Shape, ...]
    title: str = ""
    link: str = ""
    x: float = 0
    y: float = 0


Shape = Box | Path | Words | Part


class Drawing(Struct, frozen=True, kw_only=True):
    """A picture of a size, with what it says for those who do not see it."""

    width: float
    height: float
    title: str
    description: str
    shapes: tuple[Shape, ...]


def disc(x: float, y: float, radius: float, look: str) -> Path:
    """A circle."""
    r = number(radius)
    return Path(
        f"M{number(x - radius)} {number(y)}a{r} {r} 0 1 0 {number(2 * radius)} 0a{r} {r} 0 1 0 {number(-2 * radius)} 0z",
        look,
    )


def number(value: float) -> str:
    """A length, with no more digits than can be seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))
