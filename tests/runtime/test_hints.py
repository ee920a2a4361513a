"""Arguments of a function come as the types it declares, and results go back as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runtime.bench import Bench, call
from tests.runtime.support import custom_policy, write_module

MODULE = """
from __future__ import annotations
import datetime, decimal, enum, functools, sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal
from pydantic import BaseModel
from typing_extensions import TypedDict
if TYPE_CHECKING:
    from absent import Absent

class Kind(enum.Enum):
    BUY = "buy"
@dataclass
class Leg:
    day: datetime.date
    kind: Kind = Kind.BUY
class Order(BaseModel):
    legs: list[Leg]
class Row(TypedDict):
    day: datetime.date

def order(order: Order, kind: Kind, note: str = "") -> str:
    return f"{order.legs[0].day:%d.%m.%Y} {kind.name} {type(order.legs[0]).__name__} {note}"
def row(rows: list[Row], codes: set[str] | None = None) -> str:
    return f"{rows[0]['day'].year} {sorted(codes or ())}"
def plain(a: int, b: list[dict[str, float]], c: Annotated[Literal['x'], 'C'], d: Sequence[str] | None = None):
    return [a, b, c, d, 'pydantic' in sys.modules]
def unknown(x: Absent, day: datetime.date):
    return f"{x} {day.year}"
def free(**more: datetime.date):
    return sorted(more)
@functools.wraps(order)
def wrapped(*args, **kwargs): return order(*args, **kwargs)
class Adder:
    def __call__(self, day: datetime.date): return day.year
adder = Adder()
def results():
    return {"leg": Leg(datetime.date(2026, 1, 2)), "kind": Kind.BUY, "n": decimal.Decimal("1.10"),
            "order": Order(legs=[Leg(datetime.date(2026, 1, 2))]), "type": Leg}
"""

ORDER = {"legs": [{"day": "2026-01-31"}]}


@pytest.fixture
def desk(bench: Bench) -> Bench:
    write_module(bench.root, {"desk.py": MODULE})
    return bench


def outcome(desk: Bench, function: str, **input: Any) -> Any:
    [found] = desk.run(call(**input), rate=custom_policy(f"desk:{function}"))
    return found


@pytest.mark.parametrize(
    ("function", "input", "text"),
    [
        ("order", {"order": ORDER, "kind": "buy"}, "31.01.2026 BUY Leg "),
        ("wrapped", {"order": ORDER, "kind": "buy", "note": "n"}, "31.01.2026 BUY Leg n"),
        ("row", {"rows": [{"day": "2026-01-31"}], "codes": ["b", "a"]}, "2026 ['a', 'b']"),
        ("row", {"rows": [{"day": "2026-01-31"}]}, "2026 []"),
        ("unknown", {"x": "as it is", "day": "2026-01-31"}, "as it is 2026"),
        ("free", {"a": 1}, '["a"]'),
        ("adder", {"day": "2026-01-31"}, "2026"),
    ],
)
def test_arguments_come_as_they_are_declared(
    desk: Bench, function: str, input: dict[str, Any], text: str
) -> None:
    found = outcome(desk, function, **input)
    assert (found.text, found.is_error) == (text, False)


def test_json_types_are_passed_as_they_are(desk: Bench) -> None:
    source = MODULE.replace("from pydantic import BaseModel\n", "class BaseModel: pass\n")
    write_module(desk.root, {"desk.py": source})
    found = outcome(desk, "plain", a="no number", b=[{"x": 1}], c="x")
    assert found.text == '["no number", [{"x": 1}], "x", null, false]'


@pytest.mark.parametrize(
    ("input", "message"),
    [
        ({"order": {"legs": [{"day": "soon"}]}, "kind": "buy"}, "ValueError: order.legs.0.day: Input"),
        ({"order": ORDER, "kind": "sell"}, "ValueError: kind: Input should be 'buy'"),
        ({"order": [], "kind": "buy"}, "ValueError: order: Input should be an object"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_in_one_line(
    desk: Bench, input: dict[str, Any], message: str
) -> None:
    found = outcome(desk, "order", **input)
    assert found.is_error
    assert message in found.text
    assert "\n" not in found.text


def test_results_go_back_as_json(desk: Bench) -> None:
    leg = '{"day": "2026-01-02", "kind": "buy"}'
    expected = f'{{"leg": {leg}, "kind": "buy", "n": "1.10", "order": {{"legs": [{leg}]}}, "type": "<class \'desk.Leg\'>"}}'
    assert outcome(desk, "results").text == expected
