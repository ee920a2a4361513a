"""No body makes the embedded service raise anything but an answer of the API."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.local import agents, environments
from agentflow.local.errors import ApiError
from agentflow.local.shapes.agents import AgentCreate, AgentUpdate
from agentflow.local.shapes.base import read
from agentflow.local.shapes.environments import EnvironmentCreate, EnvironmentUpdate
from agentflow.local.shapes.sessions import SessionCreate
from tests.contract.test_sdk_types import ACCEPTED
from tests.local.test_agents_team_laws import OTHERS, OWNER

BODIES = {
    kind: payload for kind, payload in ACCEPTED if kind in ("agent", "environment", "session")
}

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from([*OTHERS, "enabled", "disabled", "custom", "self", "none", "https://a.com"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "id", "name", "tools", "version", "model", "agents"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [path, *(place for key in keys for place in _places(value[key], (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn, kind: str) -> Any:
    """A body that is right, but for one or two places."""
    body: Any = copy.deepcopy(BODIES[kind])
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(_places(body)))
        value = draw(ANYTHING)
        if not place:
            return value
        *above, key = place
        parent = body
        for step in above:
            parent = parent[step]
        parent[key] = value
    return body


def answered(work: Any) -> Any:
    """The result, or None where the service would refuse with a message."""
    try:
        result = work()
    except ApiError:
        return None
    json.dumps(result, allow_nan=False)
    return result


@given(damaged("agent"))
def test_an_agent_is_kept_or_refused(body: Any) -> None:
    made = answered(lambda: agents.normalise(read(AgentCreate, body), OWNER))
    if made is not None:
        again = agents.merge(made, read(AgentUpdate, made), OWNER)
        assert again == made, "what is read back can be sent again"


@given(damaged("environment"))
def test_an_environment_is_kept_or_refused(body: Any) -> None:
    made = answered(lambda: environments.normalise(read(EnvironmentCreate, body)))
    if made is not None:
        sent = {key: value for key, value in made.items() if key != "metadata"}
        assert environments.merge(made, read(EnvironmentUpdate, sent)) == made


@given(damaged("session"))
def test_a_session_is_read_or_refused(body: Any) -> None:
    answered(lambda: read(SessionCreate, body).model_dump())


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_the_bodies_that_are_damaged_are_right_before(kind: str) -> None:
    shape: Any = {"agent": AgentCreate, "environment": EnvironmentCreate, "session": SessionCreate}
    assert read(shape[kind], BODIES[kind]) is not None
