"""A Compose project as rules see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from thwart.core.finding import Diagnostic
from thwart.lib.documents import DocumentError
from thwart.rules._view import listed
from thwart.rules.compose._load import BASES, Loader, Model, files_of
from thwart.rules.compose._service import KEYS, Told, service
from thwart.rules.container._project import Project
from thwart.rules.container._settings import Container, Where

if TYPE_CHECKING:
    from thwart.rules import Source


def read_project(source: Source, *, sure: bool) -> Iterator[Container | Project | Diagnostic]:
    """What is wrong with a project, its services, and the project. Nothing of a file that is not `sure` to be Compose's
    and does not look like it.

    Raises:
        DocumentError: a file that is sure to be Compose's cannot be read.
    """
    try:
        if not sure and not any(looks(one) for one in source.values()):
            return
    except DocumentError:
        return
    files = files_of(source)
    loader = Loader()
    model = loader.load(files)
    if not model.sections["services"]:
        yield from loader.problems
        return
    told: list[Told] = []
    containers = []
    for key, node in model.sections["services"].items():
        if not isinstance(node.value, dict):
            if node.value is not None:
                loader.tell(node, f"service {key[:80]} is no mapping, so that it was not judged")
        elif "provider" not in node.mapping:
            containers.append(service(key, node, told, lacking=key in model.lacking))
    for one in told:
        loader.tell(one.where, one.sentence, incomplete=True)
    yield from loader.problems
    if model.unset:
        yield from _unset(model)
    yield from containers
    yield _together(source, files, model, containers)


def looks(value: object) -> bool:
    """Whether a document is Compose's: services, each with an image or the like and with no key that Compose has not."""
    if not isinstance(value, dict) or "apiVersion" in value or "kind" in value:
        return False
    services = value.get("services")
    if not isinstance(services, dict) or not services:
        return False
    return all(
        isinstance(one, dict)
        and bool({"image", "build", "extends"} & one.keys())
        and all(isinstance(key, str) and (key in KEYS or key.startswith("x-")) for key in one)
        for one in services.values()
    )


def _together(source: Source, files: list[Source], model: Model, containers: list[Container]) -> Project:
    networks = model.sections["networks"]
    internal = frozenset(
        key for key, one in networks.items() if (at := one.at("internal")) is not None and at.value in (True, "true")
    )
    name = source.path.rpartition("/")[2]
    whole = len(files) > 1 or name in BASES or all(not one.partial for one in containers)
    return Project(
        name=f"project {model.name}" if model.name else "the project",
        where=Where(("services",), None, files[0]),
        containers=tuple(containers),
        version=model.version,
        internal=internal,
        partial=not whole,
    )


def _unset(model: Model) -> Iterator[Diagnostic]:
    """Variables without a value, by the files that use them."""
    found: dict[str, list[str]] = {}
    decisive: set[str] = set()
    for one in model.sections["services"].values():
        for name, setting in one.mapping.items():
            for node in setting.walk():
                if node.unset and node.where.file is not None:
                    found.setdefault(node.where.file.path, []).extend(node.unset)
                    if name in _DECIDED:
                        decisive.add(node.where.file.path)
    for path, names in found.items():
        many = len(set(names)) > 1
        yield Diagnostic(
            slug="unset-variable",
            message=f"{listed(names, 8)} {'have' if many else 'has'} neither a value nor a default in any file, so that "
            "rules have not judged the settings that need it",
            path=path,
            incomplete=path in decisive,
            hint="write a default, ${NAME:-default}, or a .env file beside it",
        )


# what rules judge; a variable in the environment is no literal, which is all that they ask of it
_DECIDED = KEYS - frozenset(
    {
        "environment",
        "command",
        "entrypoint",
        "labels",
        "container_name",
        "hostname",
        "depends_on",
        "env_file",
        "healthcheck",
    }
    | {
        "secrets",
        "configs",
        "logging",
        "annotations",
        "working_dir",
        "profiles",
        "expose",
        "stop_grace_period",
        "build",
    }
    | {"extra_hosts", "domainname", "platform", "scale"}
)
