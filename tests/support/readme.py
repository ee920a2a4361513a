"""The parts of README.md that follow from the code, and the blocks that tests run."""

from __future__ import annotations

import re

from agentflow.cli.main import COMMANDS
from tests.support.cli import EXAMPLES, ROOT

__all__ = ["blocks", "read", "updated"]


def read() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", read(), re.M | re.S)


def _command_table() -> str:
    rows = [f"| `agentflow {command.name}` | {command.help} |" for command in COMMANDS]
    return "\n".join(["| command | does |", "|---|---|", *rows])


def updated(text: str) -> str:
    """README.md with the spec of the example and the command list as they are now."""
    spec = (EXAMPLES / "sales-report" / "agentflow.yaml").read_text(encoding="utf-8")
    text = re.sub(
        r"(agentflow\.yaml\):\n\n```yaml\n).*?(^```$)",
        lambda m: m[1] + spec + m[2],
        text,
        count=1,
        flags=re.M | re.S,
    )
    return re.sub(
        r"(## Commands\n\n).*?(\n\nAll options)",
        lambda m: m[1] + _command_table() + m[2],
        text,
        count=1,
        flags=re.S,
    )
