"""The parts of README.md that follow from the code, and the blocks that tests run."""

from __future__ import annotations

import re

from agentflow.cli.main import COMMANDS
from agentflow.compiler.pipeline import build
from agentflow.operations.check import open_project
from agentflow.spec.kinds import KINDS
from tests.support.cli import EXAMPLES, ROOT

__all__ = ["blocks", "kind_rows", "read", "updated"]


def read() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", read(), re.M | re.S)


def _command_table() -> str:
    rows = [f"| `agentflow {command.name}` | {command.help} |" for command in COMMANDS]
    return "\n".join(["| command | does |", "|---|---|", *rows])


def _example_row(name: str) -> tuple[int, str]:
    """How many characters the specs of an example have, and its row."""
    project = open_project(EXAMPLES / name)
    graph = build(project.files).value.graph
    assert graph is not None
    specs = graph.by_kind()
    counts = {kind: len(specs[kind.lower()]) for kind in KINDS if kind != "Project"}
    has = ", ".join(
        f"{number} {kind}s" if number > 1 else kind for kind, number in counts.items() if number
    )
    local = graph.project.spec.targets.get("local")
    runs = "yes" if local is not None and local.driver is not None else ""
    is_ = graph.project.spec.description
    size = sum(len(project.files.read(path)) for path in project.files.specs())
    return size, f"| [{name}](examples/{name}) | {is_} | {has} | {runs} |"


def _example_table() -> str:
    names = [path.name for path in EXAMPLES.iterdir() if (path / "agentflow.yaml").is_file()]
    rows = [row for _, row in sorted(map(_example_row, names))]
    return "\n".join(["| example | is | has | runs |", "|---|---|---|---|", *rows])


def kind_rows(text: str) -> list[str]:
    """The kinds that its table tells of, in order."""
    table = text.partition("| kind | is |\n|---|---|\n")[2].partition("\n\n")[0]
    return [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()]


def updated(text: str) -> str:
    """README.md with the spec of the example, the examples and the commands as they are now."""
    spec = (EXAMPLES / "sales-report" / "agentflow.yaml").read_text(encoding="utf-8")
    text = re.sub(
        r"(agentflow\.yaml\):\n\n```yaml\n).*?(^```$)",
        lambda m: m[1] + spec + m[2],
        text,
        count=1,
        flags=re.M | re.S,
    )
    text = re.sub(
        r"(needs no key\.\n\n)\| example \|.*?(\n\n)",
        lambda m: m[1] + _example_table() + m[2],
        text,
        count=1,
        flags=re.S,
    )
    return re.sub(
        r"(## Commands\n\n).*?(\n\nAll options)",
        lambda m: m[1] + _command_table() + m[2],
        text,
        count=1,
        flags=re.S,
    )
