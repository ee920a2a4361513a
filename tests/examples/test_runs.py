"""Examples with a script for the model run as a newcomer runs them, and deliver what they declare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.cli.main import main
from agentflow.local.drivers.script_file import read_script
from tests.examples.support import NAMES, Case, manifest
from tests.support.cli import EXAMPLES, copy_example


def runs() -> list[tuple[str, str]]:
    """Example and agent, for every agent that a script plays."""
    found = []
    for name in NAMES:
        whole = manifest(Case(name, "local"))
        if whole.target.script is not None:
            script = read_script(EXAMPLES / name / whole.target.script)
            found += [
                (name, address.removeprefix("agent/"))
                for address in sorted(whole.agents)
                if script.turns_of(address.removeprefix("agent/")) is not None
            ]
    return found


RUNS = runs()


def test_the_first_examples_run() -> None:
    assert {"hello", "sales-report"} <= {name for name, _ in RUNS}


@pytest.mark.parametrize(("name", "agent"), RUNS, ids=[f"{name}-{agent}" for name, agent in RUNS])
def test_a_run_delivers_what_is_declared(
    name: str, agent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, because the SDK is imported already; its service is on a port of its own."""
    project = copy_example(name, tmp_path)
    out = str(tmp_path / "out")
    code = main(["run", agent, "-C", str(project), "--out", out, "--format", "json"])
    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err
    report = json.loads(shown.out)
    assert report["verdict"] == "completed"
    delivered = {output["name"]: output for output in report["outputs"]}
    declared = manifest(Case(name, "local")).agents[f"agent/{agent}"].outputs
    assert set(delivered) == set(declared)
    assert all(output["verified"] for output in delivered.values())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        policy.path for policy in declared.values()
    }
