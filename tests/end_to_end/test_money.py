"""What runs may spend, from the command line: limits that stop a run and are raised, and shared pools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main
from tests.end_to_end import test_resume

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
pools:
  desk: { POOL }
targets:
  local: { service: local, driver: { script: ./script.yaml } }
---
kind: Environment
name: here
network: {}
---
kind: Agent
name: clerk
model: claude-opus-5-5
environment: here
prompt: Write what you are told.
task: Write it.
tools: { write: allow, read: allow }
outputs:
  note: { path: note.md }
repair: 0
budget: { BUDGET }
"""

USAGE = "usage: { input: 1000, output: 1000 }"  # 2.4 cents
SCRIPT = f"""\
turns:
  - {USAGE}
    tools: [{{ id: look, name: read, input: {{ file_path: /workspace/a.txt }} }}]
  - {USAGE}
    tools:
      - id: note
        name: write
        input: {{ file_path: /mnt/session/outputs/note.md, content: "A lamp." }}
  - {USAGE}
    say: Written.
  - {USAGE}
    say: It is all there.
  - {USAGE}
    say: Nothing is left to do.
"""


class Desk:
    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = self.err = ""

    def make(self, *, budget: str = "usd: 1", pool: str = "usd: 9, per: day") -> None:
        text = PROJECT.replace("BUDGET", budget).replace("POOL", pool)
        (self.root / "agentflow.yaml").write_text(text, encoding="utf-8")
        (self.root / "script.yaml").write_text(SCRIPT, encoding="utf-8")

    def __call__(self, *words: str) -> int:
        code = main([*words, "-C", str(self.root)])
        self.out, self.err = self._capsys.readouterr()
        return code

    def run(self, *words: str) -> dict[str, Any]:
        self.code = self("run", *words, "--format", "json")
        report: dict[str, Any] = json.loads(self.out)
        return report


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


def test_a_limit_of_our_own_is_raised_and_the_session_goes_on(desk: Desk) -> None:
    desk.make(budget="usd: 1, tokens: 2k")
    stopped = desk.run()
    assert (stopped["verdict"], desk.code) == ("budget", 7)
    assert stopped["limit"]["name"] == "tokens"
    run = stopped["run_id"]
    assert f"agentflow sessions budget {run} --tokens 1M" in stopped["hint"]
    assert f"agentflow run --resume {run}" in stopped["hint"]

    assert desk("run", "--resume", "last") == 7
    assert "has used up budget.tokens" in desk.err
    assert desk("sessions", "budget", "last", "--tokens", "1k") == 2
    assert "--tokens 1k is not above what run" in desk.err

    assert desk("sessions", "budget", "last", "--tokens", "1M") == 0
    assert "1,000,000 tokens (was 2,000 tokens; used: " in desk.out
    assert f"agentflow run --resume {run}" in desk.out
    report = desk.run("--resume", "last")
    assert (report["verdict"], desk.code) == ("completed", 0), report
    assert report["session_id"] == stopped["session_id"]
    assert report["tokens"]["input"] >= 3000
    assert desk("sessions", "budget", "last", "--usd", "5") == 2
    assert "has finished: completed" in desk.err


def test_the_budget_of_the_service_is_raised_and_it_goes_on_by_itself(desk: Desk) -> None:
    desk.make(budget="usd: 0.03")
    stopped = desk.run()
    assert (stopped["verdict"], stopped["limit"]["name"]) == ("budget", "usd")
    assert desk("sessions", "budget", "last", "--usd", "0.01") == 2
    assert desk("sessions", "budget", "last", "--usd", "2", "--format", "json") == 0
    [raised] = json.loads(desk.out)
    assert (raised["name"], raised["was"], raised["now"]) == ("usd", "$0.03", "$2.00")
    report = desk.run("--resume", "last")
    assert (report["verdict"], report["session_id"]) == ("completed", stopped["session_id"])
    assert report["cost_usd"] == "0.07"


def test_what_is_no_limit_is_said(desk: Desk) -> None:
    desk.make(budget="usd: 1, turns: 1")
    desk.run()
    assert desk.code == 7
    for words, said in (
        (["--usd", "a lot"], "--usd: 'a lot' is not an amount in dollars such as 2.50."),
        (["--usd", "-1"], "--usd: -1 is not an amount above zero."),
        (["--usd", "nan"], "--usd: NaN is not an amount above zero."),
        (["--turns", "many"], "--turns: 'many' is not a whole number such as 60"),
        (["--wall", "90"], "--wall: '90' is not a duration such as 30s"),
        ([], "Which limit is to be raised?"),
    ):
        assert desk("sessions", "budget", "last", *words) == 2, words
        assert said in desk.err
    assert desk("run", "--resume", "last") == 7


