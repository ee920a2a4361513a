"""Annotations to JSON Schema, read from source.

What has a form: `str int float bool None Any`, `list[X]`, `dict[str, X]`, `Literal[…]`, unions, `Annotated[X,
"description"]`, names for these, and in the modules of the project dataclasses, typed dictionaries and enums
of text or whole numbers. Anything else is `Unsupported`, and may still be told by running the code.
"""

from __future__ import annotations

import ast
from typing import Any

from agentflow.compiler.pyclasses import class_schema
from agentflow.compiler.pymodules import Module, Names, Reader, module_of, names_of
from agentflow.compiler.schema_parts import NULL, any_of, choice, constant, settled

__all__ = ["Types", "Unsupported"]

_SCALARS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_TYPING = frozenset({"typing", "typing_extensions", "collections.abc", "builtins"})
_MOST_DEFINITIONS = 20
"""How many names a name may lead through, from module to module."""


class Unsupported(Exception):
    """An annotation without a form: where it stands, and the reason."""

    def __init__(
        self, node: ast.AST | None, reason: str, module: Module, *, final: bool = False
    ) -> None:
        super().__init__(reason)
        self.node = node
        """None: no single place is to blame."""
        self.module = module
        """That `node` is in."""
        self.final = final
        """Running the code could not help either."""


