"""How long lint takes: one spec cold against `python -c pass`, 1,000 specs against reading them.

    python benchmarks/lint.py [--runs N] [--specs N]

Every command is a process of its own, started in turn with the others; figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

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
PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: post
---
kind: Environment
name: desk
network: { hosts: [] }
"""
FLOOR = (
    "import hashlib, pathlib, sys; "
    "[hashlib.blake2b(p.read_bytes()).digest() for p in pathlib.Path(sys.argv[1]).rglob('*.yaml')]"
)


def make_project(folder: Path, specs: int) -> Path:
    folder.mkdir()
    (folder / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    for number in range(specs):
        text = "apiVersion: agentflow/v1\n" + AGENT.format(number=number)
        (folder / f"agent-{number}.yaml").write_text(text, encoding="utf-8")
    return folder


def time_in_turn(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, float]:
    """Median wall seconds of each command; one round before the first is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for round_ in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - started
            if result.returncode != 0:
                sys.exit(f"{name} failed:\n{result.stdout}{result.stderr}")
            if round_:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def show(title: str, medians: Mapping[str, float], yardstick: str) -> None:
    print(f"\n{title}")
    for name, seconds in medians.items():
        ratio = seconds / medians[yardstick]
        print(f"  {name:<34} {seconds * 1000:>9.1f} ms   {ratio:>7.2f} x {yardstick}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--specs", type=int, default=1000)
    args = parser.parse_args()
    python = sys.executable
    agentflow = [python, "-m", "agentflow"]
    with tempfile.TemporaryDirectory() as scratch:
        one = make_project(Path(scratch) / "one", 1)
        many = make_project(Path(scratch) / "many", args.specs)
        start = {
            "python -c pass": [python, "-c", "pass"],
            "agentflow --version": [*agentflow, "--version"],
            "agentflow --help": [*agentflow, "--help"],
            "agentflow lint, 1 spec, cold": [*agentflow, "lint", str(one)],
        }
        show("Start-up", time_in_turn(start, args.runs), "python -c pass")
        floor = "read and hash"
        bulk = {
            floor: [python, "-c", FLOOR, str(many)],
            f"agentflow lint, {args.specs:,} specs": [*agentflow, "lint", str(many)],
        }
        medians = time_in_turn(bulk, max(3, args.runs // 3))
        show(f"{args.specs:,} specs", medians, floor)
        per_spec = (medians[f"agentflow lint, {args.specs:,} specs"] / args.specs) * 1000
        print(f"  {per_spec:.2f} ms a spec")


if __name__ == "__main__":
    main()
