"""Teams of agents: members pinned, defaults written out, merged level by level, and every limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.local.test_agents import create, said
from tests.support.service import Running, running_service

OFF: dict[str, Any] = {"type": "disabled"}
ON: dict[str, Any] = {"type": "enabled"}
FULL = {"type": "enabled", "inline_agents": ON, "predefined_agents": []}
NEW = "multiagent_20261001"
ADVISOR = {"type": "enabled", "model": "claude-opus-5-5"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def client(running: Running) -> anthropic.Anthropic:
    return running.own


def team(**members: Any) -> dict[str, Any]:
    return {"type": NEW, **members}


def roster(*agents: Any) -> dict[str, Any]:
    return {"type": "coordinator", "agents": list(agents)}


def ref(agent: Any, version: int = 1) -> dict[str, Any]:
    return {"type": "agent", "id": agent.id, "version": version}


def kept(agent: Any) -> Any:
    return agent.to_dict()["multiagent"]


def update(client: anthropic.Anthropic, agent: Any, version: int, **fields: Any) -> Any:
    return client.beta.agents.update(agent.id, version=version, **fields)


def test_a_bare_team_turns_on_all_but_the_advisor(client: anthropic.Anthropic) -> None:
    assert kept(create(client, multiagent=team())) == team(
        advisor=OFF, subagents=FULL, workflows=FULL
    )
    nulls = team(advisor=None, subagents=None, workflows=None)
    assert kept(create(client, multiagent=nulls)) == kept(create(client, multiagent=team()))


def test_the_explicit_form_of_no_team_is_kept(client: anthropic.Anthropic) -> None:
    off = team(advisor=OFF, subagents=OFF, workflows=OFF)
    assert kept(create(client, multiagent=off)) == off
    assert kept(create(client)) is None


def test_members_are_pinned_to_the_version_they_have(client: anthropic.Anthropic) -> None:
    one, two = create(client), create(client)
    update(client, two, 1, system="More.")
    made = create(
        client,
        multiagent=roster(one.id, {"type": "agent", "id": two.id, "version": 1}, {"type": "self"}),
    )
    assert kept(made) == roster(ref(one), ref(two, 1), ref(made))
    update(client, one, 1, system="More.")
    unchanged = client.beta.agents.retrieve(made.id)
    assert kept(unchanged) == kept(made)
    saved = update(client, made, 1, multiagent=roster(one.id, two.id))
    assert (saved.version, kept(saved)) == (2, roster(ref(one, 2), ref(two, 2)))


def test_an_agent_names_itself_in_the_version_it_has(client: anthropic.Anthropic) -> None:
    myself = {**ON, "predefined_agents": [{"type": "self"}]}
    made = create(client, multiagent=team(subagents=myself, workflows=OFF))
    assert kept(made)["subagents"]["predefined_agents"] == [ref(made)]
    again = update(client, made, 1, multiagent=team(subagents=myself))
    assert again.version == 1
    changed = update(client, made, 1, system="More.")
    assert kept(changed)["subagents"]["predefined_agents"] == [ref(made, 2)]
    as_read = update(client, made, 2, multiagent=kept(changed))
    assert as_read.version == 2
    old = client.beta.agents.retrieve(made.id, version=1)
    assert kept(old)["subagents"]["predefined_agents"] == [ref(made)]


def test_a_coordinator_may_have_an_advisor(client: anthropic.Anthropic) -> None:
    advisor = {"type": "advisor", "model": "claude-opus-5-5"}
    assert kept(create(client, multiagent=roster(advisor))) == roster(advisor)


def test_an_update_merges_level_by_level(client: anthropic.Anthropic) -> None:
    one, two = create(client), create(client)
    given = team(
        advisor=ADVISOR,
        subagents={**ON, "inline_agents": OFF, "predefined_agents": [one.id]},
        workflows=OFF,
    )
    made = create(client, multiagent=given)
    before = kept(made)
    assert before["subagents"] == {
        **ON,
        "inline_agents": OFF,
        "predefined_agents": [ref(one)],
    }

    def after(version: int, **members: Any) -> Any:
        return kept(update(client, made, version, multiagent=team(**members)))

    assert update(client, made, 1, multiagent=team()).version == 1
    # A list that is sent replaces; what is left out beside it is kept.
    changed = after(1, subagents={**ON, "predefined_agents": [two.id]})
    assert changed == {
        **before,
        "subagents": {**ON, "inline_agents": OFF, "predefined_agents": [ref(two)]},
    }
    changed = after(2, subagents={**ON, "inline_agents": None})
    assert changed["subagents"] == {**ON, "inline_agents": ON, "predefined_agents": [ref(two)]}
    changed = after(3, subagents={**ON, "predefined_agents": None})
    assert changed["subagents"] == FULL
    # Another type inside replaces, and what it leaves out takes its default.
    changed = after(4, workflows={**ON, "predefined_agents": [one.id]}, subagents=OFF)
    assert changed["workflows"] == {**FULL, "predefined_agents": [ref(one)]}
    assert changed["subagents"] == OFF
    # Null is the default, which for workflows is on.
    changed = after(5, workflows=None, advisor=None)
    assert (changed["workflows"], changed["advisor"]) == (FULL, OFF)
    assert kept(update(client, made, 6, multiagent=None)) is None


def test_another_form_replaces_the_whole(client: anthropic.Anthropic) -> None:
    one = create(client)
    made = create(client, multiagent=roster(one.id))
    newer = update(client, made, 1, multiagent=team(workflows=OFF))
    assert kept(newer) == team(advisor=OFF, subagents=FULL, workflows=OFF)
    older = update(client, made, 2, multiagent=roster(one.id))
    assert kept(older) == roster(ref(one))


def test_a_rule_holds_for_the_result_of_a_merge(client: anthropic.Anthropic) -> None:
    one = create(client)
    made = create(client, multiagent=team(subagents={**ON, "predefined_agents": [one.id]}))
    inline_off = {**ON, "inline_agents": OFF}
    update(client, made, 1, multiagent=team(subagents=inline_off))
    with pytest.raises(anthropic.BadRequestError, match="at least one predefined agent"):
        update(client, made, 2, multiagent=team(subagents={**ON, "predefined_agents": []}))
    with pytest.raises(anthropic.BadRequestError, match="need the same"):
        update(client, made, 2, model={"id": "claude-opus-5-5", "inference_geo": "us"})


@pytest.mark.parametrize(
    ("multiagent", "message"),
    [
        (roster(), "multiagent.agents: List should have at least 1"),
        (roster(*[f"agent_{n}" for n in range(21)]), "at most 20"),
        (roster({"type": "team"}), "multiagent.agents.0"),
        (roster({"type": "agent"}), "id: Field required"),
        (roster({"type": "self"}, {"type": "self"}), "is listed more than once"),
        (
            roster(
                {"type": "advisor", "model": "claude-opus-5-5"}, {"type": "advisor", "model": "m"}
            ),
            "at most one advisor",
        ),
        (roster({"type": "advisor", "model": "claude-haiku-5-5"}), "less capable"),
        (team(advisor={"type": "enabled", "model": "claude-sonnet-5-5"}), "less capable"),
        (team(advisor=ON), "multiagent.advisor.model: Field required"),
        (team(subagents={}), "multiagent.subagents"),
        (team(subagents={**OFF, "predefined_agents": []}), "predefined_agents: Extra inputs"),
        (team(workflows={**ON, "inline_agents": OFF}), "at least one predefined agent"),
        (
            team(workflows={**ON, "predefined_agents": [{"type": "advisor", "model": "m"}]}),
            "multiagent.workflows.predefined_agents.0",
        ),
        (
            team(subagents={**ON, "predefined_agents": [f"agent_{n}" for n in range(21)]}),
            "at most 20",
        ),
        ({"type": "swarm"}, "multiagent"),
        (team(extra=1), "multiagent.extra: Extra inputs"),
    ],
)
def test_a_team_the_service_refuses(
    client: anthropic.Anthropic, multiagent: dict[str, Any], message: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, multiagent=multiagent)
    assert message in said(caught)


def test_a_member_exists_is_not_archived_and_has_no_team(client: anthropic.Anthropic) -> None:
    plain, archived = create(client), create(client)
    client.beta.agents.archive(archived.id)
    leader = create(client, multiagent=roster(plain.id))
    far = create(client, model={"id": "claude-opus-5-5", "inference_geo": "us"})

    def refused(*members: Any) -> str:
        with pytest.raises(anthropic.BadRequestError) as caught:
            create(client, multiagent=roster(*members))
        return said(caught)

    assert "is archived" in refused(archived.id)
    assert "has `multiagent` itself" in refused(leader.id)
    assert "is listed more than once" in refused(plain.id, ref(plain))
    assert "inference_geo 'us', and this agent has None" in refused(far.id)
    for gone in ("agent_none", {"type": "agent", "id": plain.id, "version": 9}):
        with pytest.raises(anthropic.NotFoundError, match=r"multiagent\.agents\.0"):
            create(client, multiagent=roster(gone))
    # Before it led a team it could be a member, and that version still can.
    update(client, plain, 1, multiagent=roster({"type": "self"}))
    assert "has `multiagent` itself" in refused(plain.id)
    assert kept(create(client, multiagent=roster(ref(plain)))) == roster(ref(plain))


def test_the_advisor_has_a_name_of_its_own(client: anthropic.Anthropic) -> None:
    taken = create(client, name="anthropic.advisor")
    advisor = {"type": "advisor", "model": "claude-opus-5-5"}
    with pytest.raises(anthropic.BadRequestError, match="the advisor has the name"):
        create(client, multiagent=roster(taken.id, advisor))
