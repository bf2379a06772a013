"""The admission webhook over HTTPS: `/validate` and `/mutate` for the API server, `/healthz`, `/readyz` and `/metrics`.

One ASGI callable and nothing else: what stands between a cluster and its pods is small enough to be read.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import parse_qs

from thwart.api.admission import MOST, Admission, Decision, Images, ReviewError, Unasked
from thwart.server._asgi import JSON, TEXT, TOO_LARGE, Receive, Scope, Send, body_of, respond

_THREADS = 32  # reviews that wait for registries at a time
_TIMEOUT = 10.0  # what the API server waits where it does not say (AdmissionReview v1, timeoutSeconds)
_LARGE = 128 << 10  # bytes from which a review is judged beside the others, so that it delays none
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Judging(Protocol):
    """What reviews are judged by now; both may be others after the policy has changed."""

    @property
    def current(self) -> Admission:
        """Who decides."""

    @property
    def images(self) -> Images | None:
        """What is known of images."""

    @property
    def trouble(self) -> str:
        """Why what was changed last is not in force; empty where it is."""


class App:
    """The ASGI application. `note` is told every decision, in the order in which they were made, and must not wait.

    `unrecorded` counts decisions that the record has not got.
    """

    def __init__(
        self,
        judging: Judging,
        note: Callable[[Decision], None] | None = None,
        unrecorded: Callable[[], int] = lambda: 0,
    ) -> None:
        self._judging = judging
        self._note = note
        self._unrecorded = unrecorded
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="review")
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seconds = [0] * (len(_BUCKETS) + 1)
        self._total = 0.0
        self.ready = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        # a review that is sent on while the server closes the connection fails: at the end the API server is told to leave
        await respond(send, *answer, last=not self.ready)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        path, method = scope["path"], scope["method"]
        if path in ("/validate", "/mutate"):
            return await self._review(scope, receive) if method == "POST" else (405, TEXT, b"reviews are posted here\n")
        if method in ("GET", "HEAD"):
            return self._page(path)
        return 405, TEXT, b"post reviews to /validate or /mutate\n"

    def _page(self, path: str) -> tuple[int, bytes, bytes]:
        if path == "/healthz":
            return 200, TEXT, b"ok\n"
        if path == "/readyz":
            told = "".join(f"{line}\n" for line in self._told())
            return (200, TEXT, f"ready\n{told}".encode()) if self.ready else (503, TEXT, b"not ready\n")
        if path == "/metrics":
            return 200, TEXT, self.metrics().encode()
        return 404, TEXT, b"nothing is here\n"

    def _told(self) -> list[str]:
        told = [self._judging.trouble] if self._judging.trouble else []
        count = self._unrecorded()
        return [*told, f"{count} decisions are not on the record"] if count else told

    async def _review(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        begun = time.perf_counter()
        body = await body_of(receive, MOST)
        if body is None:
            return TOO_LARGE, TEXT, b"the review is too large\n"
        verb = scope["path"][1:]
        admission = self._judging.current
        judge = admission.validate if verb == "validate" else admission.mutate
        try:
            try:
                if len(body) > _LARGE:
                    raise Unasked  # noqa: TRY301 - the same way: in a thread
                data, decision = judge(body, None)
            except Unasked:
                left = _timeout(scope) - (time.perf_counter() - begun)
                loop = asyncio.get_running_loop()
                data, decision = await loop.run_in_executor(self._threads, judge, body, left)
        except ReviewError as error:
            self._counts[verb, "malformed"] += 1
            return 400, TEXT, f"{error}\n".encode()
        self._counts[verb, decision.outcome] += 1
        self._observe(time.perf_counter() - begun)
        if self._note is not None and verb == "validate" and decision.outcome not in ("ignored", "exempt"):
            self._note(decision)
        return 200, JSON, data

    def _observe(self, seconds: float) -> None:
        self._total += seconds
        self._seconds[next((at for at, edge in enumerate(_BUCKETS) if seconds <= edge), len(_BUCKETS))] += 1

    def metrics(self) -> str:
        """Counters and a histogram in Prometheus' text format."""
        name = "thwart_admission_reviews_total"
        lines = [f"# HELP {name} Reviews by webhook and outcome.", f"# TYPE {name} counter"]
        lines += [
            f'{name}{{webhook="{verb}",outcome="{outcome}"}} {count}'
            for (verb, outcome), count in sorted(self._counts.items())
        ]
        images = self._judging.images
        for name, about, count in (
            (
                "thwart_admission_image_hits_total",
                "Questions about images answered from memory.",
                images and images.hits,
            ),
            ("thwart_admission_image_misses_total", "Questions that registries were asked.", images and images.misses),
        ):
            lines += [f"# HELP {name} {about}", f"# TYPE {name} counter", f"{name} {count or 0}"]
        lines += _gauge("thwart_admission_unrecorded", "Decisions that are not on the record.", self._unrecorded())
        lines += _gauge(
            "thwart_admission_stale", "1 while a changed file is not in force.", bool(self._judging.trouble)
        )
        name = "thwart_admission_duration_seconds"
        lines += [f"# HELP {name} Time that reviews took.", f"# TYPE {name} histogram"]
        count = 0
        for edge, here in zip((*map(str, _BUCKETS), "+Inf"), self._seconds, strict=True):
            count += here
            lines.append(f'{name}_bucket{{le="{edge}"}} {count}')
        return "\n".join([*lines, f"{name}_sum {self._total:.6f}", f"{name}_count {count}", ""])


def _gauge(name: str, about: str, value: int) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name} {int(value)}"]


def _timeout(scope: Scope) -> float:
    """The seconds that the API server will wait, as it states them: `?timeout=10s`."""
    stated = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("timeout", [""])[0]
    digits = stated.removesuffix("s")
    return float(digits) if digits.isascii() and digits.isdigit() and 0 < int(digits[:4]) <= 30 else _TIMEOUT
