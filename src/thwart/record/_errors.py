"""The room's error."""

from thwart.core.errors import ThwartError


class RecordError(ThwartError):
    """The record is damaged, was tampered with, or is not signed by its key (exit 4)."""

    slug = "record"
    exit_code = 4
