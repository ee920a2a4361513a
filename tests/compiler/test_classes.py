"""Types that a project defines, and functions that are not simply there, read from source."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.callables import callable_schema, locate
from agentflow.diagnostics import Checked, Span
from tests.support.memory_files import MemoryFiles

HERE = Span("a.yaml", 1, 1, 1, 5)
HEAD = """
from __future__ import annotations
import dataclasses, enum
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Annotated, ClassVar, Literal, NewType, Optional, TYPE_CHECKING
import typing as t
from typing_extensions import NotRequired, Required, TypedDict
"""
SHAPES = """
from dataclasses import dataclass
from enum import Enum as E
from typing import TypedDict

class Size(E):
    S = "s"
    L = "l"

@dataclass
class Base:
    id: int

Sizes = list[Size]
"""
FILES = {"desk/__init__.py": "", "desk/shapes.py": SHAPES, "desk/kinds/__init__.py": SHAPES}


def schema_of(source: str, **files: str) -> Any:
    """The outcome for `f` in `desk/tools.py`."""
    project = MemoryFiles({**FILES, "desk/tools.py": HEAD + source, **files})
    found, problems = locate("desk.tools:f", project, HERE)
    if found is None:
        return Checked(None, problems)
    return callable_schema(found, project, None, HERE)


def type_of(source: str, annotation: str) -> Any:
    result = schema_of(f"{source}\ndef f(x: {annotation}):\n    'Doc.'\n")
    assert result.problems == ()
    return result.value.input_schema["properties"]["x"]


def record(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


INT, TEXT = {"type": "integer"}, {"type": "string"}
SIZE = {"type": "string", "enum": ["s", "l"]}

POINT = """
@dataclass(frozen=True)
class Point:
    '''A place on the map.

    Attributes:
        x: to the east
    '''
    x: int
    y: int = 0
    note: str | None = None
    tags: list[str] = field(default_factory=list)
    unit: ClassVar[str] = "m"

    def length(self): return abs(self.x)
"""
DICTS = """
class Row(TypedDict):
    id: int
    name: NotRequired[str]
class Loose(Row, total=False):
    size: float
    code: Required[Literal["a"]]
