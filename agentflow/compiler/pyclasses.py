"""Classes of a project as JSON Schema, read from source: dataclasses, typed dictionaries and enums.

What a class is made of has to be written out in it, or in the classes of the project that it extends.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from agentflow.compiler.docstrings import parse_docstring
from agentflow.compiler.schema_parts import choice

if TYPE_CHECKING:
    from agentflow.compiler.pytypes import Types

__all__ = ["class_schema"]

_ENUMS: dict[str, tuple[type, ...]] = {
    "enum.Enum": (),
    "enum.StrEnum": (str,),
    "enum.IntEnum": (int,),
}
"""By class, the types its values have to have; none: any."""
_MIXED_IN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,)}
_TYPED_DICTS = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})


def class_schema(node: ast.ClassDef, types: Types) -> dict[str, Any] | None:
    """The schema of the values of a class. None: its source does not tell.

    Raises:
        Unsupported: the type of a field has no form.
    """
    schema = _enum(node, types)
    return _record(node, types) if schema is None else schema


def _enum(node: ast.ClassDef, types: Types) -> dict[str, Any] | None:
    """An enumeration of text or whole numbers that are written out."""
    bases = {
        types.origin(base) if isinstance(base, (ast.Name, ast.Attribute)) else None
        for base in node.bases
    }
    if not bases & _ENUMS.keys() or not bases <= {"str", "int", *_ENUMS}:
        return None
    values: list[Any] = []
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            values.append(statement.value.value)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            return None  # auto(), a tuple, or what only running it tells
    kinds = {
        kind for base in bases for kind in _ENUMS.get(base or "", _MIXED_IN.get(base or "", ()))
    }
    if not values or not {type(value) for value in values} <= (kinds or {str, int}):
        return None
    return {**choice(list(dict.fromkeys(values))), **_told(node)}


def _record(node: ast.ClassDef, types: Types) -> dict[str, Any] | None:
    """A dataclass or a typed dictionary, those it extends included."""
    fields = _fields(node, types)
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


def _fields(node: ast.ClassDef, types: Types) -> dict[str, _Field] | None:
    is_data = [types.origin(d) for d in map(_called, node.decorator_list) if d is not None]
    inherited: dict[str, _Field] = {}
    is_typed = False
    for base in node.bases:
        if not isinstance(base, (ast.Name, ast.Attribute)):
            return None
        if types.origin(base) in _TYPED_DICTS:
            is_typed = True
            continue
        parent = types.base(base)
        fields = None if parent is None else _fields(*parent)
        if parent is None or fields is None:
            return None
        is_typed = is_typed or not parent[0].decorator_list
        inherited |= fields
    if is_typed == bool(is_data) or len(node.decorator_list) != len(is_data):
        return None  # neither, or decorated by something else
    if is_data not in ([], ["dataclasses.dataclass"]):
        return None
    own = _typed_fields(node, types) if is_typed else _data_fields(node, types)
    return None if own is None else {**inherited, **own}


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
        if types.outer_word(statement.annotation) == "ClassVar" or annotation == "ClassVar":
            continue
        if any(word in annotation for word in ("ClassVar", "InitVar", "KW_ONLY")):
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


def _told(node: ast.ClassDef) -> dict[str, Any]:
    text = parse_docstring(ast.get_docstring(node) or "").description
    return {"description": text} if text else {}
