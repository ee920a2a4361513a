"""Modules of a project as their source has them: what a name at the top level stands for, if that is certain.

Nothing is imported. Where only running the code could tell, the answer is that it is not certain.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from agentflow.errors import FileRefused
from agentflow.ports import Files

__all__ = [
    "Function",
    "Module",
    "Names",
    "Reader",
    "module_of",
    "names_of",
    "parse_source",
    "reader",
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    file: str
    """Project-relative path."""
    source: str


class Names(NamedTuple):
    """What the names at the top level of a module are bound to."""

    certain: dict[str, ast.stmt]
    """By name, the statement that binds it last, and always."""
    uncertain: frozenset[str]
    """Bound by a statement that may not run, or after which something else may have bound them."""
    open: bool
    """There may be further names: `from x import *`, or `__getattr__`."""


Reader = Callable[[str], Module | None]
"""The module with a dotted name, if it is one of the project. None: it is not."""


def module_paths(module: str) -> tuple[str, str]:
    """`desk.tools` -> the two files it may be in."""
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def reader(files: Files) -> Reader:
    def read(module: str) -> Module | None:
        for path in module_paths(module):
            try:
                return Module(path, files.read(path))
            except FileRefused:
                continue
        return None

    return read


@lru_cache(maxsize=256)
def parse_source(source: str) -> ast.Module | SyntaxError:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:
        # Null bytes; thousands of nested brackets; so many signs that the parser's stack is full.
        return SyntaxError(str(error) or "it is nested too deeply")


@lru_cache(maxsize=256)
def names_of(source: str) -> Names:
    """The names of a module; none of one that does not parse."""
    tree = parse_source(source)
    certain: dict[str, ast.stmt] = {}
    uncertain: set[str] = set()
    is_open = False
    for statement, always in _statements(tree.body if isinstance(tree, ast.Module) else []):
        for name in _bound(statement):
            if name == "*":
                is_open = True
                uncertain |= set(certain)
            elif always:
                certain[name] = statement
                uncertain.discard(name)
            else:
                uncertain.add(name)
    is_open = is_open or "__getattr__" in certain
    return Names(certain, frozenset(uncertain), is_open)


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement that runs at the top level, and whether it always does.

    What stands below `if TYPE_CHECKING:` is there for those who only read, as we do.
    """
    for statement in body:
        if isinstance(statement, ast.If) and _is_type_checking(statement.test):
            yield from _statements(statement.body)
        else:
            yield statement, True
            yield from ((inner, False) for inner in _nested(statement))


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _nested(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements inside of `if`, `try`, `with` and loops, at any depth."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield child
            yield from _nested(child)
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            for inner in child.body:
                yield inner
                yield from _nested(inner)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement itself binds, or takes away; `*` for any."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.Assign() | ast.Delete():
            yield from (name for target in statement.targets for name in _targets(target))
        case ast.AnnAssign(value=ast.expr()) | ast.AugAssign() | ast.For() | ast.AsyncFor():
            yield from _targets(statement.target)
        case ast.With() | ast.AsyncWith():
            for item in statement.items:
                yield from _targets(item.optional_vars) if item.optional_vars else ()
        case _:
            # `type X = …`, which older Pythons cannot parse.
            if type(statement).__name__ == "TypeAlias":
                yield from _targets(getattr(statement, "name"))  # noqa: B009


def _targets(node: ast.expr) -> Iterator[str]:
    return (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def module_of(module: Module, statement: ast.ImportFrom) -> str:
    """The dotted name of what `from … import` imports from, relative dots resolved."""
    if not statement.level:
        return statement.module or ""
    package = module.file.removesuffix("/__init__.py")
    if package == module.file:
        package = posixpath.dirname(module.file)
    for _ in range(statement.level - 1):
        package = posixpath.dirname(package)
    parts = [*package.split("/"), *([statement.module] if statement.module else [])]
    return ".".join(part for part in parts if part)
