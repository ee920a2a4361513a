"""Cron expressions of five fields, as the service takes them.

https://platform.claude.com/docs/en/managed-agents/scheduled-deployments
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from agentflow.nearest import one_of
from agentflow.patterns import regex
from agentflow.records import NamedTuple

__all__ = ["Cron", "CronProblem", "parse_cron"]


class Cron(NamedTuple):
    """The numbers each field stands for."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    """Of the month."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 to 6, Sunday is 0."""


class CronProblem(NamedTuple):
    start: int
    """Of the part that is wrong, in the expression."""
    end: int
    message: str
    hint: str


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: Mapping[str, int]


_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_SHORTCUTS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ITEM = regex(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)
_ORDER = one_of([field.name for field in _FIELDS], joined="and")


class _Wrong(Exception):
    def __init__(self, problem: CronProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse_cron(text: str) -> Cron | CronProblem:
    """Take an expression apart; of several mistakes the first is reported."""
    parts = list(re.finditer(r"\S+", text))
    if text.strip().startswith("@"):
        instead = _SHORTCUTS.get(text.strip().lower(), "0 9 * * *")
        message = f"The service takes no shortcuts such as {text.strip()!r}."
        return CronProblem(0, len(text), message, f'Write "{instead}".')
    if len(parts) != len(_FIELDS):
        message = f"A schedule has five fields, and {text!r} has {len(parts)}."
        hint = f"The fields are {_ORDER}"
        hint += "; there are no seconds and no years." if len(parts) > len(_FIELDS) else "."
        return CronProblem(0, len(text), message, hint)
    try:
        found = [_numbers(*pair) for pair in zip(_FIELDS, parts, strict=True)]
        minutes, hours, days, months, weekdays = found
        if parts[4][0] == "*":
            _must_happen(days, months, parts[2])
    except _Wrong as wrong:
        return wrong.problem
    return Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays))


def _numbers(field: _Field, part: re.Match[str]) -> frozenset[int]:
    numbers: set[int] = set()
    position = part.start()
    for item in part[0].split(","):
        if not item:
            message = f"The list {part[0]!r} of the {field.name} has an empty item."
            raise _Wrong(CronProblem(*part.span(), message, "Take a comma out."))
        numbers.update(_range(field, item, position))
        position += len(item) + 1
    return frozenset(numbers)


def _range(field: _Field, item: str, start: int) -> Iterator[int]:
    end = start + len(item)
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _Wrong(CronProblem(start, end, *_malformed(field, item)))
    low, high = field.low, field.high
    if match["first"] == "*":
        if match["last"] is not None:
            raise _Wrong(CronProblem(start, end, *_malformed(field, item)))
    else:
        low = _number(field, match["first"], start)
        high = (
            low
            if match["last"] is None
            else _number(field, match["last"], match.start("last") + start)
        )
    if low > high:
        message = f"The range {item!r} of the {field.name} goes backwards."
        raise _Wrong(CronProblem(start, end, message, "Write the smaller one first, or a list."))
    step = 1
    if match["step"] is not None:
        if match["first"] != "*" and match["last"] is None:
            message = f"The step in {item!r} of the {field.name} has no range to go through."
            hint = f"Write {low}-{field.high}/{match['step']}, or */{match['step']}."
            raise _Wrong(CronProblem(start, end, message, hint))
        # More digits than any field has numbers are too many, however long.
        step = int(match["step"][:4])
        if step == 0:
            message = f"The step in {item!r} of the {field.name} is zero."
            raise _Wrong(CronProblem(start, end, message, "Write a step of at least 1."))
    yield from range(low, high + 1, step)


def _number(field: _Field, word: str, start: int) -> int:
    named = field.words.get(word.upper())
    if named is not None:
        return named
    number = int(word) if re.fullmatch(r"[0-9]{1,4}", word) else None
    if number is None or not field.low <= number <= field.high:
        message, hint = _malformed(field, word)
        raise _Wrong(CronProblem(start, start + len(word), message, hint))
    return number


def _malformed(field: _Field, item: str) -> tuple[str, str]:
    hint = f"Write a number from {field.low} to {field.high}"
    hint += f", or a name such as {next(iter(field.words))}." if field.words else "."
    special = re.search(r"[?#]|\d+W|W\d*|L", item)
    if special is not None and item.upper() not in field.words:
        message = (
            f"{item!r} as {field.name} is of another cron: the service takes no L, W, # and ?."
        )
        return message, "Write * for any." if item == "?" else hint
    return f"{item!r} is no {field.name}.", hint


def _must_happen(days: frozenset[int], months: frozenset[int], part: re.Match[str]) -> None:
    """There is a month that has such a day; with a day of week, one of the two is enough."""
    from calendar import monthrange

    longest = max(monthrange(2024, month)[1] for month in months)
    if min(days) > longest:
        message = f"This never comes: none of the months has a day {min(days)}."
        raise _Wrong(CronProblem(*part.span(), message, "Name another day, or another month."))
