"""What a report looks like: reports in, bytes of one format out. One file per format; the folder is the index.

A writer is a pure function: the clock is the report's `created`, and identifiers are derived from the content,
so that the same report gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from thwart.core.errors import UsageError
from thwart.core.registry import Registry
from thwart.core.report import Report, Verdict

Judged = tuple[Report, Verdict]


class RenderOptions(Struct, frozen=True, kw_only=True):
    """How to draw: what the shell knows of the reader's screen and wishes.

    `width` is in columns and counts for text only; `links` allows terminal hyperlinks (OSC 8);
    `packages_only` leaves out findings, as `thwart sbom` wants it.
    """

    color: bool = False
    width: int = 100
    packages_only: bool = False
    verbose: bool = False
    links: bool = False


Render = Callable[[Sequence[Judged], RenderOptions], bytes]


class Format(Struct, frozen=True, kw_only=True):
    """A member: the writer, the media type of its bytes and the usual end of a file's name."""

    name: str
    render: Render
    media_type: str
    suffix: str


MEMBERS: Registry[Format] = Registry(__name__)

ALIASES = {
    "json": "json-v1",
    "table": "text",
    "cyclonedx-json": "cyclonedx",
    "spdx-json": "spdx",
    "md": "markdown",
}


def output(media_type: str, suffix: str) -> Callable[[Render], Render]:
    """Register a writer under its module's name, with `-` for `_`."""

    def register(render: Render) -> Render:
        module = render.__module__.rpartition(".")[2]
        name = module.replace("_", "-")
        MEMBERS.add(module, Format(name=name, render=render, media_type=media_type, suffix=suffix))
        return render

    return register


def formats() -> list[str]:
    """The names of all formats; imports none of them."""
    return [name.replace("_", "-") for name in MEMBERS.names()]


def format_of(name: str) -> Format:
    """The format of that name or alias; imports only its module.

    Raises:
        UsageError: there is no such format.
    """
    known = ALIASES.get(name, name)
    member = MEMBERS.get(known.replace("-", "_")) if known == known.lower() else None
    if member is None:
        raise UsageError(f'there is no output format "{name}"', *_suggestions(name))
    return member


def write(name: str, reports: Sequence[Judged], options: RenderOptions) -> bytes:
    """Reports and their verdicts, in the order given, as the bytes of one document.

    Raises:
        UsageError: there is no format of that name.
        ValueError: there is no report at all, which no document may present as a clean one.
    """
    if not reports:
        raise ValueError("no report to write")
    return format_of(name).render(reports, options)


def _suggestions(name: str) -> list[str]:
    from difflib import get_close_matches

    known = formats()
    near = get_close_matches(name.lower(), [*known, *ALIASES], n=1)
    return [*(f"did you mean {word}?" for word in near), f"choose one of {', '.join(known)}"]
