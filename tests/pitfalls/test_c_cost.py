"""C: what a session costs, and what stops it."""

from __future__ import annotations

from decimal import Decimal

from agentflow.errors import EXIT_BUDGET
from agentflow.runtime.budget import budget_cents
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.notices import Spent
from agentflow.runtime.run import Verdict
from tests.matrix.bench import Played
from tests.matrix.shapes import rate_call, turn
from tests.pitfalls.pit import REPORT, Pit
from tests.pitfalls.specs import agent, compiled, linted
from tests.runtime.support import budget_policy

CACHED = {"input": 4, "output": 200, "cache_read": 900_000, "cache_write": 60_000}
DONE = {"say": "Done.", "usage": CACHED}
WRITES = {"say": "The report.", "tools": [REPORT], "usage": CACHED}


def spent(played: Played) -> list[Spent]:
    return [notice for notice in played.notices if isinstance(notice, Spent)]


def test_30_all_four_classes_of_tokens_are_counted_and_priced(pit: Pit) -> None:
    played = pit.play(WRITES, DONE)
    tokens = TokenUsage(input=8, output=400, cache_read=1_800_000, cache_write=120_000)
    assert played.result.tokens == tokens
    ends = played.of("span.model_request_end")
    assert sum(end["model_usage"]["cache_read_input_tokens"] for end in ends) == 1_800_000
    # What the service charges is the truth: input and output alone would be a cent.
    usage = played.of("session.usage")[-1]["usage"]
    assert played.result.cost_usd == Decimal(usage["list_cost"]["amount"]) / 100
    assert not played.result.cost_is_estimate
    assert played.result.cost_usd is not None
    assert played.result.cost_usd > Decimal("0.90")


def test_31_the_cost_is_known_after_each_request_and_said_to_be_an_estimate(pit: Pit) -> None:
    played = pit.play(WRITES, DONE)
    first, second = spent(played)
    assert first.tokens.total * 2 == second.tokens.total
    assert first.cost_usd is not None
    assert second.cost_usd is not None
    assert 0 < first.cost_usd < second.cost_usd
    # The session's own totals moved only at its end.
    assert first.cost_is_estimate
    assert len(played.of("session.usage")) == 1


def test_32_a_budget_is_text_of_cents_on_the_wire_and_dollars_in_a_spec() -> None:
    assert budget_cents("2.50") == "250"
    found = linted(agent("budget: { usd: 250, tokens: 400k }"))
    assert "AF811" in found
    assert "AF806" in linted(agent("budget: { usd: 0.02 }"))
    assert "AF812" in linted(
        agent("budget: { usd: 2, turns: 40 }").replace("claude-opus-5-5", "northwind-tuned-1")
    )


def test_32_a_budget_that_is_reached_is_an_end_of_its_own(pit: Pit) -> None:
    played = pit.play(
        WRITES,
        DONE,
        faults={"requests": [{"number": 2, "stop": "budget_reached"}]},
        changes={"budget": budget_policy(usd="2.50")},
    )
    assert played.result.verdict is Verdict.BUDGET
    assert played.result.verdict.exit_code == EXIT_BUDGET
    assert played.result.hint is not None
    # What was done until then is kept.
    assert [output.problems for output in played.result.outputs] == [()]
    session = pit.do(pit.sessions.retrieve(str(played.result.session_id)))
    assert session.budget is not None
    assert session.budget["max_list_cost"]["amount"] == "250"


def test_32_a_run_overshoots_by_one_request_at_most(pit: Pit) -> None:
    rates = [{"tools": [rate_call(name)], "usage": CACHED} for name in ("EUR", "USD", "GBP", "CHF")]
    one = TokenUsage(input=4, output=200, cache_read=900_000, cache_write=60_000).total
    limit = budget_policy(tokens=one * 2)
    played = pit.play(*rates, WRITES, DONE, changes={"budget": limit})
    assert played.result.verdict is Verdict.BUDGET
    assert one * 2 <= played.result.tokens.total <= one * 3


def test_33_the_same_error_again_and_again_ends_the_run(pit: Pit) -> None:
    tries = [
        turn(
            f"Try {n}.",
            {"id": f"t{n}", "name": "bash", "input": {"command": "fail url_not_allowed"}},
        )
        for n in range(12)
    ]
    played = pit.play(
        *tries,
        WRITES,
        DONE,
        changes={"budget": budget_policy(same_error=3)},
        faults={"requests": [{"number": 5, "slow_s": 60.0}]},
    )
    assert played.result.verdict is not Verdict.COMPLETED
    assert len(played.of("user.interrupt")) == 1
    assert len(played.of("agent.tool_result")) == 4
    assert "url_not_allowed" in f"{played.result.reason} {played.result.hint}"


def test_34_packages_are_installed_once_and_not_by_the_model() -> None:
    text = agent("environment: lab\n---\nkind: Environment\nname: lab", "Run `pip install pandas`.")
    assert "AF701" in linted(text)
    assert compiled(text) == {}
