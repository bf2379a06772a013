"""Settings: `thwart.toml` or `[tool.thwart]` in `pyproject.toml`, checked to the last key, and where each value comes from.

Reading files and the environment belongs to the shell; here is what their text means.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field

from thwart.core.custom import CUSTOM, CUSTOM_MATCH, CustomRule, custom_rule
from thwart.core.errors import ConfigError
from thwart.core.limits import MIB
from thwart.core.report import Exception_, Policy
from thwart.core.stated import NAMES, Described, Path, Stated, Value, dotted, meant, positions, type_name
from thwart.lib import toml_bounded
from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BYTES = 1 * MIB
SEVERITIES = ("none", "negligible", "low", "medium", "high", "critical")


class Registry(Struct, frozen=True, kw_only=True):
    """How to reach one registry. `client_cert` and `client_key` are paths, as is `ca`."""

    host: str
    plain_http: bool = False
    ca: str = ""
    client_cert: str = ""
    client_key: str = ""


class Config(Struct, frozen=True, kw_only=True):
    """What one file states; a setting that it leaves out is not in `values`.

    `found` is false for a `pyproject.toml` without `[tool.thwart]`: the search for the nearest file goes on. `trust` tells
    whether a trust policy is among it, which the trust room reads for itself.
    """

    path: str
    found: bool = True
    values: Mapping[str, Value] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    exceptions: tuple[Exception_, ...] = ()
    registries: tuple[Registry, ...] = ()
    rules: tuple[CustomRule | str, ...] = ()  # a text is the path of a file with more of them, from this file's folder
    plugins: tuple[str, ...] = ()
    vex: tuple[str, ...] = ()  # paths of VEX documents, from this file's folder
    trust: bool = False


class Setting(NamedTuple):
    """One setting's value and its origin: `--fail-on`, `THWART_FAIL_ON`, `thwart.toml:3` or `default`."""

    key: str
    value: Value
    origin: str


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting, decided. `all` has them with their origins, for `thwart config show`."""

    all: tuple[Setting, ...]
    exceptions: tuple[Exception_, ...] = ()
    registries: tuple[Registry, ...] = ()

    def __getitem__(self, key: str) -> Value:
        """The value of a setting; a key that does not exist is a bug in the tool."""
        return next(setting.value for setting in self.all if setting.key == key)

    @property
    def policy(self) -> Policy:
        """What the gate asks for."""
        return Policy(
            fail_on=str(self["fail-on"]),
            on_incomplete=str(self["on-incomplete"]),
            exceptions=self.exceptions,
            only_fixed=bool(self["only-fixed"]),
        )


class _Kind(NamedTuple):
    """What a setting does and may be: one of some words, text of a form, or (without either) yes or no."""

    default: Value
    about: str
    words: tuple[str, ...] = ()
    form: str = ""
    example: str = ""


_PLATFORM = r"(?:[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9._]+)?)?"
_SETTINGS = {
    "fail-on": _Kind("high", "the severity from which a finding denies; `none` never denies", SEVERITIES),
    "on-incomplete": _Kind("fail", "what an incomplete report means: exit 3, or a warning", ("fail", "warn")),
    "only-fixed": _Kind(False, "deny only what an upgrade closes"),
    "platform": _Kind("", "which image of an index; empty takes `linux/amd64`", form=_PLATFORM, example="linux/arm64"),
    "offline": _Kind(False, "never use the network"),
}
_TABLES = ("exceptions", "registry", "rules", "plugins", "vex", "trust", "roots")  # trust reads the last two
_EXCEPTION = {
    "id": "the finding, or any of its aliases and advisories",
    "reason": "why the risk is accepted",
    "owner": "who answers for it",
    "expires": "the last day on which it holds, like `2027-01-31`",
    "asset": "only there: the asset's name or digest; `*` stands for anything",
    "package": "only there: the package's name, its source's, or its purl; `*` stands for anything",
    "path": "only there: the path inside the asset; `*` stands for anything, slashes too",
    "approver": "who agreed to it",
    "ticket": "where that can be read",
}
_REQUIRED = ("id", "reason", "owner", "expires")
_REGISTRY = {
    "plain-http": "speak unencrypted HTTP with it",
    "ca": "file of certificates that vouch for it",
    "client-cert": "file of the certificate to show to it",
    "client-key": "file of that certificate's key",
}
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


def parse(text: str, path: str) -> Config:
    """Read a configuration file; of a file named `pyproject.toml` only the table `[tool.thwart]`.

    Raises:
        ConfigError: not TOML, an unknown key, a value of the wrong type, an exception that lacks what it needs;
            always with file and line.
    """
    try:
        document = toml_bounded.load(text.encode("utf-8", "surrogatepass"), max_bytes=_BYTES)
    except DocumentError as error:
        line = error.line or text.rstrip("\n").count("\n") + 1  # what has no line is at the end
        raise ConfigError(f"{path}:{line}: {error}") from None
    file = _File(path, dict(positions(text)))
    root: Path = ()
    if path.replace("\\", "/").rpartition("/")[2] == "pyproject.toml":
        root = ("tool", "thwart")
        document = _inner(document)
        if document is None:
            return Config(path=path, found=False)
    if not isinstance(document, dict):
        file.refuse(root, f"{dotted(root)} must be a table, not {type_name(document)}")
    file.known(root, document, (*_SETTINGS, *_TABLES))
    values = {key: file.value(root, key, value) for key, value in document.items() if key in _SETTINGS}
    return Config(
        path=path,
        values=values,
        lines={key: file.line((*root, key)) for key in values},
        exceptions=tuple(exceptions(file, root, document.get("exceptions", []))),
        registries=tuple(file.registries(root, document.get("registry", {}))),
        rules=tuple(file.rules(root, document.get("rules", []))),
        plugins=file.texts(root, "plugins", document.get("plugins", [])),
        vex=file.texts(root, "vex", document.get("vex", [])),
        trust="trust" in document,
    )


def resolve(flags: Mapping[str, Value | None], env: Mapping[str, str], file: Config | None) -> Settings:
    """Decide every setting: flag, then `THWART_…` variable, then file, then default.

    Args:
        flags: values by key (`fail-on`); None is a flag that was not given.
        env: the environment; an empty variable counts as unset.
        file: the nearest configuration file.

    Raises:
        ConfigError: a flag or variable has a value that the setting cannot have.
    """
    return Settings(
        all=tuple(_decide(key, kind, flags, env, file) for key, kind in _SETTINGS.items()),
        exceptions=file.exceptions if file else (),
        registries=file.registries if file else (),
    )


def variable(key: str) -> str:
    """The environment variable of a setting: `THWART_FAIL_ON`."""
    return f"THWART_{key.upper().replace('-', '_')}"


def described() -> dict[str, tuple[Described, ...]]:
    """Every key of the configuration file: `""` holds the settings, the other names those of their tables."""
    return {
        "": tuple(
            Described(key, kind.about, NAMES[type(kind.default)], kind.default, kind.words, kind.form)
            for key, kind in _SETTINGS.items()
        ),
        "exceptions": tuple(
            Described(key, about, "a date" if key == "expires" else "text", required=key in _REQUIRED)
            for key, about in _EXCEPTION.items()
        ),
        "registry": tuple(
            Described(key, about, "true or false" if key == "plain-http" else "text")
            for key, about in _REGISTRY.items()
        ),
        "rules": CUSTOM,
        "rules.match": CUSTOM_MATCH,
    }


def keys() -> tuple[str, ...]:
    """Every setting's key, in the order of the reference."""
    return tuple(_SETTINGS)


