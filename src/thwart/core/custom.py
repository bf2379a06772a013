"""Rules that a user states without code: what they say, checked to the last key. What they mean is the rules' business."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from thwart.core.advisory import Severity
from thwart.core.errors import ConfigError
from thwart.core.stated import Described, Stated, meant, type_name
from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.stated import Path

_BYTES = 1 << 20
_NODES = 100_000
_DEPTH = 50
_MOST = 1000  # rules of one file
_ID = re.compile(r"[a-z][a-z0-9]{0,60}(?:-[a-z0-9]{1,60}){0,12}")
_SEVERITIES = tuple(one.word for one in Severity if one is not Severity.UNKNOWN)
FAMILIES = ("kubernetes", "dockerfile", "compose", "image")
_EACH = ("container", "instruction", "stage")
_LONGEST = 10_000  # characters of an expression

CUSTOM = (
    Described("id", "the rule's name, as in `allow team-label`", "text", form=_ID.pattern, required=True),
    Described("title", "what is wrong where it finds something, in a sentence", "text", required=True),
    Described("severity", "how much it counts", "text", words=_SEVERITIES, required=True),
    Described("expression", "what must hold, in CEL: true is fine, false is a finding", "text", required=True),
    Described("message", "what a finding says after the name of what has it; the title without it", "text"),
    Described("message-expression", "the same, as CEL that gives a text", "text"),
    Described("why", "why it matters", "text"),
    Described("fix", "what to do about it", "text"),
    Described("references", "clauses of standards, as `STANDARD:CLAUSE`", "an array of texts"),
    Described("match", "which documents it judges: a table `[rules.match]`", "a table"),
    Described("for-each", "judge each of these in a document", "text", words=_EACH),
    Described("pointer", "what to point at, as RFC 6901 pointer from what is judged: `/metadata/labels`", "text"),
    Described("bad", "a document that it must find, for `thwart rules --test`", "text"),
    Described("good", "a document that it must not find", "text"),
)
CUSTOM_MATCH = (
    Described("family", "the kind of documents", "text", default="kubernetes", words=FAMILIES),
    Described("kinds", "of Kubernetes: only objects of these kinds", "an array of texts"),
    Described("api-groups", 'of Kubernetes: only objects of these groups; `""` is the core group', "an array of texts"),
)


class CustomRule(Struct, frozen=True, kw_only=True):
    """A rule as it is stated. `origin` is its file and line; `api_groups` None is any group, `kinds` empty any kind."""

    id: str
    title: str
    severity: Severity
    expression: str
    origin: str
    message: str = ""
    message_expression: str = ""
    why: str = ""
    fix: str = ""
    references: tuple[str, ...] = ()
    family: str = "kubernetes"
    kinds: tuple[str, ...] = ()
    api_groups: tuple[str, ...] | None = None
    for_each: str = ""
    pointer: tuple[str | int, ...] = ()
    bad: str = ""
    good: str = ""


def custom_rule(file: Stated, where: Path, table: object) -> CustomRule:
    """The rule that a table states.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or something missing; with file and line.
    """
    if not isinstance(table, dict):
        file.refuse(where, f"a rule must be a table, not {type_name(table)}")
    file.known(where, table, [one.key for one in CUSTOM])
    missing = [one.key for one in CUSTOM if one.required and one.key not in table]
    if missing:
        file.refuse(where, f"the rule {table.get('id', '')!r} lacks {' and '.join(missing)}")
    plain = {one.key for one in CUSTOM} - {"references", "match"}
    texts: dict[str, Any] = {key: file.text(where, key, value) for key, value in table.items() if key in plain}
    for key, words in (("severity", _SEVERITIES), ("for-each", _EACH)):
        if key in texts and texts[key] not in words:
            file.refuse((*where, key), f"{key} is {texts[key]!r}, which is none of {', '.join(words)}")
    if not _ID.fullmatch(texts["id"]):
        file.refuse((*where, "id"), f"id is {texts['id']!r}, which is not of the form no-latest-tag")
    for key in ("expression", "message-expression"):
        if len(texts.get(key, "")) > _LONGEST:
            file.refuse((*where, key), f"{key} is longer than {_LONGEST} characters")
    return CustomRule(
        severity=Severity[texts.pop("severity").upper()],
        origin=f"{file.path}:{file.line(where) or 1}",
        references=_references(file, where, table.get("references", [])),
        pointer=_pointer(file, where, texts.pop("pointer", "")),
        **_match(file, (*where, "match"), table.get("match", {})),
        **{key.replace("-", "_"): text for key, text in texts.items()},
    )


def _match(file: Stated, where: Path, table: object) -> dict[str, Any]:
    if not isinstance(table, dict):
        file.refuse(where, f"match must be a table, not {type_name(table)}")
    file.known(where, table, [one.key for one in CUSTOM_MATCH])
    found: dict[str, Any] = {}
    if "family" in table:
        found["family"] = file.text(where, "family", table["family"])
        if found["family"] not in FAMILIES:
            said = f"family is {found['family']!r}, which is none of {', '.join(FAMILIES)}"
            file.refuse((*where, "family"), said, *meant(str(found["family"]), FAMILIES))
    if "kinds" in table:
        found["kinds"] = file.texts(where, "kinds", table["kinds"])
    if "api-groups" in table:
        found["api_groups"] = file.texts(where, "api-groups", table["api-groups"], empty=True)
    if found.get("family", "kubernetes") != "kubernetes" and len(found) > 1:
        file.refuse(where, "only Kubernetes has kinds and API groups")
    return found


def _references(file: Stated, where: Path, stated: object) -> tuple[str, ...]:
    found = file.texts(where, "references", stated)
    for one in found:
        if one.count(":") != 1:
            file.refuse((*where, "references"), f"the reference {one!r} is not of the form STANDARD:CLAUSE")
    return found


def _pointer(file: Stated, where: Path, text: str) -> tuple[str | int, ...]:
    """The steps of an RFC 6901 pointer; digits are indices of lists."""
    if not text:
        return ()
    if not text.startswith("/"):
        file.refuse((*where, "pointer"), f"pointer is {text!r}, which does not begin with /")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")]
    return tuple(int(step) if step.isascii() and step.isdigit() and len(step) < 7 else step for step in steps)


def parse_rules(data: bytes, path: str) -> tuple[CustomRule, ...]:
    """The rules of a YAML file: a list of them, alone or under the key `rules`.

    Raises:
        ConfigError: not YAML, or not such a list; with file and line.
    """
    from thwart.lib.yaml_positions import load_all

    try:
        documents = load_all(data, max_bytes=_BYTES, max_depth=_DEPTH, max_nodes=_NODES)
    except DocumentError as error:
        raise ConfigError(f"{path}:{error.line or 1}: {error.reason}") from None
    found: list[CustomRule] = []
    for document in documents:
        file = Stated(path, dict(_lines(document)))
        root: Path = ()
        stated: object = document
        if isinstance(document, dict):
            file.known((), document, ("rules",))
            root, stated = ("rules",), document.get("rules")
        if not isinstance(stated, list):
            file.refuse(root, "the file must hold a list of rules, alone or under the key rules")
        if len(stated) > _MOST:
            file.refuse(root, f"the file has more than {_MOST} rules")
        found += [custom_rule(file, (*root, index), one) for index, one in enumerate(stated)]
    return tuple(found)


def _lines(root: object) -> Iterator[tuple[Path, int]]:
    """The lines of keys and items, in documents of at most `_NODES` values."""
    from thwart.lib.yaml_positions import YamlList, YamlMap

    left: list[tuple[Path, object]] = [((), root)]
    while left:
        where, node = left.pop()
        if isinstance(node, YamlMap):
            for key, value in node.items():
                yield (*where, key), node.keys_at[key].line
                left.append(((*where, key), value))
        elif isinstance(node, YamlList):
            for index, value in enumerate(node):
                yield (*where, index), node.items_at[index].line
                left.append(((*where, index), value))
