"""One valid project with every kind and every way to compose, as data that tests can shuffle and break."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.support.memory_files import MemoryFiles

__all__ = ["BESIDE", "DOCUMENTS", "ENVIRON", "TARGET", "documents", "paths_of", "project_of"]

TARGET = "dev"
ENVIRON = {"DESK": "north"}

DOCUMENTS: list[dict[str, Any]] = [
    {
        "kind": "Project",
        "name": "rich",
        "vars": {"model": {"default": "claude-opus-5-5"}, "desk": {"default": "${env.DESK:-none}"}},
        "secrets": {"warehouse": "env:WAREHOUSE", "github": "env:GITHUB"},
        "defaults": {
            "agent": {"model": "${var.model}", "budget": {"usd": 2, "turns": 60}, "repair": 1},
            "environment": {"network": {"packages": True}},
            "deployment": {"metadata": {"desk": "${var.desk}"}},
        },
        "targets": {
            "dev": {"service": "local", "loosen": ["tools", "hosts", "budget"]},
            "prod": {"service": "anthropic", "workspace": "desk"},
        },
    },
    {
        "kind": "Environment",
        "name": "analytics",
        "network": {"hosts": ["docs.python.org"], "mcp": "inferred"},
        "packages": {"pip": ["pandas==2.3.3"]},
    },
    {"kind": "Vault", "name": "desk", "credentials": {
        "warehouse": {"url": "https://warehouse.desk.dev/mcp", "bearer": "${secret.warehouse}"},
    }},
    {"kind": "MemoryStore", "name": "style", "description": "How reports are written."},
    {"kind": "Skill", "name": "sheets", "anthropic": "xlsx"},
    {"kind": "Skill", "name": "house", "folder": "./skills/house"},
    {
        "kind": "Toolset",
        "name": "reading",
        "tools": {"read": "allow", "glob": "allow"},
        "mcp": {"warehouse": {
            "url": "https://warehouse.desk.dev/mcp",
            "auth": "vault/desk.warehouse",
            "tools": {"search": "allow", "add_note": "ask"},
        }},
        "skills": ["sheets"],
        "approvals": [{"tool": "warehouse.add_note", "ask": "person", "wait": "2h"}],
    },
    {"kind": "Toolset", "name": "writing", "tools": {"write": "allow", "read": "allow"}},
    {
        "kind": "Fragment",
        "name": "evidence",
        "params": {"least": {"type": "integer", "default": 2}},
        "text": "Name at least {{ params.least }} sources.",
    },
    {
        "kind": "Agent",
        "name": "base",
        "abstract": True,
        "environment": "analytics",
        "use": ["reading"],
        "vars": {"tone": {"type": "string"}},
        "done": ["Every figure has a source."],
        "uncertainty": "assume",
        "scratch": "/tmp",
    },
    {
        "kind": "Agent",
        "name": "analyst",
        "extends": "base",
        "use+": ["writing"],
        "vars": {"tone": {"default": "dry"}},
        "inputs": {
            "orders": {"type": "file"},
            "limit": {"type": "number", "default": 0.5},
            "region": {"enum": ["emea", "apac"], "default": "emea"},
        },
        "prompt": "./prompts/analyst.md",
        "task": "Analyse {{ inputs.orders }} for {{ inputs.region }} above {{ inputs.limit }}.",
        "tools": {"bash": "ask", "web_fetch": {"policy": "auto", "domains": ["docs.python.org"]}},
        "custom": {
            "rate": {"run": "desk:rate", "timeout": "10s", "arguments": {"day": {"deny": ["0*"]}}},
            "look": {"command": ["./look"], "description": "Looks.", "input_schema": {"type": "object"}},
        },
        "team": {"subagents": ["researcher"]},
        "files": {"glossary": "./data/glossary.csv"},
        "repositories": {"models": {
            "url": "https://github.com/desk/models", "branch": "main", "token": "${secret.github}",
        }},
        "memory": ["style"],
        "skills+": ["house"],
        "outputs": {
            "report": {"path": "report.md", "sections": ["Findings (short)", "Sources"]},
            "totals": {"path": "totals.json", "schema": {"type": "object", "required": ["sum"]}},
        },
        "done+": [{"check": "desk:check"}],
        "outcome": "done",
        "approvals+": [{"tool": "bash", "match": {"command": "python3 *"}, "answer": "allow"}],
        "metadata": {"env": "${ref.environment.analytics.id}"},
        "session": {"title": "Analysis", "metadata": {"desk": "${var.desk}"}},
        "raw": {"x": None},
    },
    {"kind": "Agent", "name": "researcher", "prompt": "Find sources.", "environment": "analytics",
     "tools": {"web_search": "allow"}},
    {
        "kind": "Deployment",
        "name": "monthly",
        "agent": "analyst",
        "schedule": {"cron": "0 9 1 * *", "timezone": "Europe/Berlin"},
        "inputs": {"orders": "./data/orders.csv", "region": "apac"},
        "answered_by": "the desk",
        "budget": {"usd": 1.5},
    },
    {
        "kind": "Overlay",
        "name": "cheaper",
        "target": "dev",
        "patch": {
            "agent/analyst": {"budget": {"usd": 1}, "tools": {"web_fetch": {"max_tokens": "5k"}}},
            "agent/*": {"metadata": {"stage": "dev"}, "done+": ["It is short."]},
            "environment/analytics": {"network": {"hosts+": ["pypi.org"]}},
        },
    },
    {"kind": "Policy", "name": "limits", "checks": {
        "money": {"message": "Ask the desk.", "applies": ["agent/*"], "max_budget": {"usd": 5}},
        "shell": {"message": "Shells ask.", "ask": ["bash"], "targets": ["*"]},
    }},
    {
        "kind": "Test",
        "name": "rates",
        "layer": "handler",
        "agent": "analyst",
        "calls": [{"tool": "rate", "arguments": {"day": "2026-01-01"}, "contains": ["1"]}],
    },
    {
        "kind": "Flow",
        "name": "report",
        "inputs": {"orders": {"type": "file"}},
        "budget": {"usd": 10},
        "steps": {
            "draft": {"agent": "analyst", "inputs": {"orders": {"from": "inputs.orders"}}},
            "look": {"approve": {"message": "Good?", "show": ["steps.draft.outputs.report"]},
                     "needs": ["draft"]},
        },
    },
]  # fmt: skip
BESIDE = {
    "prompts/analyst.md": "Analyse for {{ vars.desk }}, in a {{ vars.tone }} tone.\n"
    '{% include "fragment/evidence" %}\n{{ tools_section }}\n',
    "desk.py": "def rate(day: str) -> str:\n    'A rate.'\n    return '1'\n\n\ndef check(outputs): ...\n",
    "look": "#!/bin/sh\n",
    "data/glossary.csv": "a,b\n",
    "data/orders.csv": "a,b\n",
    "skills/house/SKILL.md": "---\nname: house\ndescription: The house style.\n---\nBe short.\n",
}


def documents() -> list[dict[str, Any]]:
    """A copy that can be changed."""
    return copy.deepcopy(DOCUMENTS)


def project_of(
    specs: Sequence[Any], *, split: Sequence[int] = (), beside: Mapping[str, str] = BESIDE
) -> MemoryFiles:
    """The documents as files, in the order given.

    Args:
        split: where a new file begins, as indices into `specs`. The first file is `agentflow.yaml`.
    """
    bounds = [0, *sorted({n for n in split if 0 < n < len(specs)}), len(specs)]
    files = {}
    for number, (start, end) in enumerate(pairwise(bounds)):
        texts = [_text(spec) for spec in specs[start:end]]
        if isinstance(specs[start], dict):
            texts[0] = f"apiVersion: agentflow/v1\n{texts[0]}"
        name = "agentflow.yaml" if number == 0 else f"{number}.yaml"
        files[name] = "---\n".join(texts)
    return MemoryFiles({**files, **beside})


def _text(spec: Any) -> str:
    """A document: its keys in lines of their own, everything else as JSON."""
    if not isinstance(spec, dict):
        return json.dumps(spec) + "\n"
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in spec.items()) or "{}\n"


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in JSON-like data."""
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    return [path, *(p for key, item in children for p in paths_of(item, (*path, key)))]
