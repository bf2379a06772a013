"""Write the table of Kubernetes' API that `thwart check` validates manifests by, from published JSON schemas.

    python tools/build_schemas.py FOLDER

FOLDER holds one folder per version (`v1.30.0-local`) with a `_definitions.json`, as the package kubernetes-validate on
PyPI has them; they are made from the OpenAPI document that each release of Kubernetes publishes. The table is JSON:

- `first`, `last`: the minor versions that it knows.
- `kinds`: `apps/v1/Deployment` to `[type, first, last]`.
- `types`: a type to its fields; a field to what it holds, or to a list of `[what, first, last]` where versions differ.

What a field holds: `s` text, `i` whole number, `n` number, `b` true or false, `x` whole number or text, `q` quantity, `*`
anything, `o` a mapping of anything, `[…` a list, `{…` a mapping to, `#NAME` a type; `!` before it means required.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src/thwart/rules/kubernetes/_schemas.json"
_PLAIN = {"string": "s", "integer": "i", "number": "n", "boolean": "b", "object": "o", "array": "[*"}
_SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
}
_ENDS = ("List", "Options", "Review", "Event")  # kinds that nobody keeps in a file


def main() -> int:
    """Build the table; 2 when there is no folder."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    versions = {}
    for folder in Path(sys.argv[1]).glob("v1.*-local"):
        minor = int(folder.name.split(".")[1])
        versions[minor] = json.loads((folder / "_definitions.json").read_bytes())["$defs"]
    TARGET.write_text(json.dumps(_table(versions), separators=(",", ":"), sort_keys=True) + "\n")
    return 0


def _table(versions: dict[int, dict[str, Any]]) -> dict[str, Any]:
    kinds: dict[str, list[Any]] = {}
    fields: dict[str, dict[str, dict[int, str]]] = {}
    for minor, definitions in sorted(versions.items()):
        for name, definition in definitions.items():
            own = fields.setdefault(_short(name), {})
            for field, schema in definition.get("properties", {}).items():
                must = "!" if field in definition.get("required", ()) else ""
                own.setdefault(field, {})[minor] = must + _held(schema, definitions)
            named = definition.get("x-kubernetes-group-version-kind", ())
            if len(named) == 1 and not named[0]["kind"].endswith(_ENDS):
                api = "/".join(filter(None, (named[0]["group"], named[0]["version"], named[0]["kind"])))
                kinds.setdefault(api, [_short(name), minor, minor])[2] = minor
    reached = _reached(fields, [entry[0] for entry in kinds.values()])
    return {
        "first": min(versions),
        "last": max(versions),
        "kinds": kinds,
        "types": {
            name: {field: _ranges(held, versions) for field, held in fields[name].items()} for name in sorted(reached)
        },
    }


def _short(name: str) -> str:
    return re.sub(
        r"^io\.k8s\.(api\.|apimachinery\.pkg\.|kube-aggregator\.pkg\.|apiextensions-apiserver\.pkg\.)", "", name
    )


def _held(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        definition = definitions[name]
        if name in _SPECIAL:
            return _SPECIAL[name]
        return f"#{_short(name)}" if definition.get("properties") else _held({**definition, "properties": None}, {})
    kind = schema.get("type", "*")
    kind = next((one for one in kind if one != "null"), "*") if isinstance(kind, list) else kind
    if kind == "array":
        return f"[{_held(schema.get('items', {}), definitions)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{{{_held(schema['additionalProperties'], definitions)}"
    return _PLAIN.get(kind, "*")


def _ranges(held: dict[int, str], versions: dict[int, Any]) -> str | list[list[Any]]:
    """One word where all versions agree; a requirement that not all have is none."""
    if len({must.startswith("!") for must in held.values()}) > 1:
        held = {minor: what.removeprefix("!") for minor, what in held.items()}
    spans: list[list[Any]] = []
    for minor, what in sorted(held.items()):
        if spans and spans[-1][0] == what and spans[-1][2] == minor - 1:
            spans[-1][2] = minor
        else:
            spans.append([what, minor, minor])
    whole = len(spans) == 1 and spans[0][1:] == [min(versions), max(versions)]
    return str(spans[0][0]) if whole else spans


def _reached(fields: dict[str, dict[str, dict[int, str]]], roots: list[str]) -> set[str]:
    reached: set[str] = set()
    left = list(roots)
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            words = {what for held in fields[name].values() for what in held.values()}
            left += [word.rpartition("#")[2] for word in words if "#" in word]
    return reached


if __name__ == "__main__":
    raise SystemExit(main())
