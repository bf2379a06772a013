"""Names of images: the reference grammar that registries, Docker and podman share.

Source: the grammar and the normalisation of the distribution project's `reference` package, and the OCI distribution
specification 1.1, "Pulling manifests" (`<name>` and `<reference>`), OCI image specification, "Digests".
"""

from __future__ import annotations

import re

from msgspec import Struct

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
NAME_MAX = 255  # of the repository, the registry's host not counted
TEXT_MAX = 1024  # host (253, RFC 1035) and port, repository, tag (128) and digest (135) together stay below

_OLD_DEFAULT = "index.docker.io"
_OFFICIAL = "library/"
_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ALGORITHM = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*")
_HEX = re.compile(r"[0-9a-f]*")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")


class ReferenceError_(ValueError):  # noqa: N801, N818 - `ReferenceError` is a built-in of another meaning
    """The text is not the name of an image; the message is one sentence."""


class Reference(Struct, frozen=True):
    """An image's name. `registry` is host and port; `tag` and `digest` are empty when the text has none.

    The digest decides when both are given: the tag is then only a remark.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or DEFAULT_TAG

    def canonical(self) -> str:
        """The full name, with registry; a default tag is not added."""
        return f"{self.registry}/{self.repository}{self._suffix()}"

    def familiar(self) -> str:
        """The shortest text that means the same: Docker Hub's host and `library/` are left out where they can be.

        The original also shortens `docker.io/localhost/x` to `localhost/x`, which names another registry; here not.
        """
        full = f"{self.registry}/{self.repository}"
        if self.registry != DEFAULT_REGISTRY:
            return full + self._suffix()
        rest = self.repository.removeprefix(_OFFICIAL)
        name = (self.repository if "/" in rest else rest) + self._suffix()
        faithful = not _IDENTIFIER.fullmatch(name) and _split_registry(name) == (
            self.registry,
            self.repository + self._suffix(),
        )
        return name if faithful else full + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.canonical()


def parse(text: str) -> Reference:
    """Read an image's name as Docker does: `nginx` is `docker.io/library/nginx`.

    One strictness more than the original: where the first part is meant as a host but is none (`a_b.example/x`),
    the original yields a name without a registry; here it is an error.

    Raises:
        ReferenceError_: with one sentence that says what is wrong.
    """
    _refuse_early(text)
    registry, remainder = _split_registry(text)
    name, at, digest = remainder.partition("@")
    repository, colon, tag = name.partition(":")
    _check_registry(registry)
    _check_repository(repository, text)
    if colon:
        check_tag(tag)
    if at:
        check_digest(digest)
    return Reference(registry, repository, tag, digest)


def check_tag(tag: str) -> str:
    """The tag itself, when it keeps to the grammar.

    Raises:
        ReferenceError_: when it does not.
    """
    if not _TAG.fullmatch(tag):
        if not tag:
            raise ReferenceError_("the tag after ':' is empty")
        if len(tag) > 128:
            raise ReferenceError_(f"the tag has {len(tag)} characters, more than the 128 that a tag may have")
        raise ReferenceError_(
            f"{_quote(tag)} is not a tag: letters, digits, '_', '.' and '-', not beginning with '.' or '-'"
        )
    return tag


def check_digest(digest: str) -> str:
    """The digest itself, when algorithm and length are right: sha256, sha384 or sha512 in lower-case hexadecimal.

    Raises:
        ReferenceError_: when they are not.
    """
    algorithm, colon, value = digest.partition(":")
    if not colon or not _ALGORITHM.fullmatch(algorithm):
        raise ReferenceError_(f"{_quote(digest)} is not a digest: it reads like sha256: and 64 hexadecimal digits")
    length = _HEX_LENGTH.get(algorithm)
    if length is None:
        raise ReferenceError_(f"the digest algorithm {_quote(algorithm)} is not known: sha256, sha384 and sha512 are")
    if len(value) != length:
        raise ReferenceError_(
            f"a {algorithm} digest has {length} hexadecimal digits, this one has {len(value)} characters"
        )
    if not _HEX.fullmatch(value):
        raise ReferenceError_(f"the {algorithm} digest {_quote(value)} has characters other than 0-9 and a-f")
    return digest


def is_digest(text: str) -> bool:
    """Whether the text is a digest that `check_digest` takes."""
    try:
        check_digest(text)
    except ReferenceError_:
        return False
    return True


def split_host(registry: str) -> tuple[str, int | None]:
    """Host (without brackets) and port of a reference's registry; no port is None.

    Raises:
        ReferenceError_: when the port is not from 1 to 65535.
    """
    host, colon, port = registry.rpartition(":")
    if not colon or "]" in port:
        return registry.strip("[]"), None
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536:
        raise ReferenceError_(f"port {_quote(port)} of registry {_quote(registry)} is not from 1 to 65535")
    return host.strip("[]"), int(port)


def _refuse_early(text: str) -> None:
    if not text:
        raise ReferenceError_("the image's name is empty")
    if len(text) > TEXT_MAX:
        raise ReferenceError_(f"the image's name has {len(text)} characters, more than any name may have")
    if text != text.strip():
        raise ReferenceError_(f"the image's name {_quote(text)} begins or ends with white space")
    if "://" in text:
        rest = text.partition("://")[2]
        raise ReferenceError_(
            f"{_quote(text)} is an address, not an image's name: leave out what stands before {_quote(rest)}"
        )
    if _IDENTIFIER.fullmatch(text):
        raise ReferenceError_(f"{_quote(text)} is an image's identifier, not a name: write NAME@sha256:{text[:6]}…")


def _split_registry(text: str) -> tuple[str, str]:
    """Registry and the rest. The first part is a host when it has '.', ':' or upper case, or is `localhost`."""
    first, slash, rest = text.partition("/")
    if not slash:
        return DEFAULT_REGISTRY, _OFFICIAL + text
    if first == _OLD_DEFAULT:
        first = DEFAULT_REGISTRY
    elif first != "localhost" and not {".", ":"} & set(first) and first.lower() == first:
        return DEFAULT_REGISTRY, text
    if first == DEFAULT_REGISTRY and "/" not in rest:
        rest = _OFFICIAL + rest
    return first, rest


def _check_registry(registry: str) -> None:
    if _HOST.fullmatch(registry):
        return
    if ":" in registry and registry.count(":") > 1 and not registry.startswith("["):
        raise ReferenceError_(
            f"{_quote(registry)} is not a registry's host: an IPv6 address stands in brackets, [::1]:5000"
        )
    raise ReferenceError_(f"{_quote(registry)} is not a registry's host, with or without a port")


def _check_repository(repository: str, text: str) -> None:
    shown = repository.removeprefix(_OFFICIAL) if "/" not in text else repository
    if not shown:
        raise ReferenceError_(f"{_quote(text)} has no repository name")
    if repository.lower() != repository:
        raise ReferenceError_(
            f"the repository name {_quote(shown)} must be in lower case: did you mean {_quote(shown.lower())}?"
        )
    for part in repository.split("/"):
        if not part:
            raise ReferenceError_(f"the repository name {_quote(shown)} has an empty part between its slashes")
        if not _PART.fullmatch(part):
            raise ReferenceError_(
                f"{_quote(part)} cannot be part of a repository name: lower-case letters and digits, "
                "between them one '.', one or two '_', or dashes"
            )
    if len(repository) > NAME_MAX:
        raise ReferenceError_(f"the repository name has {len(repository)} characters, more than {NAME_MAX}")


def _quote(text: str) -> str:
    """The text in quotes, shortened, without control characters."""
    short = text if len(text) <= 80 else text[:77] + "…"
    return "'" + "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in short) + "'"
