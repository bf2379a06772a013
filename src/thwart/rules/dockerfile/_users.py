"""A user for an image that has none."""

from __future__ import annotations

from thwart.lib.dockerfile import Stage
from thwart.rules.dockerfile._file import File
from thwart.rules.dockerfile._mending import Change, above

_USER = "USER 10001:10001"
_ALPINE = "RUN addgroup -g 10001 -S app && adduser -S -D -H -u 10001 -G app app"
_OTHERS = "RUN groupadd --gid 10001 app && useradd --uid 10001 --gid 10001 --no-create-home app"
_APK, _DEB_RPM = frozenset({"apk"}), frozenset({"apt-get", "apt", "dnf", "microdnf", "yum", "zypper"})
_SHELL_FREE = ("distroless", "/static", "chainguard")
_STARTS = ("CMD", "ENTRYPOINT", "HEALTHCHECK")
_MADE = ("addgroup", "adduser", "groupadd", "useradd")


def user_for(file: File, final: Stage) -> tuple[Change, ...]:
    """Lines that make a user and name it, before what starts the image, or at the end of the stage."""
    steps = [step for step in final.steps if not step.triggered and step.instruction.name != "ONBUILD"]
    while steps and steps[-1].instruction.name in _STARTS:
        steps.pop()
    last = steps[-1].instruction if steps else final.instruction
    line = last.span.end_line + 1
    making = _making(file, final)
    text = f"{making}\n{_USER}" if making else _USER
    if line <= len(file.lines) and not (line == len(file.lines) and not file.lines[-1]):
        return (above(line, text),)
    span = last.span
    return (Change(span.end_line, span.end_column, span.end_line, span.end_column, f"\n{text}"),)


def _making(file: File, final: Stage) -> str:
    """The command that makes the user, by the family of the base; empty where the base has no such programs."""
    origin = file.origin(final)
    base = origin.base.text.lower()
    names = {call.name for run in file.shipped_runs for call in run.calls}
    if origin.scratch or any(word in base for word in _SHELL_FREE) or names & set(_MADE):
        return ""
    if "alpine" in base or names & _APK:
        return _ALPINE
    known = ("debian", "ubuntu", "bookworm", "bullseye", "trixie", "slim", "rocky", "alma", "fedora", "ubi", "centos")
    return _OTHERS if any(word in base for word in known) or names & _DEB_RPM else ""
