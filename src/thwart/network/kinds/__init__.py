"""Policy kinds: an object in, policies in common terms out. One file per policy API."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from thwart.core.registry import Registry
from thwart.network.documents import Item
from thwart.network.model import Endpoint, Namespace, Node, Policy, Unmodelled


class Surroundings(Struct, frozen=True, kw_only=True):
    """What else was read, for policies whose meaning depends on it. `kept` has supporting objects by kind and group."""

    namespaces: Mapping[str, Namespace]
    endpoints: tuple[Endpoint, ...]
    nodes: tuple[Node, ...]
    kept: Mapping[str, tuple[Item, ...]]
    cache: dict[str, object] = field(default_factory=dict)  # what decoders of one API make of all this, once

    def items(self, group: str, kind: str) -> tuple[Item, ...]:
        """The supporting objects of a kind (see `supporting_kind`)."""
        return self.kept.get(f"{kind} {group}", ())


Made = tuple[Policy | Unmodelled, ...]
Pending = Callable[[Surroundings], Made]  # called once, when everything was read; may raise Invalid
Decode = Callable[[Item], Policy | Pending]
Check = Callable[[Item], Unmodelled | None]  # an object that changes something by being there is not modelled

MEMBERS: Registry[Decode] = Registry(__name__)
_SUPPORTING: dict[str, Check] = {}


def policy_kind(api: str, kind: str) -> Callable[[Decode], Decode]:
    """Register a decoder for one `apiVersion` and `kind`. It gets an `Item` and raises `Invalid` for what the API refuses."""

    def register(decode: Decode) -> Decode:
        MEMBERS.add(f"{kind} {api}", decode)
        return decode

    return register


def supporting_kind(group: str, kind: str) -> Callable[[Check], Check]:
    """Have objects of a kind kept for `Surroundings`; the check raises `Invalid` for what the API refuses."""

    def register(check: Check) -> Check:
        if _SUPPORTING.setdefault(f"{kind} {group}", check) is not check:
            raise RuntimeError(f"two modules of {__name__} keep {kind} of {group}")
        return check

    return register


def decoder(api: str, kind: str) -> Decode | None:
    """The decoder of a kind, if it is modelled."""
    return MEMBERS.load().get(f"{kind} {api}")


def supporting(group: str, kind: str) -> Check | None:
    """The check of a kind that policies refer to, if there is one."""
    MEMBERS.load()
    return _SUPPORTING.get(f"{kind} {group}")
