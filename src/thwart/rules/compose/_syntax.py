"""Values in Compose files: texts as the engine's own options have them, numbers and truth values as YAML has them.

Source: the Compose Specification, "Services" (`volumes`, `ports`, `devices`), and "Extensions", byte values and durations.
"""

from __future__ import annotations

import math
import re

from thwart.lib import run_values
from thwart.lib.run_arguments import UNKNOWN
from thwart.rules.container._settings import Device, Mount, Port, Restart

_WORDS = {
    **dict.fromkeys(("true", "y", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "n", "no", "off", "0"), False),
}


def size(value: object) -> int | None:
    """Bytes of `512m`, `1.5GB`, `1073741824`; None of anything else. Units are powers of 1024, as Docker's are."""
    if isinstance(value, str):
        return run_values.size(value)
    found = number(value)
    return None if found is None else int(found)


def flag(value: object) -> bool | None:
    """A boolean, or one of the words that Compose takes for one."""
    return (
        value if isinstance(value, bool) else _WORDS.get(str(value).lower()) if isinstance(value, str | int) else None
    )


def integer(value: object) -> int | None:
    """A whole number, or the text of one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9]{1,19}\s*", value):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else None


def number(value: object) -> float | None:
    """A number, or the text of one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?(?:[0-9]{1,15}(?:\.[0-9]*)?|\.[0-9]{1,15})\s*", value):
        return float(value)
    return None


def text(value: object) -> str | None:
    """A text, or a number or truth value as one; None of anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def port(value: object) -> Port | None:
    """The short form, or the container's port alone as a number."""
    found = run_values.port(text(value) or "")
    return None if found is None else Port(*found)


def span(value: object) -> tuple[int, int] | None:
    """The first and the last of `80` or `8000-8010`."""
    return run_values.span(text(value) or "")


def volume(value: str) -> Mount | None:
    """The short form; what no file tells of it is shown as dots."""
    found = run_values.volume(value.replace(UNKNOWN, "…"))
    return None if found is None else Mount(*found)


def device(value: str) -> Device | None:
    """The short form, or a name of the container device interface."""
    found = run_values.device(value)
    return None if found is None else Device(*found)


def restart(value: object) -> Restart | None:
    """YAML's false is `no`."""
    found = run_values.restart("no" if value is False else text(value) or "")
    return None if found is None else Restart(*found)
