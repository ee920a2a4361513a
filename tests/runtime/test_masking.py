"""A secret in a task, an answer or a tool: the service has it, and nothing that is kept or told does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import Rejected, ServiceError
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.resuming import placed
from agentflow.secret import SecretText, protect
from tests.runtime.desk import Desk, Raw, custom_use, idle
from tests.runtime.support import agent_policy, custom_policy, write_module
from tests.runtime.test_driver import Trial

CANARY = "canary-s3cr3t"
TASK = f'Use {CANARY} and "{CANARY}".'


def kept(root: Path) -> str:
    files = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".py"]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


def reacts(sent: Mapping[str, Any]) -> list[Raw]:
    if sent["type"] == "user.message":
        said = {"type": "agent.message", "content": [{"type": "text", "text": f"It is {CANARY}."}]}
        waits = idle("requires_action", event_ids=["c1"])
        return [said, custom_use("c1", currency=CANARY), waits]
    return [idle()] if sent["type"] == "user.custom_tool_result" else []


def test_the_service_has_it_and_nothing_else_has(tmp_path: Path) -> None:
    SecretText("desk", CANARY)
    write_module(
        tmp_path,
        {"shop/__init__.py": "", "shop/tools.py": "def rate(currency): return {'of': currency}\n"},
    )
    policy = agent_policy(task=TASK, custom={"rate": custom_policy()})
    trial = Trial(tmp_path, Desk(reacts), policy)
    result = trial.run()
    [message, answer] = [event for event in trial.desk.sent if "content" in event]
    assert message["content"][0]["text"] == TASK
    assert answer["content"][0]["text"] == '{"of": "[desk]"}'
    assert result.final_message == "It is [desk]."
    assert CANARY not in repr(result)
    assert CANARY not in repr(trial.notices)
    assert CANARY not in kept(tmp_path)
    assert "[desk]" in (tmp_path / ".agentflow/runs/run1/transcript.jsonl").read_text()


def test_the_tool_itself_has_it(tmp_path: Path) -> None:
    SecretText("desk", CANARY)
    code = f"def rate(currency): return currency == {CANARY[::-1]!r}[::-1]\n"
    write_module(tmp_path, {"shop/__init__.py": "", "shop/tools.py": code})
    trial = Trial(tmp_path, Desk(reacts), agent_policy(custom={"rate": custom_policy()}))
    trial.run()
    assert trial.desk.sent[-1]["content"][0]["text"] == "true"


def test_an_error_of_the_service_that_repeats_it_is_kept_without_it(tmp_path: Path) -> None:
    protect("desk", CANARY)
    trial = Trial(tmp_path, Desk())
    trial.desk.create_faults = [Rejected(f"The key {CANARY} is wrong.", status=400)]
    with pytest.raises(ServiceError):
        trial.run()
    assert CANARY not in kept(tmp_path)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert ledger.runs()[0].reason == "The key [desk] is wrong."


def test_a_message_that_is_kept_masked_is_found_in_the_history(tmp_path: Path) -> None:
    """Else whoever goes on with the run would send it once more."""
    protect("desk", CANARY)
    history = [
        {"type": "user.message", "id": "m1", "content": [{"type": "text", "text": TASK}]},
    ]
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_run("run1", agent="agent/a", agent_id="a", agent_version=1, at="2026")
        ledger.claim_message("run1", 0, TASK, at="2026")
        [entry] = ledger.messages("run1")
    assert entry.text == 'Use [desk] and "[desk]".'
    [found] = placed([entry], history)
    assert found.event_id == "m1"
