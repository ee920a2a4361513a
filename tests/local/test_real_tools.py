"""A scripted agent with the real sandbox: inputs are read, programs run, outputs come back."""

from __future__ import annotations

from pathlib import Path

from tests.support.service import TOOLSET, message, only, running_service

SCRIPT = """
turns:
  - say: I look at the orders.
    tools: [{ id: look, name: read, input: { file_path: /mnt/session/uploads/orders.csv } }]
  - expect: { tool: look, contains: "region,amount" }
    tools:
      - id: write
        name: write
        input:
          file_path: /workspace/sum.py
          content: |
            import csv
            total = sum(int(r["amount"]) for r in csv.DictReader(open("/mnt/session/uploads/orders.csv")))
            open("/mnt/session/outputs/total.txt", "w").write(str(total))
            print(total)
      - { id: run, name: bash, input: { command: python3 /workspace/sum.py } }
      - { id: spoil, name: bash, input: { command: "echo x >> /mnt/session/uploads/orders.csv" } }
      - { id: home, name: bash, input: { command: "cat /etc/shadow" } }
  - expect: [{ tool: run, is_error: false }, { tool: spoil, is_error: true }, { tool: home, is_error: true }]
    say: "The total is ${result.run}."
"""


def test_the_figures_come_from_the_program_that_ran(tmp_path: Path) -> None:
    with running_service(tmp_path, script=SCRIPT) as running:
        client = running.own
        data = b"region,amount\nemea,40\napac,2\n"
        file = client.beta.files.upload(file=("orders.csv", data, "text/csv"))
        resource = {"type": "file", "file_id": file.id, "mount_path": "/orders.csv"}
        session = running.session(agent={"tools": [TOOLSET]}, resources=[resource])
        events = running.turn(session, message("go"))
        said = [e["content"][0]["text"] for e in events if e["type"] == "agent.message"]
        assert said == ["I look at the orders.", "The total is 42."]
        files = client.beta.files.list(scope_id=session, betas=["managed-agents-2026-04-01"])
        [output] = [f for f in files if f.downloadable]
        assert client.beta.files.download(output.id).read() == b"42"
        assert only(events, "session.status_idle")["stop_reason"] == {"type": "end_turn"}
        original = tmp_path / "sessions" / session / "session/uploads/orders.csv"
        assert original.read_bytes() == data
