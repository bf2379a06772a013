"""A Dockerfile that was fixed still builds and runs, with buildah and a base of the machine's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from thwart.api._fix import FixOptions, plan_fix
from thwart.api._fix_writing import write_plan

PROGRAMS = ("sh", "id", "cat", "mkdir", "chown", "groupadd", "useradd")
BASES = ("localhost/thwart-fix-base:1", "localhost/debian:12")  # one of which nothing is known, and one with useradd
DOCKERFILE = """\
# stays
FROM {base}
# what it says
RUN echo hello > /greeting
CMD ["/bin/sh", "-c", "id -u; cat /greeting"]
"""

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a base is put together, which needs root"),
    pytest.mark.skipif(shutil.which("useradd") is None, reason="there is no useradd to put into the base"),
]


class Buildah:
    """buildah with a store of its own, that needs neither overlay nor cgroups."""

    def __init__(self, home: Path) -> None:
        self._store = ["--root", str(home / "root"), "--runroot", str(home / "run"), "--storage-driver", "vfs"]

    def __call__(self, *words: str) -> str:
        command = ["buildah", *self._store, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()


def rootfs(home: Path) -> Path:
    """The programs with their libraries, and a user database."""
    for name in PROGRAMS:
        program = Path(os.path.realpath(shutil.which(name) or ""))
        libraries = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout.split()
        for one in (str(program), *(word for word in libraries if word.startswith("/"))):
            target = home / one.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(one), target)
        entry = home / "bin" / name
        entry.parent.mkdir(exist_ok=True)
        shutil.copy(program, entry)
    for path, text in {
        "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/shadow": "root:*:1::::::\n",
        "etc/gshadow": "root:*::\n",
        "etc/login.defs": "",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\n",
    }.items():
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_text(text)
    return home


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Buildah]:
    run = Buildah(tmp_path / "store")
    container = run("from", "scratch")
    run("copy", "-q", container, str(rootfs(tmp_path / "base")), "/")
    for base in BASES:
        run("commit", "-q", container, base)
    yield run
    run("rm", "--all")
    run("rmi", "--all", "--force")


def started(buildah: Buildah, context: Path) -> tuple[str, str]:
    """The user of the image, and what it says when it runs."""
    image = buildah("bud", "-q", "--pull-never", "--isolation", "chroot", str(context)).splitlines()[-1]
    container = buildah("from", "--pull-never", image)
    user = buildah("inspect", "--format", "{{.OCIv1.Config.User}}", container)
    return user, buildah("run", "--isolation", "chroot", container, "--", "/bin/sh", "-c", "id -u; cat /greeting")


@pytest.mark.parametrize("base", BASES)
def test_a_user_that_was_added_runs_the_program(base: str, buildah: Buildah, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    assert started(buildah, context) == ("", "0\nhello")
    plan = plan_fix([str(context)], FixOptions(unsafe=True))
    assert {one.rule for one in plan.sections} & {"unstated-user", "stated-root", "root-user"}
    assert write_plan(plan, [str(context)]) == []
    fixed = (context / "Dockerfile").read_text()
    assert fixed.startswith("# stays\n")
    assert "# what it says" in fixed
    user, said = started(buildah, context)
    assert user.startswith("10001")
    assert said == "10001\nhello"
