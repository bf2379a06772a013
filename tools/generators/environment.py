"""docs/reference/environment.md, from the table of variables behind `thwart help environment`."""

from __future__ import annotations

from collections.abc import Iterator

from tools.generators import page

from thwart.cli.help import VARIABLES

PATH = "docs/reference/environment.md"
INTRODUCTION = (
    "Every environment variable that Thwart reads. Except where it says otherwise, an empty variable counts as one "
    "that is not set. Secrets come from the environment or from files, never from a flag. "
    "`thwart help environment` prints the same list."
)


def generate() -> Iterator[tuple[str, bytes]]:
    """A heading for every variable."""
    parts = [part for name, about in VARIABLES for part in (f"## {name}", f"{about[:1].upper()}{about[1:]}.")]
    yield PATH, page("Environment variables", INTRODUCTION, *parts)
