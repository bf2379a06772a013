"""Dockerfiles and Containerfiles: every instruction with its parts and their places; nothing that is written is lost.

`parse` never gives up at a mistake: what a build would refuse is in `Dockerfile.problems`, and the rest is read on.
`evaluate` tells what the stages come to: variables, users, shells, which stage needs which.

Source: the Dockerfile reference; where it is silent, BuildKit's `frontend/dockerfile` decides.
"""

from __future__ import annotations

from thwart.lib._dockerfile_build import Build, Mount, Need, Program, Setting, Stage, Step, evaluate
from thwart.lib._dockerfile_check import INSTRUCTIONS, duration
from thwart.lib._dockerfile_expand import Expansion, expand
from thwart.lib._dockerfile_model import Dockerfile, Flag, Heredoc, Instruction, Pair, Word
from thwart.lib._dockerfile_parse import parse
from thwart.lib._dockerfile_text import Directive, Problem, Span, Text

__all__ = [
    "INSTRUCTIONS",
    "Build",
    "Directive",
    "Dockerfile",
    "Expansion",
    "Flag",
    "Heredoc",
    "Instruction",
    "Mount",
    "Need",
    "Pair",
    "Problem",
    "Program",
    "Setting",
    "Span",
    "Stage",
    "Step",
    "Text",
    "Word",
    "duration",
    "evaluate",
    "expand",
    "parse",
]
