"""What the code promises about itself."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from agentflow.codes import CODES
from agentflow.lint.registry import RULES
from tests.support.bad_input import CASES, NOT_FROM_FILES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "agentflow"
TEMPLATES = PACKAGE / "operations" / "templates"
"""Projects of users: what is in there is no module."""
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.stem not in {"__init__", "__main__"} and TEMPLATES not in path.parents
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_for_and_what_it_offers(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{path.name} has no docstring"
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = importlib.import_module(name)
    offered = getattr(module, "__all__", None)
    assert offered is not None, f"{name} has no __all__"
    missing = [item for item in offered if not hasattr(module, item)]
    assert not missing, f"{name} offers {missing}, which it does not have"


def test_the_tree_of_errors_is_the_one_in_the_docstring() -> None:
    from agentflow import errors

    assert errors.__doc__ is not None
    told = dict(re.findall(r"^ +[│├└─ ]*(\w+) +(\d+)\b", errors.__doc__, re.M))
    made = {
        name: str(item.exit_code)
        for name, item in vars(errors).items()
        if isinstance(item, type) and issubclass(item, errors.AgentflowError)
    }
    assert told == made


def test_a_code_is_given_once() -> None:
    ids = [*CODES, *(rule.code.id for rule in RULES)]
    names = [code.name for code in CODES.values()] + [rule.code.name for rule in RULES]
    assert len(ids) == len(set(ids))
    assert len(names) == len(set(names))


def test_every_code_has_a_bad_input_or_a_reason_for_none() -> None:
    """What a project on disk can raise stands in the one table, with its message and its hint."""
    raised = {case.code for case in CASES}
    assert raised | set(NOT_FROM_FILES) == set(CODES)
    assert not raised & set(NOT_FROM_FILES)


SAY_IT_THEMSELVES = {"AF112", "AF114"}
"""Codes of values. Their sentence says what the value has to be, often with an example."""


def test_every_bad_input_is_told_what_to_do() -> None:
    silent = {case.id: case.code for case in CASES if not case.hint}
    assert set(silent.values()) <= SAY_IT_THEMSELVES, silent


SHOW_NOTHING = {
    "AF004": "a file of many bytes",
    "AF005": "bytes",
    "AF006": "permissions, or links",
    "AF011": "a tab, which a page does not show",
    "AF017": "hundreds of values",
    "AF018": "dozens of levels",
    "AF019": "characters that a page does not show",
    "AF022": "a file with nothing in it",
    "AF023": "a hundred problems",
    "AF107": "two files, of which one is removed",
    "AF108": "a file that is missing",
    "AF150": "a prompt of 100,000 characters",
    "AF222": "several files, and the text says which of them to change",
    "AF253": "any mistake in Python",
    "AF262": "packages that are installed or not",
    "AF305": "several files, and the message has the chain",
    "AF401": "the service",
    "AF402": "the service",
    "AF403": "the service",
    "AF404": "the service",
    "AF405": "a file that is made again by itself",
}
"""Codes that an example would not explain, and what they are about."""


def test_every_code_shows_what_is_right_or_has_a_reason_not_to() -> None:
    shown = {code.id for code in CODES.values() if "\nGood:\n    " in code.explanation}
    assert shown | set(SHOW_NOTHING) == set(CODES)
    assert not shown & set(SHOW_NOTHING)


def test_every_code_is_raised_somewhere_and_expected_by_a_test() -> None:
    """A code nobody can meet is dead; one that no test expects may as well be."""
    tests = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("*")
        if path.suffix in {".py", ".yaml", ".txt", ".json"}
    )
    unexpected = [code for code in CODES if code not in tests]
    assert not unexpected
