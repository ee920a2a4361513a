"""A second task in a session that exists: when it may, what is whose, and what is said otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main
from agentflow.operations.reusing import hold_session

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets:
  local: { service: local, driver: { script: ./script.yaml } }
---
kind: Environment
name: here
network: {}
---
kind: Agent
name: clerk
model: claude-opus-5-5
environment: here
prompt: Write what you are told.
inputs:
  what: { type: string, default: lamp }
task: Write about a {{ inputs.what }}.
tools: { write: allow }
outputs:
  note: { path: note.md }
repair: 0
budget: { usd: 0.50, turns: 3 }
"""

SCRIPT = """\
turns:
  - tools:
      - name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "First." }
    usage: { input: 1000, output: 1000, cache_read: 0, cache_write: 5000 }
  - say: Written.
    usage: { input: 10, output: 10, cache_read: 6000, cache_write: 0 }
  - tools:
      - name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "Second." }
    usage: { input: 20, output: 30, cache_read: 6000, cache_write: 100 }
  - say: Written again.
    usage: { input: 10, output: 10, cache_read: 6100, cache_write: 0 }
"""

SECOND = """\
        input: { file_path: /mnt/session/outputs/note.md, content: "Second." }
"""


class Desk:
    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = self.err = ""

    def spec(self, *changes: tuple[str, str], script: str = SCRIPT) -> None:
        text = PROJECT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.root / "agentflow.yaml").write_text(text, encoding="utf-8")
        (self.root / "script.yaml").write_text(script, encoding="utf-8")

    def __call__(self, *words: str) -> int:
        code = main(words)
        said = self._capsys.readouterr()
        self.out, self.err = said.out, said.err
        return code

    def run(self, *words: str, code: int = 0) -> dict[str, Any]:
        assert self("run", "--format", "json", *words) == code, self.err
        report: dict[str, Any] = json.loads(self.out)
        return report


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path, capsys)
    desk.spec()
    return desk


def note(report: dict[str, Any]) -> str:
    return Path(report["outputs"][0]["path"]).read_text(encoding="utf-8")


def test_a_second_task_goes_on_in_the_session_of_the_first(desk: Desk) -> None:
    first = desk.run("--continue")
    assert "session" in desk.err
    assert "a new one: agent/clerk has none on local yet" in desk.err
    second = desk.run("--continue", "-i", "what=lamp")
    assert f"goes on after run {first['run_id']}" in desk.err
    assert second["session_id"] == first["session_id"]
    assert (note(first), note(second)) == ("First.", "Second.")
    assert second["final_message"] == "Written again."
    # Only what this run used, in all four classes.
    assert (first["tokens"]["input"], second["tokens"]["input"]) == (1010, 30)
    assert second["tokens"]["cache_read"] == 12_100
    assert second["turns"] == 2
    assert float(second["cost_usd"]) < float(first["cost_usd"])


def test_outputs_of_the_first_task_are_none_of_the_second(desk: Desk) -> None:
    head, _, _ = SCRIPT.partition("  - tools:\n      - name: write\n" + SECOND)
    desk.spec(script=f"{head}  - say: I did nothing.\n")
    first = desk.run()
    second = desk.run("--session", first["run_id"], code=1)
    assert second["session_id"] == first["session_id"]
    assert second["verdict"] == "incomplete"
    assert second["outputs"][0]["path"] is None
    assert "note.md was not delivered" in second["reason"]
    assert second["final_message"] == "I did nothing."


def test_the_second_task_has_a_budget_of_its_own(desk: Desk) -> None:
    # Each uses most of its twenty cents.
    dear = "usage: { input: 1, output: 7000, cache_read: 0, cache_write: 0 }"
    script = f"turns:\n  - say: One.\n    {dear}\n  - say: Two.\n    {dear}\n"
    desk.spec(("outputs:\n  note: { path: note.md }\n", ""), ("0.50", "0.20"), script=script)
    first, second = desk.run(), desk.run("--continue")
    assert second["session_id"] == first["session_id"]
    assert [run["verdict"] for run in (first, second)] == ["completed", "completed"]
    spent = float(first["cost_usd"]) + float(second["cost_usd"])
    assert spent > 0.20


