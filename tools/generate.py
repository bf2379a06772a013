"""Write what can be derived from the code; with --check, only say whether the files are what they would be.

A generator is a function without arguments that yields (path below the repository's root, content). Add it to
`GENERATORS` and it is generated and checked with the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

Generator = Callable[[], Iterator[tuple[str, bytes]]]


def report_schema() -> Iterator[tuple[str, bytes]]:
    """The JSON Schema of the report format `json-v1`; the schemas of older versions stay as they are."""
    from thwart.reports._json_v1_types import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    yield "docs/reference/schema/thwart-report-v1.schema.json", f"{text}\n".encode()


def reference() -> Iterator[tuple[str, bytes]]:
    """The pages of docs/reference that follow from the code: one module each in tools/generators."""
    if str(ROOT) not in sys.path:  # as a script, only the folder of this file is there
        sys.path.insert(0, str(ROOT))
    from tools.generators import commands, configuration, environment, errors, feeds, network_lint, rule_coverage, rules

    for module in (commands, configuration, environment, errors, feeds, network_lint, rule_coverage, rules):
        yield from module.generate()


GENERATORS: tuple[Generator, ...] = (report_schema, reference)


def differing(root: Path = ROOT) -> list[tuple[Path, bytes]]:
    """The files that are missing or other than generated, with what they should hold."""
    made = [(root / path, content) for generator in GENERATORS for path, content in generator()]
    return [(path, content) for path, content in made if not path.is_file() or path.read_bytes() != content]


def main(arguments: list[str] | None = None) -> int:
    """Generate or check; 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not up to date")
    checking = parser.parse_args(arguments).check
    stale = differing()
    for path, content in stale:
        print(f"{'not up to date' if checking else 'written'}: {path.relative_to(ROOT)}", file=sys.stderr)
        if not checking:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
