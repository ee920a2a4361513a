"""What has changed in the files since a run was started, in the words of the spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.compiler.manifest import Compiled
from agentflow.operations.check import compiled, open_project
from agentflow.operations.origin import changes, origin_of, target_of
from agentflow.runtime.record import write_record
from agentflow.runtime.run import RunRequest

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
---
kind: Environment
name: here
network: {}
---
kind: Agent
name: clerk
model: claude-opus-5-5
environment: here
prompt: Write it.
task: Go.
tools: { write: allow }
budget: { usd: 1, turns: 5 }
"""


def built(root: Path, text: str) -> Compiled:
    (root / "agentflow.yaml").write_text(text, encoding="utf-8")
    found, _ = compiled(open_project(root), target="local")
    return found


CHANGES = [
    ("nothing", ("Write", "Write"), ()),
    ("a limit", ("turns: 5", "turns: 6"), ("budget.turns",)),
    ("the prompt", ("Write it.", "Write it twice."), ("prompt",)),
    ("a tool", ("{ write: allow }", "{ write: ask }"), ("tools.write", "prompt")),
    ("the agent", ("name: clerk", "name: writer"), ("agent/clerk is gone",)),
]


@pytest.mark.parametrize(
    ("edit", "expected"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_changes_are_named(
    edit: tuple[str, str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    before = built(tmp_path, PROJECT)
    run = RunRequest(
        run_id="run1",
        agent="agent/clerk",
        agent_id="agent_1",
        agent_version=1,
        environment_id="env_1",
        policy=before.manifest.agents["agent/clerk"],
        inputs={},
        out_dir=tmp_path / "out",
        project_root=tmp_path,
        origin=origin_of(before, "agent/clerk"),
    )
    record = json.loads(json.dumps(write_record(run, "Go.")))
    assert target_of(record) == before.manifest.target
    after = built(tmp_path, PROJECT.replace(*edit))
    assert changes(after, record) == expected
