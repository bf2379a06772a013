"""Admit pods: one review in, one answer out, within a time budget and without any scan.

The decision is the gate's, as in CI: findings of rules on the object, what vouches for its images, and the last scan of each
digest make reports, which `gate.decide` judges by the same policy. Here is only what is particular to a cluster: whose
objects are never judged, what is changed on the way in, and what an answer that could not be had means.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fnmatch import translate
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.api.admission._images import Busy, Images, Lives, Registry, Unasked
from thwart.api.admission._judging import Ruled, tempered, weighed, worst
from thwart.api.admission._patch import Defaults, patches, quantity
from thwart.api.admission._pods import TEMPLATES, Used, images, pull_secrets, template_of
from thwart.api.admission._review import MOST, Request, Review, ReviewError, answer, decode, decoded
from thwart.core.errors import ThwartError
from thwart.core.report import Policy, Report, Verdict
from thwart.lib.reference import ReferenceError_, parse

__all__ = [
    "MOST",
    "SYSTEM",
    "Admission",
    "AdmissionOptions",
    "Busy",
    "Decision",
    "Defaults",
    "Images",
    "Lives",
    "Registry",
    "ReviewError",
    "Unasked",
    "quantity",
]

SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
_MIRROR = "kubernetes.io/config.mirror"
_MARGIN = 0.5  # seconds that an answer needs to reach the API server
_MOST_IMAGES = 100  # of one object
_ABREAST = 16  # images that are asked about at a time, of all reviews


class AdmissionOptions(Struct, frozen=True, kw_only=True):
    """How to admit.

    `framework` is `pss-restricted` and the like, or empty for every rule. `exempt` are globs of namespaces that are never
    judged; the system's and the webhook's own belong there, as a webhook that guards itself cannot come back. `pin` is
    `pods`, `all` or `never`. `budget` is in seconds. Until `bootstrap` everything is admitted with a warning. `scans` are
    reports of the last scans, by digest; with `scanned`, an image without one is unknown. `more` is where the whole
    of a reason can be read.
    """

    policy: Policy = field(default_factory=Policy)
    framework: str = ""
    exempt: tuple[str, ...] = SYSTEM
    signatures: bool = False
    pin: str = "pods"
    defaults: Defaults = field(default_factory=Defaults)
    budget: float = 8.0
    bootstrap: datetime | None = None
    scans: Mapping[str, Report] = field(default_factory=dict)
    scanned: bool = False
    more: str = ""


class Decision(NamedTuple):
    """What became of a review, for the record and for metrics. `outcome` is a verdict's word, `exempt` or `ignored`."""

    outcome: str
    namespace: str
    subject: str
    reasons: tuple[str, ...] = ()
    dry_run: bool = False
    images: tuple[str, ...] = ()
    actor: str = ""
    allowed: bool = True


