"""What a hostile template can do: nothing but fail, soon and with one clear problem."""

from __future__ import annotations

from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow import codes
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_filters import FILTERS, filter_table
from agentflow.compiler.template import SECTIONS, Rendered, bind_task, render_prompt
from agentflow.diagnostics import Checked
from tests.support.memory_files import MemoryFiles

VARS = {"company": "Northwind", "big": Decimal("1E+300"), "list": [1, "b", Decimal("2.50"), True]}


def prompt(content: str, *, outputs: str = "") -> Checked[Rendered | None]:
    return render_prompt(
        TemplateText(name="main.md", text=content, document=None, path=()),
        variables=VARS,
        inputs=[],
        sections={**dict.fromkeys(SECTIONS, ""), "outputs_section": outputs},
        files=MemoryFiles({}),
    )


MANY_SPLITS = "".join(f"{{% set a{n} = s.split() %}}" for n in range(40))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{{ 1 | round(1000000000, 'ceil') }}", "AF308"),
        ("{{ 1 | round(-1000000000) }}", "AF308"),
        ("{{ [1] | map('round', -1000000000) | list }}", "AF308"),
        ("{{ vars.big * vars.big ** 64 }}", "AF308"),
        ("{{ ('f' * 400000) | int(0, 16) }}", "AF308"),
        ("{{ ('1' * 1000000) | int(0, 2) // 7 }}", "AF308"),
        ("{% set a = [1] * 1000 %}{{ ([a] * 1000) | sum(start=[]) }}", "AF309"),
        ("{% set s = 'x y ' * 100000 %}" + MANY_SPLITS + "x", "AF308"),
        ("{% set s = 'x' * 400000 %}" + "{% set a = s | list %}" * 10, "AF308"),
        ("{{ a }}" * 20_000, "AF308"),
        ("{{ 1 + " + "9" * 5_000 + " }}", "AF301"),
        ("{{ 'a' }}{{ 1 + " + "9" * 5_000 + " }", "AF301"),
        ("{{ '\\ud800' }}", "AF309"),
        ("{{ '\\ufdd0secret.desk\\ufdd1' }}", "AF309"),
        ("{{ '\\ufdd0' ~ 'secret.desk' ~ '\\ufdd1' }}", "AF309"),
        ("{{ '\\ufdd0ref.agent.' }}", "AF309"),
        ("{{ [" + "1," * 100_000 + "] }}", "AF308"),
        ("{% if " * 50_000, "AF308"),
        ("{{ 'a' | center(1000000000) }}", "AF307"),
        ("{{ 'a' | format(1) }}", "AF307"),
        ("{{ '' | attr('__class__') }}", "AF307"),
        ("{{ 'a'.center(1000000000) }}", "AF306"),
        ("{{ 'a'.ljust(1000000000) }}", "AF306"),
        ("{{ '{0.__class__}'.format(1) }}", "AF306"),
        ("{{ '%s' % 'x' }}", "AF306"),
        ("{% set x = 'a' %}{{ x.__class__ }}", "AF306"),
        ("{{ range.__globals__ }}", "AF306"),
        ("{{ ['a'] | map('_enter') | list }}", "AF306"),
        ("{{ ['a'] | map(attribute='__class__') | list }}", "AF302"),
        ("{% macro m() %}{% endmacro %}{{ m._environment }}", "AF306"),
        ("{% for i in [1] %}{{ loop._iterable }}{% endfor %}", "AF306"),
        ("{{ outputs_section._write }}", "AF306"),
        ("{{ outputs_section.text }}", "AF302"),
        ("{{ lipsum() }}", "AF302"),
        ("{{ namespace(a=1) }}", "AF302"),
        ("{{ self }}", "AF302"),
    ],
)
def test_a_hostile_template_is_one_problem_and_soon(content: str, code: str) -> None:
    started = process_time()
    assert {p.code for p in prompt(content, outputs="x").problems} == {code}
    # Of this process, so that others on the machine do not count; mostly it is a hundredth.
    assert process_time() - started < 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{{ vars.company.upper }}", "call it with ()"),
        ("{{ ['a'] | map('upper') }}", "add `| list` or `| join`"),
        ("{{ 'x' ~ ([1] | select) }}", "add `| list` or `| join`"),
        ("{{ [[1] | select] }}", "add `| list` or `| join`"),
        ("{{ range }}", "call it with ()"),
        ("{% macro m() %}{% endmacro %}{{ m }}", "call it with ()"),
        ("{% for i in [1] %}{{ loop }}{% endfor %}", "it has loop.index"),
        ("{{ ['a'] | sum }}", "sum adds numbers, not str"),
    ],
)
def test_what_has_no_text_is_not_written(content: str, message: str) -> None:
    [problem] = prompt(content).problems
    assert problem.code == codes.TEMPLATE_FAILED.id
    assert message in problem.message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{{ vars.list }}", '[1, "b", 2.5, true]'),
        ("{{ {'a': none}.items() }}", '[["a", null]]'),
        ("{{ range(3) }}", "[0, 1, 2]"),
        ("{{ vars.big }}", "1E+300"),
        ("{{ [1, 2.5] | sum }} {{ [{'n': 2}] | sum('n') }}", "3.5 2"),
    ],
)
def test_a_collection_is_written_as_json(content: str, expected: str) -> None:
    result = prompt(content)
    assert result.problems == ()
    assert result.value == Rendered(expected, frozenset())


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_does_what_its_example_says(name: str) -> None:
    example = FILTERS[name]
    assert f"| {name}" in example.template
    result = prompt(f"{{{{ {example.template.replace('nope', 'vars.nope')} }}}}")
    assert result.value == Rendered(example.result, frozenset()), result.problems


