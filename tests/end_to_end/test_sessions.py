"""Runs that wait for a person, answered from another terminal, and runs that nobody follows any more."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main
from agentflow.operations.workspace import ledger_path
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.questions import me
from tests.support.cli import started
from tests.support.starter import Running

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
task: Write it.
tools: { write: ask }
UNCERTAINTY
approvals:
  - { tool: write, ask: person, RULE }
outputs:
  note: { path: note.md }
repair: 0
budget: { usd: 1 }
"""

WRITES = """\
turns:
  - tools:
      - id: note
        name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "A lamp." }
  - say: Written.
"""

ASKS = """\
turns:
  - tools: [{ id: asked, name: ask_user, input: { question: "Lamp or chair?", default: A lamp. } }]
  - tools:
      - name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "${result.asked}" }
  - say: Written.
"""


class Desk:
    """A project, and the command line in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = self.err = ""

    def make(self, rule: str, script: str = WRITES, uncertainty: str = "") -> None:
        text = PROJECT.replace("RULE", rule).replace("UNCERTAINTY", uncertainty)
        (self.root / "agentflow.yaml").write_text(text, encoding="utf-8")
        (self.root / "script.yaml").write_text(script, encoding="utf-8")

    def __call__(self, *words: str) -> int:
        code = main(words)
        said = self._capsys.readouterr()
        self.out, self.err = said.out, said.err
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--format", "json") == 0, self.err
        return json.loads(self.out)

    def start(self) -> Running:
        return started("run", cwd=self.root, together=True)

    def waits(self) -> bool:
        return any(run["waiting"] for run in self.json("sessions", "list"))

    @property
    def note(self) -> str:
        [path] = (self.root / ".agentflow/runs").glob("*/outputs/note.md")
        return path.read_text(encoding="utf-8")


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


def until(holds: Callable[[], bool], process: Running) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        os.sched_yield()


def test_a_halted_run_is_approved_and_gone_on_with(desk: Desk) -> None:
    desk.make("on_timeout: halt")
    assert desk("run") == 8
    assert "agentflow run --resume" in desk.out
    [line] = desk.json("sessions", "list")
    assert (line["state"], line["waiting"], line["target"]) == ("waiting", 1, "local")
    run = line["run_id"]
    assert desk("sessions", "show", run) == 0
    assert "+A lamp." in desk.out
    assert " tokens, $0.00" in desk.out
    assert f"agentflow sessions approve {run}" in desk.out

    assert desk("sessions", "approve", run[-6:]) == 0
    assert f"agentflow run --resume {run}" in desk.out
    assert desk("sessions", "deny", run, "-m", "No.") == 2
    assert "Nothing in run" in desk.err
    call = desk.json("sessions", "show", run)["questions"][0]["call_id"]
    assert desk("sessions", "deny", run, call) == 2
    assert f"was allowed by {me()}" in desk.err

    assert desk("sessions", "attach", run) == 0
    assert desk.note == "A lamp."
    shown = desk.json("sessions", "show", "last")
    assert (shown["line"]["state"], shown["line"]["resumes"]) == ("completed", 1)
    [made] = shown["decisions"]
    assert (made["allowed"], made["by"], made["rule"]) == (True, "person", "rule 1")
    assert (made["who"], made["tool"]) == (me(), "write")


def test_a_run_that_waits_hears_an_answer_from_another_terminal(desk: Desk) -> None:
    desk.make("wait: 2m, on_timeout: deny")
    process = desk.start()
    until(desk.waits, process)
    assert desk.json("sessions", "list")[0]["state"] == "followed"
    assert desk("sessions", "deny", "last", "-m", "Not today.") == 0
    assert "Nobody follows" not in desk.out
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "by person: Not today." in text
    assert desk.json("sessions", "show", "last")["decisions"][0]["message"] == "Not today."


def test_nobody_in_time_is_told_as_that(desk: Desk) -> None:
    desk.make("wait: 1s, on_timeout: deny")
    assert desk("run") == 1
    shown = desk.json("sessions", "show", "last")
    [made] = shown["decisions"]
    assert (made["allowed"], made["by"], made["who"]) == (False, "timeout", None)
    assert "Nobody answered within 1 s" in made["message"]
    assert desk("sessions", "approve", "last") == 2
    assert "Nothing in run" in desk.err


def test_a_question_of_the_agent_is_answered_later(desk: Desk) -> None:
    desk.make("on_timeout: halt", ASKS, "uncertainty: ask")
    assert desk("run") == 8
    assert "nobody is there to answer it" in desk.out
    assert desk("sessions", "show", "last") == 0
    assert "Lamp or chair?" in desk.out
    assert "without an answer it would take: A lamp." in desk.out
    assert desk("sessions", "answer", "last", "A chair.") == 0
    # Goes on, and halts at the next thing that asks.
    assert desk("run", "--resume", "last") == 8
    assert desk("sessions", "approve", "last") == 0
    assert desk("run", "--resume", "last") == 0
    assert desk.note == "A chair."


def test_a_followed_run_is_ended_from_another_terminal(desk: Desk) -> None:
    desk.make("wait: 2m, on_timeout: deny")
    process = desk.start()
    until(desk.waits, process)
    [line] = desk.json("sessions", "list")
    assert desk("run", "--resume", "last") == 6
    assert "is being followed" in desk.err
    assert desk("sessions", "interrupt", line["run_id"]) == 0
    assert "has ended: interrupted" in desk.out
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"interrupted by {me()}" in text
    assert desk("sessions", "interrupt", "last") == 2
    assert "has ended: interrupted" in desk.err


def test_what_nobody_follows_is_found_and_ended(desk: Desk) -> None:
    desk.make("wait: 2m, on_timeout: deny")
    process = desk.start()
    until(desk.waits, process)
    assert desk.json("sessions", "reap") == []
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [found] = desk.json("sessions", "reap")
    assert (found["status"], found["ended"]) == ("not served", False)
    assert desk.json("sessions", "list")[0]["state"] == "abandoned"
    assert desk("sessions", "reap", "--yes") == 0
    assert desk.json("sessions", "reap") == []
    [line] = desk.json("sessions", "list")
    assert (line["state"], line["waiting"]) == ("interrupted", 0)
    assert me() in line["reason"]


@pytest.fixture
def served(desk: Desk) -> Iterator[Desk]:
    """The project with its service in a process of its own."""
    desk.make("on_timeout: deny, wait: 2m")
    server = started("serve", cwd=desk.root, together=True)
    assert server.stdout.readline().startswith("export ")
    yield desk
    server.terminate()
    server.communicate(timeout=30)


def test_a_detached_run_is_followed_later(served: Desk) -> None:
    assert served("run", "--detach") == 0
    assert "detached: The session has its task" in served.out
    assert "agentflow sessions attach 20" in served.out
    assert "is missing" not in served.out
    [line] = served.json("sessions", "list")
    assert line["state"] == "detached"
    assert served.json("sessions", "reap") == []
    # Nobody has answered, so the session waits; whoever follows it can.
    process = started("sessions", "attach", "last", cwd=served.root, together=True)
    until(served.waits, process)
    assert served("sessions", "approve", "last") == 0
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert served.note == "A lamp."


def test_a_detached_run_is_ended(served: Desk) -> None:
    assert served("run", "--detach") == 0
    assert served("sessions", "interrupt", "last") == 0
    assert "its session rests" in served.out
    assert served.json("sessions", "list")[0]["state"] == "interrupted"


def test_what_a_crash_left_on_a_service_is_found_and_ended(served: Desk) -> None:
    process = served.start()
    until(served.waits, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [found] = served.json("sessions", "reap")
    assert (found["status"], found["ended"]) == ("idle", False)
    assert served("run", "--resume", "last", "--detach") == 2
    assert "--detach cannot change it" in served.err
    assert served("sessions", "reap", "--yes") == 0
    assert served.json("sessions", "reap") == []


def test_a_session_that_would_end_with_the_command_is_not_left(desk: Desk) -> None:
    desk.make("on_timeout: deny")
    assert desk("run", "--detach") == 2
    assert "agentflow serve" in desk.err
    assert desk("sessions", "list") == 0
    assert "No runs yet" in desk.out


def test_ctrl_c_interrupts_and_collects(desk: Desk) -> None:
    desk.make("wait: 2m, on_timeout: deny")
    process = desk.start()
    until(desk.waits, process)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupting the session" in text
    assert "interrupted: The run was interrupted." in text
    shown = desk.json("sessions", "show", "last")
    assert shown["line"]["state"] == "interrupted"
    assert shown["line"]["waiting"] == 0


def test_no_answer_reaches_a_run_that_is_not_there(desk: Desk) -> None:
    desk.make("on_timeout: halt")
    assert desk("sessions", "list") == 0
    assert "No runs yet" in desk.out
    assert desk("sessions", "approve", "20260101-101500-aaaaaa") == 2
    assert "No run of this project was recorded" in desk.err


def test_a_ledger_of_the_first_format_is_read(desk: Desk) -> None:
    desk.make("on_timeout: halt")
    with Ledger.open(ledger_path(desk.root)) as ledger:
        ledger.begin_run("r1", agent="agent/a", agent_id="a", agent_version=1, at="2026-01-01")
    assert desk.json("sessions", "list")[0]["target"] is None
    assert desk("run", "--resume", "r1") == 2
    assert "kept too little of it" in desk.err
