"""`thwart db`: the advisory database."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import to_builtins

from thwart.cli._screen import plain
from thwart.cli._settings import cache_dir, data_dir
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from thwart.api.database import Places
    from thwart.core.finding import Diagnostic
    from thwart.core.report import DatabaseInfo

_INCOMPLETE = 3


def add_database(parser: argparse.ArgumentParser) -> None:
    """The flag that names a database, as `thwart scan` has it."""
    parser.add_argument(
        "--db", type=Path, metavar="FILE", help="advisory database (default: your own, else the embedded)"
    )


def places(args: argparse.Namespace) -> Places:
    """Where databases lie: the flag, then the folders of the settings."""
    from thwart.api.database import Places

    cache = cache_dir()
    return Places(data_dir=data_dir(), cache_dir=cache / "db" if cache else None, database=getattr(args, "db", None))


def today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `thwart db`."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    status = verbs.add_parser("status", help="what the database holds and how old each feed is")
    status.add_argument("--json", action="store_true", help="as JSON")
    update = verbs.add_parser("update", help="download feeds and build the database anew")
    update.add_argument("--mirror", action="append", default=[], metavar="URL", help="ask here instead; may repeat")
    update.add_argument("--feed", action="append", default=[], metavar="NAME", help="only feeds whose names begin so")
    build = verbs.add_parser("build", help="compile feeds from files and folders")
    build.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files and folders of feeds")
    build.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here instead of the data folder")
    export = verbs.add_parser("export", help="write the database as one file for a place without a network")
    export.add_argument("file", type=Path, metavar="FILE", help="where to write it")
    import_ = verbs.add_parser("import", help="verify such a file and use it from now on")
    import_.add_argument("file", type=Path, metavar="FILE", help="what db export wrote")
    path = verbs.add_parser("path", help="where the database that is used lies")
    for verb in (status, export, path):
        add_database(verb)


def run(args: argparse.Namespace) -> int:
    """Carry out `thwart db VERB`; the exit code. Errors are raised as `ThwartError`."""
    verbs = {
        "status": _status,
        "update": _update,
        "build": _build,
        "export": _export,
        "import": _import,
        "path": _path,
    }
    verb = verbs.get(args.verb)
    if verb is None:
        raise UsageError(f"there is no `thwart db {args.verb}`", f"one of {', '.join(verbs)}")
    return verb(args)


def _status(args: argparse.Namespace) -> int:
    from thwart.api import database as api_db

    info, counts = api_db.status(places(args), today())
    if args.json:
        sys.stdout.write(
            json.dumps({"schema": "thwart-db-status-v1", **to_builtins(info), "counts": counts}, indent=2) + "\n"
        )
        return 0
    _out(f"{info.origin}: {_age(info)}, schema {info.schema}")
    _out(
        f"{counts.get('advisory', 0)} advisories on {counts.get('package', 0)} packages in "
        f"{counts.get('ecosystem', 0)} ecosystems, facts on {counts.get('cve', 0)} CVEs"
    )
    rows = [("FEED", "DATA OF", "AGE", "RECORDS", "LICENCE")]
    rows += [(f.name, f.date or "unknown", _days(f.date), str(f.records), f.licence) for f in info.feeds]
    _table(rows)
    return 0


def _age(info: DatabaseInfo) -> str:
    return f"data of {info.built} ({info.age_days} day{'' if info.age_days == 1 else 's'} old)"


def _days(text: str) -> str:
    try:
        return f"{max((today() - date.fromisoformat(text)).days, 0)} d"
    except ValueError:
        return "?"


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _update(args: argparse.Namespace) -> int:
    from thwart.api import database as api_db
    from thwart.cli._scanning import load_config
    from thwart.core.config import resolve

    if resolve({}, os.environ, load_config(None))["offline"]:
        raise UsageError("an update needs the network, and the settings say offline", "see: thwart config show")
    result = api_db.update(places(args), today=today(), mirrors=tuple(args.mirror), only=tuple(args.feed), say=_err)
    _tell(result.problems)
    if result.build is None:
        _out(f"nothing new: {len(result.unchanged)} feeds are unchanged")
    else:
        _out(f"{result.build.path}: {len(result.new)} new feeds, {len(result.unchanged)} unchanged")
    return _INCOMPLETE if result.problems else 0


def _build(args: argparse.Namespace) -> int:
    from thwart.api import database as api_db

    result = api_db.build(args.paths, places(args), today=today(), output=args.output)
    _tell(result.problems)
    for feed, reason, times in result.left:
        _err(f"left out: {times} {reason} of {feed}")
    counts = result.counts
    _out(
        f"{result.path}: {counts['advisory']} advisories on {counts['package']} packages, facts on {counts['cve']} CVEs, "
        f"{result.bytes} bytes, data of {result.built}"
    )
    return _INCOMPLETE if any(problem.incomplete for problem in result.problems) else 0


def _export(args: argparse.Namespace) -> int:
    from thwart.api import database as api_db

    manifest = api_db.export(args.file, places(args))
    _out(f"{args.file}: data of {manifest['built']}, sha256 {manifest['sha256']}")
    return 0


def _import(args: argparse.Namespace) -> int:
    from thwart.api import database as api_db

    where = places(args)
    manifest = api_db.import_(args.file, where)
    _out(f"{where.own}: data of {manifest['built']}, sha256 {manifest['sha256']}")
    return 0


def _path(args: argparse.Namespace) -> int:
    from thwart.api import database as api_db

    found = api_db.path(places(args))
    _out(str(found) if found is not None else "embedded, in memory: the cache folder cannot be written")
    return 0


def _tell(problems: Iterable[Diagnostic]) -> None:
    for one in problems:
        _err(f"{'warning' if one.incomplete else 'note'}[{one.slug}]: {one.path}: {one.message}")


def _out(line: str) -> None:
    sys.stdout.write(plain(line) + "\n")


def _err(line: str) -> None:
    sys.stderr.write(plain(line) + "\n")
