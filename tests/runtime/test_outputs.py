"""What was delivered: named, kept apart, verified, and checked by code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.manifest import AgentPolicy, DonePolicy, OutputPolicy
from agentflow.ports import RemoteFile, Sessions
from agentflow.runtime.forms import headings
from agentflow.runtime.outputs import (
    Collector,
    base_name,
    nothing_delivered,
    repair_message,
    verify_file,
)
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.run import OutputResult
from tests.runtime.support import HandClock, agent_policy, write_module

SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}


def output(path: str = "report.md", **changes: Any) -> OutputPolicy:
    values: dict[str, Any] = {"required": True, "schema": None, "sections": ()}
    return OutputPolicy(path=path, **{**values, **changes})


def verified(
    name: str, policy: OutputPolicy, path: Path | None, *, timeout_s: float = 30.0
) -> OutputResult:
    """`verify_file` with a worker of its own."""

    async def work() -> OutputResult:
        pool = WorkerPool(path.parent if path else Path())
        try:
            return await verify_file(name, policy, path, pool=pool, timeout_s=timeout_s)
        finally:
            await pool.close()

    return asyncio.run(work())


REPORT = "# Summary\n\ntext\n\nFindings\n--------\n\n```\n# Appendix\n```\n"

VERIFIED = [
    (output(), b"x", []),
    (output(), b" \n", ["is empty"]),
    (output(schema=SCHEMA), b'{"total": 3}', []),
    (output(schema=SCHEMA), b'\xef\xbb\xbf{"total": 3}', []),
    (output(schema=SCHEMA), b'{"total": "3"}', ["$.total"]),
    (output(schema=SCHEMA), b"{}", ["'total' is a required property"]),
    (output(schema=SCHEMA), b'{\n"total": }', ["line 2, column 10"]),
    (output(schema=SCHEMA), b"\xff\xfe", ["not UTF-8"]),
    (
        output(schema={"type": "array", "items": {"type": "null"}}),
        b"[1,2,3,4,5,6,7]",
        ["$[0]", "$[1]", "$[2]", "$[3]", "$[4]", "2 more"],
    ),
    (output(sections=("Summary", "Findings")), REPORT.encode(), []),
    (output(sections=("summary", "FINDINGS")), REPORT.encode(), []),
    (output(sections=("Findings", "Summary")), REPORT.encode(), ["wrong place"]),
    (output(sections=("Appendix",)), REPORT.encode(), ["no section 'Appendix'"]),
    (output(sections=("Summary",)), b"## **Summary** ##\n", []),
]


@pytest.mark.parametrize(("policy", "data", "words"), VERIFIED)
def test_verification(policy: OutputPolicy, data: bytes, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    result = verified("report", policy, path)
    assert len(result.problems) == len(words)
    for problem, word in zip(result.problems, words, strict=True):
        assert word in problem
        assert problem.startswith("/mnt/session/outputs/report.md ")
    assert result.size_bytes == len(data)


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, b'"' + b"a" * 40 + b'!"'),
        ({"uniqueItems": True}, json.dumps([{"n": n} for n in range(20_000)]).encode()),
    ],
    ids=["pattern", "uniqueItems"],
)
def test_a_file_that_takes_for_ever_to_check_is_a_problem(
    schema: dict[str, Any], data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    [problem] = verified("a", output("a.json", schema=schema), path, timeout_s=2.0).problems
    assert "cannot be verified" in problem
    assert "2 s" in problem


def test_only_a_required_output_can_be_missing() -> None:
    assert len(verified("a", output(), None).problems) == 1
    assert verified("a", output(required=False), None).problems == ()
    policy = agent_policy(outputs={"a": output(), "b": output("b.md", required=False)})
    assert nothing_delivered(policy).problems == (
        "/mnt/session/outputs/report.md was not delivered.",
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# A\n## B ##\n####### no\n#no\n   # C\n", ["A", "B", "C"]),
        ("A\n===\n\nB\n---\n\n---\n", ["A", "B"]),
        ("- item\n---\n> quote\n---\n", []),
        ("~~~~\n# no\n~~~\n# no\n~~~~\n# yes\n", ["yes"]),
        ("``` not `a` fence\n# yes\n", ["yes"]),
        ("```\n# never closed\n", []),
        ("#\n", [""]),
    ],
)
def test_headings(text: str, found: list[str]) -> None:
    assert headings(text) == found


@given(st.text())
def test_a_name_never_leaves_its_directory(name: str) -> None:
    clean = base_name(name)
    assert Path(clean).name == clean
    assert clean not in (".", "..", "")
    assert len(clean.encode()) <= 255
    assert clean.isprintable()


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.md", "y.md"),
        ("..", "file"),
        ("a\x1b[1m", "a_[1m"),
    ],
)
def test_names_of_the_service_are_not_paths(name: str, clean: str) -> None:
    assert base_name(name) == clean


class ListedFiles:
    """The file side of a session: each look shows the next list, the last one for ever."""

    def __init__(self, *lists: Sequence[tuple[RemoteFile, bytes]]) -> None:
        self.lists = list(lists)
        self.downloads: list[str] = []
        self.shown: dict[str, bytes] = {}

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        listed = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        self.shown = {file.id: data for file, data in listed}
        return [file for file, _ in listed]

    async def download(self, file_id: str, to: Path) -> None:
        self.downloads.append(file_id)
        to.write_bytes(self.shown[file_id])  # noqa: ASYNC240  # a few bytes in a test


def remote(
    id: str, name: str = "report.md", *, at: str = "2026-11-22T10:00:01Z", downloadable: bool = True
) -> RemoteFile:
    return RemoteFile(
        id=id,
        filename=name,
        size_bytes=1,
        mime_type="text/plain",
        downloadable=downloadable,
        created_at=at,
    )


def collector(
    policy: AgentPolicy,
    files: ListedFiles,
    root: Path,
    pool: WorkerPool,
    clock: HandClock | None = None,
) -> Collector:
    return Collector(
        policy,
        sessions=cast(Sessions, files),
        session_id="sesn_1",
        out_dir=root / "out",
        pool=pool,
        clock=clock or HandClock(),
    )


async def collect(policy: AgentPolicy, files: ListedFiles, root: Path, *, times: int = 1) -> Any:
    pool = WorkerPool(root)
    try:
        one = collector(policy, files, root, pool)
        report = await one.collect(settle_s=4.0)
        for _ in range(times - 1):
            report = await one.collect(settle_s=4.0)
        return report
    finally:
        await pool.close()


POLICY = agent_policy(outputs={"report": output()})


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_a_file_that_is_listed_late_is_waited_for(tmp_path: Path) -> None:
    files = ListedFiles([], [], [(remote("f1"), b"hello")])
    report = run(collect(POLICY, files, tmp_path))
    assert report.problems == ()
    assert (tmp_path / "out/report.md").read_bytes() == b"hello"


def test_a_service_that_is_slow_to_answer_is_asked_all_the_same(tmp_path: Path) -> None:
    clock = HandClock()

    class Slow(ListedFiles):
        async def files(self, session_id: str) -> Sequence[RemoteFile]:
            await clock.sleep(60.0)
            return await super().files(session_id)

    async def slowly() -> Any:
        pool = WorkerPool(tmp_path)
        try:
            files = Slow([], [], [(remote("f1"), b"hello")])
            one = collector(POLICY, files, tmp_path, pool, clock=clock)
            return await one.collect(settle_s=4.0)
        finally:
            await pool.close()

    assert run(slowly()).problems == ()


def test_a_file_that_never_comes_is_missing_after_a_while(tmp_path: Path) -> None:
    report = run(collect(POLICY, ListedFiles([]), tmp_path))
    assert report.problems == ("/mnt/session/outputs/report.md was not delivered.",)


def test_inputs_in_the_list_are_not_outputs(tmp_path: Path) -> None:
    listed = [(remote("in", downloadable=False), b"input"), (remote("f1"), b"out")]
    files = ListedFiles(listed)
    run(collect(POLICY, files, tmp_path))
    assert files.downloads == ["f1"]


def test_files_of_one_name_are_kept_apart_and_the_newest_counts(tmp_path: Path) -> None:
    listed = [
        (remote("f2", "b/report.md", at="2026-11-22T10:00:02Z"), b"new"),
        (remote("f1", "a/report.md", at="2026-11-22T10:00:01Z"), b"old"),
        (remote("f3", "../notes"), b"extra"),
    ]
    report = run(collect(POLICY, ListedFiles(listed), tmp_path))
    names = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert names == {"report.md": b"new", "report.f1.md": b"old", "notes": b"extra"}
    assert sorted(path.name for path in report.extra_files) == ["notes", "report.f1.md"]


def test_a_repaired_file_replaces_the_first_and_nothing_is_fetched_twice(tmp_path: Path) -> None:
    first, second = (remote("f1"), b" "), (remote("f2", at="2026-11-22T10:00:02Z"), b"better")
    files = ListedFiles([first], [first], [first, second])
    report = run(collect(POLICY, files, tmp_path, times=2))
    assert report.problems == ()
    assert (tmp_path / "out/report.md").read_bytes() == b"better"
    assert files.downloads.count("f2") == 1


CHECKS: Mapping[str, str] = {
    "shop/__init__.py": "",
    "shop/checks.py": (
        "def fine(outputs): assert outputs['report'].read_text() == 'hi'; print('noise')\n"
        "def finds(outputs): return ['a is not b', 'c is not d']\n"
        "def says(outputs): return 'one thing'\n"
        "def false(outputs): return False\n"
        "def raises(outputs): raise ValueError('boom')\n"
    ),
}


@pytest.mark.parametrize(
    ("check", "failed"),
    [
        ("shop.checks:fine", []),
        ("shop.checks.fine", []),
        ("shop.checks:finds", ["shop.checks:finds: a is not b", "shop.checks:finds: c is not d"]),
        ("shop.checks:says", ["shop.checks:says: one thing"]),
        ("shop.checks:false", ["The check shop.checks:false does not hold."]),
        ("shop.checks:raises", ["The check shop.checks:raises failed. ValueError: boom"]),
    ],
)
def test_checks(check: str, failed: list[str], tmp_path: Path) -> None:
    write_module(tmp_path, CHECKS)
    done = (DonePolicy(text="It is good.", check=None), DonePolicy(text=None, check=check))
    files = ListedFiles([(remote("f1"), b"hi")])
    report = run(collect(replace(POLICY, done=done), files, tmp_path))
    assert list(report.failed_checks) == failed


PROGRAM = """\
import json, os, sys, time
from pathlib import Path
paths = json.load(sys.stdin)
assert Path("report.md").samefile(paths["report"]), os.getcwd()
match sys.argv[1]:
    case "fine": print("all is well")
    case "finds": print("a is not b\\n\\nc is not d"); sys.exit(1)
    case "many": print("\\n".join(map(str, range(30)))); sys.exit(2)
    case "silent": sys.exit(3)
    case "raises": raise ValueError("boom")
    case "slow": time.sleep(60)
    case "env": sys.exit(os.environ.get("SHOP_TOKEN", "") + os.environ.get("ANTHROPIC_API_KEY", ""))
