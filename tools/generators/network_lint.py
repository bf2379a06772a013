"""docs/reference/network-lint.md, from the docstrings of the checks."""

from __future__ import annotations

from collections.abc import Iterator

from tools.generators import page, table

from thwart.network.lint import MEMBERS

PATH = "docs/reference/network-lint.md"
INTRODUCTION = (
    "What `thwart net lint` looks for; [the guide](../guides/network-lint.md) tells how to run it. The severity in the "
    "table is the highest that a check gives; its section says when it gives less. Whatever is said of pods holds for "
    "those that were read."
)
UNUSED = (
    "A comment `# thwart: ignore[check] reason` accepts a check that is not found on its line, or gives no reason and is "
    "therefore not followed. It is told in files that have policies, for the checks that are run. Always `low`."
)


def generate() -> Iterator[tuple[str, bytes]]:
    """The page."""
    checks = MEMBERS.load()
    rows = [(f"[{slug}](#{slug})", one.severity.word, one.title) for slug, one in checks.items()]
    rows.append(("[unused-ignore](#unused-ignore)", "low", "A comment accepts what is not found."))
    sections = [f"## {slug}\n\n{_paragraphs(one.explanation)}" for slug, one in checks.items()]
    overview = table(("check", "severity", "finds"), rows)
    yield PATH, page("Checks of network policies", INTRODUCTION, overview, *sections, f"## unused-ignore\n\n{UNUSED}")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
