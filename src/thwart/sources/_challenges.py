"""`WWW-Authenticate`: which schemes a server takes (RFC 9110, sections 11.2 to 11.6.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_TEXT = 16_384
_MAX_CHALLENGES = 16

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110, 5.6.2
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'  # RFC 9110, 5.6.4
_PARAM = re.compile(rf"({_WORD})[ \t]*=[ \t]*({_QUOTED}|{_WORD})[ \t]*(?=,|$)")
_SCHEME = re.compile(rf"({_WORD})(?:[ \t]+|(?=,)|$)")
_SINGLE = re.compile(r"[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)")  # RFC 9110, 11.2
_BETWEEN = re.compile(r"[ \t]*(?:,[ \t]*)*")


class Challenge(NamedTuple):
    """One challenge: scheme and parameter names in lower case, values without quotes."""

    scheme: str
    params: Mapping[str, str]


def parse_challenges(text: str) -> list[Challenge]:
    """All challenges of a header; several header lines are joined with commas first (RFC 9110, 5.3).

    Raises:
        ValueError: with one sentence, when the text does not keep to the grammar, or gives a parameter twice
            (RFC 9110, 11.2: at most once), which two readers would understand differently.
    """
    if len(text) > _MAX_TEXT:
        raise ValueError("the challenge is too long")
    found: list[Challenge] = []
    place = _skip(text, 0)
    while place < len(text):
        scheme = _SCHEME.match(text, place)
        if scheme is None:
            raise ValueError(f"the challenge cannot be read from character {place + 1} on")
        if len(found) == _MAX_CHALLENGES:
            raise ValueError("there are too many challenges")
        params, place = _params(text, scheme.end())
        found.append(Challenge(scheme[1].lower(), params))
    return found


def _params(text: str, place: int) -> tuple[dict[str, str], int]:
    params: dict[str, str] = {}
    single = _SINGLE.match(text, place)
    if single is not None and not _PARAM.match(text, place):
        return params, _skip(text, single.end())
    place = _skip(text, place)
    while (param := _PARAM.match(text, place)) is not None:
        name = param[1].lower()
        if name in params:
            raise ValueError(f"the challenge gives {name} twice")
        params[name] = _unquote(param[2])
        place = _skip(text, param.end())
    return params, place


def _skip(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])
