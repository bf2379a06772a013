"""What a format's module is given, what it may say, and how it joins the room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from thwart.core.registry import Registry
from thwart.core.trust import Artifact, Attestation, Bounds, Piece, Reason, Signature

if TYPE_CHECKING:
    from thwart.trust.anchors import Anchors


class RefusedError(Exception):
    """Evidence that does not count: a slug and one sentence."""

    def __init__(self, slug: str, sentence: str) -> None:
        super().__init__(sentence)
        self.slug = slug
        self.sentence = sentence


class Case(Struct, frozen=True, kw_only=True):
    """Everything that a format may look at. `remembered` is from the last run; `learnt` is filled for the next one."""

    artifact: Artifact
    pieces: tuple[Piece, ...]
    anchors: Anchors
    now: datetime
    bounds: Bounds
    remembered: Mapping[str, int]
    learnt: dict[str, int] = field(default_factory=dict)

    def each(self, one: Callable[[Case, Piece], Iterable[Found]]) -> Iterable[Found]:
        """The finds of formats whose pieces stand alone; what a piece makes `one` refuse becomes a reason."""
        for piece in self.pieces:
            try:
                yield from one(self, piece)
            except RefusedError as refused:
                yield Reason(slug=refused.slug, sentence=refused.sentence, where=piece.where)


Found = Signature | Attestation | Reason
Format = Callable[[Case], Iterable[Found]]

FORMATS: Registry[Format] = Registry("thwart.trust.formats")


def reads(*names: str) -> Callable[[Format], Format]:
    """Register a function that verifies all pieces of these formats together."""

    def register(function: Format) -> Format:
        for name in names:
            FORMATS.add(name, function)
        return function

    return register
