"""`--vex` and the setting `vex`, for every command that decides about packages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.api._files import read_file
from thwart.core.errors import ConfigError, ParseError, SourceError

if TYPE_CHECKING:
    from thwart.core.config import Config
    from thwart.core.vex import Document

_LARGEST = 256 << 20


def configure(gate: argparse._ArgumentGroup) -> None:
    """The flag."""
    gate.add_argument(
        "--vex",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="believe this VEX document: OpenVEX, CycloneDX or CSAF; may repeat",
    )


def read(arguments: argparse.Namespace, config: Config | None) -> tuple[Document, ...]:
    """The documents of the flag and of the configuration file, whose paths begin at its folder.

    Raises:
        ConfigError: one of them cannot be read, or is no VEX document.
    """
    stated = [Path(config.path).parent / one for one in config.vex] if config is not None else []
    return tuple(_read(path) for path in (*stated, *arguments.vex))


def _read(path: Path) -> Document:
    from thwart.matching.vex import read as read_document

    try:
        return read_document(read_file(path, _LARGEST), str(path))
    except SourceError as error:
        raise ConfigError(error.sentence, "name a VEX document: --vex FILE") from None
    except ParseError as error:
        line = f" (line {error.line})" if error.line else ""
        raise ConfigError(
            f"{path} is no VEX document: {error.reason}{line}", "give one in OpenVEX, CycloneDX or CSAF, as JSON"
        ) from None
