"""How long loop tests take: 200 of them against pytest running 200 trivial async tests.

    python benchmarks/testing.py [--runs N] [--tests N] [--jobs N]

Each loop test is a whole run: a session is created on an embedded service, two model turns are played, a file is
written, listed, fetched and verified, and the run is held against what is expected. The yardstick is the unit-test suite
that nobody calls slow: as many tests, each awaiting one `asyncio.sleep(0)`, collected by pytest with the plugin of
anyio, on one process (and, to compare, on as many as ours by pytest-xdist). Every command is a process of its own, started in turn with the
others; figures are medians.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from common import measure_in_turn, show

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: bench
targets: { local: { service: local } }
---
kind: Environment
name: room
---
kind: Agent
name: greeter
model: claude-haiku-5-5
environment: room
prompt: You welcome people.
task: Welcome the reader.
tools: { write: allow }
outputs: { welcome: { path: welcome.md } }
done: [The welcome is one sentence.]
uncertainty: assume
budget: { usd: 0.10, turns: 5, wall: 5m }
"""
SCRIPT = """\
turns:
  - tools: [{ name: write, input: { file_path: /mnt/session/outputs/welcome.md, content: Welcome. } }]
  - say: Done.
"""
TEST = """\
apiVersion: agentflow/v1
kind: Test
name: test-{number}
layer: loop
agent: greeter
script: ./script.yaml
expect: {{ outputs: valid, tools: {{ counts: {{ write: 1 }} }}, messages: [Done.] }}
"""
TRIVIAL = """\
import asyncio
import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


{tests}
"""
ONE = (
    "async def test_{number}():\n    await asyncio.sleep(0)\n    assert {number} + 1 > {number}\n\n"
)


def make_loops(folder: Path, count: int) -> Path:
    folder.mkdir()
    (folder / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (folder / "script.yaml").write_text(SCRIPT, encoding="utf-8")
    documents = "---\n".join(TEST.format(number=number) for number in range(count))
    (folder / "tests.yaml").write_text(documents, encoding="utf-8")
    return folder


def make_trivial(folder: Path, count: int) -> Path:
    folder.mkdir()
    tests = "\n".join(ONE.format(number=number) for number in range(count))
    (folder / "test_trivial.py").write_text(TRIVIAL.format(tests=tests), encoding="utf-8")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    count, jobs = args.tests, args.jobs
    if importlib.util.find_spec("anyio") is None:
        sys.exit(
            "anyio's pytest plugin is the yardstick: it comes with the dependencies of agentflow."
        )
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        loops = make_loops(scratch / "loops", count)
        trivial = make_trivial(scratch / "trivial", count)
        quiet = [
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:agentflow",
            "--rootdir",
            str(trivial),
            str(trivial),
        ]
        pytest_ = [sys.executable, "-m", "pytest", *quiet]
        test = [sys.executable, "-m", "agentflow", "test", "-q", "-C", str(loops)]
        yardstick = f"pytest, {count} trivial async tests"
        medians = measure_in_turn(
            {
                yardstick: [*pytest_, "-p", "no:xdist"],
                f"the same with -n {jobs}": [*pytest_, "-n", str(jobs)],
                f"agentflow test, {count} loop tests, -n {jobs}": [*test, "-n", str(jobs)],
                f"agentflow test, {count} loop tests, -n 1": [*test, "-n", "1"],
                "agentflow test, none of them": [*test, "--list"],
            },
            args.runs,
            scratch=scratch,
        )
        show(f"{count} tests", medians, yardstick)
        alone = medians[f"agentflow test, {count} loop tests, -n 1"].cpu_s
        none = medians["agentflow test, none of them"].cpu_s
        print(f"  one loop test: {(alone - none) / count * 1000:.1f} ms of processor time")


if __name__ == "__main__":
    main()
