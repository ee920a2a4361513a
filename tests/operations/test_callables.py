"""Functions that have to be imported to be understood, in a real process and with real trouble."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.callables import callable_schema, locate
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Checked, Span
from agentflow.errors import CallableRefused
from agentflow.operations.callables import ImportedCallables
from agentflow.operations.project import ProjectFiles
from tests.compiler.test_classes import DICTS, HEAD, POINT
from tests.runtime.bench import gone, wait_until

HERE = Span("a.yaml", 1, 1, 1, 5)
MODULE = """
from __future__ import annotations
import datetime, decimal, enum, functools, uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypedDict, TYPE_CHECKING
from pydantic import BaseModel, Field
if TYPE_CHECKING:
    from absent import Absent

class Kind(enum.Enum):
    BUY = "buy"
    SELL = enum.auto()

class Leg(BaseModel):
    '''One leg.

    Attributes:
        day: When it is.
    '''
    day: datetime.date
    kind: Literal["a"] = "a"
    note: str | None = None

class Order(BaseModel):
    first: Leg
    second: Leg | None = None
    both: dict[str, list[Leg]] = {}

class Tree(BaseModel):
    children: list[Tree]

class Odd: ...
class Row(TypedDict):
    day: datetime.date

def wrap(function):
    @functools.wraps(function)
    def inner(*args, **kwargs): return function(*args, **kwargs)
    return inner

def model(order: Order, day: datetime.date, n: Annotated[int, Field(gt=0, description="N.")] = 3):
    '''Model.

    Args:
        order: What to do.
    '''

def tree(x: Tree): 'Tree.'
def odd(x: Odd, y: decimal.Decimal): 'Odd.'
def rows(x: list[Row]): 'Rows.'
def absent(x: Absent, y: uuid.UUID): 'Absent.'
def stars(*args: int, x: uuid.UUID): 'Stars.'
@wrap
def wrapped(a: int, b: set[str] | None = None):
    'Wrapped.'
half = functools.partial(wrapped, 1)
class Call:
    def __call__(self, x: int):
        'Called.'
