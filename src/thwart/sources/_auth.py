"""Answering a registry's challenge: Basic (RFC 7617), Bearer tokens of the Docker token protocol (RFC 6750 headers).

Sources: the distribution project's "Token Authentication Specification" and "OAuth2 Token Authentication".
Whom secrets may reach: the registry's own origin, and its token service, over https or, when plain HTTP was asked
for, on the registry's own host.
"""

from __future__ import annotations

import re
import time
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from thwart.sources._challenges import Challenge, parse_challenges
from thwart.sources._registry_errors import (
    AnswerError,
    CredentialsError,
    RateLimitError,
    RedirectError,
    UnauthorizedError,
    UnavailableError,
    clean,
)
from thwart.sources._registry_http import Answer, Call, Client
from thwart.sources._url import Url, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from thwart.lib.reference import Reference
    from thwart.sources._credentials import Credentials

_CLIENT_ID = "thwart"
_TOKEN_BYTES = 1_048_576
_SHORTEST = 60.0  # seconds a token holds at least, whatever it says ("Requesting a Token", expires_in)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, 3.3: scope-token


class _Token(msgspec.Struct):
    """The answer of a token service; unknown fields are passed over."""

    token: str | None = None
    access_token: str | None = None
    expires_in: float | str | None = None

    def seconds(self) -> float:
        """How long it holds; what is not a number counts as not said."""
        return self.expires_in if isinstance(self.expires_in, float) else 0.0


