"""Annotations to JSON Schema, read from source.

What has a form: `str int float bool None Any`, `list[X]`, `dict[str, X]`, `Literal[…]`, unions, `Annotated[X,
"description"]`, names for these, and in the modules of the project dataclasses, typed dictionaries and enums
of text or whole numbers. Anything else is `Unsupported`, and may still be told by running the code.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

from agentflow.compiler.docstrings import parse_docstring
from agentflow.compiler.pymodules import Module, Names, Reader, module_of, names_of

__all__ = ["PROPERTY", "Types", "Unsupported", "any_of", "constant", "settled"]

PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What the service takes as a property name: the API reference of custom tools."""

_SCALARS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_TYPING = frozenset({"typing", "typing_extensions", "collections.abc", "builtins"})
_NULL = {"type": "null"}
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


class _Class(NamedTuple):
    """A class that the project defines, and where."""

    node: ast.ClassDef
    types: Types


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
                return [dict(_NULL)]
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
            return [*self._options(inner[0]), dict(_NULL)]
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
        return _choice(values)

    def _class(self, node: ast.ClassDef, used: ast.expr, user: Module) -> dict[str, Any]:
        for form in (self._enum, self._record):
            schema = form(node)
            if schema is not None:
                return schema
        reason = f"The type {ast.unparse(used)!r} has no JSON form."
        raise Unsupported(used, reason, user)

    def _base_words(self, node: ast.ClassDef) -> list[str | None]:
        return [
            self.origin(base) if isinstance(base, (ast.Name, ast.Attribute)) else None
            for base in node.bases
        ]

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

    def _enum(self, node: ast.ClassDef) -> dict[str, Any] | None:
        """An enumeration of text or whole numbers that are written out."""
        bases = self._base_words(node)
        if not bases or not set(bases) <= {"str", "int", *_ENUMS} or not set(bases) & _ENUMS:
            return None
        values: list[Any] = []
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
                values.append(statement.value.value)
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                return None  # auto(), a tuple, or what only running it tells
        if not values or not all(type(value) in (str, int) for value in values):
            return None
        return {**_choice(list(dict.fromkeys(values))), **_told(node)}

    def _record(self, node: ast.ClassDef) -> dict[str, Any] | None:
        """A dataclass or a typed dictionary, those it extends included."""
        fields = self._fields(node)
        if fields is None:
            return None
        attributes = parse_docstring(ast.get_docstring(node) or "").arguments
        properties: dict[str, Any] = {}
        for name, field in fields.items():
            schema = field.types.parameter(field.annotation, field.default)
            if text := attributes.get(name):
                schema = {**schema, "description": text}
            properties[name] = schema
        return {
            **_told(node),
            "type": "object",
            "properties": properties,
            "required": [name for name, field in fields.items() if field.required],
            "additionalProperties": False,
        }

    def _fields(self, node: ast.ClassDef) -> dict[str, _Field] | None:
        is_data = [self.origin(d) for d in map(_called, node.decorator_list) if d is not None]
        inherited: dict[str, _Field] = {}
        is_typed = False
        for base in node.bases:
            if not isinstance(base, (ast.Name, ast.Attribute)):
                return None
            if self.origin(base) in _TYPED_DICTS:
                is_typed = True
                continue
            parent = self._parent(base)
            fields = None if parent is None else parent.types._fields(parent.node)
            if parent is None or fields is None:
                return None
            is_typed = is_typed or not parent.node.decorator_list
            inherited |= fields
        if is_typed == bool(is_data) or len(node.decorator_list) != len(is_data):
            return None  # neither, or decorated by something else
        if is_data not in ([], ["dataclasses.dataclass"]):
            return None
        own = _typed_fields(node, self) if is_typed else _data_fields(node, self)
        return None if own is None else {**inherited, **own}

    def _parent(self, node: ast.Name | ast.Attribute) -> _Class | None:
        try:
            name, types = self._home(node)
        except Unsupported:
            return None
        statement = types._names.certain[name]
        step = (types._module.file, name)
        if not isinstance(statement, ast.ClassDef) or step in self._within:
            return None
        return _Class(statement, Types(types._module, self._read, (*self._within, step)))


