"""Known findings: the same after lines moved, counted, and said to be gone when they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.codes import CODES
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.baseline import (
    BaselineError,
    can_be_known,
    fingerprint,
    outdated,
    read_baseline,
    unknown,
    write_baseline,
)
from agentflow.lint.engine import KNOWN, scan
from agentflow.lint.rule import Context
from tests.lint.support import graph_of

SPEC = """\
apiVersion: agentflow/v1
kind: Agent
name: analyst
model: claude-opus-5-5
prompt: |
  It is TBD.
tools: { bash: ask, edit: ask }
---
kind: Environment
name: lab
packages: { apt: [jq, wget] }
network: { packages: true }
"""


def findings(text: str, name: str = "a.yaml") -> tuple[Diagnostic, ...]:
    return scan(Context(graph_of({name: text}), None))


def known(problems: tuple[Diagnostic, ...]) -> str:
    return write_baseline(problems)


def left(text: str, baseline: str) -> list[str]:
    return [p.code for p in unknown(findings(text), read_baseline("b.json", baseline))]


def test_what_is_known_is_not_reported_and_not_gone() -> None:
    found = findings(SPEC)
    baseline = read_baseline("b.json", known(found))
    assert len(found) >= 6
    assert unknown(found, baseline) == ()
    assert outdated(found, baseline) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: Agent", "# more\n\n# and more\nkind: Agent"),
        ("tools: { bash: ask, edit: ask }", "tools:\n  edit: ask\n  # why\n  bash: ask"),
        ("  It is TBD.", "  Work.\n\n  It is TBD."),
        ("[jq, wget]", "[curl=8.1, jq, wget]"),
        ("name: analyst\nmodel: claude-opus-5-5", "model: claude-opus-5-5\nname: analyst"),
    ],
)
def test_a_finding_stays_the_same_when_it_moves(old: str, new: str) -> None:
    assert old in SPEC
    assert left(SPEC.replace(old, new), known(findings(SPEC))) == []


def test_specs_may_change_places() -> None:
    agent, environment = SPEC.split("---\n")
    moved = f"apiVersion: agentflow/v1\n{environment}---\n{agent.partition(chr(10))[2]}"
    assert left(moved, known(findings(SPEC))) == []


def test_another_place_is_another_finding() -> None:
    baseline = known(findings(SPEC))
    assert left(SPEC.replace("edit: ask", "edit: ask, write: ask"), baseline).count("AF602") == 1
    renamed = left(SPEC.replace("name: analyst", "name: writer"), baseline)
    assert {"AF501", "AF602", "AF801"} <= set(renamed)


def test_of_one_more_than_are_known_one_is_reported() -> None:
    problem = KNOWN["AF706"].at(Span("a.yaml", 3, 1, 3, 4), "It is so.")
    baseline = read_baseline("b.json", known((problem, problem)))
    assert [entry.times for entry in baseline.entries] == [2]
    assert unknown([problem] * 3, baseline) == (problem,)
    assert unknown([problem] * 2, baseline) == ()
    assert outdated([problem] * 3, baseline) == ()
    [gone] = outdated([problem], baseline)
    assert "1 of 2 times" in gone.message


def test_what_is_gone_is_reported_where_the_baseline_has_it() -> None:
    text = known(findings(SPEC))
    problems = outdated(findings(SPEC.replace("bash: ask, ", "")), read_baseline("b.json", text))
    [problem] = [p for p in problems if "AF602" in p.message]
    assert problem.code == "AF094"
    assert "'agent/analyst tools.bash'" in problem.message
    assert problem.span is not None
    assert problem.span.file == "b.json"
    assert '"anchor": "agent/analyst tools.bash"' in text.splitlines()[problem.span.line - 1]


def test_numbers_in_a_message_may_change() -> None:
    span = Span("a.yaml", 1, 1, 1, 2)
    one, other = (KNOWN["AF706"].at(span, f"Line {n} of x.") for n in (7, 12))
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(KNOWN["AF706"].at(span, "Line 7 of y."))
    assert fingerprint(one) != fingerprint(KNOWN["AF705"].at(span, "Line 7 of x."))


def test_errors_of_the_compiler_and_of_the_linter_are_never_known() -> None:
    span = Span("a.yaml", 1, 1, 1, 2)
    error = next(code for code in CODES.values() if code.severity is Severity.ERROR).at(span, "x")
    own = KNOWN["AF091"].at(span, "x")
    assert not can_be_known(error)
    assert not can_be_known(own)
    text = known((error, own))
    assert json.loads(text)["findings"] == []
    assert unknown((error, own), read_baseline("b.json", text)) == (error, own)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a baseline"),
        ("{}", "is not a baseline"),
        ('{"format": 1, "findings": {}}', "is not a baseline"),
        ('{"format": 2, "findings": []}', "does not know"),
        ('{"format": 1, "findings": [7]}', "not a finding: 7"),
        ('{"format": 1, "findings": [{"code": "AF501"}]}', "not a finding"),
        (
            '{"format": 1, "findings": [{"code": "AF501", "anchor": "", "message": "", '
            '"fingerprint": "0", "count": 0}]}',
            "not a finding",
        ),
    ],
)
def test_what_is_no_baseline_is_said(text: str, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        read_baseline("b.json", text)
    assert "'b.json'" in str(caught.value)
    assert message in str(caught.value)


_PROBLEMS = st.lists(
    st.builds(
        lambda code, line, message: KNOWN[code].at(Span("a.yaml", line, 1, line, 2), message),
        st.sampled_from([code for code in KNOWN if code >= "AF5"]),
        st.integers(1, 9),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    ),
    max_size=8,
).map(tuple)


@given(_PROBLEMS, _PROBLEMS)
def test_a_baseline_takes_out_what_it_holds_and_nothing_else(
    old: tuple[Diagnostic, ...], new: tuple[Diagnostic, ...]
) -> None:
    baseline = read_baseline("b.json", known(old))
    assert unknown(old, baseline) == ()
    assert outdated(old, baseline) == ()
    assert len(unknown((*old, *new), baseline)) == len(new)
    assert known(old) == known(old[::-1]) or len(set(map(fingerprint, old))) < len(old)
