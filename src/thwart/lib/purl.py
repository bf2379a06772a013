"""Package URLs: ECMA-427 and the registered type definitions of purl-spec.

`build` writes the canonical string, `parse` reads any purl and normalises it by the rules of its type, `decode` reads
it and leaves every component as written. Clauses cited are those of ECMA-427, 2nd edition.

Departures from the letter, each for data that exists: a namespace that a definition requires is asked for only where no
package lacks one (composer, huggingface, swift, vscode-extension), since packages of an unknown distribution, jars
without a group and the Go module `stdlib` have names too; an unencoded `@` that begins a namespace
(`pkg:npm/@babel/core`) is read as that. A duplicate qualifier is an error (5.6.6), in whatever case it is written.
packageurl-python differs: `/` in qualifiers stays unencoded, broken escapes pass, fewer types have rules, and white
space around components is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class PurlError(ValueError):
    """The string is no package URL, or the components make none."""


@dataclass(frozen=True, slots=True)
class Purl:
    """Decoded components; what is absent is empty. `qualifiers` are sorted by key. `str` gives the canonical string."""

    type: str
    namespace: str = ""
    name: str = ""
    version: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict, hash=False)
    subpath: str = ""

    def __str__(self) -> str:
        return build(self.type, self.namespace, self.name, self.version, self.qualifiers, self.subpath)


class _Rules(NamedTuple):
    """A type's definition: what it writes in lower case, whether it has namespaces, and what else it asks for."""

    lower: str = ""  # initials of namespace, name, version
    required: bool = False
    prohibited: bool = False
    check: Callable[[_Names, Mapping[str, str]], _Names] | None = None


_Names = tuple[str, str, str]  # namespace, name, version

