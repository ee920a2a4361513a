"""The session side of the client, against the embedded service over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import LostAnswer, NotFound, Rejected, ServiceError, StreamLost, Unavailable
from agentflow.local.fault_plan import AnswerFault
from agentflow.remote.client import make_client
from agentflow.remote.sessions import RemoteSessions
from tests.runtime.counter import Counter, open_counter
from tests.support.service import send_fault


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(tmp_path_factory.mktemp("sessions")) as counter:
        yield counter


def use(counter: Counter, scenario: Callable[[RemoteSessions], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        client = make_client(counter.service.base_url, counter.service.token)
        try:
            return await scenario(RemoteSessions(client))
        finally:
            await client.close()

    return asyncio.run(run())


def body(counter: Counter, **more: Any) -> dict[str, Any]:
    agent = {"type": "agent", "id": counter.agent_id, "version": 1}
    return {"agent": agent, "environment_id": counter.environment_id, **more}


MESSAGE = {"type": "user.message", "content": [{"type": "text", "text": "Hello"}]}


def test_a_session_from_creation_to_archive(counter: Counter) -> None:
    async def scenario(sessions: RemoteSessions) -> Any:
        info = await sessions.create(body(counter, metadata={"agentflow.run": "r1"}))
        again = await sessions.retrieve(info.id)
        assert again.id == info.id
        assert (info.status, info.agent_id, info.agent_version) == ("idle", counter.agent_id, 1)
        await sessions.archive(info.id)
        return (await sessions.retrieve(info.id)).status

    counter.reset_faults()
    assert use(counter, scenario) == "terminated"


def test_what_is_sent_comes_back_with_an_id_and_is_streamed(counter: Counter) -> None:
    async def scenario(sessions: RemoteSessions) -> None:
        info = await sessions.create(body(counter))
        async with sessions.stream(info.id) as frames:
            [stored] = await sessions.send(info.id, [MESSAGE])
            async for event in frames:
                if event["type"] == "user.message":
                    assert event["id"] == stored["id"]
                if event["type"] == "session.status_idle":
                    break
        listed = await sessions.history(info.id)
        assert stored["id"] in [event["id"] for event in listed]

    counter.reset_faults()
    use(counter, scenario)


def test_a_broken_stream_is_lost(counter: Counter) -> None:
    async def scenario(sessions: RemoteSessions) -> None:
        info = await sessions.create(body(counter))
        async with sessions.stream(info.id) as frames:
            await sessions.send(info.id, [MESSAGE])
            async for _ in frames:
                pass

    counter.reset_faults(cut_stream_after=2)
    with pytest.raises(StreamLost, match="broke"):
        use(counter, scenario)


SENT = [
    (send_fault(status=500), Unavailable),
    (send_fault(status=429, retry_after_s=3.0), Unavailable),
    (send_fault(broken=True), LostAnswer),
]


@pytest.mark.parametrize(("fault", "error"), SENT)
def test_a_send_is_made_once(
    counter: Counter, fault: AnswerFault, error: type[ServiceError]
) -> None:
    async def scenario(sessions: RemoteSessions) -> None:
        info = await sessions.create(body(counter))
        await sessions.send(info.id, [MESSAGE])

    faults = counter.reset_faults(answers=[fault])
    with pytest.raises(error) as raised:
        use(counter, scenario)
    assert faults.asked["events.send"] == 1
    if isinstance(raised.value, Unavailable):
        assert raised.value.retry_after_s == fault.retry_after_s


def test_what_does_not_exist_is_not_found(counter: Counter) -> None:
    async def stream(sessions: RemoteSessions) -> None:
        async with sessions.stream("sesn_none"):
            pass

    counter.reset_faults()
    for scenario in (
        stream,
        lambda sessions: sessions.retrieve("sesn_none"),
        lambda sessions: sessions.history("sesn_none"),
        lambda sessions: sessions.send("sesn_none", [MESSAGE]),
    ):
        with pytest.raises(NotFound):
            use(counter, scenario)


def test_an_input_is_uploaded_but_cannot_be_had_back(counter: Counter, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "back/in.csv"
    source.write_bytes(b"a,b\n1,2\n")
    target.parent.mkdir()

    async def scenario(sessions: RemoteSessions) -> None:
        file = await sessions.upload(source, filename="in.csv")
        assert (file.filename, file.size_bytes) == ("in.csv", 8)
        await sessions.download(file.id, target)

    counter.reset_faults()
    with pytest.raises(Rejected):
        use(counter, scenario)
    assert list(target.parent.iterdir()) == []


def test_unknown_fields_of_an_event_are_refused_by_the_service(counter: Counter) -> None:
    async def scenario(sessions: RemoteSessions) -> None:
        info = await sessions.create(body(counter))
        await sessions.send(info.id, [{**MESSAGE, "surprise": 1}])

    counter.reset_faults()
    with pytest.raises(Rejected, match="surprise"):
        use(counter, scenario)
