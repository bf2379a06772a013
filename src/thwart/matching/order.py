"""Versions held against ranges, each version parsed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from thwart.lib import versions

if TYPE_CHECKING:
    from thwart.core.advisory import Affected, Range

_BEGINNING = ("", "0")


class Order:
    """One scheme's ordering, with a memory of its keys and of the versions that it could not read."""

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self._keys: dict[str, Any] = {}

    def key(self, version: str) -> Any:  # noqa: ANN401 - opaque and orderable, as lib.versions gives it
        """The version's sort key; None when the scheme cannot read it."""
        try:
            return self._keys[version]
        except KeyError:
            pass
        try:
            found = versions.key(self.scheme, version)
        except versions.VersionError:
            found = None
        self._keys[version] = found
        return found

    def ascending(self, stated: set[str]) -> list[str]:
        """Sorted; by text where the scheme cannot read one of them."""
        plain = sorted(stated)
        keys = {version: self.key(version) for version in plain}
        return plain if None in keys.values() else sorted(plain, key=keys.__getitem__)


def within(order: Order, version: str, stretch: Range) -> bool | None:
    """Whether a range holds a version (OSV schema: `introduced` and `last_affected` count, `fixed` does not).

    None when one of the three versions that matter cannot be ordered.
    """
    ours = order.key(version)
    if ours is None:
        return None
    introduced, fixed, last = stretch
    if introduced not in _BEGINNING:
        start = order.key(introduced)
        if start is None:
            return None
        if ours < start:
            return False
    end = fixed or last
    if not end:
        return True
    bound = order.key(end)
    if bound is None:
        return None
    return bool(ours < bound) if fixed else not bool(ours > bound)


def listed(order: Order, version: str, statement: Affected) -> bool:
    """Whether a statement's explicit list has the version, in this spelling or in an equal one."""
    if not statement.versions:
        return False
    if version in statement.versions:
        return True
    ours = order.key(version)
    return ours is not None and any(order.key(one) == ours for one in statement.versions)
