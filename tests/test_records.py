"""Records do what frozen dataclasses do, and tuples with names what those of `typing` do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any, Generic, TypeVar
from typing import NamedTuple as TypingNamedTuple

import pytest
from pydantic import TypeAdapter

from agentflow.records import NamedTuple, field, field_names, record, replace

T = TypeVar("T")


@record
class Shape(Generic[T]):
    """A thing with a name."""

    name: str
    size: T
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False)

    @property
    def shout(self) -> str:
        return self.name.upper()


@record
class Box(Shape[int]):
    deep: bool = False


@record(kw_only=False, order=True)
class Place:
    file: str
    line: int = 1


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class PlainPlace:
    file: str
    line: int = 1


def test_a_record_has_its_values_and_those_of_its_base() -> None:
    box = Box(name="b", size=3, deep=True)
    assert (box.name, box.size, box.tags, box.note, box.deep) == ("b", 3, [], "", True)
    assert box.shout == "B"
    assert field_names(box) == ("name", "size", "tags", "note", "deep")
    assert repr(Place("f", 2)) == "Place(file='f', line=2)"
    assert not hasattr(box, "__dict__")


def test_collections_by_default_are_each_records_own() -> None:
    one, other = Box(name="b", size=3), Box(name="b", size=3)
    one.tags.append("x")
    assert other.tags == []


@pytest.mark.parametrize(
    "values",
    [{}, {"name": "b"}, {"name": "b", "size": 1, "colour": "red"}, {"size": 1, "colour": "red"}],
    ids=str,
)
def test_values_are_each_of_a_field(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Box(**values)


@pytest.mark.parametrize("values", [(), ("f", 1, 2)], ids=str)
def test_there_are_as_many_values_as_fields(values: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Place(*values)


def test_a_value_is_given_once() -> None:
    given: Any = {"file": "g"}
    with pytest.raises(TypeError):
        Place("f", **given)


def test_fields_by_name_are_not_given_by_place() -> None:
    make: Any = Box
    with pytest.raises(TypeError):
        make("b", 3)


def test_a_record_does_not_change() -> None:
    place: Any = Place("f")
    with pytest.raises(AttributeError, match="'line' of a Place"):
        place.line = 2
    with pytest.raises(AttributeError, match="'line' of a Place"):
        del place.line
    with pytest.raises(AttributeError):
        place.colour = "red"


def test_records_are_equal_by_value_and_class() -> None:
    assert Place("f", 1) == Place("f")
    assert Place("f", 1) != Place("f", 2)
    like: Any = PlainPlace("f", 1)
    assert Place("f", 1) != like
    assert Shape(name="b", size=1) != Box(name="b", size=1)
    assert Box(name="b", size=1, note="x") == Box(name="b", size=1, note="y")
    assert len({Place("f"), Place("f"), Place("g")}) == 2


def test_records_have_an_order_if_they_are_to() -> None:
    values = [("b", 1), ("a", 2), ("a", 1)]
    ordered = [(place.file, place.line) for place in sorted(Place(*item) for item in values)]
    assert ordered == sorted(values)
    with pytest.raises(TypeError):
        sorted([Box(name="b", size=1), Box(name="a", size=1)])  # type: ignore[type-var]


def test_a_record_with_other_values() -> None:
    box = Box(name="b", size=3, tags=["x"])
    assert replace(box, size=4) == Box(name="b", size=4, tags=["x"])
    with pytest.raises(TypeError):
        replace(box, colour="red")


def test_a_record_is_copied_and_pickled() -> None:
    box = Box(name="b", size=3, tags=["x"])
    for other in (copy.copy(box), copy.deepcopy(box), pickle.loads(pickle.dumps(box))):
        assert other == box
        assert other.deep is False


def test_patterns_take_records_apart() -> None:
    match Place("f", 2):
        case Place(file, line):
            assert (file, line) == ("f", 2)


def test_dataclasses_take_records_for_theirs() -> None:
    box: Any = Box(name="b", size=3, tags=["x"])
    assert dataclasses.is_dataclass(Box)
    assert dataclasses.asdict(box) == {
        "name": "b",
        "size": 3,
        "tags": ["x"],
        "note": "",
        "deep": False,
    }
    assert [item.name for item in dataclasses.fields(Place)] == ["file", "line"]
    assert dataclasses.replace(box, size=4).size == 4


def test_pydantic_takes_records_for_dataclasses() -> None:
    adapter = TypeAdapter(Place)
    assert adapter.validate_python({"file": "f"}) == Place("f")
    assert adapter.dump_python(Place("f", 2)) == {"file": "f", "line": 2}
    ours, theirs = adapter.json_schema(), TypeAdapter(PlainPlace).json_schema()
    assert ours == {**theirs, "title": "Place"}


class Pair(NamedTuple, Generic[T]):
    """Two of them."""

    left: T
    right: int = 2

    @property
    def both(self) -> tuple[T, int]:
        return (self.left, self.right)


class TypedPair(TypingNamedTuple, Generic[T]):
    """Two of them."""

    left: T
    right: int = 2

    @property
    def both(self) -> tuple[T, int]:
        return (self.left, self.right)


def test_tuples_with_names_are_those_of_typing() -> None:
    ours: Any = Pair("a")
    theirs: Any = TypedPair("a")
    assert ours == theirs == ("a", 2)
    assert ours.both == theirs.both
    assert Pair._fields == TypedPair._fields
    assert Pair._field_defaults == TypedPair._field_defaults
    assert Pair.__doc__ == TypedPair.__doc__
    assert issubclass(Pair, Generic)
    assert Pair.__mro__[-3:] == TypedPair.__mro__[-3:]
    assert inspect.signature(Pair).parameters.keys() == {"left", "right"}
    assert ours == Pair(right=2, left="a") == Pair._make(["a", 2])
    assert type(ours._replace(right=3)) is Pair
    assert copy.deepcopy(ours) == ours
    assert ours._replace(right=3) == theirs._replace(right=3)
    assert ours._asdict() == theirs._asdict()
    assert repr(ours) == repr(theirs).removeprefix("Typed")
    assert Pair[str]("a") == ours
    assert pickle.loads(pickle.dumps(ours)) == ours


@pytest.mark.parametrize("values", [{}, {"left": 1, "wrong": 2}], ids=str)
def test_values_of_tuples_are_each_of_a_field(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Pair(**values)


def test_fields_with_defaults_stand_last() -> None:
    with pytest.raises(TypeError, match="Wrong: a field with a default"):

        class Wrong(NamedTuple):
            left: int = 1
            right: int  # type: ignore[misc]


def test_tuples_have_up_to_nine_fields() -> None:
    class Nine(NamedTuple):
        a: int
        b: int
        c: int
        d: int
        e: int
        f: int
        g: int
        h: int
        i: int

    class Eight(NamedTuple):
        a: int
        b: int
        c: int
        d: int
        e: int
        f: int
        g: int
        h: int

    class Seven(NamedTuple):
        a: int
        b: int
        c: int
        d: int
        e: int
        f: int
        g: int

    assert Nine(*range(9)) == tuple(range(9))
    assert Eight(*range(8)) == tuple(range(8))
    assert Seven(*range(7)) == tuple(range(7))
