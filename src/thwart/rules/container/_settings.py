"""A container as something wants to run it, whoever says so: a Compose service, a command line, a running engine.

Readers fill a `Container` once, in the units and words below; rules only look at it. Looking never fails.

*   A setting that is not stated is None, or an empty list. One that is stated is a `Said`: its value, and where it stands.
*   A setting whose value the reader could not find out (a variable without a value, a word it does not know) is not
    stated, and its field's name is in `unknown`: then rules neither find nor pass anything, and the reader has told a
    diagnostic. `hit`s of what is missing go through `lacks`, which knows that.
*   What closes a finding is said in `Change`s, which name fields; `edit` of the reader's own turns each into an edit of
    its document, or into None where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from msgspec import Struct, field

from thwart.core.edit import Edit
from thwart.rules._view import Hit, Pointer

if TYPE_CHECKING:
    from thwart.rules._source import Source

T = TypeVar("T")


class Where(Struct, frozen=True):
    """A place: a pointer into a YAML or JSON document, or, with `place`, a line and a column from 1 in any text.

    `file` is the document's file where it is not the one that is being read; `document` counts those of that file from 0.
    """

    pointer: Pointer = ()
    place: tuple[int, int] | None = None
    file: Source | None = None
    document: int = 0

    def hit(self, phrase: str, part: str = "", *, hidden: bool = False) -> Hit:
        """A finding here."""
        return Hit(self.pointer, phrase, part, hidden, self.place, None, self.file, self.document)


class Said(NamedTuple, Generic[T]):
    """A setting's value and where it stands."""

    value: T
    where: Where


class Ulimit(NamedTuple):
    """Limits of one kind: `nofile`, `nproc`; -1 is none at all."""

    name: str
    soft: int
    hard: int


class Device(NamedTuple):
    """A device of the host; `permissions` of `r`, `w`, `m`. A request for a GPU has its driver's name as `host`."""

    host: str
    target: str
    permissions: str = "rwm"


class Mount(NamedTuple):
    """What is mounted. `kind` is `bind`, `volume`, `tmpfs`, `npipe`, `image` or `cluster`.

    `source` is the host's path of a bind as it is written (`./data`, `~/x`), or the volume's name, or empty. `path` is
    the same as an absolute path without `..`, where that is known, with `/` for a separator; otherwise empty.
    """

    kind: str
    source: str
    target: str
    read_only: bool = False
    propagation: str = ""
    path: str = ""


class Port(NamedTuple):
    """A published port. `address` is the host's (empty: every interface); 0 as `published` means any free one.

    Both ends are ranges, first and last; the last is the first where it is one port.
    """

    address: str
    published: tuple[int, int]
    target: tuple[int, int]
    protocol: str = "tcp"

    @property
    def everywhere(self) -> bool:
        """Whether it is published on every interface of the host."""
        return self.address in ("", "0.0.0.0", "::", "[::]", "*", "0:0:0:0:0:0:0:0")  # noqa: S104 - asks, binds nothing

    @property
    def local(self) -> bool:
        """Whether only the host itself reaches it."""
        return self.address.startswith("127.") or self.address in ("::1", "[::1]", "localhost")


class Variable(NamedTuple):
    """A variable of the environment or an argument of a build. `literal`: its value stands there, wholly or in part.

    `value` is None where it comes from elsewhere: the caller's environment, a variable that has no default.
    """

    name: str
    value: str | None
    literal: bool


class Restart(NamedTuple):
    """`no`, `always`, `on-failure`, `unless-stopped`; `most` tries, 0 without a bound."""

    policy: str
    most: int = 0


class Change(NamedTuple):
    """A change that closes a finding; see `put`, `include`, `replace` and `remove`."""

    verb: str
    field: str
    value: object = None
    said: Said[Any] | None = None


def put(field_: str, value: object) -> Change:
    """Set a field that holds one value. Values are as Docker's options have them: `512m`, `0.5`, 100, True, `on-failure:5`."""
    return Change("put", field_, value)


def include(field_: str, value: str) -> Change:
    """Add to a field that holds several: `cap_drop` `ALL`, `security_opt` `no-new-privileges:true`."""
    return Change("include", field_, value)


def replace(field_: str, said: Said[Any], value: object) -> Change:
    """Write something else in the place of one entry that is there; in the short form, as Docker's options have it."""
    return Change("replace", field_, value, said)


def remove(field_: str, said: Said[Any]) -> Change:
    """Take away a value or one entry that is there."""
    return Change("remove", field_, None, said)


def _part(value: object) -> str:
    """What a reader calls one of several: findings of one hide none of another."""
    if isinstance(value, Mount):
        return f"mount {(value.target or value.source)[:120]}"
    if isinstance(value, Port):
        return f"port {span(value.published if value.published[0] else value.target)}"
    return f"device {value.host[:80]}" if isinstance(value, Device) else ""


