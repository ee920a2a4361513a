"""docs/webhooks.md: the project that it shows runs, and the receiver that it shows answers."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentflow.cli.main import main
from tests.support.cli import ROOT, clean_environment

SCRIPT = """\
turns:
  - tools:
      - { name: write, input: { file_path: /workspace/a.md, content: No. } }
      - { id: b, name: write, input: { file_path: /mnt/session/outputs/note.md, content: A lamp. } }
  - say: Written.
"""


def block(language: str) -> str:
    text = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    return str(found)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the receiver does not listen")


def test_the_receiver_that_is_shown_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    spec = block("yaml").replace("8711", str(port))
    target = "targets: { local: { service: local, driver: { script: ./script.yaml } } }\nsecrets:"
    (tmp_path / "agentflow.yaml").write_text(spec.replace("secrets:", target, 1), "utf-8")
    (tmp_path / "script.yaml").write_text(SCRIPT, "utf-8")
    (tmp_path / "desk.py").write_text(block("python").replace("8711", str(port)), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK_APPROVALS", "correct horse battery")
    receiver = subprocess.Popen(
        [sys.executable, "desk.py"],
        cwd=tmp_path,
        env={**clean_environment(), "DESK_APPROVALS": os.environ["DESK_APPROVALS"]},
    )
    try:
        listens(port, receiver)
        assert main(["run", "--format", "json"]) == 0, capsys.readouterr().err
    finally:
        receiver.kill()
        receiver.wait()
    assert json.loads(capsys.readouterr().out)["verdict"] == "completed"
    assert main(["sessions", "show", "last", "--format", "json"]) == 0
    decisions = json.loads(capsys.readouterr().out)["decisions"]
    by = {(one["allowed"], one["by"], one["who"], one["message"]) for one in decisions}
    who = f"Ann through 127.0.0.1:{port}"
    assert by == {(True, "webhook", who, None), (False, "webhook", who, "Only outputs.")}
