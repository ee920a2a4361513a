"""The catalogue of codes that stages report.

AF0 reading, AF1 shape, AF2 references, AF3 templates, AF4 plan and state. Lint rules (AF5 to AF10)
are in `lint/rules/`.

A code is never renumbered and never reused.
"""

from __future__ import annotations

from agentflow.diagnostics import Code, Severity

__all__ = ["CODES"]

_E = Severity.ERROR
_W = Severity.WARNING

# AF0: reading files

# AF1: the shape of a spec

# AF2: references and substitution

# AF3: templates

# AF4: plan and state

CODES: dict[str, Code] = {
    code.id: code for code in list(globals().values()) if isinstance(code, Code)
}
"""By id."""
