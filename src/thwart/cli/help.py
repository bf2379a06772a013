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
  3    incomplete: a file could not be read, a package not be judged; findings may be missing
  4    a target could not be reached, pulled, opened or verified
  130  interrupted

When several apply, the first of 2, 4, 1, 3 counts. --fail-on none never denies; --exit-zero turns 1 and 3 into 0."""

ENVIRONMENT = """\
  THWART_FAIL_ON, THWART_ON_INCOMPLETE, THWART_ONLY_FIXED, THWART_PLATFORM, THWART_OFFLINE
                             settings; a flag outweighs them, they outweigh the configuration file
  THWART_CACHE_DIR           folder for what layers hold (default: the user's cache folder); empty switches it off
  THWART_DATA_DIR            folder for your own advisory database (default: the user's data folder)
  THWART_REGISTRY_USERNAME, THWART_REGISTRY_PASSWORD
                             credentials for registries, before those of the Docker configuration
  DOCKER_CONFIG, REGISTRY_AUTH_FILE
                             where credentials of Docker and Podman lie
  NO_COLOR, FORCE_COLOR      switch colour off or on
  CI                         no progress line
  THWART_TRACEBACK           shows where in the program a bug struck"""

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

What is set aside stays in every report, with the reason. After its last day an exception does nothing and says so."""

TOPICS = {
    "targets": TARGETS,
    "exit-codes": EXIT_CODES,
    "environment": ENVIRONMENT,
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
