"""CycloneDX (ECMA-424): `vulnerabilities` with an analysis, in a bill of materials or in a document of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec.structs import replace

from thwart.core.vex import AFFECTED, FIXED, NOT_AFFECTED, UNDER_INVESTIGATION, Component, Document, Product, Statement
from thwart.lib import vers
from thwart.matching.vex import form
from thwart.matching.vex._parts import Object, Problems, component, moment, prose, rows, table, text, texts

if TYPE_CHECKING:
    from datetime import datetime

_STATES = {
    "resolved": FIXED,
    "resolved_with_pedigree": FIXED,
    "exploitable": AFFECTED,
    "in_triage": UNDER_INVESTIGATION,
    "false_positive": NOT_AFFECTED,
    "not_affected": NOT_AFFECTED,
}
_LINK = "urn:cdx:"


def _claims(document: Object) -> bool:
    return document.get("bomFormat") == "CycloneDX"


@form(_claims)
def cyclonedx(document: Object, path: str) -> Document:
    """What `affects` refers to, by `bom-ref` or BOM-Link. Without a state, a vulnerability says nothing of its own.

    A BOM-Link into another document has a package URL as its reference, or cannot be followed. Where the document is
    about an image (its root has a package URL of type `oci` or `docker`), so is each statement.
    """
    problems = Problems()
    metadata = table(document, "metadata")
    root = table(metadata, "component")
    subject = _component(root)
    image = subject if subject is not None and any(one.type in ("oci", "docker") for one in subject.purls) else None
    known = dict(_components(document, root))
    issued = moment(text(metadata, "timestamp"))
    found = []
    for one in rows(document, "vulnerabilities"):
        products = tuple(_products(one, known, image, problems)) if table(one, "analysis").get("state") else ()
        statement = _statement(one, products, issued, problems)
        if products and statement is not None:
            found.append(statement)
    return Document(
        path=path,
        id=text(document, "serialNumber"),
        author=_author(metadata),
        statements=tuple(found),
        problems=problems.sentences(),
    )


def _author(metadata: Object) -> str:
    named = [text(one, "name") or text(one, "email") for one in rows(metadata, "authors")]
    makers = (text(table(metadata, key), "name") for key in ("supplier", "manufacturer", "manufacture"))
    return ", ".join(one for one in named if one) or next((one for one in makers if one), "")


def _statement(
    one: Object, products: tuple[Product, ...], issued: datetime | None, problems: Problems
) -> Statement | None:
    analysis = table(one, "analysis")
    state, name = text(analysis, "state"), text(one, "id")
    if not state:
        return None
    if state not in _STATES:
        problems.add("have a state that CycloneDX does not know", f"{name} is {state}")
        return None
    names = [name, *(text(other, "id") for other in rows(one, "references"))]
    dates = [text(analysis, "lastUpdated"), text(analysis, "firstIssued"), text(one, "updated")]
    return Statement(
        names=tuple(found for found in names if found),
        status=_STATES[state],
        products=products,
        at=moment(*(found for found in dates if found)) or issued,
        justification=text(analysis, "justification"),
        why=prose(text(analysis, "detail"), *texts(analysis, "response")),
    )


def _components(document: Object, root: Object) -> Iterator[tuple[str, Component]]:
    """Every component by its `bom-ref`, those inside others too."""
    waiting = [root, *rows(document, "components")]
    while waiting:
        one = waiting.pop()
        waiting.extend(rows(one, "components"))
        known = _component(one)
        if known is not None and text(one, "bom-ref"):
            yield text(one, "bom-ref"), known


def _component(one: Object) -> Component | None:
    hashes = ((text(each, "alg"), text(each, "content")) for each in rows(one, "hashes"))
    return component([text(one, "purl")], ((_algorithm(kind), value) for kind, value in hashes))


def _algorithm(name: str) -> str:
    """As IANA spells it: `SHA-1` is `sha1` there."""
    return {"sha-1": "sha1"}.get(name.lower(), name.lower())


def _products(
    one: Object, known: Mapping[str, Component], image: Component | None, problems: Problems
) -> Iterator[Product]:
    name = text(one, "id") or "no name"
    for affected in rows(one, "affects"):
        problems.spend(1)
        target = _target(text(affected, "ref"), known)
        if target is None:
            problems.add("affect what is neither in the document nor a package URL", f"{name} {text(affected, 'ref')}")
            continue
        versions = [text(each, "version") or text(each, "range") for each in rows(affected, "versions")]
        unreadable = [each for each in versions if each.startswith("vers:") and not vers.valid(each)]
        if unreadable:
            problems.add("name a range of versions that cannot be read", f"{name} {unreadable[0]}")
            continue
        problems.spend(len(versions))
        narrowed = replace(target, versions=tuple(each for each in versions if each))
        if image is None or target == image:
            yield Product(whole=narrowed)
        else:
            yield Product(whole=image, parts=(narrowed,))


def _target(ref: str, known: Mapping[str, Component]) -> Component | None:
    """What a reference means; that of a BOM-Link is percent-encoded, or written as it is."""
    bare = ref.partition("#")[2] if ref.startswith(_LINK) else ref
    for spelling in (bare, unquote(bare)):
        if spelling in known:
            return known[spelling]
    return next((found for spelling in (bare, unquote(bare)) if (found := _by_purl(spelling)) is not None), None)


def _by_purl(ref: str) -> Component | None:
    return component([ref]) if ref.startswith("pkg:") else None
