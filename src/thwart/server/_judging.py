"""What is judged by, read anew whenever a file changes. A broken file changes nothing and is told."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.api._gate import read_reports
from thwart.api.admission import Images
from thwart.api.admission._registry import Registries, RegistryAccess
from thwart.core.errors import ConfigError, SourceError, ThwartError
from thwart.core.report import Policy, Report
from thwart.gate.policy_file import parse

_TEXT = 4 << 20  # bytes of a policy or a list
_MOST_SCANS = 20_000

T = TypeVar("T")


class Files(Struct, frozen=True, kw_only=True):
    """What may change while the server runs. `access` is how registries are reached, None where none is asked.

    `settings` is the policy where no file states one; its exceptions count beside the file's.
    """

    policy: Path | None = None
    trust: Path | None = None
    scans: Path | None = None
    approved: Path | None = None
    access: RegistryAccess | None = None
    settings: Policy = field(default_factory=Policy)
    dry_run: bool = False


class Read(NamedTuple):
    """What the files say now."""

    policy: Policy
    scans: Mapping[str, Report]
    images: Images | None
    approved: str | None


class Watched(Generic[T]):
    """`current` is what `make` made of the files. `renew` reads again what has changed.

    `tell` is told what is in force or is not, in a sentence; `note` each policy that comes into force, with its digest.

    Raises:
        ThwartError: the first reading fails; without a policy that can be read nothing is served.
    """

    def __init__(
        self,
        files: Files,
        make: Callable[[Read], T],
        tell: Callable[[str], None],
        note: Callable[[Path, str], None] | None = None,
    ) -> None:
        self._files = files
        self._make = make
        self._tell = tell
        self._note = note
        self._noted = ""
        self._trusted: object = None
        self._trust_files = _named(files.trust)
        self.trouble = ""
        self.images: Images | None = None
        self._seen = self._state()
        self.current = self._made()

    def renew(self) -> None:
        """Read again what has changed; where that cannot be read, go on as before and say so."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self.current = self._made()
        except ThwartError as error:
            self.trouble = f"what changed is not in force: {error.sentence}"
        else:
            self.trouble = ""
        self._tell(self.trouble or "the files have changed, and are in force")

    def _made(self) -> T:
        files = self._files
        policy, digest = self._policy()
        approved = _text(files.approved) if files.approved is not None else None
        scans = _scans(files.scans)
        images = self._registries()
        made = self._make(Read(policy, scans, images, approved))
        self.images = images
        if self._note is not None and files.policy is not None and digest != self._noted:
            self._note(files.policy, digest)
        self._noted = digest
        return made

    def _policy(self) -> tuple[Policy, str]:
        policy, digest = self._files.settings, ""
        if self._files.policy is not None:
            text = _text(self._files.policy)
            stated = parse(text, str(self._files.policy)).policy
            policy = replace(stated, exceptions=(*stated.exceptions, *policy.exceptions))
            digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        return replace(policy, mode="dry-run") if self._files.dry_run else policy, digest

    def _registries(self) -> Images | None:
        """What is known of images; judgements count only as long as the trust policy that they were made by."""
        access, trust = self._files.access, self._files.trust
        if access is None or (self.images is not None and _signatures(self._trust_files) == self._trusted):
            return self.images
        named, judge = _named(trust), None
        trusted = _signatures(named)
        if trust is not None:
            from thwart.api.admission._trust import judge_by

            judge = judge_by(trust)
        self._trust_files, self._trusted = named, trusted
        return Images(Registries(access, judge), time.monotonic)

    def _state(self) -> object:
        files = self._files
        scans = sorted(files.scans.glob("*.json")) if files.scans is not None else []
        named = [one for one in (files.policy, files.approved) if one is not None]
        return _signatures([*named, *self._trust_files, *scans])


def _named(trust: Path | None) -> tuple[Path, ...]:
    """A trust policy's file, and the files that it names."""
    if trust is None:
        return ()
    from thwart.api._trusting import files_of

    return files_of(trust)


def _signatures(paths: Iterable[Path]) -> tuple[object, ...]:
    """What changes with the files: a mounted ConfigMap is a link that leads elsewhere."""
    return tuple(_signature(path) for path in paths)


def _signature(path: Path) -> tuple[object, ...]:
    try:
        state = path.stat()
    except OSError:
        return (str(path),)
    return str(path), state.st_mtime_ns, state.st_size, state.st_ino


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_TEXT + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read: {why}") from None


def _scans(folder: Path | None) -> dict[str, Report]:
    """The saved reports in a folder, by the digest of what was scanned; of several the newest counts.

    Raises:
        ThwartError: one cannot be read.
    """
    if folder is None:
        return {}
    paths = sorted(folder.glob("*.json"))
    if not folder.is_dir() or len(paths) > _MOST_SCANS:
        raise SourceError(f"{folder} is no folder of scans, or has more than {_MOST_SCANS}")
    found: dict[str, Report] = {}
    for report in read_reports(str(path) for path in paths):
        known = found.get(report.asset.digest)
        if report.asset.digest and (known is None or known.created < report.created):
            found[report.asset.digest] = report
    return found