_ENUMS = frozenset({"enum.Enum", "enum.StrEnum", "enum.IntEnum"})
_TYPED_DICTS = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})


class _Field(NamedTuple):
    annotation: ast.expr
    default: ast.expr | None
    """None: it has none, or one that is made anew each time."""
    required: bool
    types: Types
    """Of the module that the field is written in."""


def _typed_fields(node: ast.ClassDef, types: Types) -> dict[str, _Field] | None:
    total = next((k.value for k in node.keywords if k.arg == "total"), None)
    is_total = total is None or not (isinstance(total, ast.Constant) and total.value is False)
    fields = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            word = types.outer_word(statement.annotation)
            required = {"Required": True, "NotRequired": False}.get(word or "", is_total)
            fields[statement.target.id] = _Field(statement.annotation, None, required, types)
        elif not _is_docstring(statement):
            return None
    return fields


def _data_fields(node: ast.ClassDef, types: Types) -> dict[str, _Field] | None:
    fields = {}
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = ast.unparse(statement.annotation)
        if "ClassVar" in annotation:
            continue
        if "InitVar" in annotation or "KW_ONLY" in annotation:
            return None
        value = statement.value
        default, required = value, value is None
        if isinstance(value, ast.Call):
            # `field(...)`: of what it can say, only the default is of interest.
            given = {keyword.arg: keyword.value for keyword in value.keywords}
            maker = _called(value)
            if maker is None or types.origin(maker) != "dataclasses.field" or "init" in given:
                return None
            default = given.get("default")
            required = default is None and "default_factory" not in given
        fields[statement.target.id] = _Field(statement.annotation, default, required, types)
    return fields


def _called(node: ast.expr) -> ast.Name | ast.Attribute | None:
    """`dataclass` in `@dataclass(frozen=True)`. None: a decorator of another form."""
    inner = node.func if isinstance(node, ast.Call) else node
    return inner if isinstance(inner, (ast.Name, ast.Attribute)) else None


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _aliased(statement: ast.stmt) -> ast.expr | None:
    """The type that an alias is for: `Currency = Literal["EUR"]`, `Id = NewType("Id", str)`."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr) or isinstance(statement, ast.AugAssign):
        return None
    if isinstance(value, ast.Call):
        is_new = isinstance(value.func, ast.Name) and value.func.id == "NewType"
        return value.args[1] if is_new and len(value.args) == 2 else None
    return value


def _told(node: ast.ClassDef) -> dict[str, Any]:
    text = parse_docstring(ast.get_docstring(node) or "").description
    return {"description": text} if text else {}


def _choice(values: list[Any]) -> dict[str, Any]:
    names = {type(value) for value in values}
    types = {str: "string", bool: "boolean", int: "integer"}
    kind = types.get(names.pop()) if len(names) == 1 else None
    return {"type": kind, "enum": values} if kind else {"enum": values}


def settled(options: list[dict[str, Any]], default: Any, has_default: bool) -> dict[str, Any]:
    """The schema of a parameter from the members of its type. A `default` of None is not said."""
    if default is None and has_default and len(options) > 1:
        # `x: int | None = None`: leaving it out says the same as null.
        options = [option for option in options if option != _NULL]
    schema = any_of(options)
    return schema if default is None else {**schema, "default": default}


def any_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    unique = [option for i, option in enumerate(options) if option not in options[:i]]
    if len(unique) == 1:
        return unique[0]
    if all(set(option) == {"type"} for option in unique):
        return {"type": [option["type"] for option in unique]}
    return {"anyOf": unique}


def constant(default: ast.expr | None) -> Any:
    """The value of a default that JSON can hold; None for every other."""
    if default is None:
        return None
    try:
        value = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (str, int, float, bool, list, dict)) else None