def test_a_pool_is_shared_and_a_run_does_not_start_without_it(desk: Desk) -> None:
    desk.make(budget="usd: 1, pools: [desk]", pool="usd: 0.09, tokens: 1M, per: month")
    first = desk.run()
    assert first["verdict"] == "completed", first
    second = desk.run()
    assert (second["verdict"], desk.code) == ("budget", 7)
    assert second["limit"]["name"] == "pools.desk"
    assert second["limit"]["source"].startswith("agentflow.yaml:5:")
    assert "It is full again at" in second["hint"]
    assert desk("run") == 7
    assert "The pool 'desk' is used up: $0." in desk.err
    assert "of $0.09 are used (agentflow.yaml:5:" in desk.err
    assert "It is full again at" in desk.err
    assert "raise its limit at agentflow.yaml:5:3." in desk.err

    assert desk("sessions", "pools") == 0
    assert desk.out.splitlines()[0].split() == [
        "POOL",
        "PERIOD",
        "USED",
        "HELD",
        "LIMIT",
        "FULL",
        "AGAIN",
    ]
    assert "8,000 tokens  -" in desk.out
    assert desk("sessions", "pools", "--format", "json") == 0
    tokens, usd = sorted(json.loads(desk.out), key=lambda line: line["measure"])
    assert (usd["pool"], usd["limit"], usd["runs"]) == ("desk", "$0.09", 0)
    assert (tokens["used"], tokens["held"]) == ("8,000 tokens", "0 tokens")
    # A run that was refused leaves nothing behind.
    assert len(list((desk.root / ".agentflow/runs").iterdir())) == 2

    desk.make(budget="usd: 1, pools: [desk]", pool="usd: 1, tokens: 1M, per: month")
    report = desk.run("--resume", second["run_id"])
    assert (report["verdict"], report["session_id"]) == ("completed", second["session_id"])


def test_a_forecast_is_what_earlier_runs_used(desk: Desk) -> None:
    desk.make(budget="usd: 1, tokens: 7k")
    assert desk("run", "--forecast") == 0
    assert desk.out == (
        "No run of agent/clerk has ended on this target yet: there is nothing to go by.\n"
    )
    assert desk.run()["verdict"] == "completed"
    assert "forecast" not in desk.err
    assert desk.run()["verdict"] == "completed"
    assert "$0.07, nine in ten up to $0.07; 6,000 tokens; " in desk.err
    assert "(by 1 earlier run)" in desk.err

    assert desk("run", "--forecast", "--set", "agent/clerk.budget.tokens=5000") == 0
    assert "agent/clerk, by 2 earlier runs" in desk.out
    assert "tokens  6,000 in half of them, 6,000 in nine of ten" in desk.out
    assert "budget.tokens: 5,000 tokens, reached by 2 of 2 (100%)" in desk.out
    assert desk("run", "--forecast", "--format", "json") == 0
    report = json.loads(desk.out)
    assert report["cost_usd"] == {"p50": "0.07", "p90": "0.07", "runs": 2}
    assert {"name": "usd", "limit": "1.00", "reached": 0, "of": 2} in report["limits"]
    assert desk("run", "--resume", "last", "--forecast") == 2


def test_what_a_killed_run_held_is_given_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    project = test_resume.PROJECT.replace(
        'budget: { usd: "${var.cap}" }', "budget: { usd: 1, pools: [desk] }"
    ).replace("vars:", "pools: { desk: { usd: 9, tokens: 1M, per: month } }\nvars:")
    assert "pools: [desk]" in project
    monkeypatch.setattr(test_resume, "PROJECT", project)
    test_resume.killed(desk.root, idempotent=True)

    def pool() -> dict[str, Any]:
        assert desk("sessions", "pools", "--format", "json") == 0
        return {line["measure"]: line for line in json.loads(desk.out)}

    report = desk.run("--resume", "last")
    assert report["verdict"] == "completed"
    total = sum(report["tokens"][name] for name in ("input", "output", "cache_read", "cache_write"))
    after = pool()
    assert after["tokens"]["used"] == f"{total:,} tokens"
    assert (after["tokens"]["held"], after["usd"]["runs"]) == ("0 tokens", 0)
