"""What is known of images while pods are admitted: digests and judgements, asked once and kept for a while.

Nothing is scanned. A registry is asked within the time that a review has left; an answer is kept by digest, a refusal only
briefly, and while a registry says that it is asked too often, what is kept counts although it is old.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from msgspec import Struct

from thwart.core.errors import ThwartError
from thwart.core.trust import Judgement

_MOST = 20_000  # answers that are kept
_THREADS = 16  # registries that are asked at a time
BUSY = ("rate-limited", "unavailable")  # slugs of answers that mean: later
_WAITING = 512  # questions that wait for them


class Busy(ThwartError):  # noqa: N818 - what the registry is
    """The registry asks for patience (429, 503)."""

    slug = "registry-busy"
    exit_code = 4


class Registry(Protocol):
    """Who asks registries: the digest behind a name, and what vouches for a digest. Raises ThwartError.

    `secrets` are names of pull secrets in the namespace, or `serviceaccount/NAME` for those of an account.
    """

    def digest(self, image: str, secrets: tuple[str, ...], namespace: str) -> str:
        """The digest of the manifest or index that the name stands for now."""

    def platforms(self, image: str, digest: str, secrets: tuple[str, ...], namespace: str) -> tuple[str, ...]:
        """The digests of the images that an index at that digest holds; none of an image."""

    def judge(self, image: str, digest: str, secrets: tuple[str, ...], namespace: str) -> Judgement:
        """Whether the trust policy is satisfied for that digest."""


class Lives(Struct, frozen=True, kw_only=True):
    """How long answers count, in seconds. Names move; judgements of a digest change only as certificates and policies do."""

    digest: float = 60.0
    verified: float = 600.0
    refused: float = 15.0
    stale: float = 86_400.0  # of anything, while the registry is busy


class Unasked(Exception):  # noqa: N818 - not wrong, only not known yet
    """Nobody has asked yet, and the caller does not want to wait for the answer."""


class _Kept(Struct):
    value: object
    until: float
    asked: float


class Images:
    """Digests and judgements, kept between reviews; safe for threads.

    Each question is asked once at a time, in a thread of its own: whoever needs the answer waits for it until its own
    deadline, and an answer that comes later than that is kept for the next review. `clock` gives seconds that never go
    back. A `deadline` of None does not wait at all: what is not known raises `Unasked`. Its threads end when nobody holds it
    any more, so that reviews under way can end with the one that they began with.
    """

    def __init__(self, registry: Registry, clock: Callable[[], float], lives: Lives | None = None) -> None:
        self._registry = registry
        self._clock = clock
        self._lives = lives or Lives()
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
        self._guard = threading.Lock()
        self._asking: dict[tuple[str, ...], Future[object]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="registry")
        self.hits = self.misses = 0

    def digest(self, image: str, secrets: tuple[str, ...], namespace: str, deadline: float | None) -> str:
        """The digest behind a name.

        Raises:
            ThwartError: the registry does not say.
        """
        key = ("digest", image, namespace, *secrets)
        found = self._ask(key, deadline, lambda: self._registry.digest(image, secrets, namespace))
        assert isinstance(found, str)
        return found

    def platforms(
        self, image: str, digest: str, secrets: tuple[str, ...], namespace: str, deadline: float | None
    ) -> tuple[str, ...]:
        """The digests of the images in an index; none where the digest is an image itself.

        Raises:
            ThwartError: the registry does not say.
        """
        key = ("platforms", digest, namespace, *secrets)
        found = self._ask(key, deadline, lambda: self._registry.platforms(image, digest, secrets, namespace))
        assert isinstance(found, tuple)
        return found

    def judgement(
        self, image: str, digest: str, secrets: tuple[str, ...], namespace: str, deadline: float | None
    ) -> Judgement:
        """The judgement of an image at a digest.

        Raises:
            ThwartError: the registry does not say what vouches for it.
        """
        repository = image.partition("@")[0]
        key = ("judge", repository, digest, namespace, *secrets)
        found = self._ask(key, deadline, lambda: self._registry.judge(image, digest, secrets, namespace))
        assert isinstance(found, Judgement)
        return found

    def _ask(self, key: tuple[str, ...], deadline: float | None, ask: Callable[[], object]) -> object:
        with self._guard:
            kept = self._kept.get(key)
            if kept is not None and kept.until > self._clock():
                self._kept.move_to_end(key)
                self.hits += 1
                return _given(kept.value)
            if deadline is None:
                raise Unasked
            answer = self._asking.get(key)
            if answer is None:
                if len(self._asking) >= _WAITING:
                    raise Busy("too many images are being asked for at once")
                self.misses += 1
                answer = self._asking[key] = self._threads.submit(self._learn, key, ask)
        try:
            return _given(answer.result(max(deadline - self._clock(), 0)))
        except TimeoutError:
            raise ThwartError("the registry has not answered within the time of this review; try again") from None

    def _learn(self, key: tuple[str, ...], ask: Callable[[], object]) -> object:
        value: object
        try:
            value = ask()
        except ThwartError as error:
            value = error
        except Exception as error:  # noqa: BLE001 - whatever a registry sends, the review gets a sentence
            value = ThwartError(f"its registry could not be asked ({type(error).__name__})")
        with self._guard:
            try:
                return self._keep(key, value)
            finally:
                self._asking.pop(key, None)

    def _keep(self, key: tuple[str, ...], value: object) -> object:
        """Keep an answer for as long as its kind counts; while the registry is busy, the old one a little longer."""
        lives, now = self._lives, self._clock()
        old = self._kept.get(key)
        usable = old is not None and not isinstance(old.value, ThwartError) and old.asked + lives.stale > now
        if isinstance(value, Busy) and old is not None and usable:
            old.until = now + lives.refused
            return old.value
        life = lives.stale if key[0] == "platforms" else lives.digest
        if isinstance(value, ThwartError):
            life = lives.refused
        elif isinstance(value, Judgement):
            life = lives.verified if value.decision == "verified" else lives.refused
        self._kept[key] = _Kept(value, now + life, now)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return value


def _given(value: object) -> object:
    if isinstance(value, ThwartError):
        raise value
    return value
