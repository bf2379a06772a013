"""What `scan` and `sbom` share: flags of targets, and running them one after the other."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from thwart.api import ScanOptions, scan
from thwart.cli import complain
from thwart.cli._screen import Progress
from thwart.cli._settings import cache_dir, data_dir, load_config
from thwart.core.config import Settings, resolve
from thwart.core.errors import ThwartError
from thwart.core.report import Report
from thwart.sources import OpenOptions

__all__ = ["ORDER", "Run", "configure", "load_config", "run_targets", "settings", "worst"]

ORDER = (0, 3, 1, 4, 2)  # of exit codes, the weakest first


class Run(Struct, frozen=True, kw_only=True):
    """Reports of the targets that could be scanned, and the worst exit code of those that could not."""

    reports: tuple[Report, ...]
    code: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags that say what to open and how."""
    parser.add_argument(
        "targets", nargs="+", metavar="TARGET", help="image, archive, layout, root file system, folder, engine or -"
    )
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image of an index (default: linux/amd64)")
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="FORMAT[=FILE]", help="may repeat; default: text"
    )
    reach = parser.add_argument_group("reaching a registry")
    reach.add_argument("--offline", action="store_true", default=None, help="never use the network")
    reach.add_argument("--plain-http", action="store_true", help="speak unencrypted HTTP with the registry")
    reach.add_argument("--ca", type=Path, metavar="FILE", help="certificates that vouch for the registry")
    reach.add_argument("--client-cert", type=Path, metavar="FILE", help="certificate to show to the registry")
    reach.add_argument("--client-key", type=Path, metavar="FILE", help="key of that certificate")
    run = parser.add_argument_group("running")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")
    run.add_argument("--no-cache", action="store_true", help="read every layer again and remember nothing")
    run.add_argument("--jobs", type=_count, default=0, metavar="N", help="layers read at a time")
    run.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    run.add_argument("-q", "--quiet", action="store_true", help="no progress")
    run.add_argument("-v", "--verbose", action="store_true", help="name every finding and reason")


def settings(arguments: argparse.Namespace, flags: dict[str, str | bool | None]) -> Settings:
    """Settings of this run: flag, environment, file, default."""
    flags = {"platform": arguments.platform, "offline": arguments.offline, **flags}
    return resolve(flags, os.environ, load_config(arguments.config))


def opening(arguments: argparse.Namespace, chosen: Settings) -> OpenOptions:
    """How to open targets and reach registries."""
    return OpenOptions(
        platform=str(chosen["platform"]),
        offline=bool(chosen["offline"]),
        plain_http=arguments.plain_http,
        ca=arguments.ca,
        client_cert=arguments.client_cert,
        client_key=arguments.client_key,
        environment=os.environ,
        registries=chosen.registries,
    )


def _count(text: str) -> int:
    """A number of threads, for argparse."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 64")
    return int(text)


def run_targets(arguments: argparse.Namespace, chosen: Settings, asked: ScanOptions) -> Run:
    """Scan every target; one that fails is told on stderr and the rest go on."""
    reports, code = [], 0
    for target in arguments.targets:
        progress = Progress(target, quiet=arguments.quiet)
        source = replace(opening(arguments, chosen), progress=progress)
        options = replace(
            asked,
            source=source,
            data=data_dir(),
            cache=None if arguments.no_cache else cache_dir(),
            jobs=arguments.jobs,
        )
        try:
            reports.append(scan(target, options))
        except ThwartError as error:
            progress.close()
            complain(error.slug, error.sentence, *error.hints)
            code = worst(code, error.exit_code)
        finally:
            progress.close()
    return Run(reports=tuple(reports), code=code)


def worst(*codes: int) -> int:
    """The exit code that counts when several apply: 2, 4, 1, 3."""
    return max(codes, key=ORDER.index)