called = Call()
number = 3
"""
TEXT = {"type": "string"}
DAY = {"type": "string", "format": "date"}
LEG = {
    "type": "object",
    "description": "One leg.",
    "properties": {
        "day": {**DAY, "description": "When it is."},
        "kind": {"type": "string", "enum": ["a"], "default": "a"},
        "note": TEXT,
    },
    "required": ["day"],
    "additionalProperties": False,
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    shop.write("desk/tools.py", MODULE)
    yield shop
    shop.callables.close()


class Shop:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.callables = ImportedCallables(root)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def schema(self, name: str, module: str = "desk.tools") -> Checked[Any]:
        files = ProjectFiles(self.root)
        found, problems = locate(f"{module}:{name}", files, HERE)
        if found is None:
            return Checked(None, problems)
        return callable_schema(found, files, self.callables, HERE)

    def properties(self, name: str) -> Any:
        result = self.schema(name)
        assert result.problems == ()
        assert "$ref" not in json.dumps(result.value.input_schema)
        return result.value.input_schema["properties"]


def test_models_are_written_out_without_references(shop: Shop) -> None:
    assert shop.properties("model") == {
        "order": {
            "type": "object",
            "description": "What to do.",
            "properties": {
                "first": LEG,
                "second": LEG,
                "both": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": LEG},
                    "default": {},
                },
            },
            "required": ["first"],
            "additionalProperties": False,
        },
        "day": DAY,
        "n": {"type": "integer", "exclusiveMinimum": 0, "description": "N.", "default": 3},
    }
    assert shop.schema("model").value.description == "Model."


def test_a_function_that_something_else_makes(shop: Shop) -> None:
    wrapped = {"a": {"type": "integer"}, "b": {"type": "array", "items": TEXT, "uniqueItems": True}}
    assert shop.properties("wrapped") == wrapped
    assert shop.schema("wrapped").value.description == "Wrapped."
    assert shop.properties("called") == {"x": {"type": "integer"}}
    assert shop.schema("called").value.description == "Called."


@pytest.mark.parametrize(
    ("name", "message", "place"),
    [
        ("tree", "The type of 'x' has no end: it is made of itself.", "desk/tools.py:49:13"),
        ("odd", "The type 'Odd' of 'x' has no JSON form.", "desk/tools.py:50:12"),
        ("absent", "The type 'Absent' of 'x' cannot be resolved.", "desk/tools.py:52:15"),
        ("stars", "stars() takes *args, which has no schema.", "desk/tools.py:53:12"),
    ],
)
def test_a_type_without_a_form_is_placed(shop: Shop, name: str, message: str, place: str) -> None:
    result = shop.schema(name)
    [problem] = result.problems
    assert (problem.code, problem.message, str(problem.span)) == ("AF252", message, place)


BROKEN = [
    ("import absent_package\n", "ModuleNotFoundError: No module named 'absent_package'.", 1),
    ("\n\nraise ValueError('no luck')\n", "ValueError: no luck.", 3),
    ("import sys\nsys.exit(3)\n", "SystemExit: 3.", 2),
    ("import os\nos._exit(9)\n", "Importing it ended the process that did it.", None),
    ("import os\nos.kill(os.getpid(), 11)\n", "ended the process", None),
    ("from desk import gone\n", "cannot import name 'gone'", 1),
    ("import json\njson.loads('x')\n", "JSONDecodeError", 2),
    ("f = 3\n", "TypeError: int object cannot be called.", None),
    ("import os\nraise ValueError(os.environ['SHOP_TOKEN'])\n", "KeyError: 'SHOP_TOKEN'.", 2),
]


@pytest.mark.parametrize(("source", "message", "line"), BROKEN)
def test_a_module_that_cannot_be_imported(
    shop: Shop, source: str, message: str, line: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-s3cr3t")
    shop.write("broken.py", f"{source}f = globals().get('f', print)\n")
    [problem] = shop.schema("f", "broken").problems
    assert problem.code == "AF262"
    assert message in problem.message
    assert problem.message.startswith("The module of f() cannot be imported: ")
    assert "input_schema" in (problem.hint or "")
    assert str(problem.span) == ("a.yaml:1:1" if line is None else f"broken.py:{line}:1")
    assert shop.properties("called")  # the next one is asked of a process that works


def test_an_error_in_another_module_of_the_project_is_placed_there(shop: Shop) -> None:
    shop.write("broken.py", "import desk.deeper\nf = print\n")
    shop.write("desk/deeper.py", "\nx = (1\n")
    [problem] = shop.schema("f", "broken").problems
    assert str(problem.span) == "desk/deeper.py:2:1"
    assert problem.related == ((HERE, "used here"),)


def test_an_import_that_never_ends_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.callables = ImportedCallables(tmp_path, limit_s=2.0)
    shop.write(
        "slow.py",
        "import os, subprocess, time\nfrom pathlib import Path\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "Path('pids.txt').write_text(f'{os.getpid()} {child.pid}')\n"
        "f = print\ntime.sleep(600)\n",
    )
    began = time.monotonic()
    [problem] = shop.schema("f", "slow").problems
    assert time.monotonic() - began < 20
    assert "Importing it took longer than 2 s and was stopped." in problem.message
    pids = [int(pid) for pid in (tmp_path / "pids.txt").read_text().split()]
    wait_until(lambda: all(map(gone, pids)))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later Pythons need no other one")
def test_an_old_typed_dictionary_is_told_apart(shop: Shop) -> None:
    [problem] = shop.schema("rows").problems
    assert "needs typing_extensions.TypedDict" in problem.message


def test_a_module_that_talks_and_reads_is_not_understood_wrong(shop: Shop) -> None:
    talks = "import os, sys\nprint('x' * 1_000_000)\nsys.stderr.write('y' * 1_000_000)\n"
    shop.write("talks.py", f"{talks}os.write(1, b'z' * 1000)\nsys.stdin.read()\nf = lambda: 3\n")
    assert shop.schema("f", "talks").value.input_schema["properties"] == {}


def test_a_description_that_is_too_long_is_none(shop: Shop) -> None:
    shop.write("long.py", "def g(): ...\ng.__doc__ = 'x' * 2_000_000\nf = g\n")
    assert "cannot be imported" in shop.schema("f", "long").problems[0].message


@pytest.mark.parametrize(
    "answer", ["[]", "3", '{"value": 3}', '{"value": {}}', "[" * 5_000, "{", "\\xff"]
)
def test_code_that_answers_in_our_place_is_not_believed(shop: Shop, answer: str) -> None:
    written = f"data = b'{answer}'\nframe = len(data).to_bytes(8, 'big') + data\n"
    shop.write("liar.py", f"import os\n{written}os.write(4, frame)\nf = lambda: 3\n")
    [problem] = shop.schema("f", "liar").problems
    assert "Importing it ended the process that did it." in problem.message


def test_types_that_use_each_other_often_are_too_large(shop: Shop) -> None:
    lines = ["from pydantic import BaseModel", "class C0(BaseModel):\n x: int"]
    for n in range(1, 16):
        lines.append(f"class C{n}(BaseModel):\n a: C{n - 1}\n b: C{n - 1}\n c: C{n - 1}")
    shop.write("large.py", "\n".join([*lines, "def f(x: C15): 'Doc.'"]))
    [problem] = shop.schema("f", "large").problems
    assert "The type of 'x' is too large to write out." in problem.message


def test_the_surroundings_have_no_secrets_and_nothing_is_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    monkeypatch.setenv("AGENTFLOW_TOKEN", "canary")
    monkeypatch.setenv("shop_api_key", "canary")
    monkeypatch.setenv("SHOP_REGION", "emea")
    source = "import os\nassert 'canary' not in str(os.environ)\nos.environ['SHOP_REGION']\n"
    shop.write("around.py", f"{source}from desk.tools import called as f\n")
    before = sorted(shop.root.rglob("*"))
    assert shop.schema("f", "around").problems == ()
    shop.callables.close()
    assert sorted(shop.root.rglob("*")) == before


def test_each_is_asked_once_and_all_of_one_process(shop: Shop) -> None:
    shop.write("count.py", "import os\ndef g(): ...\ng.__doc__ = str(os.getpid())\nf = h = g\n")
    first, again = shop.callables.describe("count:f"), shop.callables.describe("count:f")
    assert first is again
    assert shop.callables.describe("count:h")["doc"] == first["doc"]
    pid = int(first["doc"])
    os.kill(pid, 0)
    shop.callables.close()
    wait_until(lambda: gone(pid))


def test_a_refusal_is_remembered(shop: Shop) -> None:
    shop.write("count.py", "open('n', 'a').write('x')\nraise ValueError\n")
    for _ in range(2):
        with pytest.raises(CallableRefused):
            shop.callables.describe("count:f")
    assert (shop.root / "n").read_text() == "x"


PLAIN = """
def f(
    a: int, b: str = "x", c: float | None = None, d: bool = True, e: list[int] = [],
    g: dict[str, float] = {}, h: Literal["a", "b"] = "a", i: Literal[1] = 1, j: int | str = 3,
    k: Optional[list[str]] = None, l: Annotated[int, "L."] = 3, m: Point | None = None,
    n: Row | None = None, o: list[Loose] = [], p: C = "a", q: int | None = 3, *, r: "IntE",
    s: dict[str, list[C]], t: Any, u: list, v: dict, w: Point
): 'Doc.'
class C(Enum):
    A = "a"
    B = "b"
