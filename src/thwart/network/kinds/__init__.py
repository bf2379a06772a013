"""Policy kinds: an object in, a `Policy` in common terms out. One file per policy API."""

from __future__ import annotations

from collections.abc import Callable

from thwart.core.registry import Registry
from thwart.network.documents import Item
from thwart.network.model import Policy

Decode = Callable[[Item], Policy]

MEMBERS: Registry[Decode] = Registry(__name__)


def policy_kind(api: str, kind: str) -> Callable[[Decode], Decode]:
    """Register a decoder for one `apiVersion` and `kind`. It gets an `Item` and raises `Invalid` for what the API refuses."""

    def register(decode: Decode) -> Decode:
        MEMBERS.add(f"{kind} {api}", decode)
        return decode

    return register


def decoder(api: str, kind: str) -> Decode | None:
    """The decoder of a kind, if it is modelled."""
    return MEMBERS.load().get(f"{kind} {api}")
