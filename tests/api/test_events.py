"""The stream of records: read by another program while the run goes on, each in its promised shape."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from agentflow.cli.main import main
from agentflow.errors import Unavailable
from agentflow.output.events import EventLog, events_schema
from agentflow.output.run import run_schema
from agentflow.runtime import notices
from agentflow.runtime.events import TokenUsage
from agentflow.secret import protect
from tests.support.cli import ROOT, started
from tests.support.starter import Running

RECORD = jsonschema.Draft202012Validator(json.loads(events_schema()))


def start(desk: Path, *words: str) -> Running:
    return started("run", *words, cwd=desk)


def records(process: Running) -> Iterator[Any]:
    for line in process.stdout:
        record = json.loads(line)
        RECORD.validate(record)
        yield record


def test_records_come_while_the_run_waits(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (desk / "agentflow.yaml").read_text(encoding="utf-8")
    text = text.replace("on_timeout: halt", "wait: 10m, on_timeout: halt")
    (desk / "agentflow.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(desk)
    process = start(desk, "asker", "--events", "-")
    seen: list[Any] = []
    coming = records(process)
    for record in coming:
        seen.append(record)
        if record["type"] == "event" and record["event"]["type"] == "session.status_idle":
            break
    assert process.poll() is None
    while main(["sessions", "approve", "last"]) != 0:
        assert process.poll() is None
    seen += coming
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [record["seq"] for record in seen] == list(range(len(seen)))
    kinds = [record["type"] for record in seen]
    order = ["run.started", "session.started", "tool.started", "approval", "output", "verdict"]
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order
    assert kinds[-1] == "verdict"
    jsonschema.validate(seen[-1]["result"], json.loads(run_schema()))
    run_id = seen[-1]["result"]["run_id"]
    assert {record["run_id"] for record in seen[kinds.index("run.started") :]} == {run_id}
    # What is for people is not among the records.
    assert "completed" in err


def test_a_file_of_records_stands_beside_the_result(desk: Path) -> None:
    process = start(desk, "clerk", "--events", "run.jsonl", "--format", "json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    lines = (desk / "run.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    assert last["type"] == "verdict"
    assert last["result"] == json.loads(out)


def test_a_run_that_is_refused_says_so_in_the_last_record(desk: Path) -> None:
    process = start(desk, "clark", "--events", "-")
    *_, last = records(process)
    process.communicate(timeout=60)
    assert (process.returncode, last["type"], last["error"]) == (2, "failed", "UsageError")
    assert last["run_id"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--events", "-", "--format", "json"], "both want standard output"),
        (["--events", "no/such/folder/x"], "cannot be written"),
    ],
)
def test_a_place_that_cannot_take_records_is_refused(
    desk: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(desk)
    assert main(["run", "clerk", *words]) == 2
    assert said in capsys.readouterr().err


TOLD: tuple[Any, ...] = (
    notices.Thinking(),
    notices.Verifying(),
    notices.Note(level="warning", text="80 % of the tokens are used."),
    notices.Note(level="info", text="The context was compacted."),
    notices.Said(text="A lamp."),
    notices.Spent(
        turns=1, tokens=TokenUsage(input=4, cache_read=12), cost_usd=None, cost_is_estimate=True
    ),
    notices.Reconnecting(attempt=1, delay_s=0.5, reason="cut"),
    notices.RepairSent(attempt=1, of=2, problems=("note.md is missing",)),
    notices.ToolEnded(id="c", name="write", is_error=False, seconds=0.1, text="ok"),
    notices.Failed(error=Unavailable("Later.", hint="Wait.")),
)


def written(*told: Any) -> list[Any]:
    stream = io.BytesIO()
    log = EventLog(stream, now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    for notice in told:
        log(notice)
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    for record in found:
        RECORD.validate(record)
    return found


def test_notices_as_records() -> None:
    found = {record["type"]: record for record in written(*TOLD)}
    assert list(found) == [
        "verifying",
        "warning",
        "note",
        "message",
        "usage",
        "reconnecting",
        "repair",
        "tool.ended",
        "failed",
    ]
    assert found["usage"]["tokens"]["cache_hit_ratio"] == 0.75
    assert found["failed"]["error"] == "Unavailable"


def test_half_a_character_and_a_secret_are_not_written() -> None:
    protect("DESK_KEY", "correct-horse")
    [said] = written(notices.Said(text="cut \ud83d correct-horse"))
    assert said["text"] == "cut ? [DESK_KEY]"


def test_every_notice_has_a_record() -> None:
    from agentflow.output import events

    without = {
        kind.__name__
        for kind in get_args(notices.Notice)
        if kind not in events._AS_THEY_ARE and f"case {kind.__name__}(" not in _source()
    }
    assert without == set()


def _source() -> str:
    return (ROOT / "agentflow/output/events.py").read_text(encoding="utf-8")
