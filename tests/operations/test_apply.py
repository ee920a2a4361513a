"""Plan and apply over HTTP on the embedded service, through the real client."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler import late
from agentflow.compiler.apply import Status
from agentflow.compiler.manifest import Manifest
from agentflow.compiler.plan import DriftPolicy, Origin, Verb
from agentflow.diagnostics import Severity
from agentflow.errors import Blocked, NotFound, Rejected, ServiceError, StateError, Unavailable
from agentflow.operations.apply import Ended, Started, Waiting, apply_plan
from agentflow.operations.plan import make_plan
from agentflow.output.plan import render_plan
from tests.operations.service import Bench, Fault, Wire
from tests.plan.support import agent, environment, manifest, resource

TOOLS: list[dict[str, Any]] = [
    {
        "type": "agent_toolset_20260401",
        "default_config": {"enabled": False, "permission_policy": {"type": "always_ask"}},
        "configs": [{"type": "bash", "name": "bash", "enabled": True}],
    },
    {
        "type": "custom",
        "name": "rate",
        "description": "A rate.",
        "input_schema": {"type": "object", "properties": {"currency": {"type": "string"}}},
    },
]
SPECS = manifest(
    agent("analyst", tools=TOOLS, metadata={"team": "desk"}, description="Reads orders."),
    agent("writer", system=None),
    environment("lab", config={"type": "cloud", "packages": {"pip": ["x==1"]}}),
)
TWO = manifest(agent("a"), environment("e"))


def edited(wanted: Manifest, address: str, **fields: Any) -> Manifest:
    changed = wanted.resource(address)
    assert changed is not None
    new = resource(address, {**changed.payload, **fields}, depends_on=changed.depends_on)
    return replace(
        wanted, resources=tuple(new if r.address == address else r for r in wanted.resources)
    )


def test_after_apply_the_plan_is_empty_also_without_the_state_file(bench: Bench) -> None:
    outcome = bench.apply_all(SPECS)
    assert [(r.action.address, r.status) for r in outcome.results] == [
        ("agent/analyst", Status.DONE),
        ("agent/writer", Status.DONE),
        ("environment/lab", Status.DONE),
    ]
    assert bench.plan(SPECS).is_empty
    bench.store.path.unlink()
    assert bench.plan(SPECS).is_empty
    assert bench.names("agent") == ["analyst", "writer"]
    assert not bench.apply_all(SPECS).results
    assert bench.store.read().state.resources.keys() == {r.address for r in SPECS.resources}


def test_an_edited_prompt_is_shown_by_words_and_sent_with_the_expected_version(
    bench: Bench,
) -> None:
    bench.apply_all(SPECS)
    wanted = edited(SPECS, "agent/analyst", system="Be exact.")
    made = bench.plan(wanted)
    assert not made.is_empty
    assert '~ system: "Be brief." → "Be exact."' in render_plan(made, color=False)
    (result,) = bench.apply(made).results
    assert result.record is not None
    assert result.record.version == 2
    assert bench.body("agent", "analyst")["system"] == "Be exact."
    assert bench.plan(wanted).is_empty


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("agent/analyst", {"description": None}),
        ("agent/analyst", {"system": ""}),
        ("agent/analyst", {"tools": []}),
        ("agent/analyst", {"metadata": {"tier": "1"}}),
        ("agent/analyst", {"model": {"id": "claude-opus-5-5", "effort": "low"}}),
        ("environment/lab", {"config": {"type": "cloud", "networking": {"type": "limited"}}}),
        ("environment/lab", {"description": "d"}),
        ("environment/lab", {"metadata": {"k": "v"}}),
        ("environment/lab", {"name": "laboratory"}),
    ],
)
def test_every_edit_leads_to_an_empty_plan_and_back(
    bench: Bench, address: str, fields: dict[str, Any]
) -> None:
    bench.apply_all(SPECS)
    wanted = edited(SPECS, address, **fields)
    made = bench.plan(wanted)
    action = made.action(address)
    assert action is not None
    assert (action.verb, action.origin) == (Verb.UPDATE, Origin.LOCAL)
    bench.apply(made).raise_failure()
    assert bench.plan(wanted).is_empty
    bench.apply_all(SPECS)
    assert bench.plan(SPECS).is_empty


def test_resources_of_others_are_not_touched(bench: Bench) -> None:
    theirs = {"name": "analyst", "model": "claude-opus-5-5", "metadata": {"owner": "them"}}
    other = replace(SPECS, project="q")

    async def create(r: Any) -> None:
        await r.create("agent", theirs)

    bench.run(create)
    bench.apply_all(SPECS)
    made = bench.plan(other)
    assert made.counts[Verb.CREATE] == 3
    assert not made.orphans
    untouched = [r for r in bench.list("agent") if r.metadata.get("owner") == "them"]
    assert [record.version for record in untouched] == [1]


def test_drift_blocks_and_each_way_out_works(bench: Bench) -> None:
    bench.apply_all(TWO)
    id = bench.body("agent", "a")["id"]
    bench.by_hand("agent", id, system="By hand.")
    made = bench.plan(TWO)
    assert [p.code for p in made.problems] == ["AF401"]
    with pytest.raises(Blocked, match="changed on the service"):
        bench.apply(made)
    bench.apply(bench.plan(TWO, DriftPolicy.ACCEPT)).raise_failure()
    assert bench.body("agent", "a")["system"] == "By hand."
    assert bench.plan(TWO).is_empty
    bench.by_hand("agent", id, system="Again.")
    bench.apply(bench.plan(TWO, DriftPolicy.OVERWRITE)).raise_failure()
    assert bench.body("agent", "a")["system"] == "Be brief."
    assert bench.plan(TWO).is_empty


def test_a_change_on_both_sides_is_named_so(bench: Bench) -> None:
    bench.apply_all(TWO)
    bench.by_hand("environment", bench.body("environment", "e")["id"], description="By hand.")
    made = bench.plan(edited(TWO, "environment/e", metadata={"k": "v"}))
    assert [p.code for p in made.problems] == ["AF402"]


@pytest.mark.parametrize("kind", ["agent", "environment"])
def test_a_concurrent_edit_is_a_conflict_and_nothing_is_overwritten(
    bench: Bench, kind: str
) -> None:
    bench.apply_all(TWO)
    name = {"agent": "a", "environment": "e"}[kind]
    wanted = edited(TWO, f"{kind}/{name}", metadata={"mine": "1"})
    made = bench.plan(wanted)
    bench.by_hand(kind, bench.body(kind, name)["id"], description="Theirs.")
    (result,) = bench.apply(made).results
    assert result.status is Status.FAILED
    assert isinstance(result.error, Blocked)
    assert [(c.path, c.after) for c in result.theirs] == [("/description", "Theirs.")]
    assert [c.path for c in result.action.changes] == ["/metadata/mine"]
    assert bench.body(kind, name)["description"] == "Theirs."
    assert "mine" not in bench.body(kind, name)["metadata"]
    assert [p.code for p in bench.plan(wanted).problems] == ["AF402"]


@pytest.mark.parametrize("how", ["lost before", "lost after", "429", "500 before", "500 after"])
@pytest.mark.parametrize("kind", ["agent", "environment"])
def test_a_create_that_goes_wrong_is_made_once(bench: Bench, kind: str, how: str) -> None:
    bench.wire.faults.append(Fault("POST", f"/v1/{kind}s", how))
    bench.apply_all(TWO)
    assert bench.names("agent") == ["a"]
    assert bench.names("environment") == ["e"]
    assert bench.plan(TWO).is_empty
    took_place = how.endswith("after")
    assert bench.wire.count("POST", f"/v1/{kind}s") == (1 if took_place else 2)


@pytest.mark.parametrize("how", ["lost before", "lost after", "429", "500 before", "500 after"])
@pytest.mark.parametrize("kind", ["agent", "environment"])
def test_an_update_that_goes_wrong_takes_place_once(bench: Bench, kind: str, how: str) -> None:
    bench.apply_all(TWO)
    name = {"agent": "a", "environment": "e"}[kind]
    wanted = edited(TWO, f"{kind}/{name}", description="New.")
    made = bench.plan(wanted)
    bench.wire.faults.append(Fault("POST", f"/v1/{kind}s/", how))
    bench.apply(made).raise_failure()
    assert bench.body(kind, name)["description"] == "New."
    assert bench.body(kind, name).get("version") in (2, None)
    assert bench.plan(wanted).is_empty


def test_the_service_is_given_the_time_it_asks_for(bench: Bench) -> None:
    bench.wire.faults.append(Fault("POST", "/v1/agents", "429", retry_after="7", hits=2))
    bench.apply_all(TWO)
    assert bench.clock.slept == [7.0, 7.0]
    assert [p.seconds for p in bench.progress if isinstance(p, Waiting)] == [7.0, 7.0]


def test_patience_ends_and_a_refusal_is_not_tried_again(bench: Bench) -> None:
    bench.wire.faults.append(Fault("POST", "/v1/agents", "429", hits=99))
    bench.wire.faults.append(Fault("POST", "/v1/environments", "refused"))
    results = {r.action.kind: r for r in bench.apply(bench.plan(TWO)).results}
    assert isinstance(results["agent"].error, Unavailable)
    assert isinstance(results["environment"].error, Rejected)
    assert bench.wire.count("POST", "/v1/agents") == 6
    assert bench.wire.count("POST", "/v1/environments") == 1
    assert sum(bench.clock.slept) == 15.5


def test_a_failure_skips_what_depends_on_it_and_nothing_else(bench: Bench) -> None:
    wanted = manifest(
        environment("e"),
        resource("agent/needs", agent("needs").payload, depends_on=("environment/e",)),
        agent("free"),
    )
    bench.wire.faults.append(Fault("POST", "/v1/environments", "refused"))
    outcome = bench.apply(bench.plan(wanted))
    assert {r.action.address: r.status for r in outcome.results} == {
        "environment/e": Status.FAILED,
        "agent/needs": Status.SKIPPED,
        "agent/free": Status.DONE,
    }
    assert outcome.exit_code == 4
    assert bench.names("agent") == ["free"]
    assert bench.store.read().state.resources.keys() == {"agent/free"}
    bench.apply_all(wanted)
    assert bench.names("agent") == ["free", "needs"]
    assert bench.plan(wanted).is_empty


def test_references_are_filled_in_with_ids_that_were_just_made(bench: Bench) -> None:
    text = f"You work in {late.mark('environment', 'e', 'id')}."
    user = resource(
        "agent/a", {**agent("a").payload, "system": text}, depends_on=("environment/e",)
    )
    wanted = manifest(environment("e"), user)
    bench.apply_all(wanted)
    id = bench.body("environment", "e")["id"]
    assert bench.body("agent", "a")["system"] == f"You work in {id}."
    assert bench.plan(wanted).is_empty


def test_a_plan_that_somebody_else_applied_first_creates_nothing_twice(bench: Bench) -> None:
    made = bench.plan(TWO)
    bench.apply_all(TWO)
    outcome = bench.apply(made)
    assert [r.status for r in outcome.results] == [Status.FAILED, Status.FAILED]
    assert outcome.exit_code == 6
    assert (bench.names("agent"), bench.names("environment")) == (["a"], ["e"])


def test_an_archived_resource_is_made_again(bench: Bench) -> None:
    bench.apply_all(TWO)
    id = bench.body("agent", "a")["id"]
    bench.loop.run(bench.client.beta.agents.archive(id))
    action = bench.plan(TWO).action("agent/a")
    assert action is not None
    assert (action.verb, action.reason) == (
        Verb.CREATE,
        f"{id} was archived, which cannot be undone",
    )
    bench.apply_all(TWO)
    assert bench.plan(TWO).is_empty


def test_a_deleted_environment_is_made_again(bench: Bench) -> None:
    bench.apply_all(TWO)
    id = bench.body("environment", "e")["id"]
    bench.loop.run(bench.client.beta.environments.delete(id))
    action = bench.plan(TWO).action("environment/e")
    assert action is not None
    assert action.reason == f"{id} is not on the service any more"
    bench.apply_all(TWO)
    assert bench.plan(TWO).is_empty


def test_a_copied_resource_blocks_until_one_is_gone(bench: Bench) -> None:
    bench.apply_all(TWO)
    original = bench.body("agent", "a")
    copy = {key: original[key] for key in ("name", "model", "system", "metadata")}

    async def create(r: Any) -> None:
        await r.create("agent", copy)

    bench.run(create)
    made = bench.plan(TWO)
    assert [p.code for p in made.problems] == ["AF403"]
    assert all(record.id in made.problems[0].message for record in bench.list("agent"))


def test_a_damaged_state_file_is_a_warning_and_apply_makes_it_again(bench: Bench) -> None:
    bench.apply_all(TWO)
    before = bench.store.read().state
    bench.store.path.write_text("{not json")
    made = bench.plan(TWO)
    assert made.is_empty
    assert [(p.code, p.severity) for p in made.problems] == [("AF405", Severity.WARNING)]
    bench.apply(made)
    assert bench.store.read().damage is None
    assert bench.store.read().state.resources == before.resources


def test_a_held_lock_stops_apply_before_anything_is_done(bench: Bench) -> None:
    made = bench.plan(TWO)
    with bench.store.lock(), pytest.raises(StateError, match="being applied"):
        bench.apply(made)
    assert bench.list("agent") == []


def test_a_service_that_cannot_be_read_leaves_everything_as_it_is(bench: Bench) -> None:
    bench.wire.faults.append(Fault("GET", "/v1/agents", "refused"))
    with pytest.raises(ServiceError):
        bench.plan(TWO)
    assert not (bench.directory / "state").exists()


def test_progress_is_told_as_it_happens(bench: Bench) -> None:
    bench.apply_all(manifest(agent("a")))
    started, ended = bench.progress
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert str(started) == "agent/a: creating"
    assert str(ended).startswith("agent/a: created (agent_")


@pytest.mark.parametrize("interrupt_at", [1, 2, 3])
def test_an_interrupted_apply_is_finished_by_the_next(bench: Bench, interrupt_at: int) -> None:
    """Ctrl-C cancels the task: here while the n-th request with an effect is on its way."""
    wanted = manifest(agent("a"), agent("b"), environment("e"))

    async def main() -> None:
        posts = 0

        async def before(method: str, path: str) -> None:
            nonlocal posts
            posts += method == "POST"
            if posts == interrupt_at:
                task.cancel()

        resources = bench.resources(Wire(before=before))
        made = await make_plan(wanted, resources, bench.store)
        observer = bench.progress.append
        task = asyncio.create_task(
            apply_plan(made, resources, bench.store, observer, clock=bench.clock)
        )
        with pytest.raises(asyncio.CancelledError):
            await task

    bench.loop.run(main())
    bench.apply_all(wanted)
    assert bench.plan(wanted).is_empty
    assert bench.names("agent") == ["a", "b"]
    assert bench.names("environment") == ["e"]


def test_reading_what_is_not_there_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.run(lambda r: r.get("agent", "agent_nobody"))


def test_more_than_one_page_is_read(bench: Bench, tmp_path: Path) -> None:
    wanted = manifest(*(agent(f"a{n:03}") for n in range(101)))
    bench.apply_all(wanted)
    assert bench.plan(wanted).is_empty
    assert len(bench.list("agent")) == 101
