"""Edits that several rules make alike, so that all of them together say one thing."""

from __future__ import annotations

from thwart.core.edit import Drop, Put
from thwart.rules._view import Hit, View
from thwart.rules.kubernetes._objects import Container

# Where nobody measured: what a small service lives with. `thwart fix` says that they are a guess.
DEFAULTS = {
    ("requests", "cpu"): "100m",
    ("limits", "cpu"): "500m",
    ("requests", "memory"): "128Mi",
    ("limits", "memory"): "256Mi",
}
HARMLESS = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
_ADD = ("securityContext", "capabilities", "add")


def put(view: View, value: object, *steps: str | int) -> Put:
    """Set what the steps lead to from there."""
    return Put(pointer=(*view.pointer, *steps), value=value)


def drop(view: View, *steps: str | int) -> Drop:
    """Remove what the steps lead to from there."""
    return Drop(pointer=(*view.pointer, *steps))


def without(container: Container, allowed: frozenset[str] = HARMLESS) -> Put | Drop:
    """Add no capability but the allowed ones."""
    left = [one for one in container.words(*_ADD) if one in allowed]
    return put(container, left, *_ADD) if left else drop(container, *_ADD)


def resource(container: Container, phrase: str, kind: str, name: str) -> Hit:
    """A hit for a missing request or limit, with the default; a request that is there is not undercut."""
    request = container.at("resources", "requests", name) if kind == "limits" else None
    value = DEFAULTS[kind, name] if request is None else request
    return container.hit(phrase, "resources", kind).mended(put(container, value, "resources", kind, name))
