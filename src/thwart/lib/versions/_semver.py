"""Precedence of Semantic Versioning 2.0.0, clause 11, shared by the schemes that build on it."""

from __future__ import annotations

_NUMBER, _WORD = 1, 2
_PRE_RELEASE, _RELEASE = 0, 1


def precedence(prerelease: str | None, *numbers: int) -> tuple[int | str, ...]:
    """Numbers, then the dot-separated identifiers of a pre-release: numbers before words, fewer before more."""
    if not prerelease:
        return (*numbers, _RELEASE)
    flat: list[int | str] = [*numbers, _PRE_RELEASE]
    for identifier in prerelease.split("."):
        flat += (_NUMBER, int(identifier)) if identifier.isdigit() else (_WORD, identifier)
    return tuple(flat)
