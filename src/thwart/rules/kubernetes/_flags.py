"""Flags of the cluster's own programs in static pods: what a table asks of them, found in a container's command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from thwart.rules._view import Hit
from thwart.rules.kubernetes._objects import Container, Pod

# Of the ciphers that Go's crypto/tls calls insecure, those that CIS does not allow either.
WEAK_CIPHERS = (
    *("TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
    *("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
)
OLD_TLS = ("VersionTLS10", "VersionTLS11")


class Ask(NamedTuple):
    """What a flag must be, and why in words that follow the container's name.

    `must` are values of which one has to be there, `never` words that a list must not hold and `least` a number that may be
    0, for no limit, or more; with none of them, the flag has to be given. `unset` says that the program's own default is well.
    """

    flag: str
    why: str
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    least: int = 0
    unset: bool = False
    gone: bool = False  # the flag must not be given at all


def asked(pod: Pod, programs: Sequence[str], table: Sequence[Ask]) -> Iterator[Hit]:
    """The flags of a pod's programs that are not what the table asks for."""
    for container in pod.containers:
        program, flags = _flags(container)
        if program in programs:
            for ask in table:
                found = flags.get(ask.flag)
                if _fails(ask, found):
                    said = f"--{ask.flag}={found[2][:60]}" if found else f"no --{ask.flag}"
                    steps = (found[0], found[1]) if found else ("command",)
                    yield container.hit(f"{ask.why} ({said})", *steps)


def _flags(container: Container) -> tuple[str, dict[str, tuple[str, int, str]]]:
    """The program's name and its flags, each with where it stands and its value; the last one counts, as for Go."""
    words = [(field, index, word) for field in ("command", "args") for index, word in enumerate(container.words(field))]
    names = [word.rpartition("/")[2] for _, _, word in words if not word.startswith("-")]
    flags = {}
    for field, index, word in words:
        for part in word.split() if " --" in word else [word]:  # a shell's line
            if part.startswith("--"):
                name, sign, value = part[2:].partition("=")
                flags[name] = (field, index, value if sign else "true")
            elif " " in word:
                names.append(part.rpartition("/")[2])
    known = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet")
    return next((name for name in names if name in known), ""), flags


def _fails(ask: Ask, found: tuple[str, int, str] | None) -> bool:
    if found is None:
        return not ask.unset and not ask.gone
    value = found[2].strip("\"'")
    words = value.split(",")
    if ask.gone:
        return True
    if (ask.must and value not in ask.must) or (value.isascii() and value.isdigit() and 0 < int(value[:9]) < ask.least):
        return True
    return any(one in words for one in ask.never) or any(one not in words for one in ask.holds)
