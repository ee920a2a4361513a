"""What is said to a run from another terminal, and sessions that no ledger here knows."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentflow.runtime.questions import me
from tests.end_to_end.test_sessions import Desk, until
from tests.support.cli import started
from tests.support.starter import Running

TALKS = """\
turns:
  - tools:
      - name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "A lamp." }
  - say: Written.
  - say: "You said: ${input.text}"
"""

WORKS = """\
turns:
  - tools: [{ id: wait, name: bash, input: { command: "sleep 120" } }]
  - say: Slept.
  - say: "You said: ${input.text}"
"""


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


@dataclass
class Served:
    """A project with its service in a process of its own."""

    desk: Desk
    process: Running


@pytest.fixture
def served(service: Served) -> Desk:
    return service.desk


@pytest.fixture
def service(desk: Desk) -> Iterator[Served]:
    """Scripts are read when it starts, so the beginning of the name of a test says which one is."""
    desk.make("on_timeout: deny, wait: 2m", WORKS if "works" in str(desk.root) else TALKS)
    specs = desk.root / "agentflow.yaml"
    text = specs.read_text(encoding="utf-8")
    specs.write_text(text.replace("tools: { write: ask }", "tools: { write: ask, bash: allow }"))
    server = started("serve", cwd=desk.root, together=True)
    assert server.stdout.readline().startswith("export ")
    yield Served(desk, server)
    server.terminate()
    server.communicate(timeout=30)


def test_a_message_to_a_run_that_is_followed(desk: Desk) -> None:
    desk.make("wait: 2m, on_timeout: deny", TALKS)
    process = desk.start()
    until(desk.waits, process)
    assert desk("sessions", "send", "last", " ") == 2
    assert desk("sessions", "send", "last", "And a chair?") == 0
    assert "gets it when its turn is over" in desk.out
    assert desk("sessions", "approve", "last") == 0
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert "You said: And a chair?" in text
    shown = desk.json("sessions", "show", "last")
    [said] = shown["remarks"]
    assert (said["text"], said["who"]) == ("And a chair?", me())
    assert said["event_id"].startswith("sevt_")
    assert desk("sessions", "show", "last") == 0
    assert f"said      And a chair? (by {me()}, sent " in desk.out
    # It has ended: another message would be another task.
    assert desk("sessions", "send", "last", "More.") == 6
    assert "agentflow run clerk --session" in desk.err


def test_a_session_that_no_ledger_knows_is_answered(served: Desk) -> None:
    assert served("run", "--detach", "--format", "json") == 0
    session = json.loads(served.out)["session_id"]
    deadline = time.monotonic() + 20
    while served("sessions", "send", session, "Hello.") == 6 and "is at work" in served.err:
        assert time.monotonic() < deadline
    assert "waits for answers first: write (sevt_" in served.err
    (served.root / ".agentflow/ledger.db").unlink()
    assert served("sessions", "show", session) == 0
    assert "idle, requires_action" in served.out
    assert f"agentflow sessions approve {session} sevt_" in served.out
    assert served("sessions", "send", session, "Hello.") == 6
    assert "agentflow sessions approve" in served.err
    assert served("sessions", "answer", session, "A lamp.") == 2
    assert "needs an approval" in served.err
    assert served("sessions", "approve", session, "nothing") == 2
    assert "does not wait for 'nothing'" in served.err
    assert served("sessions", "approve", session) == 0
    assert f"of session {session} is allowed" in served.out
    assert served("sessions", "deny", session) == 2
    assert "waits for nobody" in served.err
    sent = (served.root / f".agentflow/sessions/{session}.jsonl").read_text(encoding="utf-8")
    assert json.loads(sent.splitlines()[-1])["out"]["result"] == "allow"
    assert served("sessions", "approve", "sesn_nobody") == 4
    assert "does not exist on target local" in served.err


def test_a_session_that_works_is_left_alone_unless_it_is_steered(served: Desk) -> None:
    """Its name tells the fixture which script to serve: it works until it is ended."""
    assert served("run", "--detach", "--format", "json") == 0
    session = json.loads(served.out)["session_id"]
    assert served("sessions", "send", "last", "Hello.") == 6
    assert "is at work, and nobody here follows it" in served.err
    assert "--steer" in served.err
    assert served("sessions", "send", "last", "Hello.", "--steer") == 0
    assert "agentflow sessions attach" in served.out
    (served.root / ".agentflow/ledger.db").unlink()
    assert served.json("sessions", "reap") == []
    [found] = served.json("sessions", "reap", "-t", "local")
    assert (found["session_id"], found["status"], found["elsewhere"]) == (session, "running", True)
    assert served("sessions", "reap", "-t", "local", "--yes") == 0
    assert "begun elsewhere" in served.out
    assert "--elsewhere" in served.out
    [left] = served.json("sessions", "reap", "-t", "local")
    assert not left["ended"]
    [ended] = served.json("sessions", "reap", "-t", "local", "--yes", "--elsewhere")
    assert (ended["session_id"], ended["ended"]) == (session, True)
    assert served.json("sessions", "reap", "-t", "local") == []


def test_what_works_is_left_at_once_by_a_second_ctrl_c(service: Served) -> None:
    """The service stands still, so the first one has nothing to wait for but the second."""
    desk = service.desk
    process = desk.start()
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any("sleep 120" in line for line in lines)
    service.process.send_signal(signal.SIGSTOP)
    try:
        process.send_signal(signal.SIGINT)
        assert any("Ctrl-C again leaves at once" in line for line in lines)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=20)
    finally:
        service.process.send_signal(signal.SIGCONT)
    assert process.returncode == 130
    [line] = desk.json("sessions", "list")
    run, session = line["run_id"], line["session_id"]
    assert f"Left at once. Session {session} may still be at work" in text
    assert f"agentflow sessions interrupt {run}" in text
    assert line["state"] == "abandoned"
    assert desk("sessions", "interrupt", run) == 0
    assert "its session rests" in desk.out


def test_a_deadline_interrupts_what_works(desk: Desk) -> None:
    desk.make("on_timeout: deny", WORKS)
    specs = desk.root / "agentflow.yaml"
    text = specs.read_text(encoding="utf-8").replace("write: ask", "write: ask, bash: allow")
    specs.write_text(text.replace("{ usd: 1 }", "{ usd: 1, wall: 1s }"), encoding="utf-8")
    began = time.monotonic()
    assert desk("run") == 7
    assert time.monotonic() - began < 60
    assert "budget.wall was reached" in desk.out
    sent = next((desk.root / ".agentflow/runs").glob("*/transcript.jsonl")).read_text("utf-8")
    out = [json.loads(line).get("out", {}).get("type") for line in sent.splitlines()]
    assert "user.interrupt" in out
