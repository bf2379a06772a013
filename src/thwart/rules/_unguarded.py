"""Settings by which a well-known program lets everybody in, in its environment or on its command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
_OPENED = frozenset(  # variables of the makers' images that let everybody in when they are on
    {
        *("MYSQL_ALLOW_EMPTY_PASSWORD", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD"),
        *(
            "ALLOW_ANONYMOUS_LOGIN",
            "DISABLE_SECURITY_PLUGIN",
            "GF_AUTH_ANONYMOUS_ENABLED",
            "CLICKHOUSE_SKIP_USER_SETUP",
        ),
    }
)
_CLOSED = frozenset({"xpack.security.enabled"})  # that do so when they are off
_FLAGS = {
    "--web.enable-admin-api": "its administration",
    "--skip-grant-tables": "all of its data",
    "--noauth": "all of its data",
    "--without-authentication": "all of it",
}
_PAIRS = {("--protected-mode", "no"): "all of its data"}


def by_variables(variables: Iterable[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """Which of these names and values, by number, open a program; and a phrase for it."""
    for number, (name, value) in enumerate(variables):
        word = value.strip().lower()
        opened = (
            (name in _OPENED and word in _ON)
            or (name in _CLOSED and word in _OFF)
            or (name == "POSTGRES_HOST_AUTH_METHOD" and word == "trust")
        )
        if opened:
            yield number, f"asks nobody who it is: {name} is {word}"


def by_words(words: Sequence[str]) -> str:
    """A phrase for a command line that opens a program; empty for any other."""
    split = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for word in split:
        if word in _FLAGS:
            return f"gives everybody {_FLAGS[word]}: {word}"
    for pair in pairwise(split):
        if pair in _PAIRS:
            return f"gives everybody {_PAIRS[pair]}: {' '.join(pair)}"
    return ""
