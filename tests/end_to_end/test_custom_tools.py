"""One agent with a tool of each sort, on the embedded service: the real command line, a program and a server."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.cli import agentflow

SPEC = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets:
  local: {{ service: local, driver: {{ script: ./script.yaml }} }}
secrets: {{ rates: "env:RATES_TOKEN" }}
---
kind: Environment
name: here
network: {{}}
---
kind: Agent
name: clerk
model: claude-opus-5-5
environment: here
prompt: You book trades.
task: Book the trade.
budget: {{ usd: 1, turns: 10, wall: 5m }}
custom:
  size:
    run: "desk.tools:size"
    idempotent: true
  fee:
    command: [python3, ./tools/fee.py, --currency, EUR]
    description: The fee of a trade.
    input_schema: &trade
      type: object
      properties: {{ amount: {{ type: number }} }}
      required: [amount]
      additionalProperties: false
    max_calls: 1
  rate:
    http:
      url: http://127.0.0.1:{port}/rates
      headers: {{ Authorization: "Bearer ${{secret.rates}}" }}
    description: The rate of the day.
    input_schema: *trade
    idempotent: true
"""
TOOLS = '''\
import datetime
from dataclasses import dataclass


@dataclass
class Trade:
    """A trade."""

    amount: float
    day: datetime.date


def size(trade: Trade) -> str:
    """Whether a trade is large."""
    return f"{trade.day:%Y}: {'large' if trade.amount > 1000 else 'small'}"
'''
FEE = "import json, sys\nprint(json.dumps({'fee': json.load(sys.stdin)['amount'] / 100, 'in': sys.argv[2]}))\n"
SCRIPT = """\
turns:
  - tools:
      - { name: size, input: { trade: { amount: 2000, day: 2026-11-23 } } }
      - { name: fee, input: { amount: 2000 } }
      - { name: rate, input: { amount: 2000 } }
      - { id: again, name: fee, input: { amount: 1 } }
      - { id: wrong, name: rate, input: { amount: many } }
  - expect:
      - { tool: size, contains: "2026: large", is_error: false }
      - { tool: fee, contains: '"in": "EUR"', is_error: false }
      - { tool: rate, contains: '"rate": 1.25', is_error: false }
      - { tool: again, contains: "may be called 1 times", is_error: true }
      - { tool: wrong, contains: "do not fit the schema", is_error: true }
    say: "Booked at ${result.rate.rate} for ${result.fee.fee}."
"""


class Rates(BaseHTTPRequestHandler):
    seen: list[tuple[str | None, object]]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.headers["authorization"], body))
        answer = b'{"rate": 1.25}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture
def rates() -> Iterator[tuple[int, list[tuple[str | None, object]]]]:
    seen: list[tuple[str | None, object]] = []
    handler = type("Handler", (Rates,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1], seen
    server.shutdown()
    thread.join()
    server.server_close()


def write(root: Path, port: int) -> None:
    for name, text in {
        "agentflow.yaml": SPEC.format(port=port),
        "desk/tools.py": TOOLS,
        "tools/fee.py": FEE,
        "script.yaml": SCRIPT,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_an_agent_uses_a_tool_of_each_sort(
    tmp_path: Path, rates: tuple[int, list[tuple[str | None, object]]]
) -> None:
    port, seen = rates
    write(tmp_path, port)
    linted = agentflow("lint", cwd=tmp_path)
    assert linted.returncode == 0, linted.stdout
    assert not list(tmp_path.rglob("__pycache__"))

    token = "s3cr3t-of-the-rates"
    result = agentflow("run", cwd=tmp_path, environ={"RATES_TOKEN": token})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Booked at 1.25 for 20.0." in result.stdout + result.stderr
    assert seen == [(f"Bearer {token}", {"amount": 2000})]

    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if token.encode() in path.read_bytes()]
    assert token not in result.stdout + result.stderr
    [ledger] = [path for path in kept if path.name == "ledger.db"]
    with sqlite3.connect(ledger) as database:
        rows = database.execute("select tool from tool_calls order by tool").fetchall()
    assert [tool for (tool,) in rows] == ["fee", "fee", "rate", "size"]


def test_a_secret_that_is_not_there_stops_the_run_before_it_starts(
    tmp_path: Path, rates: tuple[int, list[tuple[str | None, object]]]
) -> None:
    write(tmp_path, rates[0])
    result = agentflow("run", cwd=tmp_path)
    assert result.returncode == 1
    assert "The secret 'rates' cannot be read: RATES_TOKEN is not set." in result.stderr
    assert "Traceback" not in result.stderr
    assert rates[1] == []
