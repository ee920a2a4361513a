"""Loop tests: faults, deaths, people, waits and stubs, each on a run that it decides about."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agentflow.operations.check import open_project
from agentflow.testing.bench import Bench
from agentflow.testing.results import Result
from agentflow.testing.suite import run_cases
from tests.testing.desk import AGENT, make_desk

BASH = "stubs: { bash: { result: '42' } }\n"
STUBS = "stubs: { rate: { result: { value: 1.1 } }, bash: { result: '42' } }\n"

CASES = {
    # name: (the rest of the document, outcome, what it says)
    "drop-after": ("faults: [{ fault: drop, after: 4 }]\n" + STUBS, "passed", ""),
    "drop-before": ("faults: [{ fault: drop, before: 3, times: 2 }]\n" + STUBS, "passed", ""),
    "duplicate": ("faults: [{ fault: duplicate, after: 6 }]\n" + STUBS, "passed", ""),
    "delay": (
        "faults: [{ fault: delay, before: 4, delay: 20s }]\nexpect: { limits: { wall: 15s } }\n"
        + STUBS,
        "failed",
        "used more",
    ),
    "rate-limit": ("faults: [{ fault: rate_limit, number: 2 }]\n" + STUBS, "passed", ""),
    "server-error": (
        "faults: [{ fault: server_error, to: files.list, times: 2 }]\n" + STUBS,
        "passed",
        "",
    ),
    "lost-answer": (
        "faults: [{ fault: lost_answer, number: 2 }]\nexpect: { tools: { counts: { rate: 1 } } }\n"
        + STUBS,
        "passed",
        "",
    ),
    "error-event": ("faults: [{ fault: error_event, number: 2 }]\n" + STUBS, "passed", ""),
    "error-exhausted": (
        "faults: [{ fault: error_event, number: 2, retry: exhausted }]\nexpect: { verdict: failed }\n"
        + STUBS,
        "passed",
        "",
    ),
    "error-terminal": (
        "faults: [{ fault: error_event, number: 2, retry: terminal }]\nexpect: { verdict: failed }\n"
        + STUBS,
        "passed",
        "",
    ),
    "refusal": (
        "faults: [{ fault: refusal, number: 2 }]\n"
        "expect: { verdict: refused, stop_reason: refusal }\n" + STUBS,
        "passed",
        "",
    ),
    "budget": (
        "faults: [{ fault: budget, number: 2 }]\nexpect: { verdict: budget }\n" + STUBS,
        "passed",
        "",
    ),
    "custom-tool-crash": (
        "faults: [{ fault: tool_crash, tool: rate }]\n"
        "expect: { verdict: failed, tools: { must: [{ tool: rate, failed: true, result: SIGKILL }] } }\n"
        + STUBS,
        "passed",
        "",
    ),
    "built-in-tool-crash": (
        "faults: [{ fault: tool_crash, tool: write, times: 2 }]\n"
        "expect: { verdict: incomplete, tools: { must: [{ tool: write, failed: true }] }, repairs: 1 }\n"
        "script: ./stubborn.yaml\n" + STUBS,
        "passed",
        "",
    ),
    "client-killed": (
        "faults: [{ fault: kill_client, after: 6 }]\n"
        "expect: { outputs: valid, tools: { counts: { rate: 1, write: 2 } } }\n" + STUBS,
        "passed",
        "",
    ),
    "client-killed-twice": (
        "faults: [{ fault: kill_client, after: 3 }, { fault: kill_client, after: 9 }]\n"
        "expect: { outputs: valid, tools: { counts: { rate: 1 } } }\n" + STUBS,
        "passed",
        "",
    ),
    "fault-that-never-comes": (
        "faults: [{ fault: drop, after: 900 }]\n" + STUBS,
        "failed",
        "did not take place",
    ),
    "stub-that-fails": (
        "stubs: { rate: { error: No such currency. }, bash: { result: '42' } }\n"
        "expect: { verdict: failed, tools: { must: [{ tool: rate, failed: true }] } }\n",
        "passed",
        "",
    ),
    "person-allows": (
        "agent: asker\nperson: { allow: [bash] }\nscript: ./asking.yaml\n"
        "expect: { approvals: [{ tool: bash, answer: allow, by: person }] }\n" + BASH,
        "passed",
        "",
    ),
    "person-denies": (
        "agent: asker\nperson: { deny: ['b*'] }\nscript: ./asking.yaml\n"
        "expect: { approvals: [{ tool: bash, answer: deny, by: person }] }\n" + BASH,
        "passed",
        "",
    ),
    "nobody-is-there": (
        "agent: asker\nscript: ./asking.yaml\n"
        "expect: { approvals: [{ tool: bash, answer: deny, by: timeout }], limits: { wall: 119m } }\n"
        + BASH,
        "failed",
        "used more",
    ),
    "question-answered": (
        "agent: curious\nperson: { replies: [Blue.] }\nscript: ./question.yaml\n"
        "expect: { tools: { must: [{ tool: ask_user, result: Blue. }] } }\n",
        "passed",
        "",
    ),
    "question-open": (
        "agent: curious\nscript: ./question.yaml\nexpect: { verdict: needs_person }\n",
        "passed",
        "",
    ),
    "too-slow": (
        "timeout: 1ms\n" + STUBS,
        "failed",
        "took too long",
    ),
    "no-script": ("script: ./orders.csv\n" + STUBS, "error", "The script"),
    "real-tools": (
        "inputs: { region: apac, orders: ./more.csv }\n"
        "expect: { tools: { must: [{ tool: read, result: Oslo }] } }\n"
        "stubs: { bash: { result: '42' } }\nscript: ./real.yaml\n",
        "passed",
        "",
    ),
    "request-without-stub": (
        "agent: caller\nscript: ./calling.yaml\n"
        "expect: { tools: { must: [{ tool: rates, failed: true, result: nothing over the network }] } }\n",
        "passed",
        "",
    ),
}

MORE_AGENTS = """\
---
kind: Agent
name: asker
model: claude-opus-5-5
environment: room
prompt: You ask.
task: Ask.
tools: { bash: ask }
approvals: [{ tool: bash, ask: person, wait: 2h, on_timeout: deny }]
budget: { usd: 1, turns: 9, wall: 9h }
---
kind: Agent
name: curious
model: claude-opus-5-5
environment: room
prompt: You ask.
task: Ask.
uncertainty: ask
budget: { usd: 1, turns: 9 }
---
kind: Agent
name: caller
model: claude-opus-5-5
environment: room
prompt: You call.
task: Call.
custom:
  rates: { http: { url: "https://rates.example.com" }, description: Rates., input_schema: { type: object } }
