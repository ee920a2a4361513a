"""A project around a few lines, for cases in tables: where a rule speaks up and where it does not."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from tests.lint.support import CODE, PROJECT, lint_files

__all__ = ["found_in"]

_REST = """\
kind: Agent
name: other
description: Another agent of the project.
model: claude-haiku-5-5
environment: other
prompt: Answer questions about the orders of Northwind.
done: [Every question has an answer.]
uncertainty: stop
outputs: { note: { path: note.md, description: what was asked } }
tools: { write: allow }
budget: { usd: 1 }
---
kind: Environment
name: other
"""
"""What else a project has, so that a rule cannot take the whole of it for one spec."""


def found_in(text: str, code: str, *, files: Mapping[str, str] | None = None) -> list[str]:
    """Messages of `code` about a project of several files, with specs in `text` among them.

    `text` begins with the fields of an agent `a`; other documents follow behind `---`.
    """
    fields, _, rest = textwrap.dedent(text).strip("\n").partition("\n---\n")
    has = {line.split(":")[0] for line in fields.splitlines()}
    default = {
        "model": "claude-opus-5-5",
        "prompt": "Analyse the orders of the day.",
    }
    lines = [f"{key}: {value}" for key, value in default.items() if key not in has]
    agent = "\n".join(["kind: Agent", "name: a", *lines, fields]) + "\n"
    project = {
        "agentflow.yaml": PROJECT,
        "other.yaml": f"apiVersion: agentflow/v1\n{_REST}",
        "agents/a.yaml": f"apiVersion: agentflow/v1\n{agent}",
        **CODE,
        **(files or {}),
    }
    if rest:
        project["rest.yaml"] = f"apiVersion: agentflow/v1\n{rest}\n"
    return [problem.message for problem in lint_files(project) if problem.code == code]
