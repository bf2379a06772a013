"""What the readers share: looks into an untrusted document, and a list of what they did not understand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from thwart.core.errors import ParseError
from thwart.core.vex import Component
from thwart.lib.purl import Purl, PurlError, parse
from thwart.matching.vex import MOST

Object = Mapping[str, Any]
_NOTHING: Object = {}
_LONGEST = 2000  # characters of prose that are kept
_SHOWN = 80


class Problems:
    """What could not be understood: each kind is told once, with how often and an example."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, str]] = {}
        self._spent = 0

    def add(self, kind: str, example: str) -> None:
        """Note one of a kind: a clause that a statement is the subject of."""
        count, first = self._kinds.get(kind, (0, example))
        self._kinds[kind] = count + 1, first

    def spend(self, count: int) -> None:
        """Count what a document unfolds to.

        Raises:
            ParseError: it is more than a document may.
        """
        self._spent += count
        if self._spent > MOST:
            raise ParseError(f"its references unfold to more than {MOST} products")

    def sentences(self) -> tuple[str, ...]:
        """One sentence a kind."""
        return tuple(
            f"{count} statement{'s' if count != 1 else ''} {kind}: {first[:_SHOWN]}"
            for kind, (count, first) in self._kinds.items()
        )


def table(parent: object, key: str) -> Object:
    """The object at a key; empty where there is none."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else _NOTHING


def rows(parent: object, key: str) -> Iterator[Object]:
    """The objects of the list at a key."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def text(parent: object, key: str) -> str:
    """The text at a key, without blanks around it."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return value.strip() if isinstance(value, str) else ""


def texts(parent: object, key: str) -> list[str]:
    """The texts of the list at a key."""
    value = parent.get(key) if isinstance(parent, dict) else None
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def prose(*said: str) -> str:
    """Sentences as one line, cut where nobody reads on."""
    return " ".join("; ".join(dict.fromkeys(one for one in said if one))[:_LONGEST].split())


def moment(*stated: str) -> datetime | None:
    """The first that is a time as RFC 3339 writes it; without an offset it is taken as UTC."""
    for one in stated:
        try:
            at = datetime.fromisoformat(one)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def purl(stated: str) -> Purl | None:
    """A package URL; None when it is none."""
    try:
        return parse(stated)
    except PurlError:
        return None


def component(identifiers: Iterable[str], hashes: Iterable[tuple[str, str]] = ()) -> Component | None:
    """A component by its identifiers, package URLs among them; None when none of them identifies anything."""
    purls, names = [], []
    for one in dict.fromkeys(identifiers):
        if not one.startswith("pkg:"):
            names.append(one)
        elif (found := purl(one)) is not None:
            purls.append(found)
    kept = tuple((kind.lower(), value.lower()) for kind, value in hashes if kind and value)
    names = [one for one in names if one]
    return Component(purls=tuple(purls), names=tuple(names), hashes=kept) if purls or names or kept else None