_TYPE = re.compile("[A-Za-z][A-Za-z0-9.-]*")
_KEY = re.compile("[A-Za-z][A-Za-z0-9._-]*")
_PLAIN = re.compile("[A-Za-z0-9._~:-]*")  # 5.4: what is never encoded, the colon among it
_PLAIN_PATH = re.compile("[A-Za-z0-9._~:-]+(?:/[A-Za-z0-9._~:-]+)*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_CHROME_NAME = re.compile("[a-z]{32}")
_CHROME_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_NOT_PUB = re.compile("[^a-z0-9_]")


def build(
    type: str | None,  # noqa: A002 - the specification's word
    namespace: str | None,
    name: str | None,
    version: str | None = None,
    qualifiers: Mapping[str, str] | None = None,
    subpath: str | None = None,
) -> str:
    """The canonical string of decoded components; None and "" are absent.

    Code points that are no text (lone surrogates, as names of undecodable bytes have) become U+FFFD.

    Raises:
        PurlError: without type or name, for a malformed type or qualifier key, or against a rule of the type.
    """
    kind = _type(type or "")
    pairs = _sorted_qualifiers(qualifiers.items()) if qualifiers else {}
    named = _normal(kind, (namespace or "").strip("/"), (name or "").strip("/"), version or "", pairs)
    return _write(kind, named, pairs, _clean_subpath(subpath.split("/")) if subpath else "")


def parse(text: str) -> Purl:
    """Components of a purl, normalised by its type: `str(parse(text))` is the canonical form of `text`.

    Raises:
        PurlError: when the string is no purl, or breaks a rule of its type.
    """
    kind, (namespace, name, version), qualifiers, subpath = _read(text)
    return Purl(kind, *_normal(kind, namespace, name.strip("/"), version, qualifiers), qualifiers, subpath)


def decode(text: str) -> Purl:
    """Components as the purl states them: by the rules of clause 5, with none of its type's.

    This is for evidence, where the case of a name matters although the type's canonical form has none (Go modules).

    Raises:
        PurlError: when the string is no purl.
    """
    kind, named, qualifiers, subpath = _read(text)
    return Purl(kind, *named, qualifiers, subpath)


def _read(text: str) -> tuple[str, _Names, dict[str, str], str]:
    """Type, names, qualifiers and subpath, from right to left as purl-spec's "How to parse a PURL" says."""
    rest, _, fragment = text.rpartition("#") if "#" in text else (text, "", "")
    rest, _, query = rest.rpartition("?") if "?" in rest else (rest, "", "")
    scheme, colon, rest = rest.partition(":")
    if not colon or scheme.lower() != "pkg":
        raise PurlError(f"{_shown(text)} does not begin with pkg:")
    kind, slash, path = rest.lstrip("/").partition("/")
    if not slash:
        raise PurlError(f"{_shown(text)} has no type before its name")
    path, version = _split_version(text, path)
    namespace, _, name = path.strip("/").rpartition("/")
    if not name:
        raise PurlError(f"{_shown(text)} has no name")
    if namespace:
        namespace = "/".join([_decode_segment(part) for part in namespace.split("/") if part])
    qualifiers: dict[str, str] = {}
    if query:
        pairs = [part.partition("=") for part in query.split("&")]
        qualifiers = _sorted_qualifiers([(key, _decode(value)) for key, _, value in pairs if value])
    subpath = _clean_subpath([_decode_segment(part) for part in fragment.split("/")]) if fragment else ""
    return _type(kind), (namespace, _decode(name), _decode(version)), qualifiers, subpath


def _write(kind: str, named: _Names, qualifiers: Mapping[str, str], subpath: str) -> str:
    namespace, name, version = named
    text = f"pkg:{kind}/{_encode_path(namespace)}/{_encode(name)}" if namespace else f"pkg:{kind}/{_encode(name)}"
    if version:
        text = f"{text}@{_encode(version)}"
    if qualifiers:
        text = f"{text}?{'&'.join([f'{key}={_encode(value)}' for key, value in qualifiers.items()])}"
    return f"{text}#{_encode_path(subpath)}" if subpath else text


def _normal(kind: str, namespace: str, name: str, version: str, qualifiers: Mapping[str, str]) -> _Names:
    """The named components as the type writes them; refuses what its definition does (5.7)."""
    if not name:
        raise PurlError("a package URL needs a name")
    rules = _RULES.get(kind)
    if rules is None:
        return namespace, name, version
    if "s" in rules.lower:
        namespace = namespace.lower()
    if "n" in rules.lower:
        name = name.lower()
    if "v" in rules.lower:
        version = version.lower()
    if rules.check is not None:
        namespace, name, version = rules.check((namespace, name, version), qualifiers)
    if namespace and rules.prohibited:
        raise PurlError(f"a package URL of type {kind} has no namespace, this one has {_shown(namespace)}")
    if rules.required and not namespace:
        raise PurlError(f"a package URL of type {kind} needs a namespace")
    return namespace, name, version


def _dashes(names: _Names, _qualifiers: Mapping[str, str]) -> _Names:
    namespace, name, version = names
    return namespace, name.replace("_", "-"), version


def _pub(names: _Names, _qualifiers: Mapping[str, str]) -> _Names:
    namespace, name, version = names
    return namespace, _NOT_PUB.sub("_", name), version


def _mlflow(names: _Names, qualifiers: Mapping[str, str]) -> _Names:
    """Names are in lower case on Databricks only, which the repository tells."""
    namespace, name, version = names
    databricks = "databricks" in qualifiers.get("repository_url", "").lower()
    return namespace, name.lower() if databricks else name, version


def _cpan(names: _Names, _qualifiers: Mapping[str, str]) -> _Names:
    namespace, name, version = names
    if "::" in name:
        raise PurlError(f"{_shown(name)} is a Perl module, a package URL of type cpan names a distribution")
    return namespace.upper(), name, version


def _chrome(names: _Names, _qualifiers: Mapping[str, str]) -> _Names:
    _, name, version = names
    if not _CHROME_NAME.fullmatch(name):
        raise PurlError(f"{_shown(name)} is no identifier of a Chrome extension: 32 letters")
    if version and not _CHROME_VERSION.fullmatch(version):
        raise PurlError(f"{_shown(version)} is no version of a Chrome extension: one to four numbers")
    return names


def _needs(key: str) -> Callable[[_Names, Mapping[str, str]], _Names]:
    def check(names: _Names, qualifiers: Mapping[str, str]) -> _Names:
        if key not in qualifiers:
            raise PurlError(f"this type of package URL needs the qualifier {key}")
        return names

    return check


# The registered type definitions, where they say more than the defaults; "s" is the namespace's initial.
_RULES = {
    "alpm": _Rules("sn"),
    "apk": _Rules("sn"),
    "bazel": _Rules(prohibited=True),
    "bitbucket": _Rules("sn"),
    "bitnami": _Rules("n", prohibited=True),
    "brew": _Rules("n"),
    "cargo": _Rules(prohibited=True),
    "chrome-extension": _Rules("n", prohibited=True, check=_chrome),
    "cocoapods": _Rules(prohibited=True),
    "composer": _Rules("sn", required=True),
    "conda": _Rules(prohibited=True),
    "cpan": _Rules(check=_cpan),
    "cran": _Rules(prohibited=True),
    "deb": _Rules("sn"),
    "gem": _Rules(prohibited=True),
    "github": _Rules("sn"),
    "golang": _Rules("sn"),
    "hackage": _Rules(prohibited=True, check=_dashes),
    "hex": _Rules("sn"),
    "huggingface": _Rules("v", required=True),
    "julia": _Rules(prohibited=True, check=_needs("uuid")),
    "luarocks": _Rules("sn"),
    "mlflow": _Rules(prohibited=True, check=_mlflow),
    "npm": _Rules("sn"),
    "nuget": _Rules(prohibited=True),
    "oci": _Rules("nv", prohibited=True),
    "opam": _Rules(prohibited=True),
    "otp": _Rules("n", prohibited=True),
    "pub": _Rules("n", prohibited=True, check=_pub),
    "pypi": _Rules("nv", prohibited=True, check=_dashes),
    "qpkg": _Rules("s"),
    "rpm": _Rules("s"),
    "swid": _Rules(check=_needs("tag_id")),
    "swift": _Rules(required=True),
    "vcpkg": _Rules(prohibited=True),
    "vscode-extension": _Rules("snv", required=True),
    "yocto": _Rules("s"),
}


def _type(kind: str) -> str:
    if kind in _RULES:
        return kind
    if not _TYPE.fullmatch(kind):
        raise PurlError(f"{_shown(kind)} is no type of a package URL: letters, digits, dots and dashes, a letter first")
    return kind.lower()


def _split_version(text: str, path: str) -> tuple[str, str]:
    """Path and encoded version; an `@` where a name would begin, with a segment after it, begins a scope."""
    before, at, version = path.rpartition("@")
    if not at:
        return path, ""
    if before and not before.endswith("/"):
        return before, version
    if "/" not in version:
        raise PurlError(f"{_shown(text)} has no name before its version")
    return path, ""


def _sorted_qualifiers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Qualifiers by key, in lower case, without empty values (5.6.6)."""
    kept: dict[str, str] = {}
    for key, value in pairs:
        if not value:
            continue
        if not _KEY.fullmatch(key):
            raise PurlError(
                f"{_shown(key)} is no qualifier key: letters, digits, dots, dashes, underscores, a letter first"
            )
        if key.lower() in kept:
            raise PurlError(f"the qualifier {key.lower()} stands twice")
        kept[key.lower()] = value
    return dict(sorted(kept.items())) if len(kept) > 1 else kept


def _clean_subpath(segments: Iterable[str]) -> str:
    return "/".join([segment for segment in segments if segment not in ("", ".", "..")])


def _encode_path(path: str) -> str:
    return path if _PLAIN_PATH.fullmatch(path) else "/".join([_encode(part) for part in path.split("/") if part])


def _encode(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return _escape(text) if len(text) <= 100 else _escape.__wrapped__(text)


@lru_cache(maxsize=4096)
def _escape(text: str) -> str:
    return quote(_SURROGATE.sub("\ufffd", text), safe=":")


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    if _BROKEN_ESCAPE.search(text):
        raise PurlError(f"{_shown(text)} holds a percent sign that begins no escape")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise PurlError(f"{_shown(text)} is not encoded in UTF-8") from None


def _decode_segment(text: str) -> str:
    segment = _decode(text)
    if "/" in segment:
        raise PurlError(f"the segment {_shown(segment)} holds an encoded slash")
    return segment


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
