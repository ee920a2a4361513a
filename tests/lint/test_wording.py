"""Words that do not say what is to be done, that say it twice, or that take it back."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.lint.rules import prohibitions, wording
from tests.lint.projects import found_in

BACKED = "Back every figure by a row of the orders, and name it."
WRAPPED = BACKED.replace("by a", "by a\n   ")
SECTION = (
    "tools: {{ write: allow }}\noutputs: {{ r: {{ path: r.md, description: it }} }}\n"
    "sections: {{ outputs: '{}' }}"
)
LOUD = "IMPORTANT: you MUST read. You MUST NEVER guess. ALWAYS sum. "

REPORTED = [
    ("AF511", "done: [The tone is professional.]"),
    ("AF511", "done: [All tables, charts etc. are there.]"),
    ("AF511", "done: [The report is well-written.]"),
    ("AF511", "done: [The summary is clear and concise.]"),
    ("AF511", "done: [The code follows best practices.]"),
    ("AF511", "done: [The plan makes sense.]"),
    ("AF511", "done: [The code is clean and correct.]"),
    ("AF511", "done: [Everything works.]"),
    ("AF513", "prompt: Always write tests first. Round to cents. Never write tests first."),
    ("AF513", "prompt: Answer in English.\ntask: Reply in German."),
    ("AF511", "done: [The chart looks right.]"),
    ("AF512", "done: [The customer has approved the draft.]"),
    ("AF512", "done: [Everyone on the team is really happy.]"),
    ("AF513", "prompt: Keep your answers short. Be as detailed as possible."),
    ("AF513", "prompt: Respond only with valid JSON. Reply in Markdown."),
    ("AF513", "prompt: Proceed without asking. Wait for my approval before you write."),
    ("AF513", "prompt: Be brief.\ntask: Explain in as much detail as\n  possible."),
    ("AF514", f"prompt: {'You must sum. ' * 51}"),
    ("AF515", f"prompt: '{LOUD * 2}'"),
    ("AF516", f"prompt: {BACKED} Round to cents. {BACKED}"),
    ("AF516", f"prompt: {BACKED}\ntask: Go on. {BACKED.upper()}"),
    (
        "AF516",
        f"prompt: |\n  - {WRAPPED}\n  - Round to cents.\n  - {BACKED}",
    ),
    ("AF517", SECTION.format("Try to write r.md.")),
    ("AF517", SECTION.format("What follows is recommended: write r.md.")),
    ("AF518", "prompt: You are a highly skilled, professional AI assistant. Be helpful!"),
    ("AF518", "prompt: Act as an expert"),
]
HARMLESS = [
    ("AF511", "done: [Each file that is complete has a checksum.]"),
    ("AF511", "done: ['The table is complete: it has a row for each region.']"),
    ("AF513", "prompt: Always write tests first. Never write tests in C."),
    ("AF513", "prompt: Do not always write tests first. Never write tests first."),
    ("AF513", "prompt: Answer in English. Reply in English."),
    ("AF513", "prompt: Always write tests first. The motto is `never write tests first`."),
    (
        "AF513",
        "prompt: Letters from Bonn are answered here. To those reply in German. Answer in English.",
    ),
    ("AF511", "done: [Every figure can be found in the orders.]"),
    ("AF511", "done: ['The word \"appropriate\" is in no sentence.']"),
    ("AF511", "done: [All goods are counted.]"),
    ("AF511", "done: [The sum of the ledger is proportional to the orders.]"),
    ("AF512", "done: [The user is named in the summary.]"),
    ("AF512", "done: [The customer has approved the draft.]\nuncertainty: ask"),
    (
        "AF512",
        "done: [The customer has approved it.]\n"
        "custom: { ask_desk: { run: 'desk.tools:pay', timeout: 9s } }",
    ),
    ("AF513", "prompt: Be concise. Say where a figure is from."),
    ("AF513", "prompt: Be concise in messages. Describe tables in as much detail as possible."),
    ("AF513", "prompt: Do not ask for confirmation."),
    ("AF513", "prompt: Be brief. Do not be as detailed as possible."),
    ("AF513", "prompt: Be brief. `Be as detailed as possible` is what others are told."),
    (
        "AF513",
        "prompt: |\n  Answer in English.\n\n  ```\n  Others are told this.\n  Reply in German.\n  ```\n",
    ),
    ("AF604", "prompt: Sum the orders. `Run the python script.` is what others are told."),
    ("AF514", f"prompt: {'You must sum. ' * 50}"),
    ("AF515", "prompt: 'NEVER guess. You MUST sum, and IMPORTANT is no word.'"),
    ("AF516", "prompt: Round to cents. Sum the rows. Round to cents. Sum the rows twice."),
    ("AF516", f"prompt: |\n  ```\n  {BACKED}\n  ```\n  {BACKED}"),
    ("AF516", f"prompt: |\n  | {BACKED} |\n  | {BACKED} |"),
    (
        "AF516",
        "prompt: |\n  The column {{ vars.a }} holds the sum of the orders.\n\n"
        "  The column {{ vars.b }} holds the sum of the orders.\n"
        "vars: { a: { default: x }, b: { default: y } }",
    ),
    ("AF517", SECTION.format("Write r.md.")),
    ("AF517", SECTION.format("Do not only try to write r.md: write it.")),
    ("AF517", "prompt: If possible, write less."),
    ("AF518", "prompt: You are a helpful assistant of the sales desk."),
    ("AF518", "prompt: You are an assistant. Sum the orders."),
]


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_words_that_do_not_help(code: str, text: str) -> None:
    assert len(found_in(text, code)) == 1


@pytest.mark.parametrize(("code", "text"), HARMLESS)
def test_words_that_do(code: str, text: str) -> None:
    assert found_in(text, code) == []


def test_the_same_words_outside_of_code_are_an_instruction() -> None:
    assert len(found_in("prompt: Answer in English. Reply in German.", "AF513")) == 1
    assert len(found_in("prompt: Sum the orders. Run the python script.", "AF604")) == 1


def test_a_fragment_that_the_task_of_a_deployment_holds_is_used() -> None:
    text = (
        "environment: other\n---\nkind: Fragment\nname: f\ntext: Be brief.\n"
        "---\nkind: Deployment\nname: d\nagent: a\ntask: {}\n"
    )
    assert found_in(text.format("'Go. {% include \"fragment/f\" %}'"), "AF509") == []
    assert len(found_in(text.format("Go."), "AF509")) == 1


def test_a_criterion_that_agents_share_is_reported_once() -> None:
    shared = (
        "extends: base\n---\nkind: Agent\nname: base\nabstract: true\nmodel: claude-opus-5-5\n"
        "prompt: Work.\ndone: [It is good.]\n---\nkind: Agent\nname: b\nextends: base\n"
    )
    assert len(found_in(shared, "AF511")) == 1


def test_a_fragment_that_two_texts_hold_repeats_nothing() -> None:
    text = (
        "prompt: 'Work. {% include \"fragment/f\" %}'\ntask: 'Go. {% include \"fragment/f\" %}'\n"
        f"---\nkind: Fragment\nname: f\ntext: {BACKED}\n"
    )
    assert found_in(text, "AF516") == []


PRECEDED: dict[
    str, tuple[str, list[Sequence[str]]]
] = {  # what is compiled only for texts that hold one word of each list
    "vague": (wording._VAGUE, [wording._VAGUE_MARKS]),
    "person": (wording._PERSON, [wording._PERSON_MARKS]),
    "read-only": (
        prohibitions._READ_ONLY.compiled.pattern,
        [prohibitions._READ_ONLY.marks, prohibitions._READ_ONLY.also],
    ),
}


@pytest.mark.parametrize("name", PRECEDED)
@settings(max_examples=30)
@given(data=st.data())
def test_what_a_pattern_finds_has_one_of_its_marks(name: str, data: st.DataObject) -> None:
    pattern, lists = PRECEDED[name]
    text = data.draw(st.from_regex(re.compile(pattern, re.ASCII)))
    for marks in lists:
        assert any(mark in text for mark in marks), text
