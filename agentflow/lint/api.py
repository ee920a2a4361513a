"""What a plugin may import: the words in which rules are written, all in one place.

These names, and what their docstrings say, stay as they are while `API` does. Everything else in
agentflow may change with any version. docs/plugins.md is the guide to it.
"""

from __future__ import annotations

from agentflow.compiler.graph import AgentNode, Bound, TemplateText
from agentflow.diagnostics import Diagnostic, Edit, Fix, Level, Severity, Span
from agentflow.lint.edits import rewrite
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Check, Confidence, Context, Rule, rule
from agentflow.nearest import did_you_mean

__all__ = [
    "API",
    "AgentNode",
    "Bound",
    "Check",
    "Confidence",
    "Context",
    "Diagnostic",
    "Edit",
    "Fix",
    "Level",
    "Phrase",
    "Prose",
    "Rule",
    "Severity",
    "Span",
    "TemplateText",
    "did_you_mean",
    "rewrite",
    "rule",
]

API = 1
"""Counts changes after which a rule may have to be changed as well."""
