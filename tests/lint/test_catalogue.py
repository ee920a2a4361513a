"""The catalogue of codes as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentflow.compiler.dated import FACTS
from agentflow.lint.catalogue import FAMILIES, as_data, explain, index, nearest, pages
from agentflow.lint.engine import KNOWN
from agentflow.lint.pages import GENERATED
from agentflow.lint.registry import RULES


@pytest.mark.parametrize("id", sorted(KNOWN))
def test_every_code_has_a_page(id: str) -> None:
    page = explain(id)
    assert page is not None
    assert page.startswith(f"{id} {KNOWN[id].name} (")
    assert KNOWN[id].title in page
    assert KNOWN[id].explanation in page
    assert KNOWN[id].explanation, f"{id} has no explanation"
    assert explain(KNOWN[id].name) == page
    assert explain(f" {id.lower()} ") == page


def test_the_page_of_a_rule_shows_how_to_write_it() -> None:
    page = explain("AF602")
    assert page is not None
    assert "\nBad:\n\n    apiVersion: agentflow/v1\n" in page
    assert "\nGood:\n\n    apiVersion: agentflow/v1\n" in page
    assert "# agentflow: ignore[AF602]" in page
    assert "high confidence" in page


@pytest.mark.parametrize(
    ("word", "near"),
    [("AF6O2", "AF602"), ("no-done-criterion", "no-done-criteria"), ("NO_BUDGET", "no-budget")],
)
def test_an_unknown_word_has_a_nearest_one(word: str, near: str) -> None:
    assert explain(word) is None
    assert nearest(word) == near


def test_a_word_that_is_like_nothing_has_none() -> None:
    assert explain("") is None
    assert nearest("bananas and cream") is None


def test_the_index_names_every_code_once() -> None:
    lines = index().splitlines()
    starts = [line.split()[0] for line in lines if line.startswith("AF") and ":" not in line[:5]]
    assert starts == sorted(KNOWN, key=lambda id: int(id[2:]))


def test_every_code_belongs_to_a_family() -> None:
    assert {code.family for code in KNOWN.values()} <= set(FAMILIES)


def test_pages_and_index_are_generated() -> None:
    pages = {path: render() for path, render in GENERATED.items()}
    for rule in RULES:
        id, name, family = rule.code.id, rule.code.name, rule.code.family
        assert f"## {id} {name}\n" in pages[f"docs/rules/{family}.md"]
        assert f"({family}.md#{id.lower()}-{name})" in pages["docs/rules/README.md"]
    for text in pages.values():
        assert text.endswith("\n")
        assert not any(line != line.rstrip() for line in text.splitlines())


def test_the_catalogue_for_programs() -> None:
    data = json.loads(GENERATED["schemas/rules.json"]())
    assert [entry["code"] for entry in data["codes"]] == sorted(KNOWN)
    rules = {entry["code"] for entry in data["codes"] if entry["rule"]}
    assert rules == {rule.code.id for rule in RULES}


def test_a_family_lists_its_codes() -> None:
    page = explain("af6")
    assert page is not None
    assert page.startswith("AF6: Tools and permissions\nAF601")
    assert page in index()
    assert {line[:3] for line in page.splitlines()} == {"AF6"}


def test_a_family_of_four_digits_is_not_one_of_three() -> None:
    page, other = explain("AF10"), explain("AF1")
    assert page is not None
    assert other is not None
    assert "\nAF1001  " in page
    assert "AF101  " not in page
    assert "\nAF101  " in other
    assert "AF1001" not in other


# As data


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(GENERATED["schemas/catalogue.json"]())
    return schema


@pytest.mark.parametrize("word", [None, "AF5", "af10", "AF501", "no-budget"])
def test_the_data_fits_its_schema(word: str | None) -> None:
    data = as_data(word)
    assert data is not None
    assert list(Draft202012Validator(_schema()).iter_errors(json.loads(json.dumps(data)))) == []
    assert {entry["family"] for entry in data["codes"]} == set(data["families"])
    assert {id for entry in data["codes"] for id in entry["facts"]} == set(data["facts"])


def test_the_data_of_one_code_is_that_in_the_whole() -> None:
    whole, one, family = as_data(), as_data("retired-model"), as_data("AF8")
    assert whole is not None
    assert one is not None
    assert family is not None
    assert [entry["code"] for entry in one["codes"]] == ["AF804"]
    assert one["codes"][0] in family["codes"]
    assert [entry for entry in whole["codes"] if entry["family"] == "AF8"] == family["codes"]
    assert one["facts"]["retired-models"]["value"]["claude-2.0"]["instead"] == "claude-sonnet-5-5"


@pytest.mark.parametrize("word", ["AF999", "", "AF", "bananas"])
def test_what_is_no_code_has_no_data_and_no_pages(word: str) -> None:
    assert as_data(word) is None
    assert pages(word) is None


def test_all_pages_are_those_of_the_codes() -> None:
    whole = pages(None)
    assert whole is not None
    for id in KNOWN:
        page = explain(id)
        assert page is not None
        assert page in whole
    family = pages("AF8")
    assert family is not None
    assert family in whole
    assert pages("AF801") == explain("AF801")


def test_a_page_tells_what_it_rests_on() -> None:
    page = explain("AF704")
    assert page is not None
    assert "As of 2026-10-31: An environment with a list of hosts" in page
    assert "This is disputed: The documentation of August 2026" in page
    assert "[web-tools-follow-network](../service.md#web-tools-follow-network)" in (
        GENERATED["docs/rules/AF7.md"]()
    )


def test_every_fact_has_a_place_on_its_page() -> None:
    page = GENERATED["docs/service.md"]()
    for id, fact in FACTS.items():
        section = page.partition(f"\n## {id}\n")[2].partition("\n## ")[0]
        assert fact.claim in section
        assert fact.as_of in section
        assert fact.source in section
        assert fact.contrary in section
        for code in fact.codes:
            assert f"[{code}](rules/{KNOWN[code].family}.md#" in section
