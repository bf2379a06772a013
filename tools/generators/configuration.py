"""docs/reference/configuration.md and the JSON Schema of `thwart.toml`, from `thwart.core.config`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tools.generators import code, page, table

from thwart.core.config import described, variable
from thwart.core.stated import Described

PATH = "docs/reference/configuration.md"
SCHEMA = "docs/reference/schema/thwart-config.schema.json"
Json = dict[str, Any]

WHERE = (
    "Settings stand in `thwart.toml`, or under `[tool.thwart]` in `pyproject.toml`. Thwart looks in the current folder, "
    "then in those above it, up to the root of the repository (the folder that holds `.git`). The first file that it "
    "finds counts and no other: files are not merged. `--config FILE` names one instead.\n\n"
    "A flag outweighs an environment variable, a variable outweighs the file, the file outweighs the default. "
    "`thwart config show` prints every value with where it came from. An unknown key, or a value of the wrong type, "
    "is an error with file and line (exit 2).\n\n"
    "The [JSON Schema](schema/thwart-config.schema.json) of the file serves editors."
)
EXAMPLE = """\
```toml
fail-on = "critical"
only-fixed = true

[[exceptions]]
id = "CVE-2024-12345"
package = "openssl"
reason = "the affected cipher is switched off"
owner = "platform team"
expires = 2027-03-31

[registry."registry.example.test"]
ca = "company-ca.pem"
```"""
EXCEPTIONS = (
    "Accepted risks: one `[[exceptions]]` table for each. The first that fits a finding sets it aside; all of `asset`, "
    "`package` and `path` that are given must fit. How to write one: [Accept a risk](../guides/accept-a-risk.md)."
)
REGISTRIES = (
    'How to reach a registry: one `[registry."HOST"]` table for each host, with the port where it has one. A flag '
    "outweighs it. Files are looked up from the current folder; `~` is your home folder. `client-cert` and "
    "`client-key` go together. More: [Scan images in a registry](../guides/registries.md)."
)

RULES = (
    "Rules of your own, without code: one `[[rules]]` table for each; or the array `rules`, whose texts are paths of YAML files "
    "with more of them. `plugins` names Python modules that bring rules. More: "
    "[Write rules of your own](../guides/custom-rules.md).\n\nThe array `vex` names VEX documents, from the folder of the "
    "file: [Believe a VEX document](../guides/vex.md)."
)


def generate() -> Iterator[tuple[str, bytes]]:
    """The page and the schema."""
    every = described()
    settings = table(("setting", "meaning", "value", "default", "variable"), (_setting(one) for one in every[""]))
    yield (
        PATH,
        page(
            "Configuration",
            WHERE,
            EXAMPLE,
            "## Settings",
            settings,
            "## `[[exceptions]]`",
            EXCEPTIONS,
            table(("key", "meaning", "value"), (_key(one) for one in every["exceptions"])),
            '## `[registry."HOST"]`',
            REGISTRIES,
            table(("key", "meaning", "value"), (_key(one) for one in every["registry"])),
            "## `[[rules]]`",
            RULES,
            table(("key", "meaning", "value"), (_key(one) for one in every["rules"])),
            "## `[rules.match]`",
            "Which documents a rule judges.",
            table(("key", "meaning", "value"), (_key(one) for one in every["rules.match"])),
        ),
    )
    yield SCHEMA, (json.dumps(schema(every), indent=2, ensure_ascii=False) + "\n").encode()


def _setting(one: Described) -> tuple[str, ...]:
    value = ", ".join(map(code, one.words)) or ("a platform, like `linux/arm64`" if one.form else one.type)
    return code(one.key), one.about, value, code(json.dumps(one.default)), code(variable(one.key))


def _key(one: Described) -> tuple[str, ...]:
    return code(one.key), one.about, f"{one.type}, required" if one.required else one.type


def schema(every: dict[str, tuple[Described, ...]]) -> Json:
    """JSON Schema (2020-12) of what `thwart.core.config.parse` accepts."""
    exceptions, registry = every["exceptions"], every["registry"]
    host = _table(registry) | {
        "dependentRequired": {"client-cert": ["client-key"], "client-key": ["client-cert"]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "thwart.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{one.key: _property(one) for one in every[""]},
            "exceptions": {"description": "accepted risks", "type": "array", "items": _table(exceptions)},
            "registry": {
                "description": "how to reach a registry, by host and port",
                "type": "object",
                "propertyNames": {"pattern": "^[^/]+$"},
                "additionalProperties": host,
            },
            "rules": {
                "description": "rules without code, or files that hold them",
                "type": "array",
                "items": {"anyOf": [_rule(every), {"type": "string", "pattern": r"\S"}]},
            },
            "vex": {"description": "paths of VEX documents", "type": "array", "items": {"type": "string"}},
            "plugins": {"description": "Python modules that bring rules", "type": "array", "items": {"type": "string"}},
            "trust": {
                "description": "who must vouch for images and files",
                "type": "array",
                "items": {"type": "object"},
            },
            "roots": {
                "description": "files of what is trusted, by kind and name",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    }


def _rule(every: dict[str, tuple[Described, ...]]) -> Json:
    made = _table(every["rules"])
    made["properties"]["match"] = _table(every["rules.match"])
    return made


def _table(keys: tuple[Described, ...]) -> Json:
    made: Json = {
        "type": "object",
        "additionalProperties": False,
        "properties": {one.key: _property(one) for one in keys},
    }
    required = [one.key for one in keys if one.required]
    return made | ({"required": required} if required else {})


def _property(one: Described) -> Json:
    made: Json = {"description": one.about.replace("`", "")}
    if one.type == "an array of texts":
        return made | {"type": "array", "items": {"type": "string"}}
    made["type"] = "boolean" if one.type == "true or false" else "string"
    if one.words:
        made["enum"] = list(one.words)
    elif one.form:
        made["pattern"] = f"^{one.form}$"
    elif one.type == "a date":
        made["format"] = "date"
    elif one.type == "text":
        made["pattern"] = r"\S"
    return made if one.default is None else made | {"default": one.default}
