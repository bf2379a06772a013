"""What can go wrong between here and a registry, each with its slug. None carries a secret or a URL's query."""

from __future__ import annotations

from thwart.core.errors import SourceError


class RegistryError(SourceError):
    """A registry could not be used (exit 4)."""

    slug = "registry"


class OfflineError(RegistryError):
    """The network was needed and is switched off."""

    slug = "offline"


class UnreachableError(RegistryError):
    """No connection: name, address, port or proxy."""

    slug = "unreachable"


class BrokenError(RegistryError):
    """The connection ended before the answer did; worth another try."""

    slug = "interrupted"


class StallError(BrokenError):
    """The other side stopped, or goes too slowly to be waited for."""

    slug = "timeout"


class TlsError(RegistryError):
    """The other side's certificate, or ours, was refused."""

    slug = "tls"


class PlainHttpError(RegistryError):
    """One side speaks HTTP, the other TLS."""

    slug = "plain-http"


class RedirectError(RegistryError):
    """A redirect or a token service's address that must not be followed."""

    slug = "redirect"


class AnswerError(RegistryError):
    """The answer is not what the protocol says it must be."""

    slug = "bad-answer"


class SizeError(AnswerError):
    """Another number of bytes than promised."""

    slug = "size-mismatch"


class ShortError(BrokenError):
    """A body ended properly, before the number of bytes that were promised."""

    slug = "size-mismatch"


class UnavailableError(RegistryError):
    """The registry answers that it cannot, for now (5xx)."""

    slug = "unavailable"


class RateLimitError(RegistryError):
    """The registry answers that it was asked too often (429)."""

    slug = "rate-limited"


class UnauthorizedError(RegistryError):
    """The registry wants credentials, or others (401)."""

    slug = "unauthorized"


class ForbiddenError(RegistryError):
    """The registry knows who asks and refuses (403)."""

    slug = "forbidden"


class NotFoundError(RegistryError):
    """No such repository, tag, manifest or blob (404)."""

    slug = "not-found"


class ForeignLayerError(RegistryError):
    """A layer that its registry does not hold, but somebody else's server."""

    slug = "foreign-layer"


class UnsupportedManifestError(RegistryError):
    """A manifest of a kind that is no container image, or of Docker's withdrawn first schema."""

    slug = "unsupported-manifest"


class CredentialsError(RegistryError):
    """Credentials are configured and cannot be read."""

    slug = "credentials"


def clean(text: str, length: int = 300) -> str:
    """Foreign text fit for a terminal and a log: printable, on one line, bounded."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * length]).split())
    return line if len(line) <= length else line[: length - 1] + "…"
