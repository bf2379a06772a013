"""The user's own rules: those stated in the configuration, those in files that it names, and plug-ins."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.core.custom import CustomRule, parse_rules
from thwart.core.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

    from thwart.core.config import Config
    from thwart.core.rule import Rule

_LARGEST = 1 << 20
_EXAMPLES = {"kubernetes": "x.yaml", "dockerfile": "Dockerfile", "compose": "compose.yaml", "image": ":image:"}
_loaded: set[str] = set()


def own_rules(config: Config | None, *, trusted: bool) -> tuple[CustomRule, ...]:
    """The rules without code; plug-ins are loaded, and their rules are from then on among all the others.

    Args:
        config: the configuration file.
        trusted: whether the user named it; the plug-ins of one that merely lay there, in a stranger's repository, are refused.

    Raises:
        ConfigError: a file cannot be read or is wrong, a plug-in cannot be imported or brings a rule that is there already.
    """
    if config is None or not (config.rules or config.plugins):
        return ()
    if config.plugins and not trusted:
        raise ConfigError(
            f"{config.path} names plug-ins, which would run with your rights",
            f"if you trust it: --config {config.path}",
        )
    folder = Path(config.path).parent
    load_plugins(config.plugins, folder)
    found: list[CustomRule] = []
    for one in config.rules:
        found += [one] if isinstance(one, CustomRule) else parse_rules(_read(folder / one), str(folder / one))
    return tuple(found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def load_plugins(names: tuple[str, ...], folder: Path) -> None:
    """Import modules that register rules; of a package, all its modules whose names do not begin with `_`.

    A plug-in runs with the user's rights, so that only what is named is loaded.

    Args:
        names: modules that Python can import, or paths (with a `/`, or ending in `.py`) from the folder.
        folder: where the configuration file is.

    Raises:
        ConfigError: one of them cannot be imported.
    """
    from thwart.rules import rules

    for name in names:
        if name in _loaded:
            continue
        rules()  # the tool's own are first, so that a rule of the same name is the plug-in's mistake
        try:
            module = _of_path(folder / name) if "/" in name or name.endswith(".py") else importlib.import_module(name)
            for part in pkgutil.iter_modules(getattr(module, "__path__", [])):
                if not part.name.startswith("_"):
                    importlib.import_module(f"{module.__name__}.{part.name}")
        except Exception as error:
            raise ConfigError(f"the plug-in {name} cannot be loaded: {type(error).__name__}: {error}") from error
        _loaded.add(name)


def _of_path(path: Path) -> ModuleType:
    init = path / "__init__.py" if path.is_dir() else path
    name = path.stem
    spec = importlib.util.spec_from_file_location(
        name, init, submodule_search_locations=[str(path)] if path.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{init} is no Python module")
    if name in sys.modules:
        raise ImportError(f"a module called {name} is loaded already")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def as_rules(stated: tuple[CustomRule, ...]) -> list[Rule]:
    """What rules without code are about, as lists and pages show rules."""
    if not stated:
        return []
    from thwart.rules._custom import Custom

    return Custom(stated).rules()


def try_examples(stated: CustomRule) -> list[str]:
    """What is wrong with a rule's examples, in sentences: `bad` must give a finding, `good` must not."""
    from thwart.rules import Options, check

    found = []
    for word, text in (("bad", stated.bad), ("good", stated.good)):
        if not text:
            continue
        outcome = check([(_EXAMPLES[stated.family], text.encode())], Options(custom=(stated,)))
        gaps = [one.message for one in outcome.diagnostics if one.incomplete]
        if gaps:
            found.append(f"the {word} example was not judged: {gaps[0]}")
        elif not outcome.documents:
            found.append(f"the {word} example is no document of the family {stated.family}")
        elif (word == "bad") != any(one.id == stated.id for one in outcome.findings):
            found.append(f"the {word} example gives {'no' if word == 'bad' else 'a'} finding")
    return found
