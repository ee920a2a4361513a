"""Custom tools that are programs: real ones, as they behave and as they misbehave."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import pytest

from agentflow.compiler.manifest import CustomToolPolicy
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.program import OUTPUT_LIMIT
from agentflow.runtime.results import RESULT_LIMIT
from tests.runtime.bench import Bench, call, gone, wait_until
from tests.runtime.support import custom_policy

PROGRAM = """\
import json, os, subprocess, sys, time
from pathlib import Path

given = sys.stdin.buffer.read()
kind = sys.argv[1]
if kind == "echo":
    print(json.dumps({"given": json.loads(given), "here": os.getcwd(), "args": sys.argv[2:]}))
elif kind == "text":
    print("two\\nlines")
elif kind == "quiet":
    pass
elif kind == "fails":
    print("half a result")
    print("no rate for", json.loads(given)["currency"], os.environ["SHOP_API_KEY"], file=sys.stderr)
    sys.exit(3)
elif kind == "mute":
    sys.exit(4)
elif kind == "chatty":
    for _ in range(20_000):
        print("x" * 100, file=sys.stderr)
        print("y" * 100)
elif kind == "endless":
    while True:
        os.write(1, b"z" * 65536)
elif kind == "killed":
    os.kill(os.getpid(), 15)
elif kind == "binary":
    os.write(1, b"\\xff\\xfe ok")
elif kind == "surroundings":
    print(json.dumps(dict(os.environ)))
elif kind == "leaves":
    child = subprocess.Popen(["sleep", "600"])
    Path("pids.txt").write_text(str(child.pid))
    print("left")
elif kind == "sleeps":
    child = subprocess.Popen(["sleep", "600"])
    Path("pids.txt").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
