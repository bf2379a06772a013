"""Settings of a run: flag, then THWART_… variable, then the nearest configuration file, then default."""

from __future__ import annotations

import os
from pathlib import Path

from thwart.core.errors import ConfigError

FILES = ("thwart.toml", "pyproject.toml")


def cache_dir() -> Path | None:
    """Folder for what layers hold: THWART_CACHE_DIR (empty switches it off), else the user's cache folder."""
    return _folder("THWART_CACHE_DIR", "XDG_CACHE_HOME", ".cache")


def data_dir() -> Path | None:
    """Folder for the user's own database: THWART_DATA_DIR, else the user's data folder."""
    return _folder("THWART_DATA_DIR", "XDG_DATA_HOME", ".local/share")


def _folder(own: str, shared: str, default: str) -> Path | None:
    if own in os.environ:
        return Path(os.environ[own]) if os.environ[own] else None
    base = os.environ.get(shared)
    if base and Path(base).is_absolute():
        return Path(base) / "thwart"
    home = os.environ.get("HOME")
    return Path(home) / default / "thwart" if home else None


def find_config(start: Path) -> tuple[Path, str] | None:
    """The nearest configuration file and its text, from `start` upward, not past the repository's root."""
    for folder in (start, *start.parents):
        for name in FILES:
            path = folder / name
            if path.is_file():
                text = _read(path)
                if name != "pyproject.toml" or "[tool.thwart" in text:
                    return path, text
        if (folder / ".git").exists():
            return None
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
