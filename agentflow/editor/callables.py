"""Functions that a spec names, as an editor sees them: nothing is imported while somebody types.

Opening a folder must not run what is in it. So where the source alone does not tell the schema of a
function, its parameters are taken for values of any type, and what cannot be known is not reported:
`agentflow lint` imports the module and says the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentflow.codes import CALLABLE_IMPORT
from agentflow.compiler.callables import docstring_of, locate, parameters
from agentflow.diagnostics import Diagnostic, Span
from agentflow.errors import CallableRefused
from agentflow.ports import Files

__all__ = ["SourceAlone", "without_unknown"]

_UNKNOWN = "Nothing is imported in an editor."


class SourceAlone:
    """`ports.Callables` that reads and never runs."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def describe(self, reference: str) -> Mapping[str, Any]:
        """As the port says, with parameters of any type.

        Raises:
            CallableRefused: the source does not tell the parameters; see `without_unknown`.
        """
        found, _ = locate(reference, self._files, Span.start_of(reference))
        taken = None if found is None else parameters(found)
        if found is None or taken is None:
            raise CallableRefused(_UNKNOWN)
        doc = docstring_of(found)
        return {
            "doc": doc.description if doc else "",
            "parameters": [
                {
                    "name": name,
                    "kind": "KEYWORD_ONLY",
                    "required": name in taken.required,
                    "schema": {},
                }
                for name in taken.named
            ],
        }


def without_unknown(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without what is only reported because nothing was imported."""
    return [
        problem
        for problem in problems
        if problem.code != CALLABLE_IMPORT.id or _UNKNOWN not in problem.message
    ]
