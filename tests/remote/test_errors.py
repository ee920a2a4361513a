"""What the SDK raises, as our exceptions: through the real client, over a transport in memory."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from agentflow.errors import (
    AgentflowError,
    Conflict,
    LostAnswer,
    NotFound,
    Rejected,
    ServiceError,
    Unavailable,
    UsageError,
)
from agentflow.remote.client import make_client
from agentflow.remote.errors import translate
from agentflow.remote.resources import RemoteResources

Handler = Callable[[httpx2.Request], httpx2.Response]


def ask(handler: Handler, call: Callable[[RemoteResources], Any]) -> Any:
    async def main() -> Any:
        client = make_client("http://service.test", "sk-ant-secret")
        transport = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
        client = client.with_options(max_retries=0, http_client=transport)
        try:
            # Reads are repeated by the SDK, which is not what these tests are about.
            resources = RemoteResources(client)
            return await call(resources)
        finally:
            await client.close()

    return asyncio.run(main())


def refusing(status: int, message: str = "No.", **headers: str) -> Handler:
    body = {
        "type": "error",
        "error": {"type": "some_error", "message": message},
        "request_id": "req_1",
    }
    return lambda request: httpx2.Response(
        status, json=body, headers={"request-id": "req_1", **headers}
    )


def raising(error: type[httpx2.TransportError]) -> Handler:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise error("it broke", request=request)

    return handler


async def read(resources: RemoteResources) -> Any:
    return await resources.get("agent", "agent_1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Rejected),
        (402, Rejected),
        (403, Rejected),
        (404, NotFound),
        (408, Unavailable),
        (409, Conflict),
        (412, Rejected),
        (413, Rejected),
        (422, Rejected),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (529, Unavailable),
    ],
)
def test_each_status_has_its_exception(status: int, kind: type[ServiceError]) -> None:
    with pytest.raises(kind, match=r"^No\.$") as caught:
        ask(refusing(status), read)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.type, error.request_id) == (status, "some_error", "req_1")
    assert error.exit_code == 4


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_wish_of_the_service_is_kept(headers: dict[str, str], expected: float | None) -> None:
    with pytest.raises(Unavailable) as caught:
        ask(refusing(429, **headers), read)
    assert caught.value.retry_after_s == expected


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx2.ConnectError, Unavailable),
        (httpx2.ConnectTimeout, Unavailable),
        (httpx2.PoolTimeout, Unavailable),
        (httpx2.ReadTimeout, LostAnswer),
        (httpx2.ReadError, LostAnswer),
        (httpx2.WriteError, LostAnswer),
        (httpx2.RemoteProtocolError, LostAnswer),
    ],
)
def test_a_request_that_may_have_arrived_is_told_from_one_that_did_not(
    raised: type[httpx2.TransportError], kind: type[ServiceError]
) -> None:
    with pytest.raises(kind, match=r"service\.test") as caught:
        ask(raising(raised), read)
    assert caught.value.hint


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(200, text="<html>hello</html>"),
        httpx2.Response(200, json=[1, 2]),
        httpx2.Response(200, json={"name": "without an id"}),
    ],
)
def test_an_answer_of_another_kind_of_service_is_a_service_error(
    response: httpx2.Response,
) -> None:
    with pytest.raises(ServiceError) as caught:
        ask(lambda request: response, read)
    assert caught.value.exit_code == 4


def test_credentials_that_a_service_echoes_are_hidden() -> None:
    message = "key sk-ant-secret and Authorization: Bearer abc.def are wrong"
    with pytest.raises(Rejected) as caught:
        ask(refusing(401, message), read)
    assert caught.value.message == "key [hidden] and Authorization: [hidden] are wrong"


def test_our_own_errors_pass_and_a_bug_stays_a_bug() -> None:
    ours = Conflict("x")
    assert translate(ours) is ours
    with pytest.raises(ZeroDivisionError):
        translate(ZeroDivisionError())


def test_no_credentials_is_a_usage_error_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="no credentials") as caught:
        make_client(None, None)
    assert "ANTHROPIC_API_KEY" in (caught.value.hint or "")


def test_an_unknown_profile_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nobody")
    with pytest.raises(AgentflowError) as caught:
        make_client(None, None)
    assert caught.value.exit_code == 2


def test_all_pages_are_read_and_unknown_fields_and_nulls_survive() -> None:
    asked: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        assert request.headers["anthropic-beta"] == "managed-agents-2026-04-01"
        second = "page=two" in str(request.url)
        body = {"id": "env_2" if second else "env_1", "config": {"new": None}, "invented": [1]}
        return httpx2.Response(200, json={"data": [body], "next_page": None if second else "two"})

    records = ask(handler, lambda resources: resources.list("environment"))
    assert [record.id for record in records] == ["env_1", "env_2"]
    assert records[0].body["invented"] == [1]
    assert records[0].body["config"] == {"new": None}
    assert len(asked) == 2


def test_a_list_that_goes_in_circles_ends() -> None:
    page = {"data": [], "next_page": "again"}
    with pytest.raises(ServiceError, match="does not end"):
        ask(lambda r: httpx2.Response(200, json=page), lambda r: r.list("agent"))


def test_a_body_goes_as_it_stands_and_a_version_with_it() -> None:
    sent: list[dict[str, Any]] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(request.content))
        return httpx2.Response(200, json={"id": "agent_1", "version": 2})

    body = {"name": "a", "model": {"id": "m"}, "description": None, "invented": {"x": None}}
    ask(handler, lambda r: r.create("agent", body))
    ask(handler, lambda r: r.update("agent", "agent_1", body, expected_version=1))
    assert sent == [body, {**body, "version": 1}]


@pytest.mark.parametrize("status", [409, 429, 500])
def test_requests_with_effects_are_sent_once(status: int) -> None:
    asked = 0

    def handler(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        return refusing(status)(request)

    async def main() -> None:
        client = make_client("http://service.test", "key")
        transport = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
        async with client.with_options(http_client=transport) as patient:
            await RemoteResources(patient).create("agent", {"name": "a", "model": "m"})

    with pytest.raises(ServiceError):
        asyncio.run(main())
    assert asked == 1


def test_who_answers_is_in_the_headers_of_any_answer() -> None:
    headers = {"anthropic-organization-id": "org", "anthropic-workspace-id": "w"}
    workspace = ask(
        lambda r: httpx2.Response(200, json={"data": []}, headers=headers), lambda r: r.workspace()
    )
    assert (workspace.organization_id, workspace.workspace_id) == ("org", "w")
    assert workspace.base_url == "http://service.test"
