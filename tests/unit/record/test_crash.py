"""Killed in the middle of an append, again and again: what was acknowledged is there, and the log goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from thwart.record import Appender, Log, audit

SEED = bytes(range(32))
PROGRAM = """
import sys
from pathlib import Path
from thwart.record import Appender
log = Appender(Path(sys.argv[1]), "example.test/log", bytes(range(32)))
while True:
    for number in range(1, 400, 57):
        where = log.append([b"x" * number] * number)
        print(where.stop, flush=True)
"""


def test_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    appender = Appender(tmp_path, "example.test/log", SEED)
    appender.start()
    acknowledged = 0
    for lines in (1, 2, 3, 5, 7, 11):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(lines):
                acknowledged = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split()
        acknowledged = max([acknowledged, *map(int, rest)])
        log = Log(tmp_path, appender.key)
        assert log.checkpoint.size >= acknowledged
        assert audit(log) == []
    assert appender.append([b"after"]).stop == log.checkpoint.size + 1
    assert audit(Log(tmp_path, appender.key)) == []
