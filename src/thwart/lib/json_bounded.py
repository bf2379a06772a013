"""JSON from strangers: bounded in size, depth and number of values, with a line in every complaint."""

from __future__ import annotations

import json
from typing import NoReturn, TypeVar

from thwart.lib.documents import DocumentError

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_ALL_BUT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{}')


def load(data: bytes, *, max_bytes: int, max_depth: int, max_items: int) -> object:
    """The document's value (RFC 8259); a leading byte order mark is skipped, as section 8.1 lets a reader do.

    Strings that are not UTF-8 are read with replacement characters, as JavaScript's own readers do; `NaN` is refused.

    Raises:
        DocumentError: malformed, larger than `max_bytes`, deeper than `max_depth`, or more than `max_items` values.
    """
    import msgspec

    data = _within(data, max_bytes, max_items)
    try:
        value: object = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # not UTF-8 is a ValueError
        value = _slowly(data)
    _shallow(data, max_depth)
    return value


def load_as(data: bytes, type_: type[T], *, max_bytes: int, max_items: int) -> T | None:
    """The document as a msgspec type, without building what the type leaves out; None when it does not fit.

    A misfit may be malformed or only odd: ask `load`, which tells. Depth needs no bound, as the type has one.

    Raises:
        DocumentError: larger than `max_bytes`, or more than `max_items` values.
    """
    import msgspec

    data = _within(data, max_bytes, max_items)
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _within(data: bytes, max_bytes: int, max_items: int) -> bytes:
    if len(data) > max_bytes:
        raise DocumentError(f"JSON of {len(data)} bytes, more than the {max_bytes} allowed")
    # Every value but the first follows one of these, so that memory is bounded before a single object exists.
    if len(data) > max_items and data.count(b",") + data.count(b"[") + data.count(b"{") > max_items:
        raise DocumentError(f"JSON of more than {max_items} values")
    return data.removeprefix(_BOM)


def _slowly(data: bytes) -> object:
    """A second opinion: the standard reader is laxer about encodings and names the line of an error."""
    try:
        return json.loads(data.decode("utf-8", "replace"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise DocumentError(f"not JSON: {error.msg}", error.lineno) from None
    except RecursionError:
        raise DocumentError("JSON is nested too deeply") from None
    except ValueError as error:  # a number of too many digits, NaN
        raise DocumentError(f"not JSON: {str(error).partition(';')[0]}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _shallow(data: bytes, max_depth: int) -> None:
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    brackets = _brackets(data)
    for _ in range(max_depth):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise DocumentError(f"JSON is nested more than {max_depth} deep")


def _brackets(data: bytes) -> bytes:
    """The brackets outside strings. Escapes go first, so that every quote left opens or closes a string."""
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _ALL_BUT_STRUCTURE)
    return b"".join(bare.split(b'"')[::2])
