"""docs/spellings.md shows files: they are what it says they are."""

from __future__ import annotations

import re

from agentflow.compiler.ant.recognise import DIRECTORIES, FIELDS
from agentflow.compiler.pipeline import build
from tests.support.cli import ROOT
from tests.support.memory_files import MemoryFiles

TEXT = (ROOT / "docs" / "spellings.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)
    assert found is not None
    return found[1]


def test_the_markdown_agent_compiles() -> None:
    project = "apiVersion: agentflow/v1\nkind: Project\nname: p\nvars: {company: {default: Acme}}\n"
    built, problems = build(
        MemoryFiles({"agentflow.yaml": project, "writer.md": block("markdown")})
    )
    assert problems == ()
    assert built.compiled is not None
    system = built.compiled.manifest.resources[0].payload["system"]
    assert system.startswith("You write letters for Acme.\n\n## Outputs")


def test_the_project_beside_files_of_the_tool_compiles() -> None:
    agent = (
        "---\nname: S\nmodel: claude-opus-5-5\ntools: [{type: mcp_toolset, mcp_server_name: m}]\n"
    )
    files = {
        "agentflow.yaml": block("yaml"),
        "agents/summarizer.md": agent
        + "mcp_servers: [{type: url, name: m, url: 'https://m.example.com'}]\n---\nSum up.\n",
        "environments/room.yaml": "name: Room\n",
        "deployments/d.md": "---\nname: D\nagent: ../agents/summarizer.md\n"
        "environment_id: ../environments/room.yaml\n---\nGo.\n",
    }
    built, problems = build(MemoryFiles(files))
    assert problems == ()
    assert built.compiled is not None
    assert built.compiled.manifest.agents["agent/summarizer"].outputs["summary"].required


def test_every_kind_is_named() -> None:
    for word in (*DIRECTORIES, *FIELDS):
        assert f"`{word}`" in TEXT or f"type: {word}`" in TEXT, word
