"""Spans of a session that is over, at a real collector."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agentflow.cli.main import main
from tests.audit.tape import Tape
from tests.support.collector import collector


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    tape = Tape().begin().start().uses("bash", "ask", permission="ask", command="ls").end()
    tape.asks("ask").wait(30).confirms("allow").running().result("files").delivers()
    path = tmp_path / "session.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in tape.events))
    return path


def test_a_session_that_is_over_is_told_to_a_collector(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with collector() as kept:
        assert main(["sessions", "trace", str(session), "--otlp", kept.url]) == 0
    assert "were sent" in capsys.readouterr().out
    spans = {span.name: span for span in kept.spans}
    assert set(spans) == {
        "invoke_agent unknown",
        "chat unknown",
        "execute_tool bash",
        "approve bash",
        "execute_tool write",
    }
    whole, waited = spans["invoke_agent unknown"], spans["approve bash"]
    assert 30 < (waited.ended_ns - waited.began_ns) / 1e9 < 31
    # The times are those of the session, years ago or not.
    assert whole.began_ns <= waited.began_ns
    assert waited.ended_ns <= whole.ended_ns
    assert spans["execute_tool bash"].parent == whole.id
    assert kept.metrics == {}


def test_somebody_has_to_say_where_to(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions", "trace", str(session)]) == 2
    assert "Nobody says where telemetry goes." in capsys.readouterr().err