def _decide(
    key: str, kind: _Kind, flags: Mapping[str, Value | None], env: Mapping[str, str], file: Config | None
) -> Setting:
    given = flags.get(key)
    if given is not None:
        return Setting(key, _checked(f"--{key}", kind, given), f"--{key}")
    name = variable(key)
    if env.get(name):
        return Setting(key, _checked(name, kind, env[name]), name)
    if file is not None and key in file.values:
        return Setting(key, file.values[key], f"{file.path}:{file.lines.get(key, 0)}")
    return Setting(key, kind.default, "default")


def _checked(name: str, kind: _Kind, value: Value) -> Value:
    """A flag's or variable's text as the setting's type."""
    if isinstance(kind.default, bool) and isinstance(value, str):
        if value.lower() not in _YES | _NO:
            raise ConfigError(f"{name} is {value!r}, which is neither true nor false")
        return value.lower() in _YES
    problem, hints = _wrong(kind, value)
    if problem:
        raise ConfigError(f"{name} {problem}", *hints)
    return value


def _wrong(kind: _Kind, value: object) -> tuple[str, tuple[str, ...]]:
    """What is wrong with a value, and hints; an empty sentence when nothing is."""
    wanted = type(kind.default)
    if not isinstance(value, wanted):
        return f"must be {NAMES[wanted]}, not {type_name(value)}", ()
    if kind.words and value not in kind.words:
        return f"is {value!r}, which is none of {', '.join(kind.words)}", meant(str(value), kind.words)
    if kind.form and not re.fullmatch(kind.form, str(value)):
        return f"is {value!r}, which is not of the form {kind.example}", ()
    return "", ()


