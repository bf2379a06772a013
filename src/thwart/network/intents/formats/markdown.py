"""A verdict for a pull request: a table, then what is wrong, folded."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.network.intents.formats import verdict_format
from thwart.network.intents.formats._words import headline, reasons, summary
from thwart.network.intents.outcome import HELD, Outcome, Verdict


@verdict_format
def markdown(verdict: Verdict) -> str:
    """The verdict as GitHub-flavoured Markdown."""
    lines = [f"### {summary(verdict)}", "", "| | intent |", "| --- | --- |"]
    lines += [f"| {outcome.status} | {plain(outcome.intent.name)} |" for outcome in verdict.outcomes]
    for outcome in verdict.outcomes:
        if outcome.status != HELD:
            lines += _details(outcome)
    if verdict.unread:
        lines += ["", "Not read, so that nothing is certain:", ""]
        lines += [f"- {plain(one.path)}: {plain(one.message)}" for one in verdict.unread]
    return "\n".join(lines) + "\n"


def _details(outcome: Outcome) -> Iterator[str]:
    intent = outcome.intent
    yield from ("", "<details>", f"<summary>{outcome.status}: {plain(intent.name)}</summary>", "")
    if intent.why:
        yield from (plain(intent.why), "")
    yield f"{plain(headline(outcome))} ({plain(intent.path)}:{intent.line})"
    yield ""
    yield from (f"- {plain(line)}" for line in reasons(outcome))
    yield "</details>"


def plain(text: str) -> str:
    """Text of strangers: no mark of it is one of the document's, and it stays on its line."""
    found = "".join(char if char.isprintable() else " " for char in text)
    for mark, harmless in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        found = found.replace(mark, harmless)
    for mark in "\\|`*_[]#@~":
        found = found.replace(mark, "\\" + mark)
    return found
