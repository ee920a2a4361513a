"""Which findings are reported: levels, selectors, severities, paths, and what stays whatever is chosen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.codes import CODES
from agentflow.diagnostics import Code, Diagnostic, Level, Severity, Span
from agentflow.lint.engine import KNOWN, lint, project_choice, scan
from agentflow.lint.own import RULE_FAILED, UNUSED_SUPPRESSION
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Context
from agentflow.lint.selection import Choice, Layer, is_fatal, matches, matches_path, select
from tests.lint.support import PROJECT, codes_in, graph_of

AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: TBD x.\n"
STRICT = Code("AF599", "taste", Severity.WARNING, "A matter of taste.", level=Level.STRICT)


def found(code: str, file: str | None = "a.yaml") -> Diagnostic:
    known = {**KNOWN, STRICT.id: STRICT}[code]
    return known.at(None if file is None else Span(file, 1, 1, 1, 2), "It is so.")


def shown(choice: Choice, code: str, file: str | None = "a.yaml") -> bool:
    return select([found(code, file)], choice) != ()


@pytest.mark.parametrize(
    ("layer", "code", "is_shown"),
    [
        ({}, "AF501", True),
        ({"select": ("AF5",)}, "AF501", True),
        ({"select": ("AF5",)}, "AF602", False),
        ({"select": ("AF5",), "ignore": ("AF501",)}, "AF501", False),
        ({"select": ("AF5",), "ignore": ("AF501",)}, "AF502", True),
        ({"select": ("AF501",), "ignore": ("AF5",)}, "AF501", True),
        ({"select": ("AF50",), "ignore": ("AF5",)}, "AF501", True),
        ({"select": ("AF501",), "ignore": ("AF501",)}, "AF501", False),
        ({"select": ("AF6",), "extend_select": ("AF501",)}, "AF501", True),
        ({"ignore": ("AF1",)}, "AF1001", True),
        ({"ignore": ("AF10",)}, "AF1001", False),
        ({"severity": {"AF501": "off"}}, "AF501", False),
        ({"severity": {"AF5": "off", "AF501": "info"}}, "AF501", True),
        ({"severity": {"AF501": "error"}, "ignore": ("AF5",)}, "AF501", True),
        ({}, "AF599", False),
        ({"select": ("AF5",)}, "AF599", False),
        ({"select": ("AF599",)}, "AF599", True),
        ({"extend_select": ("AF5",)}, "AF599", True),
        ({"severity": {"AF599": "info"}}, "AF599", True),
        ({"severity": {"AF5": "info"}}, "AF599", False),
    ],
)
def test_the_most_specific_selector_counts(
    layer: dict[str, Any], code: str, is_shown: bool
) -> None:
    assert shown(Choice(layers=(Layer(**layer),)), code) is is_shown


@pytest.mark.parametrize(
    ("level", "is_shown"), [(None, False), (Level.REGULAR, False), (Level.STRICT, True), (Level.AUDITOR, True)]
)  # fmt: skip
def test_a_level_shows_its_own_and_those_before_it(level: Level | None, is_shown: bool) -> None:
    assert shown(Choice(level=level), "AF599") is is_shown
    assert shown(Choice(level=level), "AF501")


@pytest.mark.parametrize(
    ("project", "line", "code", "is_shown"),
    [
        ({"ignore": ("AF501",)}, {"select": ("AF5",)}, "AF501", False),
        ({"ignore": ("AF5",)}, {"select": ("AF501",)}, "AF501", True),
        ({"ignore": ("AF5",)}, {"extend_select": ("AF5",)}, "AF501", True),
        ({"select": ("AF501",)}, {"ignore": ("AF5",)}, "AF501", False),
        ({"select": ("AF6",)}, {"extend_select": ("AF501",)}, "AF501", True),
        ({"select": ("AF6",)}, {"select": ("AF5",)}, "AF602", False),
    ],
)
def test_the_command_line_counts_over_the_project(
    project: dict[str, Any], line: dict[str, Any], code: str, is_shown: bool
) -> None:
    both = Choice(layers=(Layer(**line),)).over(Choice(layers=(Layer(**project),)))
    assert shown(both, code) is is_shown


@pytest.mark.parametrize(
    ("glob", "file", "matching"),
    [
        ("agents/*", "agents/a.yaml", True),
        ("agents/*", "agents/deep/a.yaml", True),
        ("agents", "agents/a.yaml", True),
        ("agents/", "agents/a.yaml", True),
        ("./agents", "agents/a.yaml", True),
        ("agents", "agents-old/a.yaml", False),
        ("a.yaml", "a.yaml", True),
        ("*.md", "prompts/a.md", True),
        ("*.md", "prompts/a.yaml", False),
    ],
)
def test_globs(glob: str, file: str, matching: bool) -> None:
    assert matches_path(glob, file) is matching


def test_a_path_differs_from_the_rest() -> None:
    old = Layer(files="old", ignore=("AF5",), severity={"AF602": "info"})
    choice = Choice(layers=(Layer(severity={"AF6": "error"}), old))
    assert not shown(choice, "AF501", "old/a.yaml")
    assert shown(choice, "AF501", "new/a.yaml")
    assert shown(choice, "AF501", None)
    severities = [
        select([found("AF603", file)], choice)[0].severity for file in ("old/a.yaml", "new/a.yaml")
    ]
    assert severities == [Severity.ERROR, Severity.ERROR]
    assert select([found("AF602", "old/a.yaml")], choice)[0].severity is Severity.INFO


def test_what_is_said_of_a_comment_follows_the_code_it_is_about() -> None:
    unused = UNUSED_SUPPRESSION.at(Span("a.yaml", 1, 1, 1, 2), "x").on(KNOWN["AF501"])
    failed = RULE_FAILED.at(None, "x").on(STRICT)
    ignored = Choice(layers=(Layer(ignore=("AF501", "AF599")),))
    only = Choice(layers=(Layer(select=("AF501",)),))
    assert select([unused, failed], Choice()) == (unused,)
    assert select([unused, failed], ignored) == ()
    assert select([unused, failed], only) == (unused,)
    assert select([unused, failed], Choice(level=Level.STRICT)) == (unused, failed)
    own = Choice(layers=(Layer(ignore=("unused-suppression", "AF09")),), level=Level.STRICT)
    assert select([unused, failed], own) == ()


_CODES = st.sampled_from([code for code in KNOWN if code not in ("AF091", "AF093")])
_SELECTORS = st.lists(
    _CODES.flatmap(lambda code: st.integers(3, len(code)).map(lambda n: code[:n])), max_size=4
).map(tuple)
_LAYERS = st.builds(
    Layer,
    select=_SELECTORS,
    extend_select=_SELECTORS,
    ignore=_SELECTORS,
    severity=st.dictionaries(_CODES, st.sampled_from(["off", "info", "warning", "error"])),
    files=st.sampled_from([None, "a", "*.yaml"]),
)
_CHOICES = st.builds(
    Choice, layers=st.lists(_LAYERS, max_size=3).map(tuple), level=st.sampled_from([None, *Level])
)
_FOUND = st.lists(st.builds(found, _CODES, st.sampled_from(["a.yaml", "a/b.md", None])))


@given(_FOUND, _CHOICES)
def test_selecting_twice_is_selecting_once(problems: list[Diagnostic], choice: Choice) -> None:
    once = select(problems, choice)
    assert [p for p in once if not is_fatal(p)] == [
        p for p in select(once, choice) if not is_fatal(p)
    ]
    assert {(p.code, p.span) for p in once} <= {(p.code, p.span) for p in problems}


@given(_FOUND, _CHOICES)
def test_errors_of_the_compiler_stay_as_they_are(
    problems: list[Diagnostic], choice: Choice
) -> None:
    fatal = [p for p in problems if p.code in CODES and p.severity is Severity.ERROR]
    kept = [p for p in select(problems, choice) if p.code in CODES]
    assert [p for p in kept if p in fatal] == fatal


@given(_CODES, _CODES)
def test_a_prefix_is_of_one_family(one: str, other: str) -> None:
    assert matches(one, other) is (one == other)
    assert not (len(one) != len(other) and matches(one[:3], other) and one[:4] != "AF10")


# What a project writes


def _lint(text: str, **more: Any) -> set[str]:
    graph = graph_of({"agentflow.yaml": PROJECT + text, "old/a.yaml": AGENT})
    return codes_in(lint(Context(graph, None), **more))


def test_a_project_chooses() -> None:
    everything = _lint("")
    assert {"AF501", "AF505", "AF801"} <= everything
    assert _lint("lint: { select: [AF801, placeholder-in-prompt] }\n") == {"AF505", "AF801"}
    assert _lint("lint: { severity: { no-budget: off } }\n") == everything - {"AF801"}
    assert _lint("lint: { paths: { old: { ignore: [AF5] } } }\n") == {
        code for code in everything if not code.startswith("AF5")
    }
    assert _lint("lint: { paths: { new: { ignore: [AF5] } } }\n") == everything


def test_a_project_changes_severities() -> None:
    text = "lint: { severity: { AF5: error }, paths: { old: { severity: { AF501: info } } } }\n"
    graph = graph_of({"agentflow.yaml": PROJECT + text, "old/a.yaml": AGENT})
    severities = {p.code: p.severity for p in lint(Context(graph, None))}
    assert severities["AF501"] is Severity.INFO
    assert severities["AF505"] is Severity.ERROR


def test_a_project_has_a_level() -> None:
    commented = AGENT + "budget: { usd: 1 } # agentflow: ignore[AF801]\n"
    for level, is_there in (("regular", False), ("strict", True), ("auditor", True)):
        files = {"agentflow.yaml": f"{PROJECT}lint: {{ level: {level} }}\n", "a.yaml": commented}
        assert ("AF096" in codes_in(lint(Context(graph_of(files), None)))) is is_there


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("lint: { select: [AF5, AF777] }\n", "4:23"),
        ("lint: { extend_select: [AF777] }\n", "4:25"),
        ("lint: { severity: { AF777: off } }\n", "4:21"),
        ("lint: { paths: { old: { ignore: [AF777] } } }\n", "4:34"),
        ("lint: { paths: { old: { severity: { AF777: off } } } }\n", "4:37"),
    ],
)
def test_a_selector_that_fits_no_code_is_a_finding(text: str, place: str) -> None:
    graph = graph_of({"agentflow.yaml": PROJECT + text})
    [problem] = [p for p in scan(Context(graph, None)) if p.code == "AF092"]
    assert str(problem.span) == f"agentflow.yaml:{place}"
    assert "'AF777'" in problem.message


def test_a_rule_that_fails_is_not_heard_of_where_it_is_ignored() -> None:
    graph = graph_of({"a.yaml": AGENT, "agentflow.yaml": PROJECT + "lint: { ignore: [AF801] }\n"})
    failed = RULE_FAILED.at(None, "x").on(KNOWN["AF801"])
    assert select([failed], project_choice(graph)) == ()


def test_every_rule_has_a_level_that_fits_its_confidence() -> None:
    assert all(r.code.level is Level.AUDITOR for r in RULES if r.confidence == "low")
