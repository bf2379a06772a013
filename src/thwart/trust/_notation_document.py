"""The trust policy document itself: read strictly, so that nothing in it is trusted by a slip of the pen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from thwart.core.limits import MIB
from thwart.core.trust import Bounds, TrustError
from thwart.trust import _notation_names
from thwart.trust._case import RefusedError
from thwart.trust._notation_json import strict
from thwart.trust._notation_stores import KINDS
from thwart.trust._values import table, tables, text

ENFORCE, LOG, SKIP = "enforce", "log", "skip"
ALWAYS, AFTER_EXPIRY = "always", "afterCertExpiry"
_BOUNDS = Bounds(piece_bytes=1 * MIB)
_STATEMENTS, _LISTED = 4096, 1024
_EVERYTHING = "*"
_CHECKS = ("authenticity", "authenticTimestamp", "expiry", "revocation")
_LEVELS = {
    "strict": (ENFORCE, ENFORCE, ENFORCE, ENFORCE),
    "permissive": (ENFORCE, LOG, LOG, LOG),
    "audit": (LOG, LOG, LOG, LOG),
    SKIP: (SKIP, SKIP, SKIP, SKIP),
}
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_LABEL, _PART = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_SCOPE = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?(?:/{_PART})+")
_SUBJECT = "x509.subject"


class Statement(Struct, frozen=True, kw_only=True):
    """What one set of repositories needs. `actions`: of each check `enforce`, `log` or `skip`.

    `identities` are attributes that the signer's subject must have, any set of them; None trusts whomever the stores do.
    """

    name: str
    scopes: tuple[str, ...]
    level: str
    actions: Mapping[str, str]
    verify_timestamp: str
    stores: tuple[str, ...]
    identities: tuple[Mapping[str, str], ...] | None


class Policy(Struct, frozen=True):
    """A document's statements."""

    statements: tuple[Statement, ...]

    def statement_for(self, repository: str) -> Statement | None:
        """The statement with exactly this repository, else the one for everything."""
        for scope in (repository, _EVERYTHING):
            for statement in self.statements:
                if scope in statement.scopes:
                    return statement
        return None


def read(data: bytes, path: str = "trustpolicy.json") -> Policy:
    """Read a trust policy document.

    Raises:
        TrustError: it is malformed, of another version, has unknown members, or breaks a rule of the specification.
    """
    try:
        document = strict(data, _BOUNDS, "it")
        _only(document, ("version", "trustPolicies"), "the document")
        _version(document.get("version"))
        statements = tuple(_statement(one) for one in tables(document, "trustPolicies", _STATEMENTS))
        _together(statements)
    except RefusedError as refused:
        raise TrustError(f"the trust policy {path}: {refused.sentence}") from None
    return Policy(statements)


def _version(stated: object) -> None:
    if stated != "1.0":
        raise RefusedError("version", f"its version is {str(stated)[:40]!r}, not 1.0")


def _statement(stated: Mapping[str, Any]) -> Statement:
    name = text(stated, "name")
    what = f"the statement {name[:100]!r}"
    if not name:
        raise RefusedError("policy", "a statement has no name")
    _only(stated, ("name", "registryScopes", "signatureVerification", "trustStores", "trustedIdentities"), what)
    verification = table(stated, "signatureVerification")
    _only(verification, ("level", "override", "verifyTimestamp"), what)
    level = text(verification, "level")
    stores, identities = _texts(stated, "trustStores"), _texts(stated, "trustedIdentities")
    if (level == SKIP) == bool(stores or identities) or bool(stores) != bool(identities):
        raise RefusedError(
            "policy", f"{what} needs both trust stores and trusted identities, or with the level skip neither"
        )
    when = text(verification, "verifyTimestamp") or ALWAYS
    if when not in (ALWAYS, AFTER_EXPIRY):
        raise RefusedError("policy", f"{what} verifies timestamps {when[:40]!r}, not {ALWAYS} or {AFTER_EXPIRY}")
    for one in stores:
        kind, _, store = one.partition(":")
        if kind not in KINDS or not _NAME.fullmatch(store):
            raise RefusedError("policy", f"{what} has a trust store {one[:100]!r}, not of the form ca:name")
    return Statement(
        name=name,
        scopes=_scopes(stated, what),
        level=level,
        actions=_actions(level, table(verification, "override"), what),
        verify_timestamp=when,
        stores=stores,
        identities=_identities(identities, what),
    )