budget: { usd: 1, turns: 9 }
"""

SCRIPTS = {
    "asking.yaml": "turns:\n  - tools: [{ name: bash, input: { command: ls } }]\n  - say: Done.\n",
    "question.yaml": "turns:\n  - tools: [{ name: ask_user, input: { question: 'Which?', default: Red } }]\n"
    "  - say: Done.\n",
    "calling.yaml": "turns:\n  - tools: [{ name: rates, input: {} }]\n  - say: Done.\n",
    "more.csv": "city,total\nOslo,7\n",
    "stubborn.yaml": """\
turns:
  - tools:
      - { name: write, id: a, input: { file_path: /mnt/session/outputs/report.md, content: x } }
      - { name: write, id: b, input: { file_path: /mnt/session/outputs/totals.json, content: "{}" } }
  - say: Done.
  - say: Done again.
""",
    "real.yaml": """\
turns:
  - tools:
      - { name: read, input: { file_path: /mnt/session/uploads/more.csv, view_range: [2, 2] } }
      - { name: rate, input: { currency: EUR } }
  - expect: { tool: rate, contains: "1.1", is_error: false }
    tools:
      - name: write
        id: report
        input: { file_path: /mnt/session/outputs/report.md, content: "# Findings\\n\\nx\\n\\n# Appendix\\n\\nx\\n" }
      - { name: write, id: totals, input: { file_path: /mnt/session/outputs/totals.json, content: '{"total": 1}' } }
  - say: Done.
""",
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Result], float]:
    root = make_desk(tmp_path_factory.mktemp("desk"))
    (root / "agentflow.yaml").write_text(AGENT + MORE_AGENTS, encoding="utf-8")
    for name, text in SCRIPTS.items():
        (root / name).write_text(text, encoding="utf-8")
    documents = []
    for name, (rest, _, _) in CASES.items():
        agent = "" if rest.startswith("agent:") else "agent: analyst\n"
        script = "" if "script:" in rest else "script: ./script.yaml\n"
        documents.append(
            f"apiVersion: agentflow/v1\nkind: Test\nname: {name}\nlayer: loop\n{agent}{script}{rest}"
        )
    (root / "tests.yaml").write_text("---\n".join(documents), encoding="utf-8")
    bench = Bench.of(open_project(root))
    began = time.monotonic()
    results = run_cases(bench, bench.cases(), jobs=2)
    return {result.name: result for result in results}, time.monotonic() - began


@pytest.mark.parametrize("name", CASES)
def test_a_run_comes_out_as_it_must(name: str, played: tuple[dict[str, Result], float]) -> None:
    _, outcome, words = CASES[name]
    result = played[0][name]
    assert result.outcome == outcome, result.failures
    if words:
        assert any(words in failure.message for failure in result.failures), result.failures


def test_waiting_takes_no_time(played: tuple[dict[str, Result], float]) -> None:
    # Two hours for a person, ten minutes for an event, several times over.
    assert played[1] < 60


def test_what_a_run_leaves_behind_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    root = make_desk(tmp_path / "desk")
    (root / "tests.yaml").write_text(
        "apiVersion: agentflow/v1\nkind: Test\nname: one\nlayer: loop\nagent: analyst\n"
        f"script: ./script.yaml\n{STUBS}",
        encoding="utf-8",
    )
    before = sorted(path.name for path in root.rglob("*"))
    bench = Bench.of(open_project(root))
    [result] = run_cases(bench, bench.cases(), jobs=1)
    assert result.outcome == "passed", result.failures
    assert sorted(path.name for path in root.rglob("*")) == before
    assert not list(scratch.iterdir())
