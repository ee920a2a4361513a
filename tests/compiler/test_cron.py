"""Cron expressions: what they stand for; the mistakes are in test_checks.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.cron import Cron, CronProblem, parse_cron

FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@pytest.mark.parametrize(
    ("text", "minutes", "hours", "weekdays"),
    [
        ("0 9 * * 1-5", {0}, {9}, {1, 2, 3, 4, 5}),
        ("*/20 8-18/5 * * *", {0, 20, 40}, {8, 13, 18}, set(range(7))),
        ("5,10-12 0 * * 7", {5, 10, 11, 12}, {0}, {0}),
        ("0 0 * * fri-SAT,0", {0}, {0}, {5, 6, 0}),
        (" 0  0 * *\t5-7 ", {0}, {0}, {5, 6, 0}),
    ],
)
def test_an_expression_stands_for(
    text: str, minutes: set[int], hours: set[int], weekdays: set[int]
) -> None:
    cron = parse_cron(text)
    assert isinstance(cron, Cron)
    assert (set(cron.minutes), set(cron.hours), set(cron.weekdays)) == (minutes, hours, weekdays)


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, set[int]]:
    """A field as it is written, and what it stands for."""
    texts: list[str] = []
    numbers: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, 10))
        text, found = draw(
            st.sampled_from(
                [
                    ("*", range(low, high + 1)),
                    (f"*/{step}", range(low, high + 1, step)),
                    (str(first), range(first, first + 1)),
                    (f"{first}-{last}", range(first, last + 1)),
                    (f"{first}-{last}/{step}", range(first, last + 1, step)),
                ]
            )
        )
        texts.append(text)
        numbers.update(found)
    return ",".join(texts), numbers


@given(st.tuples(*(fields(low, high) for low, high in FIELDS)))
def test_every_field_is_read_as_it_is_written(parts: tuple[tuple[str, set[int]], ...]) -> None:
    cron = parse_cron(" ".join(text for text, _ in parts))
    if isinstance(cron, CronProblem):
        assert "never comes" in cron.message
        assert min(parts[2][1]) > 29
        return
    expected = [numbers for _, numbers in parts]
    expected[4] = {day % 7 for day in expected[4]}
    assert [set(numbers) for numbers in cron] == expected


@given(st.text(max_size=30) | st.text("0123456789*/-,LW#?@ MONJAN", max_size=20))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    found = parse_cron(text)
    if isinstance(found, CronProblem):
        assert 0 <= found.start <= found.end <= len(text)
        assert found.message.endswith(".")
        assert found.hint.endswith(".")
