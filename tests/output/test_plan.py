"""What a plan and its outcome look like, to people and to programs."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.apply import Status
from agentflow.compiler.changes import changes
from agentflow.errors import Blocked, Rejected
from agentflow.operations.apply import ActionResult, ApplyOutcome, Ended, Started, Waiting
from agentflow.output.plan import progress_line, render_outcome, render_plan
from agentflow.output.plan_json import (
    apply_schema,
    outcome_json,
    plan_json,
    plan_schema,
    render_outcome_json,
    render_plan_json,
)
from agentflow.output.words import text_diff
from tests.plan.support import EMPTY, Service, agent, environment, manifest, resource

PROMPT = "\n".join([f"Line {n} of the prompt." for n in range(1, 9)])
EDITED = PROMPT.replace("Line 5 of the prompt.", "Line 5 of this prompt.") + "\nOne more."


def edited() -> tuple[Service, Any]:
    service = Service()
    first = manifest(agent(system=PROMPT), environment())
    state = service.apply(service.plan(first), EMPTY)
    model = {"id": "claude-opus-5-5", "effort": "low"}
    second = manifest(agent(system=EDITED, model=model), environment(), agent("new"))
    return service, service.plan(second, state)


def test_an_update_shows_fields_and_the_words_of_a_prompt() -> None:
    _, made = edited()
    assert render_plan(made, color=False) == (
        "  ~ agent/a    update    the spec changed: model, system\n"
        '      ~ model.effort.type: "high" → "low"\n'
        "      ~ system\n"
        "          … 2 unchanged lines\n"
        "            Line 3 of the prompt.\n"
        "            Line 4 of the prompt.\n"
        "          ~ Line 5 of [-the-]{+this+} prompt.\n"
        "            Line 6 of the prompt.\n"
        "            Line 7 of the prompt.\n"
        "            Line 8 of the prompt.\n"
        "          + One more.\n"
        "\n"
        "  + agent/new  create    it is not on the service yet\n"
        '      + name: "new"\n'
        '      + model: {"id": "claude-opus-5-5"}\n'
        '      + system: "Be brief."\n'
        "\n"
        "Plan: 1 to create, 1 to update, 1 unchanged.\n"
    )


def test_colours_are_the_only_difference_of_a_coloured_plan() -> None:
    import re

    _, made = edited()
    plain = re.sub(r"\x1b\[\d+m", "", render_plan(made, color=True))
    assert plain == render_plan(made, color=False).replace("[-the-]{+this+}", "thethis")


def test_an_empty_plan_is_its_summary() -> None:
    service = Service()
    state = service.apply(service.plan(manifest(agent())), EMPTY)
    made = service.plan(manifest(agent()), state)
    assert render_plan(made, color=False) == "Plan: 0 to create, 0 to update, 1 unchanged.\n"


def test_a_blocked_plan_says_why_and_what_to_do() -> None:
    service = Service()
    state = service.apply(service.plan(manifest(agent())), EMPTY)
    service.edit("agent_1", system="Be kind.\x1b[2J")
    made = service.plan(manifest(agent()), state)
    shown = render_plan(made, color=False)
    assert "  ! agent/a  blocked   it was changed on the service: system" in shown
    assert "error[AF401 drift]: agent/a (agent_1) was changed on the service" in shown
    assert "hint: Apply with --overwrite-drift" in shown
    assert "\x1b" not in shown
    assert shown.endswith("Plan: 0 to create, 1 to update, 0 unchanged, 1 of them blocked.\n")


def test_orphans_and_raw_values_are_marked() -> None:
    service = Service()
    state = service.apply(service.plan(manifest(agent("a"), agent("b"))), EMPTY)
    raw = resource("agent/a", {**agent("a").payload, "x": 1}, unchecked=("/x",))
    shown = render_plan(service.plan(manifest(raw), state), color=False)
    assert "      + x  (unchecked: set by `raw`): 1\n" in shown
    assert "  · agent/b (agent_2) is no longer in the specs; it is left alone.\n" in shown


def outcome() -> tuple[Any, ApplyOutcome]:
    _, made = edited()
    update, create = made.action("agent/a"), made.action("agent/new")
    assert update is not None
    assert create is not None
    conflict = ActionResult(
        action=update,
        status=Status.FAILED,
        record=None,
        error=Blocked("agent/a was changed.", hint="Run `agentflow plan`."),
        theirs=changes({"system": "a"}, {"system": "b"}),
    )
    skipped = ActionResult(action=create, status=Status.SKIPPED, record=None, skipped_for="agent/a")
    return made, ApplyOutcome(results=(conflict, skipped), state=EMPTY)


def test_a_conflict_shows_three_sides_and_the_count() -> None:
    _, result = outcome()
    shown = render_outcome(result, color=False)
    assert shown.startswith(
        "error: agent/a: agent/a was changed.\n"
        "  on the service, since the plan was made:\n"
        '      ~ system: "a" → "b"\n'
        "  in the spec:\n"
    )
    assert shown.endswith("Apply: 0 done, 1 failed, 1 skipped.\n")
    assert result.exit_code == 6
    with pytest.raises(Blocked):
        result.raise_failure()


def test_what_programs_read_has_the_promised_shape() -> None:
    made, result = outcome()
    jsonschema.validate(plan_json(made), json.loads(plan_schema()))
    jsonschema.validate(outcome_json(made, result), json.loads(apply_schema()))
    assert json.loads(render_plan_json(made)) == plan_json(made)
    assert json.loads(render_outcome_json(made, result)) == outcome_json(made, result)
    actions = {a["address"]: a for a in plan_json(made)["actions"]}
    assert actions["agent/a"]["action"] == "update"
    assert actions["agent/a"]["origin"] == "local"
    assert [c["path"] for c in actions["agent/a"]["changes"]] == ["/model/effort/type", "/system"]


def test_progress_is_one_line_each() -> None:
    service, made = edited()
    action = made.action("agent/a")
    assert action is not None
    done = ActionResult(
        action=action, status=Status.DONE, record=service.records["agent_1"], seconds=0.5
    )
    failed = ActionResult(action=action, status=Status.FAILED, record=None, error=Rejected("No."))
    skipped = ActionResult(
        action=action, status=Status.SKIPPED, record=None, skipped_for="environment/e"
    )
    assert [
        progress_line(progress)
        for progress in (
            Started(action=action),
            Waiting(action=action, seconds=2.0, reason="slow down"),
            Ended(result=done),
            Ended(result=failed),
            Ended(result=skipped),
        )
    ] == [
        "agent/a: updating",
        "agent/a: trying again in 2 s (slow down)",
        "agent/a: updated (agent_1, version 1) in 0.50 s",
        "agent/a: failed: No.",
        "agent/a: skipped, because environment/e was not applied",
    ]


lines = st.lists(st.sampled_from(["", "a b c", "a b d", "a x c", "something else"]), max_size=9)


@given(lines, lines)
def test_a_text_diff_holds_every_changed_line(old: list[str], new: list[str]) -> None:
    shown = text_diff("\n".join(old), "\n".join(new))
    gone = "\n".join(old).splitlines()
    came = "\n".join(new).splitlines()
    hidden = sum(int(d.pieces[0].text.split()[0]) for d in shown if d.mark == "…")
    before = ["".join(p.text for p in d.pieces if p.mark != "+") for d in shown if d.mark in " -~"]
    after = ["".join(p.text for p in d.pieces if p.mark != "-") for d in shown if d.mark in " +~"]
    assert len(before) + hidden == len(gone)
    assert len(after) + hidden == len(came)
    assert set(before) <= set(gone)
    assert set(after) <= set(came)
    assert bool({d.mark for d in shown} - {" ", "…"}) == (gone != came)


def test_long_unchanged_text_inside_a_line_is_left_out() -> None:
    long = "word " * 60
    (line,) = text_diff(f"{long}old end", f"{long}new end")
    assert sum(len(piece.text) for piece in line.pieces) < 120
