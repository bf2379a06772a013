"""Write src/thwart/rules/_eol.py: until when releases of well-known bases get fixes without a contract.

    python tools/build_eol.py FOLDER > src/thwart/rules/_eol.py

FOLDER holds `debian.csv` and `ubuntu.csv` of distro-info-data (ISC), `node.json`, which is the release schedule in the npm
package node-releases (MIT), and `NAME.md` of endoflife.date (MIT) for each other product.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_CYCLE = re.compile(r'releaseCycle:\s*"?([\w.]+)"?.*?\n\s*eol:\s*(\d{4}-\d\d-\d\d)', re.DOTALL)
_CSV_ENDS = {"debian": ("eol-lts", "eol"), "ubuntu": ("eol",)}  # what everybody gets; later dates are for customers
_HEAD = '''"""Until when releases of well-known bases get fixes without a contract; written by tools/build_eol.py.

Facts of distro-info-data (ISC), node-releases (MIT) and endoflife.date (MIT).
"""

from __future__ import annotations
'''


def main() -> None:
    """Read the folder, write the module."""
    folder = Path(sys.argv[1])
    ends: dict[str, dict[str, str]] = {}
    codenames: dict[str, tuple[str, str]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".csv":
            ends[path.stem] = dict(_distribution(path, codenames))
        elif path.suffix == ".json":
            schedule = json.loads(path.read_text())
            ends[path.stem] = {name.removeprefix("v"): one["end"] for name, one in schedule.items() if "end" in one}
        elif path.suffix == ".md":
            ends[path.stem] = dict(_CYCLE.findall(path.read_text()))
    print(_HEAD)
    print("ENDS: dict[str, dict[str, str]] = {")
    for product, cycles in sorted(ends.items()):
        print(f'    "{product}": {{')
        print(*(f'        "{cycle}": "{end}",' for cycle, end in sorted(cycles.items(), key=_order)), sep="\n")
        print("    },")
    print(
        "}\n\n# the word in a tag, and the release of which distribution it is\nCODENAMES: dict[str, tuple[str, str]] = {"
    )
    for codename, release in sorted(codenames.items()):
        print(f'    "{codename}": {release},'.replace("'", '"'))
    print("}")


def _distribution(path: Path, codenames: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(path.open()):
        version = (row["version"] or "").removesuffix(" LTS")
        end = next((row[name] for name in _CSV_ENDS[path.stem] if row.get(name)), "")
        if version and end:
            codenames[row["series"]] = (path.stem, version)
            yield version, end


def _order(cycle: tuple[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in cycle[0].split("."))


if __name__ == "__main__":
    main()