class Admission:
    """Decides. Safe for threads. `clock` gives seconds that never go back, `now` the date."""

    def __init__(
        self,
        options: AdmissionOptions,
        images: Images | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._options = options
        self._images = images
        self._clock = clock
        self._now = now
        self._ruled = Ruled(options.policy, options.framework)
        self._exempt = re.compile("|".join(map(translate, options.exempt)) or r"(?!)").match
        self._asks = bool(options.signatures or options.scans or options.scanned)
        self._abreast = ThreadPoolExecutor(_ABREAST, thread_name_prefix="image")

    def validate(self, body: bytes, timeout: float | None = 10.0) -> tuple[bytes, Decision]:
        """The answer to a review of a validating webhook that must be there within `timeout` seconds.

        Raises:
            ReviewError: the body is no review; Unasked: a registry must be asked, and `timeout` is None.
        """
        review = decode(body)
        request = review.request
        document = decoded(request.object)
        aside = self._aside(request, document)
        if aside:
            return answer(review, allowed=True), _decision(aside, request)
        if _mirror(request, document):
            warning = "thwart: the kubelet runs this static pod already, so it was not judged"
            return answer(review, allowed=True, warnings=(warning,)), _decision("mirror", request)
        verdict, used = self._judge(request, document, self._deadline(timeout))
        return self._answer(review, tempered(verdict, self._options.policy), used)

    def mutate(self, body: bytes, timeout: float | None = 10.0) -> tuple[bytes, Decision]:
        """The answer to a review of a mutating webhook: digests pinned and limits added, nothing refused.

        Raises:
            ReviewError: the body is no review; Unasked: a registry must be asked, and `timeout` is None.
        """
        review = decode(body)
        request = review.request
        document = decoded(request.object)
        aside = self._aside(request, document) or ("mirror" if _mirror(request, document) else "")
        found = None if aside else template_of(request.kind.group, request.kind.kind, document)
        if found is None:
            return answer(review, allowed=True), _decision(aside or "ignored", request)
        template, pointer = found
        pinned = self._pins(request, template, pointer, self._deadline(timeout))
        # the resources of a pod that is there already cannot be changed
        frozen = request.kind.kind == "Pod" and request.operation == "UPDATE"
        patch = patches(template, pointer, pinned, Defaults() if frozen else self._options.defaults)
        return answer(review, allowed=True, patch=patch), _decision("changed" if patch else "allow", request)

    def _deadline(self, timeout: float | None) -> float | None:
        if timeout is None:
            return None
        return self._clock() + max(min(self._options.budget, timeout - _MARGIN), 0.05)

    def _aside(self, request: Request, document: object) -> str:
        """Why a request is not judged at all; empty where it is."""
        if request.operation not in ("CREATE", "UPDATE"):
            return "ignored"
        if request.sub_resource not in ("", "ephemeralcontainers"):
            return "ignored"
        if (request.kind.group, request.kind.kind) not in TEMPLATES:
            return "ignored"
        if self._exempt(request.namespace):
            return "exempt"
        if request.operation == "CREATE" or not isinstance(document, dict):
            return ""  # an object that is missing where there must be one is judged, and found wanting
        # a change that leaves the pod as it is (a finalizer, a scale, a label), or its end, must never be stopped
        metadata = document.get("metadata")
        if isinstance(metadata, dict) and metadata.get("deletionTimestamp"):
            return "ignored"
        found = template_of(request.kind.group, request.kind.kind, document)
        before = template_of(request.kind.group, request.kind.kind, decoded(request.old_object))
        return "ignored" if found is not None and before is not None and _same(before, found) else ""

    def _judge(self, request: Request, document: object, deadline: float | None) -> tuple[Verdict, tuple[str, ...]]:
        found = template_of(request.kind.group, request.kind.kind, document)
        if found is None or not isinstance(document, dict):
            return Verdict(decision="deny", reasons=("the review has no pod that could be judged",)), ()
        template, pointer = found
        used = tuple(dict.fromkeys(one.image for one in images(template, pointer)))
        if len(used) > _MOST_IMAGES:
            return Verdict(decision="deny", reasons=(f"it names {len(used)} images, more than {_MOST_IMAGES}",)), ()
        stated = {**document, "apiVersion": _api_version(request), "kind": request.kind.kind}
        verdicts = [*self._ruled.verdicts(stated, request.namespace, used, self._now().date())]
        if used and self._asks:
            who = (pull_secrets(template), request.namespace, deadline)
            if len(used) == 1 or deadline is None:
                verdicts += [one for image in used for one in self._of_image(image, *who)]
            else:
                answers = self._abreast.map(lambda image: self._of_image(image, *who), used)
                verdicts += [one for several in answers for one in several]
        return worst(verdicts), used

    def _of_image(self, image: str, secrets: tuple[str, ...], namespace: str, deadline: float | None) -> list[Verdict]:
        """What vouches for an image, and what its last scan says."""
        try:
            digest = self._digest(image, secrets, namespace, deadline)
            verdicts = []
            if self._options.scans or self._options.scanned:
                verdicts += self._last_scan(image, digest, secrets, namespace, deadline)
            if self._options.signatures:
                verdicts += self._vouched(image, digest, secrets, namespace, deadline)
        except ThwartError as error:
            return [Verdict(decision="unknown", reasons=(f"{image}: {error.sentence}",))]
        return verdicts

    def _vouched(
        self, image: str, digest: str, secrets: tuple[str, ...], namespace: str, deadline: float | None
    ) -> list[Verdict]:
        judgement = self._registries().judgement(image, digest, secrets, namespace, deadline)
        if judgement.decision == "verified":
            return []
        why = tuple(f"{image}: {reason.sentence}" for reason in (*judgement.reasons, *judgement.refused)[:3])
        word = "deny" if judgement.decision == "denied" else "unknown"
        return [Verdict(decision=word, reasons=why or (f"{image}: nothing vouches for it",))]

    def _last_scan(
        self, image: str, digest: str, secrets: tuple[str, ...], namespace: str, deadline: float | None
    ) -> list[Verdict]:
        """The last scan of the digest, or of an image in the index that it is of."""
        scans = self._options.scans
        reports = [scans[digest]] if digest in scans else []
        if not reports and self._images is not None and scans:
            held = self._images.platforms(image, digest, secrets, namespace, deadline)
            reports = [scans[one] for one in held if one in scans]
        if not reports:
            why = f"{image}: nobody has scanned {digest[:19]}"
            return [Verdict(decision="unknown", reasons=(why,))] if self._options.scanned else []
        today = self._now().date()
        found = [weighed(report, self._options.policy, today) for report in reports]
        return [
            replace(one, reasons=tuple(f"{image}: {reason}" for reason in one.reasons))
            for several in found
            for one in several
        ]

    def _digest(self, image: str, secrets: tuple[str, ...], namespace: str, deadline: float | None) -> str:
        """The digest in the name, else the one that the registry gives.

        Raises:
            ThwartError: nobody knows it.
        """
        try:
            stated = parse(image).digest
        except ReferenceError_ as error:
            raise ThwartError(f"it is not the name of an image: {error}") from error
        return stated or self._registries().digest(image, secrets, namespace, deadline)

    def _registries(self) -> Images:
        if self._images is None:
            raise ThwartError("what is to be known of it is not known, as no registry is asked")
        return self._images

    def _pins(
        self, request: Request, template: dict[str, Any], pointer: str, deadline: float | None
    ) -> list[tuple[Used, str]]:
        """The images with the digests that their tags stand for now; what a registry does not tell stays as it is."""
        options = self._options
        if options.pin == "never" or (options.pin == "pods" and pointer) or self._images is None:
            return []
        pinned = []
        secrets = pull_secrets(template)
        for used in list(images(template, pointer))[:_MOST_IMAGES]:
            if not _changeable(request, used.pointer):
                continue
            try:
                if not parse(used.image).digest:
                    pinned.append((used, self._images.digest(used.image, secrets, request.namespace, deadline)))
            except (ThwartError, ReferenceError_):
                continue  # the validating webhook judges it, and says why
        return pinned

    def _answer(self, review: Review, verdict: Verdict, used: tuple[str, ...]) -> tuple[bytes, Decision]:
        """Allowed, allowed with warnings, or refused, with reasons that fit a terminal."""
        reasons = (*verdict.reasons, *verdict.doubts)
        refused = verdict.decision in ("deny", "unknown")
        until = self._options.bootstrap
        spared = refused and until is not None and self._now() < until
        decision = _decision(verdict.decision, review.request, reasons, used, allowed=spared or not refused)
        audit = {"decision": verdict.decision}
        if spared and until is not None:
            warning = f"thwart: admitted only until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {'; '.join(reasons)}"
            return answer(review, allowed=True, warnings=(warning,), annotations=audit), decision
        if refused:
            more = f" ({self._options.more})" if self._options.more else ""
            return answer(
                review, allowed=False, message=f"thwart: {'; '.join(reasons[:5])}{more}", annotations=audit
            ), decision
        warnings = tuple(f"thwart: {reason}" for reason in reasons) if verdict.decision == "warn" else ()
        return answer(review, allowed=True, warnings=warnings, annotations=audit), decision


def _decision(
    outcome: str, request: Request, reasons: tuple[str, ...] = (), used: tuple[str, ...] = (), *, allowed: bool = True
) -> Decision:
    subject = f"{request.kind.kind} {request.namespace}/{request.name or '(new)'}"
    actor = request.user_info.username
    return Decision(outcome, request.namespace, subject, reasons, bool(request.dry_run), used, actor, allowed)


def _api_version(request: Request) -> str:
    """The object's `apiVersion`: what the request says it is, whatever the object itself claims."""
    kind = request.kind
    return f"{kind.group}/{kind.version}" if kind.group else kind.version


def _mirror(request: Request, document: object) -> bool:
    """Whether a kubelet tells of a static pod that runs already: a refusal would only hide it."""
    if request.kind.kind != "Pod" or not request.user_info.username.startswith("system:node:"):
        return False
    metadata = document.get("metadata") if isinstance(document, dict) else None
    notes = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(notes, dict) and _MIRROR in notes


def _changeable(request: Request, pointer: str) -> bool:
    """Whether the API server would take another image there: of a pod that exists, few fields may change."""
    if request.sub_resource == "ephemeralcontainers":
        return pointer.startswith("/spec/ephemeralContainers/")
    if request.kind.kind == "Pod" and request.operation == "UPDATE":
        return pointer.startswith(("/spec/containers/", "/spec/initContainers/"))
    return True


def _same(before: tuple[dict[str, Any], str], after: tuple[dict[str, Any], str]) -> bool:
    """Whether the same pods come of it; of a pod itself the specification decides, as its labels may change freely."""
    if after[1]:
        return before[0] == after[0]
    return before[0].get("spec") == after[0].get("spec")
