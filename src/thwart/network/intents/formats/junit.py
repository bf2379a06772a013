"""A verdict for pipelines that show tests: a suite for each file of intents, a case for each intent."""

from __future__ import annotations

from thwart.lib import junit_xml
from thwart.lib.junit_xml import ERROR, FAILURE, PASSED, Case, Suite
from thwart.network.intents.formats import verdict_format
from thwart.network.intents.formats._words import headline, reasons
from thwart.network.intents.outcome import BROKEN, EMPTY, HELD, UNKNOWN, Outcome, Verdict

_OUTCOMES = {HELD: PASSED, BROKEN: FAILURE, EMPTY: FAILURE, UNKNOWN: ERROR}


@verdict_format
def junit(verdict: Verdict) -> str:
    """The verdict as JUnit XML. What is broken, or proves nothing, is a failure; what is unknown is an error."""
    files: dict[str, list[Case]] = {}
    for outcome in verdict.outcomes:
        files.setdefault(outcome.intent.path, []).append(_case(outcome))
    suites = [Suite(name=path, cases=tuple(cases)) for path, cases in files.items()]
    if verdict.unread:
        unread = [
            Case(name=f"{one.slug}: {one.path}", classname="reading", outcome=ERROR, kind=one.slug, message=one.message)
            for one in verdict.unread
        ]
        suites.append(Suite(name="reading", cases=tuple(unread)))
    return junit_xml.write("thwart net verify", suites)


def _case(outcome: Outcome) -> Case:
    intent = outcome.intent
    held = outcome.status == HELD
    said = [f"why: {' '.join(intent.why.split())}"] if intent.why else []
    return Case(
        name=intent.name,
        classname=intent.kind,
        file=intent.path,
        line=intent.line,
        outcome=_OUTCOMES[outcome.status],
        kind="" if held else outcome.status,
        message="" if held else headline(outcome),
        text="" if held else "\n".join([*said, *reasons(outcome)]),
    )
