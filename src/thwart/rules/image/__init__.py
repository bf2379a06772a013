"""Images and root file systems as they are: what their configuration says, and what lies in which of their layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from thwart.core.advisory import Severity
from thwart.core.finding import Diagnostic
from thwart.core.registry import Registry
from thwart.rules import FAMILIES, Family
from thwart.rules._member import Member, Run, register
from thwart.rules.image._image import Image

if TYPE_CHECKING:
    from thwart.rules import Options, Source

__all__ = ["DOCUMENT", "Image", "image_rule"]

DOCUMENT = ":image:"  # what the description of an image is called, as no file is

MEMBERS: Registry[Member] = Registry(__name__)


def image_rule(
    severity: Severity,
    *references: str,
    confidence: str = "high",
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Register a rule that judges an `Image`."""
    return register(
        MEMBERS,
        Image,
        severity,
        family="image",
        language="image",
        confidence=confidence,
        references=references,
        covered_by=covered_by,
    )


def named(path: str) -> bool:
    """Only what a scan has made."""
    return path == DOCUMENT


def claims(_: Source) -> bool:
    """The name decides."""
    return True


def read(source: Source, _: Options) -> Iterator[Image | Diagnostic]:
    """The image that the document describes."""
    from thwart.rules.image._image import read_image

    return read_image(source)


FAMILIES.add("image", Family(name="image", named=named, claims=claims, read=read, members=MEMBERS))
