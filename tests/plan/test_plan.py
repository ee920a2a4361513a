"""Planning as a pure function: what is done, why, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler import late
from agentflow.compiler.apply import Status, next_steps, theirs
from agentflow.compiler.manifest import Manifest
from agentflow.compiler.plan import DriftPolicy, Origin, Plan, Verb, plan
from agentflow.diagnostics import Span
from agentflow.ports import Workspace
from agentflow.state.model import State
from tests.plan.support import EMPTY, HERE, Service, agent, environment, manifest, resource

texts = st.text(max_size=20)
policies = st.sampled_from(["always_allow", "always_ask", "auto"]).map(lambda p: {"type": p})
_required: dict[Any, st.SearchStrategy[Any]] = {"name": st.sampled_from(["bash", "read", "write"])}
_optional: dict[Any, st.SearchStrategy[Any]] = {
    "enabled": st.booleans(),
    "permission_policy": policies,
}
tool_configs: st.SearchStrategy[dict[Any, Any]] = st.fixed_dictionaries(
    _required, optional=_optional
)
toolset_parts: dict[Any, st.SearchStrategy[Any]] = {
    "default_config": st.just({}) | st.booleans().map(lambda on: {"enabled": on}),
    "configs": st.lists(tool_configs, max_size=3, unique_by=lambda c: str(c["name"])),
}
tools = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("agent_toolset_20260401")},
        optional=toolset_parts,
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("custom"),
            "name": st.sampled_from(["x", "y"]),
            "description": texts,
            "input_schema": st.just({"type": "object", "properties": {"a": {"const": True}}}),
        }
    ),
)
metadata = st.dictionaries(st.sampled_from(["team", "tier"]), st.text(min_size=1, max_size=5))
efforts = st.sampled_from(["low", "high"])
models = st.one_of(
    st.just("claude-opus-5-5"),
    st.fixed_dictionaries(
        {"id": st.just("claude-opus-5-5")},
        optional={
            "effort": efforts | efforts.map(lambda e: {"type": e}),
            "speed": st.sampled_from(["standard", "fast"]),
            "inference_geo": st.none() | st.just("us"),
        },
    ),
)
agents = st.fixed_dictionaries(
    {"name": st.just("a"), "model": models},
    optional={
        "description": st.none() | texts,
        "system": st.none() | texts,
        "tools": st.lists(tools, max_size=3),
        "metadata": metadata,
        "raw_field": st.integers(0, 2),
    },
).map(lambda payload: resource("agent/a", payload))
environments = st.fixed_dictionaries(
    {"name": st.just("e")},
    optional={
        "description": st.none() | texts,
        "metadata": metadata,
        "config": st.one_of(
            st.just({"type": "self_hosted"}),
            st.fixed_dictionaries(
                {"type": st.just("cloud")},
                optional={
                    "networking": st.fixed_dictionaries(
                        {"type": st.just("limited")},
                        optional={"allowed_hosts": st.lists(st.just("a.example"), max_size=1)},
                    ),
                    "packages": st.fixed_dictionaries(
                        {}, optional={"pip": st.lists(st.just("x==1"), max_size=1)}
                    ),
                },
            ),
        ),
    },
).map(lambda payload: resource("environment/e", payload))
manifests = st.builds(manifest, agents, environments)


@given(manifests, st.booleans())
def test_a_plan_made_right_after_apply_is_empty(wanted: Manifest, forget: bool) -> None:
    service = Service()
    state = service.apply(service.plan(wanted), EMPTY)
    after = service.plan(wanted, EMPTY if forget else state)
    assert after.is_empty
    assert not after.problems
    assert after.counts == {Verb.CREATE: 0, Verb.UPDATE: 0, Verb.NONE: 2}


@given(st.lists(manifests, min_size=2, max_size=4), st.data())
@settings(max_examples=60)
def test_edits_of_the_spec_are_never_taken_for_drift(
    versions: list[Manifest], data: st.DataObject
) -> None:
    service, state = Service(), EMPTY
    for wanted in versions:
        made = service.plan(wanted, EMPTY if data.draw(st.booleans()) else state)
        assert {a.origin for a in made.actions} <= {None, Origin.LOCAL}
        if made.blocked:  # between cloud and self-hosted
            assert {problem.code for problem in made.problems} == {"AF406"}
            continue
        state = service.apply(made, state)
        assert service.plan(wanted, state).is_empty
    assert len(service.records) == 2


@given(manifests, st.text(min_size=1, max_size=9), st.booleans())
def test_drift_is_told_and_either_way_out_leads_to_an_empty_plan(
    wanted: Manifest, prompt: str, forget: bool
) -> None:
    service = Service()
    state = service.apply(service.plan(wanted), EMPTY)
    id = next(r.id for r in service.records.values() if r.kind == "agent")
    before = service.records[id].body["system"]
    if prompt == before:
        prompt += "!"
    service.edit(id, system=prompt)
    cache = EMPTY if forget else state
    assert service.plan(wanted, cache).blocked
    action = service.plan(wanted, cache).action("agent/a")
    assert action is not None
    assert action.origin is Origin.REMOTE
    accepted, overwritten = Service(), Service()
    for service_of, drift, left in (
        (accepted, DriftPolicy.ACCEPT, prompt),
        (overwritten, DriftPolicy.OVERWRITE, before),
    ):
        service_of.records = dict(service.records)
        after = service_of.apply(service_of.plan(wanted, cache, drift), cache)
        assert service_of.records[id].body["system"] == left
        assert service_of.plan(wanted, after).is_empty
        assert service_of.plan(wanted, EMPTY).is_empty


def applied(*resources: Any) -> tuple[Service, State]:
    service = Service()
    return service, service.apply(service.plan(manifest(*resources)), EMPTY)


def only(made: Plan) -> Any:
    (action,) = made.actions
    return action


def test_what_is_not_there_is_created() -> None:
    action = only(Service().plan(manifest(agent())))
    assert (action.verb, action.reason) == (Verb.CREATE, "it is not on the service yet")


@pytest.mark.parametrize("drift", list(DriftPolicy))
def test_what_the_service_never_changes_is_blocked(drift: DriftPolicy) -> None:
    service, state = applied(environment(config={"type": "cloud"}))
    made = service.plan(manifest(environment(config={"type": "self_hosted"})), state, drift)
    assert only(made).blocked
    assert only(made).reason == "the service never changes its config.type"
    [problem] = made.problems
    assert problem.code == "AF406"
    assert "config.type cloud, and the service never changes that to self_hosted" in problem.message
    assert "another name" in str(problem.hint)


def test_an_edited_prompt_is_an_update_with_its_field() -> None:
    service, state = applied(agent())
    made = service.plan(manifest(agent(system="Be long.")), state)
    action = only(made)
    assert (action.verb, action.origin) == (Verb.UPDATE, Origin.LOCAL)
    assert action.reason == "the spec changed: system"
    (change,) = action.changes
    assert (change.path, change.before, change.after) == ("/system", "Be brief.", "Be long.")
    assert made.summary == "Plan: 0 to create, 1 to update, 0 unchanged."


def test_a_change_on_both_sides_is_not_accepted_only_overwritten() -> None:
    service, state = applied(agent())
    service.edit("agent_1", description="by hand")
    wanted = manifest(agent(system="Be long."))
    for drift in (DriftPolicy.BLOCK, DriftPolicy.ACCEPT):
        made = service.plan(wanted, state, drift)
        assert [p.code for p in made.problems] == ["AF402"]
        assert only(made).origin is Origin.BOTH
        assert only(made).blocked
    made = service.plan(wanted, state, DriftPolicy.OVERWRITE)
    service.apply(made, state)
    assert service.records["agent_1"].body["description"] is None
    assert service.plan(wanted, EMPTY).is_empty


def test_a_drift_taken_into_the_spec_only_renews_the_record_of_it() -> None:
    service, state = applied(agent())
    service.edit("agent_1", system="Be kind.")
    wanted = manifest(agent(system="Be kind."))
    made = service.plan(wanted, state)
    assert (only(made).verb, only(made).record_only) == (Verb.UPDATE, True)
    state = service.apply(made, state)
    assert service.plan(wanted, state).is_empty
    assert only(service.plan(manifest(agent(system="Be wise.")), state)).origin is Origin.LOCAL


def test_an_edit_after_accepted_drift_is_an_ordinary_update() -> None:
    service, state = applied(agent())
    service.edit("agent_1", description="by hand")
    state = service.apply(service.plan(manifest(agent()), state, DriftPolicy.ACCEPT), state)
    kept = only(service.plan(manifest(agent()), state)).kept
    assert [change.path for change in kept] == ["/description"]
    made = service.plan(manifest(agent(system="Be long.")), state)
    assert only(made).origin is Origin.LOCAL
    assert {change.path for change in only(made).changes} == {"/description", "/system"}


def test_two_resources_of_one_address_block_with_both_ids() -> None:
    service, state = applied(agent())
    copy = service.records["agent_1"]
    service.put("agent", "agent_2", copy.body)
    (problem,) = service.plan(manifest(agent()), state).problems
    assert problem.code == "AF403"
    assert "agent_1 and agent_2" in problem.message


def test_an_archived_or_vanished_resource_is_created_anew_with_the_reason() -> None:
    service, state = applied(agent())
    service.records["agent_1"] = replace(service.records["agent_1"], archived=True)
    action = only(service.plan(manifest(agent()), state))
    assert (action.verb, action.reason) == (
        Verb.CREATE,
        "agent_1 was archived, which cannot be undone",
    )
    del service.records["agent_1"]
    action = only(service.plan(manifest(agent()), state))
    assert (action.verb, action.reason) == (Verb.CREATE, "agent_1 is not on the service any more")


def test_marks_that_were_removed_come_back_where_the_state_knows_the_id() -> None:
    service, state = applied(agent())
    service.edit("agent_1", metadata={})
    made = service.plan(manifest(agent()), state)
    assert (only(made).verb, only(made).reason) == (Verb.UPDATE, "its marks were removed")
    service.apply(made, state)
    assert service.plan(manifest(agent()), EMPTY).is_empty


def test_a_resource_that_went_to_another_owner_is_left_to_it() -> None:
    service, state = applied(agent())
    marks = {**service.records["agent_1"].metadata, "agentflow.project": "other"}
    service.edit("agent_1", metadata=marks)
    action = only(service.plan(manifest(agent()), state))
    assert (action.verb, action.reason) == (Verb.CREATE, "agent_1 belongs to agent/a by now")


def test_marks_that_no_version_wrote_are_no_evidence_of_drift() -> None:
    service, _ = applied(agent())
    for value in ("", "sha256:abc", "99:abc 99:def"):
        marks = {**service.records["agent_1"].metadata, "agentflow.digest": value}
        service.edit("agent_1", metadata=marks)
        assert not service.plan(manifest(agent(system="Be long.")), EMPTY).blocked


def test_what_left_the_specs_is_named_and_left_alone() -> None:
    service, state = applied(agent("a"), agent("b"))
    made = service.plan(manifest(agent("a")), state)
    assert made.is_empty
    assert [(o.address, o.id) for o in made.orphans] == [("agent/b", "agent_2")]


def test_a_pinned_workspace_refuses_another_one() -> None:
    wanted = manifest(agent(), workspace="wrkspc_2")
    (problem,) = Service().plan(wanted).problems
    assert problem.code == "AF404"
    assert "wrkspc_2" in problem.message
    assert "wrkspc_1" in problem.message
    assert not Service().plan(manifest(agent(), workspace="wrkspc_1")).blocked


def test_a_state_of_another_workspace_refuses_to_create_everything_again() -> None:
    service, state = applied(agent())
    elsewhere = Workspace(base_url="x", organization_id="org", workspace_id="wrkspc_9")
    made = plan(manifest(agent()), Service().observed(workspace=elsewhere), state)
    assert [p.code for p in made.problems] == ["AF404"]
    moved = replace(HERE, base_url="http://127.0.0.1:9")
    assert not plan(manifest(agent()), service.observed(workspace=moved), state).problems


def test_problems_point_into_the_spec() -> None:
    service, state = applied(agent())
    service.edit("agent_1", system="Be kind.")
    span = Span("a.yaml", 3, 1, 3, 5)
    made = plan(manifest(agent()), service.observed(), state, sources={"agent/a": span})
    assert [p.span for p in made.problems] == [span]


def test_a_field_that_left_the_spec_is_cleared_and_metadata_is_deleted_by_null() -> None:
    service, state = applied(
        agent(description="d", mcp_servers=[{"type": "url"}], metadata={"team": "x"})
    )
    service.apply(service.plan(manifest(agent(metadata={"tier": "1"})), state), state)
    body = service.records["agent_1"].body
    assert body["description"] is None
    assert body["mcp_servers"] == []
    assert "team" not in body["metadata"]
    assert body["metadata"]["tier"] == "1"


def test_fields_of_a_newer_service_are_no_change_but_a_raw_value_is() -> None:
    service, state = applied(agent())
    service.edit("agent_1", invented={"x": 1})
    assert service.plan(manifest(agent()), state).is_empty
    wanted = resource(
        "agent/a", {**agent().payload, "invented": {"x": 2}}, unchecked=("/invented",)
    )
    (change,) = only(service.plan(manifest(wanted), state)).changes
    assert (change.path, change.unchecked) == ("/invented/x", True)


def test_only_known_fields_count_as_changed_by_somebody_else() -> None:
    service, state = applied(environment("e"))
    action = only(service.plan(manifest(environment("e", description="d")), state))
    service.edit("environment_1", last_used="a minute ago")
    assert theirs(action, service.records["environment_1"]) == ()
    service.edit("environment_1", description="by hand")
    (change,) = theirs(action, service.records["environment_1"])
    assert (change.path, change.after) == ("/description", "by hand")


def test_dependencies_come_first_and_a_failure_skips_only_what_needs_it() -> None:
    made = Service().plan(
        manifest(
            resource("agent/a", agent("a").payload, depends_on=("environment/z",)),
            resource("agent/b", agent("b").payload, depends_on=("agent/a",)),
            agent("c"),
            environment("z"),
        )
    )
    assert [a.address for a in made.actions] == ["agent/c", "environment/z", "agent/a", "agent/b"]
    first = next_steps(made, {}, frozenset())
    assert [s.action.address for s in first] == ["agent/c", "environment/z"]
    started = frozenset({"agent/c", "environment/z"})
    assert next_steps(made, {"agent/c": Status.DONE}, started) == []
    lost = next_steps(made, {"agent/c": Status.DONE, "environment/z": Status.FAILED}, started)
    assert [(s.action.address, s.skip_because) for s in lost] == [
        ("agent/a", "environment/z"),
        ("agent/b", "agent/a"),
    ]


def test_references_are_filled_in_where_the_id_is_known() -> None:
    service, state = applied(environment("e"))
    user = resource(
        "agent/a", {**agent().payload, "system": f"In {late.mark('environment', 'e', 'id')}."}
    )
    user = replace(user, depends_on=("environment/e",))
    made = service.plan(manifest(environment("e"), user), state)
    action = made.action("agent/a")
    assert action is not None
    assert action.payload["system"] == "In environment_1."


@pytest.mark.parametrize("field", ["description", "system"])
def test_nothing_null_and_empty_are_one_for_an_agent(field: str) -> None:
    without: dict[str, Any] = {field: None}
    empty: dict[str, Any] = {field: ""}
    service, state = applied(agent(**without))
    made = service.plan(manifest(agent(**empty)), state)
    assert made.is_empty
    assert not only(made).changes


def test_an_empty_description_of_an_environment_is_not_none() -> None:
    service, state = applied(environment(description=None))
    (change,) = only(service.plan(manifest(environment(description="")), state)).changes
    assert (change.before, change.after) == (None, "")
