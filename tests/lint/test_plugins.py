"""What is admitted of plugins, and what is made of what their rules yield."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Diagnostic, Edit, Fix, Level, Span
from agentflow.lint.api import Context, Rule, Severity, rule
from agentflow.lint.engine import KNOWN, scan
from agentflow.lint.own import PLUGIN_FAILED, UNUSABLE_PLUGIN
from agentflow.lint.plugins import Offer, Plugin, Plugins, admit
from agentflow.lint.registry import RULES
from agentflow.lint.selection import Choice, Layer, is_fatal, matches, select
from agentflow.lint.testing import check_rule, findings
from tests.lint.support import PROJECT, codes_in, graph_of

AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"
Body = Callable[[Context], Any]


def made(
    body: Body | None = None,
    id: str = "ACME001",
    name: str = "no-owner",
    severity: Severity = Severity.WARNING,
    **more: Any,
) -> Rule:
    """A rule that reports each agent, unless `body` says otherwise."""

    def check(ctx: Context) -> Iterator[Diagnostic]:
        """An agent has no owner.

        Nobody would know whom to ask.

        Bad:
            apiVersion: agentflow/v1
            kind: Agent
            name: bad
            model: claude-opus-5-5
            prompt: Work.
        Good:
            apiVersion: agentflow/v1
            kind: Agent
            name: good
            model: claude-opus-5-5
            prompt: Work.
            metadata: { owner: me }
        """
        if body is not None:
            yield from body(ctx)
            return
        for agent in ctx.agents:
            if not agent.spec.metadata:
                yield ctx.problem(agent.span("name"), "Nobody owns it.", hint="Say who.")

    return rule(id, name, severity, **more)(check)


def project(*names: str) -> Bound[Any]:
    listed = ", ".join(names)
    return graph_of({"agentflow.yaml": f"{PROJECT}lint: {{ plugins: [{listed}] }}\n"}).project


def offered(*contents: object, distributions: Sequence[str] = ()) -> Any:
    """What is admitted if the n-th distribution offers the n-th content."""
    names = distributions or [f"d{number}" for number in range(len(contents))]
    offers = [
        Offer(number, name, "1.0", "rules", content)
        for number, (name, content) in enumerate(zip(names, contents, strict=True))
    ]
    return admit(offers, project(*names), KNOWN)


# What is admitted


def _module(**names: object) -> types.ModuleType:
    module = types.ModuleType("acme_rules")
    vars(module).update(names)
    return module


ONE, TWO = made(), made(id="ACME002", name="no-owner-again")


@pytest.mark.parametrize(
    "content", [ONE, [ONE], (ONE,), _module(RULES=(ONE,)), _module(RULES=[ONE]), _module(RULES=ONE)]
)
def test_a_rule_or_rules_or_a_module_with_rules(content: object) -> None:
    plugins, problems = offered(content)
    assert plugins == (Plugin("d0", "1.0", (ONE,)),)
    assert problems == ()


def _with_code(**changes: Any) -> Rule:
    return replace(ONE, code=replace(ONE.code, **changes))


REFUSED: list[tuple[object, str]] = [
    (_module(), "module acme_rules has no `RULES`"),
    (5, "it offers an int where a rule should be"),
    ("ACME001", "it offers a str where a rule should be"),
    ([], "it offers a list where a rule should be"),
    (None, "it offers a NoneType where a rule should be"),
    (made, "it offers a function where a rule should be"),
    (made(id="AF501"), "rule 'AF501' has a code of agentflow's own"),
    (made(id="AFX01"), "rule 'AFX01' has a code of agentflow's own"),
    (made(id="acme1"), "'acme1' is no code: two to eight capital letters and two to four digits"),
    (made(id="A001"), "'A001' is no code"),
    (made(id="ACME1"), "'ACME1' is no code"),
    (made(id="ACME00001"), "'ACME00001' is no code"),
    (made(id="ACME001\n"), "is no code"),
    (made(id="ACME٣٣"), "is no code"),
    (made(name="NoOwner"), "the name of ACME001, 'NoOwner', is not written in-lower-case"),
    (made(name="no-budget"), "agentflow calls its AF801 'no-budget', as this its ACME001"),
    (_with_code(id=7), "rule 7 was not made by `@rule`"),
    (_with_code(severity="warning"), "rule 'ACME001' was not made by `@rule`"),
    (
        replace(ONE, bad=None),  # type: ignore[arg-type]
        "rule 'ACME001' was not made by `@rule`",
    ),
]


@pytest.mark.parametrize(("content", "why"), REFUSED, ids=[why[:40] for _, why in REFUSED])
def test_what_is_no_rule_is_refused(content: object, why: str) -> None:
    plugins, [problem] = offered(content)
    assert plugins == (Plugin("d0", "1.0", ()),)
    assert problem.code == UNUSABLE_PLUGIN.id
    assert problem.message.startswith("Not all of d0 1.0 can be used: in entry point 'rules', ")
    assert why in problem.message
    assert str(problem.span) == "agentflow.yaml:4:19"
    assert "d0" in problem.hint


def test_the_others_of_a_plugin_are_used() -> None:
    [plugin], [problem] = offered([5, ONE])
    assert plugin.rules == (ONE,)
    assert "an int" in problem.message


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (made(name="else"), "d0 1.0 has a rule ACME001 too"),
        (made(id="ZED01"), "d0 1.0 calls its ACME001 'no-owner', as this its ZED01"),
    ],
)
def test_two_plugins_with_one_code_or_name(other: Rule, why: str) -> None:
    plugins, [problem] = offered(ONE, other)
    assert [plugin.rules for plugin in plugins] == [(ONE,), ()]
    assert "Not all of d1 1.0" in problem.message
    assert why in problem.message
    assert str(problem.span) == "agentflow.yaml:4:23"


def test_a_rule_that_is_offered_twice_is_one() -> None:
    plugins, problems = offered([ONE, TWO], ONE, distributions=["acme", "acme"])
    assert plugins == (Plugin("acme", "1.0", (ONE, TWO)),)
    assert problems == ()


def test_a_code_that_a_distribution_gives_twice_is_refused() -> None:
    plugins, [problem] = offered([ONE, made(name="else")])
    assert plugins[0].rules == (ONE,)
    assert "d0 1.0 has a rule ACME001 too" in problem.message


# What rules yield


def ran(*rules: Rule, files: Mapping[str, str] | None = None) -> tuple[Diagnostic, ...]:
    graph = graph_of(files or {"a.yaml": AGENT})
    plugins = Plugins((Plugin("acme-rules", "1.2", rules),))
    return scan(Context(graph, None), rules=(), plugins=plugins)


def test_findings_of_a_plugin_are_findings() -> None:
    [problem] = ran(ONE)
    assert (problem.code, problem.name, str(problem.span)) == ("ACME001", "no-owner", "a.yaml:3:7")
    assert problem.anchor == "agent/a name"


HERE = Span("a.yaml", 1, 1, 1, 2)


def _changed(**changes: Any) -> Body:
    return lambda ctx: [replace(ctx.problem(HERE, "So."), **changes)]


def _raises(error: BaseException) -> Body:
    def body(_: Context) -> Iterator[Diagnostic]:
        yield from ()
        raise error

    return body


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even this")


JUNK: list[tuple[Body, str]] = [
    (lambda _: 5, "failed with TypeError: 'int' object is not iterable"),
    (lambda _: [5], "yielded an int, which is no finding"),
    (lambda _: ["x"], "yielded a str, which is no finding"),
    (lambda _: [None], "yielded a NoneType, which is no finding"),
    (_raises(KeyError("gone")), "failed with KeyError: 'gone'"),
    (_raises(ValueError("two\nlines")), "failed with ValueError: two lines"),
    (_raises(ValueError("x" * 1000)), f"failed with ValueError: {'x' * 300}…"),
    (_raises(Unprintable()), "failed with Unprintable."),
    (_raises(SystemExit(3)), "failed with SystemExit: 3"),
    (_raises(RecursionError()), "failed with RecursionError"),
    (_changed(code="AF501"), "yielded a finding with the code 'AF501', which is not its own"),
    (_changed(code="ZED01"), "yielded a finding with the code 'ZED01', which is not its own"),
    (_changed(name="no-budget"), "which is not its own"),
    (_changed(about="AF501"), "which is not its own"),
    (_changed(message=5), "parts of the wrong type"),
    (_changed(message=None), "parts of the wrong type"),
    (_changed(hint=5), "parts of the wrong type"),
    (_changed(span="a.yaml"), "parts of the wrong type"),
    (_changed(span=Span("a.yaml", 0, 1, 1, 1)), "parts of the wrong type"),
    (_changed(span=Span("a.yaml", 2, 1, 1, 1)), "parts of the wrong type"),
    (_changed(span=Span(None, 1, 1, 1, 1)), "parts of the wrong type"),  # type: ignore[arg-type]
    (_changed(span=Span("a.yaml", 1.5, 1, 2, 1)), "parts of the wrong type"),  # type: ignore[arg-type]
    (_changed(severity="error"), "parts of the wrong type"),
    (_changed(level="strict"), "parts of the wrong type"),
    (_changed(related=((HERE,),)), "parts of the wrong type"),
    (_changed(related=((HERE, 5),)), "parts of the wrong type"),
    (_changed(related=None), "parts of the wrong type"),
    (_changed(hides=(1,)), "parts of the wrong type"),
    (_changed(fix="x"), "parts of the wrong type"),
    (_changed(fix=Fix("x", (5,), safe=True)), "parts of the wrong type"),  # type: ignore[arg-type]
    (_changed(fix=Fix("x", (Edit(HERE, 5),), safe=True)), "parts of the wrong type"),  # type: ignore[arg-type]
    (_changed(fix=Fix("x", (Edit(HERE, ""),), safe="no")), "parts of the wrong type"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("body", "what"), JUNK)
def test_a_rule_that_fails_is_a_finding_and_the_others_run(body: Body, what: str) -> None:
    found = ran(made(body), TWO)
    assert codes_in(found) == {PLUGIN_FAILED.id, "ACME002"}
    failed = found[0]
    assert failed.severity is Severity.ERROR
    assert failed.message.startswith("Rule ACME001 (no-owner) ")
    assert what in failed.message
    assert failed.message.endswith("This is a bug in acme-rules 1.2, not in agentflow.")
    assert failed.about == "ACME001"
    assert "ignore: [ACME001]" in (failed.hint or "")


@given(
    st.lists(
        st.none()
        | st.integers()
        | st.text(max_size=3)
        | st.builds(lambda n: Span("a", n, n, n, n), st.integers()),
        min_size=7,
        max_size=7,
    )
)
def test_whatever_a_finding_is_made_of_nothing_fails(parts: list[Any]) -> None:
    def body(ctx: Context) -> Any:
        names = ("message", "span", "hint", "related", "fix", "severity", "level")
        return [replace(ctx.problem(HERE, "So."), **dict(zip(names, parts, strict=True)))]

    assert codes_in(ran(made(body))) <= {PLUGIN_FAILED.id, "ACME001"}


def test_what_was_found_before_a_rule_fails_stays() -> None:
    found = ran(made(lambda ctx: [ctx.problem(HERE, "So."), 5]))
    assert codes_in(found) == {PLUGIN_FAILED.id, "ACME001"}


def test_a_finding_may_have_all_that_findings_have() -> None:
    whole: dict[str, Any] = {
        "hint": "Do so.",
        "related": ((HERE, "here"),),
        "hides": (HERE,),
        "fix": Fix("Write it", (Edit(HERE, "x"),), safe=True),
        "severity": Severity.ERROR,
        "level": Level.STRICT,
    }
    [problem] = ran(made(_changed(**whole)))
    assert {name: getattr(problem, name) for name in whole} == whole


# Choosing


def test_comments_suppress_findings_of_plugins() -> None:
    ignored = AGENT.replace("name: a", "name: a # agentflow: ignore[ACME001] nobody does")
    assert ran(ONE, files={"a.yaml": ignored}) == ()


def test_a_comment_about_a_rule_that_finds_nothing_is_unused() -> None:
    spec = f"{AGENT}metadata: {{ owner: me }} # agentflow: ignore[ACME001] nobody does\n"
    [problem] = ran(ONE, files={"a.yaml": spec})
    assert problem.code == "AF091"
    assert problem.about == "ACME001"


@pytest.mark.parametrize("complete", [True, False])
def test_codes_of_plugins_that_are_missing_are_not_called_unknown(complete: bool) -> None:
    spec = f"{AGENT}# agentflow: ignore[ACME002, AF999] as agreed\n"
    settings = f"{PROJECT}lint: {{ ignore: [ACME003, AF998] }}\n"
    graph = graph_of({"agentflow.yaml": settings, "a.yaml": spec})
    found = scan(Context(graph, None), rules=(), plugins=Plugins((), complete=complete))
    told = {word for word in ("ACME002", "ACME003", "AF998", "AF999") if word in str(found)}
    assert told == ({"AF998", "AF999"} | ({"ACME002", "ACME003"} if complete else set()))


@pytest.mark.parametrize(
    ("entry", "code", "expected"),
    [
        ("ACME001", "ACME001", True),
        ("ACME", "ACME001", True),
        ("ACME0", "ACME001", True),
        ("ACM", "ACME001", False),
        ("A", "ACME001", False),
        ("ACME0011", "ACME001", False),
        ("ABC", "ABC123", True),
        ("ABC1", "ABC123", True),
        ("AF10", "ABC123", False),
        ("A", "AF501", True),
    ],
)
def test_a_prefix_of_a_foreign_code_has_all_its_letters(
    entry: str, code: str, expected: bool
) -> None:
    assert matches(entry, code) is expected


@pytest.mark.parametrize("id", ["XY105", "ABC1234", "QQ01"])
def test_an_error_of_a_plugin_can_be_left_out(id: str) -> None:
    """The digits of AF105 and of XY105 are the same, and mean something else."""
    [problem] = ran(made(id=id, severity=Severity.ERROR))
    assert not is_fatal(problem)
    assert select([problem], Choice(layers=(Layer(ignore=(id,)),))) == ()


def test_the_family_of_a_foreign_code_is_its_letters() -> None:
    assert ONE.code.family == "ACME"


# The check for tests of plugins


def test_a_rule_that_keeps_to_its_examples() -> None:
    check_rule(ONE)


@pytest.mark.parametrize(
    ("tested", "why"),
    [
        (made(lambda _: []), "ACME001 does not report its Bad."),
        (made(lambda ctx: [ctx.problem(None, "So.", hint="x")]), "ACME001 does not say where: So."),
        (made(lambda ctx: [ctx.problem(HERE, "So.")]), "ACME001 does not say what to do: So."),
        (
            made(lambda ctx: [ctx.problem(HERE, "So.", hint="x")]),
            "ACME001 reports its Good:\na.yaml:1:1: ACME001 So.",
        ),
        (made(lambda _: [5]), "yielded an int, which is no finding"),
        (replace(ONE, bad="kind: Agent\nname: x\n"), "The project has errors:\nexample.yaml:1:1: "),
        (RULES[0], "cannot be used: rule 'AF501' has a code of agentflow's own"),
    ],
)
def test_a_rule_that_does_not(tested: Rule, why: str) -> None:
    with pytest.raises(AssertionError) as raised:
        check_rule(tested)
    assert why in str(raised.value)


def test_an_example_may_be_a_whole_project_and_refer_to_files() -> None:
    whole = (
        PROJECT
        + "---\n"
        + AGENT.replace("apiVersion: agentflow/v1\n", "").replace("Work.", "./p.md")
    )
    good = whole + "metadata: { owner: me }\n"
    check_rule(replace(ONE, bad=whole, good=good), files={"p.md": "Work.\n"})


def test_comments_count_in_projects_of_tests() -> None:
    ignored = AGENT.replace("name: a", "name: a # agentflow: ignore[ACME001, ACME009] nobody")
    assert findings(ONE, {"a.yaml": ignored}) == ()
    assert len(findings(ONE, {"a.yaml": AGENT})) == 1
