"""The schema of a Python function, read from its source. Nothing is imported, so nothing runs.

Types that have a JSON form are `str int float bool`, `list[X]`, `dict[str, X]`, `Any`, `Literal[…]`,
`X | None`, unions of these, `Annotated[X, "description"]`, and names the module gives such types.
Descriptions come from a Google-style docstring. For anything else a tool brings its `input_schema`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.docstrings import Docstring, parse_docstring
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.errors import FileRefused
from agentflow.nearest import did_you_mean
from agentflow.ports import Files

__all__ = [
    "PROPERTY",
    "CallableSchema",
    "Located",
    "Parameters",
    "callable_schema",
    "docstring_of",
    "locate",
    "module_paths",
    "parameters",
]

_SCALARS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_WRITE_SCHEMA = "Use a type with a JSON form, or write the tool's `input_schema`."
PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What the service takes as a property name: the API reference of custom tools."""


class CallableSchema(NamedTuple):
    description: str
    """The docstring without its sections; empty if there is none."""
    input_schema: Mapping[str, Any]


class Located(NamedTuple):
    file: str
    """Project-relative path of the module."""
    source: str
    function: str


class Parameters(NamedTuple):
    """How a function can be called."""

    named: tuple[str, ...]
    """Those that take a keyword, in order."""
    required: tuple[str, ...]
    """Those of `named` without a default."""
    positional: tuple[int, int]
    """The least and the most positional arguments it takes, if nothing is passed by name."""
    any_keyword: bool


class _Unsupported(Exception):
    """A type without a JSON form: where it stands, and the reason."""

    def __init__(self, node: ast.AST, reason: str) -> None:
        super().__init__(reason)
        self.node = node


def module_paths(reference: str) -> tuple[tuple[str, str], str]:
    """`desk.tools:rate` -> the two files the module may be in, and the name of the function."""
    module, _, function = reference.replace(":", ".").rpartition(".")
    path = module.replace(".", "/")
    return (f"{path}.py", f"{path}/__init__.py"), function


def locate(reference: str, files: Files, span: Span) -> Checked[Located | None]:
    """Find the module of `package.module:function` below the project root, and the function in it.

    Args:
        span: of the reference, where problems are placed.
    """
    paths, function = module_paths(reference)
    refusals: list[FileRefused] = []
    for path in paths:
        try:
            source = files.read(path)
        except FileRefused as refused:
            refusals.append(refused)
        else:
            return _function_in(Located(path, source, function), span)
    blocked = next((r for r in refusals if r.code != refusals[0].code), None)
    message = f"The code {reference!r} is not in this project: there is no {paths[0]!r}."
    if blocked is not None:
        message = f"The code {reference!r} cannot be read: {blocked.message}"
    hint = "Modules are looked up from the project directory; write `package.module:function`."
    return Checked(None, (codes.UNKNOWN_MODULE.at(span, message, hint=hint),))


def _function_in(found: Located, span: Span) -> Checked[Located | None]:
    module = _parse(found.source)
    if isinstance(module, SyntaxError):
        at = Span(found.file, module.lineno or 1, max(module.offset or 1, 1), 0, 0)
        at = Span(at.file, at.line, at.column, at.line, at.column + 1)
        message = f"The module {found.file!r} is not valid Python: {module.msg}."
        return Checked(None, (codes.BAD_PYTHON.at(at, message, related=((span, "used here"),)),))
    if found.function in _functions(module):
        return Checked(found, ())
    message = f"The module {found.file!r} defines no function {found.function!r}."
    hint = did_you_mean(found.function, _functions(module))
    if found.function in _imported(module):
        hint = f"It is imported there: name the module that defines {found.function!r}."
    problem = codes.UNKNOWN_FUNCTION.at(
        span, message, hint=hint or "Define it at the top level of the module."
    )
    return Checked(None, (problem,))


@lru_cache(maxsize=256)
def _parse(source: str) -> ast.Module | SyntaxError:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError) as error:  # null bytes; thousands of nested brackets
        return SyntaxError(str(error))


