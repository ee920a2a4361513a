"""An output that was written to another place is looked for, and the agent is told where it is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from agentflow.ports import Sessions
from agentflow.runtime.outputs import OUTPUTS_DIR, Collector, Report
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.strays import elsewhere, near_miss, written_elsewhere
from tests.runtime.support import HandClock
from tests.runtime.test_outputs import POLICY, ListedFiles, remote


def transcript(root: Path, *events: dict[str, Any]) -> Path:
    path = root / "transcript.jsonl"
    lines = [json.dumps({"at": "2026", "in": event}) for event in events]
    path.write_text("\n".join(lines) + "\n")
    return path


def use(name: str, id: str = "t1", **input: str) -> dict[str, Any]:
    return {"type": "agent.tool_use", "id": id, "name": name, "input": input}


@pytest.mark.parametrize(
    ("call", "paths"),
    [
        (use("write", file_path="/tmp/report.md"), ["/tmp/report.md"]),
        (use("edit", file_path="/workspace/a/../report.md"), ["/workspace/report.md"]),
        (use("write", file_path="/mnt/session/outputs/report.md"), []),
        (use("write", file_path="/mnt/session/outputs-old/x"), ["/mnt/session/outputs-old/x"]),
        (use("write", file_path="report.md"), []),
        (use("read", file_path="/tmp/report.md"), []),
        (
            use("bash", command="python3 a.py > /tmp/report.md && ls './x/y'"),
            ["/tmp/report.md"],
        ),
        (use("bash", command="cp /a/b.md ~/c.md; curl https://x.example/d.md"), ["/a/b.md"]),
        ({"type": "agent.tool_use", "id": "t1", "name": "write", "input": None}, []),
    ],
)
def test_what_was_written_elsewhere(call: dict[str, Any], paths: list[str], tmp_path: Path) -> None:
    assert written_elsewhere(transcript(tmp_path, call), OUTPUTS_DIR) == paths


def test_what_failed_was_not_written(tmp_path: Path) -> None:
    failed = {"type": "agent.tool_result", "tool_use_id": "t1", "is_error": True}
    path = transcript(tmp_path, use("write", file_path="/etc/report.md"), failed)
    assert written_elsewhere(path, OUTPUTS_DIR) == []
    assert written_elsewhere(tmp_path / "absent", OUTPUTS_DIR) == []


def test_what_is_said_of_it() -> None:
    assert elsewhere("a.md", ["/tmp/b.md"]) == ""
    assert "/tmp/a.md or /x/a.md:" in elsewhere("a.md", ["/tmp/a.md", "/x/a.md"])
    assert near_miss("report.md", ["report.md", "notes.md"]) == ""
    assert "There is Report.md" in near_miss("report.md", ["Report.md"])


def collect(root: Path, files: ListedFiles, path: Path) -> Report:
    async def work() -> Report:
        pool = WorkerPool(root)
        try:
            one = Collector(
                POLICY,
                sessions=cast(Sessions, files),
                session_id="sesn_1",
                out_dir=root / "out",
                pool=pool,
                clock=HandClock(),
                transcript=path,
            )
            return await one.collect(settle_s=1.0)
        finally:
            await pool.close()

    return asyncio.run(work())


def test_a_missing_output_is_said_to_be_where_it_is(tmp_path: Path) -> None:
    path = transcript(tmp_path, use("write", file_path="/tmp/report.md"))
    [problem] = collect(tmp_path, ListedFiles([]), path).problems
    assert problem == (
        "/mnt/session/outputs/report.md was not delivered. A file of that name may be at "
        "/tmp/report.md: only what is in the outputs directory is delivered."
    )


def test_an_output_under_nearly_its_name_is_named(tmp_path: Path) -> None:
    path = transcript(tmp_path, use("write", file_path="/tmp/report.md"))
    files = ListedFiles([(remote("f1", "REPORT.md"), b"hi")])
    [problem] = collect(tmp_path, files, path).problems
    assert problem.endswith("was not delivered. There is REPORT.md: the names differ in case.")


def test_of_what_was_delivered_nothing_is_looked_for(tmp_path: Path) -> None:
    path = transcript(tmp_path, use("write", file_path="/tmp/report.md"))
    report = collect(tmp_path, ListedFiles([(remote("f1"), b"hi")]), path)
    assert report.problems == ()
    [output] = report.outputs
    assert output.sha256 == "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    assert output.size_bytes == 2
