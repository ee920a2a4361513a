"""Looking at sessions from Python, as the guide shows it."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

import agentflow
from agentflow.operations.sessions import show_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example `hello` with three runs, two of them of one flow."""
    root = tmp_path_factory.mktemp("python") / "hello"
    shutil.copytree(ROOT / "examples" / "hello", root, ignore=shutil.ignore_patterns(".agentflow"))
    for flow, record in (("nightly", None), (None, None), ("nightly", root / "tape.jsonl")):
        result = agentflow.run(project=root, flow=flow, record=record)
        assert result.verdict is agentflow.Verdict.COMPLETED
    return root


def test_a_session_is_audited_and_priced(project: Path) -> None:
    audited = agentflow.audit_session(project=project)
    assert audited.findings == ()
    assert len(audited.story.turns) == 2
    [line] = agentflow.session_costs(by="agent", project=project)
    assert (line.label, line.runs, line.turns) == ("agent/greeter", 3, 6)
    assert line.estimate_usd is not None
    assert line.estimate_usd > Decimal(0)
    turns = agentflow.session_costs("last", by="turn", project=project)
    assert [turn.label for turn in turns] == ["1", "2"]


def test_costs_add_up_by_flow(project: Path, tmp_path: Path) -> None:
    found = {line.label: line for line in agentflow.session_costs(by="flow", project=project)}
    assert {label: line.runs for label, line in found.items()} == {"nightly": 2, "no flow": 1}
    [whole] = agentflow.session_costs(by="project", project=project)
    assert sum(line.tokens.total for line in found.values()) == whole.tokens.total
    assert all(line.estimate_usd is not None for line in found.values())
    assert show_run(project, "last").flow == "nightly"
    # A file knows what it was a step of if it is a cassette of a run; a list of events never does.
    tape, events = project / "tape.jsonl", tmp_path / "events.jsonl"
    lines = [json.loads(line) for line in tape.read_text(encoding="utf-8").splitlines()]
    told = [json.dumps(line["out"]) for line in lines if line.get("op") == "event"]
    events.write_text("\n".join(told) + "\n", encoding="utf-8")
    labels = [agentflow.session_costs(str(path), by="flow")[0].label for path in (tape, events)]
    assert labels == ["nightly", "unknown"]


def test_a_flow_has_a_name(project: Path) -> None:
    with pytest.raises(agentflow.AgentflowError, match="id of a flow is empty"):
        agentflow.run(project=project, flow=" ")


def test_two_sessions_are_compared(project: Path) -> None:
    compared = agentflow.compare_sessions("last", "last", project=project)
    assert compared.differences == ()


def test_what_is_not_there_is_one_error(project: Path) -> None:
    with pytest.raises(agentflow.AgentflowError, match="There is no run 'none'"):
        agentflow.audit_session("none", project=project)


def test_the_guide_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(code, "docs/audit.md", "exec"), {})
    assert "agent/greeter 3" in capsys.readouterr().out
