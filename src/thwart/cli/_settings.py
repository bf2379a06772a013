"""Settings of a run: flag, then THWART_… variable, then the nearest configuration file, then default."""

from __future__ import annotations

import os
from pathlib import Path

from thwart.core.config import Config, parse
from thwart.core.errors import ConfigError
from thwart.core.limits import MIB

FILES = ("thwart.toml", "pyproject.toml")
LARGEST = 1 * MIB


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


def nearest_config() -> tuple[Path, str] | None:
    """The nearest configuration file and its text, from the current folder upward, not past the repository's root."""
    try:
        start = Path.cwd()
    except OSError:  # the folder is gone
        return None
    for folder in (start, *start.parents):
        for name in FILES:
            path = folder / name
            if os.path.isfile(path):  # noqa: PTH113 - says no where pathlib raises: a folder that we may not enter
                text = read_config(path)
                if name != "pyproject.toml" or "[tool.thwart" in text:
                    return path, text
        if os.path.lexists(folder / ".git"):
            return None
    return None


def read_config(path: Path) -> str:
    """The text of a configuration file; one that is too large is cut where its reader will refuse it."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read: {why}") from None


def load_config(named: Path | None) -> Config | None:
    """The configuration file that was named, else the nearest one."""
    if named is not None:
        return parse(read_config(named), str(named))
    found = nearest_config()
    return parse(found[1], os.path.relpath(found[0])) if found else None
