"""Addresses as a registry client must read them: once, strictly, and never showing a query."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986, 3.1
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

# Cloud metadata services that do not live on link-local addresses.
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))


class Url(NamedTuple):
    """A parsed `http` or `https` address; `host` is in lower case and without brackets, `target` begins with '/'."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what may see the same secrets (RFC 6454, 4)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """For messages: without the query, where pre-signed addresses have their secret."""
        return f"{self.scheme}://{self.authority}{self.target.partition('?')[0]}"

    def join(self, location: str) -> Url:
        """The address that a `Location` header means here (RFC 9110, 10.2.2)."""
        _printable(location)
        if _ABSOLUTE.match(location):
            return parse_url(location)
        return parse_url(urljoin(f"{self.scheme}://{self.authority}{self.target}", location))


def parse_url(text: str) -> Url:
    """Read an absolute address.

    Raises:
        ValueError: with one sentence: another scheme, a user name inside, control characters, no host, a bad port.
    """
    _printable(text)
    parts = urlsplit(text)
    if parts.scheme not in _PORTS:
        raise ValueError("it is neither an https nor an http address")
    if "@" in parts.netloc:
        raise ValueError("it has a user name in it")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not _HOST.fullmatch(host) or "\\" in text or port == 0:
        raise ValueError("its host or port is not valid")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme, host.lower(), port or _PORTS[parts.scheme], target)


def _printable(text: str) -> None:
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("it has blanks, control or other characters that no address has")


def is_loopback(host: str) -> bool:
    """Whether the host, a name or an address, is this machine."""
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback)


def is_inward(host: str) -> bool:
    """Whether an address is this machine, the link or a cloud's metadata service; False for names.

    Private networks are not meant: registries and their token services live there.
    """
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    inward = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return inward or address in _METADATA


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
