"""What `run` asks before it starts a session: is the service as the specs say?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.compiler.manifest import AgentPolicy, Manifest
from agentflow.compiler.plan import DriftPolicy
from agentflow.errors import Blocked, UsageError
from agentflow.operations.applied import Applied, check_applied
from tests.operations.service import Bench
from tests.plan.support import agent, environment, manifest


def policy(environment: str | None) -> AgentPolicy:
    return AgentPolicy(
        environment=environment,
        model="claude-opus-5-5",
        task="Go.",
        inputs={},
        outputs={},
        done=(),
        uncertainty=None,
        repair=0,
        approvals=(),
        budget=None,
        custom={},
        tools={},
        scratch=None,
    )


def specs(environment_of: str | None = "environment/e", **fields: str) -> Manifest:
    made = manifest(agent("a", **fields), agent("other", **fields), environment("e"))
    return replace(made, agents={"agent/a": policy(environment_of)})


def check(bench: Bench, wanted: Manifest, *, as_applied: bool = False) -> Applied:
    return bench.run(
        lambda r: check_applied(wanted, "agent/a", r, bench.store, as_applied=as_applied)
    )


def test_what_is_applied_is_answered_with_its_exact_version(bench: Bench) -> None:
    bench.apply_all(specs())
    ids = (bench.body("agent", "a")["id"], 1, bench.body("environment", "e")["id"])
    assert check(bench, specs()) == ids
    assert check(bench, specs("id:env_elsewhere")).environment_id == "env_elsewhere"


@pytest.mark.parametrize("as_applied", [False, True])
def test_what_was_never_applied_is_refused(bench: Bench, as_applied: bool) -> None:
    with pytest.raises(Blocked, match="is not applied to target 'local'") as caught:
        check(bench, specs(), as_applied=as_applied)
    assert caught.value.hint == "Apply it first: agentflow apply -t local"
    assert caught.value.exit_code == 6


def test_an_archived_agent_is_told_as_that(bench: Bench) -> None:
    bench.apply_all(specs())
    id = bench.body("agent", "a")["id"]
    bench.loop.run(bench.client.beta.agents.archive(id))
    with pytest.raises(Blocked, match=f"{id} was archived, which cannot be undone"):
        check(bench, specs(), as_applied=True)


def test_an_edited_spec_is_refused_with_the_two_ways_out(bench: Bench) -> None:
    bench.apply_all(specs())
    with pytest.raises(Blocked, match=r"the spec changed: system\.") as caught:
        check(bench, specs(system="Be long."))
    assert caught.value.hint == (
        "Either apply it: agentflow apply -t local\n"
        "Or run what is there: agentflow run a -t local --as-applied"
    )
    assert check(bench, specs(system="Be long."), as_applied=True).agent_version == 1


def test_a_change_on_the_service_is_refused_until_it_is_accepted(bench: Bench) -> None:
    bench.apply_all(specs())
    bench.by_hand("agent", bench.body("agent", "a")["id"], system="By hand.")
    with pytest.raises(Blocked, match="it was changed on the service: system"):
        check(bench, specs())
    assert check(bench, specs(), as_applied=True).agent_version == 2
    bench.apply(bench.plan(specs(), DriftPolicy.ACCEPT)).raise_failure()
    assert check(bench, specs()).agent_version == 3


def test_an_edit_of_another_agent_does_not_matter(bench: Bench) -> None:
    bench.apply_all(specs())
    other = manifest(agent("a"), agent("other", system="Be long."), environment("e"))
    assert check(bench, replace(other, agents=specs().agents)).agent_version == 1


def test_an_agent_that_cannot_run_is_a_usage_error(bench: Bench) -> None:
    with pytest.raises(UsageError, match="names no environment"):
        check(bench, specs(None))
    with pytest.raises(UsageError, match="There is no agent/a"):
        check(bench, replace(specs(), agents={}))
