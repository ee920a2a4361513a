"""What a run tells of itself, over the real command line: to a collector, to a log, and never a secret."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.end_to_end.test_custom_tools import Rates, write
from tests.support.cli import agentflow
from tests.support.collector import Collected, collector

CANARY = "canary-s3cr3t-of-the-rates"

TELLTALE = '''

def leak(text: str) -> str:
    """A tool that repeats what it should not know."""
    import os, sys
    print(os.environ["RATES_TOKEN"], file=sys.stderr)
    raise RuntimeError(f"{text} and {os.environ['RATES_TOKEN']}")


def repeat(text: str) -> dict:
    """Another one."""
    return {"text": text, "again": [text]}
'''
SPEC = """\
  leak: { run: "desk.tools:leak", idempotent: true }
  repeat: { run: "desk.tools:repeat", idempotent: true }
"""
SCRIPT = f"""\
turns:
  - say: I know it is {CANARY}.
    tools:
      - {{ name: rate, input: {{ amount: 2000 }} }}
      - {{ name: leak, input: {{ text: {CANARY} }} }}
      - {{ name: repeat, input: {{ text: "so: {CANARY}" }} }}
  - expect:
      - {{ tool: leak, contains: "[RATES_TOKEN] and [RATES_TOKEN]", is_error: true }}
      - {{ tool: repeat, contains: "so: [rates]", is_error: false }}
    say: "The token is {CANARY}, in base64 Y2FuYXJ5LXMzY3IzdC1vZi10aGUtcmF0ZXM=."
"""


class Told(NamedTuple):
    root: Path
    result: subprocess.CompletedProcess[str]
    collected: Collected
    log: list[dict[str, object]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One run with a secret planted wherever one can be, told to everybody who can be told."""
    root = tmp_path_factory.mktemp("desk")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Rates,), {"seen": []}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    write(root, server.server_address[1])
    spec = (
        (root / "agentflow.yaml")
        .read_text()
        .replace("task: Book the trade.", f"task: Use {CANARY}.")
    )
    with collector() as kept:
        where = f"telemetry: {{ endpoint: '{kept.url}', content: true }}\n"
        (root / "agentflow.yaml").write_text(
            spec.replace("name: desk\n", f"name: desk\n{where}", 1) + SPEC
        )
        (root / "desk/tools.py").write_text((root / "desk/tools.py").read_text() + TELLTALE)
        (root / "script.yaml").write_text(SCRIPT)
        result = agentflow(
            *("run", "--format", "json", "--events", "events.jsonl"),
            *("--log-file", "logs/run.jsonl", "--log-level", "debug", "--log-format", "json"),
            cwd=root,
            environ={"RATES_TOKEN": CANARY},
        )
    server.shutdown()
    thread.join()
    server.server_close()
    lines = (root / "logs/run.jsonl").read_text().splitlines()
    return Told(root, result, kept, [json.loads(line) for line in lines])


def test_the_run_went_well(told: Told) -> None:
    assert told.result.returncode == 0, told.result.stdout + told.result.stderr


def test_a_secret_is_in_nothing_that_is_printed_sent_or_kept(told: Told) -> None:
    said = {"stdout": told.result.stdout, "stderr": told.result.stderr}
    planted = {"agentflow.yaml", "script.yaml"}
    # The embedded service is a service: it has what the agent was told.
    kept = [
        path
        for path in told.root.rglob("*")
        if path.is_file() and path.name not in planted and "local" not in path.parts
    ]
    names = {path.name for path in kept}
    assert {"ledger.db", "transcript.jsonl", "events.jsonl", "run.jsonl"} <= names
    said |= {str(path): path.read_bytes().decode("latin-1") for path in kept}
    said["collector"] = told.collected.raw.decode("latin-1")
    for place, text in said.items():
        for form in (CANARY, "Y2FuYXJ5LXMzY3IzdC1vZi10aGUtcmF0ZXM"):
            assert form not in text, place
    assert "The token is [rates], in base64 [rates]" in told.result.stdout


def test_the_collector_has_the_run_its_turns_and_its_tools_with_the_sdk_below(told: Told) -> None:
    [run] = told.collected.named("invoke_agent clerk")
    turns = told.collected.named("chat claude-opus-5-5")
    tools = [span for span in told.collected.spans if span.name.startswith("execute_tool ")]
    assert len(turns) == 2
    assert {span.name for span in tools} == {
        "execute_tool rate",
        "execute_tool leak",
        "execute_tool repeat",
    }
    sends = told.collected.named("anthropic.sessions.events.send")
    assert sends
    for span in (*turns, *tools, *sends):
        assert (span.trace, span.parent) == (run.trace, run.id)
    for span in (*turns, *tools):
        assert run.began_ns <= span.began_ns <= span.ended_ns <= run.ended_ns
        assert span.facts["gen_ai.conversation.id"] == run.facts["gen_ai.conversation.id"]
    [leak] = told.collected.named("execute_tool leak")
    assert leak.failed
    assert json.loads(leak.facts["gen_ai.tool.call.arguments"]) == {"text": "[rates]"}
    assert told.collected.resource["service.name"] == "agentflow"


def test_the_metrics_say_what_the_summary_says(told: Told) -> None:
    summary = json.loads(told.result.stdout)
    tokens = summary["tokens"]
    used = {
        point["gen_ai.token.type"]: point["sum"]
        for point in told.collected.metrics["gen_ai.client.token.usage"]
    }
    assert used["output"] == tokens["output"]
    assert used["input"] == tokens["input"] + tokens["cache_read"] + tokens["cache_write"]
    [cost] = told.collected.metrics["agentflow.run.cost"]
    assert cost["sum"] == pytest.approx(float(summary["cost_usd"]))


def test_every_line_of_the_log_names_the_run_and_most_its_session(told: Told) -> None:
    summary = json.loads(told.result.stdout)
    assert {line["run"] for line in told.log} == {summary["run_id"]}
    assert {line.get("session") for line in told.log[2:]} == {summary["session_id"]}
    told_of = [line["message"] for line in told.log if line["level"] != "debug"]
    assert told_of[:2] == ["run started", "session started"]
    assert told_of[-1] == "run ended"
    assert told_of.count("tool started") == told_of.count("tool ended") == 3
    events = [line for line in told.log if line["level"] == "debug"]
    assert {line["message"] for line in events} == {"event"}
    assert "I know it is" not in json.dumps(told.log)
