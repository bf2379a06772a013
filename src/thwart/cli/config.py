"""`thwart config`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from thwart.cli._scanning import load_config
from thwart.core.config import resolve


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Show every setting, its value and where it comes from."
    parser.add_argument("action", choices=("show",), help="what to do")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the settings."""
    chosen = resolve({}, os.environ, load_config(arguments.config))
    if arguments.json:
        rows = [{"key": s.key, "value": s.value, "origin": s.origin} for s in chosen.all]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return 0
    values = {s.key: json.dumps(s.value) for s in chosen.all}
    width, wide = max(map(len, values)), max(map(len, values.values()))
    for setting in chosen.all:
        sys.stdout.write(f"{setting.key:<{width}}  {values[setting.key]:<{wide}}  {setting.origin}\n")
    return 0
