"""`thwart help TOPIC`."""

from __future__ import annotations

import argparse
import sys

from thwart.core.errors import UsageError

TARGETS = """\
A target is what to look at. Its kind is detected; a prefix forces it.

  nginx:1.27, image:NAME   an image in a registry (NAME:TAG or NAME@DIGEST)
  archive:FILE[:NAME]      a docker save archive or an OCI layout in a tar, compressed or not
  oci:FOLDER[:NAME]        an OCI image layout
  rootfs:FOLDER            a root file system, as a folder or as a tar
  dir:FOLDER               a directory: lockfiles and installed packages
  -                        an archive on standard input

An archive or layout that holds several images lists them; add the name of one. An index of several platforms
gives linux/amd64 unless --platform says otherwise. A name with several readings is an error that lists them."""

EXIT_CODES = """\
The same for every format:

  0    clean
  1    the gate says deny
  2    the command or the configuration is wrong
  3    incomplete: a file could not be read, a package not be judged, an answer is unknown; findings may be missing
  4    a target could not be reached, pulled, opened or verified
  130  interrupted

When several apply, the first of 2, 4, 1, 3 counts. --fail-on none never denies; --exit-zero turns 1 and 3 into 0."""

# Every variable that the program reads, with what it does: for `thwart help environment` and the reference.
VARIABLES = (
    ("THWART_FAIL_ON", "the setting fail-on; a flag outweighs it, it outweighs the configuration file"),
    ("THWART_ON_INCOMPLETE", "the setting on-incomplete, likewise"),
    ("THWART_ONLY_FIXED", "the setting only-fixed, likewise: true or false"),
    ("THWART_PLATFORM", "the setting platform, likewise"),
    ("THWART_OFFLINE", "the setting offline, likewise: true or false"),
    ("THWART_CACHE_DIR", "folder for what layers hold and for the embedded database; empty switches the cache off"),
    ("THWART_DATA_DIR", "folder for your own advisory database and its feeds; empty means that there is none"),
    ("THWART_REGISTRY_USERNAME", "name for registries, before the credentials of Docker and Podman"),
    ("THWART_REGISTRY_PASSWORD", "password that belongs to it"),
    ("THWART_KEY_PASSPHRASE", "passphrase of a private key, for sign and attest"),
    ("COSIGN_PASSWORD", "the same, as cosign calls it; looked at after THWART_KEY_PASSPHRASE"),
    ("COSIGN_REPOSITORY", "another repository that holds the signatures of images"),
    ("COSIGN_PKCS11_PIN", "PIN of a PKCS#11 token"),
    ("PYKCS11LIB", "library of a PKCS#11 token"),
    ("THWART_BUILDER_ID", "who builds, for attest --provenance where no known CI says it"),
    ("THWART_SOURCE_URI", "where the source is from, likewise"),
    ("THWART_SOURCE_REF", "its branch or tag, likewise"),
    ("THWART_SOURCE_COMMIT", "its commit, likewise"),
    ("THWART_WORKFLOW", "what is run, likewise"),
    ("THWART_BUILD_TYPE", "the kind of build, likewise"),
    ("THWART_INVOCATION_ID", "this very run, likewise"),
    ("THWART_TRACEBACK", "not empty: show where in the program a bug struck"),
    ("DOCKER_HOST", "where Docker's socket is, for `engine:docker`: unix://PATH"),
    ("CONTAINER_HOST", "where Podman's socket is, for `engine:podman`: unix://PATH"),
    ("REGISTRY_AUTH_FILE", "file with the credentials of Podman and Skopeo; no other file is looked at"),
    ("DOCKER_CONFIG", "folder with Docker's config.json (default: ~/.docker)"),
    ("XDG_CACHE_HOME", "where cache folders lie, for THWART_CACHE_DIR's default (default: ~/.cache)"),
    ("XDG_DATA_HOME", "where data folders lie, for THWART_DATA_DIR's default (default: ~/.local/share)"),
    ("XDG_CONFIG_HOME", "where containers/auth.json may lie (default: ~/.config)"),
    ("XDG_RUNTIME_DIR", "where containers/auth.json and Podman's socket may lie, looked at first"),
    ("KUBECONFIG", "files that say how to reach clusters, for `cluster:` (default: ~/.kube/config)"),
    ("KUBERNETES_SERVICE_HOST", "where the API server is, within a pod"),
    ("KUBERNETES_SERVICE_PORT", "its port, within a pod"),
    ("PATH", "where helm, kustomize, kubectl and the programs that a kubeconfig names are looked for"),
    ("HOME", "your folder, for all defaults above"),
    ("HTTPS_PROXY", "proxy for https; https_proxy too"),
    ("HTTP_PROXY", "proxy for http; http_proxy too"),
    ("ALL_PROXY", "proxy of `thwart db update` where neither of these says one; all_proxy too"),
    ("NO_PROXY", "hosts that are reached without the proxy; no_proxy too"),
    ("REQUEST_METHOD", "when set, HTTP_PROXY is not believed: in a CGI program it comes from the request"),
    ("SSL_CERT_FILE", "trusted certificates, instead of the system's file"),
    ("SSL_CERT_DIR", "trusted certificates, instead of the system's folder"),
    ("NO_COLOR", "not empty: no colour"),
    ("FORCE_COLOR", "not empty: colour even when the output is no terminal"),
    ("TERM", "dumb means no colour"),
    ("CI", "not empty: no progress line"),
)


