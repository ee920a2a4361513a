"""How long lint takes: one spec cold against `python -c pass`, 1,000 specs against reading them.

    python benchmarks/lint.py [--runs N] [--specs N]

Every command is a process of its own, started in turn with the others; figures are medians.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from common import make_project, measure_in_turn, show

FLOOR = (
    "import hashlib, pathlib, sys; "
    "[hashlib.blake2b(p.read_bytes()).digest() for p in pathlib.Path(sys.argv[1]).rglob('*.yaml')]"
)


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
        show("Start-up", measure_in_turn(start, args.runs), "python -c pass")
        floor = "read and hash"
        bulk = {
            floor: [python, "-c", FLOOR, str(many)],
            f"agentflow lint, {args.specs:,} specs": [*agentflow, "lint", str(many)],
        }
        medians = measure_in_turn(bulk, max(3, args.runs // 3))
        show(f"{args.specs:,} specs", medians, floor)
        per_spec = (medians[f"agentflow lint, {args.specs:,} specs"].wall_s / args.specs) * 1000
        print(f"  {per_spec:.2f} ms a spec")


if __name__ == "__main__":
    main()
