"""`thwart serve`: the admission webhook of a cluster, and the authorization plugin of a Docker host."""

from __future__ import annotations

import argparse
import base64
import os
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from thwart.cli._settings import load_config, nearest_config
from thwart.core.config import resolve
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.api.admission import Admission, AdmissionOptions
    from thwart.core.config import Settings
    from thwart.server._judging import Files, Watched
    from thwart.server._recording import Recorder
    from thwart.server.serving import Where

_LONGEST = 30.0  # seconds that an API server waits at most
_NAMES = ("thwart-admission.thwart.svc", "localhost", "127.0.0.1")


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Decide who may run: --admission for Kubernetes, --docker-authz for a Docker host."
    parser.epilog = (
        "exit codes: 0 ended by a signal, or the review is allowed, 1 it is refused, "
        "2 usage or what cannot be served, 4 files that cannot be read"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--admission", action="store_true", help="the webhook: /validate and /mutate over HTTPS")
    what.add_argument("--docker-authz", action="store_true", help="the authorization plugin of a Docker host")
    what.add_argument(
        "--make-authority", type=Path, metavar="FOLDER", help="make ca.crt and ca.key, and print caBundle"
    )
    _deciding(parser.add_argument_group("deciding"))
    _webhook(parser.add_argument_group("the webhook"))
    plugin = parser.add_argument_group("the plugin")
    plugin.add_argument(
        "--socket",
        type=Path,
        default=Path("/run/docker/plugins/thwart.sock"),
        metavar="PATH",
        help="(default: %(default)s)",
    )
    plugin.add_argument(
        "--engine", default="/var/run/docker.sock", metavar="PATH", help="the engine's socket (default: %(default)s)"
    )
    plugin.add_argument("--approved", type=Path, metavar="FILE", help="digests of the images that may run, one a line")


def _deciding(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--policy", type=Path, metavar="FILE", help="the gate's policy (default: settings of thwart.toml)"
    )
    group.add_argument(
        "--trust-policy", type=Path, metavar="FILE", help="who must vouch for images; asks for --signatures"
    )
    group.add_argument(
        "--signatures",
        action="store_true",
        help="images must satisfy the trust policy (default: [[trust]] in thwart.toml)",
    )
    group.add_argument("--scans", type=Path, metavar="FOLDER", help="saved reports (-o json), judged by digest")
    group.add_argument("--require-scan", action="store_true", help="an image that nobody has scanned is unknown")
    group.add_argument("--dry-run", action="store_true", help="refuse nothing; warn of what would have been refused")
    group.add_argument("--log", type=Path, metavar="FOLDER", help="write every decision to this log (thwart log init)")
    group.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")


def _webhook(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--review", metavar="FILE", help="serve nothing: print the answer to this AdmissionReview (- is standard input)"
    )
    group.add_argument("--listen", default="0.0.0.0:8443", metavar="HOST:PORT", help="(default: %(default)s)")
    group.add_argument("--tls", type=Path, metavar="FOLDER", help="tls.crt and tls.key; made there when there are none")
    group.add_argument("--authority", type=Path, metavar="FOLDER", help="ca.crt and ca.key that all replicas share")
    group.add_argument(
        "--name", action="append", default=[], metavar="NAME", help="what the webhook is called; may repeat"
    )
    group.add_argument("--framework", default="", metavar="NAME", help="ask this framework only, as pss-restricted")
    group.add_argument(
        "--pin", choices=("pods", "all", "never"), default="pods", help="whose tags get digests (default: pods)"
    )
    group.add_argument("--default-memory", default="", metavar="QUANTITY", help="limit for containers without one")
    group.add_argument("--default-cpu", default="", metavar="QUANTITY", help="limit for containers without one")
    group.add_argument(
        "--exempt", action="append", default=[], metavar="NAMESPACE", help="never judged, beside kube-*; may repeat"
    )
    group.add_argument("--bootstrap-until", metavar="RFC3339", help="until then everything is admitted with a warning")
    group.add_argument("--budget", type=float, default=8.0, metavar="SECONDS", help="for one review (default: 8)")
    group.add_argument(
        "--drain", type=float, default=5.0, metavar="SECONDS", help="go on after SIGTERM for so long (default: 5)"
    )
    group.add_argument("--more", default="", metavar="URL", help="where refusals are explained")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    if arguments.make_authority is not None:
        return _authority(arguments.make_authority)
    settings = resolve({}, os.environ, load_config(arguments.config))
    if arguments.docker_authz:
        return _plugin(arguments, settings)
    return _admission(arguments, settings)


def _authority(folder: Path) -> int:
    from thwart.core.errors import SourceError
    from thwart.server.certificates import authority_in

    try:
        certificate, _ = authority_in(folder, datetime.now(UTC))
    except OSError as error:
        raise SourceError(f"{error.filename or folder}: {error.strerror}") from error
    sys.stdout.write(f"{base64.b64encode(certificate).decode()}\n")
    return 0


def _admission(arguments: argparse.Namespace, settings: Settings) -> int:
    from thwart.api.admission import Admission
    from thwart.server._judging import Watched
    from thwart.server.serving import tell

    options = _options(arguments)
    where = _where(arguments) if arguments.review is None else None
    recorder = _recorder(arguments)
    try:
        watched = Watched(
            _files(arguments, settings),
            lambda read: Admission(replace(options, policy=read.policy, scans=read.scans), read.images),
            tell,
            recorder.policy if recorder else None,
        )
        if where is None:
            return _reviewed(arguments.review, watched.current, recorder)
        _serve_webhook(where, watched, recorder)
    finally:
        if recorder is not None:
            recorder.close()
    return 0


def _where(arguments: argparse.Namespace) -> Where:
    from thwart.server.certificates import Folder
    from thwart.server.serving import Where

    if arguments.tls is None:
        raise UsageError("a webhook is spoken to over TLS only", "name a folder: --tls FOLDER; it may be empty")
    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--listen is {arguments.listen!r}, which is not HOST:PORT")
    tls = Folder(arguments.tls, tuple(arguments.name) or _NAMES, arguments.authority)
    return Where(host=host.strip("[]"), port=int(port), tls=tls, drain=arguments.drain)


def _serve_webhook(where: Where, watched: Watched[Admission], recorder: Recorder | None) -> None:
    from thwart.server.admission import App
    from thwart.server.serving import serve, tell

    tell(f"the webhook listens at {where.host}:{where.port}")
    note, missing = (recorder.note, recorder.missing) if recorder else (None, lambda: 0)
    serve(App(watched, note, missing), where, watched.renew)


def _reviewed(name: str, admission: Admission, recorder: Recorder | None) -> int:
    """Answer one review as `/validate` does, with its whole budget, and note it."""
    from thwart.api.admission import MOST, ReviewError
    from thwart.core.errors import SourceError

    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            answer, decision = admission.validate(file.read(MOST + 1), _LONGEST)
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error
    except ReviewError as error:
        raise SourceError(f"{name}: {error}") from error
    if recorder is not None:
        recorder.note(decision)
    sys.stdout.write(f"{answer.decode()}\n")
    return 0 if decision.allowed else 1


def _files(arguments: argparse.Namespace, settings: Settings) -> Files:
    from thwart.api.admission._cluster import Cluster
    from thwart.api.admission._registry import RegistryAccess
    from thwart.server._judging import Files

    access = RegistryAccess(
        registries=settings.registries,
        seconds=arguments.budget,
        cluster=Cluster.inside(os.environ),
        environment=dict(os.environ),
    )
    return Files(
        policy=arguments.policy,
        trust=_trust(arguments),
        scans=arguments.scans,
        approved=arguments.approved,
        access=None if settings["offline"] else access,
        settings=settings.policy,
        dry_run=arguments.dry_run,
    )


def _trust(arguments: argparse.Namespace) -> Path | None:
    """The trust policy's file, where images are asked for signatures."""
    if arguments.trust_policy is not None or not arguments.signatures:
        return cast("Path | None", arguments.trust_policy)
    found = (arguments.config, "") if arguments.config is not None else nearest_config()
    if found is None:
        raise UsageError("--signatures needs a trust policy", "name it: --trust-policy FILE")
    return found[0]


def _recorder(arguments: argparse.Namespace) -> Recorder | None:
    from thwart.server._recording import Recorder
    from thwart.server.serving import tell

    return Recorder(arguments.log, tell) if arguments.log is not None else None


def _options(arguments: argparse.Namespace) -> AdmissionOptions:
    from thwart.api.admission import SYSTEM, AdmissionOptions, Defaults, quantity

    for flag in ("default_memory", "default_cpu"):
        value = getattr(arguments, flag)
        if value and not quantity(value):
            raise UsageError(f"--{flag.replace('_', '-')} is {value!r}, which is no quantity like 256Mi or 500m")
    if not 0 < arguments.budget <= _LONGEST:
        raise UsageError("--budget is not between 0 and 30 seconds, the longest that an API server waits")
    _framework(arguments.framework)
    return AdmissionOptions(
        framework=arguments.framework,
        exempt=(*SYSTEM, *arguments.exempt),
        signatures=arguments.signatures or arguments.trust_policy is not None,
        pin=arguments.pin,
        defaults=Defaults(memory=arguments.default_memory, cpu=arguments.default_cpu),
        budget=arguments.budget,
        bootstrap=_moment(arguments.bootstrap_until),
        scanned=arguments.require_scan,
        more=arguments.more,
    )


def _framework(name: str) -> None:
    """Refuse a framework that there is not before anybody relies on it."""
    from thwart import rules

    rules.check([], rules.Options(framework=name))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"--bootstrap-until is {text!r}, which is no moment like 2027-01-31T12:00:00Z")
    return found