class Authenticator:
    """Keeps the `Authorization` for one repository of one registry; threads may share it, one of them asks."""

    def __init__(
        self, client: Client, reference: Reference, plain_http: bool, find: Callable[[], Credentials | None]
    ) -> None:
        self._client = client
        self._registry = reference.registry
        self._repository = reference.repository
        self._plain_http = plain_http
        self._find = find
        self._lock = Lock()
        self._searched = False
        self._credentials: Credentials | None = None
        self._trouble: CredentialsError | None = None
        self._challenges: list[Challenge] = []
        self._header: str | None = None
        self._until = float("inf")

    @property
    def user(self) -> str:
        """Who we are to the registry, for messages: a user's name, `a token` or nothing."""
        found = self._credentials
        return "" if found is None else found.username or "a token"

    def hints(self) -> tuple[str, ...]:
        """What to tell a user whom the registry refuses."""
        if self._trouble is not None:
            return (f"credentials were not used: {self._trouble.sentence}", *self._trouble.hints)
        if self._credentials is not None:
            return (f"the credentials came from {self._credentials.origin}",)
        return (f"log in first, for example with: docker login {self._registry}",)

    def header(self) -> str | None:
        """What to send along, as far as is known; asks the registry how, once, when there are credentials."""
        with self._lock:
            if not self._searched:
                self._search()
                if self._credentials is not None:
                    self._begin(self._credentials)
            elif time.monotonic() >= self._until:
                self._answer()
            return self._header

    def renew(self, challenge: str, used: str | None) -> str | None:
        """After a 401 with `WWW-Authenticate: challenge`: another value to try, or None when there is none.

        `used` is the value that was refused; when another thread has renewed it since, its result is taken.
        """
        with self._lock:
            if self._header != used:
                return self._header
            self._challenges = _readable(challenge)
            self._answer()
            return self._header if self._header != used else None

    def _search(self) -> None:
        """Look for credentials. Trouble is kept: an image that anybody may pull must not fail for it."""
        self._searched = True
        try:
            self._credentials = self._find()
        except CredentialsError as exc:
            self._trouble = exc

    def _begin(self, credentials: Credentials) -> None:
        """Ask for the challenge (OCI distribution specification, "Determining Support"), not to be taken for anonymous."""
        if credentials.registry_token:
            self._header = f"Bearer {_visible(credentials.registry_token, credentials.origin)}"
            return
        answer = self._client.send(Call(url=self._client.home._replace(target="/v2/")))
        answer.discard()
        if answer.status == 401 and answer.url.origin == self._client.home.origin:
            self._challenges = _readable(answer.headers.get("www-authenticate", ""))
            self._answer()

    def _answer(self) -> None:
        """Set header and expiry by the last challenges: Bearer before Basic, what cannot be answered is passed over."""
        schemes = {challenge.scheme: challenge for challenge in reversed(self._challenges)}
        bearer, found = schemes.get("bearer"), self._credentials
        if found is not None and found.registry_token:
            return
        if bearer is not None and "realm" in bearer.params:
            self._header = f"Bearer {self._token(bearer)}"
        elif "basic" in schemes and found is not None and found.basic:
            self._header = found.basic

    def _token(self, challenge: Challenge) -> str:
        realm = self._realm(challenge.params["realm"])
        fields = [("scope", scope) for scope in self._scopes(challenge.params.get("scope", ""))]
        if service := challenge.params.get("service"):
            fields.insert(0, ("service", service))
        found = self._credentials
        if found is not None and found.identity_token:
            call = _grant(realm, fields, found.identity_token)
        else:
            call = _request(realm, fields, found)
        return self._read_token(self._client.send(call))

    def _realm(self, text: str) -> Url:
        home = self._client.home
        try:
            realm = parse_url(text)
        except ValueError as exc:
            raise RedirectError(f"registry {home.authority} names a token service that cannot be used: {exc}") from None
        if realm.scheme == "https" or (self._plain_http and realm.host == home.host):
            return realm
        raise RedirectError(
            f"registry {home.authority} names a token service without https: {clean(str(realm), 120)}",
            "credentials and tokens go over https only, or with --plain-http to the registry's own host",
        )

    def _scopes(self, asked: str) -> list[str]:
        """What to ask for: the scopes that the registry names, without the right to write, else to pull."""
        scopes = [scope for word in asked.split(" ")[:16] if (scope := _pull_only(word))]
        return scopes or [f"repository:{self._repository}:pull"]

    def _read_token(self, answer: Answer) -> str:
        where = answer.url.authority
        raw = answer.read(_TOKEN_BYTES, f"the answer of token service {where}")
        if answer.status in (400, 401, 403):
            who = f"the credentials of {self.user}" if self._credentials else "a request without credentials"
            raise UnauthorizedError(
                f"token service {where} does not accept {who} for {self._repository}", *self.hints()
            )
        if answer.status == 429:
            raise RateLimitError(f"token service {where} was asked too often", "wait, or log in")
        if answer.status != 200:
            kind = UnavailableError if answer.status >= 500 else AnswerError
            raise kind(f"token service {where} answers with status {answer.status}")
        try:
            token = msgspec.json.decode(raw, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise AnswerError(f"token service {where} does not answer with a token") from None
        self._until = time.monotonic() + max(_SHORTEST, token.seconds()) * 0.9
        return _visible(token.token or token.access_token or "", f"token service {where}")


def _request(realm: Url, fields: list[tuple[str, str]], found: Credentials | None) -> Call:
    """A token by GET, as user or anonymously."""
    basic = found.basic if found is not None else ""
    if found is not None and found.username:
        fields = [("account", found.username), *fields]
    joint = "&" if "?" in realm.target else "?"
    return Call(url=realm._replace(target=realm.target + joint + urlencode(fields)), authorization=basic or None)


def _grant(realm: Url, fields: list[tuple[str, str]], identity: str) -> Call:
    """A token for an identity token, by POST: one `scope` field, its scopes divided by blanks (RFC 6749, 3.3 and 6)."""
    form = [(name, value) for name, value in fields if name != "scope"]
    form += [("scope", " ".join(value for name, value in fields if name == "scope")), ("client_id", _CLIENT_ID)]
    form += [("grant_type", "refresh_token"), ("refresh_token", identity)]
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    return Call(url=realm, headers=(kind,), method="POST", content=urlencode(form).encode())


def _readable(challenge: str) -> list[Challenge]:
    try:
        return parse_challenges(challenge)
    except ValueError as exc:
        raise AnswerError(f"the registry's challenge for credentials cannot be read: {exc}") from None


def _pull_only(scope: str) -> str:
    """A scope without `push`, `delete` and `*`: a stolen token shall be good for reading only."""
    if len(scope) > 512 or not _SCOPE.fullmatch(scope):
        return ""
    if not scope.startswith("repository:"):
        return scope
    name, _, actions = scope.rpartition(":")
    kept = [action for action in actions.split(",") if action not in ("push", "delete", "*")]
    return f"{name}:{','.join(kept) or 'pull'}"


def _visible(token: str, origin: str) -> str:
    """A token that is fit for a header (RFC 6750, 2.1 asks for less)."""
    if not _VISIBLE.fullmatch(token):
        raise AnswerError(f"{origin} gives a token that is empty or has forbidden characters")
    return token
