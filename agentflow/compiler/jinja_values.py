"""Values in templates: how each is written, and the filters that build new ones, metered."""

from __future__ import annotations

import json
from collections.abc import (
    Callable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    ValuesView,
)
from decimal import Decimal
from functools import wraps
from typing import Any, NamedTuple, NoReturn

from jinja2 import filters, pass_environment
from jinja2.environment import Environment
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import make_attrgetter
from jinja2.runtime import LoopContext, Undefined

from agentflow.compiler.fragments import Param, misfit
from agentflow.compiler.jinja_meter import Meter, TooMuchWork

__all__ = [
    "INTEGER_BITS",
    "BadParameter",
    "Section",
    "Wordings",
    "bounded_range",
    "check_parameter",
    "metered",
    "own_filters",
    "parameter",
    "plain_text",
    "trim_end",
]

RANGE_LIMIT = 10_000
ROUND_LIMIT = 100
"""Decimals that `round` takes: Python computes a power of ten of that size."""
INTEGER_BITS = 4_096


class BadParameter(Exception):
    """A value of a fragment's parameter that does not fit, known only while rendering."""

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(f"The parameter {name!r} {wrong}.")
        self.name = name


def check_parameter(name: str, param: Param, value: Any) -> Any:
    """`value`, if it fits.

    Raises:
        BadParameter: it does not.
    """
    if isinstance(value, Undefined):
        str(value)  # raises, naming what is undefined
    wrong = misfit(param, value)
    if wrong is not None:
        raise BadParameter(name, wrong)
    return value


class _Given(NamedTuple):
    """What a bound task says of a parameter."""

    type: str
    enum: Sequence[Any] | None
    default: None = None


def parameter(value: Any, name: str, type: str, enum: Sequence[Any] | None = None) -> Any:
    """The filter that a bound task gives the values of a run to a fragment with."""
    return check_parameter(name, _Given(type, enum), value)


class Section:
    """The wording of a policy in a template. It is no `str`, so that only writing it makes it text.

    `write` is called then. The attributes start with an underscore, where no template can look.
    """

    __slots__ = ("_declared", "_write")

    def __init__(self, write: Callable[[], str], *, declared: bool) -> None:
        self._write = write
        self._declared = declared

    def __str__(self) -> str:
        return self._write()

    def __bool__(self) -> bool:
        return self._declared


class Wordings:
    """The wordings of all policies, and which of them a text has written.

    What is written is a mark that any change would break. The wording takes its place at the end, so
    that each one is counted for sure, whatever the wordings and the text around them say.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._marks = {name: f"\ue000{name}\nPolicy\ue001" for name, text in texts.items() if text}
        self.written: set[str] = set()

    def sections(self) -> dict[str, Section]:
        """What a template sees, by name."""
        return {name: self._section(name, text) for name, text in self._texts.items()}

    def _section(self, name: str, text: str) -> Section:
        def write() -> str:
            self.written.add(name)
            return self._marks.get(name, "")

        return Section(write, declared=bool(text))

    def count(self, name: str, text: str) -> int:
        """How often a wording is whole in a rendered text. One that says nothing counts as one."""
        return text.count(self._marks[name]) if name in self._marks else 1

    def put(self, text: str) -> str:
        """A rendered text with the wordings in the place of their marks."""
        for name in sorted(self.written & self._marks.keys()):
            text = text.replace(self._marks[name], self._texts[name])
        return text


def trim_end(text: str) -> str:
    """What a fragment becomes: without whitespace at its end, so that it fits into a line."""
    return text.rstrip()


def plain_text(value: object) -> str:
    """A value as YAML writes it: `true`, a decimal with the digits it was given, a list as JSON.

    Raises:
        TemplateRuntimeError: it has no text of its own, as a method that was not called.
    """
    if isinstance(value, (str, Section, Undefined)):
        return str(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, (range, ItemsView, KeysView, ValuesView)):
        value = list(value)
    return json.dumps(value, ensure_ascii=False, default=_json_default)


def _json_default(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is undefined
    _has_no_text(value)


def _has_no_text(value: object) -> NoReturn:
    if isinstance(value, LoopContext):
        text = "`loop` has no text: it has loop.index, loop.first and others"
    elif isinstance(value, Iterator):
        text = "a sequence that is not made yet has no text: add `| list` or `| join`"
    elif callable(value):
        text = "a function or method has no text: call it with ()"
    else:
        text = f"{type(value).__name__} has no text"
    raise TemplateRuntimeError(text)


def bounded_range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > RANGE_LIMIT:
        raise TooMuchWork(f"range() is limited to {RANGE_LIMIT:,} numbers.")
    return numbers


def metered(meter: Meter, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that pays for what it reads, and for a list that it makes."""

    @wraps(function)  # with the marks that tell jinja2 what to pass
    def paid(*arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            meter.read(argument)
        result = function(*arguments, **named)
        if isinstance(result, list):
            meter.spend(len(result))
        return result

    return paid


def own_filters(meter: Meter) -> dict[str, Any]:
    def each(values: Iterable[Any], cost: int) -> Iterator[Any]:
        for value in values:
            meter.spend(cost)
            yield value

    def enter(cost: int) -> str:
        meter.spend(cost)
        return ""

    def concat(values: Sequence[Any]) -> str:
        return meter.text("".join(plain_text(value) for value in values))

    def join(values: Iterable[Any], separator: str = "") -> str:
        texts = [plain_text(value) for value in values]
        meter.fits(sum(map(len, texts)) + len(separator) * len(texts))
        return meter.text(separator.join(texts))

    def replace(value: Any, old: str, new: str) -> str:
        text = plain_text(value)
        meter.fits(len(text) + (text.count(old) + 1) * len(new))
        return meter.text(text.replace(old, new))

    def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
        text = plain_text(value)
        meter.fits((text.count("\n") + 1) * max(width, 0) + len(text))
        pad = " " * width
        lines = [pad + line if line or blank else line for line in text.split("\n")]
        if not first:
            lines[0] = text.split("\n", 1)[0]
        return meter.text("\n".join(lines))

    def rounded(value: Any, precision: int = 0, method: Any = "common") -> float:
        if abs(precision) > ROUND_LIMIT:
            raise TooMuchWork(f"round() is limited to {ROUND_LIMIT} decimals.")
        return filters.do_round(value, precision, method)

    def whole(value: Any, default: int = 0, base: int = 10) -> int:
        result = filters.do_int(value, default, base)
        if isinstance(result, int) and result.bit_length() > INTEGER_BITS:
            raise TooMuchWork("It computes a number that is too large.")
        return result

    @pass_environment
    def total(
        environment: Environment, values: Iterable[Any], attribute: Any = None, start: Any = 0
    ) -> Any:
        if attribute is not None:
            values = map(make_attrgetter(environment, attribute), values)
        for value in values:
            meter.spend(1)
            if not isinstance(value, (int, float, Decimal, Undefined)):
                raise TemplateRuntimeError(f"sum adds numbers, not {type(value).__name__}")
            start += value
        return start

    def tojson(value: Any) -> str:
        return meter.text(json.dumps(value, ensure_ascii=False, default=_json_default))

    return {
        "_each": each,
        "_enter": enter,
        "_concat": concat,
        "_weighed": meter.weighed,
        "_bounded": lambda value: meter.text(str(value)),
        "join": join,
        "replace": replace,
        "indent": indent,
        "int": whole,
        "round": rounded,
        "sum": total,
        "tojson": tojson,
    }
