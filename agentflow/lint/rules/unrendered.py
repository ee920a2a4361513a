"""AF520: templates where nothing renders them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.rule import Context, rule
from agentflow.nearest import Meant
from agentflow.patterns import regex
from agentflow.source.tree import Path

__all__ = ["template_not_rendered"]

_TEMPLATE = regex(r"\{\{-?\s*(inputs|vars|params)\.(\w+)[^{}]*\}\}")
"""Of our own names only: other braces may be meant for another program."""

_RENDERED = frozenset({"prompt", "task", "sections"})
_FOREIGN = frozenset({"raw"})
"""What the service gets as it stands."""
_LEFT_OUT = _RENDERED | _FOREIGN


@rule("AF520", "template-not-rendered", Severity.WARNING)
def template_not_rendered(ctx: Context) -> Iterator[Diagnostic]:
    """`{{ inputs.x }}` or `{{ vars.x }}` stands in a field that is no template.

    Only `prompt`, `task`, `sections` and fragments are rendered. Anywhere else the braces stay, and
    the agent reads them, or is to deliver a file that is called so.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        vars: { month: { default: May } }
        prompt: You keep the books.
        done: ["Every booking of {{ vars.month }} is in the ledger."]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        vars: { month: { default: May } }
        prompt: You keep the books.
        done: ["Every booking of ${var.month} is in the ledger."]
    """
    bounds = (*ctx.agents, *ctx.graph.deployments.values())
    for bound in bounds:
        for path, text in _texts(bound.document.data):
            for found in _TEMPLATE.finditer(text):
                shown, name = found[0], found[2]
                instead = f"${{var.{name}}}"
                hint = f"Write `{instead}`, which is put in anywhere."
                if found[1] == "vars":
                    hint = Meant(hint, word=shown, near=instead)
                if found[1] == "inputs":
                    hint = "Inputs are known when a run starts: only `task` can have them."
                elif found[1] == "params":
                    hint = "Parameters are known in the text of their fragment alone."
                yield ctx.problem(
                    bound.document.text_span(path, *found.span()),
                    f"`{shown}` stands in `{path[0]}`, which is no template: it stays as it is.",
                    hint=hint,
                )


def _texts(data: Mapping[str, Any]) -> Sequence[tuple[Path, str]]:
    """Every text of a spec that is not rendered and has braces, with its place."""
    found: list[tuple[Path, str]] = []
    rest = ((key, value) for key, value in data.items() if key not in _LEFT_OUT)
    _collect(rest, (), found)
    return found


def _collect(
    entries: Iterable[tuple[str | int, Any]], path: Path, found: list[tuple[Path, str]]
) -> None:
    for key, value in entries:
        kind = type(value)
        if kind is str:
            if "{{" in value:
                found.append(((*path, key), value))
        elif kind is dict:
            _collect(value.items(), (*path, key), found)
        elif kind is list:
            _collect(enumerate(value), (*path, key), found)
