"""Commands as the history of an image keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.rules._secrets import secret

_LONGEST = 20_000  # characters of a command that are looked at
_PAIR = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]{0,100})=(\"[^\"]{0,2000}\"|'[^']{0,2000}'|[^\s;&|]{1,2000})")


def secrets_in(command: str) -> Iterator[str]:
    """Names of the arguments and variables that are given a secret."""
    for found in _PAIR.finditer(command[:_LONGEST]):
        if secret(found[1], found[2].strip("\"'")):
            yield found[1]


def shown(command: str) -> str:
    """The beginning of a command, for a reader; nothing of one that holds a secret."""
    return "" if any(secrets_in(command)) else " ".join(command[:400].split())[:80]
