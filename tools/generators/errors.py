"""docs/reference/errors.md, from the classes of errors; what to do about each is said here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from tools.generators import page

import thwart
from thwart.core.errors import ThwartError

PATH = "docs/reference/errors.md"
INTRODUCTION = (
    "An error is printed on standard error as `error[slug]: sentence`, with `hint:` lines below where there is "
    "something to try. The exit code that follows stands with each. A target that fails does not keep the others of "
    "the same command from being scanned.\n\n"
    "What was read but could not be judged is no error but a diagnostic: [diagnostics.md](diagnostics.md)."
)
ADVICE = {
    "bad-answer": "Check the address in a browser: a log-in page or a proxy's error is the usual cause.",
    "bug": "Report it, with the output of the same command under `THWART_TRACEBACK=1`.",
    "conflict": "Others keep writing the same tag: try again when they are done.",
    "config": "The message names file and line. `thwart config show` prints what is in force.",
    "credentials": "Log in again with the tool that wrote the file, or set `THWART_REGISTRY_USERNAME` and "
    "`THWART_REGISTRY_PASSWORD`.",
    "database": "`thwart db update` or `thwart db import FILE` writes a new one; delete your own database to use the "
    "embedded one again.",
    "digest-mismatch": "Fetch or push the image again. If it happens again, do not trust it.",
    "forbidden": "Ask for the right to pull.",
    "foreign-layer": "Push the image together with its foreign layers.",
    "immutable-tag": "The registry does not let a tag move: use the layout bundle, which needs none.",
    "intents": "The message names file and line. The forms are in [intents.md](intents.md).",
    "interrupted": "Try again; the network or the other side broke the connection several times.",
    "invalid-object": "The message names file and line, and what the API server would say. Mend the manifest.",
    "limit": "The input is larger than Thwart reads; the message says which bound it passed.",
    "no-lab": "Install nftables; run as root, or below `unshare --user --map-root-user --net`.",
    "not-compilable": "The hints name each part that cannot become rules. Give what is missing, or leave out `--strict`.",
    "not-found": "Check the name. A private repository may look absent until you log in.",
    "not-proved": "Nothing was written. Report it with the manifests and the flows: what was made did not pass its own check.",
    "offline": "Leave out `--offline`, or save the image first.",
    "plain-http": "Add `--plain-http`, or leave it out.",
    "rate-limited": "Wait, or log in to be allowed more.",
    "read-only": "Ask for the right to push, or sign in a registry of your own.",
    "record": "`thwart log verify` names what was changed. Keep the log as it is and find out who could write to it.",
    "registry-busy": "Wait; while a registry is busy, answers that are kept count.",
    "redirect": "Ask who runs the registry; [registries.md](../guides/registries.md) lists what is not followed.",
    "registry": "The message says what the registry did.",
    "serve": "The message says what could not be read or bound; what ran before goes on.",
    "size-mismatch": "Fetch or push the image again. If it happens again, do not trust it.",
    "source": "The message names what could not be opened; `thwart help targets` lists what can.",
    "timeout": "Try again when the network is better.",
    "tls": "Give the authority's certificates with `--ca`, yours with `--client-cert`.",
    "trust": "The message names the key, certificate, root or place in the policy. `thwart trust policy check FILE` reads a "
    "policy alone.",
    "unauthorized": "Log in. Many registries also answer so for repositories that do not exist.",
    "unavailable": "Try again later.",
    "unreachable": "Check the name, the port, the network and the proxy.",
    "unsupported-manifest": "Push the image with a current tool.",
    "usage": "The hint names what was probably meant; `thwart COMMAND --help` lists the options.",
}


def slugs() -> dict[str, list[type[ThwartError]]]:
    """Every class of error below `ThwartError` by its slug; the base itself is never raised."""
    for module in pkgutil.walk_packages(thwart.__path__, "thwart."):
        if module.name != "thwart.__main__":
            importlib.import_module(module.name)
    found: dict[str, list[type[ThwartError]]] = {}
    todo = ThwartError.__subclasses__()
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        if one.__module__.startswith("thwart."):
            found.setdefault(one.slug, []).append(one)
    return {slug: sorted(classes, key=lambda each: each.__name__) for slug, classes in sorted(found.items())}


def generate() -> Iterator[tuple[str, bytes]]:
    """A heading for every slug."""
    sections = {
        slug: (f"{' '.join(_meaning(one) for one in classes)} Exit code {classes[0].exit_code}.")
        for slug, classes in slugs().items()
    }
    sections["bug"] = "Thwart itself failed, where it never should. Exit code 3."
    parts = [
        part
        for slug, meaning in sorted(sections.items())
        for part in (f"## {slug}", meaning, f"**What to do.** {ADVICE[slug]}")
    ]
    yield PATH, page("Errors", INTRODUCTION, *parts)


def _meaning(one: type[ThwartError]) -> str:
    first = (one.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")
    return first.replace(f" (exit {one.exit_code})", "")
