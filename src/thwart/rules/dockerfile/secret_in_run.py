"""A RUN is given a secret in plain text.

The command line is in the history of the image, for everybody who can pull it, whatever the command did with the secret.

Fix: Give it as `RUN --mount=type=secret,id=…` and read it from the file. Change the secret. No edit is offered: the secret
has to be stored somewhere else first.

Bad:
    FROM registry.example.test/base:1.2
    RUN curl -u deploy:hunter2-hunter2 https://downloads.example.test/tool -o /tool

Good:
    FROM registry.example.test/base:1.2
    RUN --mount=type=secret,id=netrc,target=/root/.netrc curl --netrc https://downloads.example.test/tool -o /tool
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._secrets import secret
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import UNKNOWN, Call

_LINK = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^/\s:@]{0,100}:([^/\s@]{1,200})@", re.IGNORECASE)
_HEADER = re.compile(
    r"(?:authorization:\s*(?:bearer|basic|token)|(?:x-api-key|private-token|x-auth-token):)\s*(\S{6,})",
    re.IGNORECASE,
)
_NPM = re.compile(r"_(?:authToken|password|auth)=(\S{4,})")
_KNOWN = re.compile(
    r"\b(?:ghp_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,90}|glpat-[A-Za-z0-9_-]{20}|AKIA[0-9A-Z]{16}|xox[bp]-[0-9A-Za-z-]{20,80}|npm_[A-Za-z0-9]{36})\b"
)
_USER = {"curl": ("-u", "--user"), "wget": ("--password", "--http-password", "--ftp-password"), "sshpass": ("-p",)}
_LOGIN = ("docker", "podman", "buildah", "skopeo", "helm", "oras", "crane")
_EMPTY = ("", "none", "null", "changeit", "anonymous")


@dockerfile_rule(Severity.CRITICAL, "cis-docker:4.10", "nist-800-190:4.1.4", "trivy:DS-0031", confidence="medium")
def secret_in_run(file: File) -> Iterator[Hit]:
    """Words by their form and their option, and variables by their name; what a variable holds is another rule's."""
    for run in file.runs:
        for call in run.calls:
            if _given(call) or any(_shows(word) for word in call.words) or _assigned(call):
                yield file.hit(
                    call.span, f"gives {call.name[:80] or 'a variable'} a secret in plain text", run.stage, hidden=True
                )


def _plain(value: str) -> bool:
    return UNKNOWN not in value and "$" not in value and value.strip("\"'*x<>.").lower() not in _EMPTY


def _shows(word: str) -> bool:
    if len(word) < 8 or len(word) > 4000:
        return False
    matches = (pattern.search(word) for pattern in (_LINK, _HEADER, _NPM))
    return any(match is not None and _plain(match[1]) for match in matches) or _KNOWN.search(word) is not None


def _given(call: Call) -> bool:
    """The password of `curl -u NAME:PASSWORD`, `docker login -p` and their like."""
    options = ("-p", "--password") if call.name in _LOGIN and "login" in call.words else _USER.get(call.name, ())
    for option in options:
        for word, following in zip(call.words, (*call.words[1:], ""), strict=False):
            value = following if word == option else word.partition("=")[2] if word.startswith(f"{option}=") else ""
            value = value.partition(":")[2] if call.name == "curl" else value
            if value and _plain(value):
                return True
    return False


def _assigned(call: Call) -> bool:
    if call.name in ("export", "declare", "ENV"):
        pairs = [word.partition("=")[::2] for word in call.words if "=" in word]
    else:
        made = call.invocation.command.assignments if call.invocation else ()
        pairs = [(one.name, one.value.known) for one in made if one.value is not None]
    return any(secret(name, value) and _plain(value) for name, value in pairs)