def test_a_version_that_is_not_the_applied_one_is_explained(desk: Desk) -> None:
    first = desk.run()
    desk.spec(("Write what you are told.", "Write well what you are told."))
    second = desk.run("--continue")
    assert second["session_id"] != first["session_id"]
    assert "a new one, because" in desk.err
    said = "it has version 1 of agent/clerk, for as long as it lives, and version 2 is applied (prompt)"
    assert said in " ".join(desk.err.split())
    assert desk("run", "--session", first["session_id"]) == 6
    assert "cannot take another task: it has version 1" in desk.err
    assert "agentflow run clerk" in desk.err


REFUSED = [
    ("network: {}", "network: { hosts: [docs.python.org] }", None),
    ("budget: { usd: 0.50, turns: 3 }", "budget: { turns: 3 }", "a budget in dollars"),
]


@pytest.mark.parametrize(("old", "new", "reason"), REFUSED)
def test_what_a_session_was_given_for_good_is_looked_at(
    desk: Desk, old: str, new: str, reason: str | None
) -> None:
    first = desk.run()
    desk.spec((old, new))
    second = desk.run("--continue")
    assert (second["session_id"] == first["session_id"]) == (reason is None)
    assert reason is None or reason in desk.err


def test_a_run_that_did_not_finish_is_not_built_on(desk: Desk) -> None:
    script = "turns:\n  - stop: refusal\n"
    desk.spec(script=script)
    first = desk.run(code=1)
    assert first["verdict"] == "refused"
    assert desk("run", "--session", first["run_id"]) == 6
    assert f"the model refused its last task (run {first['run_id']})" in desk.err
    assert desk("run", "--session", "sesn_nobody") == 4
    assert "does not exist on target local" in desk.err
    assert desk("run", "--session", "20260101-101500-aaaaaa") == 2
    assert "There is no run or session" in desk.err


def test_two_runs_are_never_in_one_session_at_once(desk: Desk) -> None:
    first = desk.run()
    with hold_session(desk.root, first["session_id"]) as held:
        assert held
        assert desk("run", "--session", first["session_id"]) == 6
        assert "another run is in it" in desk.err


def test_a_file_is_mounted_in_a_session_that_exists(desk: Desk) -> None:
    desk.spec(
        ("what: { type: string, default: lamp }", "what: { type: file }"),
        ("tools: { write: allow }", "tools: { write: allow, read: allow }"),
        script=SCRIPT.replace(
            'content: "Second." }',
            'content: "${result.look}" }',
        ).replace(
            "usage: { input: 10, output: 10, cache_read: 6000, cache_write: 0 }\n",
            "usage: { input: 10, output: 10, cache_read: 6000, cache_write: 0 }\n"
            "  - tools: [{ id: look, name: read, input: "
            "{ file_path: /mnt/session/uploads/b.txt } }]\n",
        ),
    )
    for name in ("a.txt", "b.txt"):
        (desk.root / name).write_text(f"text of {name}", encoding="utf-8")
    first = desk.run("-i", "what=a.txt")
    second = desk.run("--continue", "-i", "what=b.txt")
    assert second["session_id"] == first["session_id"]
    assert "text of b.txt" in note(second)
    third = desk.run("--continue", "-i", "what=a.txt")
    assert third["session_id"] != first["session_id"]
    assert "a file of the task is mounted in it already: a.txt" in desk.err


def test_an_earlier_run_of_the_session_is_left_alone(desk: Desk) -> None:
    first = desk.run()
    desk.run("--continue")
    assert desk("run", "--resume", first["run_id"]) == 2
    assert desk("run", "--resume", "last", "--continue") == 2
    assert "--continue cannot change it" in desk.err


def test_a_version_that_was_replaced_is_shown(desk: Desk) -> None:
    first = desk.run()
    assert desk("sessions", "show", "last") == 0
    assert "agent     version 1\n" in desk.out
    desk.spec(("Write what you are told.", "Write well what you are told."))
    desk.run()
    assert desk("sessions", "show", first["run_id"]) == 0
    assert "agent     version 1, and version 2 is applied by now" in desk.out