def test_the_table_of_filters_has_a_row_for_each() -> None:
    lines = filter_table().splitlines()
    assert len(lines) == 2 + len(FILTERS)
    assert all(line.replace("\\|", "").count("|") == 5 for line in lines)


SECTION = "## Outputs\n\nDeliver `a`."


@pytest.mark.parametrize(
    ("content", "times"),
    [
        (
            "{% for i in range(2) %}{{ outputs_section }}{% endfor %}",
            "places outputs_section 2 times",
        ),
        ("{% macro m() %}{{ outputs_section }}{% endmacro %}{{ m() }}{{ m() }}", "2 times"),
        ("{% set s %}{{ outputs_section }}{% endset %}{{ s }}{{ s }}", "2 times"),
        ("{{ outputs_section ~ outputs_section }}", "2 times"),
        ("{{ [outputs_section, outputs_section] | join }}", "2 times"),
        ("{% set s %}{{ outputs_section }}{% endset %}x", "drops"),
        ("{{ outputs_section | upper }}", "changes"),
        ("{{ outputs_section | lower }}", "changes"),
        ("{% filter indent %}{{ outputs_section }}{% endfilter %}", "changes"),
        ("{{ (outputs_section | string).split()[0] }}", "changes"),
        ("{{ outputs_section | string | length }}", "changes"),
    ],
)
def test_a_section_arrives_once_and_whole(content: str, times: str) -> None:
    [problem] = prompt(content, outputs=SECTION).problems
    assert problem.code == codes.TEMPLATE_SECTION.id
    assert times in problem.message


@pytest.mark.parametrize(
    ("content", "expected", "placed"),
    [
        ("x{% if false %}{{ outputs_section }}{% endif %}", "x", False),
        ("{% macro m() %}{{ outputs_section }}{% endmacro %}x", "x", False),
        ("{% if outputs_section %}yes{% endif %}", "yes", False),
        (f"{SECTION}\n{{{{ outputs_section }}}}", f"{SECTION}\n{SECTION}", True),
        ("{% set s = outputs_section %}{{ s }}", SECTION, True),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(outputs_section) }}", f"<{SECTION}>", True),
    ],
)
def test_what_is_written_counts_as_placed(content: str, expected: str, placed: bool) -> None:
    names = frozenset({"outputs_section"}) if placed else frozenset[str]()
    assert prompt(content, outputs=SECTION) == (Rendered(expected, names), ())


@settings(deadline=None)
@given(st.text(min_size=1), st.text(alphabet="ab \n#"))
def test_a_wording_arrives_whatever_it_says(wording: str, around: str) -> None:
    content = f"x{around}{{{{ outputs_section }}}}{around}x"
    result = prompt(content, outputs=wording)
    assert result.value is not None
    assert result.value.text == f"x{around}{wording}{around}x"


def test_a_task_has_the_limits_too() -> None:
    found = bind_task(
        TemplateText(name="t.md", text="{{ inputs.a }}" * 10_000, document=None, path=()),
        variables={},
        inputs=["a"],
        files=MemoryFiles({}),
    )
    assert [p.code for p in found.problems] == [codes.TEMPLATE_TOO_LARGE.id]


def test_the_mark_of_a_policy_is_no_way_to_place_it() -> None:
    """What stands for a wording while rendering, guessed: the wording is told where it belongs."""
    forged = "{{ '\\ue000outputs_section\\nPolicy\\ue001' }}"
    result = prompt(f"{{% if outputs_section %}}x{{% endif %}}{forged}", outputs="Deliver.")
    assert result.value is not None
    assert "Deliver." not in result.value.text
    assert result.value.placed == frozenset()
    [problem] = prompt(f"{{{{ outputs_section }}}}{forged}", outputs="Deliver.").problems
    assert problem.code == "AF310"
