"""What is received is written together, what is sent at once, and a failure is heard of."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from agentflow.runtime.events import decoded
from agentflow.runtime.transcript import Transcript, read_transcript
from agentflow.secret import protect
from tests.runtime.support import HandClock

SAID = {"id": "sevt_1", "type": "agent.message", "text": "Lamp."}
ASKED = {"type": "user.message", "text": "What?"}


def read(path: Path) -> list[tuple[bool, Any]]:
    return [(line.sent, line.event) for line in read_transcript(path)]


def test_events_of_one_moment_are_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writes = tmp_path / "t.jsonl", list[bytes]()
    real = os.write

    def write(file: int, data: bytes) -> int:
        if data.startswith(b'{"at"'):
            writes.append(data)
        return real(file, data)

    async def scene() -> None:
        with Transcript(path, HandClock()) as transcript:
            monkeypatch.setattr(os, "write", write)
            for _ in range(5):
                transcript.received(SAID)
            assert writes == []
            await asyncio.sleep(0)
            assert len(read(path)) == 5
            transcript.received(SAID)

    asyncio.run(scene())
    assert (len(writes), len(read(path))) == (2, 6)


def test_what_is_sent_is_written_at_once_behind_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with Transcript(path, HandClock()) as transcript:
        transcript.received(SAID)
        transcript.sent(ASKED)
        assert read(path) == [(False, SAID), (True, ASKED)]


def test_a_write_that_fails_in_between_is_told_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    async def scene() -> None:
        transcript = Transcript(tmp_path / "t.jsonl", HandClock())
        transcript.received(SAID)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            await asyncio.sleep(0)
        with pytest.raises(OSError, match="No space left"):
            transcript.sent(ASKED)
        transcript.close()

    asyncio.run(scene())
    # Nothing of it is lost: the lines wait for the next write.
    assert [event for _, event in read(tmp_path / "t.jsonl")] == [SAID, ASKED]


def test_an_event_is_shown_as_it_is_written(tmp_path: Path) -> None:
    protect("DESK_KEY", "hunter2-hunter2")
    path = tmp_path / "t.jsonl"
    with Transcript(path, HandClock()) as transcript:
        assert transcript.received(SAID) is SAID
        shown = transcript.received({**SAID, "text": "It is hunter2-hunter2."})
    assert shown["text"] == "It is [DESK_KEY]."
    assert "hunter2" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": "cut \\ud83d"}', {"a": "cut ?"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", None),
        (b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ],
)
def test_json_of_the_service_is_text_that_can_be_written(data: bytes, value: Any) -> None:
    found = decoded(data)
    assert value is None or found == value
    assert str(found).encode()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"{'a': 1}", b'{"a": 1} x', b"[" * 9999])
def test_what_is_no_json_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decoded(data)
