"""A Python function that a spec names: where it is, how it is called, and the schema of its arguments.

All of it is read from the source, and nothing is imported, so nothing runs. Only what the source does not
tell is asked of `ports.Callables`, which runs the module elsewhere: types of other packages, functions
that a decorator or an expression makes.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.described import described_schema
from agentflow.compiler.docstrings import Docstring, parse_docstring
from agentflow.compiler.pymodules import (
    Function,
    Module,
    Reader,
    module_of,
    module_paths,
    names_of,
    parse_source,
    reader,
)
from agentflow.compiler.pytypes import Types, Unsupported
from agentflow.compiler.schema_parts import PROPERTY
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.errors import CallableRefused, FileRefused
from agentflow.nearest import did_you_mean
from agentflow.ports import Callables, Files
from agentflow.source.characters import no_text

__all__ = [
    "PROPERTY",
    "CallableSchema",
    "Located",
    "Parameters",
    "callable_schema",
    "docstring_of",
    "locate",
    "parameters",
]

_WRITE_SCHEMA = "Use a type with a JSON form, or write the tool's `input_schema`."
_MOST_IMPORTS = 20
"""From how many modules, one after the other, a function may be imported."""

_TRANSPARENT = frozenset(
    {"cache", "functools.cache", "functools.lru_cache", "lru_cache", "override", "typing.override"}
)
"""Decorators that leave a function the way it is called."""


class CallableSchema(NamedTuple):
    description: str
    """The docstring without its sections; empty if there is none."""
    input_schema: Mapping[str, Any]


class Located(NamedTuple):
    file: str
    """Project-relative path of the module that binds the name."""
    source: str
    function: str
    reference: str
    """As the spec has it: `package.module:function`."""


class Parameters(NamedTuple):
    """How a function can be called."""

    named: tuple[str, ...]
    """Those that take a keyword, in order."""
    required: tuple[str, ...]
    """Those of `named` without a default."""
    positional: tuple[int, int]
    """The least and the most positional arguments it takes, if nothing is passed by name."""
    any_keyword: bool


def locate(reference: str, files: Files, span: Span) -> Checked[Located | None]:
    """Find the module of `package.module:function` below the project root, and the function in it.

    Args:
        span: of the reference, where problems are placed.
    """
    module, _, function = reference.replace(":", ".").rpartition(".")
    paths = module_paths(module)
    refusals: list[FileRefused] = []
    for path in paths:
        try:
            source = files.read(path)
        except FileRefused as refused:
            refusals.append(refused)
        else:
            canonical = f"{module}:{function}"
            return _bound_in(Located(path, source, function, canonical), files, span)
    blocked = next((r for r in refusals if r.code != refusals[0].code), None)
    message = f"The code {reference!r} is not in this project: there is no {paths[0]!r}."
    if blocked is not None:
        message = f"The code {reference!r} cannot be read: {blocked.message}"
    hint = "Modules are looked up from the project directory; write `package.module:function`."
    return Checked(None, (codes.UNKNOWN_MODULE.at(span, message, hint=hint),))


def _bound_in(found: Located, files: Files, span: Span) -> Checked[Located | None]:
    module = parse_source(found.source)
    if isinstance(module, SyntaxError):
        at = Span(found.file, module.lineno or 1, max(module.offset or 1, 1), 0, 0)
        at = Span(at.file, at.line, at.column, at.line, at.column + 1)
        message = f"The module {found.file!r} is not valid Python: {module.msg}."
        mend = f"Correct it; `python -m py_compile {found.file}` tells whether it can be loaded."
        related = ((span, "used here"),)
        return Checked(None, (codes.BAD_PYTHON.at(at, message, hint=mend, related=related),))
    names = names_of(found.source)
    bound = names.certain.get(found.function)
    if isinstance(bound, ast.ClassDef) or not (
        bound or found.function in names.uncertain or names.open
    ):
        message = f"The module {found.file!r} defines no function {found.function!r}."
        functions = [n for n, node in names.certain.items() if isinstance(node, Function)]
        hint = did_you_mean(found.function, functions)
        problem = codes.UNKNOWN_FUNCTION.at(
            span, message, hint=hint or "Define it at the top level of the module."
        )
        return Checked(None, (problem,))
    return Checked(_defined(found, reader(files)), ())


def _defined(found: Located, read: Reader) -> Located:
    """The place of the definition, where a function is only imported from within the project."""
    here = found
    for _ in range(_MOST_IMPORTS):
        names = names_of(here.source)
        statement = names.certain.get(here.function)
        if not isinstance(statement, ast.ImportFrom) or here.function in names.uncertain:
            break
        module = read(module_of(Module(here.file, here.source), statement))
        if module is None:
            return found
        original = {a.asname or a.name: a.name for a in statement.names}[here.function]
        here = Located(module.file, module.source, original, found.reference)
    return found if _function(here) is None else here


def _function(found: Located) -> Function | None:
    """The definition. None: the source does not tell what is called in the end."""
    names = names_of(found.source)
    node = names.certain.get(found.function)
    if not isinstance(node, Function) or found.function in names.uncertain:
        return None
    called = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return node if all(ast.unparse(item) in _TRANSPARENT for item in called) else None


def docstring_of(found: Located) -> Docstring | None:
    """What the docstring of a function that `locate` found says. None: the source does not tell."""
    function = _function(found)
    return None if function is None else parse_docstring(ast.get_docstring(function) or "")


def callable_schema(
    found: Located, files: Files, ask: Callables | None, span: Span
) -> Checked[CallableSchema | None]:
    """The description and input schema of a function that `locate` found.

    Problems are placed in the Python file. None: there is no schema, and `problems` says why.

    Args:
        ask: who is asked what the source does not tell. None: nobody, and that is a problem.
        span: of the reference, for problems that have no place in the source.
    """
    read = _alone(found) or _by_source(found, reader(files))
    if read.schema is not None:
        return _written(read.schema, found, span)
    if ask is None:
        return Checked(None, read.certain + read.doubtful or (_not_told(found, span),))
    if read.certain:
        return Checked(None, read.certain)
    try:
        described = ask.describe(found.reference)
    except CallableRefused as refused:
        return Checked(None, (_refusal(found, refused, span),))
    schema, problems = described_schema(described)
    if schema is None:
        return Checked(None, tuple(_misfit(found, name, why, span) for name, why in problems))
    return _written(CallableSchema(schema.description, schema.input_schema), found, span)


def _written(schema: CallableSchema, found: Located, span: Span) -> Checked[CallableSchema | None]:
    """The schema, unless a literal of the code, or its docstring, puts into it what cannot be sent."""
    try:
        character = no_text(json.dumps(schema, ensure_ascii=False, allow_nan=False))
    except ValueError:
        wrong = "a number that JSON does not have"
    else:
        if character is None:
            return Checked(schema, ())
        wrong = f"{character}, which is no text"
    message = f"What {found.function}() says of itself holds {wrong}."
    hint = "Remove it from the docstring, or from the literals of its types and defaults."
    return Checked(None, (codes.CALLABLE_SIGNATURE.at(span, message, hint=hint),))


def _misfit(found: Located, parameter: str, why: str, span: Span) -> Diagnostic:
    """A parameter without a schema, at its place if the source has it."""
    function = _function(found)
    for argument, _ in _parameters(function) if function is not None else ():
        if argument.arg == parameter:
            return _refuse(Module(found.file, found.source), argument.annotation or argument, why)
    return codes.CALLABLE_SIGNATURE.at(span, why, hint=_WRITE_SCHEMA)


def _not_told(found: Located, span: Span) -> Diagnostic:
    message = f"What {found.function}() takes is only known once {found.file!r} has been run."
    hint = "Write the tool's `input_schema` and `description`."
    return codes.CALLABLE_SIGNATURE.at(span, message, hint=hint)


def _refusal(found: Located, refused: CallableRefused, span: Span) -> Diagnostic:
    """Where the module went wrong while it was imported, if that is in the project."""
    message = f"The module of {found.function}() cannot be imported: {refused.message}"
    message = message if message.endswith(".") else f"{message}."
    hint = "Its schema needs that; otherwise write the tool's `input_schema` and `description`."
    if refused.file is None or refused.line is None:
        return codes.CALLABLE_IMPORT.at(span, message, hint=hint)
    at = Span(refused.file, refused.line, 1, refused.line, 2)
    return codes.CALLABLE_IMPORT.at(at, message, hint=hint, related=((span, "used here"),))


class _Read(NamedTuple):
    """What the source says."""

    schema: CallableSchema | None
    certain: tuple[Diagnostic, ...] = ()
    """Problems that running the code could not solve."""
    doubtful: tuple[Diagnostic, ...] = ()
    """What the source does not tell."""


class _Elsewhere(Exception):
    """Another module has to be read."""


def _nowhere(module: str) -> Module | None:
    raise _Elsewhere


@lru_cache(maxsize=256)
def _alone(found: Located) -> _Read | None:
    """As `_by_source`, once for each function. None: it takes other modules too, which may change."""
    try:
        return _by_source(found, _nowhere)
    except _Elsewhere:
        return None


def _by_source(found: Located, read: Reader) -> _Read:
    function = _function(found)
    if function is None:
        return _Read(None)
    doc = docstring_of(found)
    assert doc is not None
    module = Module(found.file, found.source)
    types = Types(module, read)
    properties: dict[str, Any] = {}
    certain = [_refuse(module, node, why) for node, why in _unusable(function)]
    doubtful: list[Diagnostic] = []
    for argument, default in _parameters(function):
        try:
            schema = _argument(argument, default, types, module)
        except Unsupported as error:
            at = module if error.node is None else error.module
            problem = _refuse(at, error.node or argument, str(error))
            (certain if error.final else doubtful).append(problem)
            continue
        if text := doc.arguments.get(argument.arg):
            schema = {**schema, "description": text}
        properties[argument.arg] = schema
    if certain or doubtful:
        return _Read(None, tuple(certain), tuple(doubtful))
    required = [argument.arg for argument, default in _parameters(function) if default is None]
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return _Read(CallableSchema(doc.description, schema))


def _argument(
    argument: ast.arg, default: ast.expr | None, types: Types, module: Module
) -> dict[str, Any]:
    if argument.annotation is None:
        reason = f"The parameter {argument.arg!r} has no type."
        raise Unsupported(argument, reason, module, final=True)
    try:
        return types.parameter(argument.annotation, default)
    except RecursionError:
        reason = f"The type of {argument.arg!r} is nested too deeply."
        raise Unsupported(argument, reason, module, final=True) from None


def _refuse(module: Module, node: ast.AST, message: str) -> Diagnostic:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end_line = getattr(node, "end_lineno", None) or line
    end_column = getattr(node, "end_col_offset", None) or column + 1
    text = module.source.split("\n")
    # ast counts columns in bytes of UTF-8.
    start = len(text[line - 1].encode()[:column].decode(errors="ignore"))
    end = len(text[end_line - 1].encode()[:end_column].decode(errors="ignore"))
    span = Span(module.file, line, start + 1, end_line, end + 1)
    return codes.CALLABLE_SIGNATURE.at(span, message, hint=_WRITE_SCHEMA)


def _unusable(
    function: Function,
) -> list[tuple[ast.AST, str]]:
    """Parameters that cannot be passed by name."""
    name, arguments = function.name, function.args
    found: list[tuple[ast.AST, str]] = []
    for star, argument in (("*", arguments.vararg), ("**", arguments.kwarg)):
        if argument is not None:
            found.append((argument, f"{name}() takes {star}{argument.arg}, which has no schema."))
    for argument in arguments.posonlyargs:
        message = f"The parameter {argument.arg!r} of {name}() cannot be passed by name."
        found.append((argument, message))
    for argument in (*arguments.args, *arguments.kwonlyargs):
        if not PROPERTY.fullmatch(argument.arg):
            message = f"The service takes no parameter with the name {argument.arg!r}."
            found.append((argument, message))
    return found


def _parameters(
    function: Function,
) -> list[tuple[ast.arg, ast.expr | None]]:
    """Those passed by name, each with its default; None: it has none."""
    arguments = function.args
    missing = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [None] * missing + list(arguments.defaults)
    named = list(zip(arguments.args, defaults[len(arguments.posonlyargs) :], strict=True))
    return named + list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))


def parameters(found: Located) -> Parameters | None:
    """The parameters of a function that `locate` found. None: the source does not tell."""
    function = _function(found)
    if function is None:
        return None
    arguments = function.args
    named = _parameters(function)
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    needs_keyword = any(default is None for default in arguments.kw_defaults)
    return Parameters(
        named=tuple(argument.arg for argument, _ in named),
        required=tuple(argument.arg for argument, default in named if default is None),
        positional=(10**6 if needs_keyword else least, 10**6 if arguments.vararg else most),
        any_keyword=arguments.kwarg is not None,
    )
