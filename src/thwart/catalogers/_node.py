"""What the Node catalogers share: names with scopes, aliases, addresses, and which files to pass over."""

from __future__ import annotations

import re
from typing import NamedTuple

from thwart.catalogers._gather import without_credentials

TYPE = "npm"
_REPOSITORY = re.compile(r"(?:git\+|git:|ssh:|github:|gitlab:|bitbucket:)|[^#]*\.git(?:#|$)")

Qualifiers = tuple[tuple[str, str], ...]


class Name(NamedTuple):
    """`@scope` (or nothing) and the name within it."""

    namespace: str
    name: str


def split(full: str) -> Name:
    """`@scope/name` in two; a name without scope has no namespace."""
    scope, slash, name = full.partition("/")
    return Name(scope, name) if slash and scope.startswith("@") else Name("", full)


def specifier(text: str) -> tuple[str, str]:
    """`name@range` or `@scope/name@range` in two; the range may hold further `@`."""
    at = text.find("@", 1)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def alias(text: str) -> tuple[str, str]:
    """The real name and version behind `npm:name@version`; nothing when the text is no alias with a name."""
    target = text.removeprefix("npm:")
    name, version = specifier(target)
    return (name, version) if target != text and version else ("", "")


def in_modules(path: str) -> bool:
    """Whether a lockfile lies in an installed package. Package managers ignore it there, and `node_installed` reads
    what was really put in place; `node_modules/.package-lock.json` is npm's private copy of the same."""
    return path.startswith("node_modules/") or "/node_modules/" in path


def repository(address: str) -> Qualifiers:
    """The purl qualifier of a package that comes from a repository: `vcs_url=git+https://host/x@commit`."""
    if not _REPOSITORY.match(address):
        return ()
    bare, _, commit = without_credentials(address).partition("#")
    location = bare if bare.startswith("git") else f"git+{bare}"
    return (("vcs_url", f"{location}@{commit}" if commit else location),)
