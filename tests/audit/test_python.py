"""Looking at sessions from Python, as the guide shows it."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

import agentflow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example `hello` with two runs."""
    root = tmp_path_factory.mktemp("python") / "hello"
    shutil.copytree(ROOT / "examples" / "hello", root, ignore=shutil.ignore_patterns(".agentflow"))
    for _ in range(2):
        assert agentflow.run(project=root).verdict is agentflow.Verdict.COMPLETED
    return root


def test_a_session_is_audited_and_priced(project: Path) -> None:
    audited = agentflow.audit_session(project=project)
    assert audited.findings == ()
    assert len(audited.story.turns) == 2
    [line] = agentflow.session_costs(by="agent", project=project)
    assert (line.label, line.runs, line.turns) == ("agent/greeter", 2, 4)
    assert line.estimate_usd is not None
    assert line.estimate_usd > Decimal(0)
    turns = agentflow.session_costs("last", by="turn", project=project)
    assert [turn.label for turn in turns] == ["1", "2"]


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
    assert "agent/greeter 2" in capsys.readouterr().out
