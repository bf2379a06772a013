"""The image's user is a name.

Kubernetes cannot tell from a name whether it is root: with `runAsNonRoot` and no number, the container does not start.

Fix: Write the user's number: `USER 10001`. No edit is offered unless the file itself gives the user its number.

Bad:
    FROM registry.example.test/base:1.2
    USER app

Good:
    FROM registry.example.test/base:1.2
    USER 10001:10001
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended, replaced


@dockerfile_rule(Severity.NEGLIGIBLE, "hadolint:DL3066")
def user_by_name(file: File) -> Iterator[Hit]:
    """The user that the last stage ends with."""
    final = file.running
    if final is None or final.user is None or final.user.value.unset or final.user.value.error:
        return
    name = final.user.value.text.partition(":")[0].strip()
    if not name or name.isdigit() or name == "root" or final.shell[0] in ("cmd", "powershell", "pwsh"):
        return
    hit = file.hit(final.user.word.span, f"ends with USER {name[:40]}", final)
    number = _number(file, name)
    inner = final.user.word.text == name
    yield from mended(file, [(hit, (replaced(final.user.word.span, number),) if number and inner else ())])


def _number(file: File, name: str) -> str:
    """The number that `useradd` or `adduser` gives the user in a layer of the image; empty if none."""
    for run in file.shipped_runs:
        for call in run.calls:
            if call.name not in ("useradd", "adduser") or name not in call.words:
                continue
            for word, following in zip(call.words, (*call.words[1:], ""), strict=False):
                if word in ("-u", "--uid") and following.isascii() and following.isdigit() and following.strip("0"):
                    return following
    return ""
