"""Which selector was probably meant, where one selects nothing: by edit distance to labels that exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from thwart.network.lint._near import nearest
from thwart.network.selectors import Requirement, Selector, describe, matches

_MOST = 20_000  # different labels that are looked at


def meant(selector: Selector, labels: Iterable[Mapping[str, str]]) -> str:
    """The selector with near keys or values in place of unknown ones, if it then selects something; else empty."""
    different = list({tuple(sorted(one.items())): one for one in labels}.values())[:_MOST]
    values: dict[str, set[str]] = {}
    for one in different:
        for key, value in one.items():
            values.setdefault(key, set()).add(value)
    better = tuple(_better(requirement, values) for requirement in selector)
    if better != selector and any(matches(better, one) for one in different):
        return describe(better)
    return ""


def _better(requirement: Requirement, values: Mapping[str, set[str]]) -> Requirement:
    key, operator, wanted = requirement
    if operator not in ("In", "Exists"):
        return requirement
    if key not in values:
        near = nearest(key, values)
        if not near or (operator == "In" and not set(wanted) & values[near]):
            return requirement
        key = near
    if operator == "In" and not set(wanted) & values[key]:
        wanted = tuple(sorted(nearest(value, values[key]) or value for value in wanted))
    return Requirement(key, operator, wanted)
