"""The engine on any project: it never raises, its order is fixed, and a rule that fails is reported."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.codes import CODES
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Code, Diagnostic, Severity, Span
from agentflow.lint.engine import KNOWN, lint
from agentflow.lint.own import OWN_CODES, RULE_FAILED, UNUSED_SUPPRESSION
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Context, Rule, rule
from tests.lint.support import CODE, PROJECT, codes_in, graph_of, lint_files
from tests.support.memory_files import MemoryFiles

RICH = """\
apiVersion: agentflow/v1
kind: Agent
name: analyst
model: claude-opus-5.5
environment: lab
vars: { company: { default: Northwind } }
inputs: { orders: { type: file }, region: { default: emea } }
prompt: |
  You are read-only. Today is 2026-11-23, for {{ vars.company }}. TBD.
  Save it to /home/x/report.md. Ask the user. Use web_search.
  `pip install pandas` and fetch https://northwind.dev/x, token: Zk3vX9qLm2TnR8wYb5Hc7Jd1
task: Analyse {{ inputs.orders }}.
tools: { bash: ask, edit: allow, write: ask, web_fetch: allow }
custom: { pay: { run: "desk.tools:pay" } }
outputs: { report: { path: report.md } }
approvals: [{ tool: write, answer: allow }]
uncertainty: stop
budget: { turns: 60 }
---
kind: Environment
name: lab
packages: { apt: [jq] }
network: { packages: true }
---
kind: Environment
name: spare
network: { hosts: ["*.northwind.dev"] }
"""


def test_one_project_can_meet_most_rules_at_once() -> None:
    found = codes_in(lint_files({"a.yaml": RICH}))
    assert len(found) >= 17


def test_findings_come_in_the_order_of_files_and_lines() -> None:
    found = lint_files({"b.yaml": RICH.replace("analyst", "other"), "a.yaml": PROJECT_FREE})
    places = [(p.span.file, p.span.line, p.span.column, p.code) for p in found if p.span]
    assert places == sorted(places)
    assert {place[0] for place in places} == {"a.yaml", "b.yaml"}


PROJECT_FREE = (
    "apiVersion: agentflow/v1\nkind: Agent\nname: bare\nmodel: claude-opus-5-5\nprompt: x\n"
)


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(shuffle: random.Random) -> None:
    context = Context(graph_of({"a.yaml": RICH}), None)
    rules = list(RULES)
    shuffle.shuffle(rules)
    assert lint(context, rules=rules) == lint(context)


def test_suppressing_exactly_what_is_found_leaves_nothing() -> None:
    found = lint_files({"a.yaml": RICH})
    lines: list[str] = list(RICH.splitlines())
    by_line: dict[int, set[str]] = {}
    for problem in found:
        assert problem.span is not None
        inside = 9 <= problem.span.line <= 11
        by_line.setdefault(8 if inside else problem.span.line, set()).add(problem.code)
    for line, codes in by_line.items():
        lines[line - 1] += f" # agentflow: ignore[{', '.join(sorted(codes))}] as agreed"
    assert lint_files({"a.yaml": "\n".join(lines)}) == ()


@settings(deadline=None, max_examples=30)
@given(st.sets(st.sampled_from(RULES).map(lambda r: r.code.id)))
def test_what_is_ignored_is_gone_and_nothing_else(ignored: set[str]) -> None:
    context = Context(graph_of({"a.yaml": RICH}), None)
    everything = lint(context)
    assert lint(context, ignore=ignored) == tuple(p for p in everything if p.code not in ignored)


def test_prefixes_and_names_can_be_ignored() -> None:
    context = Context(graph_of({"a.yaml": RICH}), None)
    left = codes_in(lint(context, ignore=["AF5", "ask-unanswered"]))
    assert not any(code.startswith("AF5") for code in left)
    assert "AF602" not in left
    assert "AF603" in left


def test_the_project_can_ignore_codes() -> None:
    files = {"agentflow.yaml": PROJECT + "lint: { ignore: [AF5, AF801] }\n", "a.yaml": PROJECT_FREE}
    assert lint_files(files) == ()


def _failing(ctx: Context) -> Iterator[Diagnostic]:
    """It fails.

    Why not.

    Bad:
        a: 1
    Good:
        a: 2
    """
    yield ctx.problem(None, "Found before.")
    raise KeyError("gone")


FAILING = rule("AF999", "failing", Severity.WARNING)(_failing)


def test_a_rule_that_fails_is_a_finding_and_the_others_run() -> None:
    context = Context(graph_of({"a.yaml": PROJECT_FREE}), None)
    found = lint(context, rules=[FAILING, *RULES])
    [failed] = [p for p in found if p.code == RULE_FAILED.id]
    assert failed.severity is Severity.ERROR
    assert "AF999" in failed.message
    assert "KeyError" in failed.message
    assert [p for p in found if p.code not in (RULE_FAILED.id, "AF999")] == list(lint(context))


@pytest.mark.parametrize(
    "doc", ["", "Title only.", "Title.\n\nWhy.\n\nBad:\n    x: 1\n", "\n\nBad:\n  x\nGood:\n  y\n"]
)
def test_a_rule_without_documentation_cannot_be_made(doc: str) -> None:
    def check(ctx: Context) -> Iterator[Diagnostic]:
        yield from ()

    check.__doc__ = doc
    with pytest.raises(ValueError, match="AF998"):
        rule("AF998", "x", Severity.INFO)(check)


WARNING = Code("AF155", "output-collision", Severity.WARNING, "Two outputs have one name.")


def test_warnings_of_the_compiler_can_be_suppressed_too() -> None:
    spec = PROJECT_FREE + "description: x # agentflow: ignore[AF155]\n"
    context = Context(graph_of({"a.yaml": spec}), None)
    place = Span("a.yaml", 6, 14, 6, 15)
    warning = WARNING.at(place, "It is so.")
    error = warning.at_severity(Severity.ERROR)
    assert "AF155" not in codes_in(lint(context, found=[warning]))
    assert error in lint(context, found=[warning, error])
    assert error in lint(context, found=[error], ignore=["AF1"])
    assert UNUSED_SUPPRESSION.id not in codes_in(lint(context))


def test_no_code_is_used_twice() -> None:
    codes = [*CODES.values(), *OWN_CODES, *(r.code for r in RULES)]
    assert len({code.id for code in codes}) == len(codes) == len(KNOWN)
    assert len({code.name for code in codes}) == len(codes)


# Whatever is in a spec


_KEYS = st.sampled_from(
    "name model prompt task tools custom outputs budget uncertainty approvals vars inputs raw "  # noqa: SIM905
    "environment network packages kind done scratch bash usd path".split()
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.text(max_size=20)
    | st.sampled_from(
        ["allow", "ask", "off", "analyst", "lab", "{{ inputs.x }}", "{{", "`", "```\nx", "~~~",
         "{# agentflow: ignore[AF505] #}", "save to /x/y.z", "https://a.b/", "pip install", "open"]
    )
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)


def _yaml(value: Any) -> str:
    """JSON is YAML."""
    import json

    return json.dumps(value, ensure_ascii=True)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(_KEYS, _VALUES, max_size=5), st.booleans())
def test_linting_never_raises_and_never_fails(changes: dict[str, Any], comment: bool) -> None:
    base: dict[str, Any] = {
        "apiVersion": "agentflow/v1",
        "kind": "Agent",
        "name": "analyst",
        "model": "claude-opus-5-5",
        "prompt": "Analyse the orders.",
    }
    lines = [f"{key}: {_yaml(value)}" for key, value in {**base, **changes}.items()]
    if comment:
        lines.insert(2, "# agentflow: ignore[AF801]")
    files = MemoryFiles(
        {"agentflow.yaml": PROJECT, **CODE, "a.yaml": "\n".join(lines), "b.yaml": RICH}
    )
    built = build(files)
    assert built.value.graph is not None
    found = lint(Context(built.value.graph, built.value.compiled), found=built.problems)
    assert RULE_FAILED.id not in codes_in(found)
    errors = [p for p in built.problems if p.severity is Severity.ERROR]
    assert all(error in found for error in errors)


def _mutations(text: str) -> st.SearchStrategy[str]:
    """The text with a stretch removed, doubled or replaced."""
    cut = st.tuples(st.integers(0, len(text)), st.integers(0, 30), st.sampled_from(["", "x", "#", "'", "\n", "{{", "|"]))  # fmt: skip
    return cut.map(lambda c: text[: c[0]] + c[2] + text[c[0] + c[1] :])


@settings(deadline=None, max_examples=80)
@given(_mutations(RICH))
def test_linting_a_damaged_file_never_fails(text: str) -> None:
    built = build(MemoryFiles({"agentflow.yaml": PROJECT, **CODE, "a.yaml": text}))
    if built.value.graph is not None:
        found = lint(Context(built.value.graph, None), found=built.problems)
        assert RULE_FAILED.id not in codes_in(found)


@settings(deadline=None, max_examples=80)
@given(_mutations(RICH))
def test_a_comment_above_all_leaves_nothing(text: str) -> None:
    files = {"agentflow.yaml": PROJECT, **CODE, "a.yaml": text}
    graph = build(MemoryFiles(files)).value.graph
    assert graph is not None
    codes = codes_in(lint(Context(graph, None)))
    comment = f"# agentflow: ignore[{', '.join(sorted(codes))}]\n" if codes else ""
    again = build(MemoryFiles({**files, "a.yaml": comment + text})).value.graph
    assert again is not None
    assert lint(Context(again, None)) == ()


def test_linting_loads_nothing_heavy() -> None:
    script = f"""
import sys
from agentflow.compiler.pipeline import build
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from agentflow.output.human import render_human
from tests.support.memory_files import MemoryFiles
text = {PROJECT_FREE!r}
built = build(MemoryFiles({{"agentflow.yaml": {PROJECT!r}, "a.yaml": text}}))
found = lint(Context(built.value.graph, built.value.compiled), found=built.problems)
assert render_human(found, {{"a.yaml": text}}, color=True, summary="x")
heavy = {{"anthropic", "starlette", "uvicorn", "httpx", "httpx2", "rich", "jsonschema", "dbos", "jinja2",
         "sqlite3", "asyncio"}}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_rules_are_rules() -> None:
    assert all(isinstance(entry, Rule) for entry in RULES)
    assert all(entry.code.title.endswith(".") for entry in RULES)
