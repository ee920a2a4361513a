"""Agents that put others to work, over HTTP: a member that changes is pinned anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentflow.compiler.manifest import Manifest
from agentflow.compiler.plan import Verb
from agentflow.compiler.render.team import team_payload
from agentflow.operations.applied import needed_part
from agentflow.spec.team import TeamSpec
from tests.operations.service import Bench
from tests.operations.test_applied import policy
from tests.plan.support import agent, environment, manifest

FORMS: list[dict[str, Any]] = [
    {"subagents": ["writer", "self"]},
    {"workflows": {"agents": ["writer"], "inline": True}, "advisor": "claude-opus-5-5"},
    {"coordinator": ["writer", "self"], "advisor": "claude-opus-5-5"},
]


def desk(form: dict[str, Any], **writer: Any) -> Manifest:
    team = team_payload(TeamSpec.model_validate(form), "lead")
    lead = replace(agent("lead", multiagent=team), depends_on=("agent/writer",))
    made = manifest(lead, agent("writer", **writer), agent("other"), environment())
    return replace(made, agents={"agent/lead": policy("environment/e")})


@pytest.mark.parametrize("form", FORMS, ids=lambda form: next(iter(form)))
def test_a_member_that_changed_is_pinned_at_its_new_version(
    bench: Bench, form: dict[str, Any]
) -> None:
    bench.apply_all(desk(form))
    assert bench.plan(desk(form)).is_empty
    edited = desk(form, system="Write briefly.")
    made = bench.plan(edited)
    verbs = {action.address: action.verb for action in made.actions}
    assert verbs["agent/writer"] is verbs["agent/lead"] is Verb.UPDATE
    assert verbs["agent/other"] is Verb.NONE
    bench.apply(made).raise_failure()
    writer = bench.body("agent", "writer")
    member = {"type": "agent", "id": writer["id"], "version": 2}
    assert writer["version"] == 2
    assert str(member) in str(bench.body("agent", "lead")["multiagent"])
    assert bench.plan(edited).is_empty
    bench.store.path.unlink()
    assert bench.plan(edited).is_empty


def test_a_run_needs_the_members_of_its_agent_and_no_other_agent() -> None:
    part = needed_part(desk(FORMS[0]), "agent/lead")
    addresses = [resource.address for resource in part.resources]
    assert addresses == ["agent/lead", "agent/writer", "environment/e"]