def _plugin(arguments: argparse.Namespace, settings: Settings) -> int:
    from thwart.api._engine import approved_digests
    from thwart.api.authz import Authorization, AuthzOptions
    from thwart.server._judging import Read, Watched
    from thwart.server.authz import App, DockerEngine
    from thwart.server.serving import Where, serve, tell

    def made(read: Read) -> Authorization:
        options = AuthzOptions(
            policy=read.policy,
            approved=frozenset(approved_digests(read.approved)) if read.approved is not None else None,
            signatures=arguments.signatures or arguments.trust_policy is not None,
            scans=read.scans,
            scanned=arguments.require_scan,
        )
        return Authorization(options, DockerEngine(arguments.engine), read.images)

    recorder = _recorder(arguments)
    watched = Watched(_files(arguments, settings), made, tell, recorder.policy if recorder else None)
    _make_room(arguments.socket)
    tell(f"the plugin listens at {arguments.socket}")
    try:
        serve(
            App(watched, recorder.note if recorder else None), Where(socket=arguments.socket, drain=0.0), watched.renew
        )
    finally:
        if recorder is not None:
            recorder.close()
        arguments.socket.unlink(missing_ok=True)
    return 0


def _make_room(path: Path) -> None:
    """A socket of a plugin that has ended is in the way of the next one; and only root may speak to this one."""
    from thwart.core.errors import SourceError
    from thwart.sources._engine_wire import is_socket

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_socket(str(path)):
            path.unlink()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    os.umask(0o077)
