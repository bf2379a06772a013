"""Intents: claims about who may talk to whom, read from a file and checked against a world."""

from __future__ import annotations
