"""How long lint takes: cold, with nothing changed, and with one spec changed; beside other linters.

    python benchmarks/lint.py [--runs N] [--specs N [N ...]]

Every command is a process of its own, started in turn with the others; figures are medians. yamllint and
check-jsonschema check the same files, each with a row if it is installed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from common import make_project, measure_in_turn, show

PYTHON = sys.executable
AGENTFLOW = [PYTHON, "-m", "agentflow"]
LINT = [*AGENTFLOW, "lint", "-C"]
NOTHING_CHANGED, ONE_CHANGED = "lint, nothing changed", "lint, one changed"
NOTHING_KEPT = "lint, --no-cache"
OTHERS = ("yamllint", "check-jsonschema")
SCHEMA = Path(__file__).parents[1] / "schemas" / "agent.json"
PASS = "python -c pass"
FLOOR = "read and hash"
READ_AND_HASH = (
    "import hashlib, pathlib, sys; "
    "[hashlib.blake2b(p.read_bytes()).digest() for p in pathlib.Path(sys.argv[1]).rglob('*.yaml')]"
)


def change(folder: Path) -> Callable[[int], None]:
    """Gives one spec another text before each round."""
    path = folder / "agent-0.yaml"
    text = path.read_text(encoding="utf-8")

    def write(round_: int) -> None:
        path.write_text(f"{text}# {round_}\n", encoding="utf-8")

    return write


def others(folder: Path) -> dict[str, list[str]]:
    """The other linters that are installed, on the agents of a project."""
    agents = [str(path) for path in sorted(folder.glob("agent-*.yaml"))]
    commands = {
        "yamllint": ["-d", "relaxed", *agents],
        "check-jsonschema": ["--schemafile", str(SCHEMA), *agents],
    }
    return {name: [name, *words] for name, words in commands.items() if shutil.which(name)}


def checks(scratch: Path, specs: int) -> tuple[dict[str, list[str]], Path]:
    """Lint in each situation, and other linters; and the project that one spec is changed of."""
    same = make_project(scratch / f"{specs}-same", specs)
    other = make_project(scratch / f"{specs}-other", specs)
    commands = {
        NOTHING_CHANGED: [*LINT, str(same)],
        ONE_CHANGED: [*LINT, str(other)],
        NOTHING_KEPT: [*LINT, str(same), "--no-cache"],
        **others(same),
    }
    return commands, other


def start_up(scratch: Path, runs: int) -> None:
    commands, other = checks(scratch, 1)
    commands = {
        PASS: [PYTHON, "-c", "pass"],
        "agentflow --version": [*AGENTFLOW, "--version"],
        "agentflow --help": [*AGENTFLOW, "--help"],
        **commands,
    }
    before = {ONE_CHANGED: change(other)}
    show("1 spec", measure_in_turn(commands, runs, scratch=scratch, before=before), PASS)


def many(scratch: Path, specs: int, runs: int) -> None:
    commands, other = checks(scratch, specs)
    commands = {FLOOR: [PYTHON, "-c", READ_AND_HASH, str(scratch / f"{specs}-same")], **commands}
    before = {ONE_CHANGED: change(other)}
    medians = measure_in_turn(commands, runs, scratch=scratch, before=before)
    show(f"{specs:,} specs", medians, FLOOR)
    print(f"  {medians[NOTHING_KEPT].cpu_s / specs * 1000:.2f} ms of CPU a spec")
    for linter in OTHERS:
        if linter in medians:
            ratio = medians[NOTHING_KEPT].cpu_s / medians[linter].cpu_s
            print(f"  {ratio:.2f} x the CPU of {linter} with nothing kept")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--specs", type=int, nargs="+", default=[100, 1000])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        start_up(scratch, args.runs)
        for specs in args.specs:
            many(scratch, specs, max(3, args.runs // 3))


if __name__ == "__main__":
    main()
