"""The filters of templates: the whole list, each with an example of what it does.

`docs/prompts.md` and `agentflow explain AF307` list them, and a test renders each example. Nothing
here loads jinja2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["FILTERS", "Example", "filter_table"]


class Example(NamedTuple):
    does: str
    template: str
    """An expression, without its braces."""
    result: str


FILTERS: Mapping[str, Example] = {
    "abs": Example("Without the sign.", "-3 | abs", "3"),
    "capitalize": Example("First letter large, the rest small.", "'emea' | capitalize", "Emea"),
    "count": Example("The same as `length`.", "[1, 2] | count", "2"),
    "d": Example("The same as `default`.", "nope | d('none')", "none"),
    "default": Example("Another value where one is missing.", "nope | default('none')", "none"),
    "dictsort": Example(
        "The pairs of a map, sorted.", "{'b': 1, 'a': 2} | dictsort", '[["a", 2], ["b", 1]]'
    ),
    "first": Example("The first item.", "[1, 2] | first", "1"),
    "float": Example("As a number with a fraction.", "'2.5' | float", "2.5"),
    "indent": Example(
        "Every line but the first moved in.", "'a\\nb' | indent(2) | tojson", '"a\\n  b"'
    ),
    "int": Example("As a whole number.", "'2' | int", "2"),
    "items": Example("The pairs of a map.", "{'a': 1} | items | list", '[["a", 1]]'),
    "join": Example("Items as one text.", "['a', 'b'] | join(', ')", "a, b"),
    "last": Example("The last item.", "[1, 2] | last", "2"),
    "length": Example("How many items or characters.", "'abc' | length", "3"),
    "list": Example("As a list.", "range(2) | list", "[0, 1]"),
    "lower": Example("In small letters.", "'EMEA' | lower", "emea"),
    "map": Example(
        "A filter on each item, or one attribute of each.", "['a', 'b'] | map('upper') | join", "AB"
    ),
    "max": Example("The largest item.", "[1, 3, 2] | max", "3"),
    "min": Example("The smallest item.", "[1, 3, 2] | min", "1"),
    "reject": Example("Items that fail a test.", "[1, 2] | reject('odd') | list", "[2]"),
    "rejectattr": Example(
        "Items whose attribute fails a test.", "[{'a': 1}, {'a': 0}] | rejectattr('a') | list", '[{"a": 0}]'
    ),
    "replace": Example("One text for another.", "'a-b' | replace('-', '/')", "a/b"),
    "reverse": Example("In the other direction.", "[1, 2] | reverse | list", "[2, 1]"),
    "round": Example("With so many decimals.", "2.345 | round(1)", "2.3"),
    "select": Example("Items that pass a test.", "[1, 2] | select('odd') | list", "[1]"),
    "selectattr": Example(
        "Items whose attribute passes a test.", "[{'a': 1}, {'a': 0}] | selectattr('a') | list", '[{"a": 1}]'
    ),
    "sort": Example("Sorted.", "[2, 1] | sort", "[1, 2]"),
    "string": Example("As text.", "2 | string", "2"),
    "sum": Example("The sum of numbers.", "[1, 2] | sum", "3"),
    "title": Example("Each word with a large letter.", "'no data' | title", "No Data"),
    "tojson": Example("As JSON.", "{'a': [1, none]} | tojson", '{"a": [1, null]}'),
    "trim": Example("Without blanks around it.", "' a ' | trim", "a"),
    "unique": Example("Each item once.", "[1, 1, 2] | unique | list", "[1, 2]"),
    "upper": Example("In large letters.", "'emea' | upper", "EMEA"),
    "wordcount": Example("How many words.", "'no data' | wordcount", "2"),
}  # fmt: skip


def filter_table() -> str:
    """The filters as a table in Markdown."""
    rows = ["| filter | gives | example | becomes |", "|---|---|---|---|"]
    for name, example in FILTERS.items():
        template, result = (text.replace("|", "\\|") for text in (example.template, example.result))
        rows.append(f"| `{name}` | {example.does} | `{{{{ {template} }}}}` | `{result}` |")
    return "\n".join(rows) + "\n"
