"""A long session costs about as much per event as a short one."""

from __future__ import annotations

from agentflow.runtime import machine
from agentflow.runtime.session import SendConfirmed, Started
from tests.runtime.support import AT, event, message, play, setup


def test_only_open_calls_are_carried_along() -> None:
    state, _ = play(machine.begin(setup()), [Started(), SendConfirmed("m1"), message()])
    for n in range(500):
        use = event("agent.tool_use", f"t{n}", name="bash", input={}, evaluated_permission="allow")
        result = event("agent.tool_result", f"r{n}", tool_use_id=f"t{n}", content=[], at=AT)
        state, _ = play(state, [use, result])
    assert state.calls == {}
    assert len(state.closed) == 500
    # Sharing between states is what keeps a step cheap: few blocks, however many events.
    assert len(state.seen._blocks) <= 11