def _actions(level: str, override: Mapping[str, Any], what: str) -> Mapping[str, str]:
    """The level's table with the statement's exceptions; only revocation may be skipped by one."""
    if level not in _LEVELS:
        raise RefusedError("policy", f"{what} has the level {level[:40]!r}, not one of {', '.join(_LEVELS)}")
    if override and level == SKIP:
        raise RefusedError("policy", f"{what} skips everything, which cannot be overridden")
    for check, action in override.items():
        if check not in _CHECKS:
            raise RefusedError("policy", f"{what} overrides {check[:40]!r}, not one of {', '.join(_CHECKS)}")
        if action not in (ENFORCE, LOG) and (action != SKIP or check != "revocation"):
            raise RefusedError("policy", f"{what} sets {check} to {str(action)[:40]!r}, which is not possible")
    return {**dict(zip(_CHECKS, _LEVELS[level], strict=True)), **override}


def _scopes(stated: Mapping[str, Any], what: str) -> tuple[str, ...]:
    scopes = _texts(stated, "registryScopes")
    if not scopes:
        raise RefusedError("policy", f"{what} has no registry scope")
    if _EVERYTHING in scopes and len(scopes) > 1:
        raise RefusedError("policy", f"{what} has the scope * beside others")
    for scope in scopes:
        if scope != _EVERYTHING and not _SCOPE.fullmatch(scope):
            raise RefusedError(
                "policy", f"{what} has a scope {scope[:200]!r}, not a full name of a repository and not *"
            )
    return scopes


def _identities(stated: tuple[str, ...], what: str) -> tuple[Mapping[str, str], ...] | None:
    if stated == (_EVERYTHING,):
        return None
    if _EVERYTHING in stated:
        raise RefusedError("policy", f"{what} has the trusted identity * beside others")
    names = []
    for one in stated:
        kind, _, name = one.partition(":")
        if kind.strip() != _SUBJECT:
            raise RefusedError(
                "policy", f"{what} has a trusted identity {one[:100]!r}, not of the form {_SUBJECT}: C=…"
            )
        names.append(_notation_names.parse(name))
    overlap = next(_overlapping(names), None)
    if overlap is not None:
        raise RefusedError(
            "policy", f"{what} has trusted identities of which {stated[overlap][:200]!r} includes another"
        )
    return tuple(names)


def _overlapping(names: list[Mapping[str, str]]) -> Iterator[int]:
    for at, one in enumerate(names):
        for other, another in enumerate(names):
            if at != other and _notation_names.within(one, another):
                yield at


def _together(statements: tuple[Statement, ...]) -> None:
    """What must be true of all statements, so that exactly one decides."""
    if not statements:
        raise RefusedError("policy", "it has no statement")
    for what, values in (
        ("the name", [one.name for one in statements]),
        ("the registry scope", [scope for one in statements for scope in one.scopes]),
    ):
        seen: set[str] = set()
        for value in values:
            if value in seen:
                raise RefusedError("policy", f"{what} {value[:200]!r} is given twice")
            seen.add(value)


def _texts(stated: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = stated.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _LISTED or not all(isinstance(one, str) for one in value):
        raise RefusedError("policy", f"{key} is not a list of at most {_LISTED} texts")
    return tuple(value)


def _only(stated: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    unknown = sorted(set(stated) - set(known))
    if unknown:
        raise RefusedError("policy", f"{what} has a member {unknown[0][:60]!r} that is not known")
