"""A run from the command line, killed outright in the middle of a tool, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentflow.cli.main import main
from tests.support.cli import clean_environment

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
vars: { cap: { type: number, default: 1 } }
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
prompt: Book what you are given.
task: Book it.
tools: { write: allow }
custom:
  book: { run: "desk:book", timeout: 2m, idempotent: IDEMPOTENT }
outputs:
  note: { path: note.md }
budget: { usd: "${var.cap}" }
"""

SCRIPT = """\
turns:
  - tools: [{ id: book, name: book, input: { what: lamp } }]
  - tools:
      - name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "${result.book}" }
  - say: Booked.
"""

TOOLS = '''
from pathlib import Path

HERE = Path(__file__).parent

def book(what: str) -> str:
    """Book something.

    Args:
        what: the thing.
    """
    first = not (HERE / "booked.txt").exists()
    with open(HERE / "booked.txt", "a") as file:
        file.write(what + "\\n")
    while first:
        pass
    return "booked " + what
'''


def killed(root: Path, *, idempotent: bool) -> Path:
    """A project with a run that was killed while its tool worked."""
    text = PROJECT.replace("IDEMPOTENT", str(idempotent).lower())
    (root / "agentflow.yaml").write_text(text, encoding="utf-8")
    (root / "script.yaml").write_text(SCRIPT, encoding="utf-8")
    (root / "desk.py").write_text(TOOLS, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "agentflow", "run"],
        cwd=root,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    booked = root / "booked.txt"
    # A file is there before what is written to it is.
    while not booked.exists() or not booked.read_text():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return root


def test_an_effect_that_may_have_taken_place_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(killed(tmp_path, idempotent=False))
    specs = tmp_path / "agentflow.yaml"
    specs.write_text(specs.read_text().replace("timeout: 2m", "timeout: 1m"), encoding="utf-8")
    assert main(["run", "--resume", "last", "--format", "json"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["verdict"] == "completed"
    note = Path(report["outputs"][0]["path"]).read_text(encoding="utf-8")
    assert "Whether this call took place is not known" in note
    assert (tmp_path / "booked.txt").read_text() == "lamp\n"
    assert "the files say otherwise since: custom.book.timeout_s" in said.err

    run = report["run_id"]
    assert main(["run", "--resume", run]) == 2
    assert f"Run {run} has finished: completed" in capsys.readouterr().err


def test_an_idempotent_tool_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(killed(tmp_path, idempotent=True))
    (tmp_path / "agentflow.yaml").write_text("apiVersion: agentflow/v1\nkind: Project\n")
    # With the ledger's folder and the code it goes on, whatever the specs have become.
    assert main(["run", "--resume", "last", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "completed"
    assert "the files cannot be compiled now" in said.err
    assert (tmp_path / "booked.txt").read_text() == "lamp\nlamp\n"


def test_what_cannot_be_gone_on_with_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agentflow.yaml").write_text(PROJECT.replace("IDEMPOTENT", "true"))
    assert main(["run", "--resume", "20261123-101500-3fa9c1"]) == 2
    said = capsys.readouterr().err
    assert "There is no run '20261123-101500-3fa9c1' in the ledger of this project." in said
    assert main(["run", "clerk", "--resume", "last", "--var", "cap=2", "-t", "prod"]) == 2
    said = capsys.readouterr().err
    assert "the agent, --target, --var cannot change it" in said
