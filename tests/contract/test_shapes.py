"""The embedded service reads every field that the SDK can send to it, and no other."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from anthropic.types.beta.agent_create_params import AgentCreateParams
from anthropic.types.beta.agent_update_params import AgentUpdateParams
from anthropic.types.beta.environment_create_params import EnvironmentCreateParams
from anthropic.types.beta.environment_update_params import EnvironmentUpdateParams
from anthropic.types.beta.session_create_params import SessionCreateParams
from anthropic.types.beta.session_update_params import SessionUpdateParams

from agentflow.local.shapes.agents import AgentCreate, AgentUpdate
from agentflow.local.shapes.base import Shape
from agentflow.local.shapes.environments import EnvironmentCreate, EnvironmentUpdate
from agentflow.local.shapes.sessions import SessionCreate, SessionUpdate
from tests.support.sdk_fields import fields_in, without_forms

BODIES: list[tuple[Any, type[Shape]]] = [
    (AgentCreateParams, AgentCreate),
    (AgentUpdateParams, AgentUpdate),
    (EnvironmentCreateParams, EnvironmentCreate),
    (EnvironmentUpdateParams, EnvironmentUpdate),
    (SessionCreateParams, SessionCreate),
    (SessionUpdateParams, SessionUpdate),
]
_READ_AS_DATA = ("source", "rubric")
"""Parts of events that are kept as they come."""


def paths(shape: Any, path: str = "") -> Iterator[str]:
    origin = get_origin(shape)
    if origin is Annotated:
        yield from paths(get_args(shape)[0], path)
    elif origin in (Union, types.UnionType):
        for member in get_args(shape):
            yield from paths(member, path)
    elif origin is list:
        yield from paths(get_args(shape)[0], f"{path}[]")
    elif isinstance(shape, type) and issubclass(shape, Shape):
        for name, field in shape.model_fields.items():
            place = f"{path}.{name}" if path else name
            yield place
            yield from paths(field.annotation, place)


def _is_data(path: str) -> bool:
    return any(f".{part}." in path for part in _READ_AS_DATA)


@pytest.mark.parametrize(("sdk", "shape"), BODIES)
def test_every_field_of_a_request_is_read(sdk: Any, shape: type[Shape]) -> None:
    sent = {without_forms(path) for path in fields_in(sdk)}
    read = set(paths(shape))
    assert len(read) > 5
    assert {path for path in sent - read if not _is_data(path)} == set()
    assert read - sent == set()
