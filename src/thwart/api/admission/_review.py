"""AdmissionReview as it is spoken (admission.k8s.io/v1, and v1beta1 to whoever still asks in it)."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

MOST = 8 << 20  # bytes of a request; the API server sends up to 3 MB of object twice
_VERSIONS = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")
_WARNING = 256  # characters of a warning that clients show, of 4,096 for all
_MESSAGE = 2_000


class Group(msgspec.Struct):
    """A kind or a resource."""

    group: str = ""
    version: str = ""
    kind: str = ""
    resource: str = ""


class User(msgspec.Struct):
    """Who asks."""

    username: str = ""
    groups: list[str] = []


class Request(msgspec.Struct, rename="camel"):
    """What is asked. `object` is null for a deletion."""

    uid: str
    kind: Group
    operation: str
    resource: Group = msgspec.field(default_factory=Group)
    sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    user_info: User = msgspec.field(default_factory=User)
    object: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    old_object: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    dry_run: bool | None = None


class Review(msgspec.Struct, rename="camel"):
    """The whole document."""

    api_version: str
    kind: str
    request: Request


class ReviewError(ValueError):
    """The body is no AdmissionReview; the message is one sentence."""


_DECODER = msgspec.json.Decoder(Review)


def decode(body: bytes) -> Review:
    """The review in a request's body.

    Raises:
        ReviewError: it is none.
    """
    if len(body) > MOST:
        raise ReviewError(f"the review is larger than {MOST} bytes")
    try:
        review = _DECODER.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ReviewError(f"this is no AdmissionReview: {error}") from error
    if review.kind != "AdmissionReview" or review.api_version not in _VERSIONS:
        raise ReviewError(f"this is a {review.kind[:60]} of {review.api_version[:60]}, not an AdmissionReview of v1")
    if not review.request.uid:
        raise ReviewError("the request has no uid")
    return review


def answer(
    review: Review,
    *,
    allowed: bool,
    message: str = "",
    warnings: tuple[str, ...] = (),
    patch: list[dict[str, Any]] | None = None,
    annotations: dict[str, str] | None = None,
) -> bytes:
    """The response, in the version that was asked in. `patchType` and `patch` come together or not at all."""
    response: dict[str, Any] = {"uid": review.request.uid, "allowed": allowed}
    if not allowed:
        response["status"] = {"code": 403, "message": message[:_MESSAGE], "reason": "Forbidden"}
    if allowed and patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(msgspec.json.encode(patch)).decode()
    if warnings:
        response["warnings"] = [one[:_WARNING] for one in warnings[:15]]
    if annotations:
        response["auditAnnotations"] = annotations
    return msgspec.json.encode({"apiVersion": review.api_version, "kind": "AdmissionReview", "response": response})


def decoded(raw: msgspec.Raw) -> object:
    """An object of the request; None where there is none, or none that can be read."""
    try:
        found: object = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return found
