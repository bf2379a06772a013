"""Errors that a person sees: a slug, one sentence, hints; and the exit code that follows."""

from __future__ import annotations


class ThwartError(Exception):
    """Base of every error that is meant for the user.

    Args:
        sentence: what is wrong, one sentence without a full stop.
        hints: what to do about it, each a short imperative.
    """

    slug = "error"
    exit_code = 2

    def __init__(self, sentence: str, *hints: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hints = hints


class UsageError(ThwartError):
    """The command, a flag or the configuration is wrong (exit 2)."""

    slug = "usage"


class ConfigError(UsageError):
    """The configuration file is wrong (exit 2)."""

    slug = "config"


class SourceError(ThwartError):
    """A target could not be reached, pulled or opened (exit 4)."""

    slug = "source"
    exit_code = 4


class DigestError(SourceError):
    """Content is not what its digest promises (exit 4)."""

    slug = "digest-mismatch"


class LimitError(SourceError):
    """Input is larger, deeper or more numerous than the limits allow (exit 4)."""

    slug = "limit"


class DatabaseError(ThwartError):
    """The advisory database is missing, damaged or of a schema this version cannot read (exit 4)."""

    slug = "database"
    exit_code = 4


class ParseError(Exception):
    """One file could not be understood; becomes a `Diagnostic`, never a crash.

    Raised by parsers only. `line` is 1-based, 0 when unknown.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