def span(ends: tuple[int, int]) -> str:
    """`80` or `8000-8010`."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"


def _no_edit(_: Change) -> Edit | None:
    return None


class Container(Struct, kw_only=True):
    """One container. Sizes are in bytes; capabilities without `CAP_`, in upper case; names of images as written.

    `name` is what a reader calls it: `service web`, `container web`, `docker run of shop/web:1`. `origin` is `compose`,
    `command` or `engine`. `key` is what others of its project call it. `partial`: an unread file completes it.
    `confidence` bounds that of every finding: low where it is only shown to a reader, as an example.
    """

    name: str
    origin: str
    where: Where = field(default_factory=Where)
    key: str = ""
    document: int = 0
    partial: bool = False
    confidence: str = "high"
    unknown: set[str] = field(default_factory=set)  # names of fields, whose values nobody knows
    edit: Callable[[Change], Edit | None] = _no_edit

    image: Said[str] | None = None
    built: bool = False  # whether it is built from sources that are at hand, so that `image` names the result
    container_name: Said[str] | None = None
    command: Said[tuple[str, ...]] | None = None  # of entrypoint and command, as far as they are known
    profiles: tuple[str, ...] = ()

    user: Said[str] | None = None
    group_add: list[Said[str]] = field(default_factory=list)
    privileged: Said[bool] | None = None
    privileged_hooks: list[Said[bool]] = field(default_factory=list)  # Compose's `post_start` and `pre_stop`
    cap_add: list[Said[str]] = field(default_factory=list)
    cap_drop: list[Said[str]] = field(default_factory=list)
    security_opt: list[Said[str]] = field(default_factory=list)  # `key=value`, whether `=` or `:` was written; or `key`
    read_only: Said[bool] | None = None
    api_socket: Said[bool] | None = None  # Compose's `use_api_socket`: the engine's socket and the user's credentials

    memory: Said[int] | None = None  # 0 and less are no limit
    memory_reservation: Said[int] | None = None
    memory_swap: Said[int] | None = None  # memory and swap together; -1 is no limit
    oom_kill_disable: Said[bool] | None = None
    oom_score_adj: Said[int] | None = None
    cpus: Said[float] | None = None  # 0 is no limit; a quota and its period count as cpus
    cpu_shares: Said[int] | None = None
    cpuset: Said[str] | None = None
    pids_limit: Said[int] | None = None  # 0 and less are no limit
    ulimits: list[Said[Ulimit]] = field(default_factory=list)

    network_mode: Said[str] | None = None  # `host`, `none`, `bridge`, `container:x`, `service:x`, `default`, or a name
    networks: list[Said[str]] = field(default_factory=list)
    pid: Said[str] | None = None  # `host`, `container:x`, `service:x`
    ipc: Said[str] | None = None  # also `shareable`, `private`, `none`
    uts: Said[str] | None = None
    userns: Said[str] | None = None
    cgroupns: Said[str] | None = None  # `host` or `private`
    cgroup_parent: Said[str] | None = None

    devices: list[Said[Device]] = field(default_factory=list)
    device_cgroup_rules: list[Said[str]] = field(default_factory=list)
    mounts: list[Said[Mount]] = field(default_factory=list)  # tmpfs of the long form too
    tmpfs: list[Said[str]] = field(default_factory=list)  # targets
    volumes_from: list[Said[str]] = field(default_factory=list)
    ports: list[Said[Port]] = field(default_factory=list)
    publish_all: Said[bool] | None = None
    environment: list[Said[Variable]] = field(default_factory=list)
    build_arguments: list[Said[Variable]] = field(default_factory=list)
    secrets: list[Said[str]] = field(default_factory=list)

    restart: Said[Restart] | None = None
    healthcheck: Said[bool] | None = None  # False where it is switched off
    init: Said[bool] | None = None
    stop_signal: Said[str] | None = None
    log_driver: Said[str] | None = None
    labels: list[Said[tuple[str, str]]] = field(default_factory=list)
    sysctls: list[Said[tuple[str, str]]] = field(default_factory=list)
    extra_hosts: list[Said[tuple[str, str]]] = field(default_factory=list)
    dns: list[Said[str]] = field(default_factory=list)
    links: list[Said[str]] = field(default_factory=list)
    stdin_open: Said[bool] | None = None
    tty: Said[bool] | None = None
    runtime: Said[str] | None = None

    @property
    def images(self) -> tuple[str, ...]:
        """The image that it runs, unless that is built from sources at hand."""
        return (self.image.value,) if self.image is not None and not self.built else ()

    def hit(self, said: Said[T], phrase: str, *changes: Change, safe: bool = False, hidden: bool = False) -> Hit:
        """A finding at a setting that is there; with the edits that `changes` come to, if all of them come to one."""
        return self._mended(said.where.hit(phrase, _part(said.value), hidden=hidden), changes, safe=safe)

    def lacks(self, names: tuple[str, ...], phrase: str, *changes: Change, safe: bool = False) -> Iterator[Hit]:
        """A finding that none of the fields states anything good, unless one of them is unknown: none at all then.

        It stands at the container itself; `names` are the fields that could have said it.
        """
        if not self.unknown.intersection(names):
            missing = Where((*self.where.pointer, names[0]), self.where.place, self.where.file, self.where.document)
            yield self._mended(missing.hit(phrase), changes, safe=safe)

    def _mended(self, found: Hit, changes: tuple[Change, ...], *, safe: bool) -> Hit:
        if found.file is not self.where.file and any(one.verb in ("put", "include") for one in changes):
            return found  # the edit would be one of another file than the one that has it
        edits = [one for one in map(self.edit, changes) if one is not None]
        return found.mended(*edits, safe=safe) if changes and len(edits) == len(changes) else found

    def option(self, *keys: str) -> Said[str] | None:
        """The value of the last security option with one of these keys; `no-new-privileges` alone has `true`."""
        for one in reversed(self.security_opt):
            key, _, value = one.value.partition("=")
            if key in keys:
                return Said(value or "true", one.where)
        return None
