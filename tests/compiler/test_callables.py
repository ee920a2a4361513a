"""Schemas of Python functions, read from their source."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from agentflow.compiler.callables import (
    CallableSchema,
    Located,
    callable_schema,
    locate,
    parameters,
)
from agentflow.compiler.docstrings import parse_docstring
from agentflow.diagnostics import Span
from tests.support.memory_files import MemoryFiles

HERE = Span("a.yaml", 1, 1, 1, 5)
HEAD = """
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional as Maybe, Union
Currency = Literal["EUR", "USD"]
Codes: typing.TypeAlias = list[Currency]
Loop = list["Loop"]
"""


def schema_of(signature: str, *, kind: str = "def") -> Any:
    source = f"{HEAD}\n{kind} f({signature}):\n    '''Doc.'''\n"
    return read(Located("desk/tools.py", source, "f", "desk.tools:f"))


def read(found: Located, files: dict[str, str] | None = None) -> Any:
    return callable_schema(found, MemoryFiles(files or {}), None, HERE)


def property_of(type_: str) -> Any:
    result = schema_of(f"x: {type_}")
    assert result.problems == ()
    return result.value.input_schema["properties"]["x"]


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("Any", {}),
        ("list", {"type": "array"}),
        ("dict", {"type": "object"}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("Sequence[str]", {"type": "array", "items": {"type": "string"}}),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("typing.Mapping[str, Any]", {"type": "object", "additionalProperties": {}}),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("Literal[1, 2]", {"type": "integer", "enum": [1, 2]}),
        ("Literal['a', 1]", {"enum": ["a", 1]}),
        ("Currency", {"type": "string", "enum": ["EUR", "USD"]}),
        ("Codes", {"type": "array", "items": {"type": "string", "enum": ["EUR", "USD"]}}),
        ("int | None", {"type": ["integer", "null"]}),
        ("Maybe[str]", {"type": ["string", "null"]}),
        ("Union[int, str, int]", {"type": ["integer", "string"]}),
        (
            "list[int] | None",
            {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        ),
        ("'int | None'", {"type": ["integer", "null"]}),
        ("Annotated[int, 'how many']", {"type": "integer", "description": "how many"}),
        (
            "list[list[bool]]",
            {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}},
        ),
    ],
)
def test_a_type_has_this_schema(type_: str, expected: object) -> None:
    assert property_of(type_) == expected


@pytest.mark.parametrize(
    ("signature", "message", "column"),
    [
        ("x", "'x' has no type", 7),
        ("*args: int", "takes *args", 8),
        ("**more: int", "takes **more", 9),
        ("x: int, /", "'x' of f() cannot be passed by name", 7),
        ("x: Foo", "'Foo' has no JSON form", 10),
        ("x: datetime.date", "'datetime.date' has no JSON form", 10),
        ("x: set[int]", "'set[int]' has no JSON form", 10),
        ("x: dict[int, str]", "keys of a JSON object are strings", 15),
        ("x: Literal[1.5]", "holds more than strings", 10),
        ("x: 'a b'", "cannot be read", 10),
        ("x: Loop", "has no end", 7),
        ("größe: int, x: Foo", "'Foo' has no JSON form", 22),
    ],
)
def test_what_has_no_json_form_is_placed_in_the_python_file(
    signature: str, message: str, column: int
) -> None:
    result = schema_of(signature)
    assert result.value is None
    problem = next(p for p in result.problems if message in p.message)
    assert problem.code == "AF252"
    assert problem.span is not None
    assert (problem.span.file, problem.span.line, problem.span.column) == (
        "desk/tools.py",
        9,
        column,
    )


def test_every_parameter_is_reported() -> None:
    assert len(schema_of("a, b: Foo, *c, **d").problems) == 4


def test_a_parameter_with_a_default_is_not_required() -> None:
    schema = schema_of("a: str, b: int = 3, *, c: float | None = None, d: list[str] = []").value
    assert schema == CallableSchema(
        "Doc.",
        {
            "type": "object",
            "properties": {
                "a": {"type": "string"},
                "b": {"type": "integer", "default": 3},
                "c": {"type": "number"},
                "d": {"type": "array", "items": {"type": "string"}, "default": []},
            },
            "required": ["a"],
            "additionalProperties": False,
        },
    )


def test_an_async_function_is_a_function() -> None:
    assert schema_of("x: int", kind="async def").problems == ()


def test_nothing_is_imported_or_run() -> None:
    source = "raise SystemExit\ndef f(x: int): ...\n"
    assert read(Located("a.py", source, "f", "a:f")).problems == ()


def test_a_google_docstring_is_taken_apart() -> None:
    doc = parse_docstring(
        "Rate of a currency.\n\nOf the bank,\nevery day.\n\nArgs:\n    currency: The code,\n"
        "        in upper case: EUR.\n    day (str): ISO date.\n\nReturns:\n    rate: not an argument\n"
    )
    assert doc.description == "Rate of a currency.\n\nOf the bank, every day."
    assert doc.arguments == {"currency": "The code, in upper case: EUR.", "day": "ISO date."}


@pytest.mark.parametrize(
    "text", ["", "One line.", "Args:", "Args:\n    x: 1\n  y", "\n\nArgs:\n\n"]
)
def test_any_docstring_can_be_read(text: str) -> None:
    assert parse_docstring(text).description in {"", "One line."}


@pytest.mark.parametrize("path", ["desk/tools.py", "desk/tools/__init__.py"])
def test_a_module_is_a_file_or_a_package(path: str) -> None:
    found = locate("desk.tools:f", MemoryFiles({path: "def f(): ..."}), HERE)
    assert found.value == Located(path, "def f(): ...", "f", "desk.tools:f")


@pytest.mark.parametrize(
    ("source", "code", "hint"),
    [
        (None, "AF250", "package.module:function"),
        ("def other(): ...", "AF251", "top level"),
        ("def ratee(): ...", "AF251", "Did you mean 'ratee'?"),
        ("class rate: ...", "AF251", "top level"),
        ("def rate(: ...", "AF253", ""),
        ("x = '\x00'\ndef rate(): ...", "AF253", ""),
    ],
)
def test_code_that_is_not_there(source: str | None, code: str, hint: str) -> None:
    files = MemoryFiles({} if source is None else {"desk.py": source})
    found = locate("desk:rate", files, HERE)
    [problem] = found.problems
    assert found.value is None
    assert problem.code == code
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    ("signature", "positional"),
    [("", (0, 0)), ("a", (1, 1)), ("a, b=1", (1, 2)), ("*a", (0, 10**6)), ("a, /, *, k=1", (1, 1))],
)
def test_how_a_function_can_be_called(signature: str, positional: tuple[int, int]) -> None:
    found = Located("a.py", f"def f({signature}): ...", "f", "a:f")
    takes = parameters(found)
    assert takes is not None
    assert takes.positional == positional


def test_a_keyword_without_a_default_cannot_be_left_out() -> None:
    takes = parameters(Located("a.py", "def f(a, *, k): ...", "f", "a:f"))
    assert takes is not None
    assert takes.positional[0] > 1


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: int):\n    'Half \\ud800 a character.'\n",
        "def f(x: int):\n    'The mark \\ufdd0secret.desk\\ufdd1.'\n",
        "from typing import Literal\ndef f(x: Literal['\\ud800']):\n    'Doc.'\n",
        "def f(x: str = '\\udfff'):\n    'Doc.'\n",
    ],
)
def test_what_is_no_text_gets_into_no_schema(source: str) -> None:
    result = read(Located("desk/tools.py", source, "f", "desk.tools:f"))
    assert result.value is None
    [problem] = result.problems
    assert "which is no text." in problem.message


@pytest.mark.parametrize(
    "signature",
    ["x: int = 0x" + "f" * 5_000, "x: typing.Literal[0x" + "f" * 5_000 + "]", "x: float = 1e999"],
)
def test_a_number_that_cannot_be_written_is_no_default(signature: str) -> None:
    result = schema_of(signature)
    assert result.value is None
    [problem] = result.problems
    assert problem.message == "What f() says of itself holds a number that JSON does not have."


@pytest.mark.parametrize("sign", ["-", "~", "not "])
@pytest.mark.parametrize("times", [3_000, 100_000])
def test_a_module_that_python_cannot_parse_is_reported(sign: str, times: int) -> None:
    source = f"X = {sign * times}1\ndef f(): 'Doc.'\n"
    [problem] = locate("tools:f", MemoryFiles({"tools.py": source}), HERE).problems
    assert problem.code == "AF253"


def test_a_docstring_of_sections_only_takes_no_time() -> None:
    started = process_time()
    assert parse_docstring("Args:\n    a: x\n" * 50_000).arguments == {"a": "x"}
    assert process_time() - started < 5  # mostly it is a tenth
