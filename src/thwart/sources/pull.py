"""An image in a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import Limits
from thwart.lib import reference as grammar
from thwart.sources import Image, OpenOptions
from thwart.sources.oci import open_image

if TYPE_CHECKING:
    from thwart.sources.registry import RegistryOptions, RegistryStore


def open_registry(text: str, options: OpenOptions, limits: Limits) -> Image:
    """The image that a reference names; nothing but its manifest and configuration is fetched yet."""
    try:
        reference = grammar.parse(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is neither a file, a folder nor an image reference: {error}") from None
    store = opened(reference, options, limits)
    image = open_image(store, reference.canonical(), reference.wanted, options, limits)
    return replace(image, asset=replace(image.asset, name=reference.familiar(), reference=reference.canonical()))


def opened(reference: grammar.Reference, options: OpenOptions, limits: Limits) -> RegistryStore:
    """The repository of a reference, to be reached as the options and the settings say.

    Raises:
        SourceError: the network is switched off.
    """
    from thwart.sources.registry import RegistryStore

    return RegistryStore(reference, reached(reference, options), limits)


def reached(reference: grammar.Reference, options: OpenOptions) -> RegistryOptions:
    """How to reach a reference's registry, as the options and the settings say.

    Raises:
        SourceError: the network is switched off.
    """
    if options.offline:
        raise SourceError(
            f"{reference.canonical()} lies in a registry, and this scan is offline",
            "leave out --offline, or save the image first: docker save -o image.tar " + reference.familiar(),
        )
    from thwart.sources.registry import RegistryOptions, default_auth_files

    environment = options.environment
    stated = next((one for one in options.registries if one.host == reference.registry), None)
    return RegistryOptions(
        plain_http=options.plain_http or bool(stated and stated.plain_http),
        ca=options.ca or _path(stated.ca if stated else ""),
        client_cert=options.client_cert or _path(stated.client_cert if stated else ""),
        client_key=options.client_key or _path(stated.client_key if stated else ""),
        username=environment.get("THWART_REGISTRY_USERNAME", ""),
        password=environment.get("THWART_REGISTRY_PASSWORD", ""),
        auth_files=tuple(default_auth_files(environment)),
        environment=environment,
    )


def _path(text: str) -> Path | None:
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError as error:
        raise UsageError(f"{text} cannot be found: {error}") from None
