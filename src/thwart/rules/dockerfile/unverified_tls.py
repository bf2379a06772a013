"""A download does not verify who it comes from.

Without the check of certificates, whoever is on the way, or answers for the name, decides what is in the image. Set in the
environment, it also holds for the program that runs in the container.

Fix: Leave the switch out; add the certificate of an authority of your own with `update-ca-certificates`.

Bad:
    FROM registry.example.test/base:1.2
    RUN curl -k -o /tool https://downloads.example.test/tool

Good:
    FROM registry.example.test/base:1.2
    RUN curl -o /tool https://downloads.example.test/tool
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call
from thwart.rules.dockerfile._mending import Change, mended, replaced, without
from thwart.rules.dockerfile._packages import RPM

_SWITCHES: dict[str, tuple[str, ...]] = {
    "curl": ("-k", "--insecure", "--proxy-insecure"),
    "wget": ("--no-check-certificate",),
    "pip": ("--trusted-host",),
    "helm": ("--insecure-skip-tls-verify",),
    "kubectl": ("--insecure-skip-tls-verify",),
    "conda": ("--insecure", "-k"),
    "aria2c": ("--check-certificate=false",),
    "skopeo": ("--src-tls-verify=false", "--tls-verify=false"),
    "composer": ("--no-secure-http",),
}
_TAKES = {"curl": frozenset("ocdHuAbeFTxXmrwzCDEKPQytY")}  # letters that take the rest of the word
_SETTINGS = re.compile(
    r"http\.sslverify=(?:0|false|no)|sslverify=(?:0|false|no|off)|strict-ssl[= ](?:false|0)|ssl_verify[= ](?:false|0)|"
    r"verify-peer=(?:0|false|no)|verify-host=(?:0|false|no)|check_certificate ?= ?off|"
    r"trusted-host(?: ?= ?| )[^ ]",
    re.IGNORECASE,
)
_ASKED = (
    "git",
    "npm",
    "yarn",
    "pnpm",
    "pip",
    "pip3",
    "conda",
    "mamba",
    "apt-get",
    "apt",
    *RPM,
    "yum-config-manager",
    "echo",
    "printf",
    "bower",
)
_OFF = ("0", "false", "no", "off")
_ON = ("1", "true", "yes", "on")
_VARIABLES = {
    "NODE_TLS_REJECT_UNAUTHORIZED": _OFF,
    "PYTHONHTTPSVERIFY": _OFF,
    "GIT_SSL_NO_VERIFY": _ON,
    "NPM_CONFIG_STRICT_SSL": _OFF,
    "YARN_STRICT_SSL": _OFF,
    "YARN_ENABLE_STRICT_SSL": _OFF,
    "CONDA_SSL_VERIFY": _OFF,
}
_ANY = ("PIP_TRUSTED_HOST", "GOINSECURE")


@dockerfile_rule(
    Severity.HIGH,
    "cis-docker:4.11",
    "checkov:CKV2_DOCKER_2",
    "checkov:CKV2_DOCKER_3",
    "checkov:CKV2_DOCKER_4",
    "checkov:CKV2_DOCKER_5",
    "checkov:CKV2_DOCKER_6",
    "checkov:CKV2_DOCKER_12",
    "checkov:CKV2_DOCKER_14",
    "checkov:CKV2_DOCKER_15",
)
def unverified_tls(file: File) -> Iterator[Hit]:
    """Switches of commands, settings that they write, and variables; a check of a service on this machine is passed over."""
    yield from mended(file, list(_commands(file)))
    for stage, step in file.steps("ENV", "ARG"):
        for pair in step.instruction.pairs:
            value = step.expand(pair.value.text).text if pair.value else ""
            if _disables(pair.name.text, value):
                yield file.hit(pair.name.span, f"turns the check of certificates off by {pair.name.text[:80]}", stage)


def _commands(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for run in file.runs:
        for call in run.calls:
            switch = _switch(call)
            if switch:
                hit = file.hit(
                    call.span, f"turns the check of certificates off by {call.name} {switch[:60]}", run.stage
                )
                yield hit, tuple(_left_out(file, call)) if call.name in ("curl", "wget") else ()


def _left_out(file: File, call: Call) -> Iterator[Change]:
    """The switches of curl and wget, whole words or letters."""
    for word in dict.fromkeys(call.words):
        span = call.where(word)
        if span and word in _SWITCHES[call.name]:
            yield without(file, span)
        elif (
            span
            and call.name == "curl"
            and re.fullmatch(r"-[A-Za-z]{2,}", word)
            and _lettered(word, "k", _TAKES["curl"])
        ):
            yield replaced(span, word.replace("k", "", 1))


def _switch(call: Call) -> str:
    """The word that does it; empty if none."""
    name = "pip" if re.fullmatch(r"pip[0-9.]*", call.name) or call.words[:2] == ("-m", "pip") else call.name
    if name in _SWITCHES and not (name == "curl" and any(_local(word) for word in call.words)):
        for word in call.words:
            if word in _SWITCHES[name] or (word.startswith("--") and word.partition("=")[0] in _SWITCHES[name]):
                return "" if word.partition("=")[2] == "false" and word not in _SWITCHES[name] else word
            if name == "curl" and word[:1] == "-" and word[1:2] != "-" and _lettered(word, "k", _TAKES["curl"]):
                return word
    if name in _ASKED:
        found = _SETTINGS.search(" ".join(call.words)[:4000].replace("http.sslVerify ", "http.sslVerify="))
        if found and "--get" not in call.words:
            return found[0]
    made = call.invocation.command.assignments if call.invocation else ()
    pairs = [(one.name, one.value.known) for one in made if one.value is not None]
    pairs += [(word.partition("=")[0], word.partition("=")[2]) for word in call.words if call.name == "export"]
    return next((key for key, value in pairs if _disables(key, value)), "")


def _lettered(word: str, letter: str, takes: frozenset[str]) -> bool:
    """Whether the letter is among those of `-fsSLk`, before one that takes the rest."""
    for one in word[1:]:
        if one == letter:
            return True
        if one in takes:
            return False
    return False


def _local(word: str) -> bool:
    return re.match(r"https?://(?:localhost|127\.|\[::1\])", word) is not None


def _disables(name: str, value: str) -> bool:
    bare = value.strip("\"'").lower()
    return bare in _VARIABLES.get(name.upper(), ()) or (name in _ANY and bool(bare))
