"""What a person sees of a run in a terminal, and that the guide shows it as it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from agentflow.errors import EXIT_BUDGET, EXIT_INTERRUPTED, EXIT_OK
from tests.end_to_end.screens import Terminal, normal, screens_of, terminal

PAGE = Path(__file__).parents[2] / "docs" / "runs.md"
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
prompt: You keep the notes of a repair desk.
task: Write down what is broken.
tools: { write: POLICY, read: allow }
APPROVALS
uncertainty: assume
outputs:
  note: { path: note.md, sections: [Broken] }
done: [The note names every broken thing.]
repair: 0
budget: { usd: 1, turns: 4 }
"""
ASKS = "approvals: [{ tool: write, ask: person, wait: 2m, on_timeout: halt }]"
WRITE = """\
  - say: I write the note.
    tools:
      - name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "# Broken\\n\\nA lamp.\\n" }
"""
LOOKS = "".join(
    f"  - {{ say: {say}, tools: [{{ id: t{n}, name: read, input: {{ file_path: /workspace/{n}.md }} }}] }}\n"
    for n, say in enumerate(("I look.", "I look elsewhere.", "And there.", "Or here.", "At last."))
)
DONE = "  - say: The note is written.\n"
SCRIPTS = {
    "approval": f"turns:\n{WRITE}{DONE}",
    "budget": f"faults: {{ requests: [{{ number: 5, slow_s: 30 }}] }}\nturns:\n{LOOKS}{DONE}",
    "network": "faults:\n  cut_stream_after: 6\n  answers: [{ to: events.stream, number: 2, times: 2, "
    f"status: 503 }}]\nturns:\n{WRITE}{DONE}",
    "interrupt": f"faults: {{ requests: [{{ number: 2, slow_s: 60 }}] }}\nturns:\n{WRITE}{DONE}",
}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A project with a script for each scene, beside one whose writes are asked for."""
    for name, policy, approvals in (("asking", "ask", ASKS), ("free", "allow", "")):
        root = tmp_path / name
        root.mkdir()
        text = PROJECT.replace("POLICY", policy).replace("APPROVALS\n", f"{approvals}\n".lstrip())
        (root / "agentflow.yaml").write_text(text, encoding="utf-8")
        for scene, script in SCRIPTS.items():
            (root / f"{scene}.yaml").write_text(script, encoding="utf-8")
        (root / "script.yaml").write_text(SCRIPTS["approval"], encoding="utf-8")
    return tmp_path


def shown(screen: Terminal, command: str) -> Iterable[str]:
    """Lines that the guide shows for this command, and that are not on the screen in this order."""
    lines = iter(screen.lines)
    for wanted in screens_of(PAGE)[command]:
        if not any(normal(wanted) in line for line in lines):
            yield wanted


def test_a_run_that_asks(desk: Path) -> None:
    command = "agentflow run"
    with terminal(command.split()[1:], desk / "asking") as screen:
        screen.wait_for("Allow it? y, or n followed by what the agent is told: ")
        screen.type("y\n")
        assert screen.end() == EXIT_OK
    assert not list(shown(screen, command)), "\n".join(screen.lines)


@pytest.mark.parametrize(("scene", "code"), [("budget", EXIT_BUDGET), ("network", EXIT_OK)])
def test_a_run_that_is_stopped_or_cut_off(desk: Path, scene: str, code: int) -> None:
    command = f"agentflow run --script {scene}.yaml"
    with terminal(command.split()[1:], desk / "free") as screen:
        assert screen.end() == code, "\n".join(screen.lines)
    assert not list(shown(screen, command)), "\n".join(screen.lines)


def test_a_run_that_is_interrupted(desk: Path) -> None:
    command = "agentflow run --script interrupt.yaml"
    with terminal(command.split()[1:], desk / "free") as screen:
        screen.wait_for("ok  write")
        screen.type("\x03")
        assert screen.end() == EXIT_INTERRUPTED
    assert not list(shown(screen, command)), "\n".join(screen.lines)


def test_the_guide_shows_every_scene() -> None:
    assert list(screens_of(PAGE)) == [
        "agentflow run",
        "agentflow run --script budget.yaml",
        "agentflow run --script network.yaml",
        "agentflow run --script interrupt.yaml",
    ]
