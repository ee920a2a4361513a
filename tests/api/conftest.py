"""A project with agents that come to different ends, on the embedded service."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets:
  local: { service: local, driver: { script: ./script.yaml } }
defaults:
  agent: { model: claude-opus-5-5, environment: here, budget: { usd: 1 }, repair: 0 }
---
kind: Environment
name: here
network: {}
---
kind: Agent
name: clerk
prompt: Write what you are told.
task: Write down {{ inputs.thing }}, {{ inputs.times }} times.
inputs:
  thing: { type: string, description: what to write down, default: a lamp }
  times: { type: integer, description: how often, default: 1 }
tools: { write: allow }
outputs: { note: { path: note.md } }
---
kind: Agent
name: asker
prompt: Write what you are told.
task: Write it.
tools: { write: ask }
approvals: [{ tool: write, ask: person, on_timeout: halt }]
outputs: { note: { path: note.md } }
---
kind: Agent
name: dreamer
prompt: Write what you are told.
task: Write it.
tools: { write: allow }
outputs: { other: { path: other.md } }
"""

SCRIPT = """\
turns:
  - tools:
      - id: note
        name: write
        input: { file_path: /mnt/session/outputs/note.md, content: "A lamp." }
  - say: Written.
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "script.yaml").write_text(SCRIPT, encoding="utf-8")
    return tmp_path
