"""Every method of the SDK has a route here, or a line in `NOT_EMULATED`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from agentflow.local.routes import ROUTES, left_out

_CLIENT_SIDE = {
    # Read a request that came to the user's own server, or build on other methods.
    "webhooks.unwrap",
    "webhooks.parse_unverified",
    "messages.stream",
    "messages.thread",
    "messages.tool_runner",
}


def _resources(parent: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getmembers(type(parent)):
        if name.startswith("_") or name.startswith("with_"):
            continue
        child = getattr(parent, name, None) if not callable(value) else None
        if child is not None and type(child).__module__.startswith("anthropic.resources"):
            yield f"{path}{name}", child
            yield from _resources(child, f"{path}{name}.")


class _Seen(Exception):
    """Carries the request instead of sending it."""

    def __init__(self, request: httpx2.Request) -> None:
        super().__init__(str(request.url))
        self.request = request


def _refuse(request: httpx2.Request) -> httpx2.Response:
    raise _Seen(request)


def _value(name: str, parameter: inspect.Parameter) -> Any:
    """Something an argument of this name takes."""
    if name in ("file", "archive"):
        return ("a.txt", b"x")
    if name == "files":
        return [("a.txt", b"x")]
    text = str(parameter.annotation)
    if "Iterable" in text or "List" in text or "Sequence" in text:
        return []
    if "int" in text and "str" not in text:
        return 1
    return "x"


def _endpoint(method: Any) -> tuple[str, str] | None:
    """Method and path that a call requests. None: the call requests nothing by itself."""
    arguments = {
        name: _value(name, parameter)
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    try:
        method(**arguments)
    except _Seen as caught:
        return caught.request.method, caught.request.url.path
    except anthropic.APIConnectionError as error:
        seen = error.__cause__
        if not isinstance(seen, _Seen):
            raise
        return seen.request.method, seen.request.url.path
    return None


def _methods() -> Iterator[tuple[str, Any]]:
    client = anthropic.Anthropic(
        api_key="x",
        base_url="http://service",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(_refuse)),
    )
    for root in ("beta", "files", "models"):
        top = getattr(client, root)
        for path, resource in [(root, top), *_resources(top, f"{root}.")]:
            for name, method in inspect.getmembers(resource, inspect.ismethod):
                if not name.startswith(("_", "with_")):
                    yield f"{path.removeprefix('beta.')}.{name}", method


METHODS = dict(_methods())


def _has_route(method: str, path: str) -> bool:
    return any(
        route.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", route.path), path)
        for route in ROUTES
    )


def test_the_walk_found_the_sdk() -> None:
    assert len(METHODS) > 90
    assert {"agents.create", "sessions.threads.events.stream", "files.upload"} <= set(METHODS)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_has_a_route_or_is_left_out(name: str) -> None:
    if name in _CLIENT_SIDE:
        return
    found = _endpoint(METHODS[name])
    assert found is not None, "this method requests nothing: list it in _CLIENT_SIDE"
    assert _has_route(*found) or left_out(*found), found
