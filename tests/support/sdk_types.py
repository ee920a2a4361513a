"""Hold a payload against the SDK's own parameter types, strictly.

pydantic would ignore unknown keys of a TypedDict and read `Iterable` fields lazily, so this walks the
types itself: every key is known, every required one is there, every item of every list is looked at.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from anthropic._types import FileTypes
from anthropic.types.beta.agent_create_params import AgentCreateParams
from anthropic.types.beta.deployment_create_params import DeploymentCreateParams
from anthropic.types.beta.environment_create_params import EnvironmentCreateParams
from anthropic.types.beta.memory_store_create_params import MemoryStoreCreateParams
from anthropic.types.beta.session_create_params import SessionCreateParams
from anthropic.types.beta.skill_create_params import SkillCreateParams
from anthropic.types.beta.vault_create_params import VaultCreateParams
from anthropic.types.beta.vaults.credential_create_params import CredentialCreateParams
from typing_extensions import get_type_hints, is_typeddict

__all__ = ["BODIES", "HEADERS", "is_list", "is_required", "mismatches", "problems_of"]

BODIES: dict[str, Any] = {
    "agent": AgentCreateParams,
    "environment": EnvironmentCreateParams,
    "session": SessionCreateParams,
    "deployment": DeploymentCreateParams,
    "vault": VaultCreateParams,
    "credential": CredentialCreateParams,
    "memory_store": MemoryStoreCreateParams,
    "skill": SkillCreateParams,
}
"""What the SDK's `create` takes, by kind of resource, and for sessions."""

HEADERS = frozenset({"betas", "workspace_id"})
"""Arguments of every `create` that are sent as headers, and are no part of a body."""


def problems_of(kind: str, payload: Any) -> list[str]:
    """What of the body of a create request the SDK's types do not accept, one line each.

    An uploaded file stands in a payload as the text of its path.
    """
    if not isinstance(payload, dict):
        return mismatches(payload, BODIES[kind])
    headers = [f"/{key}: a header, and no part of the body" for key in payload if key in HEADERS]
    body = {key: value for key, value in payload.items() if key not in HEADERS}
    return headers + mismatches(body, BODIES[kind])


def mismatches(value: Any, type_: Any, path: str = "") -> list[str]:
    """What does not fit, one line each, with a JSON pointer; empty if all of it does."""
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in (Required, NotRequired, Annotated):
        return mismatches(value, arguments[0], path)
    if type_ is Any or type_ is object:
        return []
    if type_ == FileTypes:
        return [] if isinstance(value, str) and value else [f"{path}: {value!r} is no path"]
    if is_typeddict(type_):
        return _typed_dict(value, type_, path)
    if origin in (Union, types.UnionType):
        return _union(value, arguments, path)
    if origin is Literal:
        return [] if value in arguments else [f"{path}: {value!r} is not one of {arguments}"]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no map"]
        return [
            m
            for key, item in value.items()
            for m in mismatches(item, arguments[1], f"{path}/{key}")
        ]
    if is_list(origin):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [
            m for i, item in enumerate(value) for m in mismatches(item, arguments[0], f"{path}/{i}")
        ]
    wanted = type(None) if type_ is None else type_
    # bool is an int in Python, and is not in JSON.
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    return [] if fits else [f"{path}: {value!r} is not {wanted}"]


def is_list(origin: Any) -> bool:
    """Whether this is the origin of a type that JSON writes as a list."""
    if origin is None:
        return False
    return getattr(origin, "__name__", "") == "SequenceNotStr" or (
        isinstance(origin, type) and (issubclass(origin, (Sequence, Iterable)))
    )


def _typed_dict(value: Any, type_: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no map"]
    hints = get_type_hints(type_, include_extras=True)
    open_ended = getattr(type_, "__extra_items__", None) is object
    # The SDK's annotations are strings, so the class itself does not know which keys are required.
    required = [key for key, hint in hints.items() if is_required(hint, type_.__total__)]
    found = [f"{path}: {key!r} is missing" for key in required if key not in value]
    for key, item in value.items():
        if key in hints:
            found += mismatches(item, hints[key], f"{path}/{key}")
        elif not open_ended:
            found.append(f"{path}/{key}: unknown to {type_.__name__}")
    return found


def is_required(hint: Any, total: bool) -> bool:
    origin = get_origin(hint)
    return origin is Required or (total and origin is not NotRequired)


def _union(value: Any, members: Sequence[Any], path: str) -> list[str]:
    meant = [member for member in members if _is_meant(value, member)]
    tried = [mismatches(value, member, path) for member in meant or members]
    # The member that fits best says most about what is wrong.
    return min(tried, key=len)


def _is_meant(value: Any, member: Any) -> bool:
    """Whether the value says itself that it is this form: by its `type`."""
    if not isinstance(value, dict) or not is_typeddict(member):
        return False
    hint = get_type_hints(member).get("type")
    return get_origin(hint) is Literal and value.get("type") in get_args(hint)
