"""The decisions of an authorization plugin for Docker: what may be created, by the rules and images of a policy.

Source: Docker Engine API, `ContainerCreate`, `ContainerExec`, `ServiceCreate` and others; Docker's "Access authorization
plugin" for what the engine sends. The engine reads JSON as Go does, so the case of a key means nothing here either.
"""

from __future__ import annotations

import json
import posixpath
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote

from msgspec import Struct, field

from thwart import rules
from thwart._version import __version__
from thwart.api._authz_body import BodyError, container_of, mounting, parsed, service_of
from thwart.api.admission import Decision
from thwart.api.admission._images import Images
from thwart.api.admission._judging import tempered, weighed, worst
from thwart.core.errors import ThwartError
from thwart.core.report import Asset, Policy, Report, Verdict
from thwart.lib.reference import ReferenceError_, parse

_VERSION = re.compile(r"^/v[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}(?=/)")
_ORIGIN = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,99}")
_LONGEST = 10_000  # characters of a query that are read
_SECONDS = 8.0  # for what registries are asked
_SOMEBODY = "65534"  # the user of an image that is not there yet


class Known(NamedTuple):
    """What the engine says of an image: its id, the digests of the manifests that it came with, its user."""

    id: str
    digests: tuple[str, ...] = ()  # `name@sha256:…`
    user: str = ""


class Engine(Protocol):
    """The engine, asked for an image by name or id."""

    def image(self, name: str) -> Known | None:
        """What it knows; None where it has no such image. Raises ThwartError."""


class AuthzOptions(Struct, frozen=True, kw_only=True):
    """How to decide. `approved` are digests, None where any image may run; `scans` are reports of last scans by digest."""

    policy: Policy = field(default_factory=Policy)
    approved: frozenset[str] | None = None
    signatures: bool = False
    scans: Mapping[str, Report] = field(default_factory=dict)
    scanned: bool = False


class Request(NamedTuple):
    """What the engine was asked to do, by whom. `body` is None where the engine did not pass it on."""

    method: str
    uri: str
    body: bytes | None = None
    user: str = ""


