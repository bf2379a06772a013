"""Which installed paths are worth remembering as a package manager's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from thwart.catalogers._problems import Problems
from thwart.core.limits import Limits
from thwart.core.package import Owned

# A language package is known by these; whoever owns the file owns the package.
_PLAIN = frozenset({"DESCRIPTION", "METADATA", "PKG-INFO"})
_ANY: frozenset[str] = frozenset()
_ENDINGS: dict[str, frozenset[str]] = {
    **dict.fromkeys((".egg", ".egg-info", ".gemspec", ".nupkg", ".nuspec", ".rockspec", ".whl"), _ANY),
    **dict.fromkeys((".ear", ".hpi", ".jar", ".jmod", ".jpi", ".par", ".war"), _ANY),
    **dict.fromkeys((".dll", ".exe", ".so"), _ANY),
    ".json": frozenset({"composer", "installed", "npm-shrinkwrap", "package", "package-lock", "packages.lock"}),
    ".lock": frozenset({"Cargo", "Gemfile", "Pipfile", "composer", "poetry", "uv", "yarn"}),
    ".mod": frozenset({"go"}),
    ".php": frozenset({"installed"}),
    ".sum": frozenset({"go"}),
    ".yaml": frozenset({"pnpm-lock"}),
}
# Folders of text and data: a name without a dot is not a program there.
_DATA = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "usr/share/info/",
    "usr/share/zoneinfo/",
    "usr/share/icons/",
    "usr/share/terminfo/",
    "usr/share/bash-completion/",
    "usr/share/licenses/",
    "usr/share/lintian/",
    "usr/share/fonts/",
    "usr/share/i18n/",
    "usr/share/X11/",
    "usr/share/keymaps/",
    "usr/share/mime/",
    "usr/share/help/",
    "usr/share/ca-certificates/",
    "usr/include/",
    "usr/lib/.build-id/",
    "usr/lib/debug/.build-id/",
    "usr/src/",
    "etc/",
    "lib/terminfo/",
    "lib/modules/",
    "usr/lib/modules/",
)
_MERGED = ("bin/", "sbin/", "lib/", "lib64/", "lib32/", "libx32/")
_MERGED_USR = tuple(f"usr/{folder}" for folder in _MERGED)


def ownable(path: str) -> bool:
    """Whether a path (no leading slash) can be the evidence of a language package or of a Go or Rust binary.

    A distribution's lists hold a hundred thousand paths, of which the few that a cataloger can meet matter. A name
    without a dot counts anywhere but in folders of text and data; with a dot, under `bin`, `sbin` and `libexec`.
    """
    slash = path.rfind("/")
    dot = path.rfind(".")
    if dot <= slash:
        name = path[slash + 1 :]
        return name in _PLAIN or (bool(name) and not path.startswith(_DATA))
    stems = _ENDINGS.get(path[dot:])
    if stems is not None:
        return not stems or path[slash + 1 : dot] in stems or path.endswith(".deps.json")
    if "bin/" in path or "libexec/" in path:
        return _among_programs(path)
    return path.find(".so.", slash) > 0


def _among_programs(path: str) -> bool:
    return "/bin/" in path or "/sbin/" in path or "/libexec/" in path or path.startswith(("bin/", "sbin/"))


def owned(paths: Iterable[str], package: str) -> Iterator[Owned]:
    """The ownable ones among a package's paths, which may begin with `/` or `./`."""
    for path in paths:
        relative = path.lstrip("/") if path.startswith("/") else path.removeprefix("./")
        if ownable(relative):
            yield Owned(relative, package)


def take(found: Iterable[Owned], limits: Limits, problems: Problems) -> tuple[Owned, ...]:
    """As many as a layer may have entries; the rest becomes a problem."""
    iterator = iter(found)
    taken = tuple(islice(iterator, limits.entries))
    if next(iterator, None) is not None:
        problems.add("limit", f"more than {limits.entries} owned paths: the rest is not read")
    return taken


def aliases(path: str) -> tuple[str, ...]:
    """The path, and its other spelling where `/bin`, `/sbin` and `/lib*` are links into `/usr`.

    dpkg and rpm lists keep the spelling that the package was built with, while a layer has the merged one, or the
    other way round. Nothing says that a tree *is* merged: who looks up asks for the path as it stands first.
    """
    if path.startswith(_MERGED):
        return (path, f"usr/{path}")
    if path.startswith(_MERGED_USR):
        return (path, path[4:])
    return (path,)
