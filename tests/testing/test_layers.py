"""The layers handler and render, and what a test may not do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from agentflow.compiler.render.manifest import sections_of
from agentflow.operations.check import open_project
from agentflow.testing import live
from agentflow.testing.bench import Bench
from agentflow.testing.results import Miss, Result
from agentflow.testing.suite import run_cases
from tests.testing.desk import AGENT, make_desk

HEAD = "apiVersion: agentflow/v1\nkind: Test\nname: one\nagent: analyst\n"


def run(root: Path, document: str, *, update: bool = False, live: bool = False) -> Result:
    (root / "tests.yaml").write_text(HEAD + document, encoding="utf-8")
    bench = Bench.of(open_project(root), update=update, live=live)
    [result] = run_cases(bench, bench.cases(), jobs=1)
    return result


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return make_desk(tmp_path)


CALLS = [
    ("{ tool: rate, arguments: { currency: EUR }, result: { value: 1.1 } }", None),
    ("{ tool: rate, arguments: { currency: EUR }, contains: ['1.1'] }", None),
    ("{ tool: rate, arguments: { currency: XXX }, error: there is no XXX }", None),
    ("{ tool: rate, arguments: { currency: TESTING }, error: does not allow }", None),
    ("{ tool: rate, arguments: { currency: 1 }, error: schema }", None),
    ("{ tool: rate, arguments: { currency: EUR }, result: { value: 1.2 } }", "something else"),
    ("{ tool: rate, arguments: { currency: EUR }, contains: ['1.2'] }", "lacks a text"),
    ("{ tool: rate, arguments: { currency: EUR }, error: no }", "does not fail"),
    ("{ tool: rate, arguments: { currency: XXX }, error: no YYY }", "another reason"),
    ("{ tool: rate, arguments: { currency: XXX }, contains: [a] }", "The call fails"),
]


def test_calls_of_a_tool_are_held_against_what_is_expected(desk: Path) -> None:
    # In one test, so that its code is started once; the tool may be called three times in a run.
    (desk / "agentflow.yaml").write_text(
        AGENT.replace("max_calls: 3", "max_calls: 30"), encoding="utf-8"
    )
    calls = "\n".join(f"  - {call}" for call, _ in CALLS)
    result = run(desk, f"layer: handler\ncalls:\n{calls}\n")
    wanted = [(5 + 2 + n, words) for n, (_, words) in enumerate(CALLS) if words is not None]
    assert result.outcome == "failed"
    assert [f.span.line for f in result.failures if f.span] == [line for line, _ in wanted]
    for failure, (_, words) in zip(result.failures, wanted, strict=True):
        assert words in failure.message


def test_a_tool_has_the_limits_of_a_run(desk: Path) -> None:
    call = "  - { tool: rate, arguments: { currency: EUR }, contains: ['1.1'] }\n"
    result = run(desk, f"layer: handler\ncalls:\n{call * 4}")
    [failure] = result.failures
    assert "used up" in (failure.got or "")


def test_a_request_to_another_machine_is_not_made(desk: Path) -> None:
    (desk / "agentflow.yaml").write_text(
        AGENT.replace(
            'run: "shop.tools:rate"', 'http: { url: "https://rates.example.com" }'
        ).replace(
            "    arguments:",
            "    description: Rates.\n    input_schema: { type: object, properties: { currency: {} } }\n    arguments:",
        ),
        encoding="utf-8",
    )
    result = run(desk, "layer: handler\ncalls: [{ tool: rate, contains: [a] }]\n")
    assert (result.outcome, result.is_bad) == ("skipped", False)
    assert "rates.example.com" in (result.note or "")


def test_a_golden_is_written_once_and_holds_until_something_changes(desk: Path) -> None:
    document = (
        "layer: render\ngolden: ./goldens/analyst.md\nexpect: { prompt: { sections: once } }\n"
    )
    first = run(desk, document)
    assert first.outcome == "failed"
    assert "no golden" in first.failures[0].message
    written = run(desk, document, update=True)
    assert (written.outcome, written.written) == ("passed", ("goldens/analyst.md",))
    assert run(desk, document).outcome == "passed"
    text = (desk / "goldens/analyst.md").read_text(encoding="utf-8")
    assert "You analyse orders." in text
    assert "for emea" in text
    assert '"model"' in text

    (desk / "agentflow.yaml").write_text(
        AGENT.replace("You analyse orders.", "You analyse all orders."), encoding="utf-8"
    )
    changed = run(desk, document)
    assert changed.outcome == "failed"
    assert "You analyse orders." in (changed.failures[0].expected or "")
    assert "You analyse all orders." in (changed.failures[0].got or "")


def test_a_section_that_somebody_copied_into_the_prompt_is_there_twice(desk: Path) -> None:
    document = "layer: render\ngolden: ./g.md\nexpect: { prompt: { sections: once } }\n"
    bench = Bench.of(open_project(desk))
    sections = sections_of(bench.graph.agents["analyst"], bench.graph, bench.project.files)
    (desk / "prompt.md").write_text(f"Hello.\n\n{sections['done_section']}\n", encoding="utf-8")
    copied = AGENT.replace("prompt: You analyse orders.", "prompt: ./prompt.md")
    (desk / "agentflow.yaml").write_text(copied, encoding="utf-8")
    result = run(desk, document, update=True)
    [failure] = result.failures
    assert "'done' is in the prompt 2 times" in failure.message


def test_an_agent_of_elsewhere_cannot_be_tested_here(desk: Path) -> None:
    (desk / "tests.yaml").write_text(
        "apiVersion: agentflow/v1\nkind: Test\nname: one\nagent: 'id:agent_1'\nlayer: loop\n"
        "script: ./script.yaml\n",
        encoding="utf-8",
    )
    bench = Bench.of(open_project(desk))
    [result] = run_cases(bench, bench.cases(), jobs=1)
    assert result.outcome == "error"
    assert "no agent of this project" in result.failures[0].message


def test_a_real_target_is_left_alone_unless_somebody_says_so(desk: Path) -> None:
    result = run(desk, "layer: live\n")
    assert (result.outcome, result.note) == ("skipped", "it runs on a real target: --live lets it")


LIVE = "layer: live\nrepeat: 4\npass_rate: 50%\n"


@pytest.fixture
def local(desk: Path) -> Path:
    """A desk whose real target is the embedded service, and costs nothing that is real."""
    text = AGENT.replace(
        "{ service: local }", "{ service: local, driver: { script: ./live.yaml } }"
    )
    (desk / "agentflow.yaml").write_text(text, encoding="utf-8")
    script = (
        "turns:\n  - tools:\n"
        "      - { name: write, id: a, input: { file_path: /mnt/session/outputs/report.md, "
        'content: "# Findings\\n\\nx\\n\\n# Appendix\\n\\nx\\n" } }\n'
        "      - { name: write, id: b, input: { file_path: /mnt/session/outputs/totals.json, "
        "content: '{\"total\": 1}' } }\n  - say: Done.\n"
    )
    (desk / "live.yaml").write_text(script, encoding="utf-8")
    return desk


def test_a_live_test_runs_as_often_as_it_may_cost(local: Path) -> None:
    result = run(local, LIVE + "max_cost: 0.001\n", live=True)
    assert (result.outcome, result.note) == ("failed", "1 of 1 runs passed")
    assert "3 runs were not made" in result.failures[0].message
    assert Decimal(result.cost_usd or 0) > Decimal("0.001")


@pytest.mark.parametrize(
    ("passes", "outcome", "note"),
    [
        ([True, False, True, False], "passed", "2 of 4 runs passed"),
        ([False, False, True, False], "failed", "1 of 4 runs passed"),
        ([False, False, False, True], "failed", "0 of 3 runs passed"),  # the fourth changes nothing
    ],
)
def test_a_share_of_the_runs_has_to_pass(
    passes: list[bool], outcome: str, note: str, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(passes)

    async def once(self: live._Repeated, *_: object) -> None:
        if next(left):
            self.passed += 1
        else:
            self.failed += 1
            self.found = [Miss(("expect",), "No.", "a", "b")]

    monkeypatch.setattr(live._Repeated, "once", once)
    result = run(local, LIVE, live=True)
    assert (result.outcome, result.note) == (outcome, note)
