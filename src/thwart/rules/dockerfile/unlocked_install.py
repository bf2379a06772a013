"""npm installs what its lock file need not say.

`npm install` resolves anew where the lock file does not fit and changes it, so that what is in the image was never
reviewed. `npm ci` installs what the lock says, or stops.

Fix: Copy the lock file and write `npm ci`; for yarn and pnpm `--frozen-lockfile`. No edit is offered, as `npm ci` fails
without a lock file and this file does not tell whether there is one.

Bad:
    FROM registry.example.test/base:1.2
    RUN npm install

Good:
    FROM registry.example.test/base:1.2
    RUN npm ci && npm cache clean --force
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_FROZEN = ("--frozen-lockfile", "--immutable", "--pure-lockfile", "--production")


@dockerfile_rule(Severity.LOW, "slsa:pinned", "hadolint:DL3016", confidence="medium")
def unlocked_install(file: File) -> Iterator[Hit]:
    """An installation of everything that a project needs, in the stages that the image is made of."""
    for run in file.runs:
        for call in run.calls if run.stage.index in file.build.needed else ():
            if call.name == "npm" and call.operands in (["install"], ["i"]) and not call.has("-g", "--global"):
                yield file.hit(call.span, "runs npm install, which may leave the lock file behind", run.stage)
            elif call.name == "pnpm" and call.operands in (["install"], ["i"]) and call.has("--no-frozen-lockfile"):
                yield file.hit(call.span, "runs pnpm install without its lock file", run.stage)
            elif call.name == "yarn" and call.operands == ["install"] and call.has("--no-lockfile"):
                yield file.hit(call.span, "runs yarn install without its lock file", run.stage)