class IntE(IntEnum):
    '''Doc.'''
    ONE = 1
"""


def test_source_and_import_say_the_same(shop: Shop) -> None:
    """Whichever of the two is asked, the agent is told the same."""
    text = HEAD + "from typing import Any\n" + POINT + DICTS + PLAIN
    shop.write("both.py", text)
    shop.write("made.py", "from both import f as g\nf = [g][0]\n")
    read, asked = shop.schema("f", "both"), shop.schema("f", "made")
    assert read.problems == asked.problems == ()
    assert shop.callables._known.keys() == {"made:f"}
    assert read.value.input_schema == asked.value.input_schema


def agent(run: str, more: str = "") -> str:
    return (
        "apiVersion: agentflow/v1\nkind: Project\nname: p\n---\nkind: Agent\nname: a\n"
        f"model: claude-opus-5-5\nprompt: x\ncustom: {{ t: {{ run: '{run}'{more} }} }}\n"
    )


@pytest.mark.parametrize(
    ("run", "more", "imported"),
    [
        ("desk.tools:model", "", True),
        ("desk.plain:f", "", False),
        ("desk.plain:g", ", input_schema: { type: object }, description: D.", False),
        ("desk.tools:model", ", input_schema: { type: object }, description: D.", False),
        ("desk.plain:bad", "", False),
        ("desk.plain:absent", "", False),
    ],
)
def test_nothing_is_imported_that_need_not_be(
    shop: Shop, run: str, more: str, imported: bool
) -> None:
    shop.write("desk/plain.py", "def f(x: int): 'F.'\ng = f\ndef bad(x): 'Bad.'\n")
    shop.write("desk/__init__.py", "open('imported', 'w').close()\n")
    shop.write("agentflow.yaml", agent(run, more))
    build(ProjectFiles(shop.root), callables=shop.callables)
    assert (shop.root / "imported").exists() is imported


def test_check_asks_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentflow.operations.check import check, open_project

    shop.write("agentflow.yaml", agent("desk.tools:model"))
    report = check(open_project(shop.root), rules=False)
    assert report.problems == ()
    assert report.build.compiled is not None
