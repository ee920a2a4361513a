"""A small project whose tests use everything that tests can say."""

from __future__ import annotations

from pathlib import Path

__all__ = ["AGENT", "ROOM", "SCRIPT", "TEST", "make_desk", "write"]

ROOM = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets: { local: { service: local } }
---
kind: Environment
name: room
---
"""
"""A project with an environment, to which specs are added."""
AGENT = (
    ROOM
    + """\
kind: Agent
name: analyst
model: claude-opus-5-5
environment: room
inputs:
  region: { type: string, default: emea }
  orders: { type: file, default: ./orders.csv }
prompt: You analyse orders.
task: "Analyse {{ inputs.orders }} for {{ inputs.region }}."
tools: { read: allow, write: allow, bash: ask }
custom:
  rate:
    run: "shop.tools:rate"
    arguments: { currency: { deny: ["*TEST*"] } }
    max_calls: 3
outputs:
  report: { path: report.md, sections: [Findings, Appendix] }
  totals: { path: totals.json, schema: ./totals.json }
  chart: { path: chart.svg, required: false }
done: [The report is short.]
uncertainty: assume
repair: 1
approvals:
  - { tool: bash, match: { command: "python3 *" }, answer: allow }
budget: { usd: 1, turns: 20, tool_calls: 20, wall: 1h }
"""
)

SCRIPT = """\
turns:
  - say: I look first.
    tools:
      - { id: look, name: read, input: { file_path: /mnt/session/uploads/orders.csv } }
      - { id: rate, name: rate, input: { currency: EUR } }
  - expect: { tool: rate, contains: "1.1" }
    tools:
      - { name: bash, id: sum, input: { command: python3 /tmp/sum.py } }
      - { name: bash, id: gone, input: { command: rm -rf / } }
  - tools:
      - name: write
        id: report
        input:
          file_path: /mnt/session/outputs/report.md
          content: "# Orders\\n\\n## Findings\\n\\nThe total is 42.\\n\\n## Appendix\\n\\nNone.\\n"
      - name: write
        id: totals
        input: { file_path: /mnt/session/outputs/totals.json, content: '{"total": 42}' }
  - say: Done, the total is 42.
"""

TEST = """\
apiVersion: agentflow/v1
kind: Test
name: {name}
layer: loop
agent: analyst
script: ./script.yaml
stubs:
  rate: {{ result: {{ value: 1.1 }} }}
  bash: {{ result: "42" }}
expect:
{expect}
"""

TOOLS = '''\
def rate(currency: str) -> dict[str, float]:
    """Look up a rate.

    Args:
        currency: as ISO has it.
    """
    if currency == "XXX":
        raise ValueError("there is no XXX")
    return {"value": 1.1}


def odd(outputs):
    return "the total is odd" if "43" in open(outputs["report"]).read() else None


def never(outputs):
    return False
'''


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def make_desk(root: Path, **files: str) -> Path:
    """The project with more files in it; a name may have `__` for `/`."""
    more = {name.replace("__", "/").replace("_yaml", ".yaml"): text for name, text in files.items()}
    return write(
        root,
        {
            "agentflow.yaml": AGENT,
            "script.yaml": SCRIPT,
            "orders.csv": "city,total\nRome,42\n",
            "totals.json": '{"type": "object", "required": ["total"]}',
            "shop/__init__.py": "",
            "shop/tools.py": TOOLS,
            "golden-report.md": "# Orders\n\n## Findings\n\nThe total is 42.\n\n## Appendix\n\nNone.\n",
            "other-report.md": "# Orders\n\n## Findings\n\nThe total is 43.\n",
            "other-totals.json": '{"type": "object", "required": ["sum"]}',
            **more,
        },
    )
