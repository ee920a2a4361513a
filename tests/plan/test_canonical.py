"""One form for what is asked and what is answered; and how two forms differ."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.canonical import aligned, canonical, same_fingerprint
from agentflow.compiler.changes import ChangeKind, changes
from agentflow.compiler.known_fields import known
from agentflow.compiler.ownership import remote_prints, sent_prints
from tests.support.sdk_fields import fields_of

ALLOW = {"type": "always_allow"}
ASK = {"type": "always_ask"}


def agent(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "model": "m", **fields}


def environment(**config: Any) -> dict[str, Any]:
    return {"name": "e", "config": {"type": "cloud", **config}}


PACKAGES: dict[str, list[str]] = {"apt": [], "cargo": [], "gem": [], "go": [], "npm": [], "pip": []}
LIMITED = {"allowed_hosts": [], "allow_mcp_servers": False, "allow_package_managers": False}

OFF, ON = {"type": "disabled"}, {"type": "enabled"}
FULL = {"type": "enabled", "inline_agents": ON, "predefined_agents": []}
XLSX = {"type": "anthropic", "skill_id": "xlsx"}
SOME = {"type": "only", "tools": [{"type": "tool_reference", "name": "rate"}]}


def team(**members: Any) -> dict[str, Any]:
    return agent(multiagent={"type": "multiagent_20261001", **members})


def roster(*members: Any) -> dict[str, Any]:
    return agent(multiagent={"type": "coordinator", "agents": list(members)})


def member(id: str, version: int | None = None) -> dict[str, Any]:
    return {"type": "agent", "id": id, **({} if version is None else {"version": version})}


def skills(*given: dict[str, Any]) -> dict[str, Any]:
    return agent(skills=list(given))


def fetch(**config: Any) -> dict[str, Any]:
    configs = [{"name": "web_fetch", **config}]
    return agent(tools=[{"type": "agent_toolset_20260401", "configs": configs}])


# What is sent, and what the reference says is read back.
SENT_AND_READ = [
    ("agent", skills(XLSX), skills({**XLSX, "version": "20260101"})),
    ("agent", skills({**XLSX, "version": "latest"}), skills({**XLSX, "version": "20260101"})),
    (
        "agent",
        skills({"type": "custom", "skill_id": "s"}, {**XLSX, "version": "1"}),
        skills({"type": "custom", "skill_id": "s", "version": "7"}, {**XLSX, "version": "1"}),
    ),
    ("agent", roster("agent_1"), roster(member("agent_1", 3))),
    (
        "agent",
        roster(member("agent_1"), member("agent_2", 2)),
        roster(member("agent_1", 9), member("agent_2", 2)),
    ),
    ("agent", roster({"type": "self"}), roster(member("x_1", 4))),
    ("agent", roster(member("x_1", 2)), roster(member("x_1", 2))),
    ("agent", roster({"type": "advisor", "model": "m"}), roster({"type": "advisor", "model": "m"})),
    ("agent", team(), team(advisor=OFF, subagents=FULL, workflows=FULL)),
    (
        "agent",
        team(
            advisor=None,
            subagents=OFF,
            workflows={
                **ON,
                "inline_agents": OFF,
                "predefined_agents": ["agent_1", {"type": "self"}],
            },
        ),
        team(
            advisor=OFF,
            subagents=OFF,
            workflows={
                **ON,
                "inline_agents": OFF,
                "predefined_agents": [member("agent_1", 2), member("x_1", 4)],
            },
        ),
    ),
    (
        "agent",
        team(
            advisor={**ON, "model": "m"}, subagents={**ON, "predefined_agents": None}, workflows=OFF
        ),
        team(advisor={**ON, "model": "m"}, subagents=FULL, workflows=OFF),
    ),
    (
        "agent",
        fetch(url_sources={"client_tool_results": SOME}),
        fetch(
            url_sources={
                "user_input": None,
                "client_tool_results": SOME,
                "server_tool_results": None,
            }
        ),
    ),
    (
        "agent",
        fetch(),
        fetch(
            url_sources={
                "user_input": None,
                "client_tool_results": None,
                "server_tool_results": None,
            }
        ),
    ),
    (
        "environment",
        {"name": "e", "config": {"type": "self_hosted"}, "scope": None},
        {
            "name": "e",
            "config": {"type": "self_hosted"},
            "scope": "organization",
            "description": None,
        },
    ),
    (
        "agent",
        agent(model={"id": "m", "effort": "high"}),
        agent(
            model={
                "id": "m",
                "effort": {"type": "high"},
                "speed": "standard",
                "inference_geo": None,
            },
        ),
    ),
    ("agent", agent(), agent(description=None, system="", tools=None, skills=[], metadata={})),
    ("agent", agent(), agent(execution_identity={"type": "service_account"}, multiagent=None)),
    (
        "agent",
        agent(tools=[{"type": "agent_toolset_20260401"}]),
        agent(
            tools=[
                {
                    "type": "agent_toolset_20260401",
                    "default_config": {"enabled": True, "permission_policy": ALLOW},
                    "configs": [],
                }
            ]
        ),
    ),
    (
        "agent",
        agent(
            tools=[
                {
                    "type": "agent_toolset_20260401",
                    "default_config": {"enabled": False},
                    "configs": [
                        {
                            "name": "web_fetch",
                            "enabled": True,
                            "url_sources": {
                                "user_input": "all",
                                "client_tool_results": "none",
                            },
                        }
                    ],
                }
            ]
        ),
        agent(
            tools=[
                {
                    "type": "agent_toolset_20260401",
                    "default_config": {"enabled": False, "permission_policy": ALLOW},
                    "configs": [
                        {
                            "name": "web_fetch",
                            "type": "web_fetch",
                            "enabled": True,
                            "permission_policy": ALLOW,
                            "allowed_domains": None,
                            "max_content_tokens": None,
                            "url_sources": {
                                "user_input": {"type": "all"},
                                "client_tool_results": {"type": "none"},
                                "server_tool_results": {"type": "all"},
                            },
                        }
                    ],
                }
            ]
        ),
    ),
    (
        "agent",
        agent(tools=[{"type": "mcp_toolset", "mcp_server_name": "w", "configs": [{"name": "x"}]}]),
        agent(
            tools=[
                {
                    "type": "mcp_toolset",
                    "mcp_server_name": "w",
                    "default_config": {"enabled": True, "permission_policy": ASK},
                    "configs": [{"name": "x", "enabled": True, "permission_policy": ASK}],
                }
            ]
        ),
    ),
    (
        "environment",
        {"name": "e"},
        {
            "name": "e",
            "description": None,
            "scope": "organization",
            "metadata": {},
            "config": {
                "type": "cloud",
                "networking": {"type": "unrestricted"},
                "packages": PACKAGES,
            },
        },
    ),
    (
        "environment",
        environment(networking={"type": "limited"}, packages={"pip": ["x"]}),
        environment(
            networking={"type": "limited", **LIMITED},
            packages={**PACKAGES, "pip": ["x"], "type": "packages"},
        ),
    ),
    ("environment", {"name": "e", "metadata": {"k": ""}}, {"name": "e", "metadata": {}}),
    ("environment", {"name": "e"}, {"name": "e", "scope": "account"}),
]

# Pairs that must not be taken for one another.
DIFFERENT = [
    ("agent", agent(), team(advisor=OFF, subagents=OFF, workflows=OFF)),
    ("agent", team(), team(workflows=OFF)),
    (
        "agent",
        team(subagents={**ON, "inline_agents": OFF, "predefined_agents": ["a"]}),
        team(subagents={**ON, "predefined_agents": ["a"]}),
    ),
    ("agent", roster("a", "b"), roster("b", "a")),
    ("agent", roster(member("a", 1)), roster(member("a", 2))),
    ("agent", skills({**XLSX, "version": "1"}), skills({**XLSX, "version": "2"})),
    ("agent", skills(XLSX), skills({**XLSX, "skill_id": "pdf"})),
    ("agent", agent(execution_identity={"type": "aws_role", "role_arn": "a"}), agent()),
    (
        "agent",
        fetch(url_sources={"client_tool_results": SOME}),
        fetch(url_sources={"client_tool_results": "none"}),
    ),
    ("agent", agent(mcp_servers=[{"type": "url", "name": "a", "url": "https://a.com"}]), agent()),
    ("agent", agent(system="a"), agent(system="b")),
    ("agent", agent(metadata={"k": ""}), agent()),
    (
        "agent",
        agent(tools=[{"type": "custom", "name": "x"}, {"type": "custom", "name": "y"}]),
        agent(tools=[{"type": "custom", "name": "y"}, {"type": "custom", "name": "x"}]),
    ),
    ("environment", {"name": "e"}, {"name": "e", "description": ""}),
    ("environment", {"name": "e", "scope": "account"}, {"name": "e", "scope": "organization"}),
    ("environment", environment(networking={"type": "limited"}), environment()),
    ("environment", {"name": "e", "config": {"type": "self_hosted"}}, environment()),
]


@pytest.mark.parametrize(("kind", "sent", "read"), SENT_AND_READ)
def test_what_is_sent_and_what_is_read_back_are_one(
    kind: str, sent: dict[str, Any], read: dict[str, Any]
) -> None:
    answered = {
        **read,
        "id": "x_1",
        "type": kind,
        "version": 4,
        "created_at": "2026-11-22T00:00:00Z",
        "updated_at": "2026-11-22T00:00:00Z",
        "archived_at": None,
    }
    desired = canonical(kind, sent)
    assert changes(aligned(kind, canonical(kind, answered), desired), desired) == ()
    assert sent_prints(kind, sent).expected in remote_prints(kind, answered)


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_what_differs_stays_different(
    kind: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert canonical(kind, one) != canonical(kind, other)


@pytest.mark.parametrize(
    ("kind", "body"), [(k, b) for k, *bodies in (*SENT_AND_READ, *DIFFERENT) for b in bodies]
)
def test_the_form_of_a_form_is_itself_and_inputs_are_not_touched(
    kind: str, body: dict[str, Any]
) -> None:
    original = copy.deepcopy(body)
    form = canonical(kind, body)
    assert body == original
    assert canonical(kind, form) == form
    assert known(kind, form) == form


def test_what_a_spec_says_is_compared_beside_what_it_leaves_open() -> None:
    desired = canonical("agent", skills(XLSX, {"type": "custom", "skill_id": "s", "version": "1"}))
    answer = skills({**XLSX, "version": "5"}, {"type": "custom", "skill_id": "s", "version": "2"})
    (change,) = changes(aligned("agent", canonical("agent", answer), desired), desired)
    assert (change.path, change.before, change.after) == ("/skills/1/version", "2", "1")
    longer = canonical("agent", roster("agent_0", "agent_1"))
    read = canonical("agent", roster(member("agent_1", 3)))
    (change,) = changes(aligned("agent", read, longer), longer)
    assert (change.path, change.before) == (
        "/multiagent/agents",
        [{"type": "agent", "id": "agent_1", "version": None}],
    )


def test_a_pin_that_moved_is_drift() -> None:
    sent = sent_prints("agent", roster(member("agent_1", 2))).expected
    assert sent in remote_prints("agent", roster(member("agent_1", 2)))
    assert sent not in remote_prints("agent", roster(member("agent_1", 3)))
    assert sent not in remote_prints("agent", roster(member("agent_2", 2)))


def test_fields_this_version_does_not_know_are_left_out_at_every_level() -> None:
    custom = {"type": "custom", "name": "x", "input_schema": {"free": 1}}
    toolset = {"type": "agent_toolset_20260401", "configs": [{"name": "bash", "new": 1}], "new": 1}
    body = agent(new=1, model={"id": "m", "new": 1}, tools=[toolset, {**custom, "new": 1}])
    form = known("agent", canonical("agent", body))
    assert "new" not in str(form)
    assert form["tools"][1] == custom
    new = {**ON, "new": 1, "predefined_agents": [{**member("a", 1), "new": 1}]}
    body = agent(
        skills=[{**XLSX, "new": 1}],
        execution_identity={"type": "service_account", "new": 1},
        multiagent={"type": "multiagent_20261001", "subagents": new, "new": {}, "advisor": None},
    )
    assert "new" not in str(known("agent", canonical("agent", body)))
    config = environment(networking={"type": "limited", "new": 1}, new=1)
    assert "new" not in str(known("environment", canonical("environment", config)))


def test_a_team_of_an_unknown_type_is_kept_whole() -> None:
    swarm = {"type": "swarm_of_2030", "anything": [1]}
    assert known("agent", canonical("agent", agent(multiagent=swarm)))["multiagent"] == swarm


def test_a_tool_of_an_unknown_type_is_kept_whole() -> None:
    tool = {"type": "toolset_of_2030", "anything": [1]}
    assert known("agent", canonical("agent", agent(tools=[tool])))["tools"] == [tool]


def test_fingerprints_of_different_forms_cannot_be_compared() -> None:
    assert same_fingerprint("1:a", "1:a") is True
    assert same_fingerprint("1:a", "1:b") is False
    assert same_fingerprint("1:a", "2:a") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "a", "b/~"]), inner, max_size=3)
    ),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from(["x", "y", "name"]), json_values, max_size=3)


def strictly(value: Any) -> Any:
    """Tells True from 1."""
    if isinstance(value, dict):
        return {k: strictly(v) for k, v in value.items()}
    return [strictly(v) for v in value] if isinstance(value, list) else (type(value), value)


@given(objects)
def test_nothing_changed_is_no_change(value: dict[str, Any]) -> None:
    assert changes(value, copy.deepcopy(value)) == ()


@given(objects, objects)
def test_every_difference_is_a_change_at_a_place_that_has_the_value(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = changes(before, after)
    assert bool(found) == (strictly(before) != strictly(after))
    for change in found:
        if change.kind is not ChangeKind.REMOVE:
            assert strictly(_at(after, change.path)) == strictly(change.after)
        else:
            assert strictly(_at(before, change.path)) == strictly(change.before)


def _at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def test_items_of_a_list_are_matched_by_name() -> None:
    bash, read = {"name": "bash", "enabled": True}, {"name": "read", "enabled": True}
    off = {"name": "read", "enabled": False}
    assert [(c.kind, c.path, c.label) for c in changes({"t": [bash, read]}, {"t": [off]})] == [
        (ChangeKind.REMOVE, "/t/0", "t[bash]"),
        (ChangeKind.CHANGE, "/t/0/enabled", "t[read].enabled"),
    ]
    (moved,) = changes({"t": [bash, read]}, {"t": [read, bash]})
    assert (moved.kind, moved.path) == (ChangeKind.CHANGE, "/t")


def _holding(path: str, value: object) -> Any:
    """An object with a value at a path such as `tools[custom].name`."""
    head, _, rest = path.partition(".")
    name, bracket, form = head.removesuffix("]").partition("[")
    inner = _holding(rest, value) if rest else value
    if form and isinstance(inner, dict):
        inner = {"type": form, **inner}
    if name == "config":
        inner = {"type": "cloud", **inner} if isinstance(inner, dict) else inner
    return {name: [inner] if bracket and name != "multiagent" else inner}


@pytest.mark.parametrize("kind", ["agent", "environment"])
def test_every_field_that_can_be_sent_is_known(kind: str) -> None:
    fields = list(fields_of(kind))
    assert len(fields) > 15
    lost = [path for path in fields if "here" not in str(known(kind, _holding(path, "here")))]
    assert lost == []
