"""What packages in a lock file ask of each other, where it tells."""

from __future__ import annotations

import re
from collections import defaultdict

from thwart.core.limits import DEFAULT
from thwart.fixes.versions._npm import permits
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError

_ITEMS = 8_000_000
_YARN = re.compile(r'^([^\s#][^\n]*):\n  "?version"?:? "?([^"\n]+)"?$', re.MULTILINE)


class Asked:
    """The ranges by which packages ask for others."""

    def __init__(self, tool: str, text: str) -> None:
        self._by_name: dict[str, set[str]] = defaultdict(set)
        if tool == "npm":
            self._npm(text)
        elif tool == "yarn":
            for found in _YARN.finditer(text):
                for part in found[1].split(","):
                    name, _, asked = part.strip(' "').rpartition("@")
                    self._by_name[name].add(asked.removeprefix("npm:"))

    def ranges(self, name: str, installed: str) -> list[str]:
        """Those that have the installed version; none where the lock file does not tell."""
        return sorted(one for one in self._by_name.get(name, ()) if permits(one, installed))

    def _npm(self, text: str) -> None:
        try:
            found = json_bounded.load(
                text.encode(), max_bytes=DEFAULT.file_bytes, max_depth=DEFAULT.json_depth, max_items=_ITEMS
            )
        except DocumentError:
            return
        waiting = [found]
        while waiting:
            node = waiting.pop()
            if not isinstance(node, dict):
                continue
            for section in ("packages", "dependencies"):
                entries = node.get(section)
                waiting += entries.values() if isinstance(entries, dict) else ()
            for section in ("dependencies", "optionalDependencies", "devDependencies", "requires"):
                entries = node.get(section)
                for name, asked in entries.items() if isinstance(entries, dict) else ():
                    if isinstance(asked, str):
                        self._by_name[name].add(asked)