"""


@pytest.mark.parametrize(
    ("word", "failed"),
    [
        ("fine", []),
        ("finds", ["{}: a is not b", "{}: c is not d"]),
        ("many", [*(f"{{}}: {n}" for n in range(20)), "{}: and 10 more"]),
        ("silent", ["{}: it ended with exit code 3."]),
        ("slow", ["The check {} failed. It took longer than 1 s and was stopped."]),
        ("env", ["{}: it ended with exit code 1."]),
    ],
)
def test_checks_that_are_programs(
    word: str, failed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "canary")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    write_module(tmp_path, {"checks/all.py": PROGRAM})
    command = (sys.executable, "./checks/all.py", word)
    done = (DonePolicy(text=None, check=None, command=command, timeout_s=1.0),)
    files = ListedFiles([(remote("f1"), b"hi")])
    report = run(collect(replace(POLICY, done=done), files, tmp_path))
    name = " ".join(command)
    assert list(report.failed_checks) == [text.format(name) for text in failed]


def test_a_check_that_dies_or_cannot_be_started_says_so(tmp_path: Path) -> None:
    write_module(tmp_path, {"checks/all.py": PROGRAM})
    raises = (sys.executable, "./checks/all.py", "raises")
    done = tuple(
        DonePolicy(text=None, check=None, command=command)
        for command in (
            raises,
            ("./checks/absent",),
            (sys.executable, "-c", "import os; os.abort()"),
        )
    )
    files = ListedFiles([(remote("f1"), b"hi")])
    first, second, third = run(collect(replace(POLICY, done=done), files, tmp_path)).failed_checks
    assert first.endswith("ValueError: boom")
    assert second == (
        "The check ./checks/absent failed. './checks/absent' cannot be started: "
        "No such file or directory."
    )
    assert "it ended with SIGABRT" in third


def test_the_agent_is_told_exactly_what_is_wrong() -> None:
    text = repair_message(["a is empty.", "b was not delivered."], 1, 2)
    assert "- a is empty.\n- b was not delivered." in text
    assert "repair 1 of 2" in text


NOT_JSON = [b'{"total": NaN}', b'{"total": -Infinity}', b"[" * 200_000 + b"]" * 200_000]


@pytest.mark.parametrize("data", NOT_JSON, ids=["nan", "infinity", "deep"])
def test_what_only_python_reads_as_json_is_not_json(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "totals.json"
    path.write_bytes(data)
    [problem] = verified("totals", output("totals.json", schema={}), path).problems
    assert "is not JSON" in problem


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.250Z"),
        ("2026-11-22T10:00:00.5Z", "2026-11-22T10:00:00.51Z"),
        ("2026-11-22T10:00:00Z", "2026-11-22T09:00:01-01:00"),
    ],
)
def test_the_newest_is_told_by_the_instant_not_by_the_text(
    older: str, newer: str, tmp_path: Path
) -> None:
    listed = [(remote("f2", at=newer), b"newer"), (remote("f1", at=older), b"older")]
    run(collect(POLICY, ListedFiles(listed), tmp_path))
    assert (tmp_path / "out/report.md").read_bytes() == b"newer"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (SCHEMA, "[" * 100_000),
        ({"$ref": "#"}, "1"),
        ({"$ref": "#/nowhere"}, "1"),
        ({"multipleOf": 0.01}, "1e400"),
    ],
)
def test_what_cannot_be_verified_is_a_problem_and_not_a_crash(
    tmp_path: Path, schema: Mapping[str, Any], text: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    found = verified("a", output("a.json", schema=schema), path)
    assert len(found.problems) == 1


@pytest.mark.parametrize("word", ["$ref", "$dynamicRef"])
def test_verifying_fetches_nothing(
    tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        asked.append(arguments)
        raise OSError

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    path = tmp_path / "a.json"
    path.write_text("1", encoding="utf-8")
    schema = {word: "http://127.0.0.1:1/schema.json"}
    found = verified("a", output("a.json", schema=schema), path)
    assert len(found.problems) == 1
    assert not asked