def _functions(module: ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    return {
        node.name: node
        for node in module.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def _imported(module: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in module.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }


def docstring_of(found: Located) -> Docstring:
    """What the docstring of a function that `locate` found says."""
    module = _parse(found.source)
    assert isinstance(module, ast.Module), "locate() reports what does not parse"
    return parse_docstring(ast.get_docstring(_functions(module)[found.function]) or "")


@lru_cache(maxsize=256)
def callable_schema(found: Located) -> Checked[CallableSchema | None]:
    """The description and input schema of a function that `locate` found.

    Problems are placed in the Python file. None: there is no schema, and `problems` says why.
    """
    module = _parse(found.source)
    assert isinstance(module, ast.Module), "locate() reports what does not parse"
    function = _functions(module)[found.function]
    doc = docstring_of(found)
    reader = _Types(_aliases(module), _renamed(module))
    properties: dict[str, Any] = {}
    required: list[str] = []
    problems = [_refuse(found, node, why) for node, why in _unusable(function)]
    for argument, default in _parameters(function):
        try:
            schema = reader.parameter(argument, default)
        except _Unsupported as error:
            problems.append(_refuse(found, error.node, str(error)))
            continue
        except RecursionError:
            problems.append(_refuse(found, argument, f"The type of {argument.arg!r} has no end."))
            continue
        if text := doc.arguments.get(argument.arg):
            schema = {**schema, "description": text}
        properties[argument.arg] = schema
        if default is None:
            required.append(argument.arg)
    if problems:
        return Checked(None, tuple(problems))
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return Checked(CallableSchema(doc.description, schema), ())


def _refuse(found: Located, node: ast.AST, message: str) -> Diagnostic:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end_line = getattr(node, "end_lineno", None) or line
    end_column = getattr(node, "end_col_offset", None) or column + 1
    text = found.source.split("\n")
    # ast counts columns in bytes of UTF-8.
    start = len(text[line - 1].encode()[:column].decode(errors="ignore"))
    end = len(text[end_line - 1].encode()[:end_column].decode(errors="ignore"))
    span = Span(found.file, line, start + 1, end_line, end + 1)
    return codes.CALLABLE_SIGNATURE.at(span, message, hint=_WRITE_SCHEMA)


def _unusable(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
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
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> list[tuple[ast.arg, ast.expr | None]]:
    """Those passed by name, each with its default; None: it has none."""
    arguments = function.args
    missing = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [None] * missing + list(arguments.defaults)
    named = list(zip(arguments.args, defaults[len(arguments.posonlyargs) :], strict=True))
    return named + list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))


def parameters(found: Located) -> Parameters:
    """The parameters of a function that `locate` found."""
    module = _parse(found.source)
    assert isinstance(module, ast.Module), "locate() reports what does not parse"
    function = _functions(module)[found.function]
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


def _aliases(module: ast.Module) -> dict[str, ast.expr]:
    """Names that the module gives to an expression: `Currency = Literal["EUR", "USD"]`."""
    found: dict[str, ast.expr] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            found |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def _renamed(module: ast.Module) -> dict[str, str]:
    """`from typing import Optional as Maybe`: what a name was called where it comes from."""
    return {
        alias.asname: alias.name
        for node in module.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }


class _Types:
    """Annotations to JSON Schema."""

    def __init__(self, aliases: Mapping[str, ast.expr], renamed: Mapping[str, str]) -> None:
        self.aliases = aliases
        self.renamed = renamed

    def _name(self, node: ast.expr) -> str | None:
        """The last part of a dotted name, as its own module calls it."""
        if isinstance(node, ast.Attribute):
            return node.attr
        return self.renamed.get(node.id, node.id) if isinstance(node, ast.Name) else None

    def parameter(self, argument: ast.arg, default: ast.expr | None) -> dict[str, Any]:
        if argument.annotation is None:
            raise _Unsupported(argument, f"The parameter {argument.arg!r} has no type.")
        options = self._options(argument.annotation)
        value = _constant(default)
        if value is None and default is not None and len(options) > 1:
            # `x: int | None = None`: leaving it out says the same as null.
            options = [option for option in options if option != {"type": "null"}]
        schema = _any_of(options)
        return schema if value is None else {**schema, "default": value}

    def schema(self, node: ast.expr) -> dict[str, Any]:
        return _any_of(self._options(node))

    def _options(self, node: ast.expr) -> list[dict[str, Any]]:
        """The members of a union; one for any other type."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._options(node.left) + self._options(node.right)
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.Constant):
            if node.value is None:
                return [{"type": "null"}]
            if isinstance(node.value, str):
                return self._options(_quoted(node, node.value))
        if (name := self._name(node)) is not None:
            return self._named(node, name)
        raise _Unsupported(node, f"The type {ast.unparse(node)!r} has no JSON form.")

    def _named(self, node: ast.expr, name: str) -> list[dict[str, Any]]:
        if isinstance(node, ast.Name) and name in self.aliases:
            return self._options(self.aliases[name])
        if name in _SCALARS:
            return [{"type": _SCALARS[name]}]
        if name in {"list", "List"}:
            return [{"type": "array"}]
        if name in {"dict", "Dict"}:
            return [{"type": "object"}]
        if name == "Any":
            return [{}]
        raise _Unsupported(node, f"The type {ast.unparse(node)!r} has no JSON form.")

    def _subscript(self, node: ast.Subscript) -> list[dict[str, Any]]:
        name = self._name(node.value)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in {"list", "List", "Sequence"} and len(inner) == 1:
            return [{"type": "array", "items": self.schema(inner[0])}]
        if name in {"dict", "Dict", "Mapping"} and len(inner) == 2:
            if self._name(inner[0]) != "str":
                raise _Unsupported(inner[0], "The keys of a JSON object are strings.")
            return [{"type": "object", "additionalProperties": self.schema(inner[1])}]
        if name == "Optional" and len(inner) == 1:
            return [*self._options(inner[0]), {"type": "null"}]
        if name == "Union":
            return [option for member in inner for option in self._options(member)]
        if name == "Literal":
            return [_literal(node, inner)]
        if name == "Annotated" and len(inner) > 1:
            texts = [n.value for n in inner[1:] if isinstance(n, ast.Constant)]
            text = next((value for value in texts if isinstance(value, str)), None)
            schema = self.schema(inner[0])
            return [{**schema, "description": text} if text else schema]
        raise _Unsupported(node, f"The type {ast.unparse(node)!r} has no JSON form.")


def _any_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    unique = [option for i, option in enumerate(options) if option not in options[:i]]
    if len(unique) == 1:
        return unique[0]
    if all(set(option) == {"type"} for option in unique):
        return {"type": [option["type"] for option in unique]}
    return {"anyOf": unique}


def _literal(node: ast.Subscript, members: list[ast.expr]) -> dict[str, Any]:
    values = [m.value if isinstance(m, ast.Constant) else ... for m in members]
    if any(value is not None and not isinstance(value, (str, int)) for value in values):
        raise _Unsupported(
            node, f"{ast.unparse(node)!r} holds more than strings and whole numbers."
        )
    names = {type(value) for value in values}
    types = {str: "string", bool: "boolean", int: "integer"}
    kind = types.get(names.pop()) if len(names) == 1 else None
    return {"type": kind, "enum": values} if kind else {"enum": values}


def _quoted(node: ast.expr, text: str) -> ast.expr:
    try:
        inner = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise _Unsupported(node, f"The type {text!r} cannot be read.") from None
    for each in ast.walk(inner):
        ast.copy_location(each, node)
    return inner


def _constant(default: ast.expr | None) -> Any:
    """The value of a default that JSON can hold; None for every other."""
    if default is None:
        return None
    try:
        value = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (str, int, float, bool, list, dict)) else None
