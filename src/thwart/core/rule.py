"""Rules as reports and readers know them, and the answers to a framework's controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from thwart.core.advisory import Severity


class Rule(Struct, frozen=True, kw_only=True):
    """What a rule is about.

    `id` reads well after "allow". `why`, `fix`, `bad` and `good` are the parts of its page, as Markdown; a rule without
    a fix has the reason in its place. `references` are clauses of standards, as `STANDARD:CLAUSE`.
    """

    id: str
    title: str
    family: str
    severity: Severity
    confidence: str = "high"
    why: str = ""
    fix: str = ""
    bad: str = ""
    good: str = ""
    language: str = ""  # of the examples
    references: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The whole page as Markdown, without its heading."""
        facts = f"Severity: {self.severity.word}. Family: {self.family}."
        told = [f"{self.title}.", self.why, facts]
        told += [f"References: {', '.join(self.references)}."] if self.references else []
        told += [f"Bad:\n\n```{self.language}\n{self.bad}\n```", f"Good:\n\n```{self.language}\n{self.good}\n```"]
        return "\n\n".join([*told, f"Fix: {self.fix}"])


class Control(Struct, frozen=True, kw_only=True):
    """One control of a framework and its answer.

    `status` is `pass`, `fail`, `unknown` (something that it asks about could not be judged), `not-applicable` (nothing
    there that it asks about) or `manual` (no rule answers it: a person must look). `findings` counts what fails it.
    """

    framework: str  # with its version, as asked for: `pss-restricted@1.37`
    id: str
    title: str
    status: str
    findings: int = 0
    rules: tuple[str, ...] = ()