class _File(Stated):
    """A configuration file."""

    def value(self, where: Path, key: str, value: object) -> Value:
        """One setting's value."""
        problem, hints = _wrong(_SETTINGS[key], value)
        if problem:
            self.refuse((*where, key), f"{dotted((*where, key))} {problem}", *hints)
        return value  # type: ignore[return-value]  # of the default's type, as just checked

    def registries(self, root: Path, stated: object) -> Iterator[Registry]:
        """The tables of `[registry."host"]`."""
        where = (*root, "registry")
        if not isinstance(stated, dict):
            self.refuse(where, f'{dotted(where)} must hold a table for each host: write [registry."host"]')
        for host, table in stated.items():
            here = (*where, host)
            if not isinstance(table, dict):
                self.refuse(here, f'the registry {host!r} must be a table: write [registry."{host}"]')
            if not host or "/" in host:
                self.refuse(here, f"{host!r} is not a host with an optional port", "leave out the scheme and the path")
            self.known(here, table, _REGISTRY)
            plain = table.get("plain-http", False)
            if not isinstance(plain, bool):
                self.refuse((*here, "plain-http"), f"plain-http must be true or false, not {type_name(plain)}")
            paths = {key: self.text(here, key, table[key]) for key in _REGISTRY if key in table and key != "plain-http"}
            if ("client-cert" in paths) != ("client-key" in paths):
                self.refuse(here, f"the registry {host!r} has only one of client-cert and client-key")
            yield Registry(host=host, plain_http=plain, **{key.replace("-", "_"): path for key, path in paths.items()})

    def rules(self, root: Path, stated: object) -> Iterator[CustomRule | str]:
        """The tables of `[[rules]]`, or paths of files with such tables."""
        where = (*root, "rules")
        if not isinstance(stated, list):
            self.refuse(where, f"{dotted(where)} must be an array: write [[rules]], or name files that hold them")
        for index, one in enumerate(stated):
            if isinstance(one, str):
                yield self.text(where, "rules", one)
            else:
                yield custom_rule(self, (*where, index), one)


def exceptions(file: Stated, root: Path, stated: object) -> Iterator[Exception_]:
    """The tables of `[[exceptions]]`."""
    where = (*root, "exceptions")
    if not isinstance(stated, list) or not all(isinstance(one, dict) for one in stated):
        file.refuse(where, f"{dotted(where)} must be an array of tables: write [[exceptions]]")
    for index, table in enumerate(stated):
        here = (*where, index)
        file.known(here, table, _EXCEPTION)
        missing = [key for key in _REQUIRED if key not in table]
        if missing:
            file.refuse(here, f"the exception lacks {' and '.join(missing)}", "say why, who answers and until when")
        texts = {key: file.text(here, key, value) for key, value in table.items() if key != "expires"}
        yield Exception_(expires=_day(file, here, table["expires"]), **texts)


def _day(file: Stated, where: Path, value: object) -> str:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        file.refuse((*where, "expires"), f"expires is {value!r}, which is not a date like 2027-01-31")
    if not isinstance(value, date) or isinstance(value, datetime):
        file.refuse((*where, "expires"), f"expires must be a date like 2027-01-31, not {type_name(value)}")
    return value.isoformat()


def _inner(document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the file has there
    tool = document.get("tool", {})
    return tool.get("thwart") if isinstance(tool, dict) else None
