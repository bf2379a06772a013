"""OpenVEX 0.2.0 and its forerunners 0.0.x (openvex/spec, OPENVEX-SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from thwart.core.vex import JUSTIFICATIONS, NOT_AFFECTED, STATUSES, Component, Document, Product, Statement
from thwart.matching.vex import form
from thwart.matching.vex._parts import Object, Problems, component, moment, prose, table, text, texts

if TYPE_CHECKING:
    from datetime import datetime

_CONTEXT = "https://openvex.dev/ns"


def _claims(document: Object) -> bool:
    context = document.get("@context")
    stated = context if isinstance(context, list) else [context]
    return any(isinstance(one, str) and one.startswith(_CONTEXT) for one in stated)


@form(_claims)
def openvex(document: Object, path: str) -> Document:
    """A statement inherits its time from the document ("Inheritance flow"); of one time the last counts."""
    problems = Problems()
    issued = moment(text(document, "timestamp"))
    statements = document.get("statements")
    found = [
        statement
        for order, one in enumerate(statements if isinstance(statements, list) else [])
        if (statement := _statement(one, order, issued, problems)) is not None
    ]
    return Document(
        path=path,
        id=text(document, "@id"),
        author=text(document, "author"),
        statements=tuple(found),
        problems=problems.sentences(),
    )


def _statement(one: object, order: int, issued: datetime | None, problems: Problems) -> Statement | None:
    names = _names(one)
    status, justification = text(one, "status"), text(one, "justification")
    shown = next(iter(names), f"number {order + 1}")
    if not names:
        problems.add("of a document name no vulnerability", shown)
    elif status not in STATUSES:
        problems.add("have a status that VEX does not know", f"{shown} is {status or 'nothing'}")
    elif status == NOT_AFFECTED and justification not in JUSTIFICATIONS and not text(one, "impact_statement"):
        # "a VEX statement MUST include either a status justification or an impact_statement"
        problems.add("say not_affected without a justification, so they do not count", shown)
    else:
        products = tuple(_products(one, shown, problems))
        if products:
            return Statement(
                names=tuple(names),
                status=status,
                products=products,
                at=moment(text(one, "timestamp")) or issued,
                order=order,
                justification=justification if justification in JUSTIFICATIONS else "",
                why=prose(text(one, "impact_statement"), text(one, "status_notes")),
            )
    return None


def _names(one: object) -> list[str]:
    """Name and aliases; 0.0.x has a text instead. Without a name, the last part of the IRI."""
    stated = text(one, "vulnerability")
    if stated:
        return [stated]
    vulnerability = table(one, "vulnerability")
    name = text(vulnerability, "name") or text(vulnerability, "@id").rpartition("/")[2]
    return [found for found in (name, *texts(vulnerability, "aliases")) if found.strip()]


def _products(one: object, shown: str, problems: Problems) -> Iterator[Product]:
    products = one.get("products") if isinstance(one, dict) else None
    if not isinstance(products, list) or not products:
        problems.add("name no product", shown)
        return
    shared = one.get("subcomponents") if isinstance(one, dict) else None  # 0.0.x has them beside the products
    for product in products:
        stated = product.get("subcomponents") if isinstance(product, dict) else None
        inner = stated or shared
        whole = _component(product)
        parts = [_component(part) for part in inner] if isinstance(inner, list) else []
        problems.spend(1 + (len(parts) if stated else 0))
        known = tuple(part for part in parts if part is not None)
        # What has parts of which none can be read is about something in the product, never about all of it.
        if whole is None or len(known) < len(parts) or (inner and not known):
            problems.add("identify a product or a part of it by nothing that can be compared", shown)
        if whole is not None and (known or not inner):
            yield Product(whole=whole, parts=known)


def _component(stated: Any) -> Component | None:  # noqa: ANN401 - JSON
    if isinstance(stated, str):
        return component([stated])
    identifiers = [text(stated, "@id"), text(table(stated, "identifiers"), "purl")]
    hashes = ((kind, value) for kind, value in table(stated, "hashes").items() if isinstance(value, str))
    return component(identifiers, hashes)
