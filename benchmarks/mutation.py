"""How much of the rules the tests hold: conditions are turned round one at a time, and tests have to fail.

    pipx install cosmic-ray==8.7.0      # or into any environment; it need not be this one
    .venv/bin/python benchmarks/mutation.py --sample 12 --minutes 25

What is changed, and by which tests it is to be found, stands in pyproject.toml below
`[tool.cosmic-ray]`. The work is done on a copy of the tree; the same seed picks the same changes.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("agentflow", "tests", "pyproject.toml")


def copy_tree(to: Path) -> None:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, to / name, ignore=shutil.ignore_patterns("__pycache__", ".agentflow")
            )
        else:
            shutil.copy2(source, to / name)


def write_config(to: Path) -> Path:
    """`[tool.cosmic-ray]` as a file of its own, which is how the tool reads it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    own = settings["tool"]["cosmic-ray"]
    command = f"{sys.executable} {own['tests']}"
    lines = ["[cosmic-ray]", f'test-command = "{command}"', "excluded-modules = []"]
    lines += [f'module-path = "{own["module-path"]}"', f"timeout = {own['timeout']}"]
    lines += ["[cosmic-ray.distributor]", 'name = "local"', ""]
    path = to / "cosmic-ray.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def sample(session: Path, operators: list[str], each: int, seed: int) -> Counter[str]:
    """Leave so many changes of each module, by the operators that are wanted; their number."""
    by_module: dict[str, list[str]] = defaultdict(list)
    with sqlite3.connect(session) as base:
        rows = base.execute(
            "SELECT job_id, module_path, operator_name FROM mutation_specs"
        ).fetchall()
        for job, module, operator in rows:
            if operator.removeprefix("core/") in operators:
                by_module[module].append(job)
        chosen = random.Random(seed)
        left = {
            job
            for module in sorted(by_module)
            for job in chosen.sample(sorted(by_module[module]), min(each, len(by_module[module])))
        }
        out = [(job,) for job, _, _ in rows if job not in left]
        base.executemany("DELETE FROM mutation_specs WHERE job_id = ?", out)
        base.executemany("DELETE FROM work_items WHERE job_id = ?", out)
        return Counter(module for job, module, _ in rows if job in left)


def report(session: Path) -> None:
    """What was killed, by module, and each change that no test minds."""
    query = (
        "SELECT m.module_path, m.operator_name, m.start_pos_row, r.test_outcome, r.diff "
        "FROM mutation_specs m JOIN work_results r USING (job_id) ORDER BY 1, 3"
    )
    with sqlite3.connect(session) as base:
        rows = base.execute(query).fetchall()
    survived = [row for row in rows if str(row[3]).lower() == "survived"]
    for module, operator, line, _, diff in survived:
        print(f"\n{module}:{line} {operator}")
        changes = [part for part in (diff or "").splitlines() if part[:1] in "+-"]
        print("\n".join(part for part in changes if part[:3] not in ("+++", "---")))
    done, alive = Counter(row[0] for row in rows), Counter(row[0] for row in survived)
    print("\n| module | changes | survived |\n|---|---|---|")
    for module in sorted(done):
        print(f"| {Path(module).name} | {done[module]} | {alive[module]} |")
    killed = len(rows) - len(survived)
    print(f"\n{killed} of {len(rows)} killed ({killed / max(1, len(rows)):.0%})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=12, help="changes of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30, help="then stop and report")
    parser.add_argument("--tool", default="cosmic-ray", help="where it is installed")
    parser.add_argument("--keep", type=Path, help="keep the session here, to look at it later")
    given = parser.parse_args()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    operators = settings["tool"]["cosmic-ray"]["operators"]
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        tree = Path(directory)
        copy_tree(tree)
        config, session = write_config(tree), tree / "session.sqlite"
        subprocess.run([given.tool, "init", config, session], cwd=tree, check=True)
        total = sum(sample(session, operators, given.sample, given.seed).values())
        print(f"{total} changes", file=sys.stderr)
        work = [given.tool, "exec", config, session]
        try:
            subprocess.run(work, cwd=tree, timeout=given.minutes * 60, check=True)
        except subprocess.TimeoutExpired:
            print("out of time: what is below is what was done", file=sys.stderr)
        report(session)
        if given.keep is not None:
            shutil.copy2(session, given.keep)


if __name__ == "__main__":
    main()