class Types:
    """The annotations of one module."""

    def __init__(
        self, module: Module, read: Reader, within: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Read other modules with `read`. `within` are the classes and names being read, outermost first."""
        self._module = module
        self._names: Names = names_of(module.source)
        self._read = read
        self._within = within

    def parameter(self, annotation: ast.expr, default: ast.expr | None) -> dict[str, Any]:
        """The schema of a parameter or field, with its default if JSON has it."""
        return settled(self._options(annotation), constant(default), default is not None)

    def schema(self, node: ast.expr) -> dict[str, Any]:
        return any_of(self._options(node))

    def _refuse(self, node: ast.expr) -> Unsupported:
        reason = f"The type {ast.unparse(node)!r} has no JSON form."
        return Unsupported(node, reason, self._module)

    def _options(self, node: ast.expr) -> list[dict[str, Any]]:
        """The members of a union; one for any other type."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._options(node.left) + self._options(node.right)
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.Constant):
            if node.value is None:
                return [dict(NULL)]
            if isinstance(node.value, str):
                return self._options(self._quoted(node, node.value))
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._named(node)
        raise self._refuse(node)

    def _quoted(self, node: ast.expr, text: str) -> ast.expr:
        try:
            inner = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            raise Unsupported(
                node, f"The type {text!r} cannot be read.", self._module, final=True
            ) from None
        for each in ast.walk(inner):
            ast.copy_location(each, node)
        return inner

    def _named(self, node: ast.Name | ast.Attribute) -> list[dict[str, Any]]:
        if (word := self._word(node)) is not None:
            if word in _SCALARS:
                return [{"type": _SCALARS[word]}]
            if word in {"list", "List"}:
                return [{"type": "array"}]
            if word in {"dict", "Dict"}:
                return [{"type": "object"}]
            if word == "Any":
                return [{}]
            raise self._refuse(node)
        name, types = self._home(node)
        statement = types._names.certain[name]
        step = (types._module.file, name)
        if step in self._within or len(self._within) > _MOST_DEFINITIONS:
            reason = f"The type {name!r} has no end: it is made of itself."
            raise Unsupported(None, reason, self._module, final=True)
        inner = Types(types._module, self._read, (*self._within, step))
        if isinstance(statement, ast.ClassDef):
            return [inner._class(statement, node, self._module)]
        value = _aliased(statement)
        if value is None:
            raise self._refuse(node)
        return inner._options(value)

    def _word(self, node: ast.expr) -> str | None:
        """What typing or Python itself calls a name. None: it is the project's."""
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node.value)
            imported = self._names.certain.get(text.partition(".")[0])
            if isinstance(imported, ast.Import):
                real = {a.asname or a.name: a.name for a in imported.names}
                text = real.get(text, text)
            return node.attr if text in _TYPING else None
        assert isinstance(node, ast.Name)
        statement = self._names.certain.get(node.id)
        if isinstance(statement, ast.ImportFrom) and statement.module in _TYPING:
            return next(a.name for a in statement.names if (a.asname or a.name) == node.id)
        return None if statement is not None else node.id

    def outer_word(self, node: ast.expr) -> str | None:
        """`list` of `list[int]`, where that is what typing or Python itself calls it."""
        outer = node.value if isinstance(node, ast.Subscript) else None
        return self._word(outer) if isinstance(outer, (ast.Name, ast.Attribute)) else None

    def _home(self, node: ast.Name | ast.Attribute) -> tuple[str, Types]:
        """Where the project defines what a name stands for, and its name there."""
        types: Types = self
        if isinstance(node, ast.Attribute):
            types, name = self._imported_module(node), node.attr
        else:
            name = node.id
        for _ in range(_MOST_DEFINITIONS):
            statement = types._names.certain.get(name)
            if statement is None or name in types._names.uncertain:
                break
            if not isinstance(statement, ast.ImportFrom):
                return name, types
            found = self._read(module_of(types._module, statement))
            if found is None:
                break
            original = {a.asname or a.name: a.name for a in statement.names}
            types, name = Types(found, self._read, self._within), original[name]
        raise self._refuse(node)

    def _imported_module(self, node: ast.Attribute) -> Types:
        """`shapes` in `shapes.Order`, if that is a module of the project."""
        text = ast.unparse(node.value)
        statement = self._names.certain.get(text.partition(".")[0])
        module = None
        if isinstance(statement, ast.Import):
            module = {a.asname or a.name: a.name for a in statement.names}.get(text)
        elif isinstance(statement, ast.ImportFrom):
            original = {a.asname or a.name: a.name for a in statement.names}.get(text)
            package = module_of(self._module, statement)
            module = f"{package}.{original}".lstrip(".") if original else None
        found = self._read(module) if module else None
        if found is None:
            raise self._refuse(node)
        return Types(found, self._read, self._within)

    def _subscript(self, node: ast.Subscript) -> list[dict[str, Any]]:
        name = self.outer_word(node)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in {"list", "List", "Sequence"} and len(inner) == 1:
            return [{"type": "array", "items": self.schema(inner[0])}]
        if name in {"dict", "Dict", "Mapping"} and len(inner) == 2:
            if not isinstance(inner[0], ast.Name) or self._word(inner[0]) != "str":
                raise Unsupported(inner[0], "The keys of a JSON object are strings.", self._module)
            return [{"type": "object", "additionalProperties": self.schema(inner[1])}]
        if name == "Optional" and len(inner) == 1:
            return [*self._options(inner[0]), dict(NULL)]
        if name == "Union":
            return [option for member in inner for option in self._options(member)]
        if name == "Literal":
            return [self._literal(node, inner)]
        if name in {"Required", "NotRequired", "ReadOnly", "Final"} and len(inner) == 1:
            return self._options(inner[0])
        if name == "Annotated" and len(inner) > 1:
            notes = [n.value if isinstance(n, ast.Constant) else ... for n in inner[1:]]
            if ... not in notes:
                text = next((note for note in notes if isinstance(note, str)), None)
                schema = self.schema(inner[0])
                return [{**schema, "description": text} if text else schema]
        raise self._refuse(node)

    def _literal(self, node: ast.Subscript, members: list[ast.expr]) -> dict[str, Any]:
        values = [m.value if isinstance(m, ast.Constant) else ... for m in members]
        if any(value is not None and not isinstance(value, (str, int)) for value in values):
            reason = f"{ast.unparse(node)!r} holds more than strings and whole numbers."
            raise Unsupported(node, reason, self._module)
        return choice(values)

    def _class(self, node: ast.ClassDef, used: ast.expr, user: Module) -> dict[str, Any]:
        schema = class_schema(node, self)
        if schema is None:
            reason = f"The type {ast.unparse(used)!r} has no JSON form."
            raise Unsupported(used, reason, user)
        return schema

    def origin(self, node: ast.Name | ast.Attribute) -> str:
        """A name from elsewhere, with where it is from: `enum.Enum`; or as it stands."""
        text = ast.unparse(node)
        first, _, rest = text.partition(".")
        statement = self._names.certain.get(first)
        if isinstance(statement, ast.ImportFrom):
            original = {a.asname or a.name: a.name for a in statement.names}[first]
            return ".".join(filter(None, (statement.module, original, rest)))
        if isinstance(statement, ast.Import):
            original = {a.asname or a.name: a.name for a in statement.names}.get(first, first)
            return ".".join(filter(None, (original, rest)))
        return text

    def base(self, node: ast.Name | ast.Attribute) -> tuple[ast.ClassDef, Types] | None:
        """A class of the project that another one extends, and the types of its module.

        None: it is none of the project, or one that is being read.
        """
        try:
            name, types = self._home(node)
        except Unsupported:
            return None
        statement = types._names.certain[name]
        step = (types._module.file, name)
        if not isinstance(statement, ast.ClassDef) or step in self._within:
            return None
        return statement, Types(types._module, self._read, (*self._within, step))


def _aliased(statement: ast.stmt) -> ast.expr | None:
    """The type that an alias is for: `Currency = Literal["EUR"]`, `Id = NewType("Id", str)`."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr) or isinstance(statement, ast.AugAssign):
        return None
    if isinstance(value, ast.Call):
        is_new = isinstance(value.func, ast.Name) and value.func.id == "NewType"
        return value.args[1] if is_new and len(value.args) == 2 else None
    return value
