"""What two rules on seccomp share."""

from __future__ import annotations

from thwart.rules._view import View

PATH = ("securityContext", "seccompProfile")


def wrong(view: View) -> bool:
    """Whether it states a profile, and one that confines nothing; a profile without a type is none."""
    return view.has(*PATH) and view.text(*PATH, "type") not in ("RuntimeDefault", "Localhost")
