"""What VEX documents say of findings: the latest statement on a vulnerability in a product decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.finding import Diagnostic, Finding, Suppressed
from thwart.core.vex import SUPPRESSING, Component, Document, Product, Statement
from thwart.gate.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from thwart.core.report import Report

_NEVER = datetime(1, 1, 1, tzinfo=UTC)


class _Said(NamedTuple):
    statement: Statement
    document: Document


class Vex:
    """The statements of documents, for one report. `not_affected` and `fixed` set a finding aside.

    A statement fits a finding when it names the vulnerability, in any case of letters, by any name of the finding's, and
    a product of it is the package, or is the asset or a package around it and has the package among its parts, if it has
    any. Of several that fit, the latest counts, so that `affected` and `under_investigation` take an earlier word back;
    of one moment and several documents, what sets nothing aside.
    """

    def __init__(self, documents: Iterable[Document], report: Report) -> None:
        self._documents = tuple(documents)
        self._by_name: dict[str, list[_Said]] = {}
        for document in self._documents:
            for statement in document.statements:
                for name in {name.casefold() for name in statement.names}:
                    self._by_name.setdefault(name, []).append(_Said(statement, document))
        self._identity = Identity(report) if self._by_name else None

    def accept(self, finding: Finding) -> Suppressed | None:
        """The finding set aside, or None."""
        if self._identity is None or finding.package is None:
            return None
        names = {name.casefold() for name in (finding.id, *finding.aliases, *finding.advisories)}
        said = {id(one.statement): one for name in names for one in self._by_name.get(name, ())}
        fitting = [one for one in said.values() if self._fits(one.statement, finding)]
        latest: dict[int, _Said] = {}
        for one in fitting:
            known = latest.get(id(one.document))
            if known is None or _rank(one.statement) > _rank(known.statement):
                latest[id(one.document)] = one
        last = max(latest.values(), key=lambda one: (one.statement.at or _NEVER, _keeps(one.statement)), default=None)
        if last is None or _keeps(last.statement):
            return None
        return _suppressed(finding, last)

    def _fits(self, statement: Statement, finding: Finding) -> bool:
        return any(self._about(product, finding) for product in statement.products)

    def _about(self, product: Product, finding: Finding) -> bool:
        identity, package = self._identity, finding.package
        if identity is None or package is None:
            return False
        if not product.parts:
            return identity.is_package(product.whole, package) or self._around(product.whole, finding)
        inside = any(identity.is_package(part, package) for part in product.parts)
        return inside and (identity.is_package(product.whole, package) or self._around(product.whole, finding))

    def _around(self, whole: Component, finding: Finding) -> bool:
        identity, package = self._identity, finding.package
        if identity is None or package is None:
            return False
        return identity.is_asset(whole) or identity.holds(whole, package)

    def diagnostics(self) -> Iterator[Diagnostic]:
        """What was not understood; none of it makes a report incomplete, as a finding that is left counts."""
        for document in self._documents:
            for problem in document.problems:
                yield Diagnostic(slug="vex-statement", message=problem, path=document.path, incomplete=False)


def _keeps(statement: Statement) -> bool:
    return statement.status not in SUPPRESSING


def _rank(statement: Statement) -> tuple[datetime, int, bool]:
    """The order of a document's statements: time, then the order in the document where it means one."""
    return statement.at or _NEVER, statement.order, _keeps(statement)


def _suppressed(finding: Finding, said: _Said) -> Suppressed:
    statement, document = said
    because = statement.justification or statement.why or "no reason given"
    more = f" ({statement.why})" if statement.why and statement.justification else ""
    name = document.id or document.path
    source = document.path if name == document.path else f"{name} in {document.path}"
    when = f" of {statement.at:%Y-%m-%d}" if statement.at is not None else ""
    return Suppressed(
        finding=finding,
        by="vex",
        reason=f"{statement.status}: {because}{more}, says {source}{when}",
        owner=document.author,
        status=statement.status,
        justification=statement.justification,
        document=name,
    )
