"""A compiler is in the image.

An intruder can build on the spot what the image does not have, and the packages are large and often have defects of their
own.

Fix: Build in a stage of its own and copy the result, or remove the compiler in the same RUN. No edit is offered, as the
stages have to be cut by hand.

Bad:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache gcc

Good:
    FROM registry.example.test/base:1.2
    RUN apk add --no-cache --virtual .build gcc && make && apk del .build
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._packages import kept

_COMPILERS = frozenset(
    [
        "gcc",
        "g++",
        "gcc-c++",
        "build-essential",
        "build-base",
        "clang",
        "llvm",
        "rustc",
        "cargo",
        "golang",
        "golang-go",
        "go",
        "openjdk-17-jdk",
        "openjdk-21-jdk",
        "openjdk-11-jdk",
        "openjdk-8-jdk",
        "default-jdk",
        "maven",
        "gradle",
        "cmake",
        "alpine-sdk",
        "gfortran",
        "nasm",
    ]
)


@dockerfile_rule(Severity.NEGLIGIBLE, "cis-docker:4.3", "nist-800-190:4.1.2", confidence="medium")
def compiler_in_image(file: File) -> Iterator[Hit]:
    """In the layers of the image, where no RUN that is in them removes it at once."""
    for run in file.shipped_runs:
        for call, name, _ in kept(run, _COMPILERS):
            yield file.hit(call.span, f"installs {name}", run.stage)
