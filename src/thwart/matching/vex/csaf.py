"""CSAF 2.0 and 2.1, profile 5 "VEX" (OASIS, csaf-v2.0-os): product tree, product status, flags and threats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.vex import AFFECTED, FIXED, NOT_AFFECTED, UNDER_INVESTIGATION, Component, Document, Product, Statement
from thwart.lib import vers
from thwart.matching.vex import form
from thwart.matching.vex._parts import Object, Problems, component, moment, prose, rows, table, text, texts

if TYPE_CHECKING:
    from datetime import datetime

_STATUSES = {
    "fixed": FIXED,
    "first_fixed": FIXED,
    "known_not_affected": NOT_AFFECTED,
    "known_affected": AFFECTED,
    "first_affected": AFFECTED,
    "last_affected": AFFECTED,
    "under_investigation": UNDER_INVESTIGATION,
}
_INSIDE = frozenset(
    {"default_component_of", "optional_component_of", "external_component_of", "installed_on", "installed_with"}
)
# Operating systems that vendors name by CPE alone: Red Hat's `enterprise_linux:9` and SUSE's `sles:15:sp5`.
_RHEL = re.compile(r"cpe:(?:2\.3:|/)[oa]:redhat:enterprise_linux:(\d+(?:\.\d+)?)(?::.*)?")
_SLES = re.compile(r"cpe:(?:2\.3:|/)o:suse:sles:(\d+)(?::(?:sp(\d+))?(?::.*)?)?")


def _claims(document: Object) -> bool:
    return text(table(document, "document"), "csaf_version").startswith("2.")


@form(_claims)
def csaf(document: Object, path: str) -> Document:
    """Each vulnerability's product status, a statement for each status and reason.

    Products are identified by package URL, by hash, or, where something is installed on them, as an operating system.
    """
    head = table(document, "document")
    tracking = table(head, "tracking")
    problems = Problems()
    tree = _Tree(table(document, "product_tree"), problems)
    issued = moment(text(tracking, "current_release_date"), text(tracking, "initial_release_date"))
    found = [
        statement for one in rows(document, "vulnerabilities") for statement in _statements(one, tree, issued, problems)
    ]
    return Document(
        path=path,
        id=text(tracking, "id"),
        author=text(table(head, "publisher"), "name"),
        statements=tuple(found),
        problems=problems.sentences(),
    )


class _Reason(NamedTuple):
    justification: str = ""
    why: str = ""
    at: datetime | None = None


def _statements(one: Object, tree: _Tree, issued: datetime | None, problems: Problems) -> Iterator[Statement]:
    names = [text(one, "cve"), *(text(each, "text") for each in rows(one, "ids"))]
    names = [name for name in names if name]
    if not names:
        problems.add("of a document name no vulnerability", text(one, "title"))
        return
    reasons = _reasons(one, tree, problems)
    everywhere = reasons.get("", _Reason())
    for key, status in _STATUSES.items():
        grouped: dict[_Reason, list[Product]] = {}
        for identifier in dict.fromkeys(texts(table(one, "product_status"), key)):
            reason = reasons.get(identifier, everywhere)
            if status == NOT_AFFECTED and not (reason.justification or reason.why):
                # Profile 5: an impact statement SHALL exist as a flag or a threat for each of these products.
                problems.add("say not_affected without a flag or an impact, so they do not count", names[0])
                continue
            product = tree.product(identifier)
            if product is None:
                problems.add("identify a product by nothing that can be compared", f"{names[0]} {identifier}")
            else:
                grouped.setdefault(reason, []).append(product)
        for reason, products in grouped.items():
            yield Statement(
                names=tuple(names),
                status=status,
                products=tuple(products),
                at=reason.at or issued,
                justification=reason.justification,
                why=reason.why,
            )


def _reasons(one: Object, tree: _Tree, problems: Problems) -> dict[str, _Reason]:
    """By product: the label of its flag, and what its threat of the category `impact` says; by "" that of all products."""
    found: dict[str, _Reason] = {}
    stated = [(flag, text(flag, "label"), "") for flag in rows(one, "flags")]
    stated += [(each, "", text(each, "details")) for each in rows(one, "threats") if text(each, "category") == "impact"]
    for each, label, why in stated:
        at = moment(text(each, "date"))
        targets = tree.members(each) or [""]
        problems.spend(len(targets))
        for identifier in targets:
            known = found.get(identifier, _Reason())
            moments = [when for when in (known.at, at) if when is not None]
            latest = max(moments, default=None)
            found[identifier] = _Reason(label or known.justification, prose(known.why, why), latest)
    return found


class _Tree:
    """The products by their identifiers. A relationship puts one product into another, and so makes a third."""

    def __init__(self, tree: Object, problems: Problems) -> None:
        self._problems = problems
        self._components: dict[str, Component] = {}
        self._inside: dict[str, tuple[str, str]] = {}
        self._groups = {text(group, "group_id"): texts(group, "product_ids") for group in rows(tree, "product_groups")}
        for named, version in _named(tree):
            found = _component(table(named, "product_identification_helper"), version)
            if found is not None:
                self._components[text(named, "product_id")] = found
        for one in rows(tree, "relationships"):
            if text(one, "category") in _INSIDE:
                pair = text(one, "product_reference"), text(one, "relates_to_product_reference")
                self._inside[text(table(one, "full_product_name"), "product_id")] = pair

    def product(self, identifier: str) -> Product | None:
        """What an identifier means; None where nothing identifies it, or either part of it."""
        self._problems.spend(1)
        if identifier not in self._inside:
            whole = self._components.get(identifier)
            return Product(whole=whole) if whole is not None else None
        part, whole = (self._components.get(one) for one in self._inside[identifier])
        return Product(whole=whole, parts=(part,)) if part is not None and whole is not None else None

    def members(self, one: Object) -> list[str]:
        """The products that a flag or threat is for."""
        found = texts(one, "product_ids")
        for group in texts(one, "group_ids"):
            members = self._groups.get(group, [])
            self._problems.spend(len(members))
            found += members
        return found


def _named(tree: Object) -> Iterator[tuple[Object, str]]:
    """Every product with a name of its own, and the range of versions of the branch that it ends."""
    yield from ((one, "") for one in rows(tree, "full_product_names"))
    yield from ((table(one, "full_product_name"), "") for one in rows(tree, "relationships"))
    waiting = list(rows(tree, "branches"))
    while waiting:
        branch = waiting.pop()
        waiting.extend(rows(branch, "branches"))
        ranged = text(branch, "category") == "product_version_range"
        yield table(branch, "product"), text(branch, "name") if ranged else ""


def _component(helper: Mapping[str, object], version: str) -> Component | None:
    hashes = (
        (_algorithm(text(each, "algorithm")), text(each, "value"))
        for group in rows(helper, "hashes")
        for each in rows(group, "file_hashes")
    )
    found = component([text(helper, "purl"), *texts(helper, "purls")], hashes)
    platform = _platform(text(helper, "cpe"))
    if found is None and platform is None:
        return None
    found = found or Component()
    if version and found.purls and not vers.valid(version):
        return None  # a range in words, which may exclude any version
    return Component(
        purls=found.purls,
        hashes=found.hashes,
        platforms=(platform,) if platform is not None else (),
        versions=(version,) if version and found.purls else (),
    )


def _algorithm(name: str) -> str:
    """As IANA spells it: CSAF has `sha256` for `sha-256`."""
    return re.sub(r"^sha(256|384|512)$", r"sha-\1", name.lower())


def _platform(cpe: str) -> tuple[str, str] | None:
    rhel = _RHEL.fullmatch(cpe)
    if rhel is not None:
        return "rhel", rhel[1]
    sles = _SLES.fullmatch(cpe)
    if sles is not None:
        return "sles", f"{sles[1]}.{sles[2]}" if sles[2] else sles[1]
    return None
