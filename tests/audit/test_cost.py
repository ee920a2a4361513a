from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.audit.cost import CostLine, cost_of, together, turn_costs
from agentflow.audit.story import tell
from agentflow.output.audit import render_costs
from agentflow.output.audit_report import costs_csv, costs_json, costs_schema
from tests.audit.sessions import BAD, GOOD
from tests.audit.tape import Tape

MODEL = "claude-opus-5-5"
_TAPES = st.sampled_from([case.tape for case in (*BAD, *GOOD)])


def line(tape: Tape, model: str | None = MODEL) -> CostLine:
    return cost_of("one", tell(tape.events), model)


def test_four_classes_have_four_prices() -> None:
    tape = (
        Tape().begin().start().end(input=1_000_000, output=100_000, read=2_000_000, write=400_000)
    )
    cost = line(tape.reports(1190, server_tool_use={"web_search_requests": 3}).stops())
    # 4, 20, 0.20 and 5 dollars a million, and a cent for each search.
    assert cost.tokens_usd is not None
    assert cost.tokens_usd == Decimal("4") + Decimal("2") + Decimal("0.4") + Decimal("2")
    assert cost.searches_usd == Decimal("0.03")
    assert cost.estimate_usd == cost.tokens_usd + cost.runtime_usd + cost.searches_usd
    assert cost.reported_usd == Decimal("11.90")
    # Without the cache 3.4 million tokens at 4 dollars: 13.60 instead of 6.40 on the input side.
    assert cost.saved_usd == Decimal("7.2")


def test_a_model_without_a_price_is_unpriced_and_not_free() -> None:
    cost = line(GOOD[0].tape, "claude-tomorrow-9")
    assert cost.estimate_usd is None
    assert together("both", [cost, line(GOOD[0].tape)]).estimate_usd is None
    assert "unpriced" in render_costs([cost], cost)


def test_what_threads_used_is_counted_and_not_priced_by_guess() -> None:
    tape = (
        Tape()
        .begin()
        .turn()
        .reports(
            90,
            input_tokens=10,
            output_tokens=500,
            cache_read_input_tokens=9_000,
            cache_creation={"ephemeral_5m_input_tokens": 700, "ephemeral_1h_input_tokens": 50},
        )
    )
    story = tell(tape.stops().events)
    *_, threads = turn_costs(story, MODEL)
    assert (threads.label, threads.tokens.input, threads.tokens.cache_write) == ("threads", 6, 450)
    whole = cost_of("whole", story, MODEL)
    assert whole.tokens.total == 10 + 500 + 9_000 + 750
    assert whole.estimate_usd is None
    assert whole.reported_usd == Decimal("0.90")


@settings(deadline=None)
@given(_TAPES)
def test_turns_add_up_to_the_session(tape: Tape) -> None:
    story = tell(tape.events)
    turns = together("turns", turn_costs(story, MODEL))
    whole = cost_of("whole", story, MODEL)
    assert turns.tokens == whole.tokens == story.tokens
    assert turns.tokens_usd == whole.tokens_usd
    assert turns.turns == whole.turns


@settings(deadline=None)
@given(st.lists(_TAPES, min_size=1, max_size=4))
def test_a_table_and_its_csv_and_its_json_say_the_same(tapes: list[Tape]) -> None:
    lines = [line(tape) for tape in tapes]
    total = together("total", lines)
    data = json.loads(costs_json(lines, total))
    jsonschema.validate(data, json.loads(costs_schema()))
    rows = list(csv.DictReader(io.StringIO(costs_csv(lines))))
    for row, item in zip(rows, data["lines"], strict=True):
        assert row["input_tokens"] == str(item["tokens"]["input"])
        assert row["estimate_usd"] == (item["estimate_usd"] or "")
    assert data["total"]["turns"] == sum(item["turns"] for item in data["lines"])
    assert len(render_costs(lines, total).splitlines()) == 1 + len(lines) + (len(lines) > 1)