"""


@pytest.fixture
def shop(bench: Bench) -> Bench:
    program = bench.root / "tools" / "rate"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{PROGRAM}", encoding="utf-8")
    program.chmod(0o755)
    (program.parent / "plain").write_text("no program\n", encoding="utf-8")
    return bench


def tool(*argv: str, **changes: Any) -> CustomToolPolicy:
    return custom_policy(None, command=("./tools/rate", *argv), **changes)


def test_arguments_come_in_and_the_output_is_the_result(shop: Bench) -> None:
    [outcome] = shop.run(call(currency="EUR", tags=["ä", 1]), rate=tool("echo", "--x", "a b"))
    assert not outcome.is_error
    assert json.loads(outcome.text) == {
        "given": {"currency": "EUR", "tags": ["ä", 1]},
        "here": str(shop.root),
        "args": ["--x", "a b"],
    }


@pytest.mark.parametrize(
    ("kind", "text"), [("text", "two\nlines"), ("quiet", ""), ("binary", "\ufffd\ufffd ok")]
)
def test_what_it_writes_is_the_result_as_it_is(shop: Bench, kind: str, text: str) -> None:
    [outcome] = shop.run(call(), rate=tool(kind))
    assert (outcome.text, outcome.is_error) == (text, False)


def test_a_program_is_looked_up_on_the_path(shop: Bench) -> None:
    policy = custom_policy(None, command=("cat",))
    [outcome] = shop.run(call(n=1), rate=policy)
    assert outcome.text == '{"n": 1}'


def test_no_shell_reads_the_command(shop: Bench) -> None:
    [outcome] = shop.run(call(), rate=tool("echo", "$HOME; touch owned", "*"))
    assert json.loads(outcome.text)["args"] == ["$HOME; touch owned", "*"]
    assert not (shop.root / "owned").exists()


FAILURES = [
    (("mute",), "rate failed. It ended with exit code 4."),
    (("killed",), "rate failed. It ended with SIGTERM."),
    (("fails",), "no rate for EUR [SHOP_API_KEY]"),
    (("endless",), f"rate failed. It wrote more than {OUTPUT_LIMIT >> 20} MiB and was stopped."),
]


@pytest.mark.parametrize(("argv", "words"), FAILURES, ids=lambda value: str(value)[:20])
def test_a_failure_is_told(
    shop: Bench, argv: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "s3cr3t-s3cr3t")
    [outcome] = shop.run(call(currency="EUR"), rate=tool(*argv))
    assert outcome.is_error
    assert words in outcome.text
    assert "s3cr3t" not in outcome.text
    [after] = shop.run(call(id="2"), rate=tool("text"))
    assert not after.is_error


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("./tools/absent", "'./tools/absent' cannot be started: No such file or directory."),
        ("./tools/plain", "'./tools/plain' cannot be started: Permission denied."),
        ("no-such-program-here", "'no-such-program-here' cannot be started: No such file"),
    ],
)
def test_a_program_that_cannot_be_started(shop: Bench, program: str, words: str) -> None:
    [outcome] = shop.run(call(), rate=custom_policy(None, command=(program,)))
    assert outcome.is_error
    assert words in outcome.text


def test_nothing_blocks_however_much_is_written_and_read(shop: Bench) -> None:
    [outcome] = shop.run(call(text="x" * 2_000_000), rate=tool("chatty"))
    assert not outcome.is_error
    assert "2,019,999 characters" in outcome.text
    assert len(outcome.text) <= RESULT_LIMIT


def test_a_program_need_not_read_its_input(shop: Bench) -> None:
    policy = custom_policy(None, command=("true",))
    [outcome] = shop.run(call(text="x" * 2_000_000), rate=policy)
    assert (outcome.text, outcome.is_error) == ("", False)


def test_it_does_not_get_what_calls_the_service(
    shop: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary")
    monkeypatch.setenv("AGENTFLOW_TOKEN", "token-canary")
    monkeypatch.setenv("SHOP_REGION", "emea")
    [outcome] = shop.run(call(), rate=tool("surroundings"))
    assert "canary" not in outcome.text
    assert "emea" in outcome.text


def pids(shop: Bench) -> list[int]:
    return [int(pid) for pid in (shop.root / "pids.txt").read_text().split()]


def test_what_it_leaves_running_does_not_hold_up_the_result(shop: Bench) -> None:
    began = time.monotonic()
    [outcome] = shop.run(call(), rate=tool("leaves", timeout_s=60.0))
    assert (outcome.text, outcome.is_error) == ("left", False)
    assert time.monotonic() - began < 30
    wait_until(lambda: all(map(gone, pids(shop))))


def test_a_time_limit_stops_the_program_and_its_children(shop: Bench) -> None:
    [outcome] = shop.run(call(), rate=tool("sleeps", timeout_s=1.5))
    assert outcome.text == "rate failed. It took longer than 1.5 s and was stopped."
    wait_until(lambda: all(map(gone, pids(shop))))


@pytest.mark.parametrize(("idempotent", "known"), [(False, False), (True, True)])
def test_a_call_begun_before_a_crash(shop: Bench, idempotent: bool, known: bool) -> None:
    shop.ledger.claim_call(
        run_id="run1",
        session_id="sesn_1",
        call_id="sevt_1",
        tool="rate",
        input={},
        idempotent=idempotent,
        at="2026",
    )
    [outcome] = shop.run(call(), rate=tool("text", idempotent=idempotent))
    assert ("not known" not in outcome.text) is known


def test_a_program_runs_once_for_a_call_and_not_beyond_its_number(shop: Bench) -> None:
    counting = custom_policy(None, command=("sh", "-c", "echo x >> n; wc -l < n"), max_calls=2)
    calls = [call(id=id) for id in ("1", "1", "2", "3")]
    outcomes = shop.run(*calls, rate=counting)
    assert [o.text.strip() for o in outcomes[:3]] == ["1", "1", "2"]
    assert "may be called 2 times" in outcomes[3].text


def test_what_it_says_on_the_side_is_in_the_log(tmp_path: Path) -> None:
    async def scenario(log: IO[bytes]) -> None:
        pool = WorkerPool(tmp_path, log=log)
        request = {"command": ["sh", "-c", "echo aside >&2"], "input": {}}
        try:
            assert await pool.call(request, timeout_s=20.0) == ""
        finally:
            await pool.close()

    with (tmp_path / "log").open("ab") as log:
        asyncio.run(scenario(log))
    assert (tmp_path / "log").read_text() == "aside\n"


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a child is not told of its parent's end"
)
def test_a_killed_run_leaves_no_program(tmp_path: Path) -> None:
    script = (
        "import asyncio\nfrom pathlib import Path\nfrom agentflow.runtime.pool import WorkerPool\n"
        "request = {'command': ['sh', '-c', 'echo $$ > pid.new; mv pid.new pid; exec sleep 600'], 'input': {}}\n"
        f"asyncio.run(WorkerPool(Path({str(tmp_path)!r})).call(request, timeout_s=600.0))\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_until((tmp_path / "pid").exists)
    finally:
        run.kill()
        run.wait()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: gone(pid))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_log_that_takes_no_more_does_not_hold_up_the_program(tmp_path: Path) -> None:
    """As on a full disk."""
    code = "import sys; print('aside', file=sys.stderr, flush=True); print(sys.stdin.read())"
    request = {"command": [sys.executable, "-c", code], "input": {"n": 1}}

    async def scenario(log: IO[bytes]) -> Any:
        pool = WorkerPool(tmp_path, log=log)
        try:
            return await pool.call(request, timeout_s=20.0)
        finally:
            await pool.close()

    with Path("/dev/full").open("wb", buffering=0) as log:
        assert asyncio.run(scenario(log)) == '{"n": 1}'
