"""Values as text that reads back as the same value: in lines, on one line, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from thwart.fixes._values import same
from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import load_all


def lines(value: object, *, step: int, dash: int) -> Iterator[str]:
    """A mapping or list with entries, in block style: mappings are indented by `step` and lists below a key by `dash`."""
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict | list) and one:
                yield f"{inline(key)}:"
                indent = " " * (step if isinstance(one, dict) else dash)
                yield from (indent + line for line in lines(one, step=step, dash=dash))
            else:
                yield f"{inline(key)}: {inline(one)}"
    elif isinstance(value, list):
        for one in value:
            made = lines(one, step=step, dash=dash) if isinstance(one, dict | list) and one else iter((inline(one),))
            yield f"- {next(made)}"
            yield from (f"  {line}" for line in made)


def inline(value: object, *, quoted: bool = False, within: bool = False) -> str:
    """On one line. With `quoted`, as JSON, which is YAML as well; `within` brackets, fewer texts are plain."""
    if quoted:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{inline(key, within=True)}: {inline(one, within=True)}" for key, one in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(inline(one, within=True) for one in value) + "]"
    if isinstance(value, str) and _plain(value) and not (within and set(value) & set(",[]{}")):
        return value
    return json.dumps(value, ensure_ascii=not (isinstance(value, str) and value.isprintable()))


def json_lines(value: object, indent: str, base: str, newline: str) -> str:
    """As JSON in lines, of which all but the first begin with `base`."""
    return json.dumps(value, ensure_ascii=False, indent=indent).replace("\n", newline + base)


def _plain(text: str) -> bool:
    """Whether every reader takes the bare word for a text."""
    if not text or len(text) > 1000 or "\n" in text:
        return False
    for schema in ("kubernetes", "core"):
        try:
            found = load_all(text.encode(), max_bytes=1 << 20, max_depth=4, max_nodes=16, schema=schema)
        except (DocumentError, UnicodeEncodeError):
            return False
        if len(found) != 1 or not same(found[0], text):
            return False
    return True
