"""Prompts and tasks: what they render to, and every mistake at its place."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow import codes
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_check import Scope, Tokens
from agentflow.compiler.jinja_env import PromptEnvironment
from agentflow.compiler.jinja_filters import FILTERS
from agentflow.compiler.jinja_render import Compilation
from agentflow.compiler.template import (
    SECTIONS,
    Rendered,
    bind_task,
    render_prompt,
    render_task,
)
from agentflow.diagnostics import Checked
from agentflow.errors import UsageError
from agentflow.spec.reuse import ParamSpec
from tests.support.fragments import fragment, fragments
from tests.support.memory_files import MemoryFiles

VARS: dict[str, Any] = {
    "company": "Northwind",
    "n": 3,
    "list": [1, "b"],
    "items": "kept",
    "ok": True,
}
OUTPUTS_TEXT = "## Outputs\n\nDeliver."


def prompt(text: str, **files: str) -> Checked[Rendered | None]:
    named = {f"prompts/{name}.md": content for name, content in files.items()}
    return render_prompt(
        TemplateText(name="prompts/main.md", text=text, document=None, path=()),
        variables=VARS,
        inputs=["orders"],
        sections={**dict.fromkeys(SECTIONS, ""), "outputs_section": OUTPUTS_TEXT},
        files=MemoryFiles({"prompts/main.md": text, **named}),
    )


def rendered(text: str, **files: str) -> str:
    result = prompt(text, **files)
    assert result.problems == ()
    assert result.value is not None
    return result.value.text


def task(text: str, **files: str) -> Checked[str | None]:
    return bind_task(
        TemplateText(name="task.md", text=text, document=None, path=()),
        variables=VARS,
        inputs=["orders", "region"],
        files=MemoryFiles({f"{name}.md": content for name, content in files.items()}),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\n\n  indented\nend  \n\n", "  indented\nend"),
        ("for {{ vars.company }}", "for Northwind"),
        ("{{ vars['company'] }}", "Northwind"),
        ("{{ vars.items }}", "kept"),
        ("{{ vars.ok }} {{ none }}", "true null"),
        ("{% for x in vars.list %}\n- {{ x }}\n{% endfor %}\nend", "- 1\n- b\nend"),
        (
            "{% for x in range(3) %}{{ loop.index }}/{{ loop.length }} {% endfor %}.",
            "1/3 2/3 3/3 .",
        ),
        ("{% set a = 1 %}{{ a + vars.n }}", "4"),
        ("{% set a %}x{% endset %}{{ a ~ a }}", "xx"),
        ("{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "12"),
        ("{% raw %}{{ vars.x }}{% endraw %}", "{{ vars.x }}"),
        ("{# gone #}here", "here"),
        ("{{ vars.nope | default('d') }}", "d"),
        ("{% if vars.nope is defined %}a{% else %}b{% endif %}", "b"),
        ("{{ vars.list | join('-') }} {{ 'a\nb' | indent(2) }}", "1-b a\n  b"),
        ("{{ vars.list | tojson }}", '[1, "b"]'),
        ("{{ vars.company.upper() }}", "NORTHWIND"),
        ("{{ 'a' | replace('a', '<b>') }}", "<b>"),
        ("{% with x = 2 %}{{ x }}{% endwith %}", "2"),
    ],
)
def test_a_prompt_renders_to(text: str, expected: str) -> None:
    assert rendered(text) == expected


def test_includes_are_files_beside_the_template() -> None:
    assert rendered('a\n{% include "./b.md" %}\nd', b="b {{ vars.n }}\n") == "a\nb 3\nd"


def test_an_include_is_relative_to_the_file_it_stands_in() -> None:
    files = MemoryFiles(
        {
            "p/b.md": '{% include "../shared/c.md" %}',
            "shared/c.md": '{% include "./d.md" %}',
            "shared/d.md": "deep",
        }
    )
    result = render_prompt(
        TemplateText(name="p/a.md", text='{% include "./b.md" %}', document=None, path=()),
        variables={},
        inputs=[],
        sections=dict.fromkeys(SECTIONS, ""),
        files=files,
    )
    assert result == (Rendered("deep", frozenset()), ())


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "message"),
    [
        ("a\n{{ b c }}", "AF301", 2, 6, "got 'c'"),
        ("{% foo %}", "AF301", 1, 4, "unknown tag 'foo'"),
        ("x {{ a ! }}", "AF301", 1, 8, "unexpected char '!'"),
        ("{% if vars.n %}x", "AF301", 1, 4, "unexpected end of template"),
        ("x\n  {{ vars.compny }}", "AF302", 2, 11, "vars.compny"),
        ("{{ vars['nope'] }}", "AF302", 1, 9, "vars.nope"),
        ("{{ company }}", "AF302", 1, 4, "'company'"),
        ("{{ vars.list[7] }}", "AF302", 1, 1, "undefined"),
        ("ab {{ inputs.orders }}", "AF303", 1, 7, "when a run starts"),
        ('{% include "b.md" %}', "AF304", 1, 12, "not a path beside"),
        ("{% include vars.company %}", "AF304", 1, 4, "literal path"),
        ('{% include "./gone.md" %}', "AF001", 1, 12, "gone.md"),
        ("{% import './x.md' as x %}", "AF306", 1, 4, "'import'"),
        ("{% extends './x.md' %}", "AF306", 1, 4, "'extends'"),
        ("{% for x in vars.list recursive %}{% endfor %}", "AF306", 1, 23, "Recursive"),
        ("{% set vars = 1 %}", "AF306", 1, 8, "'vars'"),
        ("{{ ''.__class__ }}", "AF306", 1, 1, "__class__"),
        ("{{ vars.company.format() }}", "AF306", 1, 1, "format"),
        ("{{ 1 | uper }}", "AF307", 1, 8, "'uper'"),
        ("{% if 1 is evn %}{% endif %}", "AF307", 1, 12, "'evn'"),
        ("a\n{{ 1 + 'a' }}", "AF309", 2, 1, "TypeError"),
        ("{{ outputs_section }}\n{{ outputs_section }}", "AF310", 2, 4, "2 times"),
        ("{{ outputs_section | upper }}", "AF310", 1, 4, "changes"),
        ("{% if false %}x{% endif %}", "AF311", 1, 1, "empty"),
    ],
)
def test_a_mistake_is_placed(text: str, code: str, line: int, column: int, message: str) -> None:
    result = prompt(text)
    assert result.value is None
    found = [(p.code, p.span.line, p.span.column) for p in result.problems if p.span]
    assert (code, line, column) in found
    assert any(message in p.message for p in result.problems)
    assert all(p.hint or p.code == "AF001" for p in result.problems)


def test_every_undefined_name_is_reported_in_one_run() -> None:
    text = '{{ vars.a }} {{ b }} {{ vars.c }} {{ vars.a }}\n{% include "./part.md" %}'
    result = prompt(text, part="x {{ vars.d }}")
    places = {(p.span.file, p.span.line, p.span.column) for p in result.problems if p.span}
    assert places == {
        ("prompts/main.md", 1, 9),
        ("prompts/main.md", 1, 17),
        ("prompts/main.md", 1, 30),
        ("prompts/main.md", 1, 43),
        ("prompts/part.md", 1, 11),
    }


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ vars.compny }}", "Did you mean vars.company?"),
        ("{{ company }}", "Write vars.company."),
        ("{{ orders }}", "It is an input: move what depends on inputs to `task`."),
        ("{{ output_section }}", "Did you mean outputs_section?"),
        ("{{ 1 | uper }}", "Did you mean 'upper'?"),
        ('{% include "b.md" %}', "Write './b.md' for a file in the same directory."),
    ],
)
def test_the_hint_says_what_to_write(text: str, hint: str) -> None:
    assert hint in [p.hint for p in prompt(text).problems]


def test_a_circle_of_includes_names_its_chain() -> None:
    result = prompt(
        '{% include "./b.md" %}', b='{% include "./c.md" %}', c='{% include "./main.md" %}'
    )
    [problem] = result.problems
    assert problem.code == "AF305"
    assert "prompts/main.md → prompts/b.md → prompts/c.md → prompts/main.md" in problem.message
    assert problem.span is not None
    assert problem.span.file == "prompts/c.md"


def test_an_include_of_itself_is_a_circle() -> None:
    assert [p.code for p in prompt('{% include "./main.md" %}').problems] == ["AF305"]


def test_one_file_may_be_included_twice() -> None:
    assert rendered('{% include "./b.md" %}{% include "./b.md" %}', b="x") == "xx"


def test_includes_have_a_depth() -> None:
    files = {f"f{n}": f'{{% include "./f{n + 1}.md" %}}' for n in range(1, 20)}
    assert "AF308" in [p.code for p in prompt('{% include "./f1.md" %}', **files).problems]


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in range(10000000) %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% set a = 'x' * 1000 %}" + "{% set a = a ~ a %}" * 40,
        "{% set a = 'x' * 1000 %}" + "{% set a = a + a %}" * 40,
        "{% set a = 10 ** 6 %}" + "{% set a = a * a %}" * 40,
        "{% set a %}xxxxxxxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40,
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro a0() %}x{% endmacro %}"
        + "".join(
            f"{{% macro a{n}() %}}{{{{ a{n - 1}() }}}}{{{{ a{n - 1}() }}}}{{% endmacro %}}"
            for n in range(1, 40)
        )
        + "{{ a39() }}",
        "{{ 'aaaaaaaaaa' | replace('a', 'b' * 1000000) }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ range(1000) | join('x' * 100000) }}",
        "{{ 'x' * 100001 }}",
    ],
)
def test_no_template_takes_more_than_a_moment(text: str) -> None:
    assert [p.code for p in prompt(text).problems] == ["AF308"]


def test_exponential_includes_are_metered() -> None:
    files = {f"f{n}": f'{{% include "./f{n + 1}.md" %}}' * 12 for n in range(1, 9)}
    result = prompt('{% include "./f1.md" %}', **files, f9="x" * 100)
    assert [p.code for p in result.problems] == ["AF308"]


def test_what_python_cannot_compile_is_a_problem_and_not_a_crash() -> None:
    deep = "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"
    loops = "{% for x in vars.list %}" * 25 + "{% endfor %}" * 25
    assert [p.code for p in prompt(deep).problems] == ["AF301"]
    assert [p.code for p in prompt(loops).problems] == ["AF301"]


def test_a_section_that_is_placed_is_named() -> None:
    result = prompt("a\n{{ outputs_section }}\nb")
    assert result.value == Rendered(f"a\n{OUTPUTS_TEXT}\nb", frozenset({"outputs_section"}))


def test_a_section_in_a_branch_not_taken_is_not_placed() -> None:
    result = prompt("a{% if false %}{{ outputs_section }}{% endif %}")
    assert result.value == Rendered("a", frozenset())


def test_a_task_keeps_what_depends_on_inputs() -> None:
    bound = task(
        "{{ inputs.orders }} of {{ vars.company }}\n{% include './b.md' %}",
        b="{{ vars.n }}, {{ inputs.region }}\n",
    )
    assert bound.problems == ()
    assert bound.value == "{{ inputs.orders }} of Northwind\n3, {{ inputs.region }}"
    text = render_task(bound.value, {"orders": Path("/home/me/o.csv"), "region": "emea"})
    assert text == "/mnt/session/uploads/o.csv of Northwind\n3, emea"


def test_a_task_may_not_place_sections() -> None:
    [problem] = task("{{ outputs_section }}").problems
    assert problem.hint == "Policy sections are placed in the prompt, not in the task."


def test_a_task_that_fails_on_its_inputs_says_so() -> None:
    with pytest.raises(UsageError, match="cannot be rendered"):
        render_task("{{ inputs.n + 'a' }}", {"n": 1})


texts = st.text(alphabet=st.sampled_from("ab{}%#\"'\\\n$ é\U0001f600"), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "items"]), values, min_size=1))
def test_binding_a_task_changes_no_value(variables: dict[str, Any]) -> None:
    expressions = " | ".join(
        f"{{{{ vars.{name} }}}} {{{{ vars.{name} | tojson }}}}" for name in variables
    )
    source = TemplateText(name="t", text="x" + expressions + "x", document=None, path=())
    bound = bind_task(source, variables=variables, inputs=[], files=MemoryFiles({}))
    whole = render_prompt(
        source, variables=variables, inputs=[], sections={}, files=MemoryFiles({})
    )
    assert bound.value is not None
    assert whole.value is not None
    assert render_task(bound.value, {}) == whole.value.text


words = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "if",
    "endif",
    "endfor",
    "vars",
    ".",
    "company",
    "|",
    "upper",
]
words += ["(", ")", "[", "]", "'a'", "1", "+", "set", "=", "include", "'./b.md'", "-", "x"]
pieces = st.lists(st.sampled_from([*words, "for x in", "macro f()", "\n"]), max_size=14).map(
    " ".join
)


parts = st.lists(
    st.sampled_from(
        [
            "a", "{", "{ ", "}", "\n", "  ", "%", "#", "{# c #}", "{#- c -#}", "{{ vars.e }}", "{{- vars.n -}}",
            "{{ vars.p }}", "{{ inputs.r }}", "{{- inputs.r }}", "{% if inputs.r %}", "{%- if vars.n -%}", "{% else %}",
            "{% endif %}", "{%- endif +%}", "{% raw %}", "{% endraw %}", "{%- endraw -%}", "{% include './i.md' %}",
            "{%- include './j.md' -%}", "{{ vars }}", "{{ vars.p ~ inputs.r }}", "{% set x = vars.n %}", "{{ x }}",
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


INNER = (
    "  {% set x = params.a %}{{ x }}{\n{% if inputs.r %} {{ params.l | join }} { {% endif %}\n"
    "{% include './i.md' %} {{ fragment('g', b=params.a) }} {{ vars.n }}\n\n"
)
FRAGMENTS = fragments(
    fragment("f", INNER, a=ParamSpec(default="%}\n  #"), l=ParamSpec(type="list", default=["{", 2])),
    fragment("g", "{%- for c in [params.b, params.n] %}\n{{ c }}{\n{% endfor %}{{ params }}",
             b=ParamSpec(), n=ParamSpec(type="integer", default=-3)),
)  # fmt: skip


@settings(deadline=None)
@given(parts)
def test_binding_and_then_rendering_is_rendering(text: str) -> None:
    variables = {"e": "", "n": 3, "p": "%}\n  #"}
    inputs = {"r": "{{ r }}"}
    files = MemoryFiles(
        {"i.md": "  {% if vars.n %}\n i { {% endif %} {", "j.md": "{{ inputs.r }}\n"}
    )
    source = TemplateText(name="t.md", text=text, document=None, path=())
    bound = bind_task(source, variables=variables, inputs=inputs, files=files, fragments=FRAGMENTS)
    if bound.value is None:
        return
    scope = Scope(
        roots={"vars": variables, "inputs": inputs}, names=(), inputs=inputs, place="task"
    )
    compilation = Compilation(source, scope, fragments=FRAGMENTS, files=files)
    whole = compilation.render({"vars": variables, "inputs": inputs}, {})
    if whole.value is None:
        with pytest.raises(UsageError):
            render_task(bound.value, inputs)
    else:
        assert render_task(bound.value, inputs).strip() == whole.value.text.strip()


@settings(deadline=None)
@given(pieces)
def test_no_text_makes_a_template_raise(text: str) -> None:
    prompt(text, b="b {{ vars.n }}")
    bound = task(text, b="b {{ vars.n }}")
    if bound.value is not None:
        with suppress(UsageError):
            render_task(bound.value, {"orders": "o", "region": "r"})


def test_a_text_without_delimiters_never_loads_jinja2() -> None:
    code = (
        "import sys; from tests.support.projects import project, problems_of\n"
        "assert problems_of(project('task: Do it.\\nuncertainty: ask\\n')) == ()\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'jinja2', 'jsonschema', 'anthropic', 'rich', 'starlette', 'uvicorn', 'httpx2'}))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_page_of_the_code_lists_every_filter() -> None:
    listed = codes.CODES["AF307"].explanation.split(": ")[1].split(". ")[0]
    assert set(listed.split(", ")) == set(FILTERS) - {"d"}


def test_a_template_cannot_give_itself_more_work() -> None:
    refill = "{{ [-10**15] | map('_enter') | join }}"
    loops = "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"
    found = prompt(f"{refill}{loops}x")
    assert [p.code for p in found.problems] == [codes.TEMPLATE_FORBIDDEN.id]


@pytest.mark.parametrize("text", ["{{ 1" + " + 1" * 3000 + " }}", "{{ vars" + ".a" * 3000 + " }}"])
def test_a_chain_that_is_too_long_is_one_problem(text: str) -> None:
    assert [p.code for p in prompt(text).problems] == [codes.TEMPLATE_SYNTAX.id]


def test_looking_up_places_reads_no_token_twice() -> None:
    """Each name of a text is looked up once: a search through all tokens would be quadratic."""
    text = "{{ a }}\n" * 2000
    tokens = Tokens(PromptEnvironment(), text)
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    for line in range(1, 2001):
        found = tokens.find(line, Counted("a"))
        assert found is not None
        assert found.line == line
    assert compared < 20_000


DOUBLED = "{% set a = ['x'] %}" + "{% set a = [a, a] %}" * 40
MANY = "{% for i in range(10000) %}"


@pytest.mark.parametrize(
    "text",
    [
        DOUBLED + "{{ a }}",
        DOUBLED + "{{ a | tojson }}",
        "{% set a = ['x'] * 1000 %}{% set a = [a] * 1000 %}{% set a = [a] * 1000 %}{{ a | string }}",
        "{% set s = 'x y ' * 100000 %}" + MANY + "{% set n = s | wordcount %}{% endfor %}x",
        "{% set s = 'x y ' * 100000 %}" + MANY + "{% set n = s.split() %}{% endfor %}x",
        "{% set s = 'x y ' * 100000 %}" + MANY + "{% set n = 'xy' in s %}{% endfor %}x",
        MANY + "{% set n = range(10000) | list | sort %}{% endfor %}x",
    ],
)
def test_filters_methods_and_nested_lists_are_metered(text: str) -> None:
    assert [p.code for p in prompt(text).problems] == [codes.TEMPLATE_TOO_LARGE.id]


def test_a_lone_carriage_return_moves_no_place() -> None:
    [problem] = prompt("a\rb\r{{ 'x' }}\n  {{ nope }}").problems
    assert problem.code == "AF302"
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == (2, 6)
