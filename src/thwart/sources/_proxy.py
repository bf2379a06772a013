"""Which proxy a request goes through: the rules of Go's programs, so that Docker's set-up works unchanged."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def proxy_for(scheme: str, host: str, port: int, environment: Mapping[str, str]) -> str | None:
    """The proxy's URL, or None to go directly.

    `HTTPS_PROXY` and `HTTP_PROXY` (or in lower case) are by the scheme of the request; `localhost` and loopback
    addresses never go through a proxy; `NO_PROXY` lists `*`, hosts with the hosts below them, `.domains` (only below),
    addresses and CIDR blocks, each optionally with a port. `HTTP_PROXY` is not trusted where `REQUEST_METHOD` is set,
    because a CGI server fills it from a request's header.
    """
    name = f"{scheme}_proxy"
    proxy = environment.get(name.upper()) or environment.get(name) or ""
    if scheme == "http" and "REQUEST_METHOD" in environment:
        proxy = environment.get(name) or ""
    if not proxy.strip() or _bypassed(host.lower().rstrip("."), port, environment):
        return None
    return proxy.strip() if "://" in proxy else f"http://{proxy.strip()}"


def _bypassed(host: str, port: int, environment: Mapping[str, str]) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    listed = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return any(_matches(entry.strip().lower(), host, address, port) for entry in listed.split(",") if entry.strip())


def _matches(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _in_block(address, entry)
    name, wanted = _split_port(entry)
    if wanted and wanted != str(port):
        return False
    if address is not None:
        return _address(name) == address
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _in_block(address: ipaddress.IPv4Address | ipaddress.IPv6Address, block: str) -> bool:
    try:
        return address in ipaddress.ip_network(block, strict=False)
    except ValueError:
        return False