"""


@pytest.mark.parametrize(
    ("source", "annotation", "expected"),
    [
        (
            POINT,
            "Point",
            {
                "description": "A place on the map.",
                **record(
                    ["x"],
                    x={**INT, "description": "to the east"},
                    y={**INT, "default": 0},
                    note=TEXT,
                    tags={"type": "array", "items": TEXT},
                ),
            },
        ),
        (DICTS, "Row", record(["id"], id=INT, name=TEXT)),
        (
            DICTS,
            "Loose",
            record(
                ["id", "code"],
                id=INT,
                name=TEXT,
                size={"type": "number"},
                code={"type": "string", "enum": ["a"]},
            ),
        ),
        ("class C(Enum):\n A = 'a'\n B = 'b'\n", "C", {"type": "string", "enum": ["a", "b"]}),
        (
            "class C(str, enum.Enum):\n 'Doc.'\n A = 'a'\n",
            "C | None",
            {"anyOf": [{"type": "string", "enum": ["a"], "description": "Doc."}, {"type": "null"}]},
        ),
        ("class C(IntEnum):\n A = 1\n B = 2\n", "list[C]", {"type": "array", "items": {"type": "integer", "enum": [1, 2]}}),
        ("from desk.shapes import Size", "Size", SIZE),
        ("from .shapes import Size as S", "S", SIZE),
        ("from . import shapes", "shapes.Size", SIZE),
        ("from .kinds import Size", "Size", SIZE),
        ("import desk.shapes", "desk.shapes.Size", SIZE),
        ("import desk.shapes as s", "dict[str, s.Size]", {"type": "object", "additionalProperties": SIZE}),
        ("from desk.shapes import Sizes", "Sizes", {"type": "array", "items": SIZE}),
        ("if TYPE_CHECKING:\n    from desk.shapes import Size", "Size", SIZE),
        (
            "from desk.shapes import Base, Size\n@dataclasses.dataclass\nclass Own(Base):\n size: Size",
            "Own",
            record(["id", "size"], id=INT, size=SIZE),
        ),
        ("Id = NewType('Id', int)", "Id", INT),
        ("", "t.Optional[int]", {"type": ["integer", "null"]}),
        ("", "t.Literal['a']", {"type": "string", "enum": ["a"]}),
    ],
)  # fmt: skip
def test_a_type_of_the_project_has_this_schema(
    source: str, annotation: str, expected: object
) -> None:
    assert type_of(source, annotation) == expected


@pytest.mark.parametrize(
    ("source", "annotation", "message", "place"),
    [
        ("import decimal", "decimal.Decimal", "'decimal.Decimal' has no JSON form", ("desk/tools.py", 10, 10)),
        ("from decimal import Decimal", "Decimal", "'Decimal' has no JSON form", ("desk/tools.py", 10, 10)),
        ("class C(Enum):\n A = enum.auto()", "C", "'C' has no JSON form", ("desk/tools.py", 11, 10)),
        ("class C(str, Enum):\n A = 1", "C", "'C' has no JSON form", ("desk/tools.py", 11, 10)),
        ("@dataclass\nclass C:\n x: dataclasses.InitVar[int]", "C", "'C' has no JSON form", ("desk/tools.py", 12, 10)),
        ("@dataclass\nclass C:\n x: int = field(init=False)", "C", "'C' has no JSON form", ("desk/tools.py", 12, 10)),
        ("class C:\n x: int", "C", "'C' has no JSON form", ("desk/tools.py", 11, 10)),
        ("@dataclass\n@other\nclass C:\n x: int", "C", "'C' has no JSON form", ("desk/tools.py", 13, 10)),
        ("@dataclass\nclass C:\n x: set[int]", "C", "'set[int]' has no JSON form", ("desk/tools.py", 11, 5)),
        ("from desk.bad import C", "C", "'bytes' has no JSON form", ("desk/bad.py", 4, 6)),
        ("@dataclass\nclass C:\n next: C | None", "C", "'C' has no end", ("desk/tools.py", 12, 7)),
        ("@dataclass\nclass C(C):\n x: int", "C", "'C' has no JSON form", ("desk/tools.py", 12, 10)),
        ("A = 'B'\nB = 'A'", "A", "has no end", ("desk/tools.py", 11, 7)),
        ("try:\n from x import C\nexcept ImportError:\n class C(Enum): A = 1", "C", "'C' has no JSON form", ("desk/tools.py", 13, 10)),
        ("from desk.shapes import Size\ndel Size", "Size", "'Size' has no JSON form", ("desk/tools.py", 11, 10)),
        ("", "Annotated[int, field(default=3)]", "has no JSON form", ("desk/tools.py", 10, 10)),
    ],
)  # fmt: skip
def test_what_the_source_does_not_tell(
    source: str, annotation: str, message: str, place: tuple[str, int, int]
) -> None:
    bad = "from dataclasses import dataclass\n@dataclass\nclass C:\n  x: bytes\n"
    text = f"{source}\ndef f(x: {annotation}): 'Doc.'\n"
    result = schema_of(text, **{"desk/bad.py": bad})
    assert result.value is None
    [problem] = result.problems
    assert problem.code == "AF252"
    assert message in problem.message
    assert problem.span is not None
    assert (problem.span.file, problem.span.line, problem.span.column) == place


@pytest.mark.parametrize(
    "source",
    [
        "from functools import lru_cache\n@lru_cache(maxsize=3)\ndef f(x: int): 'Doc.'",
        "def f(): 'Old.'\ndef f(x: int): 'Doc.'",
        "if True:\n def f(): ...\ndef f(x: int): 'Doc.'",
        "from .impl import f",
        "from desk.impl import g as f",
    ],
)
def test_a_function_is_read_where_it_is_defined(source: str) -> None:
    impl = "def f(x: int): 'Doc.'\nfrom .shapes import Size\ng = None\ndef g(x: int): 'Doc.'\n"
    result = schema_of(source, **{"desk/impl.py": impl})
    assert result.problems == ()
    assert result.value.description == "Doc."
    assert result.value.input_schema["properties"] == {"x": INT}


@pytest.mark.parametrize(
    "source",
    [
        "def wrap(f): return f\n@wrap\ndef f(x: int): 'Doc.'",
        "def g(x: int): 'Doc.'\nf = g",
        "from elsewhere import f",
        "from elsewhere import *",
        "try:\n from fast import f\nexcept ImportError:\n def f(x: int): 'Doc.'",
        "def f(x: int): 'Doc.'\nif len('a'): f = print",
        "def __getattr__(name): return print",
        "with open('x') as f: ...",
        "for f in []: ...",
    ],
)
def test_a_function_that_only_running_tells(source: str) -> None:
    [problem] = schema_of(source).problems
    assert problem.code == "AF252"
    assert problem.span == HERE
    assert "What f() takes is only known once" in problem.message


@pytest.mark.parametrize("source", ["class f: ...", "def g(): ...", "import g", "x.f = 3"])
def test_a_function_that_is_not_there(source: str) -> None:
    [problem] = schema_of(source).problems
    assert problem.code == "AF251"


SNIPPETS = st.sampled_from(
    [
        "def f(x: T): 'D'",
        "T = list['T']",
        "@dataclass\nclass T(U):\n x: T",
        "class U(TypedDict):\n y: T",
        "from .tools import T",
        "from .shapes import Base as U",
        "class T(Enum):\n A: int = 1",
        "import desk.tools as T",
        "del T",
        "T: int",
        "U = T | None",
        "from . import *",
    ]
)


@given(st.lists(SNIPPETS, max_size=8).map("\n".join))
def test_no_module_makes_the_reader_raise(source: str) -> None:
    value, problems = schema_of(source)
    assert (value is None) == bool(problems)
