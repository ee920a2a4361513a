"""What the benchmarks share: a project of any size, and commands timed in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Measured", "make_project", "measure_in_turn", "show"]

AGENT = """\
kind: Agent
name: agent-{number}
description: Sorts the letters of desk {number} and reports what it found.
model: {{ id: claude-opus-5-5, effort: medium }}
environment: desk
prompt: |
  You sort the letters of desk {number}.
  Work through the inbox from the oldest letter to the newest.
  - Keep a note of every letter that has no return address.
  - Never open a letter that is marked as private.
  When all letters are sorted, count them by district.
  The count is what the desk is measured by, so count twice.
task: Sort {{{{ inputs.inbox }}}} and report.
inputs:
  inbox: {{ type: file, description: one line per letter }}
tools:
  read: allow
  glob: allow
  write: allow
  edit: allow
outputs:
  report: {{ path: report.md, sections: [Summary, Letters, Questions] }}
  counts: {{ path: counts.json, schema: {{ type: object, required: [total] }} }}
scratch: /tmp
done:
  - Every letter of the inbox is in exactly one pile.
  - The counts add up to the number of letters.
uncertainty: {{ mode: assume, record: report.md }}
repair: 2
approvals: [] # nothing asks
budget: {{ usd: 1.50, tokens: 200k, turns: 40, tool_calls: 100, active: 10m, wall: 30m }}
metadata: {{ team: post, desk: "{number}" }}
"""

COMPOSED = """\
kind: Agent
name: agent-{number}
extends: sorter
use: [notes]
prompt: |
  You sort the letters of desk {number}.
  Work through the inbox from the oldest letter to the newest.
  - Keep a note of every letter that has no return address.
  - Never open a letter that is marked as private.
  When all letters are sorted, count them by district.
  The count is what the desk is measured by, so count twice.
done+:
  - Desk {number} has no letter left.
metadata: {{ desk: "{number}" }}
"""

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: post
{more}---
kind: Environment
name: desk
network: {{ hosts: [] }}
"""

SHARED = """\
apiVersion: agentflow/v1
kind: Agent
name: sorter
abstract: true
inputs:
  inbox: { type: file, description: one line per letter }
task: Sort {{ inputs.inbox }} and report.
outputs:
  report: { path: report.md, sections: [Summary, Letters, Questions] }
done: [Every letter of the inbox is in exactly one pile.]
uncertainty: { mode: assume, record: report.md }
---
kind: Toolset
name: notes
tools: { read: allow, glob: allow, write: allow, edit: allow }
---
kind: Overlay
name: local
target: local
patch:
  agent/*: { budget: { turns: 30 } }
"""

DEFAULTS = """\
defaults:
  agent:
    model: { id: claude-opus-5-5, effort: medium }
    environment: desk
    scratch: /tmp
    budget: { usd: 1.50, tokens: 200k, turns: 40, wall: 30m }
"""


def make_project(folder: Path, specs: int, *, composed: bool = False) -> Path:
    """A project with one file for each of `specs` agents, which share layers if `composed`."""
    folder.mkdir()
    project = PROJECT.format(more=DEFAULTS if composed else "")
    (folder / "agentflow.yaml").write_text(project, encoding="utf-8")
    if composed:
        (folder / "shared.yaml").write_text(SHARED, encoding="utf-8")
    body = COMPOSED if composed else AGENT
    for number in range(specs):
        text = "apiVersion: agentflow/v1\n" + body.format(number=number)
        (folder / f"agent-{number}.yaml").write_text(text, encoding="utf-8")
    return folder


class Measured(NamedTuple):
    """Over the runs of a command: medians, if nothing else is said."""

    wall_s: float
    cpu_s: float
    """User and system."""
    peak_mib: float
    """Largest resident size of the process."""


def measure_in_turn(
    commands: Mapping[str, Sequence[str]],
    runs: int,
    *,
    scratch: Path,
    before: Mapping[str, Callable[[int], None]] | None = None,
    of: Callable[[Iterator[float]], float] = statistics.median,
) -> dict[str, Measured]:
    """Each command as a process of its own, by turns; one round before the first is not counted.

    Args:
        scratch: where kept answers and bytecode go, so that all start as they do where agentflow is
            installed, whatever the environment says.
        before: by the name of a command, what happens before it, with the number of the round.
        of: what becomes of the figures of all rounds.
    """
    taken: dict[str, list[Measured]] = {name: [] for name in commands}
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}
    environ["AGENTFLOW_CACHE_DIR"] = str(scratch / "cache")
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for round_ in range(runs + 1):
        for name, command in commands.items():
            if before is not None and name in before:
                before[name](round_)
            measured = _measure(name, command, environ)
            if round_:
                taken[name].append(measured)
    return {
        name: Measured(
            of(m.wall_s for m in all_),
            of(m.cpu_s for m in all_),
            of(m.peak_mib for m in all_),
        )
        for name, all_ in taken.items()
    }


def _measure(name: str, command: Sequence[str], environ: Mapping[str, str]) -> Measured:
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        cpu = usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            sys.exit(f"{name} failed:\n{said.read().decode(errors='replace')}")
    return Measured(seconds, cpu, usage.ru_maxrss / 1024)


def show(title: str, medians: Mapping[str, Measured], yardstick: str) -> None:
    print(f"\n{title}")
    for name, measured in medians.items():
        ratio = measured.wall_s / medians[yardstick].wall_s
        busy = measured.cpu_s / medians[yardstick].cpu_s
        print(
            f"  {name:<42} {measured.wall_s * 1000:>9.1f} ms {measured.peak_mib:>7.0f} MiB"
            f"   {ratio:>8.3f} x {yardstick} ({busy:.3f} x in CPU)"
        )
