"""Fragments in prompts and tasks: what they become, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.fragments import (
    Fragments,
    check_defaults,
    fragment_name,
    misfit,
    template_parts,
    used_fragments,
)
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.template import (
    SECTIONS,
    Rendered,
    bind_task,
    check_fragment,
    check_template,
    render_prompt,
    render_task,
)
from agentflow.diagnostics import Checked
from agentflow.errors import UsageError
from agentflow.source.yaml import parse
from agentflow.spec.reuse import ParamSpec
from tests.support.fragments import fragment, fragments
from tests.support.memory_files import MemoryFiles

VARS = {"company": "Northwind", "level": "high", "n": 3}
RULES = fragment(
    "evidence-rules",
    "Be {{ params.strictness }} at {{ vars.company }}.\n",
    strictness=ParamSpec(enum=["low", "high"], default="low"),
)
ASKED = fragment("asked", "For {{ params.who }}.", who=ParamSpec())
ALL = fragments(
    RULES,
    ASKED,
    fragment("plain", "Plain.\n\n"),
    fragment("outer", 'Outer: {% include "fragment/plain" %}\n{{ fragment("asked", who="us") }}'),
    fragment(
        "typed",
        "{{ params.i + 1 }} {{ params.x }} {{ params.b }} {{ params.l | join('-') }}",
        i=ParamSpec(type="integer", default=1),
        x=ParamSpec(type="number", default=2),
        b=ParamSpec(type="boolean", default=True),
        l=ParamSpec(type="list", default=["a"]),
    ),
    fragment("filed", '{% include "./part.md" %}', p=ParamSpec(default="P")),
    fragment("runs", "Region {{ inputs.region }}."),
    fragment("placing", "Before\n{{ outputs_section }}\nafter"),
    fragment("broken", "a\n{{ params.nope }} {{ vars.compny }}"),
    fragment("unparsed", "a\n{% if %}"),
    fragment("one", '{% include "fragment/two" %}'),
    fragment("two", 'x {{ fragment("one") }}'),
    fragment("failing", "\n{{ 1 + vars.company }}"),
    fragment("iffy", "{% if params.p %}\nYes {{ params.p }}\n{% endif %}\n", p=ParamSpec(default="")),
    fragment("names", "{% set params_of = params %}{{ params_of }}", call=ParamSpec(default="c")),
    fragment("keywords", "{{ params.name }}{{ params.context }}{{ params.self }}",
             name=ParamSpec(), context=ParamSpec(), self=ParamSpec()),
)  # fmt: skip


def text(content: str, name: str = "main.md") -> TemplateText:
    return TemplateText(name=name, text=content, document=None, path=())


def prompt(content: str, known: Fragments = ALL, **files: str) -> Checked[Rendered | None]:
    return render_prompt(
        text(content),
        variables=VARS,
        inputs=["region"],
        sections={**dict.fromkeys(SECTIONS, ""), "outputs_section": "## Outputs"},
        files=MemoryFiles({f"fragments/{name}.md": each for name, each in files.items()}),
        fragments=known,
    )


def task(content: str) -> Checked[str | None]:
    return bind_task(
        text(content),
        variables=VARS,
        inputs=["region"],
        files=MemoryFiles({"fragments/part.md": "part {{ params.p }}"}),
        fragments=ALL,
    )


FORMS = [
    ('{% include "fragment/evidence-rules" %}', "Be low at Northwind."),
    ('a\n{% include "fragment/evidence-rules" %}\nb', "a\nBe low at Northwind.\nb"),
    ('a {% include "fragment/plain" %} b', "a Plain. b"),
    ('a\n  {%- include "fragment/plain" -%}\n b', "aPlain.b"),
    ('{{ fragment("evidence-rules") }}\nb', "Be low at Northwind.\nb"),
    ('{{ fragment("evidence-rules", strictness="high") }}', "Be high at Northwind."),
    ('{{ fragment("evidence-rules", strictness=vars.level) }}', "Be high at Northwind."),
    ('{{ fragment("evidence-rules",\n  strictness="high",\n) }}', "Be high at Northwind."),
    ('{% include "fragment/outer" %}', "Outer: Plain.\nFor us."),
    ('{{ fragment("typed") }}', "2 2 true a"),
    ('{{ fragment("typed", i=-2, x=0.5, b=false, l=["x", vars.n]) }}', "-1 0.5 false x-3"),
    ('{% set t %}{{ fragment("plain") }}{% endset %}{{ t | upper }}', "PLAIN."),
    ('{% for i in range(2) %}{{ fragment("asked", who=i | string) }}{% endfor %}', "For 0.For 1."),
    ('{% if vars.n == 4 %}{{ fragment("asked", who="x") }}{% else %}no{% endif %}', "no"),
    ('{{ fragment("iffy", p="x\\n") }}\nb', "Yes x\nb"),
    ('{{ fragment("iffy", p=["x"] | join) }}\nb', "Yes x\nb"),
    ('a\n{% include "fragment/iffy" %}\nb', "a\n\nb"),
    ('{{ fragment("names") }}', '{"call": "c"}'),
    ('{{ fragment("keywords", name="a", context="b", self="c") }}', "abc"),
]


@pytest.mark.parametrize(("content", "expected"), FORMS)
def test_a_fragment_in_a_prompt_becomes(content: str, expected: str) -> None:
    result = prompt(content)
    assert result.problems == ()
    assert result.value is not None
    assert result.value.text == expected


@pytest.mark.parametrize(("content", "expected"), FORMS)
def test_a_fragment_in_a_task_becomes_the_same(content: str, expected: str) -> None:
    result = task(content)
    assert result.problems == ()
    assert result.value is not None
    assert render_task(result.value, {}) == expected


def test_a_file_that_a_fragment_includes_sees_its_parameters() -> None:
    result = prompt('{{ fragment("filed", p="Q") }}', part="part {{ params.p }}\n")
    assert result == (Rendered("part Q", frozenset()), ())


def test_a_fragment_can_place_a_section() -> None:
    result = prompt('{% include "fragment/placing" %}')
    expected = Rendered("Before\n## Outputs\nafter", frozenset({"outputs_section"}))
    assert result == (expected, ())


def test_a_fragment_sees_nothing_of_the_text_around_it() -> None:
    known = fragments(fragment("f", "{{ local }}"))
    [problem] = prompt("{% set local = 1 %}{{ local }}{{ fragment('f') }}", known).problems
    assert (problem.code, problem.span and problem.span.file) == ("AF302", "fragments/f.md")


def test_what_a_fragment_sets_does_not_get_out() -> None:
    known = fragments(fragment("f", "{% set inner = 1 %}{{ inner }}"))
    [problem] = prompt("{{ fragment('f') }}{{ inner }}", known).problems
    assert (problem.code, problem.span and problem.span.file) == ("AF302", "main.md")


@pytest.mark.parametrize(
    ("content", "code", "place", "message", "hint"),
    [
        ('{% include "fragment/evidence-rule" %}', "AF201", (1, 12), "'evidence-rule'", "Did you mean 'evidence-rules'?"),
        ('x {{ fragment("zzz") }}', "AF201", (1, 15), "'zzz'", "Declare it: `kind: Fragment`"),
        ('{{ fragment("fragment/asked", who="x") }}', "AF201", (1, 13), "'fragment/asked'", "Did you mean 'asked'?"),
        ('{% include "plain" %}', "AF304", (1, 12), "not a path", "Write 'fragment/plain'"),
        ('{{ fragment("evidence-rules", strict="high") }}', "AF312", (1, 31), "no parameter 'strict'", "Did you mean 'strictness'?"),
        ('{{ fragment("plain", x=1) }}', "AF312", (1, 22), "no parameter 'x'", "It takes none."),
        ('{{ fragment("asked", zz=1, who="x") }}', "AF312", (1, 22), "no parameter 'zz'", "It takes who."),
        ('{% include "fragment/asked" %}', "AF312", (1, 12), "needs a value for its parameter 'who'", 'fragment("asked", who=…)'),
        ('{{ fragment("evidence-rules",\n strictness="hi") }}', "AF312", (2, 2), "is 'low' or 'high', not 'hi'", "fits"),
        ('{{ fragment("typed", i="1") }}', "AF312", (1, 22), "is a whole number, not '1'", "fits"),
        ('{{ fragment("typed", i=true) }}', "AF312", (1, 22), "is a whole number, not true", "fits"),
        ('{{ fragment("typed", b=0) }}', "AF312", (1, 22), "is true or false, not 0", "fits"),
        ('{{ fragment("typed", l=[[1]]) }}', "AF312", (1, 22), "holds a list or a mapping", "fits"),
        ('{{ fragment("asked", who=none) }}', "AF312", (1, 22), "is text, not null", "fits"),
        ('{{ fragment("asked", who=vars.n) }}', "AF312", None, "is text, not 3", "fits"),
        ('{{ fragment("evidence-rules", strictness=vars.company) }}', "AF312", None, "not 'Northwind'", "fits"),
        ('{{ fragment(vars.company) }}', "AF313", (1, 4), "one literal text", 'fragment("name"'),
        ('{{ fragment() }}', "AF313", (1, 4), "one literal text", 'fragment("name"'),
        ('{{ fragment("asked", "x") }}', "AF313", (1, 4), "one literal text", 'fragment("name"'),
        ('{{ fragment("asked", **vars) }}', "AF313", (1, 4), "one literal text", 'fragment("name"'),
        ('{{ fragment("as" "ked") }}', "AF313", (1, 4), "one literal text", 'fragment("name"'),
        ('{% include "fragment/" "plain" %}', "AF313", (1, 1), "one literal text", 'fragment("name"'),
        ('{{ fragment("plain") | upper }}', "AF313", (1, 13), "stands alone", "without filters"),
        ('{% set x = fragment("plain") %}{{ x }}', "AF313", (1, 21), "stands alone", "without filters"),
        ('{% if fragment("plain") %}x{% endif %}', "AF313", (1, 16), "stands alone", "without filters"),
        ("{{ fragment }}", "AF302", (1, 4), "'fragment'", "Call it with the name"),
        ("{{ params.x }}", "AF302", (1, 4), "'params'", "inside a fragment only"),
        ("{% set params = 1 %}", "AF306", (1, 8), "'params'", "another name"),
        ("{% set fragment = 1 %}", "AF306", (1, 8), "'fragment'", "another name"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", [prompt, task])
def test_a_wrong_use_is_placed(
    where: Any, content: str, code: str, place: tuple[int, int] | None, message: str, hint: str
) -> None:
    result = where(content)
    assert result.value is None
    [problem] = result.problems
    assert problem.code == code
    assert problem.span is not None
    assert place is None or (problem.span.line, problem.span.column) == place
    assert message in problem.message
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    ("name", "place", "code", "message"),
    [
        ("broken", (2, 11), "AF302", "The fragment 'broken' uses params.nope"),
        ("broken", (2, 27), "AF302", "The fragment 'broken' uses vars.compny"),
        ("unparsed", (2, 1), "AF301", "cannot be parsed"),
        ("failing", (2, 1), "AF309", "TypeError"),
        ("runs", (1, 11), "AF303", "The fragment 'runs' uses inputs"),
    ],
)
def test_a_mistake_in_a_fragment_is_placed_there(
    name: str, place: tuple[int, int], code: str, message: str
) -> None:
    result = prompt(f'one\n{{% include "fragment/{name}" %}}')
    found = {(p.code, p.span.line, p.span.column): p for p in result.problems if p.span}
    problem = found[(code, *place)]
    assert problem.span is not None
    assert problem.span.file == f"fragments/{name}.md"
    assert message in problem.message
    [(span, caption)] = problem.related
    assert (span.file, span.line, caption) == ("main.md", 2, "included from here")


def test_the_way_to_a_mistake_is_named_link_by_link() -> None:
    [problem] = prompt('{% include "fragment/filed" %}', part="{{ params.q }}").problems
    assert problem.span is not None
    assert (problem.span.file, problem.hint) == (
        "fragments/part.md",
        "Declare it in the fragment's `params`.",
    )
    assert [span.file for span, _ in problem.related] == ["fragments/filed.md", "main.md"]


def test_a_circle_of_fragments_names_its_chain() -> None:
    [problem] = prompt('{% include "fragment/one" %}').problems
    assert problem.code == "AF305"
    assert "fragment/one → fragment/two → fragment/one" in problem.message


def test_a_circle_through_a_file_is_found() -> None:
    known = fragments(fragment("f", '{% include "./part.md" %}'))
    files = {"part": '{% include "fragment/f" %}'}
    [problem] = prompt('{% include "fragment/f" %}', known, **files).problems
    assert "fragment/f → fragments/part.md → fragment/f" in problem.message


def test_fragments_are_metered() -> None:
    each = [fragment(f"f{n}", f'{{% include "fragment/f{n + 1}" %}}' * 12) for n in range(1, 9)]
    known = fragments(*each, fragment("f9", "x" * 100))
    assert [p.code for p in prompt('{% include "fragment/f1" %}', known).problems] == ["AF308"]


def test_fragments_have_a_depth() -> None:
    each = [fragment(f"f{n}", f'{{% include "fragment/f{n + 1}" %}}') for n in range(1, 20)]
    found = prompt('{% include "fragment/f1" %}', fragments(*each, fragment("f20", "x"))).problems
    assert "AF308" in [p.code for p in found]


def test_a_task_gives_values_of_the_run_to_a_fragment() -> None:
    content = 'Do: {{ fragment("evidence-rules", strictness=inputs.region) }}\nend'
    bound = task(content)
    assert bound.value == (
        'Do: {% with params = {"strictness": (inputs.region) | parameter("strictness", "string", '
        '["low", "high"])} %}Be {{ params.strictness }} at Northwind.{% endwith %}\nend'
    )
    assert render_task(bound.value, {"region": "high"}) == "Do: Be high at Northwind.\nend"
    with pytest.raises(UsageError, match="'strictness' is 'low' or 'high', not 'emea'"):
        render_task(bound.value, {"region": "emea"})


def test_a_fragment_of_a_task_may_use_its_inputs() -> None:
    bound = task('{% include "fragment/runs" %}')
    assert bound.value == "Region {{ inputs.region }}."
    assert render_task(bound.value, {"region": Path("/x/o.csv")}).endswith("uploads/o.csv.")


def test_names_of_included_files_do_not_meet() -> None:
    bound = bind_task(
        text("{% include './a.md' %}{% set x = inputs.region %}{{ x }}"),
        variables={},
        inputs=["region"],
        files=MemoryFiles({"a.md": "{% set x = 1 %}{{ x }} "}),
    )
    assert bound.value is not None
    assert render_task(bound.value, {"region": "r"}) == "1 r"


def test_a_template_that_cannot_be_rendered_is_checked_with_its_fragments() -> None:
    found = check_template(
        text('{{ fragment("asked") }}{{ fragment("broken") }}'),
        place="prompt",
        variables=VARS,
        inputs=[],
        files=MemoryFiles({}),
        fragments=ALL,
    )
    assert sorted(p.code for p in found) == ["AF302", "AF302", "AF312"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("evidence-rules", []), ("broken", ["AF302"]), ("unparsed", ["AF301"]), ("runs", []),
     ("placing", []), ("one", ["AF305"]), ("plain", [])],
)  # fmt: skip
def test_a_fragment_that_nobody_uses_is_checked(name: str, expected: list[str]) -> None:
    found = check_fragment(ALL[name], fragments=ALL, files=MemoryFiles({}))
    assert [p.code for p in found] == expected


def test_a_default_fits_its_parameter() -> None:
    [document] = parse("f.yaml", "kind: Fragment\nparams:\n  a: { default: 1 }\n").value
    wrong = fragment("f", "x", a=ParamSpec(default=1))
    [problem] = check_defaults(wrong, document)
    assert (problem.code, str(problem.span)) == ("AF312", "f.yaml:3:17")
    assert "it is text, not 1" in problem.message


def test_the_parts_of_a_text_come_in_reading_order() -> None:
    files = MemoryFiles(
        {"a.md": '{% include "fragment/outer" %}', "b.md": "{%- include './a.md' %}"}
    )
    content = "{% include './b.md' %} {{ fragment('filed') }} {{ fragment('zzz') }} {% include './no.md' %}"
    parts = template_parts(text(content), fragments=ALL, files=files)
    assert [part.text.name for part in parts] == [
        "main.md", "b.md", "a.md", "fragments/outer.md", "fragments/plain.md", "fragments/asked.md",
        "fragments/filed.md",
    ]  # fmt: skip
    assert used_fragments([text(content)], fragments=ALL, files=files) == {
        "outer", "plain", "asked", "filed",
    }  # fmt: skip


def test_parts_of_a_circle_come_once() -> None:
    parts = template_parts(text("fragment/one"), fragments=ALL, files=MemoryFiles({}))
    assert [part.fragment for part in parts] == [None, "one", "two"]


@given(st.text(alphabet="fragment/-{}%\"'() incude.\n", max_size=60))
def test_no_text_makes_the_search_for_parts_raise(content: str) -> None:
    parts = template_parts(text(content), fragments=ALL, files=MemoryFiles({}))
    assert parts[0].text.text == content
    assert fragment_name(content) is None or content.strip().startswith("fragment/")


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
types = st.sampled_from(["string", "integer", "number", "boolean", "list"])


@given(types, scalars | st.lists(scalars) | st.dictionaries(st.text(), scalars))
def test_what_fits_a_type_is_what_json_schema_says(type_: Any, value: Any) -> None:
    fits = {
        "string": isinstance(value, str),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "list": isinstance(value, list) and None not in value,
    }[type_]
    assert (misfit(ParamSpec(type=type_), value) is None) == fits
