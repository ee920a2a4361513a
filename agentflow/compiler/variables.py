"""Variables of a project and of an agent: who declares them, what they are worth.

A value comes from the command line, else from the target, else from the default. Values are worked
out when they are asked for, so that defaults may use other variables in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

from agentflow import codes
from agentflow.compiler.substitute import Found, References, Scope, Secrets, show, substitute
from agentflow.diagnostics import Diagnostic, Span
from agentflow.nearest import one_of
from agentflow.records import NamedTuple
from agentflow.source.characters import no_text
from agentflow.source.tree import Document, Path
from agentflow.spec.agent import VarSpec

__all__ = ["Given", "VariableSet"]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, Decimal),
    "boolean": (bool,),
}
_KEYS = VarSpec.model_fields.keys()
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


class Given(NamedTuple):
    """Values from outside of the declarations."""

    command_line: Mapping[str, str]
    target: Mapping[str, Any]
    """As the document of the project has them, before substitution."""
    document: Document | None
    """The document of the project; None if there is none."""
    path: Path
    """Where the target's values stand in it."""


class VariableSet:
    """The variables declared in one document, over those of `parent`."""

    def __init__(
        self,
        document: Document | None,
        given: Given,
        environ: Mapping[str, str],
        references: References,
        secrets: Secrets,
        report: Callable[[Diagnostic], None],
        *,
        parent: VariableSet | None = None,
        lenient: bool = False,
        abstract: bool = False,
    ) -> None:
        """Take the declarations from `vars` of the document.

        Args:
            document: of the Project, or of an agent. None: there is no project.
            given: values that override defaults.
            environ: for `${env.X}` in defaults.
            references: for `${ref.…}` in defaults.
            secrets: those the project declares.
            report: takes the problems.
            parent: the variables of the project, for those of an agent.
            lenient: names that nobody declares have no value, and that is not reported: the
                project could not be read.
            abstract: variables may be without a value: whoever extends the spec gives it.
        """
        declared = document.data.get("vars") if document is not None else None
        self._declared: dict[str, Any] = declared if isinstance(declared, dict) else {}
        self._document = document
        self._given = given
        self._parent = parent
        self._lenient = lenient
        self._abstract = abstract
        self._report = report
        self._beside = (environ, references, secrets)
        self._values: dict[str, Found | None] = {}
        self._open: list[str] = []

    @property
    def scope(self) -> Scope:
        # Made when it is asked for: kept, the two would hold each other, and the document with them.
        return Scope(self, *self._beside)

    def names(self) -> Collection[str]:
        inherited = self._parent.names() if self._parent else ()
        return {*self._declared, *inherited}

    def knows(self, name: str) -> bool:
        inherited = self._parent is not None and self._parent.knows(name)
        return name in self._declared or inherited or self._lenient

    def lookup(self, name: str, span: Span) -> Found | None:
        if name not in self._declared:
            return self._parent.lookup(name, span) if self._parent else None
        if name in self._open:
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            message = f"The variable {name!r} depends on itself: {circle}."
            hint = "Give one of them a value of its own."
            self._report(codes.VARIABLE_CYCLE.at(span, message, hint=hint))
            return None
        if name not in self._values:
            self._open.append(name)
            self._values[name] = self._evaluate(name)
            self._open.pop()
        return self._values[name]

    def all(self) -> dict[str, Any]:
        """Every variable with its value; None for one whose value is at fault."""
        values = self._parent.all() if self._parent else {}
        for name in self._declared:
            found = self.lookup(name, self._declaration(name))
            values[name] = None if found is None else found.value
        return dict(sorted(values.items()))

    def _declaration(self, name: str) -> Span:
        assert self._document is not None  # it declares something
        return self._document.span(("vars", name), key=True)

    def _evaluate(self, name: str) -> Found | None:
        declaration = self._declared[name]
        spec: Mapping[str, Any] = declaration if isinstance(declaration, dict) else {}
        type_ = spec.get("type", "string")
        if not isinstance(type_, str) or type_ not in _TYPES:
            type_ = None  # the check of the declaration's shape reports it
        if name in self._given.command_line:
            return self._from_command_line(name, type_, spec)
        if name in self._given.target and self._given.document is not None:
            path = (*self._given.path, name)
            # Values of a target are part of the project: its variables are what they can use.
            outer = self._parent or self
            value = self._given.target[name]
            return outer.checked(name, type_, spec, value, self._given.document, path)
        if spec.get("default") is not None:
            assert self._document is not None
            path = ("vars", name, "default")
            return self.checked(name, type_, spec, spec["default"], self._document, path)
        # Without a default because of a mistake that the check of its shape reports?
        if self._abstract:
            return None
        if isinstance(declaration, dict) and declaration.keys() <= _KEYS:
            span = self._declaration(name)
            message = f"The variable {name!r} has no value."
            hint = f"Give it a default, or a value: --var {name}=…, or below `vars` of the target."
            self._report(codes.VARIABLE_UNSET.at(span, message, hint=hint))
        return None

    def checked(
        self,
        name: str,
        type_: str | None,
        spec: Mapping[str, Any],
        value: Any,
        document: Document,
        path: Path,
    ) -> Found | None:
        """The value after substitution, if it fits the declaration `spec`."""
        made = substitute(document, value, self.scope, self._report, at=path)
        if made.failed:
            return None
        if type_ is None:
            return Found(made.data)
        found = made.data
        if isinstance(found, str) and isinstance(value, str) and "${" in value:
            # What comes from the environment is text, whatever it stands for.
            found = found if (read := _convert(found, type_)) is None else read
        fits = isinstance(found, _TYPES[type_])
        if not fits or (isinstance(found, bool) and type_ != "boolean"):
            message = f"The variable {name!r} is {_WORDS[type_]}, not {_shown(found)}."
            hint = "Quote the value." if type_ == "string" else f"Write {_WORDS[type_]}."
            self._report(codes.VARIABLE_VALUE.at(document.span(path), message, hint=hint))
            return None
        return self._among(name, spec, found, document.span(path))

    def _among(
        self, name: str, spec: Mapping[str, Any], value: Any, span: Span | None
    ) -> Found | None:
        choices = spec.get("enum")
        if not isinstance(choices, list) or value in choices:
            return Found(value)
        message = f"{_shown(value)} is not a value of the variable {name!r}."
        hint = f"Use {one_of(map(show, choices))}."
        self._report(codes.VARIABLE_VALUE.at(span, message, hint=hint))
        return None

    def _from_command_line(
        self, name: str, type_: str | None, spec: Mapping[str, Any]
    ) -> Found | None:
        text = self._given.command_line[name]
        if character := no_text(text):
            message = f"--var {name}=…: the value holds {character}, which is no text."
            self._report(codes.CONTROL_CHARACTER.at(None, message, hint="Give text in UTF-8."))
            return None
        value = _convert(text, type_) if type_ else text
        if value is None and type_:
            message = f"--var {name}={text}: the variable is {_WORDS[type_]}."
            hint = f"Give {_WORDS[type_]}."
            self._report(codes.VARIABLE_VALUE.at(None, message, hint=hint))
            return None
        return self._among(name, spec, value, None)


def _convert(text: str, type_: str) -> Any:
    """Text from the command line or the environment as a value of the type; None if it is none."""
    if type_ == "string":
        return text
    if type_ == "boolean":
        return {"true": True, "false": False}.get(text)
    if not re.fullmatch(r"[-+]?\d{1,30}(\.\d{1,30})?", text):
        return None
    if type_ == "integer":
        return int(text) if "." not in text else None
    return Decimal(text) if "." in text else int(text)


def _shown(value: Any) -> str:
    """A value in a message; collections by their kind."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value) if isinstance(value, str) else show(value)
