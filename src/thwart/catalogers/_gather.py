"""Gathers what one file states: each package once, within the limit, with what could not be read beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.core.package import FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits
    from thwart.core.package import File

_STRENGTH = {"": 0, "optional": 1, "test": 2, "dev": 3}
_NAMED = 5  # examples in a summarising sentence
_LONGEST = 100  # characters of one
_USERINFO = re.compile(r"(?<=//)[^/@\s]*+@")

Key = tuple[str, str, str, tuple[tuple[str, str], ...]]


class Gather:
    """Packages in the order of the file. The same one stated again keeps its first line and its strongest scope."""

    def __init__(self, cataloger: str, file: File, limits: Limits) -> None:
        self._cataloger = cataloger
        self._path = file.path
        self._most = limits.packages
        self._found: dict[Key, Found] = {}
        self._problems: list[tuple[str, str]] = []
        self._examples: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._full = False

    def add(self, found: Found) -> None:
        """Keep a package; beyond the limit, say so once instead."""
        plain = found.name.isascii() and found.version.isascii() and found.namespace.isascii()
        if not plain or found.licences or found.qualifiers:
            found = _clean(found)
        key = (found.namespace, found.name, found.version, found.qualifiers)
        known = self._found.get(key)
        if known is not None:
            if _STRENGTH.get(found.scope, 0) < _STRENGTH.get(known.scope, 0):
                self._found[key] = known._replace(scope=found.scope)
        elif len(self._found) < self._most:
            self._found[key] = found
        elif not self._full:
            self._full = True
            self.problem("limit", f"more than {self._most} packages in one file; the rest is left out")

    def problem(self, slug: str, sentence: str) -> None:
        """State one thing that could not be read."""
        self._problems.append((slug, _encodable(sentence)))

    def count(self, slug: str, example: str) -> None:
        """Remember one of several alike; `summarise` makes one problem of them."""
        self._counts[slug] = self._counts.get(slug, 0) + 1
        examples = self._examples.setdefault(slug, [])
        if len(examples) < _NAMED:
            examples.append(without_credentials(example)[:_LONGEST])

    def summarise(self, slug: str, what: str) -> None:
        """One problem for all that was counted under `slug`: `<what>: <n> (<examples>)`."""
        count, examples = self._counts.get(slug, 0), self._examples.get(slug, [])
        if count:
            more = f" and {count - len(examples)} more" if count > len(examples) else ""
            self.problem(slug, f"{what}: {count} ({', '.join(examples)}{more})")

    def facts(self) -> FileFacts:
        """Everything gathered."""
        return FileFacts(
            cataloger=self._cataloger,
            path=self._path,
            found=tuple(self._found.values()),
            problems=tuple(self._problems),
        )


def without_credentials(address: str) -> str:
    """The address without user and password; the customary `git@` of ssh addresses stays."""
    return _USERINFO.sub(lambda match: "git@" if match[0] == "git@" else "", address)


def _clean(found: Found) -> Found:
    return found._replace(
        name=_encodable(found.name),
        version=_encodable(found.version),
        namespace=_encodable(found.namespace),
        licences=tuple(_encodable(licence) for licence in found.licences),
        qualifiers=tuple((key, _encodable(value)) for key, value in found.qualifiers),
    )


def _encodable(text: str) -> str:
    """The text with lone surrogates (JSON's `\\ud800`) replaced: no output format can carry them."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
