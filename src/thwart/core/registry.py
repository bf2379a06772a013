"""Members of a room: registered by a decorator, loaded with their folder, when the room needs them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Named members of one package folder.

    The folder is the index: `load` imports every module in it once, and each registers what it holds.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._members: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, member: T) -> T:
        """Register a member; a name that is taken is a bug in the tool."""
        if name in self._members:
            raise RuntimeError(f"two members of {self._package} are called {name}")
        self._members[name] = member
        return member

    def load(self) -> dict[str, T]:
        """Every member by name, in the order of their names."""
        if not self._loaded:
            for module in _modules(self._package):
                importlib.import_module(module)
            self._loaded = True
        return dict(sorted(self._members.items()))

    def names(self) -> list[str]:
        """The names of the modules in the folder, without importing them."""
        return [module.rpartition(".")[2] for module in _modules(self._package)]

    def get(self, name: str) -> T | None:
        """One member; imports the module of that name only."""
        if name not in self._members and name.isidentifier() and name in self.names():
            importlib.import_module(f"{self._package}.{name}")
        return self._members.get(name)


def _modules(package: str) -> Iterator[str]:
    root = importlib.import_module(package)
    for info in pkgutil.iter_modules(root.__path__):
        if not info.name.startswith("_"):
            yield f"{package}.{info.name}"
