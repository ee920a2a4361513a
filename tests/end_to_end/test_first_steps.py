"""What a newcomer does after the example: a project of their own, and a look at the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.cli.main import main
from tests.support.cli import EXAMPLES, agentflow


def test_a_new_project_lints_and_runs_as_it_stands(tmp_path: Path) -> None:
    made = agentflow("init", "Letters & Notes", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "Letters & Notes"
    assert "name: letters-notes" in (project / "agentflow.yaml").read_text(encoding="utf-8")

    linted = agentflow("lint", cwd=project)
    assert linted.returncode == 0
    assert linted.stdout.startswith("no problems in 3 specs")

    done = agentflow("run", "--format", "json", cwd=project)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == "completed"
    assert [output["verified"] for output in report["outputs"]] == [True]

    out = project / "out"
    out.mkdir()
    (out / "summary.md").write_text("mine", encoding="utf-8")
    refused = agentflow("run", "--out", "out", cwd=project)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert (out / "summary.md").read_text(encoding="utf-8") == "mine"
    assert agentflow("run", "--out", "out", "--overwrite", cwd=project).returncode == 0
    assert "# Summary" in (out / "summary.md").read_text(encoding="utf-8")

    script = project / "script.yaml"
    turns = script.read_text(encoding="utf-8").replace(
        "turns:", "turns:\n      - say: Done already.", 1
    )
    script.write_text(turns, encoding="utf-8")
    repaired = agentflow("run", "--format", "json", cwd=project)
    assert repaired.returncode == 0, repaired.stderr
    report = json.loads(repaired.stdout)
    assert report["repairs"] == 1
    # An output that is not listed here was not written: nothing is waited for.
    assert report["wall_s"] < 8

    again = agentflow("init", "Letters & Notes", cwd=tmp_path)
    assert again.returncode == 2
    assert "There is already" in again.stderr


@pytest.mark.parametrize(
    "example", sorted(path for path in EXAMPLES.iterdir() if path.is_dir()), ids=lambda p: p.name
)
def test_every_example_is_clean(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(example), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_doctor_says_how_the_machine_is(tmp_path: Path) -> None:
    result = agentflow("doctor", "--format", "json", cwd=tmp_path)
    findings = json.loads(result.stdout)
    by_subject = {finding["subject"]: finding for finding in findings}
    assert {"python", "anthropic", "yaml", "sandbox", "credentials"} <= set(by_subject)
    assert by_subject["sandbox"]["health"] == "ok", by_subject["sandbox"]
    assert result.returncode == 0


def test_doctor_asks_the_service_of_a_project(tmp_path: Path) -> None:
    assert agentflow("init", cwd=tmp_path).returncode == 0
    result = agentflow("doctor", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert "service: http://127.0.0.1:" in result.stdout


def test_schemas_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    result = agentflow("schema", "--write", "made", cwd=tmp_path)
    assert result.returncode == 0
    for file in (tmp_path / "made").iterdir():
        assert json.loads(file.read_text(encoding="utf-8"))["$schema"]
    one = agentflow("schema", "agent", cwd=tmp_path)
    assert one.stdout == (tmp_path / "made" / "agent.json").read_text(encoding="utf-8")