def _environment() -> str:
    width = max(len(name) for name, _ in VARIABLES)
    return "\n".join(f"  {name:<{width}}  {about}" for name, about in VARIABLES)


FORMATS = """\
-o FORMAT writes to standard output, -o FORMAT=FILE to a file; -o may repeat, one scan gives many formats.

  {formats}

json is an alias of json-v1, whose shape is frozen."""

SUPPRESSING = """\
A finding that you accept is stated in thwart.toml, with a reason, an owner and a day on which it ends:

  [[exceptions]]
  id = "CVE-2024-12345"          # the finding, or any of its aliases
  package = "openssl"            # optional: only there; also asset and path, with * for anything
  reason = "the affected cipher is switched off"
  owner = "platform team"
  expires = 2027-03-31

In a repository's own requirements, go.mod or pom.xml a comment on the line, or alone on the line above, does the same:

  flask==1.0  # thwart: ignore[CVE-2023-30861] sessions are not permanent here

A VEX document (OpenVEX, CycloneDX, CSAF) that you trust sets aside what it calls not affected or fixed:

  thwart scan nginx:1.27 --vex vendor.openvex.json        or in thwart.toml: vex = ["vendor.openvex.json"]

Comments come first, then exceptions, VEX documents, and last a baseline (--baseline FILE).
What is set aside stays in every report, with the reason. After its last day an exception does nothing and says so."""

TOPICS = {
    "targets": TARGETS,
    "exit-codes": EXIT_CODES,
    "environment": _environment(),
    "formats": FORMATS,
    "suppressing": SUPPRESSING,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Read about a topic: " + ", ".join(TOPICS) + "."
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="one of " + ", ".join(TOPICS))


def run(arguments: argparse.Namespace) -> int:
    """Print the topic, or the list of topics."""
    if arguments.topic is None:
        sys.stdout.write("topics: " + ", ".join(TOPICS) + "\nread one with: thwart help TOPIC\n")
        return 0
    text = TOPICS.get(arguments.topic)
    if text is None:
        import difflib

        near = difflib.get_close_matches(arguments.topic, TOPICS, 1)
        raise UsageError(f"there is no topic {arguments.topic}", f"choose one of {', '.join(near or TOPICS)}")
    if "{formats}" in text:
        from thwart.api import formats

        text = text.replace("{formats}", ", ".join(formats()))
    sys.stdout.write(text + "\n")
    return 0
