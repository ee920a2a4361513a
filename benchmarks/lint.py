"""How long lint takes: cold, with nothing changed, and with one spec changed; beside other linters.

    python benchmarks/lint.py [--runs N] [--specs N [N ...]] [--installed]

Every command is a process of its own, started in turn with the others; figures are medians. yamllint and
check-jsonschema check the same files, each with a row if it is installed. With --installed the package is
first put into a scratch environment by pip, as those have it who use it: an editable installation makes
every start of Python slower, and so ratios to it smaller, and adds itself to every import. There, what a process
costs is the least of all rounds, which other work on the machine changes least, and many specs are compared with
check-jsonschema alone.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from common import Measured, make_project, measure_in_turn, show

ROOT = Path(__file__).parents[1]
AGENTFLOW = [sys.executable, "-m", "agentflow"]
LINT = [*AGENTFLOW, "lint", "-C"]
NOTHING_CHANGED, ONE_CHANGED = "lint, nothing changed", "lint, one changed"
NOTHING_KEPT = "lint, --no-cache"
ONE_PROCESS = "lint, --no-cache --jobs 1"
OTHERS = ("yamllint", "check-jsonschema")
SCHEMA = ROOT / "schemas" / "agent.json"
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


def start_up(scratch: Path, runs: int) -> Measured:
    """Measure and show one spec. What comes back is lint of one that has changed."""
    commands, other = checks(scratch, 1)
    commands = {
        PASS: [sys.executable, "-c", "pass"],
        "agentflow --version": [*AGENTFLOW, "--version"],
        "agentflow --help": [*AGENTFLOW, "--help"],
        **commands,
    }
    before = {ONE_CHANGED: change(other)}
    medians = measure_in_turn(commands, runs, scratch=scratch, before=before)
    show("1 spec", medians, PASS)
    return medians[ONE_CHANGED]


def installed(scratch: Path, runs: int, numbers: Sequence[int]) -> None:
    """The cold start in an environment that has the package as pip installs it, and many specs there."""
    venv.create(scratch / "venv", with_pip=True)
    python = str(scratch / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", ROOT / "constraints.txt", ROOT, "check-jsonschema"], check=True)
    folder = make_project(scratch / "installed", 1)
    tested = shutil.copytree(ROOT / "examples" / "ten-lines", scratch / "ten-lines")
    ten = scratch / "ten-lines-alone"
    ten.mkdir()
    for name in ("agentflow.yaml", "proofreader.yaml"):
        shutil.copy(tested / name, ten)
    agent = str(folder / "agent-0.yaml")
    lint = [str(Path(python).with_name("agentflow")), "lint", "-C"]
    check = str(Path(python).with_name("check-jsonschema"))
    commands = {
        PASS: [python, "-c", "pass"],
        "import pydantic": [python, "-c", "from pydantic import BaseModel"],
        "agentflow --help": [lint[0], "--help"],
        NOTHING_CHANGED: [*lint, str(ten)],
        ONE_CHANGED: [*lint, str(folder)],
        NOTHING_KEPT: [*lint, str(folder), "--no-cache"],
        f"{NOTHING_KEPT}, ten lines": [*lint, str(ten), "--no-cache"],
        f"{NOTHING_KEPT}, ten lines and tests": [*lint, str(tested), "--no-cache"],
        "check-jsonschema": [check, "--schemafile", str(SCHEMA), agent],
    }
    before = {ONE_CHANGED: change(folder)}
    least = measure_in_turn(commands, runs, scratch=scratch, before=before, of=min)
    show("1 spec, installed, least of all rounds", least, PASS)
    ratio = least[NOTHING_KEPT].cpu_s / least["check-jsonschema"].cpu_s
    print(f"  {ratio:.2f} x the CPU of check-jsonschema with nothing kept")
    for specs in numbers:
        many_installed(scratch, specs, runs, lint, check)


def many_installed(scratch: Path, specs: int, runs: int, lint: list[str], check: str) -> None:
    """Measure and show that many specs, none of which was ever looked at."""
    folder = make_project(scratch / f"{specs}-installed", specs)
    agents = [str(path) for path in sorted(folder.glob("agent-*.yaml"))]
    theirs = "check-jsonschema"
    venv.create(scratch / f"{specs}-venv", with_pip=True)
    plain = scratch / f"{specs}-venv" / "bin"
    subprocess.run([plain / "pip", "install", "--quiet", theirs], check=True)
    commands = {
        theirs: [str(plain / theirs), "--schemafile", str(SCHEMA), *agents],
        f"{theirs} with ruamel.yaml.clib": [check, "--schemafile", str(SCHEMA), *agents],
        NOTHING_KEPT: [*lint, str(folder), "--no-cache"],
        ONE_PROCESS: [*lint, str(folder), "--no-cache", "--jobs", "1"],
    }
    least = measure_in_turn(commands, runs, scratch=scratch, of=min)
    show(f"{specs:,} specs, installed, least of all rounds", least, theirs)


def many(scratch: Path, specs: int, runs: int, alone: Measured) -> None:
    """Measure and show that many specs. `alone`: lint of one that is all there is."""
    commands, other = checks(scratch, specs)
    same = scratch / f"{specs}-same"
    commands = {
        FLOOR: [sys.executable, "-c", READ_AND_HASH, str(same)],
        **commands,
        ONE_PROCESS: [*LINT, str(same), "--no-cache", "--jobs", "1"],
    }
    before = {ONE_CHANGED: change(other)}
    medians = measure_in_turn(commands, runs, scratch=scratch, before=before)
    show(f"{specs:,} specs", medians, FLOOR)
    more = (medians[ONE_PROCESS].cpu_s - alone.cpu_s) / (specs - 1)
    print(f"  {more * 1000:.2f} ms of CPU for one more spec, in one process")
    allowed = 1.5 * alone.cpu_s + medians[FLOOR].cpu_s
    print(
        f"  {medians[ONE_CHANGED].cpu_s / allowed:.2f} x (1.5 x lint of 1 + {FLOOR}), one changed"
    )
    for linter in OTHERS:
        if linter in medians:
            for name in (NOTHING_KEPT, ONE_PROCESS):
                wall = medians[name].wall_s / medians[linter].wall_s
                busy = medians[name].cpu_s / medians[linter].cpu_s
                print(f"  {wall:.2f} x {linter} ({busy:.2f} x in CPU): {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--specs", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--installed", action="store_true", help="as pip installs it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if args.installed:
            installed(scratch, args.runs, args.specs)
            return
        alone = start_up(scratch, args.runs)
        for specs in args.specs:
            many(scratch, specs, max(3, args.runs // 3), alone)


if __name__ == "__main__":
    main()
