"""Modes of files, as commands set them."""

from __future__ import annotations

from thwart.rules.dockerfile._commands import Call


def mode_of(call: Call) -> str:
    """The mode that `chmod`, `install` or `mkdir` sets, as written; empty for none."""
    if call.name == "chmod":
        return call.operands[0] if call.operands else ""
    if call.name not in ("install", "mkdir"):
        return ""
    for word, after in zip(call.words, (*call.words[1:], ""), strict=False):
        if word in ("-m", "--mode"):
            return after
        if word.startswith("--mode="):
            return word.removeprefix("--mode=")
        if word.startswith("-m"):
            return word[2:]
    return ""
