"""The rules every request meets: who may call, headers, errors, and what is left out."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from agentflow.errors import UsageError
from agentflow.local.not_emulated import NOT_EMULATED
from agentflow.local.server import ServiceConfig, start
from tests.support.service import Running, running_service

BETA = {"anthropic-beta": "managed-agents-2026-04-01"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


def ask(
    running: Running,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    key: bool = True,
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """A plain request: status, body, headers in lower case."""
    address = running.base_url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    sent = {**({"x-api-key": running.token} if key else {}), **(headers or {})}
    try:
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        found = json.loads(answer.read() or b"null")
        return answer.status, found, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("headers", "key", "status", "type"),
    [
        ({}, False, 401, "authentication_error"),
        ({"x-api-key": "other"}, False, 401, "authentication_error"),
        ({"authorization": "Bearer other"}, True, 401, "authentication_error"),
        ({"host": "evil.example.com"}, True, 403, "permission_error"),
        ({"host": "evil.example.com:80"}, True, 403, "permission_error"),
        ({"anthropic-beta": ""}, True, 404, "not_found_error"),
        ({"anthropic-beta": "made-up-2026-01-01"}, True, 400, "invalid_request_error"),
        (
            {"anthropic-beta": "made-up, managed-agents-2026-04-01"},
            True,
            400,
            "invalid_request_error",
        ),
        ({"anthropic-beta": "files-api-2025-04-14"}, True, 404, "not_found_error"),
    ],
)
def test_requests_that_are_turned_away(
    running: Running, headers: dict[str, str], key: bool, status: int, type: str
) -> None:
    found, body, answered = ask(running, "GET", "/v1/agents", headers={**BETA, **headers}, key=key)
    assert (found, body["type"], body["error"]["type"]) == (status, "error", type)
    assert body["request_id"] == answered["request-id"]
    assert running.token not in json.dumps(body)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:1"])
def test_names_of_this_machine_are_accepted(running: Running, host: str) -> None:
    assert ask(running, "GET", "/v1/agents", headers={**BETA, "host": host})[0] == 200


def test_both_ways_to_send_the_key_and_the_headers_of_every_answer(running: Running) -> None:
    bearer = {"authorization": f"Bearer {running.token}", **BETA}
    status, body, headers = ask(running, "GET", "/v1/agents?beta=true", headers=bearer, key=False)
    assert (status, body["next_page"]) == (200, None)
    assert headers["request-id"].startswith("req_")
    assert headers["anthropic-organization-id"]
    assert headers["anthropic-workspace-id"].startswith("wrkspc_")
    assert headers["cache-control"] == "no-store"
    again = ask(running, "GET", "/v1/nowhere", headers=bearer, key=False)
    assert again[0] == 404
    assert again[2]["anthropic-workspace-id"] == headers["anthropic-workspace-id"]
    assert again[2]["request-id"] != headers["request-id"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[1]", "valid dictionary"),
        (b'{"name": NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"name": "\\ud800"}', "half of a surrogate pair"),
        (b'{"metadata": {"\\uDFFF": "x"}}', "half of a surrogate pair"),
        (b'{"version": 9223372036854775808}', "more than 64 bits"),
        (b'{"version": -' + b"9" * 5_000 + b"}", "more than 64 bits"),
        (b"", "name: Field required"),
    ],
)
def test_a_body_that_is_no_request(running: Running, body: bytes, said: str) -> None:
    status, answer, _ = ask(running, "POST", "/v1/agents", body=body, headers=BETA)
    assert status == 400
    assert said in answer["error"]["message"]


def test_both_halves_of_a_pair_are_a_character(running: Running) -> None:
    body = b'{"name": "\\ud83d\\ude00", "model": "claude-opus-5-5"}'
    status, answer, _ = ask(running, "POST", "/v1/agents", body=body, headers=BETA)
    assert (status, answer["name"]) == (200, "\U0001f600")


def test_a_body_over_32_megabytes_is_refused(running: Running) -> None:
    status, answer, _ = ask(
        running, "POST", "/v1/agents", body=b" " * (32 * 1024 * 1024 + 1), headers=BETA
    )
    assert (status, answer["error"]["type"]) == (413, "request_too_large")


LEFT_OUT = [
    pattern.replace("**", "anything/else").replace("*", "x")
    for item in NOT_EMULATED
    for pattern in (path.replace("* /", "GET /") for path in item.paths)
]


@pytest.mark.parametrize("endpoint", LEFT_OUT)
def test_what_is_left_out_says_so_and_is_not_retried(running: Running, endpoint: str) -> None:
    method, path = endpoint.split()
    status, answer, _ = ask(running, method, path, headers=BETA)
    assert status == 400
    assert answer["error"]["details"] == {"error_code": "not_emulated_locally"}
    assert "doctor" in answer["error"]["message"]


def test_an_unknown_endpoint_is_not_found(running: Running) -> None:
    for method, path in (("GET", "/"), ("PUT", "/v1/agents"), ("GET", "/v1/agents/a/b/c")):
        assert ask(running, method, path, headers=BETA)[0] == 404


def test_the_sdk_raises_its_own_classes(running: Running) -> None:
    client = running.own
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.beta.agents.retrieve("agent_no")
    assert caught.value.request_id
    with running.client() as stranger, pytest.raises(anthropic.AuthenticationError):
        stranger.with_options(api_key="other").beta.agents.list()


def test_a_port_in_use_is_one_clear_message(running: Running, tmp_path: Path) -> None:
    port = int(running.base_url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"port {port}"):
        start(ServiceConfig(root=tmp_path, port=port))


def test_records_of_another_version_are_refused(tmp_path: Path) -> None:
    import sqlite3

    with running_service(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / "service.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UsageError, match="another version"):
        start(ServiceConfig(root=tmp_path))


def test_models_are_those_with_a_price(running: Running) -> None:
    client = running.own
    ids = [model.id for model in client.beta.models.list(limit=3)]
    assert "claude-opus-5-5" in ids
    assert len(ids) == len(set(ids)) > 3
    assert client.beta.models.retrieve("claude-haiku-4-5").display_name == "Claude Haiku 4.5"
    with pytest.raises(anthropic.NotFoundError):
        client.beta.models.retrieve("gpt")


@pytest.mark.parametrize(
    "path",
    ["/v1/agents?limit=" + "9" * 5000, f"/v1/sessions?agent_id=a&agent_version={2**64}"],
)
def test_a_number_too_large_to_hold_is_refused(running: Running, path: str) -> None:
    status, body, _ = ask(running, "GET", path, headers=BETA)
    assert status == 400
    assert body["error"]["type"] == "invalid_request_error"
