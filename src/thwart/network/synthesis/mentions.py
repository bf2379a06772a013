"""Hosts that are named in settings: URLs, `host:port`, and names of the cluster's own, found in one pass over a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{0,30}"
_URL = re.compile(rf"(?<![A-Za-z0-9+.-])({_SCHEME})://([^\s/?#\"'`<>\\)}}|]{{1,1024}})")
_WHOLE_URL = re.compile(rf"(?<![A-Za-z0-9+.-]){_SCHEME}://[^\s\"'`<>]*")
_NEXT_URL = re.compile(rf",(?={_SCHEME}://)")
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PAIR = re.compile(rf"(?<![A-Za-z0-9.@_/:-])({_HOST}):([0-9]{{1,5}})(?![0-9A-Za-z.:_-])")
_DOTTED = re.compile(
    r"(?<![A-Za-z0-9.@_/:-])[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62})){1,6}(?![A-Za-z0-9_@:-])"
)
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]{1,5}))?")
_NAMES_HOST = re.compile(
    r"(?:^|[_.\-])(host|hosts|hostname|addr|addrs|address|addresses|server|servers|endpoint|endpoints|url|uri|service|"
    r"broker|brokers|upstream|target|nodes)$",
    re.IGNORECASE,
)
_BARE = re.compile(_HOST)
_MOST = 1 << 20  # characters of one text: a ConfigMap may not be larger

# default ports of schemes (IANA's registries of schemes and services, and the products' own)
DEFAULTS = {
    "http": 80, "ws": 80, "https": 443, "wss": 443, "ftp": 21, "ssh": 22, "smtp": 25, "smtps": 465, "ldap": 389,
    "ldaps": 636, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mongodb": 27017, "redis": 6379,
    "rediss": 6379, "amqp": 5672, "amqps": 5671, "nats": 4222, "mqtt": 1883, "mqtts": 8883, "memcached": 11211,
    "sqlserver": 1433, "clickhouse": 9000, "elasticsearch": 9200, "kafka": 9092, "zookeeper": 2181, "cassandra": 9042,
}  # fmt: skip


class Mention(NamedTuple):
    """A host that a text names. The port is 0 and the scheme empty where none is given.

    `sure` is false for a word that is a host only if the cluster has a service of that name.
    """

    host: str
    port: int
    scheme: str
    sure: bool


def hosts_in(key: str, text: str) -> Iterator[Mention]:
    """Every host that a setting may mean.

    Args:
        key: the setting's name, which tells whether a bare word can be a host; empty for arguments and files.
        text: its value.
    """
    text = text[:_MOST]
    rest = text
    if "://" in text:
        text = _NEXT_URL.sub(" ", text)
        for match in _URL.finditer(text):
            yield from _authority(match[1].lower(), match[2])
        rest = _WHOLE_URL.sub(" ", text)
    bare = rest.strip()
    if _NAMES_HOST.search(key) and all(_BARE.fullmatch(part.strip()) for part in bare.split(",")) and bare:
        for part in bare.split(","):
            yield Mention(part.strip().lower(), 0, "", sure=False)
        return
    for match in _PAIR.finditer(rest):
        if _port(match[2]):
            yield Mention(match[1].lower(), _port(match[2]), "", sure=False)
    for match in _DOTTED.finditer(rest):
        yield Mention(match[0], 0, "", sure=False)


def _authority(scheme: str, text: str) -> Iterator[Mention]:
    """The hosts of a URL: what stands after the last `@` (RFC 3986, section 3.2), several after commas (databases)."""
    hosts = text.rpartition("@")[2]
    scheme = scheme.rpartition("+")[2] if scheme.rpartition("+")[2] in DEFAULTS else scheme.partition("+")[0]
    for part in hosts.split(","):
        six = _BRACKETED.fullmatch(part)
        if six:
            yield Mention(six[1], _port(six[2] or ""), scheme, sure=True)
            continue
        host, colon, port = part.rstrip(";:,.").partition(":")
        host = host.rstrip(".")
        if _BARE.fullmatch(host) and (not colon or _port(port)):
            yield Mention(host.lower(), _port(port), scheme, sure=True)


def _port(digits: str) -> int:
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    return number if number <= 65535 else 0
