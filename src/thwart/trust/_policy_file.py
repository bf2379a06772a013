"""The trust policy as a file has it: read strictly, every complaint with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from thwart.core.limits import MIB
from thwart.core.trust import TrustError
from thwart.lib import toml_bounded, yaml_positions
from thwart.lib.documents import DocumentError
from thwart.trust.policy import FILES, FORMATS, TEXT_MAX, Claims, Group, Leaf, Pattern, Requirement, Rule, glob

_BYTES = 1 * MIB
_RULES, _MEMBERS, _DEPTH = 1024, 64, 8
_HOST = re.compile(r"(?:localhost|[^/]*[.:*][^/]*)(?:/.*)?")
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PROBES = ("nobody@thwart.invalid", "https://thwart.invalid/a/b/c@refs/heads/x", "https://thwart.invalid", "x")
_SEVERITIES = ("negligible", "low", "medium", "high", "critical")
_DOCKER_ROLES = Pattern("targets/releases or targets", re.compile(r"targets(/releases)?"))

LEAF = {
    "format": "only in this format, or these",
    "key": "made by the key of this name",
    "keys": "made by any of the keys of these names; with `at-least`, by so many of them",
    "subject": "the certificate's identity, exactly",
    "subject-glob": "the identity by pattern: `*` stops at a slash, `**` does not",
    "subject-regex": "the identity by regular expression, from `^` to `$`",
    "issuer": "who checked the identity, exactly",
    "issuer-regex": "who checked the identity, by regular expression",
    "authority": "the certificate is under the authority of this name, or of any of these",
    "annotations": "the signer wrote these",
    "reference": "a cosign payload names this very repository",
    "transparency": "a trusted transparency log holds it",
    "timestamp": "a trusted time-stamping authority vouches for its time",
    "max-age": "not older than this, by a proven time: `30d`, `12h`",
    "attestation": "not a plain signature but a statement that says this",
    "delegations": "Docker Content Trust: all of these roles, instead of `targets/releases` or else `targets`",
    "unsafe-first-use": "Docker Content Trust: a root that nobody pinned is trusted when it is first seen",
    "unsafe-any-identity": "let the identity be a mere wildcard",
    "unsafe-any-issuer": "do not ask who checked the identity",
    "unsafe-no-transparency": "do without the log entry of a Sigstore certificate",
    "unsafe-no-sct": "do without the certificate log's promise in a Sigstore certificate",
}
CLAIMS = {
    "predicate": "the predicate type: an address, or slsa-provenance, sbom, cyclonedx, spdx, vulnerabilities, openvex, any",
    "builder": "SLSA: the builder's id, exactly",
    "builder-regex": "SLSA: the builder's id by regular expression",
    "source": "SLSA: the source repository, exactly",
    "source-regex": "SLSA: the source repository by regular expression",
    "build-type": "SLSA: the build type, exactly",
    "parameters": "SLSA: the only external parameters that may be given",
    "scanner": "vulnerabilities: the scanner's address or name, exactly",
    "fail-on": "vulnerabilities: no finding at or above this severity",
    "max-age": "the document itself is not older than this",
    "refuse-status": "VEX: no statement has any of these states",
}
_COMBINATIONS = ("all-of", "any-of", "at-least", "of")


def read(data: bytes, path: str) -> tuple[Rule, ...]:
    """The rules, in their order; `policy.parse` says what may be raised."""
    try:
        root = _load(data, path)
    except DocumentError as error:
        raise TrustError(f"{path}:{error.line or 1}: {error.reason}") from None
    return rules_of(root, path)


def rules_of(root: object, path: str) -> tuple[Rule, ...]:
    """The rules of a document that was read."""
    stated = root.get("trust") if isinstance(root, dict) else None
    reader = _Reader(path)
    if not isinstance(stated, list) or not stated:
        raise TrustError(
            f"{path}: the trust policy has no rule", "write [[trust]] with a scope and what is required there"
        )
    if len(stated) > _RULES:
        raise TrustError(f"{path}: more than {_RULES} rules")
    rules = [rule for index, table in enumerate(stated) for rule in reader.rule(table, f"trust[{index}]")]
    scopes = [rule.scope for rule in rules]
    twice = next((scope for scope in scopes if scopes.count(scope) > 1), None)
    if twice is not None:
        raise TrustError(f"{path}: two rules have the scope {twice!r}, so that one of them would never be asked")
    return tuple(rules)


def _load(data: bytes, path: str) -> Any:  # noqa: ANN401
    if path.endswith(".toml"):
        root = toml_bounded.load(data, max_bytes=_BYTES)
        if path.replace("\\", "/").rpartition("/")[2] == "pyproject.toml":
            tool = root.get("tool")
            return tool.get("thwart") if isinstance(tool, dict) else None
        return root
    documents = yaml_positions.load_all(data, max_bytes=_BYTES, max_depth=64, max_nodes=100_000)
    return documents[0] if len(documents) == 1 else None


class _Reader:
    """Reads tables strictly; `path` begins every complaint."""

    def __init__(self, path: str) -> None:
        self._path = path

    def rule(self, table: object, at: str) -> Iterator[Rule]:
        stated = self._table(table, at, ("scope", "reject", "unsafe-accept-anything", *LEAF, *_COMBINATIONS))
        scopes = self._names(stated.get("scope"), f"{at}.scope")
        verdicts = [key for key in ("reject", "unsafe-accept-anything") if self._flag(stated, key, at)]
        rest = {key: value for key, value in stated.items() if key in LEAF or key in _COMBINATIONS}
        if len(verdicts) + bool(rest) != 1:
            self._refuse(at, "must say exactly one of reject, unsafe-accept-anything, and a requirement")
        requirement = self._requirement(rest, at, 0) if rest else None
        for scope in scopes:
            if scope not in (FILES, "**") and not _HOST.fullmatch(scope):
                self._refuse(at, f"the scope {scope!r} has no registry", f"write docker.io/library/{scope}")
            yield Rule(scope=scope, requirement=requirement, reject="reject" in verdicts)

    def _requirement(self, table: object, at: str, depth: int) -> Requirement:
        if depth > _DEPTH:
            self._refuse(at, f"requirements are nested more than {_DEPTH} deep")
        stated = self._table(table, at, (*LEAF, *_COMBINATIONS))
        if "at-least" in stated and "keys" in stated:
            names = self._names(stated["keys"], f"{at}.keys")
            rest = {key: value for key, value in stated.items() if key not in ("keys", "at-least")}
            return self._least([{**rest, "key": name} for name in names], stated["at-least"], at, depth)
        if "delegations" in stated:
            return self._delegations(stated, at)
        kinds = [key for key in ("all-of", "any-of", "of") if key in stated]
        if not kinds:
            return self._leaf(stated, at)
        allowed = {"of", "at-least"} if kinds == ["of"] else set(kinds)
        if len(kinds) > 1 or set(stated) - allowed:
            self._refuse(at, f"{kinds[0]} stands alone: put what else is required into a list of all-of")
        if kinds == ["of"]:
            return self._least(stated["of"], stated.get("at-least"), at, depth)
        members = self._members(stated[kinds[0]], f"{at}.{kinds[0]}", depth)
        return Group(kind=kinds[0].removesuffix("-of"), members=members)

    def _delegations(self, stated: Mapping[str, Any], at: str) -> Group:
        rest = {key: value for key, value in stated.items() if key != "delegations"}
        roles = self._names(stated["delegations"], f"{at}.delegations")
        return Group(
            kind="all", members=tuple(self._leaf({**rest, "format": "dct", "subject": role}, at) for role in roles)
        )

    def _least(self, listed: object, count: object, at: str, depth: int) -> Group:
        members = self._members(listed, f"{at}.of", depth)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= len(members):
            self._refuse(at, f"at-least must be a number from 1 to {len(members)}, of which nobody can be missing")
        if not all(isinstance(member, Leaf) for member in members):
            self._refuse(at, "what at-least counts must be signatures, not combinations")
        return Group(kind="least", members=members, count=count)

    def _members(self, listed: object, at: str, depth: int) -> tuple[Requirement, ...]:
        if not isinstance(listed, list) or not 1 <= len(listed) <= _MEMBERS:
            self._refuse(at, f"must be a list of 1 to {_MEMBERS} requirements")
        return tuple(self._requirement(one, f"{at}[{index}]", depth + 1) for index, one in enumerate(listed))

    def _leaf(self, stated: Mapping[str, Any], at: str) -> Leaf:
        named = [stated[key] for key in ("key", "keys") if key in stated]
        keys = tuple(name for one in named for name in self._names(one, f"{at}.key"))
        subject = self._subject(stated, at)
        issuer = self._pattern(stated, "issuer", at, wild=self._flag(stated, "unsafe-any-issuer", at))
        authorities = self._names(stated["authority"], f"{at}.authority") if "authority" in stated else ()
        formats = self._names(stated["format"], f"{at}.format") if "format" in stated else ()
        if formats == ("dct",) and not keys:  # the pinned root vouches for the roles
            subject = subject or _DOCKER_ROLES
        elif formats != ("tuf",):  # there every role that the root leads to may speak
            self._who(stated, at, keys, subject, issuer, authorities)
        for name in formats:
            if name not in FORMATS:
                self._refuse(at, f"{name!r} is not a format", *_meant(name, FORMATS))
        notes = stated.get("annotations", {})
        if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
            self._refuse(at, "annotations must be texts by name")
        return Leaf(
            formats=formats,
            keys=keys,
            subject=subject,
            issuer=issuer,
            authorities=authorities,
            annotations=tuple(notes.items()),
            reference=self._text(stated, "reference", at),
            transparency=self._flag(stated, "transparency", at),
            timestamp=self._flag(stated, "timestamp", at),
            max_age=self._age(stated, at),
            claims=self._claims(stated["attestation"], f"{at}.attestation") if "attestation" in stated else None,
            without_log=self._flag(stated, "unsafe-no-transparency", at),
            without_promise=self._flag(stated, "unsafe-no-sct", at),
            first_use=self._flag(stated, "unsafe-first-use", at),
        )

    def _who(
        self,
        stated: Mapping[str, Any],
        at: str,
        keys: Sequence[str],
        subject: Pattern | None,
        issuer: Pattern | None,
        authorities: Sequence[str],
    ) -> None:
        """Nobody is trusted by omission."""
        if keys and (subject or issuer or authorities):
            self._refuse(at, "a key and an identity are two requirements: put them into a list of all-of or any-of")
        if keys:
            return
        if subject is None and not self._flag(stated, "unsafe-any-identity", at):
            self._refuse(at, "does not say who must have signed", "give key, or subject and issuer")
        if issuer is None and not authorities and not self._flag(stated, "unsafe-any-issuer", at):
            self._refuse(at, "does not say who must have checked the identity", "give issuer, or authority")

    def _subject(self, stated: Mapping[str, Any], at: str) -> Pattern | None:
        wild = self._flag(stated, "unsafe-any-identity", at)
        pattern = self._text(stated, "subject-glob", at)
        if not pattern:
            return self._pattern(stated, "subject", at, wild=wild)
        if "subject" in stated or "subject-regex" in stated:
            self._refuse(at, "gives the subject twice")
        return self._tame(Pattern(pattern, glob(pattern)), at, wild=wild)

    def _pattern(self, stated: Mapping[str, Any], key: str, at: str, *, wild: bool = False) -> Pattern | None:
        exact, regex = self._text(stated, key, at), self._text(stated, f"{key}-regex", at)
        if exact and regex:
            self._refuse(at, f"gives the {key} twice")
        if exact:
            if set(exact) <= {"*", ".", " "}:
                self._refuse(at, f"{key} is {exact!r}, which is no name", f"for a pattern there is {key}-regex")
            return Pattern(exact)
        if not regex:
            return None
        if not wild and not (regex.startswith("^") and regex.endswith("$")):
            self._refuse(at, f"{key}-regex must begin with ^ and end with $, so that it is read whole")
        try:
            return self._tame(Pattern(regex, re.compile(regex)), at, wild=wild)
        except re.error as error:
            self._refuse(at, f"{key}-regex is not a regular expression: {error}")

    def _tame(self, pattern: Pattern, at: str, *, wild: bool) -> Pattern:
        if not wild and any(pattern.fits(probe) for probe in _PROBES):
            self._refuse(at, f"{pattern.text!r} fits anybody", "if that is meant, say unsafe-any-identity = true")
        return pattern

    def _claims(self, table: object, at: str) -> Claims:
        stated = self._table(table, at, CLAIMS)
        fail_on = self._text(stated, "fail-on", at)
        if fail_on and fail_on not in _SEVERITIES:
            self._refuse(at, f"fail-on is {fail_on!r}, which is not a severity", *_meant(fail_on, _SEVERITIES))
        predicate = self._text(stated, "predicate", at)
        if not predicate:
            self._refuse(at, "lacks predicate: which attestation is meant")
        return Claims(
            predicate=predicate,
            builder=self._pattern(stated, "builder", at),
            source=self._pattern(stated, "source", at),
            build_type=self._text(stated, "build-type", at),
            parameters=self._names(stated["parameters"], at) if "parameters" in stated else None,
            scanner=self._text(stated, "scanner", at),
            fail_on=fail_on,
            max_age=self._age(stated, at),
            refuse_status=self._names(stated["refuse-status"], at) if "refuse-status" in stated else (),
        )

    def _age(self, stated: Mapping[str, Any], at: str) -> timedelta | None:
        value = self._text(stated, "max-age", at)
        match = _DURATION.fullmatch(value)
        if value and match is None:
            self._refuse(at, f"max-age is {value!r}, which is not like 30d or 12h")
        return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None

    def _table(self, value: object, at: str, allowed: Iterable[str]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self._refuse(at, "must be a table")
        known = tuple(allowed)
        for key in value:
            if key not in known:
                self._refuse(at, f"unknown key {str(key)[:60]!r}", *_meant(str(key), known))
        return value

    def _names(self, value: object, at: str) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(one, str) and one for one in names):
            self._refuse(at, "must be a text, or a list of texts, and not empty")
        return tuple(names)

    def _text(self, stated: Mapping[str, Any], key: str, at: str) -> str:
        value = stated.get(key, "")
        if not isinstance(value, str) or (key in stated and not value.strip()) or len(value) > TEXT_MAX:
            self._refuse(at, f"{key} must be a text that is not empty")
        return value

    def _flag(self, stated: Mapping[str, Any], key: str, at: str) -> bool:
        value = stated.get(key, False)
        if not isinstance(value, bool):
            self._refuse(at, f"{key} must be true or false")
        return value

    def _refuse(self, at: str, sentence: str, *hints: str) -> NoReturn:
        raise TrustError(f"{self._path}: {at} {sentence}", *hints)


def _meant(word: str, among: Sequence[str]) -> tuple[str, ...]:
    import difflib

    close = difflib.get_close_matches(word.lower().replace("_", "-"), among, n=1, cutoff=0.6)
    return (f"did you mean {close[0]}?",) if close else (f"known are {', '.join(among)}",)