class Authorization:
    """Decides on requests; safe for threads. `clock` gives seconds that never go back, `today` the day."""

    def __init__(
        self,
        options: AuthzOptions,
        engine: Engine,
        images: Images | None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._options = options
        self._engine = engine
        self._images = images
        self._clock = clock
        self._today = today

    def decide(self, request: Request) -> Decision:
        """Whether the request may go on. What only reads, stops or removes always may; it never fails."""
        if request.method in ("GET", "HEAD", "DELETE", "OPTIONS"):
            return Decision("ignored", "", "")
        path = _path(request.uri)
        if path is None:
            return _refused(request, "a request", "its path cannot be read in one way only")
        judge = self._judges(path)
        if judge is None:
            return Decision("ignored", "", path)
        subject = f"{request.method} {path}"
        try:
            verdict, used = judge(request)
        except BodyError as error:
            return _refused(request, subject, str(error))
        except ThwartError as error:
            verdict, used = Verdict(decision="unknown", reasons=(error.sentence,)), ()
        verdict = tempered(verdict, self._options.policy)
        allowed = verdict.decision not in ("deny", "unknown")
        reasons = (*verdict.reasons, *verdict.doubts)
        return Decision(verdict.decision, "", subject, reasons, images=used, actor=request.user, allowed=allowed)

    def _judges(self, path: str) -> Callable[[Request], tuple[Verdict, tuple[str, ...]]] | None:
        for pattern, judge in (
            (r"/containers/create", self._create),
            (r"/containers/[^/]+/exec", self._exec),
            (r"/containers/[^/]+/start", self._start),
            (r"/containers/[^/]+/update", self._update),
            (r"/services/create|/services/[^/]+/update", self._service),
            (r"/volumes/create", self._volume),
            (r"/plugins/.+", self._plugin),
        ):
            if re.fullmatch(pattern, path):
                return judge
        return None

    def _create(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:
        body = container_of(_body(request))
        return self._container({**body, "Name": _name(request.uri)})

    def _service(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:
        return self._container(service_of(_body(request)))

    def _container(self, inspect: dict[str, Any]) -> tuple[Verdict, tuple[str, ...]]:
        name = inspect["Config"].get("Image")
        name = name if isinstance(name, str) else ""
        known = self._engine.image(name) if name else None
        if not inspect["Config"].get("User"):
            inspect["Config"]["User"] = known.user if known is not None else _SOMEBODY
        verdicts = self._by_rules(inspect, name, known.id if known is not None else "")
        if known is not None:
            verdicts += self._by_image(name, known)
        # an image that the engine has not got is refused by the engine itself, so that the client pulls it first
        return worst(verdicts), (name,) if name else ()

    def _by_rules(self, inspect: dict[str, Any], image: str, digest: str = "") -> list[Verdict]:
        """The rules' judgement. The asset is the image, so that exceptions can be for one, best by its digest."""
        document = {"thwart-engine": 1, "engine": {}, "whole": False, "containers": [{"inspect": inspect}]}
        outcome = rules.check([("engine:docker", json.dumps(document).encode())])
        report = Report(
            asset=Asset(kind="engine", name=image, digest=digest),
            tool_version=__version__,
            created="",
            findings=outcome.findings,
            diagnostics=outcome.diagnostics,
            documents=1,
            images=(image,) if image else (),
        )
        return [*weighed(report, self._options.policy, self._today())]

    def _by_image(self, name: str, known: Known) -> list[Verdict]:
        options = self._options
        digests = (known.id, *(one.rpartition("@")[2] for one in known.digests))
        verdicts = []
        if options.approved is not None and not options.approved.intersection(digests):
            why = f"{name} ({digests[-1][:19]}) is not on the list of approved images"
            verdicts.append(Verdict(decision="deny", reasons=(why,)))
        reports = [options.scans[one] for one in digests if one in options.scans]
        if options.scanned and not reports:
            verdicts.append(Verdict(decision="unknown", reasons=(f"nobody has scanned {name} ({digests[-1][:19]})",)))
        for report in reports[:1]:
            verdicts += weighed(report, options.policy, self._today())
        return [*verdicts, *(self._vouched(name, known) if options.signatures else ())]

    def _vouched(self, name: str, known: Known) -> list[Verdict]:
        """The judgement of the digest with which the image came; one that was built here has none, nor a signature."""
        if self._images is None:
            return [Verdict(decision="unknown", reasons=(f"{name}: no registry is asked",))]
        reasons: list[str] = []
        for one in known.digests[:8]:
            try:
                reference = parse(one)
                judgement = self._images.judgement(one, reference.digest, (), "", self._clock() + _SECONDS)
            except (ThwartError, ReferenceError_) as error:
                reasons.append(f"{one}: {error}")
                continue
            if judgement.decision == "verified":
                return []
            reasons += [f"{one.partition('@')[0]}: {reason.sentence}" for reason in judgement.reasons[:2]]
        why = tuple(reasons) or (f"{name} did not come from a registry, so nothing vouches for it",)
        return [Verdict(decision="deny", reasons=why)]

    def _exec(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:
        wants = _body(request).get("Privileged") is True
        return _verdict("it runs a privileged process in a container" if wants else ""), ()

    def _start(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:
        """Old clients may state settings anew at the start (before API 1.24), past what was judged at the creation."""
        if request.body is None or not request.body.strip():
            return _verdict(""), ()
        return _verdict("settings are stated at the start and not at the creation" if parsed(request.body) else ""), ()

    def _update(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:
        body = _body(request)
        lifted = [name for name in ("PidsLimit", "MemorySwap") if body.get(name) == -1]
        return _verdict(f"it lifts a limit: {' and '.join(lifted)}" if lifted else ""), ()

    def _volume(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:
        """A volume that is a folder of the host is judged as that folder being mounted."""
        if request.body is None:
            raise BodyError("the engine did not pass the body on, so that nothing can be judged")
        bound = mounting(parsed(request.body) if request.body.strip() else {})
        return (worst(self._by_rules(bound, "")) if bound is not None else _verdict("")), ()

    def _plugin(self, request: Request) -> tuple[Verdict, tuple[str, ...]]:  # noqa: ARG002 - as its siblings
        return _verdict("a plugin of the engine may do what root may"), ()


def _verdict(why: str) -> Verdict:
    return Verdict(decision="deny", reasons=(why,)) if why else Verdict(decision="allow")


def _refused(request: Request, subject: str, why: str) -> Decision:
    return Decision("deny", "", subject, (why,), actor=request.user, allowed=False)


def _body(request: Request) -> dict[str, Any]:
    """The body of a request that must have one.

    Raises:
        BodyError: the engine did not pass it on (it is larger than 1 MiB, or of another type), or it is empty.
    """
    if request.body is None or not request.body.strip():
        raise BodyError("the request has no body that the engine passed on, so nothing can be judged")
    return parsed(request.body)


def _name(uri: str) -> str:
    """What the container shall be called, where that is stated and the engine would take it."""
    query = uri.partition("?")[2]
    (stated, *_) = parse_qs(query[:_LONGEST]).get("name", [""])
    name = stated.removeprefix("/")
    return name if _NAME.fullmatch(name) else "(new)"


def _path(uri: str) -> str | None:
    """The path as the engine understands it, without the version; None where it could be understood in two ways."""
    text = unquote(_ORIGIN.sub("", uri).partition("?")[0], errors="surrogateescape")
    if "%" in text or "\\" in text or not text.isprintable():
        return None
    clean = posixpath.normpath("/" + text.lstrip("/"))
    return _VERSION.sub("", clean)
