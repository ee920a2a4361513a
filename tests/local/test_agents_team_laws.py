"""Laws of teams, for any that the service takes: what is read back is what was meant."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.apply import whole_team
from agentflow.compiler.canonical import aligned, canonical
from agentflow.compiler.changes import changes
from agentflow.compiler.ownership import remote_prints, sent_prints
from agentflow.local.shapes.agents import AgentCreate, AgentUpdate
from agentflow.local.shapes.base import read, sent
from agentflow.local.teams import Owner, merge_team, repin

ME, VERSION = "agent_me", 3
OTHERS = ("agent_1", "agent_2", "agent_3")
LATEST = 5


def find(id: str, version: int | None) -> dict[str, Any] | None:
    return {
        "id": id,
        "version": version or LATEST,
        "name": id,
        "model": {"id": "m", "inference_geo": None},
        "multiagent": None,
        "archived_at": None,
    }


OWNER = Owner(ME, VERSION, find)

OFF = st.just({"type": "disabled"})
EITHER = st.sampled_from(["enabled", "disabled"]).map(lambda kind: {"type": kind})
MODEL = st.sampled_from(["claude-opus-5-5", "m"])


def member(id: str) -> st.SearchStrategy[Any]:
    if id == ME:
        return st.just({"type": "self"})
    return st.one_of(
        st.just(id),
        st.fixed_dictionaries(
            {"type": st.just("agent"), "id": st.just(id)}, optional={"version": st.integers(1, 4)}
        ),
    )


MEMBERS = st.lists(st.sampled_from([*OTHERS, ME]), unique=True, max_size=4).flatmap(
    lambda ids: st.tuples(*map(member, ids)).map(list)
)
DELEGATION = OFF | st.fixed_dictionaries(
    {"type": st.just("enabled")},
    optional={"inline_agents": st.none() | EITHER, "predefined_agents": st.none() | MEMBERS},
)
ADVISOR = OFF | MODEL.map(lambda model: {"type": "enabled", "model": model})
NEWER = st.fixed_dictionaries(
    {"type": st.just("multiagent_20261001")},
    optional={
        "advisor": st.none() | ADVISOR,
        "subagents": st.none() | DELEGATION,
        "workflows": st.none() | DELEGATION,
    },
)
COORDINATOR = MEMBERS.filter(bool).map(lambda agents: {"type": "coordinator", "agents": agents})
TEAM = st.none() | NEWER | COORDINATOR


def kept(team: Any, stored: Any = None) -> Any:
    """The team after `team` was sent."""
    body = read(AgentUpdate, {"multiagent": team})
    return merge_team(sent(body)["multiagent"], stored, OWNER)


def differences(team: Any, answer: Any) -> Any:
    wanted = {"name": "a", "model": "m", "multiagent": team}
    desired = canonical("agent", wanted)
    body = {"name": "a", "model": "m", "id": ME, "version": VERSION, "multiagent": answer}
    assert sent_prints("agent", wanted).expected in remote_prints("agent", body)
    return changes(aligned("agent", canonical("agent", body), desired), desired)


@given(TEAM)
def test_a_team_that_was_created_is_what_was_meant(team: Any) -> None:
    assert read(AgentCreate, {"name": "a", "model": "m", "multiagent": team}) is not None
    assert differences(team, kept(team)) == ()


@given(TEAM, TEAM)
def test_an_update_that_says_all_does_not_depend_on_what_was_there(team: Any, before: Any) -> None:
    after = kept(whole_team(team), kept(before))
    assert after == kept(team)
    assert differences(team, after) == ()


@given(TEAM)
def test_what_was_read_changes_nothing_when_it_is_sent(team: Any) -> None:
    stored = kept(team)
    assert kept(stored, stored) == stored


@given(NEWER)
def test_saying_nothing_of_a_team_keeps_it(team: Any) -> None:
    stored = kept(team)
    assert kept({"type": stored["type"]}, stored) == stored


@given(TEAM)
def test_the_next_version_differs_only_in_where_it_names_itself(team: Any) -> None:
    stored = kept(team)
    moved = repin(stored, OWNER)
    assert moved == _with_version(stored, VERSION + 1)


def _with_version(value: Any, version: int) -> Any:
    """By hand: the owner's id goes with this version, wherever it stands."""
    if isinstance(value, list):
        return [_with_version(item, version) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("id") == ME:
        return {**value, "version": version}
    return {key: _with_version(item, version) for key, item in value.items()}
