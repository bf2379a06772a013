"""Names of ports that nobody has, or not for that protocol."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members
from thwart.network.classes import POD
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look, some
from thwart.network.lint._near import nearest
from thwart.network.model import PortMatch


@check("unknown-port-name", Severity.MEDIUM)
def unknown_port_name(look: Look) -> Iterator[Finding]:
    """A rule names a port that no pod it could lead to has, or has for another protocol: it never matches.

    A name is looked up among the container ports of each destination, by name and protocol (k8s.io/api networking/v1
    types.go, NetworkPolicyPort): of the selected pods for ingress, of the peers for egress. An address outside has no
    names. Where the rule leads to no pod at all, other checks speak.
    """
    for number, policy, direction, rule in look.rules():
        named = [(place, port) for place, port in enumerate(rule.ports or ()) if port.name]
        destinations = look.destinations(number, direction, rule) if named else 0
        have = _names(look, destinations)
        for place, port in named if destinations else ():
            if not _has(have, port):
                why, fix = _explain(have, port, outside=not destinations & look.pods)
                yield Finding(
                    check="unknown-port-name",
                    severity=Severity.MEDIUM,
                    sentence=f"port {port.name} of {direction} rule {rule.index + 1} matches nothing: {why}",
                    fix=fix,
                    place=look.place(policy, (*rule.pointer, "ports", place)),
                )


def _names(look: Look, destinations: int) -> set[tuple[str, str]]:
    """Names and protocols of the ports of some classes."""
    found: set[tuple[str, str]] = set()
    seen: set[int] = set()
    for number in members(destinations & look.pods):
        one = look.model.classes[number]
        if one.what == POD:
            for member in one.members:
                if id(member.ports) not in seen:
                    seen.add(id(member.ports))
                    found.update((port.name, port.protocol) for port in member.ports)
    return found


def _has(have: set[tuple[str, str]], port: PortMatch) -> bool:
    return any(name == port.name and port.protocol in ("", protocol) for name, protocol in have)


def _explain(have: set[tuple[str, str]], port: PortMatch, *, outside: bool) -> tuple[str, str]:
    if outside:
        return "names of ports are looked up on pods, and it leads to none", "write the number"
    others = sorted({protocol for name, protocol in have if name == port.name})
    if others:
        return f"it is {some(others)} there, not {port.protocol}", f"write protocol: {others[0]}"
    guess = nearest(port.name, {name for name, _ in have})
    if guess:
        return f"no pod there has a port of that name; did you mean {guess}", f"write {guess}"
    known = some(sorted({name for name, _ in have}))
    return (
        f"no pod there has a port of that name{f' (they have {known})' if known else ''}",
        "name the container port, or write the number",
    )
